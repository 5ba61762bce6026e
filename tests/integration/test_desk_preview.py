"""Looking at an edition: what is shown is what goes out, and looking changes nothing."""

from __future__ import annotations

import html as html_module
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter import loop, press
from newsletter.accounts import Role
from newsletter.audience.suppression import Reason, suppress
from newsletter.database import Database
from newsletter.database.types import Base
from newsletter.editions import overrides
from newsletter.editions import store as editions
from newsletter.errors import NotFound
from newsletter.press import Site
from newsletter.press.preview import PERSONAS
from newsletter.rendering.looks import look
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from newsletter.web.headers import BARE_MAIL_POLICY, MAIL_POLICY
from newsletter.web.preview import pieces
from tests.desk import signed_in
from tests.sites import make_site, outbox

KEY = "morning/2026-11-23"
HERE = f"/editions/{KEY}"


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    """A site with this morning's edition, on a clock that the tests move."""
    made = make_site(tmp_path / "site", on_sqlite, FixedClock())
    press.assemble(made, "morning")
    return made


def forward(site: Site, **by: int) -> None:
    clock = site.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(**by))


@contextmanager
def unchanged(site: Site) -> Iterator[None]:
    """Fails where a row of the database is another one afterwards."""

    def rows() -> dict[str, list[object]]:
        with site.database.reading() as session:
            tables = Base.metadata.sorted_tables
            return {
                table.name: [tuple(row) for row in session.execute(text(f"SELECT * FROM {table.name}"))]
                for table in tables
            }

    before = rows()
    yield
    assert rows() == before


def test_looking_writes_nothing(site: Site) -> None:
    person = signed_in(site)
    with unchanged(site):
        for path in ("", "?show=text", "?show=source", "?show=headers", "?as=hostile", "?reader=rita@example.org",
                     "/mail", "/mail?colours=inverted", "/message.eml"):  # fmt: skip
            assert person.get(f"{HERE}/preview{path}").status_code == 200, path


@pytest.mark.parametrize("segment", ["europe", "world"])
def test_the_message_the_source_the_text_and_the_frame_are_what_the_backend_would_get(site: Site, segment: str) -> None:
    person = signed_in(site)
    message, html, words = press.documents_for(site, KEY, segment, "rita@example.org")
    query = f"?segment={segment}&reader=rita@example.org"
    downloaded = person.get(f"{HERE}/preview/message.eml{query}")
    assert downloaded.content == message
    assert downloaded.headers["content-disposition"] == f'attachment; filename="morning-2026-11-23-{segment}.eml"'
    assert html_module.escape(html) in person.get(f"{HERE}/preview{query}&show=source").text.replace(
        "&#34;", "&quot;"
    ).replace("&#39;", "&#x27;")
    assert html_module.escape(words, quote=False).strip() in person.get(
        f"{HERE}/preview{query}&show=text"
    ).text.replace("&#34;", '"').replace("&#39;", "'")
    assert person.get(f"{HERE}/preview/mail{query}").text == look(html, "light")


def test_what_was_previewed_is_what_is_sent(site: Site) -> None:
    person = signed_in(site)
    readers = ("rita@example.org", "omar@example.org", "edith@example.org", "jo@example.org")

    def previewed() -> set[bytes]:
        return {person.get(f"{HERE}/preview/message.eml?reader={email}").content for email in readers}

    before = previewed()
    press.lock(site, KEY)
    assert previewed() == before
    forward(site, hours=1)
    loop.run(press.send(site, KEY))
    assert {file.read_bytes() for file in outbox(site)} == before
    assert previewed() == before


def test_the_headers_are_shown_as_they_stand_in_the_message(site: Site) -> None:
    page = signed_in(site).get(f"{HERE}/preview?show=headers").text
    message = message_from_bytes(press.preview(site, KEY).message)
    for name, value in message.items():
        assert f">{name}</th>" in page
        assert str(html_module.escape(" ".join(value.split()), quote=False)).replace('"', "&#34;") in page


def test_a_frame_is_sandboxed_and_has_a_policy_of_its_own(site: Site) -> None:
    person = signed_in(site)
    page = person.get(f"{HERE}/preview?colours=dark&pictures=off&as=empty")
    assert (
        page.text.count(
            f'<iframe sandbox src="{HERE}/preview/mail?segment=europe&amp;as=empty&amp;colours=dark&amp;pictures=off"'
        )
        == 2
    )
    assert person.get(f"{HERE}/preview/mail").headers["content-security-policy"] == MAIL_POLICY
    bare = person.get(f"{HERE}/preview/mail?pictures=off").headers["content-security-policy"]
    assert bare == BARE_MAIL_POLICY
    assert "img-src 'none'" in bare
    for policy in (MAIL_POLICY, bare):
        assert policy.startswith("sandbox; default-src 'none'")
        assert "allow-" not in policy


