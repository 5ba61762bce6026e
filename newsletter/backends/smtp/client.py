"""One connection to a server, from its greeting to QUIT, with one message on it at a time."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from newsletter.backends.base import Message, Outcome, Result
from newsletter.backends.smtp.options import SmtpOptions, is_loopback
from newsletter.backends.smtp.outcomes import in_doubt, refusal, unavailable, unfit
from newsletter.backends.smtp.protocol import Step
from newsletter.backends.smtp.replies import Reply
from newsletter.backends.smtp.wire import Lost, Wire, words_of


class Unavailable(Exception):
    """The server cannot be used now; ``outcome`` is what that means for a message."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reply)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message. ``served`` is false when the server turned *us* away and judged no reader or message;
    ``try_afresh`` is true when only this connection was at its end, and a new one may well take the message."""

    outcome: Outcome
    served: bool = True
    try_afresh: bool = False


class Client:
    """Made by `connect`. `send` messages while `usable`; then `quit`."""

    def __init__(self, wire: Wire, options: SmtpOptions) -> None:
        self._wire, self._session, self._options = wire, wire.session, options
        self._busy = self._stale = False
        self.carried = 0
        """How many messages it has tried to send."""
        self.after_dot = False
        """Whether a final dot has gone out that was not answered yet."""

    @property
    def usable(self) -> bool:
        return self._wire.lost is None and not self._busy

    @property
    def closed(self) -> asyncio.Future[None]:
        """Done when the connection is gone."""
        return self._wire.closed

    def quit(self) -> None:
        """Says goodbye without waiting for an answer, or hangs up in the middle of a message."""
        if self._busy:
            self._wire.abort("given up")
        else:
            self._wire.say_goodbye()

    async def send(self, message: Message, body: bytes, intend: Callable[[], Awaitable[None]]) -> Sent:
        """Sends one message: envelope, ``body`` (see `protocol.body`), then ``intend``, and the final dot when that
        returns. What ``intend`` raises goes through; the message is then not sent."""
        limit = self._session.size_limit
        if limit and len(body) > limit:
            words = f"the message has {len(body)} bytes and the server takes {limit}"
            return Sent(unfit(words, "5.3.4"))
        self._busy = True
        fresh = self.carried == 0
        self.carried += 1
        try:
            refused = await self._envelope(message, len(body))
            if refused is None:
                await self._wire.write_all(body, self._options.timeouts.block)
        except Lost as lost:
            outcome = self._before_dot(lost)
            return Sent(outcome, served=False, try_afresh=not fresh and outcome.result is Result.DEFERRED)
        if refused is not None:
            step, reply = refused
            ended = reply.code == 421 or step is Step.RSET
            return Sent(refusal(step, reply), served=step is Step.RCPT and not ended, try_afresh=ended and not fresh)
        await intend()
        # The server may have hung up, or said no, while the intent went to disk: then no dot goes out.
        if self._wire.lost is not None:
            return Sent(self._before_dot(self._wire.lost), served=False)
        self._wire.write(self._session.end_of_data())
        self.after_dot = True
        return await self._reply_to_dot()

    async def _reply_to_dot(self) -> Sent:
        try:
            answer = await self._wire.answer(self._options.timeouts.dot)
        except Lost as lost:
            self.after_dot = False
            return Sent(in_doubt(str(lost)), served=False)
        reply = answer.reply
        self.after_dot = self._busy = False
        if reply.good:
            return Sent(Outcome(Result.ACCEPTED, reply.code, reply.enhanced, reply.text))
        if reply.code < 400:
            self._wire.abort("the server answered the final dot with something else")
            return Sent(in_doubt(f"an answer that makes no sense: {reply.text}"), served=False)
        if reply.code == 421:
            self._wire.abort("the server is closing the connection")
        return Sent(refusal(Step.DOT, reply), served=reply.code != 421)

    def _before_dot(self, lost: Lost) -> Outcome:
        if lost.reply is None or lost.reply.code < 400:
            return unavailable(str(lost))
        # It did not wait for the end of the message to say no. The dot has not gone out, so there is no doubt.
        return refusal(Step.DOT if self._session.in_data else Step.DATA, lost.reply)

    async def _envelope(self, message: Message, size: int) -> tuple[Step, Reply] | None:
        """Leaves the connection ready for the message, or returns which step was refused."""
        session, wire = self._session, self._wire
        commands = [lambda: session.mail(message.sender, size), lambda: session.rcpt(message.recipient), session.data]
        if self._stale:
            commands.insert(0, session.rset)
            self._stale = False
        if session.pipelining:
            wire.write(b"".join(command() for command in commands))
        refused: tuple[Step, Reply] | None = None
        for command in commands:
            if not session.pipelining:
                wire.write(command())
            step, reply = await self._answer()
            agreed = reply.code == 354 if step is Step.DATA else reply.good
            if reply.code == 421 or (step is Step.RSET and not agreed):
                wire.abort("the server is closing the connection")
                return refused or (step, reply)
            if agreed and step is Step.DATA and refused:
                # It wants a message for nobody. The polite way out is a final dot (RFC 2920 section 3.1); ours is one
                # that no server can take for a message.
                wire.abort("the server wants a message that has no recipient")
                return refused
            if not agreed and not refused:
                refused = (step, reply)
                if reply.code < 400:
                    wire.abort(f"an answer to {step} that makes no sense: {reply.text}")
                    return refused
                if not session.pipelining:
                    break
        if refused:
            self._busy, self._stale = False, True
        return refused

    async def _answer(self) -> tuple[Step, Reply]:
        timeouts = self._options.timeouts
        match self._session.awaited:
            case Step.GREETING:
                limit = timeouts.greeting
            case Step.DATA:
                limit = timeouts.data
            case _:
                limit = timeouts.command
        answer = await self._wire.answer(limit)
        return answer.step, answer.reply

    async def _ask(self, command: bytes) -> Reply:
        self._wire.write(command)
        return (await self._answer())[1]

    async def open(self, context: ssl.SSLContext | None) -> None:
        """From the greeting to the point where messages can go. Raises `Unavailable`, `Lost`, OSError."""
        options = self._options
        step, greeting = await self._answer()
        if greeting.code != 220:
            raise Unavailable(refusal(step, greeting))
        if options.tls == "none" and not options.allow_plaintext and not is_loopback(self._peer()):
            raise Unavailable(unavailable(f"{options.host} is another machine, and tls: none is for this one only"))
        await self._hello()
        if options.tls == "starttls":
            await self._start_tls(context)
        if options.username is not None:
            await self._authenticate(options.username)

    async def _hello(self) -> None:
        name = self._options.hostname or self._own_name()
        reply = await self._ask(self._session.ehlo(name))
        if reply.good:
            return
        if reply.code >= 500:
            # A server of before 1995, or one that hides that it is newer (RFC 5321 section 3.2).
            older = await self._ask(self._session.helo(name))
            if older.good:
                return
        raise Unavailable(refusal(Step.EHLO, reply))

    async def _start_tls(self, context: ssl.SSLContext | None) -> None:
        if "STARTTLS" not in self._session.extensions:
            words = "does not offer STARTTLS, or somebody on the way took it out; nothing goes out in the clear"
            raise Unavailable(unavailable(f"{self._options.where} {words}"))
        reply = await self._ask(self._session.starttls())
        if reply.code != 220:
            raise Unavailable(refusal(Step.STARTTLS, reply))
        assert context is not None
        await self._wire.start_tls(context, self._options.host, self._options.timeouts.connect)
        await self._hello()

    async def _authenticate(self, username: str) -> None:
        assert self._options.password is not None
        assert self._options.tls == "none" or self._wire.transport.get_extra_info("ssl_object") is not None
        if self._options.tls == "none" and not is_loopback(self._peer()):
            raise Unavailable(unavailable(f"{self._options.host} is another machine: it gets no password in the clear"))
        password = self._options.password.get_secret_value()
        offered = self._session.extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered:
            answers = ["AUTH PLAIN " + _base64(f"\0{username}\0{password}")]
        elif "LOGIN" in offered:
            answers = ["AUTH LOGIN", _base64(username), _base64(password)]
        else:
            kinds = ", ".join(offered) or "nothing"
            raise Unavailable(unavailable(f"{self._options.where} offers {kinds} for AUTH; we have PLAIN and LOGIN"))
        for last, line in zip([False] * (len(answers) - 1) + [True], answers, strict=True):
            reply = await self._ask(self._session.auth(line))
            if reply.code != (235 if last else 334):
                outcome = refusal(Step.AUTH, reply)
                for secret in (password, *(_base64(s) for s in (password, f"\0{username}\0{password}"))):
                    # Some servers say what they were told.
                    outcome = replace(outcome, reply=outcome.reply.replace(secret, "***") if secret else outcome.reply)
                raise Unavailable(outcome)

    def _peer(self) -> str:
        peer = self._wire.transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    def _own_name(self) -> str:
        name = socket.gethostname()
        if "." in name.strip(".") and name.isascii() and name.replace(".", "").replace("-", "").isalnum():
            return name
        # RFC 5321 section 4.1.3: an address in brackets where there is no full name.
        address = ipaddress.ip_address(self._wire.transport.get_extra_info("sockname")[0].partition("%")[0])
        return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


async def connect(options: SmtpOptions, context: ssl.SSLContext | None) -> Client:
    """A connection that is ready for messages. ``context`` is needed unless ``tls`` is none. Raises `Unavailable`."""
    wire: Wire | None = None
    try:
        wire = await _reach(options, context)
        client = Client(wire, options)
        await client.open(context)
    except Unavailable:
        assert wire is not None
        wire.say_goodbye()
        raise
    except Lost as lost:
        raise Unavailable(unavailable(f"{options.where}: {lost}")) from None
    except OSError as error:
        if wire is not None:
            wire.abort("given up")
        raise Unavailable(unavailable(f"cannot connect to {options.where}: {words_of(error)}")) from None
    except BaseException:
        if wire is not None:
            wire.abort("given up")
        raise
    return client


async def _reach(options: SmtpOptions, context: ssl.SSLContext | None) -> Wire:
    seconds = options.timeouts.connect.total_seconds()
    implicit = options.tls == "implicit"
    async with asyncio.timeout(seconds):
        _, wire = await asyncio.get_running_loop().create_connection(
            Wire,
            options.host,
            options.port_number,
            ssl=context if implicit else None,
            server_hostname=options.host if implicit else None,
            ssl_shutdown_timeout=1 if implicit else None,
        )
    return wire


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
