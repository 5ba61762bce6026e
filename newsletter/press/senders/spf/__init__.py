"""SPF (RFC 7208): whether a domain says, in a form that receivers take, who may send for it, and whether we are among
them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address

from newsletter.press.senders.lookup import Host, Lookup
from newsletter.press.senders.remark import Remark, note
from newsletter.press.senders.spf.record import Broken, found
from newsletter.press.senders.spf.walk import Walk

_WORDS = {"-": "fails", "~": "softly fails", "?": "is neutral about"}


def check(lookup: Lookup, address: str, hosts: Sequence[Host] = ()) -> Iterator[Remark]:
    """What is wrong with the SPF record of an envelope sender, and whether it covers the hosts that mail leaves from.

    ``address`` has its domain in A-labels. Raises `Unanswered`.
    """
    domain = address.rpartition("@")[2]
    where = f"SPF of {domain}"
    # A host that no term fits goes the longest way: all that there is to stumble over lies on it.
    walk = Walk(lookup, address)
    try:
        text = found(lookup, domain)
        if text is None:
            yield Remark(
                f'{where}: there is none: publish the TXT record {domain} "v=spf1 include:YOUR.RELAY ~all", with what '
                "your relay tells you to include"
            )
            return
        verdict = walk.judge(domain, text)
    except Broken as broken:
        yield Remark(f"{where}: {broken}")
        return
    if verdict.sign == "+":
        yield Remark(f"{where}: {verdict.by} lets anybody send in your name: write ~all or -all in its place")
    elif not walk.anybody:
        yield Remark(
            f"{where}: it lets nobody send: write include: or ip4: with what your relay tells you before the all"
        )
    elif verdict.sign == "?":
        said = f"{verdict.by} at its end" if verdict.by else "no all at its end"
        yield note(f"{where}: it has {said}, which says nothing about others: write ~all or -all")
    for words in dict.fromkeys([*walk.notes, *([] if hosts else walk.by_host)]):
        yield note(f"{where}: {words}")
    if verdict.sign != "+":
        for host in hosts:
            # RFC 7208 section 5: whoever comes by an IPv4 address written as an IPv6 one comes by IPv4.
            mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
            yield _covered(lookup, address, mapped or host, text)


def _covered(lookup: Lookup, address: str, host: Host, text: str) -> Remark:
    domain = address.rpartition("@")[2]
    where = f"SPF of {domain} for {host}"
    walk = Walk(lookup, address, host)
    try:
        verdict = walk.judge(domain, text)
    except Broken as broken:
        return Remark(f"{where}: {broken}")
    if verdict.sign == "+":
        return note(f"{where}: it may send, by {verdict.by}")
    version, _, terms = text.partition(" ")
    publish = f'publish the TXT record {domain} "{version} ip{host.version}:{host} {terms.strip()}"'
    by = f"{verdict.by} {_WORDS[verdict.sign]} it" if verdict.by else "nothing covers it"
    if walk.unknown:
        return note(f"{where}: {by}, unless {walk.unknown[0]} does, which cannot be judged here: to be sure {publish}")
    return Remark(f"{where}: {by}: {publish}")
