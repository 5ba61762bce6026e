"""Signed links: who may do what, without an address and for ever."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.tokens import MAX_LENGTH, BadToken, Links, Purpose, Token, Tokens
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


def test_a_link_of_the_first_release_still_leads_where_it_led() -> None:
    """Written down as it was sent, signed with HMAC-SHA256."""
    sent = "a1.morning._6Y9p6WVW5ULSLoC-xs9aA.7.9"
    assert tokens.read("unsubscribe", sent) == Token("unsubscribe", 7, 9, "morning")
    with pytest.raises(BadToken):
        tokens.read("view", sent)


@given(numbers, numbers, briefings)
def test_the_signatures_of_two_purposes_share_no_bit_of_their_block(edition: int, reader: int, briefing: str) -> None:
    key = hmac.digest(OLD, b"newsletter link 2", "sha256")
    text = f"{briefing}.{edition:x}.{reader:x}".encode()
    block = hashlib.blake2b(text, key=key, person=b"newsletter link").digest()
    signatures = [tokens.sign(purpose, edition, reader, briefing).split(".")[2] for purpose in get_args(Purpose)]
    assert urlsafe_b64encode(block).decode().startswith("".join(signatures))
    assert {len(signature) for signature in signatures} == {22}


def test_the_three_links_are_short_and_distinct() -> None:
    links = Links(BASE + "/a-long-folder/", tokens)
    most = 2**48 - 1
    found = links.of(most, "b" * 32)(most)
    assert len(set(found)) == 3
    assert all(url.startswith(BASE + "/a-long-folder/") and len(url) <= 150 for url in found)


def test_each_link_holds_the_token_of_its_purpose() -> None:
    links = Links(BASE, tokens).of(3, "morning")(4)
    for purpose, page in (("unsubscribe", "u"), ("preferences", "p"), ("view", "v")):
        assert getattr(links, purpose) == f"{BASE}/{page}/{tokens.sign(purpose, 3, 4, 'morning')}"


@given(st.lists(numbers, min_size=1, max_size=5), numbers, briefings)
def test_many_readers_get_the_links_that_each_would_get_alone(readers: list[int], edition: int, briefing: str) -> None:
    found = Links(BASE, tokens).of(edition, briefing).many(readers)
    for page, purpose, urls in zip("upv", get_args(Purpose), found, strict=True):
        assert urls == [f"{BASE}/{page}/{tokens.sign(purpose, edition, reader, briefing)}" for reader in readers]


def test_a_readers_number_that_no_token_can_hold_gets_no_links() -> None:
    with pytest.raises(ValueError, match="48 bits"):
        Links(BASE, tokens).of(1, "morning")(2**48)


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
