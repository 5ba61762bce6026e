"""Messages by BDAT (RFC 3030): whole ones, several of them under way at once on one connection.

A message leaves in one write, its envelope before it, when its intent is on disk. Nothing of it stops for an answer,
so that a connection carries as many messages a round trip as its window has places. Each place is a lane of its own:
what is in doubt after a crash is one reader for each.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from newsletter import failpoints
from newsletter.backends.base import Message, Outcome, Result, Stopped
from newsletter.backends.smtp.outcomes import accepted, in_doubt, refusal, unavailable
from newsletter.backends.smtp.parcels import PATIENCE, End, Ended, Lane, Parcel, fetch
from newsletter.backends.smtp.protocol import Step
from newsletter.backends.smtp.replies import Reply
from newsletter.backends.smtp.wire import Lost, Wire


class _Flight:
    """A message under way: its place in the window, and the first no that it got."""

    __slots__ = ("message", "place", "refused")

    def __init__(self, message: Message, place: int) -> None:
        self.message, self.place = message, place
        self.refused: tuple[Step, Reply] | None = None


class ChunkCarrier:
    """See `carrier.DataCarrier`, whose face it has. For servers with PIPELINING and CHUNKING."""

    def __init__(self, lane: Lane, wire: Wire, stale: bool) -> None:
        """``stale`` says that the connection is in a transaction that has to be reset first."""
        self._lane, self._wire, self._session, self._counter = lane, wire, wire.session, lane.counter
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.stale = stale
        self.carried = 0
        """How many messages it has begun."""
        self._flights: deque[_Flight] = deque()
        self._free = list(range(lane.window - 1, -1, -1))
        self._announced: dict[int, Parcel] = {}
        self._first: Message | None = None
        self._why: End | None = None  # why nothing more is begun

    @property
    def busy(self) -> bool:
        """Whether a message is under way."""
        return bool(self._flights or self._announced)

    def begin(self, message: Message, fresh: bool) -> None:
        """Starts with ``message``. ``fresh`` says that the connection is new."""
        if (gone := self._wire.lost) is not None:
            if fresh:
                self._turned_away(self._number(0), message, unavailable(str(gone)))
                self._end(End.LOST)
            else:
                self._end(End.LOST, message)
            return
        self._first = message
        if fresh:
            self._fill()
        else:
            # It may have died while it rested, and a message that is written to a dead line is in doubt.
            self._wire.write(self._session.noop())

    def cancel(self) -> None:
        """Settles what is in doubt, and nothing else."""
        while self._flights:
            flight = self._flights.popleft()
            self._settle(flight, in_doubt("stopped while it waited for the reply"))
        self._end(End.STOPPED)

    # What happens.

    def answered(self, step: Step, reply: Reply) -> None:
        """The server has answered a command."""
        if step is Step.NOOP:
            self._rested(reply)
            return
        flight = self._flights[0]
        if step is not Step.BDAT:
            if not reply.good and flight.refused is None and (step is not Step.RSET or reply.code == 421):
                flight.refused = (step, reply)
            if reply.code == 421:
                self._hang_up("the server is closing the connection")
            return
        self._flights.popleft()
        if failpoints.armed:
            failpoints.reach("smtp.after_bdat_reply")
        if reply.code == 421:
            flight.refused = flight.refused or (step, reply)
            self._flights.appendleft(flight)
            self._hang_up("the server is closing the connection")
            return
        served = True
        if reply.good and flight.refused is None:
            outcome = accepted(reply)
        elif reply.code < 400:
            served, outcome = False, in_doubt(f"an answer that makes no sense: {reply.text}")
        elif flight.refused is not None:
            refused, words = flight.refused
            served, outcome = refused is Step.RCPT, refusal(refused, words)
        else:
            outcome = refusal(step, reply)
        self.stale = outcome.result is not Result.ACCEPTED
        self._lane.turned_away = 0 if served else self._lane.turned_away + 1
        self._settle(flight, outcome)
        self._fill()

    def resumed(self) -> None:
        """There is room again: nothing of ours waits for it."""

    def lost(self, lost: Lost) -> None:
        """The connection is gone, and with it the answers to all that is under way."""
        self._why = End.LOST
        # What has not gone to the kernel whole cannot have been taken.
        whole = len(self._flights) - (1 if self._wire.paused else 0)
        if self._flights:
            self._lane.turned_away += 1
        for number in range(len(self._flights)):
            flight = self._flights.popleft()
            if number == 0 and flight.refused is not None:
                outcome = refusal(*flight.refused)
            elif number < whole:
                outcome = in_doubt(str(lost))
            else:
                outcome = unavailable(str(lost))
            self._settle(flight, outcome)
        if not self._announced:
            self._end(End.LOST)

    def fail(self, error: Exception) -> None:
        """Something of ours fell over: it comes out of `ended`."""
        self._wire.abort("given up")
        if not self.ended.done():
            self.ended.set_exception(error)

    # The dialogue.

    @property
    def _window(self) -> int:
        return self._lane.window

    def _number(self, place: int) -> int:
        return self._lane.number * self._window + place

    def _rested(self, reply: Reply) -> None:
        if reply.code == 421 or not reply.good:
            self._wire.abort("the server is closing the connection")
            message, self._first = self._first, None
            self._end(End.LOST, message)
        else:
            self._fill()

    def _fill(self) -> None:
        """Announces a message for every free place, and comes to an end when nothing is under way."""
        lane = self._lane
        while self._free and self._why is None:
            if lane.turned_away >= PATIENCE:
                self._why = End.TURNED_AWAY
            elif self._first is None and not lane.wants_more():
                self._why = End.AT_AN_END
            else:
                place = self._free[-1]
                first, self._first = self._first, None
                parcel = fetch(lane, self._wire, first, self._number(place))
                if parcel is None:
                    break
                self._free.pop()
                self.carried += 1
                self._announced[place] = parcel
                self._counter.announce(self._number(place), parcel.message, partial(self._intended, place))
        if not self.busy:
            self._end(self._why or End.IDLE)

    def _intended(self, place: int, stopped: Stopped | None) -> None:
        """The intent is on disk, or must not be followed."""
        if self.ended.done():
            return
        try:
            self._on_disk(place, stopped)
        except Exception as error:
            self.fail(error)

    def _on_disk(self, place: int, stopped: Stopped | None) -> None:
        message, content = self._announced.pop(place)
        wire, session = self._wire, self._session
        if stopped is not None:
            self._free.append(place)
            self._why = End.STOPPED
        elif wire.lost is not None:
            self._turned_away(self._number(place), message, unavailable(str(wire.lost)))
            self._why = End.LOST
        else:
            international, chunk = message.international, content.chunk
            size = content.size if content.whole is None else len(content.whole)
            # After a BDAT that was refused nothing else is sure (RFC 3030 section 2), and what is under way may be.
            reset = session.rset() if self.stale or self._flights else b""
            envelope = (
                reset
                + session.mail(message.sender, size, eightbit=content.eightbit, international=international)
                + session.rcpt(message.recipient, international=international)
                + session.bdat(size)
            )
            self._flights.append(_Flight(message, place))
            if failpoints.armed:
                failpoints.reach("smtp.before_bdat")
            wire.write_pieces((envelope, *chunk))
            if failpoints.armed:
                failpoints.reach("smtp.after_bdat")
            return
        if not self.busy:
            self._end(self._why)

    def _settle(self, flight: _Flight, outcome: Outcome) -> None:
        self._free.append(flight.place)
        self._counter.settle(self._number(flight.place), flight.message, outcome)

    def _turned_away(self, number: int, message: Message, outcome: Outcome) -> None:
        self._lane.turned_away += 1
        self._counter.settle(number, message, outcome)

    def _hang_up(self, reason: str) -> None:
        """The server has said 421 to the first message under way: it has looked at none of those behind it."""
        self._wire.abort(reason)
        self._why = End.LOST
        self._lane.turned_away += 1
        while self._flights:
            flight = self._flights.popleft()
            outcome = unavailable(reason) if flight.refused is None else refusal(*flight.refused)
            self._settle(flight, outcome)
        if not self._announced:
            self._end(End.LOST)

    def _end(self, why: End, left: Message | None = None) -> None:
        if not self.ended.done():
            self.ended.set_result(Ended(why, left))
