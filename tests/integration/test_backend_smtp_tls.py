"""TLS and passwords: nothing goes out where somebody could read it, or to somebody else."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from newsletter.backends.base import Outcome, Result
from newsletter.backends.smtp import SmtpBackend
from newsletter.backends.smtp.client import Client
from newsletter.backends.smtp.options import SmtpOptions
from newsletter.backends.smtp.pool import Pool
from newsletter.testing.conformance import letters
from newsletter.testing.counter import FakeCounter
from newsletter.testing.smtp import Say, ScriptedServer

QUICK = {"connect": 1, "greeting": 0.5, "command": 0.5, "data": 0.5, "block": 0.5, "dot": 0.5}
LOGIN = {"username": "omar", "password": "correct horse"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def certificate(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context


def deliver(
    server: ScriptedServer, count: int = 3, *, tls_to_plain: bool = False, **options: Any
) -> tuple[list[Outcome], list[str]]:
    """The outcomes of a delivery, and what the check had said before it."""

    async def scene() -> tuple[list[Outcome], list[str]]:
        async with server:
            known = {"host": "localhost", "port": server.port, "connections": 2, "timeouts": QUICK}
            backend = SmtpBackend("relay", known | options)
            problems = await backend.check()
            counter = FakeCounter(letters(count))
            await backend.deliver(counter)
            await backend.close()
            assert not counter.unsettled
            assert not server.violations or tls_to_plain
            return list(counter.outcomes.values()), problems

    return asyncio.run(scene())


def refused(server: ScriptedServer, **options: Any) -> str:
    """Holds that nothing went out, that one message found out, and that `doctor` says the same. Returns the words."""
    outcomes, problems = deliver(server, **options)
    [outcome] = outcomes
    assert outcome.result is Result.DEFERRED
    assert outcome.backend_fault
    assert problems == [f"relay: {outcome.reply}"]
    assert not server.mails
    assert not any(command.startswith("MAIL") for _, command in server.commands)
    return outcome.reply


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("mechanisms", [["PLAIN"], ["LOGIN"], ["PLAIN", "LOGIN"], ["XOAUTH2", "CRAM-MD5", "LOGIN"]])
def test_mail_goes_out_under_tls_with_a_password(authority, ca_file, tls, mechanisms):
    server = ScriptedServer(
        context=certificate(authority, "localhost"), implicit=tls == "implicit",
        users={"omar": "correct horse"}, mechanisms=mechanisms,
    )  # fmt: skip
    outcomes, problems = deliver(server, tls=tls, ca_file=ca_file, **LOGIN)
    assert problems == []
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED] * 3
    assert set(server.authenticated) == {"omar"}


def test_ehlo_is_said_again_after_starttls(authority, ca_file):
    server = ScriptedServer(context=certificate(authority, "localhost"))
    deliver(server, 1, tls="starttls", ca_file=ca_file)
    verbs = [command.split()[0] for number, command in server.commands if number == 2]
    assert verbs[:4] == ["EHLO", "STARTTLS", "EHLO", "MAIL"]


def test_a_stripped_starttls_stops_everything(ca_file):
    words = refused(
        ScriptedServer(users={"omar": "correct horse"}, auth_in_the_clear=True),
        tls="starttls",
        ca_file=ca_file,
        **LOGIN,
    )
    assert "does not offer STARTTLS" in words


@pytest.mark.parametrize("reply", ["454 4.7.0 not available", "502 5.5.1 what", "250 2.0.0 sure"])
def test_a_refused_starttls_stops_everything(authority, ca_file, reply):
    server = ScriptedServer({"STARTTLS": reply}, context=certificate(authority, "localhost"))
    assert refused(server, tls="starttls", ca_file=ca_file) == reply


def test_an_answer_that_was_slipped_in_before_tls_stops_everything(authority, ca_file):
    injected = Say(b"220 2.0.0 go\r\n250-evil.example\r\n250 AUTH PLAIN\r\n")
    server = ScriptedServer({"STARTTLS": injected}, context=certificate(authority, "localhost"))
    assert "plain text came behind the answer to STARTTLS" in refused(server, tls="starttls", ca_file=ca_file)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_for_another_name_stops_everything(authority, ca_file, tls):
    server = ScriptedServer(context=certificate(authority, "mail.example.org"), implicit=tls == "implicit")
    words = refused(server, tls=tls, ca_file=ca_file)
    assert "the certificate does not hold" in words
    assert "localhost" in words


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_of_an_authority_that_nobody_knows_stops_everything(authority, tls):
    server = ScriptedServer(context=certificate(authority, "localhost"), implicit=tls == "implicit")
    assert "the certificate does not hold" in refused(server, tls=tls)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_old_tls_stops_everything(authority, ca_file, tls):
    context = certificate(authority, "localhost")
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    server = ScriptedServer(context=context, implicit=tls == "implicit")
    assert "cannot connect to localhost" in refused(server, tls=tls, ca_file=ca_file)


def test_a_server_that_speaks_plain_text_where_tls_is_meant_stops_everything(ca_file):
    assert "TLS failed" in refused(ScriptedServer(), tls="implicit", ca_file=ca_file, tls_to_plain=True)


def test_a_handshake_that_never_ends_is_left(authority, ca_file):
    async def scene() -> list[str]:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.read(10_000)
                await reader.read()
            finally:
                writer.transport.abort()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            options = {"host": "localhost", "port": port, "ca_file": ca_file, "timeouts": {**QUICK, "connect": 0.2}}
            return await SmtpBackend("relay", options).check()

    [problem] = asyncio.run(scene())
    assert "no answer in time" in problem


def test_an_authority_file_that_is_not_there_is_named(tmp_path):
    words = refused(ScriptedServer(), ca_file=tmp_path / "gone.pem")
    assert words == f"ca_file {tmp_path / 'gone.pem'}: No such file or directory"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_wrong_password_stops_everything_and_is_not_repeated(authority, ca_file, mechanism):
    server = ScriptedServer(
        {"AUTH": "535 5.7.8 no: Y29ycmVjdCBob3JzZQ== is not the password, nor is correct horse"},
        context=certificate(authority, "localhost"), implicit=True, users={"omar": "other"}, mechanisms=[mechanism],
    )  # fmt: skip
    words = refused(server, ca_file=ca_file, **LOGIN)
    assert words == "535 5.7.8 no: *** is not the password, nor is ***"


def test_a_token_logs_in_by_xoauth2_and_a_file_of_it_is_read_for_every_connection(authority, ca_file, tmp_path):
    def server() -> ScriptedServer:
        return ScriptedServer(
            context=certificate(authority, "localhost"), implicit=True, users={"omar": "ya29.token"},
            mechanisms=["XOAUTH2"],
        )  # fmt: skip

    outcomes, problems = deliver(server(), ca_file=ca_file, username="omar", token="ya29.token")
    assert problems == []
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    file = tmp_path / "relay.token"
    file.write_text("ya29.token\n")
    outcomes, _ = deliver(server(), ca_file=ca_file, username="omar", token_file=file)
    assert {outcome.result for outcome in outcomes} == {Result.ACCEPTED}
    file.write_text("ya29.older\n")
    assert refused(server(), ca_file=ca_file, username="omar", token_file=file).startswith("535")
    file.unlink()
    assert "relay.token: No such file" in refused(server(), ca_file=ca_file, username="omar", token_file=file)


def test_a_server_that_repeats_a_token_is_not_quoted_with_it(authority, ca_file):
    server = ScriptedServer(
        {"AUTH": "535 5.7.8 ya29.token is over"},
        context=certificate(authority, "localhost"), implicit=True, users={"omar": "other"}, mechanisms=["XOAUTH2"],
    )  # fmt: skip
    assert refused(server, ca_file=ca_file, username="omar", token="ya29.token") == "535 5.7.8 *** is over"


def test_a_server_without_a_way_to_log_in_that_we_have_is_named(authority, ca_file):
    context = certificate(authority, "localhost")
    server = ScriptedServer(context=context, implicit=True, users={"omar": "x"}, mechanisms=["CRAM-MD5"])
    assert "offers CRAM-MD5 for AUTH; we have PLAIN and LOGIN" in refused(server, ca_file=ca_file, **LOGIN)
    server = ScriptedServer(context=context, implicit=True)
    assert "offers nothing for AUTH" in refused(server, ca_file=ca_file, **LOGIN)


def test_a_password_to_this_machine_in_the_clear_has_to_be_allowed():
    server = ScriptedServer(users={"omar": "correct horse"}, auth_in_the_clear=True)
    outcomes, problems = deliver(server, tls="none", allow_plaintext=True, **LOGIN)
    assert problems == []
    assert [outcome.result for outcome in outcomes] == [Result.ACCEPTED] * 3


@pytest.mark.parametrize("login", [{}, LOGIN | {"allow_plaintext": True}], ids=["mail", "password"])
def test_a_localhost_that_leads_to_another_machine_gets_nothing_in_the_clear(monkeypatch, login):
    monkeypatch.setattr(Client, "_peer", lambda self: "192.0.2.7")
    server = ScriptedServer(users={"omar": "correct horse"}, auth_in_the_clear=True)
    assert "localhost is another machine" in refused(server, tls="none", **login)
    assert not any(command.startswith("AUTH") for _, command in server.commands)


def test_no_tls_older_than_1_2_is_ever_offered():
    context = Pool(SmtpOptions(host="mail.example.org"))._tls()
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
