"""The reference pages say what the program does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from newsletter.cli.app import app

COMMANDS = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"


def _commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        words = f"{path}{name}"
        if hasattr(command, "commands"):
            yield from _commands(command, f"{words} ")
        else:
            yield words, command


def _usage(parameter: Any) -> str:
    """``KEY``, ``--to ADDRESS``, ``[--json]``"""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    words = str(parameter.opts[0])
    if not parameter.is_flag:
        words += f" {parameter.metavar or parameter.name.upper()}"
    return words if parameter.required else f"[{words}]"


def _row(words: str, command: Any) -> str:
    order = sorted(command.params, key=lambda one: (one.param_type_name != "argument", not one.required))
    shown = [_usage(one) for one in order if one.name != "help" and not getattr(one, "hidden", False)]
    return f"| `{' '.join([words, *shown])}` | {(command.help or '').splitlines()[0]} |"


def test_every_command_stands_in_the_reference_as_it_is() -> None:
    """Its arguments, its options with what they take, and its first line of help; and nothing else stands there."""
    page = [line for line in COMMANDS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert sorted(page) == sorted(_row(words, one) for words, one in _commands(typer.main.get_command(app)))
