"""The log of a command that runs for long."""

from __future__ import annotations

import logging

from newsletter.cli.logs import KeyValue, Repeats


def record(message: str, at: float = 1795410000.5, **extra: object) -> logging.LogRecord:
    fields = {"name": "newsletter.press", "levelno": 20, "levelname": "INFO", "msg": message, "created": at}
    return logging.makeLogRecord(fields | extra)


def line(message: str, **extra: object) -> str:
    return KeyValue().format(record(message, **extra))


def test_an_event_is_one_line_with_its_instant_in_utc_and_its_fields() -> None:
    assert line("assembled", action="assemble", edition="morning/2026-11-23", number=3) == (
        "2026-11-23T05:00:00Z INFO assembled action=assemble edition=morning/2026-11-23 number=3"
    )


def test_a_value_of_several_words_is_quoted_and_stays_on_the_line() -> None:
    assert line("held", reason='no "lead"\nyet', empty="") == (
        '2026-11-23T05:00:00Z INFO held reason="no \\"lead\\"\\nyet" empty=""'
    )


def test_trouble_that_stays_is_said_again_only_after_a_while() -> None:
    """And at once when anything of it is different."""
    repeats = Repeats(seconds=600)
    events = [(0, "no approval"), (5, "no approval"), (10, "TK"), (599, "no approval"), (600, "no approval")]
    heard = [repeats.filter(record("not locked", at=at, reason=reason)) for at, reason in events]
    assert heard == [True, False, True, False, True]
