"""The contract between the pump and a backend.

A backend is given a *counter*. It takes messages from it and settles outcomes at it, in any order and on as many lanes
as it likes (a lane is one message on the wire at a time; most backends have one lane a connection). One rule stands:
before the point of no return of a message (SMTP: the final dot) the backend hands over what it knows of its lane's
previous message (`Counter.settle`) and this intent, and goes on only when both are on disk. So at most one reader a
lane is in doubt after a crash, and the ledger knows who.

A lane may take its next message before it settles the one before, so that a final dot and the next envelope can leave
together; it settles the one before it intends the next.

`take`, `intend` and `settle` are all that most backends need. Beneath them stands the same thing for a backend that
sends tens of thousands of messages a second and cannot afford to suspend a coroutine twice for each: `next`, `more`,
`announce` and `give_back`.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from newsletter.errors import DeliveryError

# Nothing that could end an SMTP path or begin a second one (RFC 5321 section 4.1.2). A quoted local part is refused
# with it: nobody subscribes with one. Letters beyond ASCII stand before the @ only (RFC 6531); a domain has A-labels.
_ADDRESS = re.compile(
    r"""(?=.{3,254}\Z)(?:[^\x00-\x20\x7f-\U0010ffff"(),;:<>@\\]+|[^\x00-\x20\x7f-\xa0"(),;:<>@\\\s]+)"""
    r"""@[^\x00-\x20\x7f-\U0010ffff"(),;<>@\\]+"""
)


class Result(StrEnum):
    """What became of a message on the wire."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    """Not taken, trying again makes sense (4xx, timeout before the final dot, no connection)."""
    REJECTED = "rejected"
    """Not taken, never try again (5xx)."""
    IN_DOUBT = "in_doubt"
    """It may have been taken: the connection went after the final dot and before the reply (RFC 1047)."""


class Outcome(NamedTuple):
    """A result with the server's own words. ``code`` is 0 and ``enhanced`` empty where there are none."""

    result: Result
    code: int = 0
    enhanced: str = ""
    reply: str = ""
    backend_fault: bool = False
    """The backend or our reputation is the reason, not the reader: never counts against the reader (RFC 3463 x.7.x,
    connection refused, 5xx before RCPT)."""


