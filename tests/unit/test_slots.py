"""Reader slots: where they stand, what is refused, and how values are written."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import TemplateError
from newsletter.rendering import slots
from newsletter.rendering.model import ReaderValues, Slot
from newsletter.rendering.slots import Context, MisplacedSlot, Place, check_slot_places
from tests.unit import hostile

NONCE = hostile.NONCE
NAME = Slot("first_name")
VIEW = Slot("view_url")

RITA = ReaderValues(
    address="rita@example.org",
    first_name="Rita",
    unsubscribe_url="https://news.example.org/u/1",
    preferences_url="https://news.example.org/p/1",
    view_url="https://news.example.org/v/1?a=1&b=2",
    message_id="1.1@example.org",
)


def reader(**values: str) -> ReaderValues:
    return ReaderValues(**{name: values.get(name, getattr(RITA, name)) for name in ReaderValues.__slots__})


def frozen(html: str, text: str = "") -> tuple[str, str, tuple[Slot, ...], str]:
    """A document with NAME for slot 0 and URL for slot 1."""
    document = html.replace("NAME", slots.word(NONCE, 0)).replace("URL", slots.url_word(NONCE, 1))
    plain = text.replace("NAME", slots.word(NONCE, 0)).replace("URL", slots.url_word(NONCE, 1))
    return document, plain, (NAME, VIEW), NONCE


def places(html: str) -> tuple[Place, ...]:
    return slots.scan(*frozen(html, "NAME URL")).html


GOOD = [
    ("<p>NAME</p>", Context.TEXT),
    ("NAME", Context.TEXT),
    ("<p>URL", Context.TEXT),
    ("<title>For NAME</title>", Context.TEXT),
    ("<title><!-- NAME --></title>", Context.TEXT),
    ("a < b NAME", Context.TEXT),
    ('<p title="a > b">NAME', Context.TEXT),
    ("<p title='\"'>NAME", Context.TEXT),
    ("<p a=\"'\" b='>'>NAME", Context.TEXT),
    ("<style>a{}</style>NAME", Context.TEXT),
    ("<STYLE>a{}</Style >NAME", Context.TEXT),
    ("<!-- a --> NAME", Context.TEXT),
    ("<!--> NAME", Context.TEXT),
    ("<!--[if !mso]><!--> NAME <!--<![endif]-->", Context.TEXT),
    ("<!--[if mso]><td>NAME</td><![endif]-->", Context.TEXT),
    ("<![if !mso]>NAME<![endif]>", Context.TEXT),
    ('<img alt="For NAME">', Context.ATTRIBUTE),
    ("<img ALT = 'NAME'>", Context.ATTRIBUTE),
    ('<p aria-label="NAME" style="color:red">', Context.ATTRIBUTE),
    ('<p title="URL">', Context.ATTRIBUTE),
    ('<a href="URL">', Context.URL),
    ("<a class=x href=' URL ' >", Context.URL),
    ('<area href="URL"/>', Context.URL),
    ('<img src="URL">', Context.URL),
    ('<!--[if mso]><v:roundrect href="URL"></v:roundrect><![endif]-->', Context.URL),
    ('<!--[if gte mso 9]><a href="URL">x</a><![endif]-->', Context.URL),
    ('<a href="https://share.example/?u=URL">', Context.URL_PART),
    ('<a href="https://share.example/a#NAME">', Context.URL_PART),
    ('<a href="mailto:edith@example.org?body=URL&amp;x=1">', Context.URL_PART),
]


@pytest.mark.parametrize(("html", "context"), GOOD)
def test_a_slot_gets_the_context_of_its_place(html: str, context: Context) -> None:
    assert [place.context for place in places(html)] == [context]


BAD = [
    ("<style>NAME</style>", "inside <style>"),
    ("<style>a{}</style NAME", "in a tag itself"),
    ("<script>NAME</script>", "inside <script>"),
    ("<script><!-- </style> NAME", "inside <script>"),
    ("<svg><text>NAME</text></svg>", "inside <svg>"),
    ("<noscript>NAME</noscript>", "inside <noscript>"),
    ("<!--[if mso]><style>NAME</style><![endif]-->", "inside <style>"),
    ("<!-- NAME -->", "in a comment"),
    ("<!--NAME", "in a comment"),
    ("<!DOCTYPE NAME>", "in a comment"),
    ("<?xml NAME?>", "in a comment"),
    ("<!--[if NAME]>a<![endif]-->", "in a comment"),
    ("<p title=NAME>", "without quotes"),
    ("<p title=aNAME>", "without quotes"),
    ("<a href=URL>", "without quotes"),
    ("<p NAME>", "in a tag itself"),
    ('<p NAME="x">', "in a tag itself"),
    ("<pNAME>", "in a tag itself"),
    ("</p NAME>", "in a tag itself"),
    ('<p title="NAME', "in a tag itself"),
    ('<!--[if mso]><p title="NAME<![endif]-->">', "in a tag itself"),
    ('<p onclick="NAME">', "the attribute onclick of <p>"),
    ('<p style="color:NAME">', "the attribute style of <p>"),
    ('<p id="NAME">', "the attribute id of <p>"),
    ('<img srcset="URL 2x">', "the attribute srcset of <img>"),
    ('<meta content="0;url=URL">', "the attribute content of <meta>"),
    ('<base href="URL">', "the attribute href of <base>"),
    ('<link href="URL">', "the attribute href of <link>"),
    ('<iframe src="URL"></iframe>', "the attribute src of <iframe>"),
    ('<form action="URL">', "the attribute action of <form>"),
    ('<a href="NAME">', "holds words and not a URL"),
    ('<a href="URL/x">', "in the address part of a URL"),
    ('<a href="https://NAME.example.org/?x">', "in the address part of a URL"),
    ('<a href="https://example.org/NAME">', "in the address part of a URL"),
    ('<a href="mailto:NAME?x">', "in the address part of a URL"),
    ('<a href="?u=URL">', "in the address part of a URL"),
    ('<a href="javascript:f(?NAME)">', "in the address part of a URL"),
    ('<a href="https:?NAME">', "in the address part of a URL"),
]


@pytest.mark.parametrize(("html", "why"), BAD)
def test_a_place_without_a_safe_encoding_is_refused_with_its_offset(html: str, why: str) -> None:
    with pytest.raises(MisplacedSlot) as refusal:
        places(html)
    assert why in str(refusal.value)
    assert ";" in str(refusal.value)  # and what to do instead
    document = frozen(html)[0]
    assert document[refusal.value.offset :].startswith((slots.word(NONCE, 0), slots.url_word(NONCE, 1)))
    assert "{slot}" in refusal.value.excerpt


@pytest.mark.parametrize(
    "html",
    [
        f"<p>mbq{NONCE}x2z",
        f"<p>mbq{NONCE}x002z",
        f"<p>mbq{NONCE}x07z",
        f"<p>mbq{NONCE}x00",
        f"<p>MBQ{NONCE.upper()}X00Z",
        f"<p>{NONCE}",
        f"<p>mbq{NONCE}x\u0660\u0660z",
    ],
)
def test_a_mangled_slot_word_is_refused(html: str) -> None:
    with pytest.raises(MisplacedSlot, match="was changed on its way"):
        slots.scan(html, *frozen("", "NAME URL")[1:])
    with pytest.raises(MisplacedSlot, match="was changed on its way"):
        slots.scan(frozen("NAME URL")[0], html, (NAME, VIEW), NONCE)


def test_a_slot_that_is_in_neither_document_is_refused() -> None:
    with pytest.raises(MisplacedSlot, match=r"first_name .* is in neither"):
        slots.scan(*frozen("URL", "URL"))


def test_a_url_slot_filled_in_as_words_is_refused_and_the_other_way_round() -> None:
    with pytest.raises(MisplacedSlot, match=r"write slot_url\('view_url'\)"):
        slots.scan(slots.word(NONCE, 0), "", (VIEW,), NONCE)
    with pytest.raises(MisplacedSlot, match=r"write slot\('first_name'\)"):
        slots.scan(slots.url_word(NONCE, 0), "", (NAME,), NONCE)


def test_words_around_a_whole_url_are_refused() -> None:
    with pytest.raises(MisplacedSlot, match="has words around it"):
        slots.scan(f'<a href="{slots.url_word(NONCE, 0)}">', "", (Slot("view_url", before="x"),), NONCE)


def test_a_word_of_another_variant_is_mere_text() -> None:
    assert slots.scan("<p>mbq000000000000x00z https://slot.invalid/", "", (), NONCE).html == ()


def test_slots_next_to_each_other_and_at_both_ends_are_all_found() -> None:
    document, text, *rest = frozen("NAMEURLNAME", "URLNAME")
    found = slots.scan(document, text, *rest)
    assert [document[p.start : p.end] for p in found.html] == [
        slots.word(NONCE, 0),
        slots.url_word(NONCE, 1),
        slots.word(NONCE, 0),
    ]
    assert [p.context for p in found.text] == [Context.PLAIN] * 2


# --- values


@pytest.mark.parametrize(
    ("slot", "value", "said"),
    [
        (NAME, "Rita", "Rita"),
        (Slot("first_name", ", ", "!"), "Rita", ", Rita!"),
        (Slot("first_name", ", ", "!", "."), "", "."),
        (Slot("first_name", fallback="reader"), " \r\n\0 ", "reader"),
        (NAME, "Ri\0ta\x9f\u202e\u2066", "Rita"),
        (NAME, "Rita\r\nSmith\u2028Jr", "Rita Smith Jr"),
        (NAME, "Ri\ud800ta", "Rita"),
        (NAME, "ر\u200fיטה 👩‍🚀", "ر\u200fיטה 👩‍🚀"),
    ],
)
def test_a_name_is_cleaned_before_the_fallback_is_chosen(slot: Slot, value: str, said: str) -> None:
    assert slots.spoken(slot, reader(first_name=value)) == said


@pytest.mark.parametrize(
    ("context", "written"),
    [
        (Context.TEXT, "&lt;b&gt; &amp; &quot;&#x27;"),
        (Context.ATTRIBUTE, "&lt;b&gt; &amp; &quot;&#x27;"),
        (Context.PLAIN, "<b> & \"'"),
        (Context.URL_PART, "%3Cb%3E%20%26%20%22%27"),
    ],
)
def test_a_value_is_encoded_for_where_it_stands(context: Context, written: str) -> None:
    assert slots.written("<b> & \"'", context) == written


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "javascript:alert(1)",
            " java\nscript:x",
            "data:text/html,x",
            "//example.org",
            "/u",
            "https://",
            "https:///x",
        ),
        *("https://user@evil.example", "https://é.example/", "https://a\\b/", "file:///etc", "vbscript:x"),
    ],
)
def test_what_is_no_absolute_web_or_mail_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no http, https or mailto URL"):
        slots.clean_url(url)


def test_what_a_url_may_not_hold_is_percent_encoded() -> None:
    dirty = 'https://example.org/é "<>\r\n\0%20?a=b&c'
    assert slots.clean_url(dirty) == "https://example.org/%C3%A9%20%22%3C%3E%20?a=b&c"


class Shape(HTMLParser):
    """What a parser that is not ours makes of a document: its tags with the names of their attributes, and its values."""

    def __init__(self, document: str) -> None:
        super().__init__(convert_charrefs=True)
        self.shape: list[object] = []
        self.values: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, [name for name, _ in attrs]))
        self.values += [value or "" for _, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self.shape.append(tag)

    def handle_data(self, data: str) -> None:
        self.values.append(data)

    def handle_comment(self, data: str) -> None:
        # Outlook reads what is in it.
        inner = Shape(data.partition("]>")[2].removesuffix("<![endif]"))
        self.shape.append(inner.shape)
        self.values += inner.values


@settings(max_examples=hostile.EXAMPLES)
@given(
    st.lists(
        st.sampled_from([html for html, _ in GOOD if "<!-->" not in html and "<![if" not in html]),
        min_size=1,
        max_size=6,
    ),
    hostile.words,
    hostile.urls,
)
def test_no_value_changes_the_markup_around_it(pieces: list[str], name: str, url: str) -> None:
    html = "\n".join(f"<div>{piece}</div>" for piece in pieces) + "<p>NAME URL</p>"
    document, text, filled, nonce = frozen(html, "")
    found = slots.scan(document, text, filled, nonce).html
    rita = Shape(slots.fill(document, found, filled, RITA))
    other = reader(first_name=name, view_url=url)
    got = Shape(slots.fill(document, found, filled, other))
    assert got.shape == rita.shape
    assert "".join(got.values).endswith(f"{slots.clean_value(name)} {slots.clean_url(url)}")


# --- templates


@pytest.mark.parametrize(
    ("source", "line", "why"),
    [
        ("<mj-text>\n<p style=\"color:{{ slot('first_name') }}\">", 2, "the attribute style of <p>"),
        ("<mj-style>\n\na { b: {{ slot('first_name') }} }</mj-style>", 3, "inside <mj-style>"),
        ("\n<mj-button href={{ slot_url('view_url') }}>", 2, "without quotes"),
        ("<mj-button\n  href=\"{{ slot('first_name') }}\">", 2, "holds words and not a URL"),
        ('<mj-section background-url="{{ slot_url("view_url") }}">', 1, "the attribute background-url"),
        ("{# a\nb #}\n<!-- {{ slot('first_name') }} -->", 3, "in a comment"),
        ("{% if x %}\n<p\n{{ slot('first_name') }}>{% endif %}", 3, "in a tag itself"),
        ("\n{{ 'a }}", 2, "unexpected"),
        ("<a href=\"{{ story.url }}/{{ slot_url('view_url') }}\">", 1, "in the address part of a URL"),
    ],
)
def test_a_slot_in_a_wrong_place_of_a_template_is_refused_with_file_and_line(source: str, line: int, why: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        check_slot_places(source, Path("page.mjml"))
    assert str(refusal.value).startswith(f"page.mjml:{line}: ")
    assert why in str(refusal.value)


@pytest.mark.parametrize(
    "source",
    [
        "<mj-text>{{ greeting }}{{ slot('first_name', before=', ', fallback=')') }},</mj-text>",
        '<mj-button href="{{- slot_url("view_url") -}}">Open</mj-button>',
        "<mj-image alt=\"For {{ slot('first_name') }}\" src=\"{{ lead.image.url }}\" />{{ slot('first_name') }}",
        "<a href=\"{{ base }}?u={{ slot_url('view_url') }}\">",
        "<a {% if x %}title='{{ slot('first_name') }}'{% endif %}>",
        "{% raw %}{{ {% endraw %}{{ slot('first_name') }}",
        "{% if story %}{{ slot('first_name') }}{% else %}<p>{% endif %}",
        "{{ button(slot_url('view_url'), 'Open') }}",
        "<mj-style inline=\"inline\" />{{ slot('first_name') }}",
        "<mj-preview>{{ slot('first_name') }}</mj-preview>",
    ],
)
def test_a_slot_in_a_safe_place_of_a_template_is_left_alone(source: str) -> None:
    check_slot_places(source, Path("page.mjml"))


def test_markup_means_nothing_in_a_text_template() -> None:
    check_slot_places("<style>{{ slot('first_name') }}", Path("page.txt"))
