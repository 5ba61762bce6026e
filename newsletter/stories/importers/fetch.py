"""The network guard: gets a document by http or https, and is not talked into getting anything else.

A name is looked up once, every address that comes back is checked, and the connection is made to the checked address
itself, so that a name that answers differently the next time gains nothing. The same at every redirect. One deadline
for all of it, and one limit on the body, before and after it is unpacked. Proxies of the environment are not used: what
they connect to cannot be checked.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import queue
import re
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from newsletter.clock import Clock
from newsletter.errors import ImportRefused
from newsletter.stories.importers.addresses import Address, is_public
from newsletter.stories.links import web_url
from newsletter.text import one_line

MAX_REDIRECTS = 5
MAX_ADDRESSES = 4
"""How many of a host's addresses are tried."""

_CHUNK = 65536
_SAFE = "!$%&'()*+,/:;=?@[]~"
_PORTS = {"http": 80, "https": 443}
# What ends in a number is an IPv4 address to a browser (URL standard, 3.5), in whatever way it is written.
_NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?$")


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: the URL that it came from at last, and its body, unpacked."""

    url: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Probed:
    """What a server says of a document, without the document. ``length`` is in bytes, None where it does not say."""

    url: str
    """The one that answered at last."""
    status: int
    content_type: str
    """``image/png``, in small letters, without parameters; empty where it does not say."""
    length: int | None


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system's resolver says. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class Guard:
    """Gets documents. ``seconds`` is the time for one document, all in all; ``limit`` the most bytes of its body.

    ``allowed`` and ``resolver`` are what a test puts in the place of the public network.
    """

    clock: Clock
    seconds: float = 10.0
    limit: int = 10_000_000
    allowed: Callable[[Address], bool] = is_public
    resolver: Callable[[str, int], list[str]] = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def __call__(self, url: str) -> Fetched:
        """Gets a document. Raises `ImportRefused`, which names the URL that was asked for."""
        try:
            return self._follow(url, _Deadline(self.clock, self.seconds))
        except _Refusal as error:
            raise ImportRefused(str(error), path=_shown(url)) from None

    def probe(self, url: str) -> Probed:
        """Asks for a document without taking it: by HEAD, and by GET of its first byte where HEAD gets no good answer.

        ``seconds`` is the time for each request. Raises `ImportRefused` when there is no answer at all, or none that
        may be followed.
        """
        try:
            for _ in range(MAX_REDIRECTS + 1):
                location, probed = self._probed(url)
                if location is None:
                    return probed
                url = _redirected(url, location)
            raise _Refusal(f"was redirected more than {MAX_REDIRECTS} times: use its last address")
        except _Refusal as error:
            raise ImportRefused(str(error), path=_shown(url)) from None

    def _probed(self, url: str) -> tuple[str | None, Probed]:
        """The location of a redirect, or None, and the answer of one hop."""
        parts = _checked(url)
        try:
            location, probed = self._probe_by("HEAD", url, parts)
            if probed.status < 400 or probed.status == 429:  # who asked too often is not asked again
                return location, probed
        except _Silence:
            pass
        return self._probe_by("GET", url, parts)

    def _probe_by(self, method: str, url: str, parts: SplitResult) -> tuple[str | None, Probed]:
        deadline = _Deadline(self.clock, self.seconds)
        more = "Accept: */*\r\n" + ("Range: bytes=0-0\r\n" if method == "GET" else "")
        with (
            self._connected(parts, deadline) as connection,
            _exchange(connection, parts, deadline, method, more) as response,
        ):
            total = (response.getheader("Content-Range") or "").rpartition("/")[2]
            length = total if response.status == 206 else response.getheader("Content-Length") or ""
            kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()[:100]
            size = int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None
            return _location(response), Probed(url, response.status, kind, size)

    def _follow(self, url: str, deadline: _Deadline) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            parts = _checked(url)
            with (
                self._connected(parts, deadline) as connection,
                _exchange(connection, parts, deadline, "GET", _WANTED) as response,
            ):
                location, body = self._answer(response)
            if location is None:
                return Fetched(url, body)
            url = _redirected(url, location)
        raise _Refusal(f"was redirected more than {MAX_REDIRECTS} times: use its last address")

    def _connected(self, parts: SplitResult, deadline: _Deadline) -> socket.socket:
        host, port = _host(parts), parts.port or _PORTS[parts.scheme]
        last: Exception | None = None
        addresses = self._addresses(host, port, deadline)
        for number, address in enumerate(addresses):
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
            raw = socket.socket(family, socket.SOCK_STREAM)
            try:
                raw.settimeout(deadline.left() / (len(addresses) - number))
                raw.connect((str(address), port))
                if parts.scheme == "http":
                    return raw
                raw.settimeout(deadline.left())
                return self.tls.wrap_socket(raw, server_hostname=host.strip("[]").rstrip("."))
            except ssl.SSLCertVerificationError as error:
                raw.close()
                raise _Refusal(f"{host} has a certificate that cannot be trusted ({error.verify_message})") from None
            except (OSError, ValueError) as error:
                raw.close()
                last = error
            except BaseException:
                raw.close()
                raise
        if isinstance(last, TimeoutError):
            raise deadline.over()
        raise _Refusal(f"{host} could not be reached ({_reason(last)})")

    def _addresses(self, host: str, port: int, deadline: _Deadline) -> list[Address]:
        literal = host.strip("[]")
        try:
            found = [ipaddress.ip_address(literal)]
        except ValueError:
            if _NUMERIC_END.search(host):
                raise _Refusal(f"{host!r} is no plain host name or address: write it in the usual way") from None
            names = _with_deadline(lambda: self.resolver(host, port), host, deadline)
            try:
                found = list(dict.fromkeys(ipaddress.ip_address(name) for name in names))
            except ValueError:
                raise _Refusal(f"{host} has an address that cannot be read") from None
        # One bad address condemns the host: a public name has no business in somebody's own network.
        if bad := next((address for address in found if not self.allowed(address)), None):
            raise _Refusal(f"{host} is {bad}, which is no public address: only the public network is read")
        if not found:
            raise _Refusal(f"{host} has no address")
        return found[:MAX_ADDRESSES]

    def _answer(self, response: http.client.HTTPResponse) -> tuple[str | None, bytes]:
        if location := _location(response):
            return location, b""
        if response.status != 200:
            raise _Refusal(f"answered {response.status} {one_line(response.reason or '')[:60]}".rstrip())
        return None, b"".join(self._limited(_unpacked(response, self.limit)))

    def _limited(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self.limit:
                raise _Refusal(f"is larger than {self.limit / 1_000_000:g} MB")
            yield chunk


class _Refusal(Exception):
    """What goes into the `ImportRefused`, once the URL that was asked for is known."""


class _Silence(_Refusal):
    """The server took the request, and gave no answer to it that could be understood."""


_WANTED = (
    "Accept: application/feed+json, application/atom+xml, application/rss+xml, text/markdown, */*;q=0.5\r\n"
    "Accept-Encoding: gzip\r\n"
)


@contextmanager
def _exchange(
    connection: socket.socket, parts: SplitResult, deadline: _Deadline, method: str, more: str
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one request, its body still on the wire. ``more`` are header lines."""
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    request = (
        f"{method} {target} HTTP/1.1\r\nHost: {_authority(parts)}\r\nUser-Agent: newsletter\r\n{more}"
        "Connection: close\r\n\r\n"
    )
    try:
        connection.settimeout(deadline.left())
        connection.sendall(request.encode("ascii"))
        response = http.client.HTTPResponse(cast(socket.socket, _Wire(connection, deadline)), method=method)
        response.begin()
        with response:
            yield response
    except TimeoutError:
        raise deadline.over() from None
    except http.client.IncompleteRead:
        raise _Refusal("broke off before its end") from None
    except http.client.HTTPException as error:
        raise _Silence(f"answered with something that is no HTTP ({type(error).__name__})") from None
    except (OSError, ValueError) as error:
        raise _Silence(f"broke off ({_reason(error)})") from None


