"""The doctor's questions over a real socket, to a name server of the test's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.cli import main
from newsletter.database import Database
from newsletter.press.senders import Dns, Unanswered, examine
from newsletter.rendering.dkim import record
from newsletter.testing import FixedClock
from tests.sites import CONFIG, make_site

ZONE = {
    "courier.example.org": ['"v=spf1 ip4:192.0.2.0/24 " "-all"'],
    "_dmarc.courier.example.org": ['"v=DMARC1; p=reject; rua=mailto:omar@example.org"'],
}


class NameServer:
    """Answers over UDP on a port of 127.0.0.1 from ``zone``, its TXT records, and ``others`` (name, kind); with
    ``broken``, that it cannot."""

    def __init__(self) -> None:
        self.zone, self.broken, self.questions = dict(ZONE), False, 0
        self.others: dict[tuple[str, str], list[str]] = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]

    def serve(self) -> None:
        while True:
            data, peer = self.socket.recvfrom(4096)
            if not data:
                return
            self.questions += 1
            asked = dns.message.from_wire(data)
            answer = dns.message.make_response(asked)
            name = asked.question[0].name.to_text(omit_final_dot=True).lower()
            kind = dns.rdatatype.to_text(asked.question[0].rdtype)
            if self.broken:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif records := self.zone.get(name) if kind == "TXT" else self.others.get((name, kind)):
                answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *records))
            elif not any(known.endswith(f".{name}") for known in self.zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self.socket.sendto(answer.to_wire(), peer)


@pytest.fixture
def server() -> Iterator[NameServer]:
    server = NameServer()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"", ("127.0.0.1", server.port))
    thread.join(30)
    server.socket.close()


def test_a_sound_sender_has_no_problem_and_each_name_is_asked_for_once(
    server: NameServer, database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "dkim.pem").write_bytes(pem)
    signed = f"publication:\n  dkim: [{{domain: courier.example.org, selector: s1, key_file: {tmp_path / 'dkim.pem'}}}]"
    site = make_site(tmp_path / "site", database, clock, config=CONFIG.replace("publication:", signed))
    (key,) = site.signing_keys("morning")
    published = record(key)
    server.zone[published.name] = [f'"{published.value[:20]}" "{published.value[20:]}"']
    said = examine(site, Dns("127.0.0.1", server.port))
    assert [one.text for one in said if one.problem] == []
    assert [one.text.split(":")[0] for one in said] == ["DKIM s1._domainkey.courier.example.org"]
    assert server.questions == 5  # the key, SPF, and DMARC at three names


def test_spf_is_held_against_the_addresses_that_the_dns_gives_for_hosts_and_mail_exchangers(
    server: NameServer, database: Database, tmp_path: Path, clock: FixedClock
) -> None:
    site = make_site(tmp_path / "site", database, clock)
    server.zone["courier.example.org"] = ['"v=spf1 a:relay.example.org mx -all"']
    server.others = {
        ("relay.example.org", "A"): ["192.0.2.25"],
        ("relay.example.org", "AAAA"): ["2001:db8::25"],
        ("courier.example.org", "MX"): ["10 MX.example.org.", "20 ."],
        ("mx.example.org", "A"): ["198.51.100.7"],
    }
    hosts = [ip_address(host) for host in ("192.0.2.25", "2001:db8::25", "198.51.100.7", "198.51.100.8")]
    said = [one for one in examine(site, Dns("127.0.0.1", server.port), hosts) if one.text.startswith("SPF")]
    assert [one.problem for one in said] == [False, False, False, True]
    assert said[1].text == (
        "SPF of courier.example.org for 2001:db8::25: it may send, by a:relay.example.org of courier.example.org"
    )
    assert said[2].text.endswith("by mx of courier.example.org")
    assert said[3].text == (
        "SPF of courier.example.org for 198.51.100.8: -all of courier.example.org fails it: publish the TXT record "
        'courier.example.org "v=spf1 ip4:198.51.100.8 a:relay.example.org mx -all"'
    )


def test_a_name_server_that_does_not_answer_is_a_problem_and_no_verdict(server: NameServer) -> None:
    server.broken = True
    with pytest.raises(Unanswered, match=r"courier\.example\.org: the DNS gave no answer"):
        Dns("127.0.0.1", server.port).txt("courier.example.org")


def test_a_name_that_cannot_be_one_is_said_to_be_none(server: NameServer) -> None:
    with pytest.raises(Unanswered, match="cannot be looked up"):
        Dns("127.0.0.1", server.port).txt(f"{'a' * 64}.example.org")


def run(*arguments: str) -> object:
    """The exit status of a command."""
    try:
        return main(list(arguments))
    except SystemExit as left:
        return left.code


def test_the_doctor_asks_only_when_told_to(
    server: NameServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("init", str(tmp_path / "site")) == 0
    config = ("--config", str(tmp_path / "site" / "config.yaml"))
    assert run(*config, "db", "upgrade") == 0
    asked = ("doctor", "--dns", "--nameserver", f"127.0.0.1:{server.port}")
    capsys.readouterr()
    assert run(*config, "doctor") == 0
    assert server.questions == 0
    assert run(*config, *asked) == 0
    assert "note: DMARC of courier.example.org: we do not sign" in capsys.readouterr().out
    server.zone.pop("courier.example.org")
    assert run(*config, *asked) == 1
    assert "SPF of courier.example.org: there is none: publish" in capsys.readouterr().err
    assert run(*config, "doctor", "--dns", "--nameserver", "somewhere") == 2
    assert run(*config, "doctor", "--dns", "--sends-from", "somewhere") == 2
    assert run(*config, "doctor", "--sends-from", "192.0.2.25") == 2
    server.zone = dict(ZONE)
    assert run(*config, *asked, "--sends-from", "192.0.2.25", "--sends-from", "2001:db8::25") == 1
    said = capsys.readouterr()
    assert "192.0.2.25: it may send, by ip4:192.0.2.0/24" in said.out
    assert '"v=spf1 ip6:2001:db8::25 ip4:192.0.2.0/24 -all"' in said.err