def test_a_readers_own_mail_is_for_editors_and_its_segment_is_theirs(site: Site) -> None:
    editor, viewer = signed_in(site), signed_in(site, "Rita", Role.VIEWER)
    for path in ("", "/mail", "/message.eml"):
        assert viewer.get(f"{HERE}/preview{path}?reader=edith@example.org").status_code == 403
    assert "by a reader" not in viewer.get(f"{HERE}/preview").text
    assert '<option value="world" selected>' in editor.get(f"{HERE}/preview?reader=edith@example.org").text
    assert "gets the mail of europe" in editor.get(f"{HERE}/preview?reader=rita@example.org&segment=world").text
    assert "no reader with" in editor.get(f"{HERE}/preview?reader=nobody@example.org").text
    assert "address" in editor.get(f"{HERE}/preview?reader=<b>").text


def test_a_reader_who_gets_nothing_is_said_to(site: Site) -> None:
    with site.database.writing() as session:
        suppress(session, "rita@example.org", Reason.MANUAL, clock=site.clock)
    page = signed_in(site).get(f"{HERE}/preview?reader=rita@example.org").text
    assert "is suppressed and gets nothing" in page


def test_a_persona_is_shown_and_its_mail_names_no_reader(site: Site) -> None:
    person = signed_in(site)
    token = press.documents_for(site, KEY, "europe")[1].split("/u/")[1].split('"')[0]
    for persona in PERSONAS:
        seen = press.preview(site, KEY, persona=persona)
        assert person.get(f"{HERE}/preview/message.eml?as={persona}").content == seen.message
        assert "<script>alert" not in person.get(f"{HERE}/preview/mail?as={persona}").text
        assert f"/u/{token}" in seen.html, persona


def test_what_there_is_none_of_is_said_on_the_page_and_is_no_mail(site: Site) -> None:
    person = signed_in(site)
    for query in ("segment=mars", "as=nobody", "segment=%00", "as=%3Cscript%3E"):
        page = person.get(f"{HERE}/preview?{query}")
        assert page.status_code == 200
        assert "Nothing to see yet" in page.text
        assert person.get(f"{HERE}/preview/mail?{query}").status_code == 404
    for query in ("colours=pink", "show=me"):
        assert person.get(f"{HERE}/preview?{query}").status_code == 404


def test_an_edit_is_seen_at_once(site: Site) -> None:
    person = signed_in(site)
    with site.database.writing() as session:
        overrides.set_lines(
            session, editions.find(session, KEY), {"subject": "S" * 50 + "<3>"}, clock=site.clock, by="Edith"
        )
    page = person.get(f"{HERE}/preview").text
    assert "S" * 40 + '</bdi><span class="cut">' in page
    assert "S" * 10 + "&lt;3&gt;" in page
    assert "Subject 53 characters" in page


def test_an_edition_without_stories_says_so(site: Site) -> None:
    forward(site, hours=4)
    loop.run(press.send(site, KEY))
    forward(site, days=1)
    press.assemble(site, "morning")
    page = signed_in(site).get("/editions/morning/2026-11-24/preview")
    assert page.status_code == 200
    assert "no story for europe" in page.text


def test_a_frozen_edition_is_shown_as_it_was_frozen(site: Site) -> None:
    person = signed_in(site)
    before = person.get(f"{HERE}/preview/mail").text
    press.lock(site, KEY)
    with site.database.writing() as session:
        store(session, "harbour", now=site.clock.now(), headline="Another harbour")
    assert person.get(f"{HERE}/preview/mail").text == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", [("", None)]),
        ("a" * 40, [("a" * 40, None)]),
        ("a" * 41, [("a" * 40, 40), ("a", None)]),
        ("a" * 100, [("a" * 40, 40), ("a" * 50, 90), ("a" * 10, None)]),
        ("a" * 40 + "\u0301b", [("a" * 40 + "\u0301", 40), ("b", None)]),
        ("a" * 39 + "👩\u200d🚀b", [("a" * 39 + "👩\u200d🚀", 40), ("b", None)]),
    ],
)
def test_a_line_is_cut_after_40_and_90_characters_and_never_inside_one(
    words: str, expected: list[tuple[str, int | None]]
) -> None:
    assert pieces(words) == expected
    assert "".join(piece for piece, _ in pieces(words)) == words


def test_segments_are_the_editions_own(site: Site) -> None:
    assert press.segments_of(site, KEY) == ("europe", "world")
    with pytest.raises(NotFound):
        press.segments_of(site, "morning/2020-01-01")


def test_what_was_rendered_is_kept_for_the_same_words_and_template_alone_and_not_without_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("newsletter.press.render._MOST_KEPT", 2)
    first = press.variants(site, KEY)
    assert len(site.rendered) == 2
    again = press.variants(site, KEY)
    assert all(again[segment].rendered is first[segment].rendered for segment in first)
    for number in range(3):
        with site.database.writing() as session:
            overrides.set_lines(
                session, editions.find(session, KEY), {"subject": f"S{number}"}, clock=site.clock, by="Edith"
            )
        assert press.variants(site, KEY)["world"].rendered.subject == f"S{number}"
    assert len(site.rendered) == 2
    style = site.settings.templates / "briefing" / "content.css"
    style.write_text(style.read_text(encoding="utf-8") + "\nh1 { color: #123456; }\n", encoding="utf-8")
    assert "#123456" in press.variants(site, KEY)["world"].rendered.html
