"""The Board tab: the slots of an edition, and what an editor decides about them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.errors import NewsletterError, NotFound, Refused
from newsletter.press import Decided, Editor
from newsletter.web.ask import Ask
from newsletter.web.guard import status_of
from newsletter.web.routing import EDITION, Pages

pages = Pages()
pages.tab("Board", "board", order=10)

BOARD = f"{EDITION}/board"
_WORDS = ("headline", "dek", "bullets")
_LINES = ("subject", "preheader")


@pages.get(BOARD, Role.VIEWER)
def board(ask: Ask) -> Response:
    return _board(ask)


def _board(ask: Ask, status: int = 200, said: str = "", problem: str = "") -> Response:
    return ask.edition_page(
        "board.html",
        "board",
        status,
        board=press.board(ask.site, ask.key),
        may=ask.me.role.covers(Role.EDITOR),
        said=said,
        problem=problem,
    )


def _editor(ask: Ask) -> Editor:
    """Who decides, and what they looked at. Raises `Refused` for a form that does not say it."""
    seen = ask.form.get("version")
    if not seen.isascii() or not seen.isdigit() or len(seen) > 9:
        raise Refused("this form does not say which state of the edition you looked at: open the board and use its own")
    return Editor(ask.me.name, int(seen))


def _deed(ask: Ask, work: Callable[[Editor], Decided], said: str, at: str = "") -> Response:
    """Does something to the edition, and shows the board: ``said`` on it, or why it was not done."""
    try:
        done = work(_editor(ask))
    except (Refused, NotFound) as error:
        if ask.me.user_id is None:  # a script wants the words alone
            raise
        return _board(ask, status_of(error), problem=str(error))
    return _on(ask, done, said, at)


def _on(ask: Ask, done: Decided, said: str, at: str = "") -> Response:
    words = said + (" The approval is void now." if done.void else "")
    words += f" It is skipped like this: {done.skipped}." if done.skipped else ""
    if ask.is_htmx:
        return _board(ask, said=words)
    return ask.go(f"/editions/{ask.key}/board" + (f"#{quote(at)}" if at else ""), words)


def _slot(ask: Ask) -> tuple[str, str]:
    """The slot that a form is about, and the segment whose version it belongs to."""
    return ask.form.get("slot"), ask.form.get("segment")


@pages.post(f"{BOARD}/move", Role.EDITOR)
def move(ask: Ask) -> Response:
    slot, segment = _slot(ask)
    up = ask.form.get("to") == "up"
    story = ask.form.get("story")
    return _deed(
        ask,
        lambda who: press.move_slot(ask.site, ask.key, slot, who, steps=-1 if up else 1, segment=segment),
        f"{story} moved {'up' if up else 'down'}.",
        at=f"story-{segment}-{story}",
    )


@pages.post(f"{BOARD}/pin", Role.EDITOR)
def pin(ask: Ask) -> Response:
    slot, segment = _slot(ask)
    return _deed(
        ask,
        lambda who: press.pin_slot(ask.site, ask.key, slot, who, segment=segment),
        f"{ask.form.get('story')} is pinned where it stands.",
        at=f"story-{segment}-{ask.form.get('story')}",
    )


@pages.post(f"{BOARD}/unpin", Role.EDITOR)
def unpin(ask: Ask) -> Response:
    slot, segment = _slot(ask)
    return _deed(
        ask,
        lambda who: press.unpin_slot(ask.site, ask.key, slot, who, segment=segment),
        f"The rules say again where {ask.form.get('story')} stands.",
    )


@pages.post(f"{BOARD}/leave-out", Role.EDITOR)
def leave_out(ask: Ask) -> Response:
    slot, segment = _slot(ask)
    only = ask.form.get("only")
    return _deed(
        ask,
        lambda who: press.leave_out(ask.site, ask.key, slot, who, segment=segment, only=only),
        f"{ask.form.get('story')} is left out{f' for {only}' if only else ''}.",
    )


@pages.post(f"{BOARD}/bring-back", Role.EDITOR)
def bring_back(ask: Ask) -> Response:
    story, segment = ask.form.get("story"), ask.form.get("segment")
    return _deed(
        ask,
        lambda who: press.clear(ask.site, ask.key, "exclude", story, who, segment=segment),
        f"{story} may stand there again.",
    )


@pages.post(f"{BOARD}/accept", Role.EDITOR)
def accept(ask: Ask) -> Response:
    story = ask.form.get("story")
    at = f"story-{ask.form.get('segment')}-{story}"
    if ask.form.get("keep"):
        said = f"{story} keeps the words that this edition has."
        return _deed(ask, lambda who: press.keep(ask.site, ask.key, story, who), said, at)
    return _deed(ask, lambda who: press.accept(ask.site, ask.key, story, who), f"{story} is told as it is now.", at)


@pages.post(f"{BOARD}/undo", Role.EDITOR)
def undo(ask: Ask) -> Response:
    return _deed(ask, lambda who: press.undo(ask.site, ask.key, who), f"Undone: {ask.form.get('what')}.")


@pages.post(f"{BOARD}/assemble", Role.EDITOR)
def assemble(ask: Ask) -> Response:
    def work(who: Editor) -> Decided:
        before = press.standing(ask.site, ask.key, checked=False)
        made = press.assemble(ask.site, _briefing(ask), before.date, by=who.by, seen=who.seen)
        void = before.state == "approved" and made.state != before.state
        return Decided(void=void, skipped=made.reason if made.state == "skipped" else "")

    return _deed(ask, work, "Assembled again; what was decided stays.")


def _briefing(ask: Ask) -> str:
    """The briefing of the edition that the address names."""
    return ask.key.partition("/")[0]


@pages.get(f"{BOARD}/edit", Role.EDITOR)
def words(ask: Ask) -> Response:
    return _words(ask, ask.query("slot"), ask.query("segment"), ask.query("only"))


@pages.post(f"{BOARD}/edit", Role.EDITOR)
def edit(ask: Ask) -> Response:
    (slot, segment), only, typed = _slot(ask), ask.form.get("only"), {name: ask.form.get(name) for name in _WORDS}
    story = ask.form.get("story")

    def work(who: Editor) -> Decided:
        given = {name: typed[name] for name in _WORDS if name in ask.form}
        return press.edit_slot(ask.site, ask.key, slot, given, who, segment=segment, only=only)

    try:
        done = work(_editor(ask))
    except (Refused, NotFound) as error:
        if ask.me.user_id is None:
            raise
        return _words(ask, slot, segment, only, story=story, typed=typed, problem=error)
    return _on(ask, done, f"{story} has the words that you gave it.", f"story-{segment}-{story}")


def _words(
    ask: Ask,
    name: str,
    segment: str,
    only: str,
    *,
    story: str = "",
    typed: dict[str, str] | None = None,
    problem: NewsletterError | None = None,
) -> Response:
    """The words of a slot in a form; ``typed`` stays in it when there was a ``problem``."""
    found = press.board(ask.site, ask.key)
    # What was typed belongs to the story, wherever it stands by now.
    slot = next((one for one in found.slots if story and (one.story, one.segment) == (story, segment)), None)
    if slot is None and problem is None:
        slot = found.slot(name, segment)
    now = {} if slot is None else slot.words if not only else slot.words | slot.only.get(only, {})
    return ask.edition_page(
        "board-edit.html",
        "board",
        status_of(problem) if problem else 200,
        board=found,
        slot=slot,
        story=story or (slot.story if slot else ""),
        name=slot.name if slot else name,
        segment=segment,
        only=only,
        whom=[("", "everyone"), *((one, one) for one in ask.site.briefing(_briefing(ask)).segments)],
        now=now,
        shown=now if typed is None else typed,
        problem=str(problem) if problem else "",
    )


@pages.get(f"{BOARD}/subject", Role.EDITOR)
def lines(ask: Ask) -> Response:
    return _lines(ask)


@pages.post(f"{BOARD}/subject", Role.EDITOR)
def set_lines(ask: Ask) -> Response:
    typed = {name: ask.form.get(name) for name in _LINES}
    try:
        done = press.set_lines(ask.site, ask.key, _editor(ask), **{k: typed[k] for k in _LINES if k in ask.form})
    except Refused as error:
        if ask.me.user_id is None:
            raise
        return _lines(ask, typed, error)
    return _on(ask, done, "The subject and the preheader are set.", "inbox")


def _lines(ask: Ask, typed: dict[str, str] | None = None, problem: NewsletterError | None = None) -> Response:
    found = press.board(ask.site, ask.key)
    return ask.edition_page(
        "board-subject.html",
        "board",
        status_of(problem) if problem else 200,
        board=found,
        shown=found.lines if typed is None else typed,
        problem=str(problem) if problem else "",
    )


@pages.get(f"{BOARD}/choose", Role.EDITOR)
def choose(ask: Ask) -> Response:
    return _choose(ask, ask.query("section"), ask.query("segment"), ask.query("slot"), ask.query("q"))


def _choose(
    ask: Ask, section: str, segment: str, name: str, sought: str, problem: NewsletterError | None = None
) -> Response:
    """What could stand in a slot (``name``), or be added to a section where no slot is named."""
    found = press.board(ask.site, ask.key)
    place = found.place(section, segment)
    offers, more = press.offers(ask.site, ask.key, section, segment, sought)
    slot = next((one for one in place.slots if one.name == name), None)
    if name and slot is None and problem is None:
        raise NotFound("there is no such slot any more: look at the board again")
    return ask.edition_page(
        "board-choose.html",
        "board",
        status_of(problem) if problem else 200,
        board=found,
        place=place,
        slot=slot,
        name=name,
        offers=[one for one in offers if slot is None or one.story != slot.story],
        more=more,
        sought=sought,
        problem=str(problem) if problem else "",
    )


@pages.post(f"{BOARD}/choose", Role.EDITOR)
def chosen(ask: Ask) -> Response:
    (slot, segment), section, story = _slot(ask), ask.form.get("section"), ask.form.get("story")

    def work(who: Editor) -> Decided:
        if slot:
            return press.swap_slot(ask.site, ask.key, slot, story, who, segment=segment)
        return press.add_story(ask.site, ask.key, section, story, who, segment=segment)

    try:
        done = work(_editor(ask))
    except (Refused, NotFound) as error:
        if ask.me.user_id is None:
            raise
        return _choose(ask, section, segment, slot, ask.form.get("q"), error)
    return _on(ask, done, f"{story} stands there now.", f"story-{segment}-{story}")
