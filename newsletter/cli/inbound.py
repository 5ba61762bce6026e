"""``newsletter inbound``: readers who leave by mail, and what servers report of ours."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.output import Json, complain, opened, plural, print_json, say
from newsletter.errors import Refused
from newsletter.press.inbound import MOST_BYTES, Heard, hear

_MOST_MAILS = 10_000
"""How many one run looks at; the next run goes on."""
_INFO = ":2,"
"""What a Maildir writes between a mail's name and its flags."""
_DONE = "T"


def inbound(
    ctx: typer.Context,
    maildir: Annotated[
        Path | None, typer.Option("--maildir", help="A Maildir that they come to.", metavar="DIR")
    ] = None,
    stdin: Annotated[bool, typer.Option("--stdin", help="One mail, from a mail server's pipe.")] = False,
    as_json: Json = False,
) -> None:
    """Take readers out who leave by mail, count reports of bounces and complaints; all else stays where it is."""
    if (maildir is None) != stdin:
        raise typer.BadParameter("write --maildir DIR or --stdin, one of the two")
    heard: Counter[Heard] = Counter()
    with opened(ctx) as site:
        if maildir is None:
            heard[hear(site, sys.stdin.buffer.read(MOST_BYTES))] += 1
        else:
            for path in _mails(maildir):
                try:
                    with path.open("rb") as file:
                        found = hear(site, file.read(MOST_BYTES))
                    if found in (Heard.LEFT, Heard.BOUNCED, Heard.COMPLAINED):
                        _put_away(maildir, path)
                except FileNotFoundError:
                    continue  # a mail program has moved it: the next run finds it
                except OSError as error:
                    raise Refused(f"{path} cannot be read or moved: {error.strerror}") from None
                heard[found] += 1
                if found is Heard.UNKNOWN:
                    complain(f"{path}: somebody leaves, bounces or complains, and no link of ours says who: look at it")
    if as_json:
        print_json({one.value: heard[one] for one in Heard})
    else:
        say(f"{plural(heard.total(), 'mail')}: " + ", ".join(f"{heard[one]:,} {one.value}" for one in Heard))


def _mails(maildir: Path) -> Iterator[Path]:
    """The mails of a Maildir that are not marked as done, the newest first. Raises `Refused`."""
    found = []
    try:
        for folder in ("new", "cur"):
            with os.scandir(maildir / folder) as entries:
                for entry in entries:
                    flags = entry.name.rpartition(_INFO)[2] if _INFO in entry.name else ""
                    if entry.is_file(follow_symlinks=False) and _DONE not in flags and not entry.name.startswith("."):
                        found.append(Path(entry.path))
    except OSError as error:
        raise Refused(f"{maildir} is no Maildir that can be read ({error.strerror}): it has new and cur") from None
    # A name begins with the seconds since 1970. The newest are looked at first, or mails for people would hide them.
    yield from sorted(found, key=lambda path: path.name, reverse=True)[:_MOST_MAILS]


def _put_away(maildir: Path, path: Path) -> None:
    """Marks a mail as seen and done with (trashed), as a mail program would: it is not heard a second time, when its
    reader may have come back."""
    name, _, flags = path.name.partition(_INFO)
    path.rename(maildir / "cur" / f"{name}{_INFO}{''.join(sorted({*flags, 'S', _DONE}))}")