def _location(response: http.client.HTTPResponse) -> str | None:
    """Where a redirect leads; None for another answer."""
    if response.status not in (301, 302, 303, 307, 308):
        return None
    location = response.getheader("Location")
    if not location:
        raise _Refusal(f"answered {response.status} and did not say where to go")
    return location


def _redirected(url: str, location: str) -> str:
    """The URL that a redirect leads to."""
    try:
        target = urljoin(url, quote(location.encode("latin-1"), safe=_SAFE + "#"))
        downgraded = url[:6].lower() == "https:" and urlsplit(target).scheme == "http"
    except ValueError:
        raise _Refusal(f"was redirected to {location[:80]!r}, which is no URL") from None
    if downgraded:
        raise _Refusal(f"was redirected from https to plain http ({_shown(target)}): use its new address")
    return target


@dataclass(frozen=True, slots=True)
class _Deadline:
    clock: Clock
    seconds: float
    at: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", self.clock.monotonic() + self.seconds)

    def left(self) -> float:
        """Seconds left, more than 0. Raises when it has passed."""
        left = self.at - self.clock.monotonic()
        if left <= 0:
            raise self.over()
        return left

    def over(self) -> _Refusal:
        return _Refusal(f"took longer than {self.seconds:g} seconds")


class _Wire(io.RawIOBase):
    """A socket whose every read is held to the deadline: a server that sends a byte a second gets no longer for it."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection, self._deadline = connection, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 65536)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv_into(buffer)


def _unpacked(response: http.client.HTTPResponse, limit: int) -> Iterator[bytes]:
    encoding = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if encoding == "identity":
        yield from _wire_bytes(response)
        return
    if encoding not in ("gzip", "x-gzip"):
        raise _Refusal(f"is packed with {encoding[:40]!r}, which was not asked for")
    unpacker = zlib.decompressobj(wbits=31)
    size = 0
    for packed in _wire_bytes(response):
        size += len(packed)
        if size > limit:
            raise _Refusal(f"is larger than {limit / 1_000_000:g} MB")
        out = b"-"
        while packed or (len(out) == _CHUNK and not unpacker.eof):  # a full chunk may have left something behind
            if unpacker.eof:  # RFC 1952, 2.2: there may be several members
                unpacker = zlib.decompressobj(wbits=31)
            try:
                out = unpacker.decompress(packed, _CHUNK)
            except zlib.error:
                raise _Refusal("is packed in a way that cannot be unpacked") from None
            yield out
            packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        raise _Refusal("broke off before its end")


def _wire_bytes(response: http.client.HTTPResponse) -> Iterator[bytes]:
    yield from iter(lambda: response.read(_CHUNK), b"")
    if response.length:  # http.client says nothing when a body ends before the length that was announced
        raise _Refusal("broke off before its end")


def _checked(url: str) -> SplitResult:
    scheme = url.partition(":")[0].lower()
    if scheme not in _PORTS:
        raise _Refusal(f"is {scheme[:40]!r}, and only http and https are read")
    try:
        web_url(url)
        return urlsplit(url)
    except ValueError as error:
        raise _Refusal(str(error)) from None


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        return f"[{host}]"
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _Refusal(f"{host[:80]!r} is no host name") from None


def _authority(parts: SplitResult) -> str:
    return _host(parts) + (f":{parts.port}" if parts.port is not None else "")


def _with_deadline(look_up: Callable[[], list[str]], host: str, deadline: _Deadline) -> list[str]:
    """Runs a look-up on a thread of its own, because the system's resolver knows no time limit."""
    answers: queue.Queue[list[str] | Exception] = queue.Queue()

    def run() -> None:
        try:
            answers.put(look_up())
        except Exception as error:  # whatever it is, it is told on the thread that waits
            answers.put(error)

    threading.Thread(target=run, daemon=True, name="resolve").start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise deadline.over() from None
    if isinstance(answer, OSError | UnicodeError):
        raise _Refusal(f"{host} is not known to the network: is the name right?")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _reason(error: Exception | None) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:120]


def _shown(url: str) -> str:
    """A URL as it may be printed: without a user name and password, and not endlessly long."""
    return re.sub(r"//[^/?#]*@", "//…@", one_line(url))[:200]