class Message:
    """One mail to one reader.

    ``data`` is the whole RFC 5322 message in wire form, in one piece or in several: CRLF line ends only, no line over
    998 bytes, and no line that begins with a dot, so that SMTP needs no dot-stuffing and a file gets the same bytes.
    What many messages have in common may be one and the same object in all of them: nobody copies it.

    Raises ValueError for an envelope address that is not one plain address: white space, controls, ``<>``, lists. A
    local part beyond ASCII passes; `international` tells that the message then needs SMTPUTF8 (RFC 6531).
    """

    __slots__ = ("international", "pieces", "plain", "recipient", "sender", "subscriber", "ticket")

    def __init__(
        self,
        subscriber: int,
        sender: str,
        recipient: str,
        data: bytes | tuple[bytes, ...],
        *,
        plain: bool = False,
        usual: bool = False,
    ) -> None:
        """``usual`` says that whoever made it has seen ``recipient`` to be one plain address, in ASCII."""
        if not usual and (not _ADDRESS.fullmatch(recipient) or not recipient.isprintable()):
            raise ValueError("a message goes to exactly one address")
        if sender not in _senders:
            _remember_sender(sender)
        self.subscriber = subscriber
        self.sender = sender
        """Envelope sender (MAIL FROM)."""
        self.recipient = recipient
        """The one envelope recipient (RCPT TO)."""
        self.pieces = (data,) if isinstance(data, bytes) else data
        self.plain = plain
        """Whether whoever made it has seen to it that `is_plain` holds, so that nobody has to look again."""
        self.international = not (recipient.isascii() and sender.isascii())
        """Whether an envelope address has letters beyond ASCII."""
        self.ticket: Any = None
        """The counter's own: where the message came from."""

    def __repr__(self) -> str:
        return f"Message(subscriber={self.subscriber}, {self.size} bytes)"

    @property
    def data(self) -> bytes:
        """The whole message."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)

    @property
    def size(self) -> int:
        """Bytes of the whole message."""
        return sum(map(len, self.pieces))


def is_plain(data: bytes) -> bool:
    """Whether a message is ASCII and in wire form: CR and LF in pairs alone, and at its end, no NUL, and no line that
    begins with a dot."""
    ends = data.count(b"\r\n")
    return (
        data.isascii()
        and data.count(b"\n") == ends == data.count(b"\r")
        and data.endswith(b"\r\n")
        and not data.startswith(b".")
        and b"\r\n." not in data
        and b"\0" not in data
    )


_senders: set[str] = set()
_SENDERS = 1_000


def _remember_sender(sender: str) -> None:
    """An envelope sender is that of thousands of messages: one look is enough."""
    if not _ADDRESS.fullmatch(sender) or not sender.isprintable():
        raise ValueError("the envelope sender is not one plain address")
    if len(_senders) >= _SENDERS:
        _senders.clear()
    _senders.add(sender)


class Stopped(Exception):
    """The pump wants this lane to end now: the batch was lost to another worker, or somebody stopped the edition."""


Answer = Callable[[Stopped | None], None]
"""Is called when an intent is on disk, with None, or with the reason why it must not go out."""


class Counter(ABC):
    """Where a backend gets its messages and settles them. ``lane`` numbers its messages on the wire from 0.

    To be used from one event loop. An implementation writes `next`, `more`, `announce`, `settle` and `give_back`.
    """

    @abstractmethod
    def next(self, lane: int) -> Message | None:
        """The next message for this lane if one is at hand; None if not: then wait for `more`."""

    @abstractmethod
    async def more(self, lane: int) -> bool:
        """Returns True when it is worth asking `next` again, False when there is nothing more to send."""

    @abstractmethod
    def announce(self, lane: int, message: Message, then: Answer) -> None:
        """Hands over an intent. ``then`` is called in the event loop, never before this returns: with None when this
        intent and everything settled on this lane before are on disk; with a `Stopped` when the message must not go
        out, which then is this lane's no more and is settled by nobody."""

    @abstractmethod
    def settle(self, lane: int, message: Message, outcome: Outcome) -> None:
        """Records what became of a message. Returns at once; on disk at the latest when the lane's next intent is."""

    @abstractmethod
    def give_back(self, lane: int, message: Message) -> None:
        """Returns a message that was taken and not announced: it is still to be sent, by whoever takes it next."""

    async def take(self, lane: int) -> Message | None:
        """The next message for this lane, or None when there is nothing more to send."""
        while (message := self.next(lane)) is None:
            if not await self.more(lane):
                return None
        return message

    async def intend(self, lane: int, message: Message) -> None:
        """Returns when this intent and everything settled on this lane before are on disk. Raises `Stopped`."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answer(stopped: Stopped | None) -> None:
            if done.done():
                return
            if stopped is None:
                done.set_result(None)
            else:
                done.set_exception(stopped)

        self.announce(lane, message, answer)
        await done


class Backend(ABC):
    """Where messages go. Found by the entry point group ``newsletter.backends``; built from its block in the config."""

    live: ClassVar[bool] = True
    """Whether its messages can reach people. A live backend needs ``environment: production``."""

    def __init__(self, name: str, options: Mapping[str, Any], root: Path = Path()) -> None:
        """``name`` and ``options`` stand in the config; paths in them count from ``root``, the site's folder. Raises
        `ConfigError`, or what pydantic raises, for options that are wrong. Opens nothing yet."""
        self.name, self.options, self.root = name, options, root

    @abstractmethod
    async def deliver(self, counter: Counter) -> None:
        """Takes messages until the counter has none, and settles every one it took, but for one that it gave back or
        whose intent was stopped: that one does not go out, and nobody settles it. Raises only on programming errors:
        what goes wrong with a server is an outcome.

        Returns early when its server does not serve, so that a list is not run through one failure after another; the
        pump calls again when it is time to try again. When cancelled, it settles what is in doubt and nothing else.
        """

    async def check(self) -> list[str]:
        """What `newsletter doctor` says of it: one line a problem, empty when it is ready. Sends nothing."""
        return []

    async def close(self) -> None:  # noqa: B027 (most have nothing to let go of)
        """Lets go of connections and files."""


class OneByOne(Backend):
    """A base for a backend that can only send one message after another: write `send` and nothing else.

    `send` runs in a thread. It returns what the server said, or raises `DeliveryError`. Any other exception leaves the
    message in doubt, since it may have gone out before the exception came.
    """

    @abstractmethod
    def send(self, message: Message) -> str:
        """Sends one message and returns the reply. Raises `DeliveryError`."""

    async def deliver(self, counter: Counter) -> None:
        while (message := await counter.take(0)) is not None:
            try:
                await counter.intend(0, message)
            except Stopped:
                return
            try:
                outcome = await asyncio.to_thread(self._outcome, message)
            except asyncio.CancelledError:
                # The thread goes on, and nobody will hear what became of it.
                counter.settle(0, message, Outcome(Result.IN_DOUBT, reply="stopped while it was being sent"))
                raise
            counter.settle(0, message, outcome)

    def _outcome(self, message: Message) -> Outcome:
        try:
            return Outcome(Result.ACCEPTED, 250, reply=self.send(message))
        except DeliveryError as error:
            result = Result.REJECTED if error.permanent else Result.DEFERRED
            return Outcome(result, error.code, error.enhanced, error.reply)
        except Exception as error:
            # It may have gone out before it fell over: that is what in doubt means.
            return Outcome(Result.IN_DOUBT, reply=f"{type(error).__name__}: {error}")
