"""The strict quoted-printable encoder."""

import binascii
import quopri
import random
import re

import pytest
from hypothesis import given, settings

from newsletter.rendering.qp import encode, encode_fenced
from tests.unit import hostile

LINE = re.compile(rb"(?!\.|From )(?:[\t !-<>-~]|=[0-9A-F]{2})*=?")


# Each line: at most 76 columns, a soft break behind 75 at most, no blank at its end.
ROW = rb"(?![^\r]{77})(?!\.|From )(?:[\t !-<>-~]|=[0-9A-F]{2})*+(?:=|(?<![ \t]))"
STRICT = re.compile(rb"(?:" + ROW + rb"\r\n)*+" + ROW)


def normal(text: str) -> bytes:
    return text.encode().replace(b"\r\n", b"\n")


def assert_strict(encoded: bytes) -> None:
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert LINE.fullmatch(line)
        assert not line.endswith((b" ", b"\t"))


def assert_decodes(encoded: bytes, expected: bytes) -> None:
    for decode in (quopri.decodestring, binascii.a2b_qp):
        assert decode(encoded).replace(b"\r\n", b"\n") == expected


@settings(max_examples=hostile.EXAMPLES)
@given(hostile.words)
def test_any_text_comes_back_from_two_decoders_and_keeps_within_its_columns(text: str) -> None:
    encoded = encode(text)
    assert_strict(encoded)
    assert_decodes(encoded, normal(text))


@pytest.mark.parametrize("chunk", range(4))
def test_a_hundred_thousand_hostile_texts_give_no_long_line_and_no_wrong_decode(chunk: int) -> None:
    dice = random.Random(chunk)
    for _ in range(25_000):
        text = hostile.drawn(dice)
        encoded = encode(text)
        assert STRICT.fullmatch(encoded), text
        assert binascii.a2b_qp(encoded).replace(b"\r\n", b"\n") == normal(text), text


@settings(max_examples=hostile.EXAMPLES)
@given(hostile.words, hostile.words, hostile.words)
def test_pieces_encoded_apart_join_to_the_whole(first: str, second: str, third: str) -> None:
    encoded = encode_fenced(first) + encode_fenced(second) + encode(third)
    assert_strict(encoded)
    assert_decodes(encoded, normal(first) + normal(second) + normal(third))


@pytest.mark.parametrize("tail", [".", "..", "From me", "=", "é", "👩‍🚀", " ", "\t", " \nx", "=20"])
def test_whatever_falls_on_the_edge_of_a_line_is_kept_whole(tail: str) -> None:
    for length in range(160):
        text = "x" * length + tail + "y" * 80 + tail
        assert_strict(encode(text))
        assert_decodes(encode(text), normal(text))


def test_a_dot_and_a_from_at_the_start_of_a_line_are_encoded() -> None:
    assert encode(".\n..\nFrom me\nFromage") == b"=2E\r\n=2E.\r\n=46rom me\r\nFromage"


def test_the_last_blank_of_a_line_is_encoded() -> None:
    assert encode("a  \nb\t\n ") == b"a =20\r\nb=09\r\n=20"


def test_a_lone_carriage_return_is_encoded_and_not_a_line_break() -> None:
    assert encode("a\rb") == b"a=0Db"


def test_a_fence_ends_every_piece_that_is_not_empty_or_at_the_start_of_a_line() -> None:
    assert [encode_fenced(text) for text in ("Rita", "", "a\n", "x=y")] == [b"Rita=\r\n", b"", b"a\r\n", b"x=3Dy=\r\n"]
