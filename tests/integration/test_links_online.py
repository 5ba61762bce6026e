"""Links asked over the network: what servers on loopback say, how politely they are asked, and what is never asked."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import cast

import pytest

from newsletter import press
from newsletter.checks import CheckedVariant
from newsletter.checks import online as online_module
from newsletter.checks.online import APART, AT_ONCE, Link, Verdict, ask, collect
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.errors import ImportRefused
from newsletter.stories.importers.fetch import Guard, Probed
from newsletter.testing import FixedClock
from newsletter.testing.samples import ordinary
from newsletter.testing.stories import store
from tests import mails
from tests.integration.web_server import Server, guard, ok, redirect
from tests.sites import make_site


def status(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} Words", "Content-Length: 0", *headers]).encode() + b"\r\n\r\n"


def said(server: Server, *, picture: bool = False, **changes: object) -> tuple[Verdict, str]:
    (answer,) = ask([Link(server.url("/a"), "link “a”", ("europe",), picture)], guard(**changes))
    return answer.verdict, answer.message


def methods(server: Server) -> list[str]:
    return [request.split(" ")[0] for request in server.requests]


def test_a_page_that_is_there_is_asked_by_head_alone() -> None:
    with Server(ok(b"", "Content-Length: 999999")) as server:
        assert said(server) == (Verdict.GOOD, "answered 200")
    assert methods(server) == ["HEAD"]


@pytest.mark.parametrize("refused", [status(405), status(501), status(403), status(404), b"", b"what?\r\n\r\n"])
def test_where_head_gets_no_good_answer_the_first_byte_is_got(refused: bytes) -> None:
    with Server(
        refused, b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-0/123\r\nContent-Length: 1\r\n\r\nx"
    ) as server:
        (answer,) = ask([Link(server.url("/a"), "link “a”", ("europe",))], guard())
    assert (answer.verdict, answer.status, answer.length) == (Verdict.GOOD, 206, 123)
    assert methods(server) == ["HEAD", "GET"]
    assert "\r\nRange: bytes=0-0\r\n" in server.requests[1]


def test_a_page_that_is_gone_is_broken() -> None:
    with Server(status(404)) as server:
        assert said(server) == (Verdict.BROKEN, "answered 404")


@pytest.mark.parametrize("code", [401, 403, 429, 451, 503])
def test_a_page_that_may_be_closed_to_programs_is_doubtful(code: int) -> None:
    with Server(status(code)) as server:
        assert said(server)[0] == Verdict.DOUBTFUL
    assert methods(server) == (["HEAD"] if code == 429 else ["HEAD", "GET"])


def test_a_redirect_is_followed_and_told() -> None:
    with Server(redirect("/b", 301), status(200)) as server:
        (answer,) = ask([Link(server.url("/a"), "link “a”", ("europe",))], guard())
        assert (answer.verdict, answer.leads_to) == (Verdict.GOOD, server.url("/b"))


def test_the_guard_looks_at_the_address_of_every_redirect() -> None:
    def resolver(host: str, port: int) -> list[str]:
        return ["10.0.0.1"] if host == "inside.example.org" else ["127.0.0.1"]

    with Server(redirect("http://inside.example.org/")) as server:
        verdict, message = said(server, resolver=resolver)
    assert verdict == Verdict.BROKEN
    assert "inside.example.org is 10.0.0.1, which is no public address" in message
    assert len(server.requests) == 1


def test_without_an_injected_guard_nobody_on_this_machine_is_asked() -> None:
    with Server(status(200)) as server:
        (answer,) = ask([Link(server.url("/a", host="127.0.0.1"), "link “a”", ("europe",))], Guard(SystemClock()))
    assert (answer.verdict, server.requests) == (Verdict.BROKEN, [])


def test_redirects_have_an_end() -> None:
    with Server(redirect("/a")) as server:
        assert said(server) == (Verdict.BROKEN, "was redirected more than 5 times: use its last address")


def test_a_server_that_says_nothing_is_given_up() -> None:
    over = threading.Event()

    def silent(connection: socket.socket, request: str) -> None:
        over.wait(10)

    with Server(silent) as server:
        verdict, message = said(server, seconds=0.2)
        over.set()
    assert (verdict, message) == (Verdict.BROKEN, "took longer than 0.2 seconds")


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        ("Content-Type: image/jpeg", Verdict.GOOD),
        ("Content-Type: text/html; charset=utf-8", Verdict.BROKEN),
        ("Content-Type: image/png\r\nContent-Length: 4000000", Verdict.DOUBTFUL),
    ],
)
def test_a_picture_is_one_and_not_too_heavy(header: str, verdict: Verdict) -> None:
    with Server(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode()) as server:
        assert said(server, picture=True)[0] == verdict


class Slow:
    """A guard that takes its time, and counts how many ask at once."""

    clock = SystemClock()

    def __init__(self, seconds: float = 0.02) -> None:
        self.seconds, self.lock = seconds, threading.Lock()
        self.now, self.most = 0, 0
        self.began: dict[str, list[float]] = {}

    def probe(self, url: str) -> Probed:
        host = url.split("/")[2]
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.began.setdefault(host, []).append(time.monotonic())
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        if url.endswith("/bug"):
            raise KeyError("oops")
        return Probed(url, 200, "text/html", None)


def links_of(*urls: str) -> list[Link]:
    return [Link(url, "link", ("europe",)) for url in urls]


def test_no_more_than_a_few_are_asked_at_once() -> None:
    slow = Slow()
    found = list(ask(links_of(*(f"https://n{number}.example/" for number in range(30))), cast(Guard, slow)))
    assert {answer.verdict for answer in found} == {Verdict.GOOD}
    assert len(found) == 30
    assert 1 < slow.most <= AT_ONCE


def test_one_host_is_asked_by_turns_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online_module, "APART", 0.05)
    slow, start = Slow(0.01), time.monotonic()
    urls = [f"https://one.example/{number}" for number in range(4)]
    found = list(ask(links_of(*urls, "https://two.example/"), cast(Guard, slow)))
    assert [a.link.address for a in found if "one" in a.link.address] == urls
    assert [at - start >= number * 0.05 for number, at in enumerate(slow.began["one.example"])] == [True] * 4
    assert APART >= 0.5


def test_answers_come_as_they_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is there while the second is still being asked for."""
    asked, go = threading.Event(), threading.Event()

    class Waiting(Slow):
        def probe(self, url: str) -> Probed:
            if "late" in url:
                asked.set()
                assert go.wait(10)
            return Probed(url, 200, "", None)

    answers = ask(links_of("https://late.example/", "https://soon.example/"), cast(Guard, Waiting()))
    assert next(answers).link.address == "https://soon.example/"
    assert asked.wait(10)
    go.set()
    assert next(answers).link.address == "https://late.example/"


