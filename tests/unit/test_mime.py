"""The compiled message: what a parser that is not ours reads is the frozen variant with the reader's values in it."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import DeliveryError, Refused
from newsletter.rendering import slots, wire
from newsletter.rendering.mime import CompiledMessage, MessageHeaders
from newsletter.rendering.model import ReaderValues, Rendered, Slot
from tests.unit import hostile

NONCE = hostile.NONCE
HEADERS = MessageHeaders(
    sender_name="The Example Morning",
    sender_address="morning@news.example.org",
    envelope_sender="bounces@news.example.org",
    date=datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
    list_id="morning.news.example.org",
    list_name="The morning briefing",
    reply_to="desk@news.example.org",
    feedback_id="morning:europe:20261123:newsroom",
)
RITA = ReaderValues(
    address="rita@example.org",
    first_name="Rita",
    unsubscribe_url="https://news.example.org/u/dG9rZW4?a=1&b=2",
    preferences_url="https://news.example.org/p/dG9rZW4",
    view_url="https://news.example.org/v/dG9rZW4",
    message_id="morning-2026-11-23.7@news.example.org",
    unsubscribe_mailto="leave+dG9rZW4@news.example.org?subject=unsubscribe",
)
SLOTS = (
    Slot("first_name", before=", ", fallback=" there"),
    Slot("unsubscribe_url"),
    Slot("view_url"),
    Slot("preferences_url"),
    Slot("first_name"),
)
HTML = """<!doctype html><html lang="en"><head><title>For <4></title></head><body><p>Good morning<0></p>
<!--[if mso]><v:roundrect href="<2>"></v:roundrect><![endif]--><a href="<2>" title="for <4>">Open</a>
<a href="mailto:?body=<2>">Share</a> <a href="<1>">Leave</a><a href="<3>">Change</a></body></html>
"""
TEXT = "<0><4>Good morning<0>,\n\n.\nFrom the desk\n<1>\n<2><3>\n<0>"


def variant(html: str = HTML, text: str = TEXT, subject: str = "Monday Briefing") -> Rendered:
    """A frozen variant, with ``<0>`` for a slot."""
    for index, slot in enumerate(SLOTS):
        word = slots.url_word if slot.name.endswith("_url") else slots.word
        html, text = (document.replace(f"<{index}>", word(NONCE, index)) for document in (html, text))
    return Rendered(subject, "Preheader", html, text, SLOTS, NONCE, "digest")


def parsed(data: bytes) -> tuple[Any, str, str]:
    message = email.message_from_bytes(data, policy=email.policy.default)
    text, html = (part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in message.iter_parts())
    return message, html, text


def normal(document: str) -> str:
    return document.replace("\r\n", "\n")


@settings(max_examples=hostile.EXAMPLES)
@given(
    html=hostile.words,
    text=hostile.words,
    subject=hostile.lines,
    sender=hostile.lines,
    name=hostile.words,
    url=hostile.urls,
    order=st.lists(st.sampled_from(["<0>", "<1>", "<2>", "<3>", "<4>", "\n", ". "]), max_size=8),
)
def test_whatever_is_in_it_a_message_is_right_on_the_wire_and_decodes_to_the_frozen_parts(
    html: str, text: str, subject: str, sender: str, name: str, url: str, order: list[str]
) -> None:
    # Stories come as escaped HTML; what stands in the document is any text without a tag.
    story = html.replace("<", "&lt;").replace(NONCE, "")
    rendered = variant(
        HTML.replace("</body>", "<p>" + story.join(order) + "</p></body>"),
        text.replace(NONCE, "").join([*order, TEXT]),
        subject.replace(NONCE, ""),
    )
    compiled = CompiledMessage.compile(rendered, replace(HEADERS, sender_name=sender, list_name=sender))
    rita = replace(RITA, first_name=name, view_url=url, preferences_url=url)
    data = compiled.build(rita)

    assert wire.lint(data) == []
    message, got_html, got_text = parsed(data)
    expected_html, expected_text = compiled.documents(rita)
    # A CR before a line break of the frozen document travels as =0D and meets that break only when all is decoded.
    assert got_html == normal(expected_html)
    assert got_text == normal(expected_text)
    assert message["Subject"] == rendered.subject
    assert message["To"].addresses[0].addr_spec == "rita@example.org"
    assert data == compiled.build(rita)


def test_each_context_gets_its_own_encoding() -> None:
    rita = replace(RITA, first_name='R<i>t"a', view_url="https://news.example.org/v?a=1&b='2'")
    _, html, text = parsed(CompiledMessage.compile(variant(), HEADERS).build(rita))
    assert "<title>For R&lt;i&gt;t&quot;a</title>" in html
    assert "<p>Good morning, R&lt;i&gt;t&quot;a</p>" in html
    assert 'href="https://news.example.org/v?a=1&amp;b=%272%27" title="for R&lt;i&gt;t&quot;a"' in html
    assert '<v:roundrect href="https://news.example.org/v?a=1&amp;b=%272%27">' in html
    assert 'href="mailto:?body=https%3A%2F%2Fnews.example.org%2Fv%3Fa%3D1%26b%3D%25272%2527"' in html
    assert text.startswith(', R<i>t"aR<i>t"aGood morning, R<i>t"a,\n')
    assert "https://news.example.org/v?a=1&b=%272%27" in text


def test_a_reader_without_a_name_gets_the_fallback_and_no_stray_blank() -> None:
    _, html, text = parsed(CompiledMessage.compile(variant(), HEADERS).build(replace(RITA, first_name="")))
    assert "<p>Good morning there</p>" in html
    assert "Good morning there,\n" in text
    assert "<title>For </title>" in html


def test_a_name_that_looks_like_a_slot_stays_a_name() -> None:
    name = slots.word(NONCE, 1)
    _, html, _ = parsed(CompiledMessage.compile(variant(), HEADERS).build(replace(RITA, first_name=name)))
    assert f"<p>Good morning, {name}</p>" in html


def test_the_headers_are_these_and_each_stands_once() -> None:
    data = CompiledMessage.compile(variant(), HEADERS).build(RITA)
    assert data.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n") == [
        "From: The Example Morning <morning@news.example.org>",
        "Subject: Monday Briefing",
        "Date: Mon, 23 Nov 2026 05:30:00 +0000",
        "List-Id: The morning briefing <morning.news.example.org>",
        "Reply-To: desk@news.example.org",
        "Feedback-ID: morning:europe:20261123:newsroom",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="=_{NONCE}"',
        "To: rita@example.org",
        "Message-ID: <morning-2026-11-23.7@news.example.org>",
        "List-Unsubscribe: <https://news.example.org/u/dG9rZW4?a=1&b=2>,",
        " <mailto:leave+dG9rZW4@news.example.org?subject=unsubscribe>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]


def test_marks_are_written_only_when_asked_for() -> None:
    marked = replace(HEADERS, precedence_bulk=True, auto_generated=True, extra=(("X-Test-Copy", "für Edith"),))
    message, _, _ = parsed(CompiledMessage.compile(variant(), marked).build(RITA))
    assert (message["Precedence"], message["Auto-Submitted"]) == ("bulk", "auto-generated")
    assert message["X-Test-Copy"] == "für Edith"


@pytest.mark.parametrize(
    "name", ["Subject", "sUBJECT", "Bcc", "Sender", "Return-Path", "DKIM-Signature", "X-A\r\nBcc", "", "X Y"]
)
def test_an_extra_header_that_would_harm_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        CompiledMessage.compile(variant(), replace(HEADERS, extra=((name, "x"),)))


def test_the_same_extra_header_twice_is_refused() -> None:
    with pytest.raises(Refused, match="X-a: "):
        CompiledMessage.compile(variant(), replace(HEADERS, extra=(("X-A", "1"), ("X-a", "2"))))


def test_a_slot_in_the_subject_is_refused() -> None:
    with pytest.raises(Refused, match="the same for every reader"):
        CompiledMessage.compile(variant(subject="Good morning<0>".replace("<0>", slots.word(NONCE, 0))), HEADERS)


def test_the_envelope_sender_is_on_the_envelope_alone() -> None:
    compiled = CompiledMessage.compile(variant(), replace(HEADERS, envelope_sender="bounces@straße.example"))
    assert compiled.sender == "bounces@xn--strae-oqa.example"
    assert b"bounces@" not in compiled.build(RITA)


@pytest.mark.parametrize(
    "values",
    [
        {"address": "rita@example.org\r\nBcc: omar@example.org"},
        {"address": "rita@example.org, omar@example.org"},
        {"address": "ri té@example.org"},
        {"message_id": "x"},
        {"unsubscribe_url": "http://news.example.org/u"},
        {"unsubscribe_url": "https://news.example.org/" + "u" * 2000},
        {"view_url": "javascript:alert(1)"},
        {"unsubscribe_mailto": "leave@example.org>, <https://evil.example"},
    ],
)
def test_a_reader_who_cannot_be_written_to_is_refused_for_good(values: dict[str, str]) -> None:
    with pytest.raises(DeliveryError) as refusal:
        CompiledMessage.compile(variant(), HEADERS).build(replace(RITA, **values))
    assert refusal.value.permanent


def test_size_counts_the_html_decoded_and_as_it_travels() -> None:
    compiled = CompiledMessage.compile(variant(), HEADERS)
    data = compiled.build(RITA)
    size = compiled.size(RITA)
    html, text = compiled.documents(RITA)
    assert (size.html, size.text, size.message) == (len(html.encode()), len(text.encode()), len(data))
    encoded = data[data.index(b"<!doctype") : data.rindex(b"\r\n--=_")]
    assert size.html_encoded == len(encoded)


def test_size_reckons_with_long_values_unless_told_a_reader() -> None:
    compiled = CompiledMessage.compile(variant(), HEADERS)
    assert compiled.size().html > compiled.size(RITA).html + 500
    assert wire.lint(compiled.build(replace(RITA, first_name="和" * 40))) == []


@pytest.mark.parametrize("word", ["東京の朝のニュース", "صباح الخير يا عالم", "👩‍🚀🏳️‍🌈"])
def test_a_message_in_another_script_is_right_on_the_wire(word: str) -> None:
    rendered = variant(HTML.replace("Open", word * 500), word * 500 + TEXT, word * 10)
    compiled = CompiledMessage.compile(rendered, HEADERS)
    data = compiled.build(replace(RITA, first_name=word))
    assert wire.lint(data) == []
    assert parsed(data)[1:] == compiled.documents(replace(RITA, first_name=word))


@pytest.mark.parametrize("address", ["rité@example.org", "用户@例え.test", "ρίτα@example.org"])
def test_a_reader_with_other_letters_before_the_at_gets_an_ascii_message_but_for_the_to(address: str) -> None:
    data = CompiledMessage.compile(variant(), HEADERS).build(replace(RITA, address=address))
    assert wire.lint(data, smtputf8=True) == []
    [line] = [line for line in data.split(b"\r\n") if not line.isascii()]
    assert line.decode().startswith(f"To: {address.partition('@')[0]}@")
    assert data.replace(line, b"To: rita@example.org") == CompiledMessage.compile(variant(), HEADERS).build(RITA)
