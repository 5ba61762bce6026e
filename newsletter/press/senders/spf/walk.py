"""The way of a receiver through SPF records (RFC 7208 section 4.6), with its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_network

from newsletter.press.senders.lookup import Host, Lookup
from newsletter.press.senders.spf.macros import expand
from newsletter.press.senders.spf.record import ASKING, Broken, Record, Term, found, parse

MOST_LOOKUPS = 10
"""RFC 7208 section 4.6.4: terms that ask the DNS, in all records that one evaluation comes to."""
MOST_VOID = 2
"""The same section: of these terms such as the DNS has nothing for."""
MOST_EXCHANGERS = 10
"""The same section: names that one ``mx`` may come to."""


_ANY = IPv4Address(0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record says of a host: the sign of the term that fitted (``?`` where none did), and which it was."""

    sign: str
    by: str


@dataclass(slots=True)
class Walk:
    """One evaluation for a message from ``sender``. Without a ``host`` it is one that only ``all`` fits, by whichever
    kind of address it comes."""

    lookup: Lookup
    sender: str
    host: Host | None = None
    anybody: bool = False
    """Something can match: an address, a host, what cannot be judged."""
    notes: list[str] = field(default_factory=list)
    by_host: list[str] = field(default_factory=list)
    """Notes on what a ``host`` would settle."""
    unknown: list[str] = field(default_factory=list)
    """Terms that might have fitted; what they come to cannot be known here."""
    _asked: int = 0
    _void: int = 0

    def judge(self, domain: str, text: str) -> Verdict:
        """Goes through the record of a domain and those that it leads to. Raises `Broken` and `Unanswered`."""
        return self._read(parse(domain, text), (domain,))

    def _read(self, record: Record, above: tuple[str, ...]) -> Verdict:
        for at, term in enumerate(record.terms):
            if term.name == "all" and (behind := record.terms[at + 1 :]):
                self.notes.append(
                    f"{record.domain} has {behind[0].text} behind {term.text}, where nobody looks: write it before"
                )
            if self._fits(record, term, above):
                return Verdict(term.sign, f"{term.text} of {record.domain}")
        if not record.redirect or any(term.name == "all" for term in record.terms):
            return Verdict("?", "")
        self._count()
        return self._follow(record, record.redirect, f"redirect={record.redirect}", above) or Verdict("?", "")

    def _fits(self, record: Record, term: Term, above: tuple[str, ...]) -> bool:
        if term.name in ASKING:
            self._count()
        words = f"{record.domain} has {term.text}"
        if term.name == "all":
            return True
        if term.name == "include":
            inner = self._follow(record, term.target, term.text, above)
            return inner is not None and inner.sign == "+"
        if term.network is not None:
            self._may(term)
            return self.host is not None and self.host in term.network
        if term.name == "ptr":
            self._unjudged(term)
            self.notes.append(f"{words}, which is slow and not to be used (RFC 7208 section 5.5): write ip4: or ip6:")
            return False
        name = self._expand(record, term.target, term.text) if term.target else record.domain
        if name is None:
            self._unjudged(term)
            return False
        if term.name == "exists":
            # Over IPv6 too it is the A record that is asked for (RFC 7208 section 5.7).
            there = bool(self.lookup.addresses(name, 4))
            if not there:
                self._void_at(f"{words}, and {name} has no A record")
            return there
        return self._among_hosts(term, name, words)

    def _among_hosts(self, term: Term, name: str, words: str) -> bool:
        """``a`` and ``mx``: the addresses of a name, or of its mail exchangers."""
        names = [name] if term.name == "a" else self.lookup.exchangers(name)
        if len(names) > MOST_EXCHANGERS:
            raise Broken(
                f"{words}, and {name} has {len(names)} mail exchangers, where receivers stop at more than "
                f"{MOST_EXCHANGERS}: write ip4: and ip6: instead"
            )
        kinds = (4, 6) if self.host is None else (self.host.version,)
        hosts = [host for one in names for kind in kinds for host in self.lookup.addresses(one, kind)]
        if hosts:
            self._may(term)
        elif not names:
            self._void_at(f"{words}, and {name} has no MX record")
        elif term.name == "mx":
            self.notes.append(f"{words}, and no MX of {name} has an address: leave it out, or correct it")
        else:
            self._void_at(f"{words}, and {name} has no address")
        bits = dict(zip((4, 6), term.prefixes, strict=True))
        return self.host is not None and any(
            self.host in ip_network((one, bits[one.version]), strict=False) for one in hosts
        )

    def _follow(self, record: Record, target: str, words: str, above: tuple[str, ...]) -> Verdict | None:
        """What the record at ``target`` says; None where it cannot be known which that is."""
        name = self._expand(record, target, words)
        if name is None:
            self.anybody = True
            self.unknown.append(f"{words} of {record.domain}")
            return None
        if name in above:
            raise Broken(f"{record.domain} has {words}, which leads back to itself: leave it out")
        text = found(self.lookup, name)
        if text is None:
            raise Broken(f"{record.domain} has {words}, and {name} has no SPF record: receivers stop there; correct it")
        return self._read(parse(name, text), (*above, name))

    def _expand(self, record: Record, target: str, words: str) -> str | None:
        name = expand(target, domain=record.domain, sender=self.sender, host=self.host)
        if name is None:
            of = f"{record.domain} has {words}, which depends on"
            if self.host is None and expand(target, domain=record.domain, sender=self.sender, host=_ANY) is not None:
                self.by_host.append(f"{of} the host: to have it judged, name yours with --sends-from")
            else:
                self.notes.append(f"{of} how the host calls itself: it cannot be judged here")
        return name

    def _count(self) -> None:
        self._asked += 1
        if self._asked > MOST_LOOKUPS:
            raise Broken(
                f"it takes more than {MOST_LOOKUPS} lookups, which counts as broken (RFC 7208 section 4.6.4): leave "
                "out what you do not send by, or write ip4: and ip6: for it"
            )

    def _void_at(self, words: str) -> None:
        """Counts a term that the DNS has nothing for."""
        self._void += 1
        self.notes.append(f"{words}: leave it out, or correct it")
        if self._void > MOST_VOID:
            raise Broken(
                f"{words}, as one too many: receivers stop at more than {MOST_VOID} terms that lead to nothing "
                "(RFC 7208 section 4.6.4): leave them out"
            )

    def _may(self, term: Term) -> None:
        self.anybody = self.anybody or term.sign == "+"

    def _unjudged(self, term: Term) -> None:
        self._may(term)
        if term.sign == "+":
            self.unknown.append(term.text)
