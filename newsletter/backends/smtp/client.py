"""One connection to a server, from its greeting to QUIT, with one message on it at a time."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import socket
import ssl

from newsletter.backends.base import Message, Outcome
from newsletter.backends.smtp.carrier import DataCarrier
from newsletter.backends.smtp.chunks import ChunkCarrier
from newsletter.backends.smtp.options import SmtpOptions, is_loopback
from newsletter.backends.smtp.outcomes import refusal, unavailable
from newsletter.backends.smtp.parcels import Ended, Lane
from newsletter.backends.smtp.protocol import Step
from newsletter.backends.smtp.replies import Reply
from newsletter.backends.smtp.wire import Lost, Wire, words_of

_LONGEST_TOKEN = 16_384


class Unavailable(Exception):
    """The server cannot be used now; ``outcome`` is what that means for a message."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reply)
        self.outcome = outcome


class Client:
    """Made by `connect`. `carry` messages while `usable`; then `quit`."""

    def __init__(self, wire: Wire, options: SmtpOptions) -> None:
        self._wire, self._session, self._options = wire, wire.session, options
        self._stale = self._busy = False
        self._carrier: DataCarrier | ChunkCarrier | None = None
        self._carried = 0

    @property
    def usable(self) -> bool:
        return self._wire.lost is None and not self._busy

    @property
    def carried(self) -> int:
        """How many messages it has tried to send."""
        carrier = self._carrier
        return self._carried if carrier is None else self._carried + carrier.carried

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

    async def carry(self, lane: Lane, message: Message) -> Ended:
        """Sends ``message`` and what the lane's counter has behind it, until nothing is at hand, or this connection is
        at its end, or the lane is stopped. Raises what the counter raises. Cancelled, it settles what is in doubt."""
        session = self._session
        carrier: DataCarrier | ChunkCarrier
        if self._options.chunking and session.chunking and session.pipelining:
            carrier = ChunkCarrier(lane, self._wire, self._stale)
        else:
            carrier = DataCarrier(lane, self._wire, self._stale)
        fresh, self._carrier, self._busy = self._carried == 0, carrier, True
        self._wire.listen(carrier, self._options.timeouts.limits)
        try:
            carrier.begin(message, fresh)
            return await carrier.ended
        except asyncio.CancelledError:
            carrier.cancel()
            raise
        finally:
            self._wire.leave()
            self._stale, self._busy, self._carrier = carrier.stale, carrier.busy, None
            self._carried += carrier.carried

    async def _answer(self) -> tuple[Step, Reply]:
        timeouts = self._options.timeouts
        match self._session.awaited:
            case Step.GREETING:
                limit = timeouts.greeting
            case Step.DATA:
                limit = timeouts.data
            case _:
                limit = timeouts.command
        return await self._wire.answer(limit)

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
        assert self._options.tls == "none" or self._wire.transport.get_extra_info("ssl_object") is not None
        if self._options.tls == "none" and not is_loopback(self._peer()):
            raise Unavailable(unavailable(f"{self._options.host} is another machine: it gets no password in the clear"))
        secret = self._secret()
        mechanism = self._mechanism()
        if mechanism == "XOAUTH2":
            answers = ["AUTH XOAUTH2 " + _base64(f"user={username}\x01auth=Bearer {secret}\x01\x01")]
        elif mechanism == "PLAIN":
            answers = ["AUTH PLAIN " + _base64(f"\0{username}\0{secret}")]
        else:
            answers = ["AUTH LOGIN", _base64(username), _base64(secret)]
        for last, line in zip([False] * (len(answers) - 1) + [True], answers, strict=True):
            reply = await self._ask(self._session.auth(line))
            if last and reply.code == 334 and mechanism == "XOAUTH2":
                # Why not stands in the 334; the no itself comes when that is answered with nothing.
                reply = await self._ask(self._session.auth(""))
            if reply.code != (235 if last else 334):
                outcome = refusal(Step.AUTH, reply)
                # Some servers say what they were told.
                for said in (secret, _base64(secret), *(answer.rpartition(" ")[2] for answer in answers)):
                    outcome = outcome._replace(reply=outcome.reply.replace(said, "***") if said else outcome.reply)
                raise Unavailable(outcome)

    def _secret(self) -> str:
        options = self._options
        if options.token_file is not None:
            try:
                with options.token_file.open(encoding="ascii") as file:
                    return file.read(_LONGEST_TOKEN).strip()
            except (OSError, UnicodeDecodeError) as error:
                raise Unavailable(unavailable(f"token_file {options.token_file}: {words_of(error)}")) from None
        secret = options.password or options.token
        assert secret is not None
        return secret.get_secret_value()

    def _mechanism(self) -> str:
        """The way to log in that the config wants, or the best that is offered. Raises `Unavailable`."""
        options = self._options
        offered = self._session.extensions.get("AUTH", "").upper().split()
        ours = ["XOAUTH2"] if options.password is None else ["PLAIN", "LOGIN"]
        if options.auth != "auto":
            ours = [options.auth.upper()]
        for mechanism in ours:
            if mechanism in offered:
                return mechanism
        kinds = ", ".join(offered) or "nothing"
        raise Unavailable(unavailable(f"{options.where} offers {kinds} for AUTH; we have {' and '.join(ours)}"))

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
        words = words_of(error)
        if options.tls != "none" and isinstance(error, ConnectionResetError | ConnectionAbortedError):
            words += " in the TLS handshake; does it speak TLS 1.2 or newer?"
        raise Unavailable(unavailable(f"cannot connect to {options.where}: {words}")) from None
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
