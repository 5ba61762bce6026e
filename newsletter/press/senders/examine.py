"""All that the DNS says of the senders of a site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import idna

from newsletter.errors import ConfigError
from newsletter.press.senders import dkim, dmarc, spf
from newsletter.press.senders.dkim import Published
from newsletter.press.senders.lookup import Host, Lookup, Unanswered
from newsletter.press.senders.remark import Remark
from newsletter.press.site import Site
from newsletter.rendering.dkim import record


def examine(site: Site, lookup: Lookup, hosts: Sequence[Host] = ()) -> list[Remark]:
    """What is to be said of every briefing's sender, each thing once. An answer that does not come is a problem.

    ``hosts`` are the addresses that its mail leaves from, as far as they are known.
    """
    said: dict[Remark, None] = {}
    for key, briefing in site.settings.briefings.items():
        sender = _domain(briefing.sender.address)
        bounces = briefing.sender.envelope or briefing.sender.address
        envelope = _domain(bounces)
        ours = _keys(site, key)
        signing = tuple(dict.fromkeys(one.domain for one in ours))
        for remarks in (
            *(dkim.check(lookup, one) for one in ours),
            spf.check(lookup, f"{bounces.rpartition('@')[0]}@{envelope}", hosts),
            dmarc.check(lookup, sender, envelope, signing),
        ):
            said.update(dict.fromkeys(_all(remarks)))
    return list(said)


def _keys(site: Site, briefing: str) -> list[Published]:
    """The records of the keys that sign a briefing. Of one that cannot be read the rest of the doctor tells."""
    try:
        keys = site.signing_keys(briefing)
    except ConfigError:
        return []
    return [Published(key.domain, one.name, one.value) for key in keys for one in (record(key),)]


def _all(remarks: Iterator[Remark]) -> Iterator[Remark]:
    try:
        yield from remarks
    except Unanswered as error:
        yield Remark(str(error))


def _domain(address: str) -> str:
    name = address.rpartition("@")[2].lower()
    return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
