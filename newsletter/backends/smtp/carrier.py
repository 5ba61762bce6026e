"""One message after another over one connection: a state machine that is called when something happens.

Nothing here waits. Twice a message something is called: when the server's answers come, and when the intent is on
disk. A coroutine that is suspended and woken for each would cost as much as all the rest.

With PIPELINING the final dot of a message and the whole envelope of the next leave in one write, so that a message
costs one round trip (RFC 2920). The body goes out on the 354, while the intent goes to disk, as long as the line may be
slow. Once a body of that size was found to go to the kernel whole, it waits for the intent and leaves with its dot and
the next envelope: one write fewer a message, on both sides, which on a quick line is a quarter of all the work.
"""

from __future__ import annotations

import asyncio

from newsletter import failpoints
from newsletter.backends.base import Message, Outcome, Result, Stopped
from newsletter.backends.smtp.outcomes import accepted, in_doubt, refusal, unavailable
from newsletter.backends.smtp.parcels import PATIENCE, End, Ended, Lane, Parcel, fetch
from newsletter.backends.smtp.protocol import Step
from newsletter.backends.smtp.replies import Reply
from newsletter.backends.smtp.wire import Lost, Wire

_PORTION = 262_144
"""Bytes that are handed to the kernel at a time."""
_ALIKE = 4_096
"""Bytes by which the next message may be larger than one that went to the kernel whole."""

# An attribute of an enum is looked up slowly; these are looked up for every message.
_DATA, _DOT = Step.DATA, Step.DOT


