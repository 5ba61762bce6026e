"""Signed links: who may do what, without an address and for ever."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.tokens import MAX_LENGTH, BadToken, Links, Purpose, Token, Tokens, _mac
from newsletter.errors import ConfigError

OLD, NEW = b"o" * 32, b"n" * 32
BASE = "https://news.example.org"
tokens = Tokens({"a1": OLD}, "a1")
purposes = st.sampled_from(get_args(Purpose))
numbers = st.integers(0, 2**48 - 1)
briefings = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,7}){0,3}", fullmatch=True).filter(lambda key: len(key) <= 32)


@given(purposes, numbers, numbers, briefings)
def test_a_token_reads_back_what_was_signed(purpose: Purpose, edition: int, reader: int, briefing: str) -> None:
    token = tokens.sign(purpose, edition, reader, briefing)
    assert tokens.read(purpose, token) == Token(purpose, edition, reader, briefing)
    assert len(token) <= MAX_LENGTH <= 90
    assert re.fullmatch(r"[A-Za-z0-9._-]*[0-9a-f]", token)
    assert token == tokens.sign(purpose, edition, reader, briefing)


@given(purposes, purposes)
def test_a_token_serves_one_purpose_only(signed: Purpose, read: Purpose) -> None:
    token = tokens.sign(signed, 7, 9, "morning")
    if signed == read:
        assert tokens.read(read, token).subscriber_id == 9
    else:
        with pytest.raises(BadToken):
            tokens.read(read, token)


@given(st.data())
def test_a_token_that_was_changed_is_refused(data: st.DataObject) -> None:
    token = tokens.sign("unsubscribe", 12, 345, "morning")
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("0aA_-.9fé\n ").filter(lambda char: char != token[at]))
    for changed in (
        token[:at] + other + token[at + 1 :],
        token[:at] + token[at + 1 :],
        token[:at] + other + token[at:],
    ):
        with pytest.raises(BadToken):
            tokens.read("unsubscribe", changed)


@given(st.text(max_size=120))
def test_any_other_text_is_refused_with_the_same_words(text: str) -> None:
    with pytest.raises(BadToken) as error:
        tokens.read("view", text)
    assert str(error.value) == BadToken.__doc__


def test_ten_thousand_forged_tokens_are_all_refused() -> None:
    _, briefing, signature, *_ = tokens.sign("unsubscribe", 1, 0, "morning").split(".")
    for reader in range(1, 10_001):
        with pytest.raises(BadToken):
            tokens.read("unsubscribe", f"a1.{briefing}.{signature}.1.{reader:x}")


def test_a_number_has_one_spelling_only() -> None:
    key, briefing, signature, edition, reader = tokens.sign("view", 10, 255, "morning").split(".")
    for spelled in (f"0{edition}.{reader}", f"{edition}.{reader.upper()}", f"{edition}.0{reader}"):
        with pytest.raises(BadToken):
            tokens.read("view", f"{key}.{briefing}.{signature}.{spelled}")


def test_a_new_key_keeps_old_links_working() -> None:
    link = Tokens.from_secrets(OLD).sign("unsubscribe", 1, 2, "morning")
    rotated = Tokens.from_secrets(NEW, OLD)
    assert rotated.read("unsubscribe", link).subscriber_id == 2
    assert rotated.sign("unsubscribe", 1, 2, "morning") != link
    with pytest.raises(BadToken):
        Tokens.from_secrets(NEW).read("unsubscribe", link)


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_the_prepared_mac_is_hmac_sha256(key: bytes, message: bytes) -> None:
    assert _mac(key)(message) == hmac.new(key, message, hashlib.sha256).digest()


def test_the_three_links_are_short_and_distinct() -> None:
    links = Links(BASE + "/a-long-folder/", tokens)
    most = 2**48 - 1
    found = {make(most, most, "b" * 32) for make in (links.unsubscribe, links.preferences, links.view)}
    assert len(found) == 3
    assert all(url.startswith(BASE + "/a-long-folder/") and len(url) <= 150 for url in found)
    assert tokens.read("unsubscribe", links.unsubscribe(3, 4, "morning").rpartition("/")[2]).subscriber_id == 4


def test_a_base_url_that_leaves_no_room_is_refused() -> None:
    Links("https://" + "a" * 53, tokens)
    with pytest.raises(ConfigError, match="62 characters: at most 61"):
        Links("https://" + "a" * 54, tokens)


@pytest.mark.parametrize(
    ("keys", "current"),
    [({"a": b"short"}, "a"), ({"A B": OLD}, "A B"), ({"a": OLD}, "b"), ({"toolong": OLD}, "toolong")],
)
def test_keys_that_would_not_do_are_refused(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(ConfigError, match="key"):
        Tokens(keys, current)


@pytest.mark.parametrize(
    ("edition", "reader", "briefing"), [(-1, 1, "m"), (1, 2**48, "m"), (1, 1, "m" * 33), (1, 1, "m.n")]
)
def test_what_no_token_can_hold_is_not_signed(edition: int, reader: int, briefing: str) -> None:
    with pytest.raises(ValueError, match=r"briefing|48 bits"):
        tokens.sign("view", edition, reader, briefing)
