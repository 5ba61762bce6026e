"""What other systems export, one file a system: how its columns are read, and how ours are written for it."""

from newsletter.audience.formats import ghost, listmonk, mailchimp, ours, substack
from newsletter.audience.formats.base import Format, Person, Standing, State
from newsletter.errors import Refused

FORMATS: dict[str, Format] = {one.key: one for one in (ours.OURS, listmonk.LISTMONK, mailchimp.MAILCHIMP, ghost.GHOST,
                                                       substack.SUBSTACK)}  # fmt: skip
PLAIN = "csv"
"""A CSV that nobody's system wrote."""


def of(name: str) -> Format | None:
    """The format of that name, None for `PLAIN`. Raises `Refused`."""
    if name == PLAIN:
        return None
    if name not in FORMATS:
        raise Refused(f"there is no format {name!r}: write {', '.join(FORMATS)} or {PLAIN}")
    return FORMATS[name]


def detect(header: list[str]) -> Format | None:
    """The format whose columns these are, None where it is nobody's."""
    names = frozenset(name.strip().casefold() for name in header)
    return next((one for one in FORMATS.values() if any(known <= names for known in one.known_by)), None)


__all__ = ["FORMATS", "PLAIN", "Format", "Person", "Standing", "State", "detect", "of"]
