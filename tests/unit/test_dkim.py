"""DKIM signatures: keys, records, and what is hashed. That others verify them is in the integration tests."""

import re
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import ConfigError
from newsletter.rendering import dkim, wire
from newsletter.rendering.dkim import SigningKey, load, record, relaxed
from newsletter.rendering.mime import CompiledMessage
from tests.unit import hostile
from tests.unit.test_mime import HEADERS as OF_TODAY
from tests.unit.test_mime import RITA, parsed, variant

# Verifiers look at their clocks: a signature of tomorrow is none.
HEADERS = replace(OF_TODAY, date=datetime(2024, 11, 25, 5, 30, tzinfo=UTC))
DOMAIN = "news.example.org"
SIGNATURE = re.compile(rb"^DKIM-Signature:(?:[^\r]|\r\n[ \t])*", re.MULTILINE)


def pem(private: object) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]


@cache
def rsa_key(bits: int = 1024) -> SigningKey:
    return load(pem(rsa.generate_private_key(65537, bits)), domain=DOMAIN, selector="r1")


@cache
def ed25519_key() -> SigningKey:
    return load(pem(ed25519.Ed25519PrivateKey.generate()), domain=DOMAIN, selector="e1")


def both_keys() -> list[SigningKey]:
    return [rsa_key(), ed25519_key()]


def signed(*keys: SigningKey, **values: str) -> bytes:
    return CompiledMessage.compile(variant(), HEADERS, keys).build(replace(RITA, **values))


def verifies(data: bytes, key: SigningKey) -> bool:
    """Whether dkimpy takes the signature of a key, given its record and no network."""
    shown = record(key)
    mine = [f"s={key.selector};".encode() in one for one in SIGNATURE.findall(data)]

    def lookup(name: bytes, timeout: int = 5) -> bytes | None:
        return shown.value.encode() if name.decode().removesuffix(".") == shown.name else None

    try:
        return True in mine and bool(dkimpy.DKIM(data, minkey=1024).verify(mine.index(True), dnsfunc=lookup))
    except dkimpy.ValidationError:
        return False


# --- what is signed


def test_two_keys_give_two_signatures_in_front_of_everything_else() -> None:
    data = signed(rsa_key(), ed25519_key())
    assert re.findall(rb"(?m)^([A-Za-z-]+):", data)[:3] == [b"DKIM-Signature", b"DKIM-Signature", b"From"]
    assert re.findall(rb"a=([a-z0-9-]+); c=([a-z/]+); t=\d+;\r\n d=([a-z.]+); s=(\w+);", data) == [
        (b"rsa-sha256", b"relaxed/simple", b"news.example.org", b"r1"),
        (b"ed25519-sha256", b"relaxed/simple", b"news.example.org", b"e1"),
    ]
    assert data.endswith(signed())
    assert wire.lint(data) == []


@pytest.mark.parametrize("cores", [1, 2, 3])
@pytest.mark.parametrize("readers", [1, 2, 7])
def test_many_are_signed_as_each_alone_on_however_many_cores(
    cores: int, readers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dkim, "_cores", lambda: cores)
    dkim._hands.cache_clear()
    signer = dkim.Signer([ed25519_key()], HEADERS.date, b"From: a@b.example\r\n", b"opening\r\n")
    heads = [f"To: {number}@example.org\r\n".encode() for number in range(readers)]
    bodies = [[b"Hello\r\n" * 1_000, str(number).encode()] for number in range(readers)]
    try:
        assert signer.many(heads, bodies) == [signer.sign(*both) for both in zip(heads, bodies, strict=True)]
    finally:
        dkim._hands.cache_clear()


def tags(data: bytes) -> dict[str, str]:
    value = parsed(data)[0]["DKIM-Signature"]
    return dict(tag.strip().split("=", 1) for tag in re.sub(r"\s", "", value).split(";"))


def test_every_field_that_is_written_is_signed_and_those_that_readers_see_once_more_than_they_stand() -> None:
    data = signed(rsa_key())
    names = tags(data)["h"].split(":")
    written = [name.lower() for name in parsed(data)[0].keys()][1:]  # noqa: SIM118 (a message is no dict)
    assert set(written) <= set(names)
    for name in ("from", "to", "subject", "date", "message-id", "reply-to", "list-unsubscribe"):
        assert names.count(name) == written.count(name) + 1
    for name in ("list-unsubscribe-post", "list-id", "feedback-id", "mime-version", "content-type", "cc"):
        assert names.count(name) == written.count(name) + 1
    assert "l" not in tags(data)


def test_the_time_of_the_signature_is_the_date_of_the_edition_and_the_same_values_give_the_same_bytes() -> None:
    assert tags(signed(rsa_key()))["t"] == str(int(HEADERS.date.timestamp()))
    for key in (rsa_key(), ed25519_key()):
        assert signed(key) == signed(key)
        assert signed(key) != signed(key, first_name="Edith")


def test_the_signature_is_whole_lines_of_at_most_78_columns() -> None:
    for line in signed(rsa_key(2048), ed25519_key()).partition(b"From:")[0].split(b"\r\n"):
        assert len(line) <= 78


@settings(max_examples=hostile.EXAMPLES)
@given(name=hostile.words, story=hostile.words, subject=hostile.lines, sender=hostile.lines, url=hostile.urls)
def test_dkimpy_verifies_any_message(name: str, story: str, subject: str, sender: str, url: str) -> None:
    story = story.replace(hostile.NONCE, "")
    rendered = variant(text=f"{story}<0><4><1><2><3>{story}", subject=subject.replace(hostile.NONCE, ""))
    head = replace(HEADERS, sender_name=sender, list_name=sender, extra=(("X-Test", sender),))
    compiled = CompiledMessage.compile(rendered, head, both_keys())
    data = compiled.build(replace(RITA, first_name=name, view_url=url, preferences_url=url))
    assert [verifies(data, key) for key in both_keys()] == [True, True]
    assert wire.lint(data) == []


