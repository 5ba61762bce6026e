"""The benchmarks' delay line hands on what it gets, later, and ends when its ends do."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from pathlib import Path

import pytest

from benchmarks.delay import Delay
from benchmarks.sink import Sink

pytestmark = pytest.mark.needs("cc")
MESSAGE = b"EHLO a\r\nMAIL FROM:<edith@example.org>\r\nRCPT TO:<rita@example.org>\r\nDATA\r\n"


def read_all(line: socket.socket) -> bytes:
    heard = b""
    while portion := line.recv(65_536):
        heard += portion
    return heard


def test_both_ways_arrive_whole_and_in_order() -> None:
    with Sink() as sink, Delay(sink.port, 0.002) as delay:
        bodies = [bytes([97 + n]) * 100_003 * (n + 1) for n in range(4)]

        def send(body: bytes) -> None:
            with socket.create_connection(("127.0.0.1", delay.port), 10) as line:
                line.sendall(MESSAGE + body + b"\r\n.\r\nQUIT\r\n")
                said = read_all(line)
            assert said.startswith(b"220 ")
            assert said.endswith(b"354 go on\r\n250 2.0.0 taken\r\n221 2.0.0 bye\r\n")

        threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sink.stop() == (4, sum(map(len, bodies)) + 8, 4)


def test_a_reply_never_comes_before_the_round_trip_is_over() -> None:
    start = time.monotonic()
    with Sink() as sink, Delay(sink.port, 0.06) as delay, smtplib.SMTP("127.0.0.1", delay.port) as client:
        assert time.monotonic() - start >= 0.03  # the greeting comes one way
        start = time.monotonic()
        client.noop()
        assert time.monotonic() - start >= 0.06


@pytest.mark.parametrize("half", [False, True])
def test_connections_that_end_leave_nothing_behind(half: bool) -> None:
    """Whoever hangs up, at once or after the end of what it had to say, the proxy closes both of its ends."""
    with Sink() as sink, Delay(sink.port, 0.002) as delay:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", delay.port), 10) as line:
                line.sendall(b"EHLO a\r\n")
                if half:
                    line.shutdown(socket.SHUT_WR)
                    assert read_all(line).startswith(b"220 ")
        # It has worked the others off before it answers a later one.
        with socket.create_connection(("127.0.0.1", delay.port), 10) as line:
            line.sendall(b"QUIT\r\n")
            read_all(line)
        still_open = len(list(Path(f"/proc/{delay.pid}/fd").iterdir()))
        assert still_open <= 8  # its three, the standard ones, and the last pair at most
