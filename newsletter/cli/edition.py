"""``newsletter edition``: an edition's life."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from newsletter import press
from newsletter.cli import correcting, findings
from newsletter.cli.output import (
    By,
    Day,
    Json,
    Key,
    Reason,
    Who,
    day_of,
    duration_of,
    named,
    opened,
    plural,
    print_json,
    print_table,
    say,
)
from newsletter.cli.status import show_names
from newsletter.editions import overrides, store
from newsletter.editions.states import State
from newsletter.errors import Refused
from newsletter.press.site import Site

app = typer.Typer(help="An edition's life.", no_args_is_help=True)
Story = Annotated[str, typer.Argument(help="The story's slug.", metavar="STORY")]
Kind = Annotated[str, typer.Argument(help=f"One of {', '.join(overrides.KINDS)}.", metavar="KIND")]


@app.command()
def assemble(
    ctx: typer.Context,
    briefing: Annotated[str, typer.Argument(metavar="BRIEFING")],
    date: Day = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Choose the stories of an edition; what editors decided stays."""
    day = day_of(date)
    with opened(ctx) as site:
        edition = press.assemble(site, briefing, day, by=by)
        told = _told(site, edition.key)
    if as_json:
        print_json(told)
    else:
        stories = len({slot["story"] for slot in told["slots"]})
        say(f"{told['key']} is {told['state']}, {stories} stories")
    if told["state"] == State.SKIPPED:
        raise Refused(f"{told['key']} is skipped: {told['reason']}")


