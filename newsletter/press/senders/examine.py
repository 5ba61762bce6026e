"""All that the DNS says of the senders of a site."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import idna

from newsletter.press.senders import dkim, dmarc, spf
from newsletter.press.senders.dkim import Published
from newsletter.press.senders.lookup import Lookup, Unanswered
from newsletter.press.senders.remark import Remark
from newsletter.press.site import Site

Keys = Callable[[str], tuple[Published, ...]]
"""The DKIM records of the keys that a briefing (its key) is signed with."""


def examine(site: Site, lookup: Lookup, keys: Keys = lambda _: ()) -> list[Remark]:
    """What is to be said of every briefing's sender, each thing once. An answer that does not come is a problem."""
    said: dict[Remark, None] = {}
    for key, briefing in site.settings.briefings.items():
        sender = _domain(briefing.sender.address)
        envelope = _domain(briefing.sender.envelope or briefing.sender.address)
        ours = keys(key)
        signing = tuple(dict.fromkeys(one.domain for one in ours))
        for remarks in (
            *(dkim.check(lookup, one) for one in ours),
            spf.check(lookup, envelope),
            dmarc.check(lookup, sender, envelope, signing),
        ):
            said.update(dict.fromkeys(_all(remarks)))
    return list(said)


def _all(remarks: Iterator[Remark]) -> Iterator[Remark]:
    try:
        yield from remarks
    except Unanswered as error:
        yield Remark(str(error))


def _domain(address: str) -> str:
    name = address.rpartition("@")[2].lower()
    return name if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
