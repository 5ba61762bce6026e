"""The parts of a compiled message: in pieces that stand by themselves, and the same text in whichever encoding."""

import base64
import quopri
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.backends.base import is_plain
from newsletter.rendering import fillings, headers, parts, wire
from newsletter.rendering.contexts import Context
from newsletter.rendering.fillings import Fillings
from newsletter.rendering.mime import CompiledMessage
from newsletter.rendering.model import ReaderColumns, ReaderValues
from newsletter.rendering.parts import Base64Part, Frame, QuotedPart
from newsletter.rendering.slots import Place, spoken, written
from tests import mails
from tests.unit import hostile
from tests.unit.hostile import NONCE
from tests.unit.test_mime import HEADERS, RITA, SLOTS, parsed, variant

CJK = "東京の朝のニュース、今日は港の話です。"
NAMES = ("Rita", "Omar")
"""Of one length, so that they meet each literal in the same phase."""
NO_FRAME = Frame(lambda encoding: b"", b"")


def assert_whole_lines(pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        assert not piece or piece.endswith(b"\r\n")
        assert len(re.findall(rb"[\r\n]", piece)) == 2 * piece.count(b"\r\n")
        assert not re.search(rb"(?:\A|\r\n)\.", piece)


# --- pieces


@settings(max_examples=hostile.EXAMPLES)
@given(html=hostile.words, text=hostile.words, name=hostile.words, url=hostile.urls, times=st.sampled_from([1, 9]))
def test_each_piece_of_any_message_is_whole_lines_without_a_dot_in_front(
    html: str, text: str, name: str, url: str, times: int
) -> None:
    story = html.replace("<", "&lt;").replace(NONCE, "") * times
    rendered = variant(
        f"<p>{story}<0></p><a href='<2>'>{story}</a>", f"{text.replace(NONCE, '') * times}<0>\n.<2><1><3><4>{story}"
    )
    compiled = CompiledMessage.compile(rendered, HEADERS)
    rita = replace(RITA, first_name=name, view_url=url)
    pieces = compiled.pieces(rita)
    assert_whole_lines(pieces)
    assert b"".join(pieces) == compiled.build(rita)
    assert compiled.plain
    assert is_plain(compiled.build(rita))


@pytest.mark.parametrize("words", ["", CJK * 200], ids=["quoted-printable", "base64"])
def test_what_readers_get_alike_are_the_same_objects_for_all_of_them(words: str) -> None:
    rendered = variant(text=f"{words}<0>\n{words}<1>{words}") if words else mails.rendered("long")
    compiled = CompiledMessage.compile(rendered, HEADERS)
    rita, omar = (compiled.pieces(replace(RITA, first_name=name, view_url=f"{RITA.view_url}/{name}")) for name in NAMES)
    own = [len(piece) for piece, other in zip(rita, omar, strict=True) if piece is not other]
    assert sum(own) < 5_000
    assert max(own) < 1_200
    assert len(own) <= 11


@settings(max_examples=hostile.EXAMPLES)
@given(
    st.sampled_from(["address", "message_id", "unsubscribe_url", "unsubscribe_mailto"]),
    st.sampled_from(["", RITA.address, RITA.message_id, "https://news.example.org/u/a.b", "leave@b.example?subject=x"]),
    st.text("ab.@-_+<>?%:/ \r\n\0é,", max_size=8),
    st.text("ab.@-_+<>?%:/ \r\n\0é,", max_size=90),
)
def test_no_value_that_a_closer_look_would_refuse_passes_for_usual(
    field: str, value: str, before: str, after: str
) -> None:
    usual = {"unsubscribe_url": "https://news.example.org/u/a.b", "unsubscribe_mailto": "leave@b.example?subject=x"}
    rita = replace(RITA, **usual | {field: before + value + after})
    if quick := headers.usual_readers(ReaderColumns.of([rita])):
        assert quick == [slow_head(rita)]


def slow_head(reader: ReaderValues) -> bytes:
    return b"".join(
        [
            headers.mailbox("To", "", reader.address),
            headers.message_id(reader.message_id),
            headers.list_unsubscribe(reader.unsubscribe_url, reader.unsubscribe_mailto),
        ]
    )


def test_the_usual_readers_get_the_header_fields_that_a_closer_look_writes() -> None:
    readers = [replace(USUAL, address=f"{name}@example.org") for name in NAMES]
    assert headers.usual_readers(ReaderColumns.of(readers)) == [slow_head(reader) for reader in readers]


def test_one_reader_does_not_pass_for_two() -> None:
    """What stands between two readers' values is in no value, however well it would fit."""
    (head,) = headers.usual_readers(ReaderColumns.of([USUAL]))
    before = head.decode().partition("https://")[0]
    url = f"https://a.b/>,\r\n <mailto:a@b.c?subject=x>\r\n{headers._POST}{before}https://a.b/"
    assert len(url) < headers._USUAL_LINE
    assert not headers.usual_readers(ReaderColumns.of([replace(USUAL, unsubscribe_url=url)]))


def one_by_one(compiled: CompiledMessage, readers: Sequence[ReaderValues]) -> list[tuple[bytes, ...]]:
    return [compiled.pieces(reader) for reader in readers]


USUAL = replace(
    RITA, unsubscribe_url="https://news.example.org/u/k.m.s.1.2", unsubscribe_mailto="a@b.example?subject=x"
)


@pytest.mark.parametrize("words", ["", CJK * 200], ids=["quoted-printable", "base64"])
def test_many_readers_get_the_bytes_that_each_would_get_alone(words: str) -> None:
    rendered = variant(text=f"{words}<0>\n{words}<1>{words}") if words else mails.rendered("long")
    compiled = CompiledMessage.compile(rendered, HEADERS)
    readers = [
        replace(
            USUAL,
            address=f"{name}@example.org",
            first_name=name,
            unsubscribe_url=f"https://news.example.org/u/k.m.{name}",
            preferences_url=f"https://news.example.org/p/k.m.{name}",
            view_url=f"https://news.example.org/v/k.m.{name}",
            message_id=f"{name}.1@example.org",
        )
        for name in ("Rita", "Omar", "Edith" * 8, "Rita")
    ]
    assert compiled.many(ReaderColumns.of(readers)) == one_by_one(compiled, readers)
    assert compiled.many(ReaderColumns.of(readers[:1])) == one_by_one(compiled, readers[:1])


@settings(max_examples=hostile.EXAMPLES)
@given(
    st.sampled_from([slot.name for slot in SLOTS] + ["address", "message_id", "unsubscribe_mailto"]),
    st.one_of(st.text("ab.@-_+<>?%:/ \r\n\0é,", max_size=90), hostile.words, hostile.urls),
    st.sampled_from(["", "https://news.example.org/u/", "https://news.example.org/v/", "rita@example.org"]),
    st.integers(0, 2),
)
def test_a_strange_value_among_many_changes_nobodys_bytes(field: str, value: str, before: str, place: int) -> None:
    compiled = CompiledMessage.compile(variant(), HEADERS)
    readers = [USUAL, USUAL, USUAL]
    readers[place] = replace(USUAL, **{field: before + value})
    if made := compiled.many(ReaderColumns.of(readers)):
        assert made == one_by_one(compiled, readers)


URLS = st.one_of(
    hostile.urls,
    st.text("ab./~_-:%&=?", max_size=100).map("https://news.example.org/v/{}".format),
    st.text("ab./~_-:%&=?", max_size=100).map("https://n.example/{}.x".format),
)


@settings(max_examples=hostile.EXAMPLES)
@given(hostile.words, URLS, URLS)
def test_a_link_that_is_encoded_in_two_halves_reads_like_one_that_is_not(name: str, first: str, second: str) -> None:
    pairs = [
        (slot, context) for slot in SLOTS for context in (Context.PLAIN, Context.TEXT, Context.URL, Context.URL_PART)
    ]
    filling = Fillings(SLOTS, [Place(0, 0, SLOTS.index(slot), context) for slot, context in pairs])
    for url in (first, second):
        rita = replace(RITA, first_name=name, view_url=url)
        lines, raw = filling.lines(rita), filling.raw(rita)
        assert_whole_lines(lines)
        for slot, context in pairs:
            number = filling.number(slot, context)
            said = written(spoken(slot, rita), context)
            assert quopri.decodestring(lines[number]).decode() == said == raw[number].decode()
            assert all(len(line) <= 76 for line in lines[number].split(b"\r\n"))


def test_no_more_names_are_kept_than_a_bound() -> None:
    filling = Fillings(SLOTS[:1], [Place(0, 0, 0, Context.PLAIN)])
    for number in range(fillings._KEPT + 10):
        filling.lines(replace(RITA, first_name=f"Rita {number}"))
    assert len(filling._names) == 10


# --- base64


LITERALS = st.lists(
    st.one_of(st.sampled_from(["", "a", "ab", "\n", "\r", "東", "é", CJK * 4, "x" * 115]), hostile.words), min_size=1
)


@settings(max_examples=4 * hostile.EXAMPLES)
@given(LITERALS, st.data())
def test_base64_and_quoted_printable_of_a_part_decode_to_the_same(literals: list[str], data: Any) -> None:
    values = data.draw(
        st.lists(st.one_of(st.text("ab", max_size=4), hostile.words), min_size=1, max_size=4), label="values"
    )
    holes = data.draw(
        st.lists(st.integers(0, len(values) - 1), min_size=len(literals) - 1, max_size=len(literals) - 1), label="holes"
    )
    nothing = Fillings((), ())
    quoted = QuotedPart(literals, holes, nothing, NO_FRAME)
    in_base64 = Base64Part(literals, holes, nothing, NO_FRAME)

    as_lines = quoted.pieces(tuple(map(parts.qp.encode_fenced, values)))
    as_base64 = in_base64.pieces(tuple(map(fillings.canonical, values)))

    assert_whole_lines(as_base64)
    encoded = b"".join(as_base64)
    assert all(len(line) <= 76 and len(line) % 4 == 0 for line in encoded.split(b"\r\n"))
    decoded = base64.b64decode(encoded.replace(b"\r\n", b""), validate=True)
    # Its own hard line break ends the last line of a quoted-printable part; it belongs to the boundary.
    assert decoded == re.sub(rb"(?<!\r)\n", b"\r\n", quopri.decodestring(b"".join(as_lines).removesuffix(b"\r\n")))


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("value", range(5))
def test_every_phase_of_a_long_literal_is_encoded_once_and_reads_the_same(before: int, value: int) -> None:
    literals = ["b" * before, CJK * 20, "…" * 200]
    part = Base64Part(literals, [0, 0], Fillings((), ()), NO_FRAME)
    name = b"r" * value
    pieces = part.pieces((name,))
    text = name.join(literal.encode() for literal in literals)
    assert base64.b64decode(b"".join(pieces)) == text
    for long, again in zip(pieces[2::2], part.pieces((name + b"rrr",))[2::2], strict=True):
        assert len(long) > 700
        assert long is again


def test_a_part_is_in_base64_only_where_quoted_printable_would_grow_it_by_more_than_1_3() -> None:
    def encodings(words: str) -> list[str]:
        data = CompiledMessage.compile(variant(text=f"{words}<0><1>"), HEADERS).build(RITA)
        return re.findall("Content-Transfer-Encoding: (.*)\r\n", data.decode("ascii"))

    assert encodings("The harbour opens again on Monday. " * 90) == ["quoted-printable", "quoted-printable"]
    assert encodings("Die Fähre legt von Montag an wieder im alten Hafen an. " * 90) == [
        "quoted-printable",
        "quoted-printable",
    ]
    for words in (CJK, "صباح الخير يا عالم. ", "Доброе утро, гавань открыта. "):
        assert encodings(words * 90) == ["base64", "quoted-printable"]
        assert encodings("x" * 60_000 + words * 90)[0] == "quoted-printable"


@pytest.mark.parametrize("name", ["", "Rita", "Édith", "ab", "abc", pytest.param("和" * 50, id="long")])
def test_a_message_in_base64_is_right_on_the_wire_and_reads_like_the_frozen_parts(name: str) -> None:
    html = "<p>" + CJK * 300 + "<0></p><a href='<2>'>" + CJK * 300 + "</a><a href='<1>'>.</a><p><4>" + CJK * 99
    compiled = CompiledMessage.compile(variant(html, CJK * 300 + "<0>\nFrom me\n.\n<1>\n<2><3>" + CJK), HEADERS)
    rita = replace(RITA, first_name=name)
    data = compiled.build(rita)
    assert data.count(b"Content-Transfer-Encoding: base64") == 2
    assert wire.lint(data) == []
    _, html, text = parsed(data)
    assert (html, text) == compiled.documents(rita)
    assert compiled.size(rita).message == len(data)
