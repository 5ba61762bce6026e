"""Links and pictures lead somewhere that a reader's machine can reach. Nothing is looked up over the network."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from newsletter.checks.registry import CheckedVariant, CheckInput, Finding, Severity, check
from newsletter.rendering.slots import url_word

_MEND = "write the whole address, for example https://news.example.org/story"
_IN_TEXT = re.compile(r"\bhttps?://[^\s<>\"]+")
_SYNTAX = re.compile(r"\{\{|\{%|\*\||\[%|%%|<%")
# Whole parts of an address only: “the-link-between-two-towns” is a story, and .tk a country.
_PLACEHOLDER = re.compile(
    r"TODO|TK(?:TK)*|XXX+|(?i:placeholder|lorem(?:-ipsum)?|(?:your|insert|add)[-_]?(?:url|link|domain)(?:[-_]?here)?"
    r"|(?:url|link)[-_]?here)"
)
_RESERVED = (".invalid", ".test", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


@check("links")
def links(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for where, address, line, schemes in addresses(variant):
            if wrong := what_is_wrong(address, schemes):
                yield Finding("links", Severity.BLOCK, where, wrong, _MEND, (segment,), line)
            elif address[:5].lower() == "http:":
                yield Finding(
                    "links",
                    Severity.WARN,
                    where,
                    f"“{address[:120]}” goes over plain http, which anybody on the way can read and change",
                    "write its https address",
                    (segment,),
                    line,
                )


def addresses(variant: CheckedVariant) -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    """``(where, address, line, schemes)`` of every link and picture but the readers' own, with what it may begin."""
    rendered = variant.rendered
    ours = {url_word(rendered.nonce, index) for index in range(len(rendered.slots))}
    for link in variant.page.links:
        if link.href not in ours:
            yield f"link “{link.text[:60]}”", link.href, link.line, ("https", "http", "mailto", "tel")
    for picture in variant.page.pictures:
        yield f"picture “{(picture.alt or '')[:60]}”", picture.src, picture.line, ("https", "http")
    for number, row in enumerate(rendered.text.split("\n"), start=1):
        for found in _IN_TEXT.findall(row) if "://" in row else ():
            address = _without_the_sentence(found)
            if address not in ours:
                yield "text part", address, number, ("https", "http")


def _without_the_sentence(address: str) -> str:
    """An address in running text, without what belongs to the sentence around it: “(https://a.example/b).”"""
    address = address.rstrip(".,;:!?")
    return address[:-1] if address.endswith(")") and "(" not in address else address


@lru_cache(maxsize=4096)  # the segments of an edition have most links in common
def what_is_wrong(address: str, schemes: tuple[str, ...]) -> str:
    """What is wrong with where a link leads, in words; empty when nothing is."""
    shown = f"“{address[:120]}”"
    if not address or address == "#":
        return "it leads nowhere"
    if _SYNTAX.search(address) or any(_PLACEHOLDER.fullmatch(part) for part in re.split(r"[/?&#=.:]+", address)):
        return f"{shown} is a placeholder"
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
        _ = parts.port
    except ValueError:
        return f"{shown} is no address"
    if not parts.scheme:
        return f"{shown} is relative: a mail has no page that it could be relative to"
    if parts.scheme.lower() not in schemes:
        return f"{shown} is no {schemes[0]} link"
    if parts.scheme.lower() not in ("http", "https"):
        return "" if parts.path else f"{shown} leads nowhere"
    if not host:
        return f"{shown} names no host"
    if _is_local(host):
        return f"{shown} leads to a machine that readers cannot reach"
    return ""


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_RESERVED)
