"""The network guard's decisions: whom it would connect to. Nothing here opens a connection."""

from __future__ import annotations

import dataclasses
import ipaddress
import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.clock import SystemClock
from newsletter.errors import ImportRefused
from newsletter.stories.importers.addresses import is_public
from newsletter.stories.importers.fetch import Guard


class Connected(Exception):
    """The guard would have gone on to connect."""


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise Connected

    monkeypatch.setattr("newsletter.stories.importers.fetch.socket.socket", refuse)


def guard(resolver: Callable[[str, int], list[str]] | None = None) -> Guard:
    return Guard(SystemClock(), resolver=resolver or (lambda host, port: ["93.184.215.14"]))


def refusal(url: str, resolver: Callable[[str, int], list[str]] | None = None) -> str:
    with pytest.raises(ImportRefused) as refused:
        guard(resolver)(url)
    return str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "100.100.100.200",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
        "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:20::1",
        "2001:db8::1", "2002:7f00:1::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
        "2606:4700::1%eth0", "4000::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert "no public address" in refusal("https://news.example.org/feed", lambda host, port: [address])


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.32.0.1", "223.255.255.255", "2606:4700::1", "2001:4860:4860::8888"])  # fmt: skip
def test_a_public_address_is_connected_to(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    with pytest.raises(Connected):
        guard(lambda host, port: [address])("https://news.example.org/feed")


@given(st.ip_addresses())
def test_nothing_passes_that_python_knows_to_be_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert True not in {address.is_multicast, address.is_private, address.is_loopback, address.is_link_local}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "0", "127.0.0.1.",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1%25eth0]", "[64:ff9b::7f00:1]", "１２７.0.0.1",
        "169.254.169.254", "0xA9FEA9FE", "①②⑦.0.0.1", "127。0。0。1",
    ],
)  # fmt: skip
def test_no_way_of_writing_a_local_address_gets_through(host: str) -> None:
    """Addresses are never handed to the resolver, which reads far more spellings of them than people do."""

    def resolver(_host: str, _port: int) -> list[str]:
        raise AssertionError("the resolver was asked")

    refusal(f"http://{host}/", resolver)


def test_a_spelling_of_a_public_address_that_nobody_uses_is_refused_too() -> None:
    assert "no plain host name" in refusal("http://134744072/")


def test_one_bad_address_of_several_condemns_the_host() -> None:
    assert "is 10.0.0.1" in refusal("https://news.example.org/", lambda host, port: ["93.184.215.14", "10.0.0.1"])


def test_a_name_is_looked_up_once() -> None:
    """A name that answers differently the second time (DNS rebinding) is not asked a second time."""
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(f"{host}:{port}")
        return ["93.184.215.14"] if len(asked) == 1 else ["127.0.0.1"]

    with pytest.raises(Connected):
        guard(resolver)("https://news.example.org:8443/feed")
    assert asked == ["news.example.org:8443"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "is 'file', and only http and https are read"),
        ("ftp://example.org/", "is 'ftp', and only http and https are read"),
        ("gopher://example.org/", "is 'gopher'"),
        ("HTTPX://example.org/", "is 'httpx'"),
        ("https://omar:secret@example.org/", "has a user name in it"),
        ("https://example.org@127.0.0.1/", "has a user name in it"),
        ("https://", "names no host"),
        ("https://example.org:99999/", "is no link"),
        ("https://example.org/a b", "characters that no link has"),
        ("https://example.org\r\nHost: x/", "characters that no link has"),
        ("https://example.org\\@127.0.0.1/", "characters that no link has"),
        ("https://a..example/", "is no host name"),
        (f"https://{'a' * 64}.example/", "is no host name"),
    ],
)
def test_what_is_no_address_of_a_document_is_refused(url: str, words: str) -> None:
    message = refusal(url)
    assert words in message
    assert "secret" not in message
    assert "\n" not in message


def test_a_host_that_nobody_knows_is_named() -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert refusal("https://nws.example/", resolver) == (
        "https://nws.example/: nws.example is not known to the network: is the name right?"
    )
    assert "has no address" in refusal("https://nws.example/", lambda host, port: [])
    assert "cannot be read" in refusal("https://nws.example/", lambda host, port: ["x"])


def test_a_resolver_that_hangs_is_given_up() -> None:
    import threading

    release = threading.Event()
    slow = dataclasses.replace(guard(lambda host, port: [str(release.wait(5))]), seconds=0.05)
    with pytest.raises(ImportRefused, match=r"took longer than 0\.05 seconds"):
        slow("https://news.example.org/")
    release.set()


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "https://x.example/", "https://x.example:"]))
def test_any_text_as_a_url_is_refused_or_tried(text: str, scheme: str) -> None:
    with pytest.raises((ImportRefused, Connected)):
        guard()(scheme + text)