@app.command("list")
def list_(ctx: typer.Context, briefing: Annotated[str | None, typer.Option()] = None, as_json: Json = False) -> None:
    """List editions, the newest first."""
    with opened(ctx) as site, site.database.reading() as session:
        rows = [
            {"key": e.key, "state": e.state, "due_at": e.due_at, "readers": e.recipients, "reason": e.reason}
            for e in store.listing(session, briefing=briefing)
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(("edition", "state", "due (UTC)", "readers", "reason"),
                    [(r["key"], r["state"], f"{r['due_at']:%Y-%m-%d %H:%M}", r["readers"], r["reason"])
                     for r in rows])  # fmt: skip


def _told(site: Site, key: str) -> dict[str, Any]:
    with site.database.reading() as session:
        edition = store.find(session, key)
        told: dict[str, Any] = {
            "key": edition.key,
            "state": edition.state,
            "reason": edition.reason,
            "due_at": edition.due_at,
            "approved_by": edition.approved_by,
            "subject": edition.subject,
            "preheader": edition.preheader,
            "slots": [
                {
                    "section": slot.section,
                    "segment": slot.segment,
                    "position": slot.position,
                    "story": slot.story_version.story.slug,
                    "headline": slot.story_version.headline,
                    "reason": slot.reason,
                }
                for slot in edition.slots
            ],
            "overrides": [{"kind": o.kind, "story": o.story.slug, "segment": o.segment, "section": o.section,
                           "position": o.position, "text": o.text, "by": o.by} for o in edition.overrides],
            "unmet": list(overrides.unmet(session, edition)),
        }  # fmt: skip
    return told


@app.command()
def show(ctx: typer.Context, key: Key, as_json: Json = False) -> None:
    """Show what stands where, and why; the subject and preheader of each segment."""
    with opened(ctx) as site:
        told = _told(site, press.edition_of(site, key))
        found = press.variants(site, told["key"]) if told["slots"] else {}
        told["variants"] = {
            segment: {"subject": one.rendered.subject, "preheader": one.rendered.preheader}
            for segment, one in found.items()
        }
    if as_json:
        print_json(told)
        return
    say(f"{told['key']} is {told['state']}" + (f": {told['reason']}" if told["reason"] else ""))
    say(f"due {told['due_at']:%Y-%m-%d %H:%M} UTC")
    for segment, words in told["variants"].items():
        say(f"\n{segment}")
        for name in ("subject", "preheader"):
            say(f"  {name:<11}{words[name]}" + ("  (set by hand)" if told[name] is not None else ""))
    say()
    print_table(
        ("section", "for", "no", "story", "why"),
        [(s["section"], s["segment"] or "everyone", s["position"], s["story"], s["reason"]) for s in told["slots"]],
    )
    for o in told["overrides"]:
        what = o["text"] or (f"to {o['section']}" if o["section"] else "")
        whose = (f"for {o['segment']} " if o["segment"] else "") + f"by {o['by'] or 'an editor'}"
        say(f"decided: {o['kind']} of {o['story']} {whose}" + (f": {what}" if what else ""))
    for wish in told["unmet"]:
        say(f"not followed: {wish}")


app.command()(findings.check)
app.command()(findings.links)
app.command()(findings.override)
app.command()(correcting.correct)
app.command()(correcting.corrections)


@app.command()
def render(
    ctx: typer.Context,
    key: Key,
    segment: Annotated[str, typer.Option("--segment", help="Whose variant.")],
    out: Annotated[Path, typer.Option("--out", help="A folder.", metavar="DIR")],
    email: Annotated[str | None, typer.Option("--as", help="As this reader gets it.", metavar="EMAIL")] = None,
) -> None:
    """Write the HTML, the text and the whole message as a reader gets them."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        message, html, text = press.documents_for(site, key, segment, email)
    stem = f"{key.replace('/', '-')}-{segment}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        for suffix, data in ((".html", html.encode()), (".txt", text.encode()), (".eml", message)):
            (out / (stem + suffix)).write_bytes(data)
            say(str(out / (stem + suffix)))
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from None


@app.command()
def approve(
    ctx: typer.Context,
    key: Key,
    by: Who,
    readers: Annotated[
        int | None, typer.Option("--readers", help="Their number, where it is far from the usual one.", min=0)
    ] = None,
) -> None:
    """Say yes to an edition as it stands now."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        try:
            digest = press.approve(site, key, by, readers=readers)
        except press.Unusual as error:
            raise Refused(f"{error}: --readers {error.readers}") from None
    say(f"{key} is approved by {by} ({digest[:12]})")


@app.command()
def withdraw(ctx: typer.Context, key: Key, by: Who) -> None:
    """Take an approval back: somebody has to say yes again."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        press.withdraw_approval(site, key, named(by))
    say(f"{key} is not approved any more")


@app.command()
def hold(ctx: typer.Context, key: Key, by: Who, reason: Reason = "") -> None:
    """Stop an edition until it is released."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        wire = press.hold(site, key, named(by), reason)
    say(f"{key} is held" + (f"; {plural(wire, 'message')} on the wire, nothing else goes out" if wire else ""))


@app.command()
def release(ctx: typer.Context, key: Key, by: Who) -> None:
    """Let a held edition go on where it was stopped."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        state = press.release(site, key, named(by))
    say(f"{key} is {state} again")


@app.command()
def pause(ctx: typer.Context, key: Key, by: Who, reason: Reason = "") -> None:
    """Stop a send between two messages, in whatever process it runs. The deadline counts on."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        wire = press.pause(site, key, named(by), reason)
    say(f"{key} is paused; {plural(wire, 'message')} on the wire, nothing else goes out")


@app.command()
def resume(ctx: typer.Context, key: Key, by: Who) -> None:
    """Let a paused send go on. A clock or a worker that runs takes it up by itself."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        press.resume(site, key, named(by))
    say(f"{key} is sending again; where no clock and no worker runs: newsletter send {key}")


@app.command()
def doubts(ctx: typer.Context, key: Key, as_json: Json = False) -> None:
    """List the readers in doubt: a server may or may not have their mail."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        found = list(press.doubts(site, key))
    if found or as_json:
        show_names(found, as_json)
    if not as_json:
        say(f"{key}: {plural(len(found), 'reader')} in doubt")


@app.command()
def resend(
    ctx: typer.Context,
    key: Key,
    by: Who,
    in_doubt: Annotated[bool, typer.Option("--in-doubt", help="All who are in doubt.")] = False,
    to: Annotated[list[str] | None, typer.Option("--to", help="One who is in doubt.", metavar="EMAIL")] = None,
    reason: Reason = "",
) -> None:
    """Put readers in doubt back to be sent. They get the same message, and so may have it twice."""
    if in_doubt == bool(to):
        raise typer.BadParameter("write --in-doubt for all who are, or --to EMAIL for each who shall get it again")
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        back = press.resend(site, key, named(by), reason, to=to)
    say(f"{plural(back, 'reader')} put back; where no clock and no worker runs: newsletter send {key}")


@app.command()
def share(
    ctx: typer.Context,
    key: Key,
    lasts: Annotated[str, typer.Option("--for", help="How long the link works, such as 12h.", metavar="WAIT")] = "2d",
    by: By = "",
) -> None:
    """Make a link that shows an edition, before it goes out, to whoever has it."""
    span = duration_of(lasts)
    assert span is not None
    with opened(ctx) as site:
        made = press.share(site, press.edition_of(site, key), by, span)
    say(made.url)
    say(f"link {made.no} works until {made.expires_at:%Y-%m-%d %H:%M} UTC, where the desk can be reached")


@app.command()
def unshare(
    ctx: typer.Context,
    key: Key,
    link: Annotated[int | None, typer.Option("--link", help="Its number; all that work unless given.")] = None,
    by: By = "",
) -> None:
    """End the links that show an edition."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        ended = press.unshare(site, key, by, link)
    say(f"{key}: {plural(ended, 'link')} ended")


@app.command()
def abort(ctx: typer.Context, key: Key, by: Who, reason: Reason = "") -> None:
    """Stop an edition for good."""
    with opened(ctx) as site:
        key = press.edition_of(site, key)
        withdrawn = press.abort(site, key, named(by), reason)
    say(f"{key} is aborted, withdrawn from {withdrawn} readers")
