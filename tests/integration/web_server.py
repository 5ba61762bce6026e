"""A web server on loopback, and the guard that an injected policy lets reach it."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import threading
from collections.abc import Callable

from newsletter.clock import SystemClock
from newsletter.stories.importers.fetch import Guard

Answer = Callable[[socket.socket, str], None]


class Server:
    """Answers every connection with ``answers``, in turn; the last one for all that follow. Keeps what was asked."""

    def __init__(self, *answers: bytes | Answer, tls: ssl.SSLContext | None = None) -> None:
        self._answers, self._tls = list(answers), tls
        self.requests: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                try:
                    wrapped = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
                    with wrapped:
                        self._answer(wrapped)
                except OSError:
                    pass

    def _answer(self, connection: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (more := connection.recv(4096)):
            request += more
        self.requests.append(request.decode())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if callable(answer):
            answer(connection, request.decode())
        else:
            connection.sendall(answer)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def url(self, path: str = "/feed", host: str = "news.example.org", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(headers or (f"Content-Length: {len(body)}",))]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def guard(**changes: object) -> Guard:
    """A guard that finds every name on loopback, and may go there."""
    base = Guard(SystemClock(), allowed=lambda address: address.is_loopback, resolver=lambda host, port: ["127.0.0.1"])
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]
