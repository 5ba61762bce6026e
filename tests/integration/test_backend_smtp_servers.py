"""The smtp backend against servers that others wrote: aiosmtpd, and Postfix's smtp-sink with every fault it knows."""

from __future__ import annotations

import asyncio
import email
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from newsletter.backends.base import Message, Outcome, Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.testing import conformance
from newsletter.testing.conformance import Case, letter, letters
from newsletter.testing.counter import FakeCounter
from tests.integration.smtp_sink import sink

QUICK = {"connect": 1, "greeting": 1, "command": 1, "data": 1, "block": 1, "dot": 1}


async def deliver(messages: list[Message], **options: Any) -> FakeCounter:
    counter = FakeCounter(messages)
    backend = SmtpBackend("relay", {"connections": 2, "timeouts": QUICK} | options)
    try:
        async with asyncio.timeout(8):
            await backend.deliver(counter)
    finally:
        await backend.close()
    assert not counter.unsettled
    return counter


# ── aiosmtpd ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Inbox:
    """An aiosmtpd handler that keeps what comes."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return "250 2.0.0 OK"


def allow(server: Any, session: Any, envelope: Any, mechanism: str, login: LoginPassword) -> AuthResult:
    return AuthResult(success=login == LoginPassword(b"omar", b"correct horse"), handled=False)


@asynccontextmanager
async def aiosmtpd(inbox: Inbox, *, implicit: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        sessions.append(SMTP(inbox, loop=loop, enable_SMTPUTF8=False, **options))
        return sessions[-1]

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=implicit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one in sessions:
            if one.transport is not None:
                one.transport.abort()
        await asyncio.sleep(0.01)
        await server.wait_closed()


def arrived(inbox: Inbox, messages: list[Message]) -> None:
    assert sorted(inbox.mails) == sorted((m.sender, [m.recipient], m.data) for m in messages)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


def test_aiosmtpd_gets_the_same_bytes():
    async def scene() -> None:
        inbox, messages = Inbox(), letters(20)
        async with aiosmtpd(inbox) as port:
            await deliver(messages, host="127.0.0.1", port=port, tls="none")
        arrived(inbox, messages)

    asyncio.run(scene())


def test_aiosmtpd_gets_the_same_bytes_over_starttls_with_a_password(context, ca_file):
    async def scene() -> None:
        inbox, messages = Inbox(), letters(5)
        login = {"username": "omar", "password": "correct horse"}
        async with aiosmtpd(
            inbox, tls_context=context, require_starttls=True, authenticator=allow, auth_required=True
        ) as port:
            await deliver(messages, host="localhost", port=port, tls="starttls", ca_file=ca_file, **login)
            counter = await deliver(
                messages, host="localhost", port=port, tls="starttls", ca_file=ca_file, **login | {"password": "wrong"}
            )
            assert [outcome.code for outcome in counter.outcomes.values()] == [535]
        arrived(inbox, messages)

    asyncio.run(scene())


def test_aiosmtpd_gets_the_same_bytes_over_implicit_tls(context, ca_file):
    async def scene() -> None:
        inbox, messages = Inbox(), letters(5)
        async with aiosmtpd(inbox, implicit=context) as port:
            await deliver(messages, host="localhost", port=port, ca_file=ca_file)
        arrived(inbox, messages)

    asyncio.run(scene())


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_the_contract_holds_over_aiosmtpd(check):
    @asynccontextmanager
    async def build() -> AsyncIterator[Case]:
        inbox = Inbox()
        async with aiosmtpd(inbox) as port:
            backend = SmtpBackend("relay", {"host": "127.0.0.1", "port": port, "tls": "none", "connections": 3})
            yield Case(backend, lambda: [recipient for _, recipients, _ in inbox.mails for recipient in recipients])

    asyncio.run(conformance.run(check, build))


# ── smtp-sink ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def through(port: int, count: int = 4, **options: Any) -> list[Outcome]:
    counter = asyncio.run(deliver(letters(count), host="127.0.0.1", port=port, tls="none", **options))
    return list(counter.outcomes.values())


@pytest.mark.needs("smtp-sink")
@pytest.mark.parametrize(
    "arguments",
    [[], ["-p"], ["-e"], ["-8"], ["-E"]],
    ids=["plain", "no pipelining", "no ESMTP", "no 8BITMIME", "no codes"],
)
def test_smtp_sink_takes_everything(arguments):
    with sink(*arguments) as port:
        assert {outcome.result for outcome in through(port, 50)} == {Result.ACCEPTED}


@pytest.mark.needs("smtp-sink")
def test_smtp_sink_gets_the_same_bytes(tmp_path):
    tmp_path.chmod(0o777)
    message = letter("rita@example.org")
    with sink("-R", str(tmp_path), "-d", "mail.") as port:
        asyncio.run(deliver([message], host="127.0.0.1", port=port, tls="none"))
    [file] = tmp_path.glob("mail.*")
    dumped = file.read_bytes()
    assert email.message_from_bytes(dumped)["X-Rcpt-Args"] == "<rita@example.org>"
    assert dumped.replace(b"\r\n", b"\n").rstrip().endswith(message.data.replace(b"\r\n", b"\n").rstrip())


CLASSES = [
    # what the sink does there, the point, the result, whether it is the backend's fault
    ("-f", "CONNECT", Result.DEFERRED, True), ("-r", "CONNECT", Result.DEFERRED, True),
    ("-q", "CONNECT", Result.DEFERRED, True), ("-Q", "CONNECT", Result.DEFERRED, True),
    ("-f", "EHLO,HELO", Result.DEFERRED, True), ("-r", "EHLO", Result.DEFERRED, True),
    ("-q", "EHLO", Result.DEFERRED, True), ("-Q", "EHLO", Result.DEFERRED, True),
    ("-f", "MAIL", Result.DEFERRED, True), ("-r", "MAIL", Result.DEFERRED, True),
    ("-q", "MAIL", Result.DEFERRED, True), ("-Q", "MAIL", Result.DEFERRED, True),
    ("-f", "RCPT", Result.REJECTED, False), ("-r", "RCPT", Result.DEFERRED, False),
    ("-q", "RCPT", Result.DEFERRED, True), ("-Q", "RCPT", Result.DEFERRED, True),
    ("-f", "DATA", Result.DEFERRED, True), ("-r", "DATA", Result.DEFERRED, True),
    ("-q", "DATA", Result.DEFERRED, True), ("-Q", "DATA", Result.DEFERRED, True),
    ("-f", ".", Result.REJECTED, False), ("-r", ".", Result.DEFERRED, False),
    ("-q", ".", Result.IN_DOUBT, True), ("-Q", ".", Result.DEFERRED, True),
]  # fmt: skip


@pytest.mark.needs("smtp-sink")
@pytest.mark.parametrize("pipelining", [[], ["-p"]], ids=["pipelining", "bare"])
@pytest.mark.parametrize(("fault", "point", "result", "backend_fault"), CLASSES)
def test_every_fault_of_smtp_sink_gets_its_class(fault, point, result, backend_fault, pipelining):
    with sink(*pipelining, fault, point) as port:
        outcomes = through(port, 2, connections=1)
    assert {(outcome.result, outcome.backend_fault) for outcome in outcomes} == {(result, backend_fault)}


@pytest.mark.needs("smtp-sink")
@pytest.mark.parametrize("fault", ["-f", "-r", "-q", "-Q"])
@pytest.mark.parametrize("point", ["RSET", "QUIT"])
def test_a_fault_at_rset_or_quit_costs_nothing(fault, point):
    with sink(fault, point) as port:
        assert {outcome.result for outcome in through(port)} == {Result.ACCEPTED}


@pytest.mark.needs("smtp-sink")
def test_a_sink_that_breaks_off_in_the_middle_of_a_message_gets_no_dot():
    """Its 550 comes while the ledger writes; it is taken for its answer."""

    class Slow(FakeCounter):
        async def intend(self, lane: int, message: Message) -> None:
            await super().intend(lane, message)
            await asyncio.sleep(0.1)

    async def scene(port: int) -> Outcome:
        counter = Slow([letter("rita@example.org")])
        backend = SmtpBackend("relay", {"host": "127.0.0.1", "port": port, "tls": "none", "timeouts": QUICK})
        await backend.deliver(counter)
        await backend.close()
        return counter.outcomes["rita@example.org"]

    with sink("-A", "0") as port:
        outcome = asyncio.run(scene(port))
    assert (outcome.result, outcome.code) == (Result.REJECTED, 550)


@pytest.mark.needs("smtp-sink")
def test_a_sink_that_is_slow_is_waited_for():
    with sink("-w", "1") as port:
        outcomes = through(port, 1, timeouts={**QUICK, "command": 3, "data": 3})
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED]
