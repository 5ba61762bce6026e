"""``newsletter edition``: what an editor decides of it. The desk's board calls the same functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from newsletter import press
from newsletter.cli.edition import app
from newsletter.cli.output import By, Key, Segment, opened, say
from newsletter.editions import overrides
from newsletter.errors import Refused
from newsletter.press import Decided, Editor, Site

Story = Annotated[str, typer.Argument(help="The story's slug.", metavar="STORY")]
Slot = Annotated[str, typer.Argument(help="A slot, by section and place: briefs/2.", metavar="SLOT")]
Kind = Annotated[str, typer.Argument(help=f"One of {', '.join(overrides.KINDS)}.", metavar="KIND")]
Words = Annotated[str | None, typer.Argument(help="To the letter, for every segment.", metavar="[WORDS]")]
NewWords = Annotated[str, typer.Argument(help="To the letter.", metavar="WORDS")]
Clear = Annotated[bool, typer.Option("--clear", help="The briefing's own again.")]
Section = Annotated[str, typer.Option("--section", help="Where.")]
Position = Annotated[int | None, typer.Option("--position", help="1 is the first.", min=1)]

__all__ = ["app"]  # the same as edition's, with the decisions in it


def _decided(ctx: typer.Context, key: str, deed: Callable[[Site, str], Decided], words: Callable[[str], str]) -> None:
    """Decides something, and says it (``words`` gets the edition's key) with what came of it."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        done = deed(site, key)
    if done.void:
        say(f"{key} was approved: that approval is void now")
    say(words(key) + (f": {done.what}" if done.what else ""))
    if done.skipped:
        say(f"{key} is skipped like this: {done.skipped}")


def _decide(ctx: typer.Context, key: str, kind: str, story: str, by: str, segment: str | None, **wish: Any) -> None:
    def deed(site: Site, key: str) -> Decided:
        return press.decide(site, key, kind, story, Editor(by), segment=segment or "", **wish)

    _decided(ctx, key, deed, lambda key: f"{kind} of {story} in {key}")


def _line(ctx: typer.Context, key: str, name: str, words: str | None, clear: bool, by: str) -> None:
    """Sets the subject or the preheader of an edition, or with ``clear`` brings the briefing's pattern back."""
    if clear == bool(words and words.strip()):
        raise Refused(f"write the {name} that {key} shall have, or --clear to have the briefing's own again")
    _decided(
        ctx,
        key,
        lambda site, key: press.set_lines(site, key, Editor(by), **{name: words}),
        lambda key: f"the {name} of {key} is " + ("the briefing's own again" if clear else "set"),
    )


@app.command()
def subject(ctx: typer.Context, key: Key, words: Words = None, clear: Clear = False, by: By = "") -> None:
    """Give an edition a subject of its own."""
    _line(ctx, key, "subject", words, clear, by)


@app.command()
def preheader(ctx: typer.Context, key: Key, words: Words = None, clear: Clear = False, by: By = "") -> None:
    """Give an edition a preheader of its own: the line beside the subject in the inbox."""
    _line(ctx, key, "preheader", words, clear, by)


@app.command()
def pin(ctx: typer.Context, key: Key, story: Story, section: Section, position: Position = None,
        segment: Segment = None, by: By = "") -> None:  # fmt: skip
    """Put a story into a section, whatever the rules say."""
    _decide(ctx, key, "pin", story, by, segment, section=section, position=position)


@app.command()
def move(ctx: typer.Context, key: Key, story: Story, section: Section, position: Position = None,
         segment: Segment = None, by: By = "") -> None:  # fmt: skip
    """Give a story another place."""
    _decide(ctx, key, "move", story, by, segment, section=section, position=position)


@app.command()
def exclude(ctx: typer.Context, key: Key, story: Story, segment: Segment = None, by: By = "") -> None:
    """Leave a story out."""
    _decide(ctx, key, "exclude", story, by, segment)


@app.command()
def headline(ctx: typer.Context, key: Key, story: Story, words: NewWords, segment: Segment = None, by: By = "") -> None:
    """Give a story another headline in this edition."""
    _decide(ctx, key, "headline", story, by, segment, text=words)


@app.command()
def dek(ctx: typer.Context, key: Key, story: Story, words: NewWords, segment: Segment = None, by: By = "") -> None:
    """Give a story another dek in this edition."""
    _decide(ctx, key, "dek", story, by, segment, text=words)


@app.command()
def clear(ctx: typer.Context, key: Key, story: Story, kind: Kind,
          segment: Segment = None, by: By = "") -> None:  # fmt: skip
    """Take back what was decided about a story."""
    _decided(
        ctx,
        key,
        lambda site, key: press.clear(site, key, kind, story, Editor(by), segment=segment or ""),
        lambda key: f"{kind} of {story} in {key} taken back",
    )


@app.command()
def edit(
    ctx: typer.Context,
    key: Key,
    slot: Slot,
    headline: Annotated[str | None, typer.Option("--headline", help="Empty: the story's own.", metavar="WORDS")] = None,
    dek: Annotated[str | None, typer.Option("--dek", help="Empty: the story's own.", metavar="WORDS")] = None,
    bullet: Annotated[
        list[str] | None,
        typer.Option("--bullet", help='"Label: sentence"; one "" for the story\'s own.', metavar="WORDS"),
    ] = None,
    segment: Segment = None,
    by: By = "",
) -> None:
    """Give the story in a slot other words in this edition."""
    words = {"headline": headline, "dek": dek, "bullets": None if bullet is None else "\n".join(bullet)}
    given = {name: text for name, text in words.items() if text is not None}
    of = segment or ""
    _decided(
        ctx,
        key,
        lambda site, key: press.edit_slot(site, key, slot, given, Editor(by), segment=of, only=of),
        lambda key: f"{' and '.join(given)} of {slot} in {key}",
    )


@app.command()
def swap(ctx: typer.Context, key: Key, slot: Slot, story: Story, segment: Segment = None, by: By = "") -> None:
    """Give a slot another story; the one that stood there may stand in another section."""
    _decided(
        ctx,
        key,
        lambda site, key: press.swap_slot(site, key, slot, story, Editor(by), segment=segment or ""),
        lambda key: f"{story} stands at {slot} in {key}",
    )


@app.command()
def accept(
    ctx: typer.Context,
    key: Key,
    story: Story,
    keep: Annotated[bool, typer.Option("--keep", help="No: the version that it tells now.")] = False,
    by: By = "",
) -> None:
    """Let an edition tell the newest version of a story, or with --keep the one that it tells now."""
    _decided(
        ctx,
        key,
        lambda site, key: (press.keep if keep else press.accept)(site, key, story, Editor(by)),
        lambda key: f"{key} {'keeps its' if keep else 'tells the newest'} version of {story}",
    )


@app.command()
def undo(ctx: typer.Context, key: Key, by: By = "") -> None:
    """Take the last decision about an edition back; again, and it is the one before."""
    _decided(ctx, key, lambda site, key: press.undo(site, key, Editor(by)), lambda key: f"undone in {key}")
