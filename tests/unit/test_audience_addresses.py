"""Addresses: one form to send to, one to compare by."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.audience import addresses
from newsletter.audience.addresses import Address, AddressRefused, address_hash, normalise


@pytest.mark.parametrize(
    ("written", "email", "norm"),
    [
        ("rita@example.org", "rita@example.org", "rita@example.org"),
        ("  Rita.Reader+News@Example.ORG\r\n", "Rita.Reader+News@example.org", "rita.reader+news@example.org"),
        ("Postmaster@example.org", "postmaster@example.org", "postmaster@example.org"),
        ("rita@münchen.example", "rita@xn--mnchen-3ya.example", "rita@xn--mnchen-3ya.example"),
        ("Rita@XN--MNCHEN-3YA.example", "Rita@xn--mnchen-3ya.example", "rita@xn--mnchen-3ya.example"),
        ("rita@reader.test", "rita@reader.test", "rita@reader.test"),
        ("o'brien@example.com", "o'brien@example.com", "o'brien@example.com"),
    ],
)
def test_an_address_has_a_form_to_send_to_and_one_to_compare_by(written: str, email: str, norm: str) -> None:
    assert normalise(written) == Address(email, norm)


@pytest.mark.parametrize(
    "written",
    [
        "", "rita", "@example.org", "rita@", "rita@example", "rita@@example.org", "rita.@example.org", ".rita@example.org",
        "ri..ta@example.org", "rita@-example.org", "rita@example-.org", "rita@example..org", "rita@exam_ple.org",
        "rita@[127.0.0.1]", '"rita reader"@example.org', '"rita"@example.org', "Rita <rita@example.org>",
        "rita\0@example.org", "rita\x1f@example.org", "ri\nta@example.org", "rita@example.org\nBcc: omar@example.org",
        "rita@exam\x7fple.org", "rita@example.org,omar@example.org", "zoë rita@example.org", "用户\n@example.org",
        "rita@localhost", "rita@printer.local", "rita@example.invalid", "rita@example.o1", "rita\u200b@example.org",
        "r" * 65 + "@example.org", "rita@" + "a" * 64 + ".org", "rita@" + "a." * 130 + "org", "a" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_repeating_it(written: str) -> None:
    with pytest.raises(AddressRefused) as error:
        normalise(written)
    assert "\n" not in str(error.value)
    assert len(written) < 5 or written not in str(error.value)


def test_letters_beyond_ascii_before_the_at_are_taken_in_their_composed_form() -> None:
    assert normalise("Zoe\u0308@Straße.example") == ("Zoë@xn--strae-oqa.example", "zoë@xn--strae-oqa.example")
    assert len(addresses.address_hash(b"salt", normalise("用户@例え.example").email_norm)) == 32


@pytest.mark.parametrize("written", ["ri\u200bta@example.org", "ri\u202eta@example.org", "ri\u00a0ta@example.org"])
def test_what_nobody_sees_in_an_address_is_refused(written: str) -> None:
    with pytest.raises(AddressRefused):
        normalise(written)


def test_an_address_that_some_programs_would_decode_is_refused() -> None:
    with pytest.raises(AddressRefused, match="encoded word"):
        normalise("=?utf-8?q?rita?=@example.org")


def test_an_address_may_have_no_more_bytes_than_an_envelope_takes() -> None:
    with pytest.raises(AddressRefused):
        normalise("和" * 22 + "@example.org")
    with pytest.raises(AddressRefused, match="longer than 254 bytes"):
        normalise("和" * 82 + "@example.org")


def test_the_longest_local_part_is_taken() -> None:
    assert normalise("r" * 64 + "@example.org").email == "r" * 64 + "@example.org"


_alphabet = st.sampled_from("abzAZ09._+-'!@ -xntest" + 'é\0\n"<')
_labels = st.lists(st.sampled_from(["a", "b-c", "xn--mnchen-3ya", "EXAMPLE", "test", "org", "o1", "-x", "ab--c", "1", ""]),
                   min_size=1, max_size=4).map(".".join)  # fmt: skip
_local = st.one_of(st.text(_alphabet, max_size=8), st.sampled_from(["Info", "NOC", "rita", "a" * 64, "a" * 65]))


@given(st.one_of(st.text(_alphabet, max_size=20), st.builds("{}@{}".format, _local, _labels)))
@example("rita@" + "a" * 60 + ".org")
@example("Abuse@example.org")
@example("rita@ab--c.org")
def test_what_the_fast_path_takes_the_validator_takes_to_the_same_form(written: str) -> None:
    """And whatever the slow path refuses, `normalise` refuses."""
    try:
        ours = normalise(written)
    except AddressRefused:
        with pytest.raises((AddressRefused, EmailNotValidError)):
            addresses._validated(written.strip(" \t\r\n"))
        return
    theirs = validate_email(written.strip(" \t\r\n"), check_deliverability=False, test_environment=True, strict=True)
    assert ours.email == f"{theirs.local_part}@{theirs.ascii_domain}"
    assert ours.email_norm == ours.email.lower()


@given(st.emails())
def test_a_normal_form_is_its_own_normal_form(written: str) -> None:
    try:
        once = normalise(written)
    except AddressRefused:
        return
    assert normalise(once.email) == once
    assert normalise(once.email_norm).email_norm == once.email_norm


def test_the_hash_is_hmac_sha256_under_the_salt() -> None:
    assert address_hash(b"salt", "rita@example.org") == hmac.new(b"salt", b"rita@example.org", hashlib.sha256).digest()
    assert address_hash(b"pepper", "rita@example.org") != address_hash(b"salt", "rita@example.org")
