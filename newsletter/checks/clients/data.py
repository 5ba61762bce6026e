"""What mail programs can show: the data of Can I email, and the programs by the names that the config gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from newsletter.config import MailClient

FILE = Path(__file__).parent / "caniemail.json"

CLIENTS: Mapping[MailClient, tuple[str, tuple[str, ...]]] = {
    "apple-mail": ("Apple Mail", ("apple-mail/ios", "apple-mail/macos")),
    "gmail": ("Gmail", ("gmail/desktop-webmail", "gmail/ios", "gmail/android")),
    "outlook-windows": ("Outlook for Windows", ("outlook/windows",)),
    "outlook": ("Outlook.com", ("outlook/outlook-com", "outlook/macos", "outlook/ios", "outlook/android")),
    "yahoo": ("Yahoo", ("yahoo/desktop-webmail", "yahoo/ios", "yahoo/android", "aol/desktop-webmail")),
    "samsung": ("Samsung Email", ("samsung-email/android",)),
    "thunderbird": ("Thunderbird", ("thunderbird/macos",)),
    "proton": ("Proton Mail", ("protonmail/desktop-webmail", "protonmail/ios", "protonmail/android")),
    "gmx": ("GMX and WEB.DE", ("gmx/desktop-webmail", "gmx/ios", "web-de/desktop-webmail", "web-de/ios")),
    "fastmail": ("Fastmail", ("fastmail/desktop-webmail",)),
    "hey": ("HEY", ("hey/desktop-webmail",)),
    "laposte": ("LaPoste.net", ("laposte/desktop-webmail",)),
    "mail-ru": ("Mail.ru", ("mail-ru/desktop-webmail",)),
    "orange": ("Orange", ("orange/desktop-webmail", "orange/ios", "orange/android")),
    "sfr": ("SFR", ("sfr/desktop-webmail", "sfr/ios", "sfr/android")),
}
"""By the key of the config: the name in sentences, and the programs of Can I email that it stands for. What they call
Outlook on Windows is the one that lays out with Word; the new one counts with Outlook.com."""


@dataclass(frozen=True, slots=True)
class Feature:
    """What is known of a feature."""

    title: str
    verdicts: Mapping[str, str]
    """By program: ``y`` yes, ``n`` no, ``u`` unknown, ``a`` in part, with the numbers of notes: ``a1,2``."""
    notes: Mapping[str, str]

    def failing(self, partial: str = "") -> dict[MailClient, float]:
        """Who has not got it, with the share (0 to 1) of that program's platforms which have not.

        What is supported in part fails where the pattern ``partial`` is found in a note; else it counts as support.
        """
        found: dict[MailClient, float] = {}
        for client, (_, programs) in CLIENTS.items():
            if bad := sum(self._fails(self.verdicts.get(program, "u"), partial) for program in programs):
                found[client] = bad / len(programs)
        return found

    def _fails(self, verdict: str, partial: str) -> bool:
        if not verdict.startswith("a"):
            return verdict == "n"
        notes = (self.notes.get(number, "") for number in verdict[1:].split(","))
        return bool(partial) and any(re.search(partial, note, re.IGNORECASE) for note in notes)


@dataclass(frozen=True, slots=True)
class CanIEmail:
    package: str
    """``caniemail 2.0.2``"""
    date: str
    """The day of the newest test in the data: ``2026-05-13``."""
    features: Mapping[str, Feature]


@cache
def caniemail() -> CanIEmail:
    """The data that came with this version of the program."""
    read = json.loads(FILE.read_text(encoding="utf-8"))
    programs = read["clients"]
    features = {
        slug: Feature(
            feature["title"],
            dict(zip(programs, feature["support"].split(" "), strict=True)),
            feature.get("notes", {}),
        )
        for slug, feature in read["features"].items()
    }
    return CanIEmail(read["package"], read["date"], features)
