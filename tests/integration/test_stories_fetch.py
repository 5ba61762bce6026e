"""The network guard against a real server on loopback, which an injected policy lets it reach."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from newsletter.clock import SystemClock
from newsletter.errors import ImportRefused
from newsletter.stories.importers.fetch import Guard
from tests.integration.web_server import Answer, Server, guard, ok, redirect


def refusal(url: str, **changes: object) -> str:
    with pytest.raises(ImportRefused) as refused:
        guard(**changes)(url)
    return str(refused.value)


def test_a_document_is_got_with_the_right_host() -> None:
    with Server(ok(b"hello")) as server:
        found = guard()(server.url("/a b".replace(" ", "%20") + "?q=1&r=ü"))
    assert found.body == b"hello"
    assert server.requests[0].startswith("GET /a%20b?q=1&r=%C3%BC HTTP/1.1\r\n")
    assert f"\r\nHost: news.example.org:{server.port}\r\n" in server.requests[0]


def test_the_guard_as_it_is_used_does_not_reach_loopback() -> None:
    with (
        Server(ok(b"hello")) as server,
        pytest.raises(ImportRefused, match=r"127\.0\.0\.1, which is no public address"),
    ):
        Guard(SystemClock())(server.url(host="localhost"))
    assert server.requests == []


def test_the_checked_address_itself_is_connected_to() -> None:
    """The name is never looked up again: there is no such name, and yet the server is reached."""
    with Server(ok(b"hello")) as server:
        assert guard()(server.url(host="rebinding.test")).body == b"hello"


@pytest.mark.parametrize("body", [b"", b"x" * 300_000])
def test_a_chunked_body_is_read(body: bytes) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:1000], body[1000:]) if part) + b"0\r\n\r\n"
    with Server(ok(chunks, "Transfer-Encoding: chunked")) as server:
        assert guard()(server.url()).body == body


def test_a_body_that_ends_with_the_connection_is_read() -> None:
    with Server(ok(b"hello", "Connection: close")) as server:
        assert guard()(server.url()).body == b"hello"


@pytest.mark.parametrize("body", [b"hello", b"x" * 200_000, bytes(range(256)) * 1000, b""])
def test_a_packed_body_is_unpacked(body: bytes) -> None:
    with Server(ok(gzip.compress(body), "Content-Encoding: gzip")) as server:
        assert guard()(server.url()).body == body


def test_a_body_packed_in_several_members_is_whole() -> None:
    with Server(ok(gzip.compress(b"one ") + gzip.compress(b"two"), "Content-Encoding: gzip")) as server:
        assert guard()(server.url()).body == b"one two"


def test_redirects_are_followed_to_the_last_address() -> None:
    with Server(redirect("/two", 301), redirect("three?a=%20", 307), ok(b"hello")) as server:
        found = guard()(server.url("/one"))
    assert found.url == server.url("/three?a=%20")
    assert [request.split()[1] for request in server.requests] == ["/one", "/two", "/three?a=%20"]


def test_five_redirects_are_followed_and_six_are_not() -> None:
    with Server(*[redirect("/again")] * 5, ok(b"hello")) as server:
        assert guard()(server.url()).body == b"hello"
    with Server(redirect("/again")) as server:
        assert "redirected more than 5 times" in refusal(server.url())
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("file:///etc/passwd", "is 'file', and only http and https are read"),
        ("http://10.0.0.1/", "10.0.0.1, which is no public address"),
        ("http://169.254.169.254/latest/meta-data/", "no public address"),
        ("//[::ffff:10.0.0.1]/", "no public address"),
        ("http://0x0a.1/", "no plain host name"),
        ("http://omar:pw@news.example.org/", "has a user name in it"),
        ("http://[::1", "which is no URL"),
        ("", "did not say where to go"),
    ],
)
def test_every_redirect_is_checked_like_the_first_address(target: str, words: str) -> None:
    with Server(redirect(target)) as server:
        message = refusal(server.url())
    assert words in message
    assert message.startswith(server.url())
    assert len(server.requests) == 1


def test_the_name_of_every_redirect_is_checked() -> None:
    """A public name may lead to one whose address is not public."""
    names = {"news.example.org": ["127.0.0.1"], "inside.example": ["10.0.0.1"]}
    with Server(redirect("http://inside.example/")) as server:
        assert "inside.example is 10.0.0.1" in refusal(server.url(), resolver=lambda host, port: names[host])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404 Not Found"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "answered 304 Not Modified"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "answered 204"),
        (b"", "answered with something that is no HTTP"),
        (b"220 smtp.example.org ESMTP\r\n", "answered with something that is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", "broke off before its end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello", "broke off before its end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello", "broke off before its end"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "no HTTP"),
        (ok(b"hello", "Content-Encoding: br"), "is packed with 'br'"),
        (ok(b"hello", "Content-Encoding: gzip"), "cannot be unpacked"),
        (ok(gzip.compress(b"x" * 5000, mtime=0)[:-9], "Content-Encoding: gzip"), "broke off before its end"),
        (ok(b"", "Content-Encoding: gzip"), "broke off before its end"),
    ],
)
def test_an_answer_that_is_not_whole_is_refused(answer: bytes, words: str) -> None:
    with Server(answer) as server:
        message = refusal(server.url())
    assert words in message
    assert "\n" not in message


def _endless(connection: socket.socket, _request: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(2000):
        connection.sendall(b"x" * 65536)


def test_a_body_without_end_is_cut_off_at_the_limit() -> None:
    with Server(_endless) as server:
        assert "is larger than 10 MB" in refusal(server.url())


def test_a_small_packet_that_unpacks_to_a_gigabyte_is_cut_off() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(1000)) + packer.flush()
    assert len(bomb) < 1_100_000
    with Server(ok(bomb, "Content-Encoding: gzip")) as server:
        assert "is larger than 10 MB" in refusal(server.url())


def test_a_body_of_exactly_the_limit_is_read() -> None:
    for body, fits in ((b"x" * 1000, True), (b"x" * 1001, False)):
        with Server(ok(body)) as server:
            if fits:
                assert len(guard(limit=1000)(server.url()).body) == 1000
            else:
                assert "is larger than 0.001 MB" in refusal(server.url(), limit=1000)


def _drip(head: bytes) -> Answer:
    def answer(connection: socket.socket, _request: str) -> None:
        connection.sendall(head)
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])  # fmt: skip
def test_a_server_that_drips_is_given_up_at_the_deadline(head: bytes) -> None:
    """Every byte comes in time, and all of them together do not."""
    with Server(_drip(head)) as server:
        begun = time.monotonic()
        assert "took longer than 0.4 seconds" in refusal(server.url(), seconds=0.4)
        assert time.monotonic() - begun < 5


def test_the_deadline_is_for_all_redirects_together() -> None:
    def slowly(connection: socket.socket, _request: str) -> None:
        time.sleep(0.2)
        connection.sendall(redirect("/again"))

    with Server(slowly) as server:
        assert "took longer than 0.5 seconds" in refusal(server.url(), seconds=0.5)


def test_a_server_that_is_not_there_is_named() -> None:
    with Server(b"") as server:
        url = server.url()
    assert "news.example.org could not be reached (Connection refused)" in refusal(url)


@contextmanager
def _tls(host: str) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert(host).configure_cert(server)
    authority.configure_trust(client)
    yield server, client


def test_https_checks_the_name_of_the_host() -> None:
    with _tls("news.example.org") as (theirs, ours), Server(ok(b"hello"), tls=theirs) as server:
        assert guard(tls=ours)(server.url(scheme="https")).body == b"hello"
        assert "has a certificate that cannot be trusted" in refusal(
            server.url(scheme="https", host="other.example"), tls=ours
        )
        assert "has a certificate that cannot be trusted" in refusal(server.url(scheme="https"))


def test_https_is_not_left_for_http() -> None:
    with _tls("news.example.org") as (theirs, ours), Server(redirect("http://news.example.org/"), tls=theirs) as server:
        assert "redirected from https to plain http" in refusal(server.url(scheme="https"), tls=ours)


def test_http_may_be_left_for_https() -> None:
    with (
        _tls("news.example.org") as (theirs, ours),
        Server(ok(b"hello"), tls=theirs) as secure,
        Server(redirect(secure.url(scheme="https"))) as plain,
    ):
        assert guard(tls=ours)(plain.url()).body == b"hello"
