"""DKIM (RFC 6376): whether the key in the DNS is ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.press.senders.lookup import Lookup
from newsletter.press.senders.remark import Remark, note


@dataclass(frozen=True, slots=True)
class Published:
    """What the DNS has to show for one of our keys: the signing domain (``d=``), the record's name, and its text."""

    domain: str
    name: str
    value: str


def tags(record: str) -> dict[str, str]:
    """The tags of a record (RFC 6376 section 3.2), without white space around them; of two alike the first."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def check(lookup: Lookup, ours: Published) -> Iterator[Remark]:
    """What is wrong with the record of one key. Raises `Unanswered`."""
    where, publish = f"DKIM {ours.name}", f'publish the TXT record {ours.name} "{ours.value}"'
    yield note(f"{where}: {publish}")
    found = [text for text in lookup.txt(ours.name) if "p" in tags(text)]
    if not found:
        yield Remark(f"{where}: there is none, so no signature of ours is valid: {publish}")
        return
    if len(found) > 1:
        yield Remark(f"{where}: there are {len(found)} records, of which a receiver takes any: leave ours alone")
        return
    seen, want = tags(found[0]), tags(ours.value)
    if not _key(seen):
        yield Remark(f"{where}: the key was withdrawn (p= is empty): {publish}")
    elif _key(seen) != _key(want) or seen.get("k", "rsa") != want.get("k", "rsa"):
        yield Remark(f"{where}: the key there is not ours: {publish}")
    if "v" in seen and seen["v"] != "DKIM1":
        yield Remark(f"{where}: v={seen['v']} is no version of DKIM: {publish}")
    if "h" in seen and "sha256" not in [one.strip() for one in seen["h"].split(":")]:
        yield Remark(f"{where}: h={seen['h']} does not allow sha256, which we sign with: leave h= out")
    if "s" in seen and not {"*", "email"} & {one.strip() for one in seen["s"].split(":")}:
        yield Remark(f"{where}: s={seen['s']} is not for mail: leave s= out")
    if "y" in [one.strip() for one in seen.get("t", "").split(":")]:
        yield note(f"{where}: t=y says that you only try it out: leave it out when all is well")


def _key(record: dict[str, str]) -> str:
    return "".join(record.get("p", "").split())
