"""What carriers have in common: the lane that they work for, what they carry, and how they end."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from newsletter.backends.base import Counter, Message
from newsletter.backends.smtp.content import Content, content
from newsletter.backends.smtp.outcomes import unfit
from newsletter.backends.smtp.wire import Wire

PATIENCE = 3
"""A lane ends when the server turned it away this often in a row without a word on any reader or message."""


class End(StrEnum):
    """Why a carrier came to its end."""

    IDLE = "nothing is at hand"
    STOPPED = "the pump has stopped this lane"
    LOST = "the connection is gone"
    AT_AN_END = "this connection has done its share"
    TURNED_AWAY = "the server does not serve"


class Ended(NamedTuple):
    """How a run over a connection ended. ``left`` was taken and has not been tried, or was turned away by a connection
    that was at its end: a fresh one may well take it. Nobody has settled it, and nothing of it was intended."""

    why: End
    left: Message | None = None


class Lane(Protocol):
    """What a carrier asks of the lane that it works for."""

    number: int
    counter: Counter
    turned_away: int
    """How often in a row the server has turned this lane away."""

    window: int
    """How many messages may be under way at once on a connection, where the server has CHUNKING."""
    apart: bool
    """Whether this server wants no envelope behind a final dot."""

    def wants_more(self) -> bool:
        """Whether the connection may begin another message."""


class Parcel(NamedTuple):
    """A message and what goes over the line."""

    message: Message
    content: Content


def fetch(lane: Lane, wire: Wire, message: Message | None = None, number: int | None = None) -> Parcel | None:
    """The next message of a lane that this server can be offered, None when none is at hand. What it cannot be offered
    is settled as that. ``number`` is the lane's own at the counter, unless given."""
    session, number = wire.session, lane.number * lane.window if number is None else number
    while message is not None or (message := lane.counter.next(number)) is not None:
        try:
            made = content(message)
        except ValueError as error:
            outcome = unfit(str(error), "5.6.0")
        else:
            if session.size_limit and made.size > session.size_limit:
                words = f"the message has {made.size} bytes and the server takes {session.size_limit}"
                outcome = unfit(words, "5.3.4")
            elif message.international and not session.smtputf8:
                outcome = unfit("the address needs SMTPUTF8, which the server does not offer", "5.6.7")
            elif made.eightbit and not session.eightbit:
                outcome = unfit("the message has bytes over 127, and the server does not offer 8BITMIME", "5.6.3")
            else:
                return Parcel(message, made)
        lane.counter.settle(number, message, outcome)
        message = None
    return None
