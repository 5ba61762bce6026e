"""A process that keeps the ledger, and does nothing else: ``python -m newsletter.delivery.scribe FD FD``.

Its parent sends it frames over two sockets, one at a time on each, and each is answered: on the first what is written,
on the second the batches whose readers it wants, which a thread reads meanwhile. It goes when the first closes, however
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
import threading
from collections import deque
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement
from sqlalchemy.ext import serializer

from newsletter.backends.base import Answer
from newsletter.clock import SystemClock
from newsletter.database import Database
from newsletter.database.types import metadata
from newsletter.delivery.claims import Claim
from newsletter.delivery.ledger import Committed, InDoubt, Intent, Ledger, Reader, Settled, Taken
from newsletter.delivery.writer import Call, Writer, everything
from newsletter.errors import NewsletterError

_HEAD = struct.Struct("<cI")
_COMMIT, _CALL, _DONE, _FAILED = b"c", b"m", b"d", b"f"
_MANY = 64
"""Intents with which a commit may begin before the loop's turn is over."""
_MOST = 1 << 28
"""Bytes of the largest frame."""
_GONE = "the process that writes the ledger is gone; send again to go on"


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


def main(fd: int, reading: int) -> None:
    """Serves until the first socket closes."""
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
        readers = socket.socket(fileno=reading)
        threading.Thread(target=_read_batches, args=(readers, ledger), daemon=True).start()
        with contextlib.suppress(EOFError, OSError), database.one_writer():
            while True:
                kind, frame = _read(incoming)
                line.sendall(_answer(ledger, kind, frame))
        database.close()


def _read_batches(line: socket.socket, ledger: Ledger) -> None:
    with line, line.makefile("rb") as incoming, contextlib.suppress(EOFError, OSError):
        while True:
            _, frame = _read(incoming)
            try:
                claim: Claim = pickle.loads(frame)  # noqa: S301 (our own parent's)
                left, out = ledger.readers(claim)
                answer = _frame(_DONE, marshal.dumps((claim.batch_id, left, pickle.dumps(out) if out else b"")))
            except Exception as error:
                answer = _failed(error)
            line.sendall(answer)


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
        return _failed(error)


def _failed(error: Exception) -> bytes:
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
        self._sent: deque[tuple[list[Settled], list[Taken], list[tuple[Intent, Answer]]] | Call] = deque()
        self._committing = False  # there is one commit at a time in it
        self._buffer = bytearray()
        self._quiet, self._one_reads = asyncio.Event(), asyncio.Lock()

    @property
    def process_id(self) -> int:
        """Of the process that writes."""
        return self._process.pid

    async def _start(self) -> None:
        self._line, theirs = socket.socketpair()
        ours, reading = socket.socketpair()
        with theirs, reading:
            ends = [theirs.fileno(), reading.fileno()]
            command = [sys.executable, "-m", "newsletter.delivery.scribe", *map(str, ends)]
            self._process = subprocess.Popen(command, pass_fds=ends, stdin=subprocess.DEVNULL)  # noqa: ASYNC220, S603
        self._incoming, self._outgoing = await asyncio.open_connection(sock=ours)
        self._line.sendall(_frame(_CALL, pickle.dumps(self._terms)))
        self._loop.add_reader(self._line, self._readable)

    async def _end(self) -> None:
        while self._sent or self._waiting():
            self._quiet.clear()
            self._ring()
            await self._quiet.wait()
        self._loop.remove_reader(self._line)
        self._line.close()
        self._outgoing.close()
        await asyncio.to_thread(self._process.wait)

    async def read(self, claim: Claim) -> tuple[list[Reader], list[Settled]]:
        # Whoever asks may be cancelled; what was asked is answered all the same, and the answer is nobody else's.
        asked = asyncio.ensure_future(self._ask(claim))
        asked.add_done_callback(lambda asked: asked.cancelled() or asked.exception())
        return await asyncio.shield(asked)

    async def _ask(self, claim: Claim) -> tuple[list[Reader], list[Settled]]:
        async with self._one_reads:
            try:
                self._outgoing.write(_frame(_CALL, pickle.dumps(claim)))
                kind, size = _HEAD.unpack(await self._incoming.readexactly(_HEAD.size))
                frame = await self._incoming.readexactly(min(size, _MOST))
            except (OSError, EOFError):
                raise self.error or LedgerLost(_GONE) from None
        if kind != _DONE:
            raise LedgerFailed(frame.decode())
        number, left, out = marshal.loads(frame)  # noqa: S302 (our own child's)
        if number != claim.batch_id:
            raise LedgerFailed(f"asked for the readers of batch {claim.batch_id}, it told those of {number}")
        return left, pickle.loads(out) if out else []  # noqa: S301

    def _waiting(self) -> bool:
        return bool(self._intents or self._settled or self._taken or self._calls)

    def _ring(self) -> None:
        # At the end of this turn of the loop: what else it brings goes into the same commit. Unless it brings so much
        # that the other process may as well begin.
        if self._scheduled or (self._committing and not (self._calls and self._written)):
            return
        if len(self._intents) >= _MANY and self.error is None:
            self._send()
        else:
            self._scheduled = True
            self._loop.call_soon(self._send)

    @property
    def _written(self) -> bool:
        """Whether nothing waits to be written but what is on its way."""
        return not (self._intents or self._settled or self._taken)

    def _send(self) -> None:
        self._scheduled = False
        if self.error is not None:
            self._refuse()
            return
        try:
            if not (self._committing or self._written):
                intents, settled = everything(self._intents), everything(self._settled)
                taken = everything(self._taken)
                self._committing = True
                self._sent.append((settled, taken, intents))
                apart = pickle.dumps(settled) if settled else b""
                frame = marshal.dumps((apart, [intent for intent, _ in intents], taken))
                self._line.sendall(_frame(_COMMIT, frame))
            # A call waits for what was queued before it to be on its way, and no commit waits for a call's answer.
            while self._calls and self._written:
                call = self._calls.popleft()
                self._sent.append(call)
                self._line.sendall(_frame(_CALL, pickle.dumps((call.method, call.arguments))))
        except Exception as error:  # nobody may wait for an answer to what was never asked
            if not isinstance(error, OSError):
                self.error = LedgerFailed(f"{type(error).__name__}: {error}")
            # Not at once: whoever has just queued something is not answered before it goes on.
            self._loop.call_soon(self._lost)
        if not self._sent and not self._waiting():
            self._quiet.set()

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
        while len(buffer) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(buffer)
            if size > _MOST:
                self._lost()
                return
            if len(buffer) < _HEAD.size + size:
                return
            frame = bytes(buffer[_HEAD.size : _HEAD.size + size])
            del buffer[: _HEAD.size + size]
            self._received(kind, frame)

    def _received(self, kind: bytes, frame: bytes) -> None:
        sent = self._sent.popleft()
        if isinstance(sent, Call):
            if kind == _DONE:
                self._return(sent, pickle.loads(frame), None)  # noqa: S301 (our own child's)
            else:
                self._return(sent, None, LedgerFailed(frame.decode()))
        else:
            settled, taken, intents = sent
            self._committing = False
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
            self.error = LedgerLost(_GONE)
        self._committing = False
        for sent in everything(self._sent):
            if isinstance(sent, Call):
                self._return(sent, None, self.error)
            else:
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
    main(int(sys.argv[1]), int(sys.argv[2]))