@pytest.mark.parametrize(
    "field",
    [
        "From: Omar <omar@evil.example>",
        "To: omar@example.org",
        "Subject: Buy",
        "Date: Mon, 23 Nov 2026 05:30:00 +0000",
        "Message-ID: <1@example.org>",
        "Reply-To: omar@evil.example",
        "Cc: omar@example.org",
        "MIME-Version: 1.0",
        "List-Unsubscribe: <https://evil.example/>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: base64",
        "List-Id: <a.b>",
        "Feedback-ID: ::evils",
    ],
)
def test_a_field_added_to_a_signed_message_breaks_the_signature(field: str) -> None:
    data = signed(*both_keys())
    assert [verifies(data, key) for key in both_keys()] == [True, True]
    head, blank, body = data.partition(b"\r\n\r\n")
    for attacked in (field.encode() + b"\r\n" + data, head + b"\r\n" + field.encode() + blank + body):
        assert [verifies(attacked, key) for key in both_keys()] == [False, False]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Good", b"Bad"),
        (b"rita@", b"omar@"),
        (b"One-Click", b"Two-Click"),
        (b"--\r\n", b"--\r\nmore\r\n"),
        (b"t=", b"t=1"),
    ],
)
def test_a_signed_message_that_was_changed_does_not_verify(old: bytes, new: bytes) -> None:
    data = signed(*both_keys())
    assert old in data
    assert [verifies(data.replace(old, new), key) for key in both_keys()] == [False, False]


def test_headers_that_were_folded_anew_on_the_way_still_verify() -> None:
    data = signed(*both_keys())
    folded = data.replace(b"Subject: Monday Briefing", b"subject:  Monday\r\n\t Briefing ").replace(
        b"List-Unsubscribe: <", b"LIST-Unsubscribe:\r\n <"
    )
    assert folded != data
    assert [verifies(folded, key) for key in both_keys()] == [True, True]


FOLDED = st.text(" \tab:", max_size=12).map(lambda words: words.replace("  ", " \r\n "))


@settings(max_examples=hostile.EXAMPLES)
@given(st.lists(st.tuples(st.sampled_from(["Subject", "X-a ", "to"]), FOLDED), min_size=1, max_size=4))
def test_the_relaxed_form_is_dkimpys(headers: list[tuple[str, str]]) -> None:
    from dkim.canonicalization import Relaxed

    fields = [(name.encode(), value.encode() + b"\r\n") for name, value in headers]
    theirs = b"".join(name + b":" + value for name, value in Relaxed.canonicalize_headers(fields))
    assert relaxed(b"".join(name + b":" + value for name, value in fields)) == theirs


# --- keys


def test_a_records_value_is_the_public_key_and_its_name_the_selectors() -> None:
    rsa_record, ed_record = record(rsa_key(2048)), record(ed25519_key())
    assert (rsa_record.name, ed_record.name) == ("r1._domainkey.news.example.org", "e1._domainkey.news.example.org")
    kind, public = re.fullmatch(r"v=DKIM1; k=(\w+); p=([A-Za-z0-9+/=]+)", rsa_record.value).groups()  # type: ignore[union-attr]
    assert kind == "rsa"
    assert load_der_public_key(b64decode(public)).key_size == 2048  # type: ignore[union-attr]
    assert re.fullmatch(r"v=DKIM1; k=ed25519; p=[A-Za-z0-9+/]{43}=", ed_record.value)


def test_a_zone_line_cuts_the_value_into_strings_that_join_to_it() -> None:
    shown = record(rsa_key(2048))
    line = shown.zone()
    strings = re.findall(r'"([^"]*)"', line)
    assert line.startswith("r1._domainkey.news.example.org. IN TXT ( ")
    assert "".join(strings) == shown.value
    assert len(strings) == 2
    assert max(map(len, strings)) <= 255


def test_a_key_of_pkcs1_is_read_too() -> None:
    private = rsa.generate_private_key(65537, 1024)
    text = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert load(text, domain=DOMAIN, selector="r1").algorithm == "rsa-sha256"


SECRET = "MC4CAQAwBQYDK2VwBCIEIA"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "is no private key in PEM"),
        (f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----".encode(), "is no private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "is neither RSA nor Ed25519"),
        (
            ed25519.Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
            ),
            "is encrypted: write it without a password",
        ),
    ],
    ids=["nothing", "cut short", "elliptic", "encrypted"],
)
def test_what_is_no_key_is_refused_in_one_line_that_shows_none_of_it(text: bytes, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refusal:
        load(text, domain=DOMAIN, selector="r1")
    assert "r1 of news.example.org" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(("bits", "remark"), [(1024, "has 1024 bits, fewer than 2048"), (2048, "")])
def test_a_short_key_is_remarked_on(bits: int, remark: str) -> None:
    assert remark in rsa_key(bits).remark
    assert bool(remark) == bool(rsa_key(bits).remark)
    assert ed25519_key().remark == ""


def test_a_key_that_verifiers_do_not_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = pem(rsa.generate_private_key(65537, 1024))
    monkeypatch.setattr(dkim, "LEAST_BITS", 1025)  # cryptography makes no key of fewer
    with pytest.raises(ConfigError, match="has 1024 bits, where verifiers take"):
        load(text, domain=DOMAIN, selector="r1")


def test_no_key_is_in_a_repr() -> None:
    assert repr(rsa_key()) == "SigningKey(domain='news.example.org', selector='r1', algorithm='rsa-sha256')"
