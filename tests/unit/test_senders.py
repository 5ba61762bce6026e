"""What is said of a sender's records in the DNS: DKIM, SPF, DMARC."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.press.senders import Remark, dkim, dmarc, spf
from newsletter.press.senders.dkim import Published
from newsletter.press.senders.dmarc import organisation, steps, walk
from newsletter.press.senders.lookup import Host
from newsletter.press.senders.spf.macros import expand

FROM = "news.courier.example"


class Zone:
    """A DNS of a few names; keeps what it was asked for."""

    def __init__(self, **records: str | list[str]) -> None:
        self._records = {
            name.replace("__", "."): [text] if isinstance(text, str) else text for name, text in records.items()
        }
        self.asked: list[str] = []
        self.hosts: dict[str, list[str]] = {}
        """Addresses of names."""
        self.mx: dict[str, list[str]] = {}

    @classmethod
    def of(cls, records: dict[str, str | list[str]]) -> Zone:
        zone = cls()
        zone._records = {name: [text] if isinstance(text, str) else text for name, text in records.items()}
        return zone

    def txt(self, name: str) -> list[str]:
        self.asked.append(name)
        return self._records.get(name, [])

    def addresses(self, name: str, version: int) -> list[Host]:
        self.asked.append(name)
        return [host for host in map(ip_address, self.hosts.get(name, [])) if host.version == version]

    def exchangers(self, name: str) -> list[str]:
        self.asked.append(name)
        return self.mx.get(name, [])

    def exists(self, name: str) -> bool:
        return any(known == name or known.endswith(f".{name}") for known in self._records)


def problems(remarks: Iterator[Remark]) -> list[str]:
    return [one.text for one in remarks if one.problem]


def notes(remarks: Iterator[Remark]) -> list[str]:
    return [one.text for one in remarks if not one.problem]


HOSTS = {
    FROM: ["192.0.2.10", "2001:db8::10"],
    "mail.courier.example": ["198.51.100.40"],
    "mx1.courier.example": ["203.0.113.1"],
    "mx2.courier.example": ["203.0.113.2", "2001:db8:2::2"],
    "7.2.0.192.in-addr.bounces.relay.example": ["127.0.0.2"],
}


def spf_of(record: str | list[str], *sends_from: str, **others: str) -> list[Remark]:
    zone = Zone.of({FROM: record} | others)
    zone.hosts = dict(HOSTS)
    zone.mx = {FROM: ["mx1.courier.example", "mx2.courier.example"], "mute.example": ["nowhere.example"]}
    zone.mx["crowd.example"] = [f"mx{n}.crowd.example" for n in range(11)]
    return list(spf.check(zone, f"bounces@{FROM}", [ip_address(host) for host in sends_from]))


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",
        "v=spf1 a mx ~all",
        "V=SPF1 +a:mail.courier.example/28 -ALL",
        "v=spf1 include:_spf.relay.example ~all",
        "v=spf1 redirect=_spf.relay.example",
        "v=spf1 ip4:192.0.2.1 -all exp=why.courier.example",
    ],
)
def test_a_sound_spf_record_has_nothing_said_of_it(record: str) -> None:
    assert spf_of(record, **{"_spf.relay.example": "v=spf1 ip4:192.0.2.7 -all"}) == []


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ([], "there is none: publish the TXT record news.courier.example"),
        (["v=spf1 -all", "v=spf1 a -all"], "has 2 records"),
        ("v=spf1 a +all", "lets anybody send"),
        ("v=spf1 all", "lets anybody send"),
        ("v=spf1 -all", "lets nobody send"),
        ("v=spf1 ip4:192.0.2.300 -all", "no network"),
        ("v=spf1 ip4:2001:db8:: -all", "no network"),
        ("v=spf1 ipv4:192.0.2.1 -all", "'ipv4:192.0.2.1', which there is not"),
        ("v=spf1 include:nothing.example -all", "nothing.example has no SPF record"),
        ("v=spf1 include: -all", "without a domain"),
        ("v=spf1 include:news.courier.example -all", "leads back to itself"),
        ("v=spf1 a " + "mx " * 10 + "-all", "more than 10 lookups"),
        ("v=spf1 redirect=open.example", "all of open.example lets anybody send"),
        ("v=spf1 include:open.example -all", "include:open.example of news.courier.example lets anybody send"),
        ("v=spf1 exists:%{o} -all", "exists:%{o} of news.courier.example lets anybody send"),
        ("v=spf1 a -all: ip4:192.0.2.1", "nothing may stand behind all"),
        ("v=spf1 a -all ipv4:192.0.2.1", "'ipv4:192.0.2.1', which there is not"),
        ("v=spf1 a/33 -all", "write for example a:mail.example.org/28"),
        ("v=spf1 a:%{x}.example -all", "a macro that there is not"),
        ("v=spf1 redirect=a.example redirect=b.example", "more than once"),
        ("v=spf1 a -all exp=a.example exp=b.example", "more than once"),
        ("v=spf1 a -all colour=%red", "a macro that there is not"),
        ("v=spf1 a:192.0.2.1 -all", "which names no domain: an address is written as ip4: or ip6:"),
        ("v=spf1 a:mail -all", "which names no domain"),
        ("v=spf1 exists:mail.courier.example/24 -all", "which names no domain"),
        ("v=spf1 ip4:192.0.2.1/032 -all", "no network"),
        ("v=spf1 mx:crowd.example -all", "11 mail exchangers"),
        ("v=spf1 a a:n1.example mx:n2.example exists:n3.example -all", "exists:n3.example, and n3.example has no A"),
        ("v=spf1 a:gone.example -all", "lets nobody send"),
    ],
)
def test_a_broken_spf_record_is_a_problem(record: str | list[str], words: str) -> None:
    (only,) = problems(iter(spf_of(record, **{"open.example": "v=spf1 a all"})))
    assert words in only


def test_lookups_of_spf_are_counted_in_all_records_that_one_leads_to() -> None:
    """Ten are taken, eleven are not; and a chain without an end is left at the eleventh."""
    near = {f"s{n}.example": f"v=spf1 include:s{n + 1}.example -all" for n in range(30)}
    (only,) = problems(iter(spf_of("v=spf1 include:s0.example -all", **near)))
    assert "more than 10 lookups" in only
    inner = {"_spf.relay.example": f"v=spf1 {f'mx:{FROM} ' * 9}-all"}
    assert problems(iter(spf_of("v=spf1 include:_spf.relay.example -all", **inner))) == []
    assert problems(iter(spf_of("v=spf1 a include:_spf.relay.example -all", **inner))) != []


def test_what_is_lenient_in_spf_is_a_note() -> None:
    for record, words in (
        ("v=spf1 a ?all", "it has ?all of news.courier.example at its end"),
        ("v=spf1 a", "no all at its end"),
        ("v=spf1 ptr -all", "has ptr, which is slow"),
        ("v=spf1 include:%{h}.relay.example -all", "depends on how the host calls itself"),
        ("v=spf1 exists:%{i}._spf.relay.example -all", "name yours with --sends-from"),
        ("v=spf1 a:mail.courier.example a:gone.example -all", "gone.example has no address: leave it out"),
        ("v=spf1 mx mx:mute.example -all", "no MX of mute.example has an address"),
        ("v=spf1 a mx:gone.example -all", "gone.example has no MX record"),
        ("v=spf1 a -all mx", "has mx behind -all, where nobody looks"),
    ):
        said = spf_of(record)
        assert [one.problem for one in said] == [False], record
        assert words in said[0].text


@pytest.mark.parametrize(
    ("record", "host", "by"),
    [
        ("v=spf1 a -all", "192.0.2.10", "a of"),
        ("v=spf1 a -all", "2001:db8::10", "a of"),
        ("v=spf1 a/24//32 -all", "192.0.2.200", "a/24//32 of"),
        ("v=spf1 a/24//32 -all", "2001:db8:ffff::1", "a/24//32 of"),
        ("v=spf1 a:mail.courier.example -all", "198.51.100.40", "a:mail.courier.example of"),
        ("v=spf1 mx -all", "203.0.113.2", "mx of"),
        ("v=spf1 mx:news.courier.example. -all", "203.0.113.2", "mx:news.courier.example. of"),
        ("v=spf1 mx//48 -all", "2001:db8:2::9", "mx//48 of"),
        ("v=spf1 ip4:192.0.2.0/28 -all", "192.0.2.15", "ip4:192.0.2.0/28 of"),
        ("v=spf1 include:_spf.relay.example -all", "203.0.113.1", "include:_spf.relay.example of"),
        ("v=spf1 redirect=_spf.relay.example", "203.0.113.1", "a:mx1.courier.example of _spf.relay.example"),
        ("v=spf1 exists:%{ir}.%{v}.%{l}.relay.example -all", "192.0.2.7", "exists:%{ir}.%{v}.%{l}.relay.example of"),
    ],
)
def test_a_host_that_spf_covers_is_said_to_be_by_which_term(record: str, host: str, by: str) -> None:
    (only,) = spf_of(record, host, **{"_spf.relay.example": "v=spf1 a:mx1.courier.example -all"})
    assert only.text.startswith(f"SPF of {FROM} for {host}: it may send, by {by}")
    assert not only.problem


def test_an_ipv4_address_written_as_an_ipv6_one_is_judged_as_ipv4() -> None:
    (only,) = spf_of("v=spf1 ip4:192.0.2.0/24 -all", "::ffff:192.0.2.7")
    assert only.text.startswith(f"SPF of {FROM} for 192.0.2.7: it may send")


@pytest.mark.parametrize(
    ("record", "host", "words"),
    [
        ("v=spf1 a mx -all", "192.0.2.11", "-all of news.courier.example fails it"),
        ("v=spf1 a mx ~all", "192.0.2.11", "softly fails it"),
        ("v=spf1 -a +mx ~all", "192.0.2.10", "-a of news.courier.example fails it"),
        ("v=spf1 include:_spf.relay.example -all", "192.0.2.10", "-all of news.courier.example fails it"),
    ],
)
def test_a_host_that_spf_does_not_cover_is_a_problem_with_the_record_to_publish(
    record: str, host: str, words: str
) -> None:
    """What is to be published is covered then."""
    relay = {"_spf.relay.example": "v=spf1 -a:news.courier.example ip4:192.0.2.10 ~all"}
    (only,) = problems(iter(spf_of(record, host, **relay)))
    assert words in only
    published = only.partition(f'publish the TXT record {FROM} "')[2].removesuffix('"')
    assert problems(iter(spf_of(published, host, **relay))) == []


def test_a_host_that_nothing_covers_but_what_is_not_known_is_no_verdict() -> None:
    said = spf_of("v=spf1 a include:%{h}.relay.example -all", "192.0.2.11")
    assert [one.problem for one in said] == [False, False]
    assert "unless include:%{h}.relay.example of news.courier.example does" in said[1].text


def test_terms_that_lead_to_nothing_are_counted_for_the_kind_of_address_that_a_host_has() -> None:
    """Three names with IPv4 addresses alone stop a receiver that is called over IPv6."""
    record = "v=spf1 a:mail.courier.example a:mx1.courier.example a:mail.courier.example/28 ip6:2001:db8:7::7 -all"
    assert problems(iter(spf_of(record, "198.51.100.40"))) == []
    (only,) = problems(iter(spf_of(record, "2001:db8:7::7")))
    assert "2001:db8:7::7: " in only
    assert "receivers stop at more than 2" in only


@pytest.mark.parametrize(
    ("target", "name"),
    [
        # The examples of RFC 7208 section 7.4.
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{L}.a%%b%-%_c", "strong-bad.a%b%20 c"),
        ("%{h}.example", None),
        ("%{p}", None),
    ],
)
def test_macros_are_expanded_as_the_rfc_does(target: str, name: str | None) -> None:
    sender, domain = "strong-bad@email.example.com", "email.example.com"
    assert expand(target, domain=domain, sender=sender, host=ip_address("192.0.2.3")) == name


def test_the_macro_of_an_ipv6_address_is_its_nibbles_and_long_names_lose_labels_on_their_left() -> None:
    host = ip_address("2001:db8::cb01")
    got = expand("%{ir}.%{v}._spf.a.example", domain="a.example", sender="b@a.example", host=host)
    assert got == "1.0.b.c." + "0." * 20 + "8.b.d.0.1.0.0.2.ip6._spf.a.example"
    long = expand("%{d}.%{d}.example", domain=".".join(["label"] * 30), sender="b@a.example", host=None)
    assert long is not None
    assert len(long) <= 253
    assert long.endswith("label.example")


_BITS = st.sampled_from(
    ["a", "mx", "ptr", "exists", "include", "redirect", ":", "=", "/", "//", "%{", "}", "%{ir}", "ip6"]
)


@given(st.text(max_size=80) | st.lists(_BITS | st.text(max_size=3)).map("".join))
def test_no_spf_record_is_too_strange_to_be_judged(words: str) -> None:
    for one in spf_of(f"v=spf1 {words}", "192.0.2.11", "2001:db8::11"):
        assert one.text.startswith("SPF of")


OURS = Published("courier.example", "s1._domainkey.courier.example", "v=DKIM1; k=rsa; p=QUJD")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("v=DKIM1; k=rsa; p=QUJD", ""),
        ("p=QU JD", ""),
        ("v=DKIM1; h=sha1:sha256; s=email; p=QUJD", ""),
        ([], "there is none"),
        ("v=DKIM1; p=", "withdrawn"),
        ("v=DKIM1; p=QUJE", "is not ours"),
        ("v=DKIM1; k=ed25519; p=QUJD", "is not ours"),
        (["p=QUJD", "p=QUJE"], "there are 2 records"),
        ("h=sha1; p=QUJD", "does not allow sha256"),
        ("s=tlsrpt; p=QUJD", "is not for mail"),
        ("v=DKIM2; p=QUJD", "no version of DKIM"),
    ],
)
def test_a_published_key_is_held_against_ours(record: str | list[str], words: str) -> None:
    said = list(dkim.check(Zone.of({OURS.name: record}), OURS))
    assert notes(iter(said))[0].endswith(f'publish the TXT record {OURS.name} "{OURS.value}"')
    assert (problems(iter(said)) == []) if not words else (words in problems(iter(said))[0])


def dmarc_of(
    records: dict[str, str | list[str]], envelope: str = FROM, signing: tuple[str, ...] = ("courier.example",)
) -> list[Remark]:
    return list(dmarc.check(Zone.of(records), FROM, envelope, signing))


def test_a_sound_dmarc_policy_above_the_sender_has_nothing_said_of_it() -> None:
    record = "v=DMARC1; p=reject; sp=quarantine; rua=mailto:omar@courier.example; adkim=r; fo=1"
    assert dmarc_of({"_dmarc.courier.example": record}) == []
    assert dmarc_of({f"_dmarc.{FROM}": record, "_dmarc.courier.example": record}) == []


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ({}, f"there is none: publish the TXT record _dmarc.{FROM}"),
        ({"_dmarc.courier.example": "v=DMARC2; p=none"}, "there is none"),
        ({f"_dmarc.{FROM}": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, "has 2 records"),
        ({f"_dmarc.{FROM}": "v=DMARC1; p=block; rua=mailto:o@courier.example"}, "p=block is no value"),
        ({f"_dmarc.{FROM}": "v=DMARC1; p=none; psd=x"}, "psd=x is no value"),
        ({f"_dmarc.{FROM}": "v=DMARC1; sp=reject"}, "neither p= nor rua="),
    ],
)
def test_a_broken_dmarc_policy_is_a_problem(records: dict[str, str | list[str]], words: str) -> None:
    assert any(words in one for one in problems(iter(dmarc_of(records, signing=(FROM,)))))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("v=DMARC1; p=none; rua=mailto:o@courier.example", ["p=none is enough"]),
        ("v=DMARC1; p=reject", ["without rua="]),
        ("v=DMARC1; p=reject; t=y; rua=mailto:o@courier.example", ["t=y asks"]),
        ("v=DMARC1; p=reject; pct=100; rua=mailto:o@courier.example", ["pct= was removed"]),
        ("v=DMARC1; p=reject; rf=afrf; ri=86400; rua=mailto:o@c.example", ["rf= was removed", "ri= was removed"]),
        ("v=DMARC1; p=reject; np=reject; psd=n; rua=mailto:o@courier.example", []),
        ("v=DMARC1; p=reject; colour=red; rua=mailto:o@courier.example", ["ignore the tag colour="]),
    ],
)
def test_what_is_mild_or_out_of_date_in_dmarc_is_a_note(record: str, words: list[str]) -> None:
    said = dmarc_of({f"_dmarc.{FROM}": record}, signing=(FROM,))
    assert problems(iter(said)) == []
    assert len(said) == len(words)
    assert all(any(one in remark.text for remark in said) for one in words)


RUA = "rua=mailto:o@courier.example"


def test_alignment_is_by_the_organisation_unless_the_record_wants_the_same_name() -> None:
    relaxed: dict[str, str | list[str]] = {"_dmarc.courier.example": f"v=DMARC1; p=reject; {RUA}"}
    strict: dict[str, str | list[str]] = {"_dmarc.courier.example": f"v=DMARC1; p=reject; adkim=s; aspf=s; {RUA}"}
    assert dmarc_of(relaxed, "bounces.courier.example") == []
    (other,) = dmarc_of(relaxed, "relay.example")
    assert (other.problem, "SPF does not count" in other.text) == (False, True)
    assert len(problems(iter(dmarc_of(strict, "bounces.courier.example")))) == 2
    assert (
        "a signature for relay.example does not count"
        in problems(iter(dmarc_of(relaxed, signing=("relay.example",))))[0]
    )
    assert "we do not sign" in notes(iter(dmarc_of(relaxed, signing=())))[0]


def test_a_public_suffix_that_says_so_parts_its_customers() -> None:
    """psd=y: the organisation is one label below; psd=n: it is here, whatever stands above."""
    zone = Zone.of(
        {"_dmarc.hosted.example": "v=DMARC1; p=reject; psd=y", "_dmarc.a.hosted.example": "v=DMARC1; p=none"}
    )
    assert organisation("x.a.hosted.example", walk(zone, "x.a.hosted.example")) == "a.hosted.example"
    assert organisation("b.hosted.example", walk(zone, "b.hosted.example")) == "b.hosted.example"
    assert organisation("hosted.example", walk(zone, "hosted.example")) == "hosted.example"
    zone = Zone.of({"_dmarc.example": "v=DMARC1; p=none", "_dmarc.a.example": "v=DMARC1; p=none; psd=n"})
    assert organisation("x.a.example", walk(zone, "x.a.example")) == "a.example"
    assert zone.asked == ["_dmarc.x.a.example", "_dmarc.a.example"]


def test_a_walk_asks_eight_times_at_most_and_ends_at_the_last_label() -> None:
    assert steps("a.b.example") == ["a.b.example", "b.example", "example"]
    long = ".".join("abcdefghijkl") + ".example"
    assert len(steps(long)) == 8
    assert steps(long)[1:3] == ["g.h.i.j.k.l.example", "h.i.j.k.l.example"]
    seven_up = steps("a.b.c.d.e.f.g.example")
    assert (len(seven_up), seven_up[1]) == (8, "b.c.d.e.f.g.example")
