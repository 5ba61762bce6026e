"""DMARC (RFC 9989): the policy of a sender's domain, found by walking up the tree, and what is aligned with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.press.senders.dkim import tags
from newsletter.press.senders.lookup import Lookup
from newsletter.press.senders.remark import Remark, note

MOST_QUERIES = 8
"""RFC 9989 section 4.10: of one walk."""
REMOVED = ("pct", "rf", "ri")
_POLICIES = ("none", "quarantine", "reject")
_VALUES = {
    "p": _POLICIES, "sp": _POLICIES, "np": _POLICIES, "t": ("y", "n"), "psd": ("y", "n", "u"), "adkim": ("r", "s"),
    "aspf": ("r", "s"),
}  # fmt: skip
_KNOWN = {"v", *_VALUES, "rua", "ruf", "fo", *REMOVED}


@dataclass(frozen=True, slots=True)
class Found:
    """A record that a walk came to."""

    domain: str
    tags: dict[str, str]


def records(lookup: Lookup, domain: str) -> list[dict[str, str]]:
    """The DMARC records at a name. Receivers discard all of them where there are several. Raises `Unanswered`."""
    found = []
    for text in lookup.txt(f"_dmarc.{domain}"):
        first, _, _ = text.partition(";")
        name, _, version = first.partition("=")
        if (name.strip(), version.strip()) == ("v", "DMARC1"):
            found.append(tags(text))
    return found


def steps(domain: str) -> list[str]:
    """The names that a walk asks for, in order: the domain, then up from at most seven labels to the last one."""
    labels = domain.split(".")
    names = [domain]
    rest = labels[1:] if len(labels) < MOST_QUERIES else labels[-(MOST_QUERIES - 1) :]
    while rest:
        names.append(".".join(rest))
        rest = rest[1:]
    return names


def walk(lookup: Lookup, domain: str) -> list[Found]:
    """The records above a domain, its own first (RFC 9989 section 4.10). Raises `Unanswered`."""
    found = []
    for name in steps(domain):
        here = records(lookup, name)
        if len(here) == 1:
            found.append(Found(name, here[0]))
            if here[0].get("psd", "u").lower() in ("y", "n"):
                break
    return found


def organisation(domain: str, found: list[Found]) -> str:
    """The organizational domain of a domain, by the records of its walk (RFC 9989 section 4.10.2)."""
    for one in found:
        psd = one.tags.get("psd", "u").lower()
        if psd == "n":
            return one.domain
        if psd == "y" and one.domain != domain:
            below = len(one.domain.split(".")) + 1
            return ".".join(domain.split(".")[-below:])
    return found[-1].domain if found else domain


def check(lookup: Lookup, sender: str, envelope: str, signing: tuple[str, ...]) -> Iterator[Remark]:
    """What is wrong with the DMARC of a sender's domain, and whether its envelope and signatures are aligned.

    ``signing`` are the domains (``d=``) that we sign for. Raises `Unanswered`.
    """
    where = f"DMARC of {sender}"
    found = walk(lookup, sender)
    home = organisation(sender, found)
    if len(several := records(lookup, sender)) > 1:
        yield Remark(f"{where}: _dmarc.{sender} has {len(several)} records, which counts as none: leave one")
    chosen = next((one for one in found if one.domain in (sender, home)), found[-1] if found else None)
    if chosen is None:
        yield Remark(
            f'{where}: there is none: publish the TXT record _dmarc.{sender} "v=DMARC1; p=none; '
            f'rua=mailto:dmarc@{sender}", and a stricter p= once the reports look well'
        )
        policy: dict[str, str] = {}
    else:
        policy = chosen.tags
        yield from _policy(lookup, f"DMARC at _dmarc.{chosen.domain}", sender, chosen)
    yield from _alignment(lookup, where, sender, home, envelope, signing, policy)


def _policy(lookup: Lookup, where: str, sender: str, chosen: Found) -> Iterator[Remark]:
    policy = chosen.tags
    for name, values in _VALUES.items():
        if name in policy and policy[name].lower() not in values:
            yield Remark(f"{where}: {name}={policy[name]} is no value of it: write one of {', '.join(values)}")
    if "p" not in policy and "rua" not in policy:
        yield Remark(f"{where}: it has neither p= nor rua=, and so says nothing: write p=none, or a stricter one")
    for name in REMOVED:
        if name in policy:
            more = "; t=y is what is left of it" if name == "pct" else ""
            yield note(
                f"{where}: {name}= was removed by RFC 9989, and receivers need not look at it: leave it out{more}"
            )
    for name in policy:
        if name not in _KNOWN:
            yield note(f"{where}: receivers ignore the tag {name}=, which they do not know")
    wanted, named = policy.get("p", "none").lower(), "p"
    if chosen.domain != sender:
        ways = ("sp",) if lookup.exists(sender) else ("np", "sp")
        named = next((way for way in ways if way in policy), "p")
        wanted = policy.get(named, wanted).lower()
    if wanted == "none":
        yield note(f"{where}: {named}=none is enough for bulk senders, and stops nobody who writes in your name")
    if policy.get("t", "n").lower() == "y":
        yield note(
            f"{where}: t=y asks receivers to be one step milder than {named}={wanted}: leave it out when all is well"
        )
    if "rua" not in policy:
        yield note(f"{where}: without rua= nobody sends you reports: write rua=mailto: and an address")


def _alignment(
    lookup: Lookup,
    where: str,
    sender: str,
    home: str,
    envelope: str,
    signing: tuple[str, ...],
    policy: dict[str, str],
) -> Iterator[Remark]:
    def aligned(other: str, mode: str) -> bool:
        if other == sender or policy.get(mode, "r").lower() == "s":
            return other == sender
        return organisation(other, walk(lookup, other)) == home

    by_spf = aligned(envelope, "aspf")
    by_dkim = [domain for domain in signing if aligned(domain, "adkim")]
    for domain in signing:
        if domain not in by_dkim:
            yield Remark(f"{where}: a signature for {domain} does not count for it: sign with a key of {home}")
    if not by_spf:
        how = "write an envelope address at" if by_dkim else "no signature of ours counts either: write an envelope at"
        text = f"{where}: the envelope is at {envelope}, so SPF does not count for it: {how} {home}"
        yield note(text) if by_dkim else Remark(text)
    if not signing:
        yield note(f"{where}: we do not sign; whether your relay signs for {home} cannot be seen in the DNS")
