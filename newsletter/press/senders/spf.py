"""SPF (RFC 7208): whether a domain says, in a form that receivers take, who may send for it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from newsletter.press.senders.lookup import Lookup
from newsletter.press.senders.remark import Remark, note

MOST_LOOKUPS = 10
"""RFC 7208 section 4.6.4: terms that ask the DNS, in all records that one evaluation comes to."""

_TERM = re.compile(r"(?P<sign>[+\-~?]?)(?P<name>[a-z0-9]+)(?P<rest>[:/].*)?", re.IGNORECASE)
_MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>.*)", re.IGNORECASE)
_ASKING = ("include", "a", "mx", "ptr", "exists")


class _Broken(Exception):
    """A permanent error (RFC 7208 section 2.6.7), in words."""


@dataclass(slots=True)
class _Walk:
    lookup: Lookup
    asked: int = 0
    anybody: bool = False
    """Something can match: an address, a host, another record."""
    notes: list[str] = field(default_factory=list)


def check(lookup: Lookup, domain: str) -> Iterator[Remark]:
    """What is wrong with the SPF record of an envelope sender's domain. Raises `Unanswered`."""
    where = f"SPF of {domain}"
    walk = _Walk(lookup)
    try:
        record = _record(lookup, domain)
        if record is None:
            yield Remark(
                f'{where}: there is none: publish the TXT record {domain} "v=spf1 include:YOUR.RELAY ~all", with what '
                "your relay tells you to include"
            )
            return
        end = _read(walk, domain, record, (domain,))
    except _Broken as broken:
        yield Remark(f"{where}: {broken}")
        return
    if end == "+":
        yield Remark(f"{where}: it ends in +all, which lets anybody send in your name: write ~all or -all")
    elif not walk.anybody:
        yield Remark(
            f"{where}: it lets nobody send: write include: or ip4: with what your relay tells you before the all"
        )
    elif end in ("?", ""):
        said = "ends in ?all" if end else "has no all at its end"
        yield note(f"{where}: it {said}, which says nothing about others: write ~all or -all")
    for words in walk.notes:
        yield note(f"{where}: {words}")


def _record(lookup: Lookup, domain: str) -> str | None:
    found = [text for text in lookup.txt(domain) if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if len(found) > 1:
        raise _Broken(f"{domain} has {len(found)} records, which counts as none: join them into one")
    return found[0] if found else None


def _read(walk: _Walk, domain: str, record: str, above: tuple[str, ...]) -> str:
    """Reads a record and those that it leads to; returns the sign of its ``all``, empty where it has none."""
    redirect = ""
    for term in record.split()[1:]:
        if modifier := _MODIFIER.fullmatch(term):
            if modifier["name"].lower() == "redirect":
                redirect = modifier["value"]
            continue
        parts = _TERM.fullmatch(term)
        name = parts["name"].lower() if parts else ""
        if parts is None or name not in (*_ASKING, "all", "ip4", "ip6"):
            raise _Broken(f"{domain} has the term {term!r}, which there is not: receivers stop there; correct it")
        rest = parts["rest"] or ""
        if name == "all":
            # What stands behind it is never looked at, and neither is redirect (RFC 7208 section 5.1).
            return parts["sign"] or "+"
        if name in ("ip4", "ip6"):
            _network(domain, term, name, rest)
        if name == "ptr":
            walk.notes.append(
                f"{domain} uses ptr, which is slow and not to be used (RFC 7208 section 5.5): leave it out"
            )
        if parts["sign"] in ("", "+") and name != "include":
            walk.anybody = True
        if name in _ASKING:
            _count(walk)
        if name == "include":
            _follow(walk, domain, rest[1:], term, above)
    if redirect:
        _count(walk)
        return _follow(walk, domain, redirect, f"redirect={redirect}", above)
    return ""


def _follow(walk: _Walk, domain: str, target: str, term: str, above: tuple[str, ...]) -> str:
    target = target.rstrip(".").lower()
    if not target:
        raise _Broken(f"{domain} has {term!r} without a domain: write it behind the colon")
    if "%" in target:
        walk.anybody = True
        walk.notes.append(f"{domain} has {term}, which depends on the message: what it comes to cannot be known here")
        return ""
    if target in above:
        raise _Broken(f"{domain} has {term}, which leads back to itself: leave it out")
    record = _record(walk.lookup, target)
    if record is None:
        raise _Broken(f"{domain} has {term}, and {target} has no SPF record: receivers stop there; correct it")
    return _read(walk, target, record, (*above, target))


def _count(walk: _Walk) -> None:
    walk.asked += 1
    if walk.asked > MOST_LOOKUPS:
        raise _Broken(
            f"it takes more than {MOST_LOOKUPS} lookups, which counts as broken (RFC 7208 section 4.6.4): leave out "
            "what you do not send by, or write ip4: and ip6: for it"
        )


def _network(domain: str, term: str, name: str, rest: str) -> None:
    try:
        network = ipaddress.ip_network(rest[1:], strict=False)
    except ValueError:
        network = None
    if network is None or rest[:1] != ":" or f"ip{network.version}" != name:
        raise _Broken(f"{domain} has the term {term!r}, which is no network: write for example ip4:192.0.2.0/24")
