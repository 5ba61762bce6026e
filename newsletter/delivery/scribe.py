"""A process that writes the ledger, and nothing else: ``python -m newsletter.delivery.scribe FD``.

Its parent sends it frames over a socket, one at a time, and each is answered. It goes when the socket closes, however
the parent ended, and not before: signals are the parent's to obey.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import marshal
import pickle
import signal
import socket
import struct
import subprocess
import sys
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement
from sqlalchemy.ext import serializer

from newsletter.backends.base import Answer
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.database.types import metadata
from newsletter.delivery.ledger import Committed, InDoubt, Intent, Ledger, Settled, Taken
from newsletter.delivery.writer import Call, Writer, everything
from newsletter.errors import NewsletterError

_HEAD = struct.Struct("<cI")
_COMMIT, _CALL, _DONE, _FAILED = b"c", b"m", b"d", b"f"
_MOST = 1 << 28
"""Bytes of the largest frame."""


class LedgerLost(NewsletterError):
    """The process that writes the ledger is gone."""


class LedgerFailed(NewsletterError):
    """The ledger cannot be written."""


class _Terms(NamedTuple):
    """What the process has to know. The URL may hold a password, so it goes over the socket and not on the command
    line."""

    url: str
    edition_id: int
    worker: str
    lease: timedelta
    in_doubt: InDoubt
    suppressed: bytes


# In the child.


def main(fd: int) -> None:
    """Serves until the socket closes."""
    gc.freeze()
    gc.set_threshold(50_000)  # nothing here makes circles: each collection only looks at what lives on
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=fd) as line, line.makefile("rb") as incoming:
        terms: _Terms = pickle.loads(_read(incoming)[1])  # noqa: S301 (our own parent's)
        database = Database(terms.url)
        ledger = Ledger(
            database,
            terms.edition_id,
            terms.worker,
            SystemClock(),
            lease=terms.lease,
            in_doubt=terms.in_doubt,
            suppressed=serializer.loads(terms.suppressed, metadata),  # type: ignore[no-untyped-call]
        )
        with contextlib.suppress(EOFError, OSError), database.one_writer():
            while True:
                kind, frame = _read(incoming)
                line.sendall(_answer(ledger, kind, frame))
        database.close()


def _read(incoming: Any) -> tuple[bytes, bytes]:
    head = incoming.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise EOFError
    kind, size = _HEAD.unpack(head)
    frame = incoming.read(size)
    if len(frame) < size:
        raise EOFError
    return kind, frame


def _frame(kind: bytes, data: bytes) -> bytes:
    return _HEAD.pack(kind, len(data)) + data


def _answer(ledger: Ledger, kind: bytes, frame: bytes) -> bytes:
    try:
        if kind == _COMMIT:
            settled, intents, taken = marshal.loads(frame)  # noqa: S302 (our own parent's)
            committed = ledger.commit(pickle.loads(settled) if settled else [], intents, (), taken)  # noqa: S301
            return _frame(_DONE, marshal.dumps((list(committed.fenced), committed.state)))
        method, arguments = pickle.loads(frame)  # noqa: S301
        return _frame(_DONE, pickle.dumps(getattr(ledger, method)(*arguments)))
    except Exception as error:
        return _frame(_FAILED, f"{type(error).__name__}: {error}".encode())


# In the parent.


def _packed(condition: ColumnElement[bool]) -> bytes:
    packed: bytes = serializer.dumps(condition)  # type: ignore[no-untyped-call]
    return packed


class ProcessWriter(Writer):
    """Commits in a process of its own. ``worker`` and the rest are as for `Ledger`."""

    def __init__(
        self,
        database: Database,
        edition_id: int,
        worker: str,
        suppressed: ColumnElement[bool],
        *,
        lease: timedelta,
        in_doubt: InDoubt,
    ) -> None:
        super().__init__()
        url = database.url.render_as_string(hide_password=False)
        self._terms = _Terms(url, edition_id, worker, lease, in_doubt, _packed(suppressed))
        self._scheduled = False
        self._sent: tuple[list[Settled], list[Taken], list[tuple[Intent, Answer]]] | Call | None = None
        self._buffer = bytearray()
        self._quiet = asyncio.Event()

    @property
    def process_id(self) -> int:
        """Of the process that writes."""
        return self._process.pid

    async def _start(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "newsletter.delivery.scribe", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: ASYNC220, S603
        self._line.sendall(_frame(_CALL, pickle.dumps(self._terms)))
        self._loop.add_reader(self._line, self._readable)

    async def _end(self) -> None:
        while self._sent is not None or self._waiting():
            self._quiet.clear()
            self._ring()
            await self._quiet.wait()
        self._loop.remove_reader(self._line)
        self._line.close()
        await asyncio.to_thread(self._process.wait)

    def _waiting(self) -> bool:
        return bool(self._intents or self._settled or self._taken or self._calls)

    def _ring(self) -> None:
        # At the end of this turn of the loop: what else it brings goes into the same commit.
        if not self._scheduled and self._sent is None:
            self._scheduled = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._scheduled = False
        if self._sent is not None:
            return
        if self.error is not None:
            self._refuse()
            return
        intents, settled, taken = everything(self._intents), everything(self._settled), everything(self._taken)
        try:
            if intents or settled or taken:
                self._sent = settled, taken, intents
                apart = pickle.dumps(settled) if settled else b""
                frame = _frame(_COMMIT, marshal.dumps((apart, [intent for intent, _ in intents], taken)))
            elif self._calls:
                self._sent = call = self._calls.popleft()
                frame = _frame(_CALL, pickle.dumps((call.method, call.arguments)))
            else:
                self._quiet.set()
                return
            self._line.sendall(frame)
        except Exception as error:  # nobody may wait for an answer to what was never asked
            if not isinstance(error, OSError):
                self.error = LedgerFailed(f"{type(error).__name__}: {error}")
            self._lost()

    def _readable(self) -> None:
        try:
            data = self._line.recv(1 << 20, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        buffer = self._buffer
        buffer += data
        if len(buffer) < _HEAD.size:
            return
        kind, size = _HEAD.unpack_from(buffer)
        if size > _MOST:
            self._lost()
        elif len(buffer) >= _HEAD.size + size:
            frame = bytes(buffer[_HEAD.size : _HEAD.size + size])
            del buffer[: _HEAD.size + size]
            self._received(kind, frame)

    def _received(self, kind: bytes, frame: bytes) -> None:
        sent, self._sent = self._sent, None
        if isinstance(sent, Call):
            if kind == _DONE:
                self._return(sent, pickle.loads(frame), None)  # noqa: S301 (our own child's)
            else:
                self._return(sent, None, LedgerFailed(frame.decode()))
        elif sent is not None:
            settled, taken, intents = sent
            committed: Committed | None = None
            if kind == _DONE:
                fenced, state = marshal.loads(frame)  # noqa: S302
                committed = Committed(frozenset(fenced), state)
                self._count(settled, taken, committed)
            else:
                self.error = LedgerFailed(frame.decode())
            # The next commit first, so that the other process works on it while the lanes go on here.
            self._send()
            self._answer(intents, committed)
        self._ring()

    def _lost(self) -> None:
        self._loop.remove_reader(self._line)
        if self.error is None:
            self.error = LedgerLost("the process that writes the ledger is gone; send again to go on")
        sent, self._sent = self._sent, None
        if isinstance(sent, Call):
            self._return(sent, None, self.error)
        elif sent is not None:
            self._answer(sent[2], None)
        self._refuse()

    def _refuse(self) -> None:
        """Answers everything that waits, now that nothing can be written any more."""
        self._settled.clear()
        self._taken.clear()
        self._answer(everything(self._intents), None)
        for call in everything(self._calls):
            self._return(call, None, self.error)
        self._quiet.set()


if __name__ == "__main__":
    main(int(sys.argv[1]))