class DataCarrier:
    """Messages by DATA, one on the wire at a time, and the envelope of the next one behind its final dot.

    `ended` is done when it came to its end. What a counter raises is raised out of it.
    """

    def __init__(self, lane: Lane, wire: Wire, stale: bool) -> None:
        """``stale`` says that the connection is in a transaction that has to be reset first."""
        self._lane, self._wire, self._session, self._counter = lane, wire, wire.session, lane.counter
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.stale = stale
        self._number = lane.number * lane.window
        self.carried = 0
        """How many messages it has begun."""
        self._dotted: Message | None = None  # its final dot is out, and not answered yet
        self._current: Parcel | None = None  # its envelope is out
        self._ahead: Parcel | None = None  # taken, and nothing of it is out
        self._untouched = True  # whether the connection had carried nothing before the current message
        self._refused: tuple[Step, Reply] | None = None
        self._behind_dot = self._again = False  # the envelope left behind a dot; it was not looked at for that
        self._announced = self._durable = False
        self._rest: list[bytes] = []  # of the body, for lack of room
        self._kept: tuple[bytes, ...] = ()  # the body, where it leaves with its dot
        self._whole = 0  # bytes of a message that the kernel takes at once
        self._commands: list[Step] = []  # without PIPELINING: what is still to be said of the envelope

    @property
    def busy(self) -> bool:
        """Whether a message is under way."""
        return self._current is not None or self._dotted is not None

    def begin(self, message: Message, fresh: bool) -> None:
        """Starts with ``message``. ``fresh`` says that the connection is new."""
        self._untouched = fresh
        if (gone := self._wire.lost) is not None:
            # Between two words of ours: what the server said behind its last answer has ended it.
            if not fresh:
                self._end(Ended(End.LOST, message))
                return
            self._lane.turned_away += 1
            self._counter.settle(self._number, message, self._before_dot(gone))
            self._end(Ended(End.LOST))
            return
        parcel = fetch(self._lane, self._wire, message)
        if parcel is None:
            self._end(Ended(End.IDLE))
        else:
            self._start(parcel)

    def cancel(self) -> None:
        """Settles what is in doubt, and nothing else."""
        if self._dotted is not None:
            dotted, self._dotted = self._dotted, None
            self._counter.settle(self._number, dotted, in_doubt("stopped while it waited for the reply"))
        self._end(Ended(End.STOPPED))

    # What happens.

    def answered(self, step: Step, reply: Reply) -> None:
        """The server has answered a command."""
        if step is _DOT:
            self._dot_answered(reply)
        elif step is _DATA:
            self._data_answered(reply)
        elif self._commands or not reply.good:
            self._envelope_answered(step, reply)

    def resumed(self) -> None:
        """There is room for more of the body."""
        if self._rest:
            self._write_body()
        if self._durable and not self._wire.paused and not self._rest and self._current is not None:
            # Time has passed since the intent was found to be good: it is asked for again, right before the dot.
            self._durable = False
            self._announce(self._current.message)

    def lost(self, lost: Lost) -> None:
        """The connection is gone."""
        lane = self._lane
        if self._dotted is not None:
            dotted, self._dotted = self._dotted, None
            lane.turned_away += 1
            self._counter.settle(self._number, dotted, in_doubt(str(lost)))
        if self._announced:
            return  # the ledger is about to answer, and then this message can be settled
        left = None
        if self._current is not None:
            (message, _), self._current = self._current, None
            outcome = self._before_dot(lost)
            passing = outcome.result is Result.DEFERRED and self._refused is None and not self._untouched
            if self._again or (passing and not self._durable):
                left = message
            else:
                lane.turned_away += 1
                self._counter.settle(self._number, message, outcome)
        self._end(Ended(End.LOST, left))

    def fail(self, error: Exception) -> None:
        """Something of ours fell over: it comes out of `ended`."""
        self._wire.abort("given up")
        if not self.ended.done():
            self.ended.set_exception(error)

    # The dialogue.

    def _start(self, parcel: Parcel) -> None:
        """Says the envelope."""
        if self._session.pipelining:
            self._wire.write(self._envelope(parcel, behind_dot=False))
            return
        self._current = parcel
        self.carried += 1
        self._refused, self._behind_dot, self._again = None, False, False
        self._commands = [Step.DATA, Step.RCPT, Step.MAIL]
        if self.stale:
            self._commands.append(Step.RSET)
        self.stale = False
        self._say_next()

    def _envelope(self, parcel: Parcel, *, behind_dot: bool) -> bytes:
        """The whole envelope; it stands behind the final dot of the message before, or by itself."""
        message, (_, size, eightbit, _) = self._current = parcel
        self.carried += 1
        self._refused, session = None, self._session
        self._behind_dot, self._again = behind_dot, False
        reset = b""
        if self.stale:
            reset, self.stale = session.rset(), False
        return reset + session.envelope(
            message.sender, message.recipient, size, eightbit=eightbit, international=message.international
        )

    def _say_next(self) -> None:
        assert self._current is not None
        message, content = self._current
        session, step = self._session, self._commands.pop()
        if step is Step.MAIL:
            command = session.mail(
                message.sender, content.size, eightbit=content.eightbit, international=message.international
            )
        elif step is Step.RCPT:
            command = session.rcpt(message.recipient, international=message.international)
        else:
            command = session.rset() if step is Step.RSET else session.data()
        self._wire.write(command)

    def _envelope_answered(self, step: Step, reply: Reply) -> None:
        """The answer to RSET, MAIL or RCPT, where it is no plain yes or the next command waits for it."""
        if reply.good:
            self._say_next()
            return
        if self._refused is None:
            self._refused = (step, reply)
            if step is Step.MAIL and reply.code == 503 and self._behind_dot:
                # RFC 2920 section 3.1 lets an envelope stand behind a final dot; this server does not.
                self._again, self._lane.apart = True, True
        if reply.code == 421 or step is Step.RSET:
            self._hang_up("the server is closing the connection")
        elif reply.code < 400:
            self._hang_up(f"an answer to {step} that makes no sense: {reply.text}")
        elif not self._session.pipelining:
            self._commands.clear()
            self._turned_down()

    def _data_answered(self, reply: Reply) -> None:
        assert self._current is not None
        if reply.code == 354 and self._refused is None:
            message, (pieces, size, _, _) = self._current
            if size <= self._whole and not self._wire.cramped:
                self._kept = pieces
            else:
                self._rest = list(pieces)
                self._write_body()
            self._announce(message)
            if self._ahead is None and self._session.pipelining and self._lane.wants_more():
                self._ahead = fetch(self._lane, self._wire)
            return
        if self._refused is None:
            self._refused = (Step.DATA, reply)
        if reply.code == 421:
            self._hang_up("the server is closing the connection")
        elif reply.code == 354:
            # It wants a message for nobody. The polite way out is a final dot (RFC 2920 section 3.1); ours is one that
            # no server can take for a message.
            self._hang_up("the server wants a message that has no recipient")
        elif reply.code < 400:
            self._hang_up(f"an answer to DATA that makes no sense: {reply.text}")
        else:
            self._turned_down()

    def _write_body(self) -> None:
        """Hands the body over, portion by portion, each as soon as there is room."""
        wire, rest = self._wire, self._rest
        if sum(map(len, rest)) <= _PORTION:
            self._rest = []
            wire.write_pieces(rest)
            return
        while rest and not wire.paused:
            piece = rest.pop(0)
            if len(piece) > _PORTION:
                rest.insert(0, piece[_PORTION:])
                piece = piece[:_PORTION]
            wire.write(piece)

    def _announce(self, message: Message) -> None:
        self._announced = True
        self._counter.announce(self._number, message, self._intended)

    def _intended(self, stopped: Stopped | None) -> None:
        """The intent is on disk, or must not be followed."""
        if self.ended.done():
            return  # cancelled meanwhile: the dot never goes out
        try:
            self._on_disk(stopped)
        except Exception as error:
            self.fail(error)

    def _on_disk(self, stopped: Stopped | None) -> None:
        assert self._current is not None
        self._announced = False
        if stopped is not None:
            self._current = None
            self._wire.abort("given up")
            if self._ahead is not None:
                self._counter.give_back(self._number, self._ahead.message)
                self._ahead = None
            self._end(Ended(End.STOPPED))
        elif self._wire.lost is not None:
            # The server may have hung up, or said no, while the intent went to disk: then no dot goes out.
            self._untouched = True  # intended: it is settled here
            self.lost(self._wire.lost)
        elif self._wire.paused or self._rest:
            self._durable = True
        else:
            self._dot()

    def _dot(self) -> None:
        assert self._current is not None
        if failpoints.armed:
            failpoints.reach("smtp.before_dot")
        (self._dotted, content), self._current = self._current, None
        self._untouched = False
        dot, ahead, size, wire = self._session.end_of_data(), self._ahead, content.size, self._wire
        if not self._kept and not wire.cramped and size <= _PORTION:
            self._whole = size + _ALIKE
        if ahead is not None and self._session.pipelining and not self._lane.apart and self._lane.wants_more():
            self._ahead = None
            dot += self._envelope(ahead, behind_dot=True)
        if self._kept:
            kept, self._kept = self._kept, ()
            wire.write_pieces((*kept, dot))
        else:
            wire.write(dot)
        if failpoints.armed:
            failpoints.reach("smtp.after_dot")

    def _dot_answered(self, reply: Reply) -> None:
        message, self._dotted = self._dotted, None
        assert message is not None
        if failpoints.armed:
            failpoints.reach("smtp.after_reply")
        lane, served = self._lane, True
        if 200 <= reply.code < 300:
            outcome = accepted(reply)
        elif reply.code < 400:
            outcome, served = in_doubt(f"an answer that makes no sense: {reply.text}"), False
        else:
            outcome, served = refusal(Step.DOT, reply), reply.code != 421
        lane.turned_away = 0 if served else lane.turned_away + 1
        self._counter.settle(self._number, message, outcome)
        if not served:
            closing = reply.code == 421
            self._wire.abort("the server is closing the connection" if closing else "an answer that makes no sense")
            # What stands behind the dot is an envelope that the server will not look at any more.
            left, self._current = self._current, None
            self._end(Ended(End.LOST, None if left is None else left.message))
        elif self._current is None:
            self._next()

    def _turned_down(self) -> None:
        """The transaction of the current message has come to nothing, and the connection goes on."""
        assert self._current is not None
        assert self._refused is not None
        self.stale = True
        self._untouched = False
        if self._again:
            self.carried -= 1
            self._start(self._current)
            return
        (message, _), self._current = self._current, None
        step, reply = self._refused
        self._lane.turned_away = 0 if step is Step.RCPT else self._lane.turned_away + 1
        self._counter.settle(self._number, message, refusal(step, reply))
        self._next()

    def _next(self) -> None:
        """Nothing is under way: begins the next message, or comes to an end."""
        if self._lane.turned_away >= PATIENCE:
            self._end(Ended(End.TURNED_AWAY))
        elif not self._lane.wants_more():
            self._end(Ended(End.AT_AN_END))
        elif (parcel := self._ahead or fetch(self._lane, self._wire)) is None:
            self._end(Ended(End.IDLE))
        else:
            self._ahead = None
            self._start(parcel)

    def _hang_up(self, reason: str) -> None:
        """Ends the connection on the word of the server, which has refused the current message by it."""
        self._wire.abort(reason)
        assert self._current is not None
        assert self._refused is not None
        step, reply = self._refused
        (message, _), self._current = self._current, None
        outcome = refusal(step, reply)
        ended = reply.code == 421 or step is Step.RSET
        if ended and not self._untouched:
            self._end(Ended(End.LOST, message))
            return
        self._lane.turned_away = 0 if step is Step.RCPT and not ended else self._lane.turned_away + 1
        self._counter.settle(self._number, message, outcome)
        self._end(Ended(End.LOST))

    def _before_dot(self, lost: Lost) -> Outcome:
        if self._refused is not None:
            return refusal(*self._refused)
        if lost.reply is None or lost.reply.code < 400:
            return unavailable(str(lost))
        # It did not wait for the end of the message to say no. The dot has not gone out, so there is no doubt.
        return refusal(Step.DOT if self._session.in_data else Step.DATA, lost.reply)

    def _end(self, ended: Ended) -> None:
        if self._ahead is not None:
            ahead, self._ahead = self._ahead.message, None
            if ended.left is None:
                ended = ended._replace(left=ahead)
            else:
                self._counter.give_back(self._number, ahead)
        if not self.ended.done():
            self.ended.set_result(ended)
