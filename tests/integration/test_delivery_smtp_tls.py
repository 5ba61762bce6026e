"""Attacks on the line, seen from the edition: nothing goes out, the breaker opens, and the report says why in words."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.backends.smtp import SmtpBackend
from newsletter.backends.smtp.options import SmtpOptions
from newsletter.database import Database
from newsletter.delivery.breaker import Breaker, Gate
from newsletter.delivery.models import Status
from newsletter.delivery.pump import Delivered
from newsletter.delivery.report import names, report
from newsletter.testing import FixedClock
from newsletter.testing.smtp import Say, ScriptedServer
from tests.integration.delivery_world import NOW, World, make_world

QUICK = {"connect": 2, "greeting": 1, "command": 1, "data": 1, "block": 1, "dot": 1}
READERS = 8
PASSWORD = "correct horse"
LOGIN = {"username": "omar", "password": PASSWORD}


@pytest.fixture
def world(on_sqlite: Database, clock: FixedClock) -> World:
    """Readers who wait for an edition."""
    return make_world(on_sqlite, clock, READERS)


class Line:
    """An authority that the backend trusts, and what stands at the other end."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.ca_file = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(self.ca_file)
        self.folder = folder

    def context(self, name: str = "localhost", **dates: Any) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(name, key_type=trustme.KeyType.ECDSA, **dates).configure_cert(context)
        return context

    def self_signed(self) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )  # fmt: skip
        pem = self.folder / "self.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def expired(self) -> ssl.SSLContext:
        return self.context(not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime(2020, 2, 1, tzinfo=UTC))

    def not_yet_valid(self) -> ssl.SSLContext:
        return self.context(not_before=datetime(2999, 1, 1, tzinfo=UTC), not_after=datetime(2999, 2, 1, tzinfo=UTC))

    def tls_1_0(self) -> ssl.SSLContext:
        context = self.context()
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        return context

    def stranger(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert(
            "localhost", key_type=trustme.KeyType.ECDSA
        ).configure_cert(context)
        return context


INJECTED = Say(b"220 2.0.0 go\r\n250-evil.example\r\n250 AUTH PLAIN LOGIN XOAUTH2\r\n")
HALF_INJECTED = Say(b"220 2.0.0 go\r\n250-evil")

# The attack: who stands there, and words that the report must have.
ATTACKS: dict[str, tuple[Callable[[Line], ScriptedServer], str, str]] = {
    "STARTTLS is stripped": (lambda _: ScriptedServer(), "starttls", "does not offer STARTTLS"),
    "STARTTLS is refused": (
        lambda line: ScriptedServer({"STARTTLS": "454 4.7.0 not available"}, context=line.context()), "starttls",
        "454 4.7.0 not available",
    ),
    "an answer is injected": (
        lambda line: ScriptedServer({"STARTTLS": INJECTED}, context=line.context()), "starttls",
        "plain text came behind the answer to STARTTLS",
    ),
    "half an answer is injected": (
        lambda line: ScriptedServer({"STARTTLS": HALF_INJECTED}, context=line.context()), "starttls",
        "plain text came behind the answer to STARTTLS",
    ),
    **{
        f"{what}, {tls}": (
            lambda line, context=context, implicit=tls == "implicit": ScriptedServer(
                context=context(line), implicit=implicit
            ),
            tls, words,
        )
        for tls in ("starttls", "implicit")
        for what, context, words in (
            ("another name", lambda line: line.context("mail.example.org"), "certificate does not hold: Hostname mismatch"),
            ("expired", Line.expired, "certificate does not hold: certificate has expired"),
            ("not valid yet", Line.not_yet_valid, "certificate does not hold: certificate is not yet valid"),
            ("self-signed", Line.self_signed, "certificate does not hold: self-signed certificate"),
            ("of a stranger", Line.stranger, "certificate does not hold: "),
            ("TLS 1.0", Line.tls_1_0, "TLS"),
        )
    },
}  # fmt: skip


async def pump(world: World, port: int, breakers: dict[str, Breaker], **options: Any) -> Delivered:
    known = {"host": "localhost", "port": port, "connections": 2, "timeouts": QUICK}
    backend = SmtpBackend("fake", known | options)
    try:
        async with asyncio.timeout(20):
            return await world.pump(backend, breakers=breakers).run()
    finally:
        await backend.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_the_line_stops_the_edition_and_the_report_says_which(
    world: World, clock: FixedClock, tmp_path: Path, attack: str
) -> None:
    stands_there, tls, words = ATTACKS[attack]
    line, breakers = Line(tmp_path), {"fake": Breaker()}

    async def scene(server: ScriptedServer) -> Delivered:
        async with server:
            return await pump(world, server.port, breakers, tls=tls, ca_file=line.ca_file, **LOGIN)

    server = stands_there(line)
    delivered = asyncio.run(scene(server))
    assert not server.mails
    assert not [command for _, command in server.commands if command.startswith(("AUTH", "MAIL", "RCPT", "DATA"))]
    assert breakers["fake"].gate(NOW) is Gate.OPEN
    assert not delivered.done
    # A few found out; nobody is lost, and nobody is to blame.
    statuses = set(world.statuses().values())
    assert statuses == {Status.DEFERRED, Status.PENDING}
    assert words in "\n".join(one.reply for one in report(world.database, world.edition).reasons)
    assert all(words in one.reply for one in names(world.database, world.edition, Status.DEFERRED))
    assert PASSWORD not in str(report(world.database, world.edition))

    # The line is sound again: everyone gets one copy.
    async def again() -> ScriptedServer:
        async with ScriptedServer(context=line.context(), users={"omar": PASSWORD}) as sound:
            for _ in range(5):
                clock.advance(timedelta(minutes=2))
                if (await pump(world, sound.port, breakers, tls="starttls", ca_file=line.ca_file, **LOGIN)).done:
                    break
            return sound

    sound = asyncio.run(again())
    assert len(sound.accepted) == len(set(sound.accepted)) == READERS
    assert world.count(Status.ACCEPTED) == READERS


@pytest.mark.parametrize("extensions", [ScriptedServer.DEFAULT_EXTENSIONS, ()], ids=["pipelining", "bare"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_one_line_under_tls_carries_the_whole_edition_without_a_stop(
    world: World, tmp_path: Path, tls: str, extensions: tuple[str, ...]
) -> None:
    line = Line(tmp_path)

    async def scene() -> ScriptedServer:
        async with ScriptedServer(
            context=line.context(), implicit=tls == "implicit", extensions=extensions, users={"omar": PASSWORD}
        ) as server:
            options = {"tls": tls, "ca_file": line.ca_file, "connections": 1, **LOGIN}
            assert (await pump(world, server.port, {}, **options)).done
            return server

    server = asyncio.run(scene())
    assert server.connections == 1
    assert len(server.accepted) == len(set(server.accepted)) == READERS
    assert server.unfinished == 0


# ── AUTH ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

MECHANISMS: dict[str, dict[str, Any]] = {"PLAIN": LOGIN, "LOGIN": LOGIN}
if "token" in SmtpOptions.model_fields:
    MECHANISMS["XOAUTH2"] = {"auth": "xoauth2", "username": "omar", "token": PASSWORD}


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("offers", "script"),
    [
        ("before and after", {}),
        ("only before", {"STARTTLS": "454 4.7.0 not available"}),
        ("only before", {"STARTTLS": INJECTED}),
        ("without TLS", {}),
    ],
    ids=["offered early", "STARTTLS refused", "answer injected", "STARTTLS stripped"],
)
def test_no_password_and_no_token_goes_out_before_tls(
    world: World, tmp_path: Path, mechanism: str, offers: str, script: dict[str, Any]
) -> None:
    """A server that offers AUTH in the clear gets it under TLS, or not at all."""
    line = Line(tmp_path)

    async def scene() -> ScriptedServer:
        async with ScriptedServer(
            script,
            context=None if offers == "without TLS" else line.context(),
            users={"omar": PASSWORD},
            mechanisms=[mechanism],
            auth_in_the_clear=True,
        ) as server:
            options = {"tls": "starttls", "ca_file": line.ca_file, **MECHANISMS[mechanism]}
            await pump(world, server.port, {}, **options)
            return server

    server = asyncio.run(scene())
    for number in {connection for connection, _ in server.commands}:
        said = [command.partition(" ")[0] for connection, command in server.commands if connection == number]
        before_tls = said[: said.index("STARTTLS") + 1] if "STARTTLS" in said and offers == "before and after" else said
        assert "AUTH" not in before_tls
    assert len(server.accepted) == (READERS if offers == "before and after" else 0)
