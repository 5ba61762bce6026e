"""What every command shares: the site it works on, and how it says what it did."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from newsletter.clock import parse_duration
from newsletter.errors import Refused
from newsletter.press.site import Site

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
By = Annotated[str, typer.Option("--by", help="Who decides this.", metavar="NAME")]
Who = Annotated[str, typer.Option("--by", help="Who decides this: it needs a name.", metavar="NAME")]
Day = Annotated[
    str | None, typer.Option("--date", help="The edition's date, today unless given.", metavar="YYYY-MM-DD")
]
Key = Annotated[str, typer.Argument(help="An edition (morning/2026-11-23), or a briefing for today's.", metavar="KEY")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
Segment = Annotated[str | None, typer.Option("--segment", help="A segment of the briefing.")]

_PLAIN_WIDTH = 160


def opened(ctx: typer.Context, *, schema: bool = True) -> Site:
    """The site of ``--config``. Raises what `Site.open` raises."""
    config: Path = ctx.obj
    return Site.open(config, schema=schema)


def say(line: str = "") -> None:
    """One line on standard output."""
    typer.echo(line)


def complain(line: str) -> None:
    """One line on standard error."""
    typer.echo(line, err=True)


def print_json(value: Any) -> None:
    """JSON on standard output; instants and dates as ISO 8601."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_jsonable))


def _jsonable(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; as wide as it wants to be where the output is no terminal."""
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(_PLAIN_WIDTH, console.measure(table).maximum))
    console.print(table)


def day_of(words: str | None) -> date | None:
    """The date that ``--date`` names. Raises a usage error."""
    if words is None:
        return None
    try:
        return date.fromisoformat(words)
    except ValueError:
        raise typer.BadParameter(f"{words!r} is no date: write for example 2026-11-23") from None


def duration_of(words: str | None) -> timedelta | None:
    """The duration that an option such as ``--wait`` names. Raises a usage error."""
    if words is None:
        return None
    try:
        return parse_duration(words)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """A file that is not there yet, for its owner's eyes alone: it holds addresses. Raises `Refused`."""
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise Refused(f"{path} is there already: name a new file") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from None
    with path.open("w", encoding="utf-8", newline="") as file:
        yield file


def plural(number: int, one: str, many: str = "") -> str:
    """``1 story``, ``3 stories``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def on_terminal() -> bool:
    """Whether a person watches: progress is drawn only then."""
    return sys.stderr.isatty()


def named(by: str) -> str:
    """Who decides, which must be somebody. Raises `Refused`."""
    if not by.strip():
        raise Refused("this needs a name: write --by NAME")
    return by.strip()
