"""The text of an SPF record (RFC 7208 sections 4.5, 4.6 and 12)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from newsletter.press.senders.lookup import Lookup

ASKING = ("include", "a", "mx", "ptr", "exists")
"""The mechanisms that ask the DNS; the modifier redirect does too."""

_TERM = re.compile(r"(?P<sign>[+\-~?]?)(?P<name>[a-z0-9]+)(?P<rest>[:/].*)?", re.IGNORECASE)
_MODIFIER = re.compile(r"(?P<name>[a-z][a-z0-9_.-]*)=(?P<value>.*)", re.IGNORECASE)
_HOSTS = re.compile(r"(?::(?P<target>.+?))?(?:/(?P<v4>0|[1-9][0-9]?))?(?://(?P<v6>0|[1-9][0-9]{0,2}))?")
_WORDS = re.compile(r"(?:[!-$&-~]|%%|%_|%-|%\{[slodiphv][0-9]{0,3}r?[.\-+,/_=]*\})*", re.IGNORECASE)
_TOP = re.compile(r"(?=.*[a-z-])[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)


class Broken(Exception):
    """A permanent error (RFC 7208 section 2.6.7), in words."""


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism."""

    text: str
    sign: str
    """What a match means: ``+`` pass, ``-`` fail, ``~`` soft fail, ``?`` neutral."""
    name: str
    target: str = ""
    """The domain behind it, its macros not expanded; empty where it is that of the record."""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    prefixes: tuple[int, int] = (32, 128)
    """Bits of an address that count, in IPv4 and IPv6."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a domain publishes."""

    domain: str
    terms: tuple[Term, ...]
    redirect: str


def found(lookup: Lookup, domain: str) -> str | None:
    """The text of a domain's record. Raises `Broken` for several, and `Unanswered`."""
    texts = [text for text in lookup.txt(domain) if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if len(texts) > 1:
        raise Broken(f"{domain} has {len(texts)} records, which counts as none: join them into one")
    return texts[0] if texts else None


def parse(domain: str, text: str) -> Record:
    """Reads a record to its end: an error anywhere spoils it (RFC 7208 section 4.6). Raises `Broken`."""
    terms: list[Term] = []
    ways: dict[str, str] = {}
    for word in text.split(" ")[1:]:
        if modifier := _MODIFIER.fullmatch(word):
            name = modifier["name"].lower()
            if name in ways:
                raise Broken(f"{domain} has {name}= more than once: receivers stop there; leave one")
            if name in ("redirect", "exp"):
                ways[name] = _target(domain, word, modifier["value"])
            elif not _WORDS.fullmatch(modifier["value"]):
                raise Broken(f"{domain} has {word!r}, with a macro that there is not: receivers stop there; correct it")
        elif word:
            terms.append(_term(domain, word))
    return Record(domain, tuple(terms), ways.get("redirect", ""))


def _term(domain: str, word: str) -> Term:
    parts = _TERM.fullmatch(word)
    name = parts["name"].lower() if parts else ""
    if parts is None or name not in (*ASKING, "all", "ip4", "ip6"):
        raise Broken(f"{domain} has the term {word!r}, which there is not: receivers stop there; correct it")
    sign, rest = parts["sign"] or "+", parts["rest"] or ""
    if name == "all":
        if rest:
            raise Broken(f"{domain} has {word!r}, where nothing may stand behind all: receivers stop there; correct it")
        return Term(word, sign, name)
    if name in ("ip4", "ip6"):
        return Term(word, sign, name, network=_network(domain, word, name, rest))
    if name in ("a", "mx"):
        hosts = _HOSTS.fullmatch(rest)
        v4, v6 = (int(hosts["v4"] or 32), int(hosts["v6"] or 128)) if hosts else (33, 129)
        if hosts is None or v4 > 32 or v6 > 128:
            raise Broken(f"{domain} has the term {word!r}: write for example {name}:mail.example.org/28")
        target = _target(domain, word, hosts["target"]) if hosts["target"] else ""
        return Term(word, sign, name, target, prefixes=(v4, v6))
    if name == "ptr" and not rest:
        return Term(word, sign, name)
    return Term(word, sign, name, _target(domain, word, rest[1:] if rest[:1] == ":" else ""))


def _target(domain: str, word: str, target: str) -> str:
    if not target:
        raise Broken(f"{domain} has {word!r} without a domain: write it behind the {'=' if '=' in word else 'colon'}")
    if not _WORDS.fullmatch(target):
        raise Broken(f"{domain} has {word!r}, with a macro that there is not: receivers stop there; correct it")
    if not _ends(target):
        raise Broken(f"{domain} has {word!r}, which names no domain: an address is written as ip4: or ip6:")
    return target


def _ends(target: str) -> bool:
    """Whether a domain's end is one (RFC 7208 section 7.1): a macro, or a dot and a label that is not all digits."""
    if target.endswith("}") or target[-2:] in ("%%", "%_", "%-"):
        return True
    _, dot, last = target.removesuffix(".").rpartition(".")
    return bool(dot) and _TOP.fullmatch(last) is not None


def _network(domain: str, word: str, name: str, rest: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(rest[1:], strict=False)
    except ValueError:
        network = None
    leading = "/0" in rest and not rest.endswith("/0")
    if network is None or leading or rest[:1] != ":" or f"ip{network.version}" != name:
        raise Broken(f"{domain} has the term {word!r}, which is no network: write for example ip4:192.0.2.0/24")
    return network
