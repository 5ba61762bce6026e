"""Which mail programs readers use: the names that ``clients`` in the config knows, and shares to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

MailClient = Literal[
    "apple-mail",
    "gmail",
    "outlook-windows",
    "outlook",
    "yahoo",
    "samsung",
    "thunderbird",
    "proton",
    "gmx",
    "fastmail",
    "hey",
    "laposte",
    "mail-ru",
    "orange",
    "sfr",
]

SHARES: Mapping[MailClient, float] = MappingProxyType(
    {
        # Opens counted in 2026 by Litmus, as quoted on aurorasendcloud.com on 12 April 2026, rounded down. They count
        # loaded pictures: Apple's share is too large (its proxy loads them unread), Outlook's too small.
        "apple-mail": 46,
        "gmail": 25,
        "outlook-windows": 4,
        "yahoo": 2,
        "samsung": 1,
        # Not in that article: Outlook.com had 1 % in Litmus's figures of April 2022; the others are guesses, which say
        # no more than that somebody uses them.
        "outlook": 1,
        "thunderbird": 0.5,
        "proton": 0.5,
        "gmx": 0.5,
    }
)
"""Percent of readers. What is missing to a hundred is programs that nobody has named."""
