"""Signatures that programs which are not ours verify: dkimpy, mailauth and Mail::DKIM, also behind a real Postfix."""

from __future__ import annotations

import asyncio
import email
import json
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.backends.base import Message
from newsletter.cli.site import _problems
from newsletter.clock import Clock
from newsletter.database import Database
from newsletter.editions.store import find
from newsletter.errors import ConfigError
from newsletter.press import assemble, message_for
from newsletter.press.lock import lock
from newsletter.press.messages import documents_for
from newsletter.press.site import Site
from newsletter.rendering.dkim import SigningKey, load, record
from newsletter.rendering.mime import CompiledMessage
from newsletter.testing import FixedClock
from newsletter.testing.samples import VARIANTS
from newsletter.testing.stories import store
from tests import mails, servers, sites
from tests.integration.test_receipt import NAMES, deliver, relay
from tests.unit.test_dkim import pem, verifies

DOMAIN = "courier.example.org"
# Verifiers look at their clocks: a signature of tomorrow is none.
YESTERYEAR = datetime(2024, 11, 25, 5, 30, tzinfo=UTC)
HEADERS = replace(mails.HEADERS, date=YESTERYEAR, feedback_id="morning:europe:20241125:newsroom")


@pytest.fixture(scope="module")
def keys() -> list[SigningKey]:
    return [
        load(pem(rsa.generate_private_key(65537, 2048)), domain=DOMAIN, selector="rsa"),
        load(pem(ed25519.Ed25519PrivateKey.generate()), domain=DOMAIN, selector="ed"),
    ]


