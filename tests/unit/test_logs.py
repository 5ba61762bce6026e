"""The log of a command that runs for long."""

from __future__ import annotations

import logging

from newsletter.cli.logs import KeyValue


def line(message: str, **extra: object) -> str:
    record = logging.makeLogRecord(
        {"name": "newsletter.press", "levelno": 20, "levelname": "INFO", "msg": message, "created": 1795410000.5}
        | extra
    )
    return KeyValue().format(record)


def test_an_event_is_one_line_with_its_instant_in_utc_and_its_fields() -> None:
    assert line("assembled", action="assemble", edition="morning/2026-11-23", number=3) == (
        "2026-11-23T05:00:00Z INFO assembled action=assemble edition=morning/2026-11-23 number=3"
    )


def test_a_value_of_several_words_is_quoted_and_stays_on_the_line() -> None:
    assert line("held", reason='no "lead"\nyet', empty="") == (
        '2026-11-23T05:00:00Z INFO held reason="no \\"lead\\"\\nyet" empty=""'
    )
