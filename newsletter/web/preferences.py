"""Behind the preferences link: what a reader gets, when, and what we call them."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from starlette.responses import Response

from newsletter.audience.addresses import AddressRefused
from newsletter.audience.consent import Said
from newsletter.catalogues import languages
from newsletter.press import choices, erasure, moving
from newsletter.press.choices import BadDay
from newsletter.press.held import ask_held
from newsletter.web.leave import pause
from newsletter.web.routing import Pages
from newsletter.web.visit import Visit

pages = Pages()

_SOURCE = "preferences"


@cache
def zones() -> tuple[str, ...]:
    """The zones to choose from: those that are named after a place."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


@pages.reader("GET", "preferences")
def ask(visit: Visit) -> Response:
    return _show(visit)


@pages.reader("POST", "preferences")
def act(visit: Visit) -> Response:
    words, problem = visit.words, ""
    match action := visit.form.get("action"):
        case "choose":
            choices.choose(
                visit.site,
                visit.number,
                visit.form.all("briefing"),
                visit.form.below("often."),
                to_leave=words.pattern("leave.button"),
                to_have=words.pattern("return.button"),
                every=words("often.every"),
                source=_SOURCE,
            )
        case "leave-all":
            choices.leave(visit.site, visit.number, "", Said(words("all.button"), _SOURCE))
        case "pause":
            try:
                pause(visit, _SOURCE)
            except BadDay:
                problem = "until"
        case "resume":
            choices.resume(visit.site, visit.number, Said(words("resume.button"), _SOURCE))
        case "describe":
            try:
                choices.describe(
                    visit.site,
                    visit.number,
                    **{field: visit.form.get(field) for field in ("first_name", "last_name", "language", "timezone")},
                    answers=visit.form.below("answer."),
                )
            except ValueError:
                problem = "you"
            else:
                del visit.words  # the answer comes in the language that was chosen
        case "move":
            try:
                moving.ask_move(visit.site, visit.number, visit.form.get("email"), words.language)
            except AddressRefused:
                problem = "email"
        case "held":
            ask_held(visit.site, visit.number, visit.token.briefing, words.language)
        case "erase":
            erasure.ask_erasure(visit.site, visit.number, words.language)
        case _:
            action = ""
    return _show(visit, "" if problem else action, problem)


def _show(visit: Visit, done: str = "", problem: str = "") -> Response:
    reader = visit.reader
    known = {code: words.name for code, words in languages().items()}
    return visit.page(
        "visit-preferences.html",
        422 if problem else 200,
        reader=reader,
        days=choices.last_days(visit.site, reader),
        # What they have stands among what they can choose, be it ever so rare.
        languages={**({reader.language: reader.language} if reader.language else {}), **known},
        zones=zones() if reader.timezone in ("", *zones()) else (reader.timezone, *zones()),
        done=done,
        problem=problem,
        email=visit.form.get("email")[:320] if problem == "email" else "",
    )