def judged(judge: list[str], keys: list[SigningKey], files: list[Path], folder: Path) -> list[list[list[str]]]:
    """What a judge says of each signature of each file, given the records of the keys and no network."""
    records = folder / "records.json"
    shown = [record(key) for key in keys]
    records.write_text(json.dumps({one.name: one.value for one in shown}))
    done = subprocess.run(
        [*judge, str(records), *map(str, files)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


MAILAUTH = ["node", str(servers.JUDGES.parent / "dkim.mjs")]
PERL = ["perl", str(servers.JUDGES.parent / "dkim.pl")]


def letters(keys: list[SigningKey], folder: Path) -> list[Path]:
    """Every sample edition, signed, to readers with names of many scripts."""
    files = []
    for variant in VARIANTS:
        compiled = CompiledMessage.compile(mails.rendered(variant), HEADERS, keys)
        for who, name in NAMES.items():
            reader = replace(mails.RITA, address=f"{who}@reader.test", first_name=name)
            files.append(folder / f"{variant}-{who}.eml")
            files[-1].write_bytes(compiled.build(reader))
    return files


@pytest.mark.needs("node judges")
def test_mailauth_passes_both_signatures_of_every_sample_mail(keys, tmp_path):
    files = letters(keys, tmp_path)
    for results in judged(MAILAUTH, keys, files, tmp_path):
        assert [result[:4] for result in results] == [
            ["pass", "rsa-sha256", "rsa", DOMAIN],
            ["pass", "ed25519-sha256", "ed", DOMAIN],
        ]


def test_dkimpy_passes_both_signatures_of_every_sample_mail(keys, tmp_path):
    for file in letters(keys, tmp_path):
        assert [verifies(file.read_bytes(), key) for key in keys] == [True, True], file.name


# Debian 12's Mail::DKIM knows no Ed25519.
@pytest.mark.needs("perl Mail::DKIM")
def test_mail_dkim_passes_the_rsa_signature_of_every_sample_mail(keys, tmp_path):
    files = letters(keys[:1], tmp_path)
    for results in judged(PERL, keys, files, tmp_path):
        assert [result[:4] for result in results] == [["pass", "rsa-sha256", "rsa", DOMAIN]]


@pytest.mark.needs("node judges", "perl Mail::DKIM")
@pytest.mark.parametrize(
    "field", ["From: Omar <omar@evil.example>", "Subject: Buy", "List-Unsubscribe: <https://evil.example>"]
)
def test_the_judges_would_see_a_field_added_in_front_or_behind(field, keys, tmp_path):
    data = CompiledMessage.compile(mails.rendered("ordinary"), HEADERS, keys).build(mails.RITA)
    head, blank, body = data.partition(b"\r\n\r\n")
    files = [tmp_path / "front.eml", tmp_path / "behind.eml"]
    files[0].write_bytes(field.encode() + b"\r\n" + data)
    files[1].write_bytes(head + b"\r\n" + field.encode() + blank + body)
    for judge in (MAILAUTH, PERL):
        for results in judged(judge, keys, files, tmp_path):
            assert "pass" not in {result[0] for result in results}


@pytest.mark.needs("postfix", "node judges", "perl Mail::DKIM")
def test_the_signatures_of_a_mail_that_postfix_delivered_still_pass(keys, tmp_path):
    host, port, folder = servers.POSTFIX.split(":", 2)
    made = {}
    for number, variant in enumerate(VARIANTS, start=1):
        compiled = CompiledMessage.compile(mails.rendered(variant), HEADERS, keys)
        address = f"dkim.{tmp_path.name}.{variant}@reader.test"
        made[address] = Message(number, compiled.sender, address, compiled.build(replace(mails.RITA, address=address)))
    asyncio.run(deliver(relay(host, int(port)), made.values()))

    came: dict[str, bytes] = {}
    end = time.monotonic() + 20
    while len(came) < len(made) and time.monotonic() < end:
        time.sleep(0.1)
        for file in Path(folder, "new").glob("*"):
            raw = file.read_bytes()
            to = str(email.message_from_bytes(raw)["Delivered-To"])
            if to in made:
                came[to] = raw

    files = []
    for address, raw in came.items():
        files.append(tmp_path / f"{address}.eml")
        # A mailbox keeps the line ends of its machine; a verifier gets those of the wire.
        files[-1].write_bytes(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        assert [verifies(files[-1].read_bytes(), key) for key in keys] == [True, True]
    assert len(files) == len(VARIANTS)
    for results in judged(MAILAUTH, keys, files, tmp_path):
        assert [result[0] for result in results] == ["pass", "pass"]
    for results in judged(PERL, keys, files, tmp_path):
        assert results[0][0] == "pass"


# --- a site with keys


def keyed(root: Path, database: Database, clock: Clock, dkim: str) -> Site:
    address = "address: morning@courier.example.org"
    config = sites.CONFIG.replace(address + "}", f"{address}, dkim: {dkim}}}")
    assert config != sites.CONFIG
    return sites.make_site(root, database, clock, config=config)


def test_a_briefing_with_a_key_is_signed_as_the_operator_wrote(database, tmp_path):
    private = rsa.generate_private_key(65537, 2048)
    (tmp_path / "dkim.pem").write_bytes(
        private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    site = keyed(
        tmp_path,
        database,
        FixedClock(YESTERYEAR - timedelta(hours=1.5)),
        "[{domain: courier.example.org, selector: s1, key_file: dkim.pem}]",
    )
    with database.writing() as session:
        store(session, "tram", "school", "mill", now=site.clock.now(), published_at=site.clock.now())
    assemble(site, "morning")
    data = message_for(site, "morning/2024-11-25", "europe", "rita@example.org")
    [key] = site.signing_keys("morning")
    assert verifies(data, key)
    assert site.signing_keys("morning")[0] is key
    assert documents_for(site, "morning/2024-11-25", "europe", "rita@example.org")[0] == data


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, r"dkim.pem: the DKIM key s1 of courier.example.org cannot be read"),
        ("no key", "is no private key in PEM"),
    ],
)
def test_a_key_that_cannot_be_read_stops_the_send_with_one_line(content, why, database, tmp_path):
    if content is not None:
        (tmp_path / "dkim.pem").write_text(content)
    site = keyed(
        tmp_path,
        database,
        FixedClock(),
        "[{domain: courier.example.org, selector: s1, key_file: dkim.pem}]",
    )
    assemble(site, "morning", mails.HEADERS.date.date())
    with pytest.raises(ConfigError, match=why) as refusal:
        lock(site, "morning/2026-11-23", now=True)
    assert "\n" not in str(refusal.value)
    assert status_of(site) == "ready"
    problems = [line for line in _problems(site) if "DKIM" in line]
    assert problems == [f"briefing morning: {refusal.value}", f"service mails: {refusal.value}"]


def status_of(site: Site) -> str:
    with site.database.reading() as session:
        return find(session, "morning/2026-11-23").state
