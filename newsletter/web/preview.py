"""The Preview tab: one reader's mail, byte for byte, in two widths and as programs show it. Looking changes nothing."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.errors import NewsletterError, NotFound
from newsletter.press.preview import PERSONAS
from newsletter.rendering.looks import LOOKS, Look, look
from newsletter.web.ask import Ask
from newsletter.web.guard import MayNot
from newsletter.web.routing import EDITION, Pages

pages = Pages()
pages.tab("Preview", "preview", order=20)

CUTS = (40, 90)
"""Characters after which lists of mails cut a line: about that many on a phone, and in a wide window."""
SHOWN = ("mail", "text", "source", "headers")


@dataclass(frozen=True, slots=True)
class Choice:
    """What of an edition is looked at, and how. All of it stands in the page's address."""

    segment: str = ""
    persona: str = "typical"
    reader: str = ""
    """A reader's address; goes before the persona."""
    colours: Look = "light"
    pictures: bool = True
    show: str = "mail"

    @classmethod
    def of(cls, ask: Ask) -> Choice:
        """What the address says. Raises `NotFound` for what there is none of, `MayNot` for a reader's mail."""
        reader = ask.query("reader").strip()
        if reader and not ask.me.role.covers(Role.EDITOR):
            raise MayNot(f"a reader's own mail needs the role editor, and {ask.me.name} is {ask.me.role}")
        colours, show = ask.query("colours", "light"), ask.query("show", "mail")
        wanted = next((one for one in LOOKS if one == colours), None)
        if wanted is None or show not in SHOWN:
            raise NotFound("there is no such view of a mail: open Preview again and choose one there")
        return cls(
            segment=ask.query("segment"),
            persona=ask.query("as", "typical"),
            reader=reader,
            colours=wanted,
            pictures=ask.query("pictures", "on") != "off",
            show=show,
        )

    def seen(self, ask: Ask) -> press.Preview:
        """The mail. Raises as `press.preview` does."""
        return press.preview(ask.site, ask.key, self.segment, persona=self.persona, email=self.reader)

    def html(self, ask: Ask) -> str:
        """The mail's HTML part. Raises as `press.preview` does."""
        return press.preview_html(ask.site, ask.key, self.segment, persona=self.persona, email=self.reader)

    def but(self, **changes: object) -> str:
        """The query of the same with something changed; empty where all is as usual."""
        other = replace(self, **changes)  # type: ignore[arg-type]
        said = {
            "segment": other.segment,
            "as": "" if other.persona == "typical" or other.reader else other.persona,
            "reader": other.reader,
            "colours": "" if other.colours == "light" else other.colours,
            "pictures": "" if other.pictures else "off",
            "show": "" if other.show == "mail" else other.show,
        }
        query = urlencode({name: value for name, value in said.items() if value})
        return f"?{query}" if query else ""


@pages.get(f"{EDITION}/preview", Role.VIEWER)
def preview(ask: Ask) -> Response:
    choice = Choice.of(ask)
    seen, trouble = None, ""
    try:
        seen = choice.seen(ask)
    except NewsletterError as error:
        trouble = str(error)
    return ask.edition_page(
        "preview.html",
        tab="preview",
        choice=choice,
        seen=seen,
        trouble=trouble,
        personas=PERSONAS,
        segments=press.segments_of(ask.site, ask.key),
        pieces=pieces,
        may_name=ask.me.role.covers(Role.EDITOR),
    )


@pages.get(f"{EDITION}/preview/mail", Role.VIEWER)
def mail(ask: Ask) -> Response:
    """The mail alone, for a frame."""
    choice = Choice.of(ask)
    return ask.mail(look(choice.html(ask), choice.colours), pictures=choice.pictures)


@pages.get(f"{EDITION}/preview/message.eml", Role.VIEWER)
def message(ask: Ask) -> Response:
    """The bytes that the backend would get."""
    seen = Choice.of(ask).seen(ask)
    name = f"{ask.key.replace('/', '-')}-{seen.segment}.eml"
    return Response(
        seen.message, media_type="message/rfc822", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def pieces(words: str) -> list[tuple[str, int | None]]:
    """A line in the pieces that `CUTS` make of it, each with the mark behind it, None behind the last.

    A letter and what belongs to it (accents, joiners) are not parted.
    """
    out: list[tuple[str, int | None]] = []
    start = 0
    for cut in CUTS:
        at = cut
        while at < len(words) and (unicodedata.combining(words[at]) or "\u200d" in words[at - 1 : at + 1]):
            at += 1
        if at >= len(words):
            break
        out.append((words[start:at], cut))
        start = at
    return [*out, (words[start:], None)]
