"""RSS, Atom and JSON Feed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ImportRefused
from newsletter.stories.draft import ImageDraft, StoryDraft
from newsletter.stories.importers import read
from newsletter.stories.importers.document import Document
from newsletter.stories.importers.reading import Reading


def items(raw: str | bytes, name: str = "feed.xml", url: str = "") -> list[StoryDraft | ImportRefused]:
    raw = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    return read(Document(name, f"file:{name}", raw, url), Reading())


def stories(raw: str | bytes, name: str = "feed.xml", url: str = "") -> list[StoryDraft]:
    found = items(raw, name, url)
    assert all(isinstance(item, StoryDraft) for item in found), found
    return [item for item in found if isinstance(item, StoryDraft)]


def rss(*entries: str, channel: str = "<link>https://news.example.org/</link>") -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Port</title>'
        + channel
        + "".join(f"<item>{entry}</item>" for entry in entries)
        + "</channel></rss>"
    )


WHOLE = """
<title>Voters back the “harbour” plan &amp; more</title>
<link>https://news.example.org/harbour?a=1&amp;b=2</link>
<guid isPermaLink="false">tag:example.org,2026:harbour</guid>
<pubDate>Mon, 23 Nov 2026 05:00:00 +0100</pubDate>
<dc:creator>Edith Eastgate</dc:creator>
<category>City</category><category>Harbour</category>
<description>&lt;p&gt;The largest project in the city&amp;#8217;s history.&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>The council said it had <b>won</b>.</p><img src="https://images.example.org/a.jpg" alt="Cranes">
<p>Read <a href="https://news.example.org/more?x=1&amp;y=2">more</a>.</p><script>alert(1)</script>]]></content:encoded>
<media:content url="https://images.example.org/a.jpg" medium="image" width="1200" height="800"/>
<media:thumbnail url="https://images.example.org/s.jpg" width="90"/>
"""


def test_an_rss_item_is_a_story() -> None:
    assert stories(rss(WHOLE, channel="<copyright>Port</copyright>")) == [
        StoryDraft(
            external_id="tag:example.org,2026:harbour",
            source="feed",
            headline="Voters back the “harbour” plan & more",
            dek="The largest project in the city’s history.",
            body="The council said it had **won**.\n\nRead [more](https://news.example.org/more?x=1\\&y=2).",
            byline="Edith Eastgate",
            image=ImageDraft("https://images.example.org/a.jpg", "Cranes", width=1200, height=800),
            section="City",
            tags=("City", "Harbour"),
            url="https://news.example.org/harbour?a=1&b=2",
            published_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
            rights="Port",
        )
    ]


def test_an_atom_entry_is_a_story() -> None:
    atom = """<?xml version="1.0" encoding="iso-8859-1"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://news.example.org/">
    <id>urn:x:feed</id><title>Port</title><updated>2026-11-23T04:00:00Z</updated>
    <entry><id>urn:uuid:1</id><title type="html">One &amp;amp; &lt;b&gt;two&lt;/b&gt;</title><link href="/one"/>
    <updated>2026-11-23T06:00:00Z</updated><published>2026-11-23T05:00:00Z</published>
    <author><name>Edith \xc4</name></author><author><name>Omar</name></author><category term="city" label="City"/>
    <rights>All</rights><summary>A dek</summary>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Text <a href="two">two</a></p></div></content></entry></feed>"""
    (story,) = stories(atom.encode("latin-1"))
    assert story.headline == "One & two"
    assert story.url == "https://news.example.org/one"
    assert story.body == "Text [two](https://news.example.org/two)"
    assert (story.dek, story.byline, story.section, story.rights) == ("A dek", "Edith Ä, Omar", "City", "All")
    assert story.published_at == datetime(2026, 11, 23, 5, tzinfo=UTC)


def test_relative_links_are_meant_from_where_the_feed_was_found() -> None:
    raw = rss("<title>T</title><guid>https://x.example/1</guid><link>/one</link><description>&lt;a href='two'&gt;x&lt;/a&gt; "
              "&lt;p&gt;y</description>", channel="")  # fmt: skip
    (story,) = stories(raw, "f", "https://news.example.org/feed/rss.xml")
    assert story.url == "https://news.example.org/one"
    assert "https://news.example.org/feed/two" in story.body


def test_a_short_description_is_a_dek_and_a_long_one_the_text() -> None:
    short, long = stories(
        rss(
            "<title>T</title><guid>urn:1</guid><description>Short.</description>",
            f"<title>T</title><guid>urn:2</guid><description>{'Long words. ' * 40}</description>",
        )
    )
    assert (short.dek, short.body) == ("Short.", "")
    assert (long.dek, long.body) == ("", ("Long words. " * 40).strip())


@pytest.mark.parametrize(
    "teaser", ["The council said it had […]", "The council said it had...", "The council said it had won"]
)
def test_a_teaser_cut_out_of_the_text_is_no_dek(teaser: str) -> None:
    (story,) = stories(
        rss(
            f"<title>T</title><guid>urn:1</guid><description>{teaser}</description>"
            "<content:encoded>&lt;p&gt;The council said it had won a lot.&lt;/p&gt;</content:encoded>"
        )
    )
    assert story.dek == ""
    assert story.body == "The council said it had won a lot."


def test_an_id_that_only_the_feed_knows_is_joined_with_its_feed() -> None:
    one, two, three = stories(
        rss(
            *(
                f"<title>T</title><guid>{guid}</guid>"
                for guid in ("17", "urn:x:1", "0b0e2a3c-1111-2222-3333-444455556666")
            )
        )
    )
    assert one.external_id == "https://news.example.org/#17"
    assert two.external_id == "urn:x:1"
    assert three.external_id == "0b0e2a3c-1111-2222-3333-444455556666"


def test_a_link_stands_in_for_a_guid_and_a_guid_for_a_link() -> None:
    one, two = stories(
        rss(
            "<title>T</title><link>https://news.example.org/1</link>",
            "<title>T</title><guid>https://news.example.org/2</guid>",
        )
    )
    assert one.external_id == one.url == "https://news.example.org/1"
    assert two.external_id == two.url == "https://news.example.org/2"


def test_a_picture_without_words_is_left_out_and_noted() -> None:
    one, two, three = stories(
        rss(
            "<title>T</title><guid>urn:1</guid><enclosure url='https://images.example.org/a.jpg' type='image/jpeg' length='9'/>",
            "<title>T</title><guid>urn:2</guid><description>&lt;img src='https://images.example.org/b.jpg'&gt;x</description>",
            "<title>T</title><guid>urn:3</guid><enclosure url='https://images.example.org/a.mp3' type='audio/mpeg' length='9'/>",
        )
    )
    assert one.image is two.image is three.image is None
    assert one.internal_note == "Its picture has no alternative text and was left out: https://images.example.org/a.jpg"
    assert two.internal_note.endswith("b.jpg")
    assert three.internal_note == ""


def test_a_picture_with_words_in_the_text_becomes_the_image() -> None:
    (story,) = stories(
        rss("<title>T</title><guid>urn:1</guid><description>&lt;img src='https://images.example.org/b.jpg' alt='Cranes' "
            "width='600'&gt;x</description>")
    )  # fmt: skip
    assert story.image == ImageDraft("https://images.example.org/b.jpg", "Cranes", width=600)


def test_the_bad_items_of_a_feed_are_named_and_the_good_ones_read() -> None:
    found = items(
        rss(
            "<title>Good</title><guid>urn:1</guid>",
            "<guid>urn:2</guid>",
            "<title>No id</title>",
            "<title>Bad link</title><guid>urn:4</guid><link>javascript:x</link>",
            f"<title>Deep</title><guid>urn:5</guid><description>{'&lt;div&gt;' * 90}x</description>",
            "<title>Good too</title><guid>urn:6</guid>",
        )
    )
    assert [item.headline for item in found if isinstance(item, StoryDraft)] == ["Good", "Good too"]
    lines = [str(item) for item in found if isinstance(item, ImportRefused)]
    assert lines[0].startswith("feed.xml: item 2: its headline is empty")
    assert lines[1] == "feed.xml: item 3 (“No id”): has neither a guid nor a link: give it one of them"
    assert lines[2].startswith("feed.xml: item 4 (“Bad link”): its url 'javascript:x'")
    assert lines[3].startswith("feed.xml: item 5 (“Deep”): its HTML has elements nested")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("<html><body>Hi</body></html>", "feed.xml: is neither RSS nor Atom: name a feed, not a web page"),
        (rss("<title>T</title>\n<guid>urn:1</guid>").replace("</item>", "\n</itm>"), "feed.xml:3: is broken XML"),
        (rss("<title>T</title><guid>urn:1</guid>")[:-30], "is broken XML"),
        ("<rss", "is broken XML"),
        ("", "feed.xml: is neither RSS nor Atom"),
        ("no XML", "is "),
    ],
)
def test_what_is_no_feed_is_refused_whole(raw: str, words: str) -> None:
    (found,) = items(raw)
    assert isinstance(found, ImportRefused)
    assert words in str(found)


def test_an_entity_does_not_read_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret words")
    doctype = f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    raw = rss("<title>T &x;</title><guid>urn:1</guid>").replace("<rss", doctype + "<rss", 1)
    assert "secret words" not in str(items(raw))


def test_entities_made_of_entities_do_not_grow_without_end() -> None:
    """A billion letters, as ten entities of ten of the one before it."""
    entities = '<!ENTITY e0 "aaaaaaaaaa">' + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    raw = rss("<title>T</title><guid>urn:1</guid><description>&e9;</description>").replace(
        "<rss", f"<!DOCTYPE rss [{entities}]><rss", 1
    )
    (found,) = items(raw)
    assert len(str(found)) < 10_000


def test_a_feed_of_too_many_items_is_read_to_the_limit() -> None:
    found = items(rss(*(f"<title>T</title><guid>urn:{n}</guid>" for n in range(1001))))
    assert len(found) == 1001
    assert str(found[-1]) == "feed.xml: has more than 1000 items: the rest was not read"


def test_a_date_that_cannot_be_is_no_date() -> None:
    (story,) = stories(rss("<title>T</title><guid>urn:1</guid><pubDate>yesterday</pubDate>"))
    assert story.published_at is None


def test_characters_of_windows_are_mended() -> None:
    (story,) = stories(rss("<title>The city&#146;s plan</title><guid>urn:1</guid>"))
    assert story.headline == "The city’s plan"


soup = st.text(alphabet="<>/&;\"'= abit!-[]?\n:\x00é", max_size=80)


@given(st.one_of(soup, st.text(max_size=80), st.binary(max_size=80)))
def test_anything_is_a_feed_or_refused(words: str | bytes) -> None:
    raw = words if isinstance(words, bytes) else words.encode("utf-8", "surrogatepass")
    head, tail = rss("<title>T</title><guid>urn:1</guid>@").encode().split(b"@")
    for whole in (raw, b"<rss version='2.0'>" + raw, head + raw + tail):
        assert [str(item) for item in items(whole)] == [str(item) for item in items(whole)]


@given(soup, soup, soup)
def test_any_html_in_an_item_is_a_story_or_refused(title: str, summary: str, content: str) -> None:
    def escaped(words: str) -> str:
        return words.replace("\x00", "").replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "")

    raw = rss(
        f"<title>{escaped(title)}</title><guid>urn:1</guid><link>{escaped(summary)}</link><description>{escaped(summary)}"
        f"</description><content:encoded>{escaped(content)}</content:encoded><category>{escaped(content)}</category>"
    )
    assert len(items(raw)) >= 1


def feed(*entries: Any, **more: Any) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Port", "items": entries} | more)


def test_a_json_feed_item_is_a_story() -> None:
    raw = feed(
        {
            "id": "https://news.example.org/1",
            "url": "https://news.example.org/1?a=1&b=2",
            "title": "Voters back the plan",
            "summary": "A dek",
            "content_html": "<p>One <i>two</i></p><img src='https://images.example.org/a.jpg' alt='Cranes'>",
            "image": "https://images.example.org/a.jpg",
            "date_published": "2026-11-23T05:00:00+01:00",
            "authors": [{"name": "Edith"}, {"url": "x"}, {"name": "Omar"}],
            "tags": ["City", "Harbour"],
        }
    )
    assert stories(raw, "feed.json") == [
        StoryDraft(
            external_id="https://news.example.org/1",
            source="jsonfeed",
            headline="Voters back the plan",
            dek="A dek",
            body="One *two*",
            byline="Edith, Omar",
            image=ImageDraft("https://images.example.org/a.jpg", "Cranes"),
            section="City",
            tags=("City", "Harbour"),
            url="https://news.example.org/1?a=1&b=2",
            published_at=datetime(2026, 11, 23, 4, tzinfo=UTC),
        )
    ]


def test_a_json_feed_of_version_1_is_read() -> None:
    raw = feed(
        {"id": 7, "title": "T", "content_text": "One *two*\n\n1. three", "author": {"name": "Edith"}},
        feed_url="https://x.example/f",
    )
    (story,) = stories(raw.replace("1.1", "1"), "f")
    assert story.external_id == "https://x.example/f#7"
    assert story.body == "One \\*two\\*\n\n1\\. three"
    assert story.byline == "Edith"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("{", "feed.json:1: is broken JSON"),
        ('{"version":\n\n x}', "feed.json:3: is broken JSON"),
        ("{}", "feed.json: is no JSON Feed: its version must read"),
        ("[]", "feed.json: is no JSON Feed"),
        ('{"version": "https://jsonfeed.org/version/1"}', "feed.json: has no list of items"),
        (feed("x"), "feed.json: item 1: is no object"),
        (feed({"title": "T"}), "feed.json: item 1 (“T”): has no id"),
        (feed({"id": "1"}), "feed.json: item 1: its title is empty"),
        (feed({"id": "1", "title": "T", "date_published": "soon"}), "feed.json: item 1 (“T”): 'soon' is no time"),
        (feed({"id": "1", "title": "T", "url": "x"}), "feed.json: item 1 (“T”): its url 'x' is no absolute link"),
        ('{"a":' * 100_000, "feed.json: is JSON that cannot be read"),
        ('{"a": ' + "9" * 5000 + "}", "feed.json: is JSON that cannot be read"),
    ],
)
def test_what_is_no_json_feed_is_refused(raw: str, words: str) -> None:
    (found,) = items(raw, "feed.json")
    assert str(found).startswith(words)


_json: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=5,
)
_FIELDS = ["id", "title", "url", "external_url", "content_html", "content_text", "summary", "image", "date_published"]
_FIELDS += ["authors", "author", "tags"]


@given(st.lists(st.dictionaries(st.sampled_from(_FIELDS), _json, max_size=8), max_size=3), st.dictionaries(st.sampled_from(["items", "authors", "feed_url"]), _json))  # fmt: skip
def test_any_json_is_a_feed_or_refused(entries: list[Any], more: dict[str, Any]) -> None:
    raw = feed(*entries, **more)
    assert [str(item) for item in items(raw, "feed.json")] == [str(item) for item in items(raw, "feed.json")]


@given(st.text(max_size=100))
def test_any_text_is_json_or_refused(text: str) -> None:
    assert items(text, "feed.json")
    assert items("{" + text, "feed")