def test_what_is_too_much_or_takes_too_long_is_told_as_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online_module, "MOST", 2)
    urls = [f"https://n{number}.example/" for number in range(3)]
    found = {a.link.address: a.verdict for a in ask(links_of(*urls), cast(Guard, Slow()))}
    assert [found[url] for url in urls] == [Verdict.GOOD, Verdict.GOOD, Verdict.NOT_ASKED]
    monkeypatch.setattr(online_module, "LONGEST", 0.0)
    assert [a.verdict for a in ask(links_of(*urls), cast(Guard, Slow()))] == [Verdict.NOT_ASKED] * 3


def test_a_mistake_of_ours_is_an_answer_too() -> None:
    (answer,) = ask(links_of("https://one.example/bug"), cast(Guard, Slow()))
    assert (answer.verdict, answer.message) == (Verdict.DOUBTFUL, "it could not be asked: KeyError")


def test_every_address_is_collected_once_and_no_reader_s_own() -> None:
    variant = CheckedVariant(ordinary(), mails.rendered("ordinary"))
    found = collect({"europe": variant, "world": variant})
    assert len({link.address for link in found}) == len(found) > 10
    assert all(link.segments == ("europe", "world") for link in found)
    assert not [link for link in found if "slot.invalid" in link.address or not link.address.startswith("http")]
    assert {link.address.rpartition("/")[2] for link in found if link.picture} >= {"lighthouse.jpg", "viaduct.jpg"}


def test_an_address_that_cannot_be_read_is_broken() -> None:
    with pytest.raises(ImportRefused):
        guard().probe("http://[::1")
    (answer,) = ask(links_of("http://[::1"), guard())
    assert answer.verdict == Verdict.BROKEN


def test_the_links_of_an_edition_are_asked(database: Database, tmp_path: Path, clock: FixedClock) -> None:
    site = make_site(tmp_path / "site", database, clock)
    with Server(status(200)) as server:
        with database.writing() as session:
            store(session, "harbour", now=clock.now(), priority=1, url=server.url("/harbour", host="127.0.0.1"))
        press.assemble(site, "morning")
        found = {a.link.address: a for a in press.links(site, "morning/2026-11-23", guard(resolver=_nobody))}
    answer = found[server.url("/harbour", host="127.0.0.1")]
    assert (answer.verdict, answer.link.segments) == (Verdict.GOOD, ("europe", "world"))
    assert found["https://news.example.org/bank"].message.endswith("is not known to the network: is the name right?")


def _nobody(host: str, port: int) -> list[str]:
    raise OSError("nobody")
