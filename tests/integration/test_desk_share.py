"""Test copies that tell the truth, and links that show an edition for a while and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import press
from newsletter.accounts import Role
from newsletter.backends.base import Outcome, Result
from newsletter.database import Database
from newsletter.errors import NotFound, Refused, WrongState
from newsletter.press import Site, copying
from newsletter.press.share import MOST
from newsletter.rendering.looks import look
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from newsletter.web.headers import MAIL_POLICY
from tests.desk import Visitor, signed_in, visitor
from tests.integration.test_desk_preview import forward, unchanged
from tests.sites import CONFIG, make_site, outbox

KEY = "morning/2026-11-23"
HERE = f"/editions/{KEY}/share"


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    made = make_site(tmp_path / "site", on_sqlite, FixedClock())
    press.assemble(made, "morning")
    return made


def path_of(made: press.Shared) -> str:
    return "/share/" + made.url.partition("/share/")[2]


# Test copies


def send(person: Visitor, to: str, segment: str = "europe") -> str:
    """Sends a copy by the form, and returns the page that says what came of it."""
    answer = person.post(f"{HERE}/copy", to=to, segment=segment)
    assert answer.status_code == 303
    return person.get(answer.headers["location"]).text


@pytest.mark.parametrize(
    ("address", "words", "reply"),
    [
        ("edith@staff.example.org", "The server took the test copy", "250"),
        ("edith+550@staff.example.org", "The test copy was not taken", "550"),
        ("edith+451@staff.example.org", "The test copy was not taken", "451"),
        ("edith+drop@staff.example.org", "Nobody knows whether the test copy was taken", ""),
    ],
)
def test_a_copy_says_what_the_server_said_and_is_in_no_report(site: Site, address: str, words: str, reply: str) -> None:
    person = signed_in(site)
    page = send(person, address)
    assert words in page
    assert reply in page
    assert address not in page.split("</form>")[-1], "to whom it went is not kept"
    assert press.report(site, KEY).counts.total == 0
    assert press.copies(site, KEY)[0].by == "Edith"


def test_a_copy_is_marked_and_of_the_segment_that_was_asked_for(site: Site) -> None:
    send(signed_in(site), "edith@example.org", "world")
    (mail,) = outbox(site)
    message = mail.read_text(encoding="utf-8")
    assert "Subject: [Test] " in message
    assert f"X-Newsletter-Test: {KEY} world" in message


def test_a_copy_goes_to_no_address_that_is_not_allowed_and_to_no_other_segment(site: Site) -> None:
    person = signed_in(site)
    assert person.post(f"{HERE}/copy", to="rita@example.org", segment="europe").status_code == 409
    assert person.post(f"{HERE}/copy", to="edith@example.org", segment="mars").status_code == 404
    assert press.copies(site, KEY) == ()
    assert outbox(site) == []


def test_nobody_sends_more_copies_than_a_colleague_can_read(site: Site) -> None:
    person = signed_in(site)
    for _ in range(copying.BY_PERSON):
        press.send_copy(site, KEY, "edith@example.org", "europe", "Edith")
    answer = person.post(f"{HERE}/copy", to="edith@example.org", segment="europe")
    assert answer.status_code == 429
    assert "10 test copies within a quarter of an hour" in answer.text
    press.send_copy(site, KEY, "edith@example.org", "europe", "Omar")
    forward(site, minutes=16)
    press.send_copy(site, KEY, "edith@example.org", "europe", "Edith")


def test_what_is_not_known_is_not_called_accepted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[Outcome | Exception, str, str]] = [
        (TimeoutError(), "unknown", "has not answered within 30 seconds"),
        (Outcome(Result.IN_DOUBT), "unknown", "broke off before the server answered"),
        (Outcome(Result.DEFERRED), "refused", "there was no connection"),
        (Refused("it cannot be rendered"), "refused", "it cannot be rendered"),
        (Outcome(Result.REJECTED, 554, "5.7.1", "go away"), "refused", "554 5.7.1 go away"),
    ]
    coming = iter(told)

    async def said(*_: object) -> Outcome:
        outcome = next(coming)[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(copying, "test_send", said)
    for _, result, reply in told:
        made = press.send_copy(site, KEY, "edith@example.org", "europe", "Edith")
        assert made.result == result
        assert reply in made.reply


def test_a_copy_that_broke_off_stays_unknown(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> Outcome:
        raise RuntimeError

    monkeypatch.setattr(copying, "test_send", broken)
    with pytest.raises(RuntimeError):
        press.send_copy(site, KEY, "edith@example.org", "europe", "Edith")
    person = signed_in(site)
    (left,) = press.copies(site, KEY)
    assert left.result == "unknown"
    assert "It has not been answered yet." in person.get(f"{HERE}?copy={left.no}").text


def test_a_server_that_is_not_there_is_no_success(on_sqlite: Database, tmp_path: Path) -> None:
    config = (
        CONFIG.replace(
            "outbox: {type: outbox, path: outbox}",
            "outbox: {type: smtp, host: 127.0.0.1, port: 1, tls: none}",
        )
        + f"environment: production\nsecret_key: {'k' * 48}\n"
    )
    site = make_site(tmp_path / "site", on_sqlite, FixedClock(), config=config)
    press.assemble(site, "morning")
    made = press.send_copy(site, KEY, "edith@example.org", "europe", "Edith")
    assert made.result == "refused"
    assert made.reply


def test_a_viewer_sees_what_was_passed_on_and_passes_nothing_on(site: Site) -> None:
    made = press.share(site, KEY, "Edith")
    press.send_copy(site, KEY, "edith@example.org", "europe", "Edith")
    page = signed_in(site, "Rita", Role.VIEWER).get(HERE).text
    assert made.url not in page
    assert "Link 1" in page
    assert "accepted" in page
    assert "<form" not in page.split("<main")[1]


# Links


def test_an_editor_makes_a_link_gives_it_to_somebody_and_ends_it(site: Site) -> None:
    person, stranger = signed_in(site), visitor(site)
    person.get(HERE)
    assert person.post(HERE, **{"for": "12h"}).status_code == 303
    page = person.get(HERE).text
    found = re.search(r'href="http://127\.0\.0\.1:8025(/share/[^"]+)"', page)
    assert found
    seen = stranger.get(found[1])
    assert seen.status_code == 200
    assert "Not sent yet." in seen.text
    assert "Works until Mon 23 Nov, 17:00" in re.sub("<[^>]+>", "", page)
    assert person.post(f"{HERE}/end", link="1").status_code == 303
    assert stranger.get(found[1]).status_code == 404
    page = person.get(HERE).text
    assert found[1] not in page
    assert "Ended by Edith" in page
    assert person.post(f"{HERE}/end", link="1").status_code == 404


def test_a_link_shows_the_edition_to_nobody_in_particular(site: Site) -> None:
    path, stranger = path_of(press.share(site, KEY)), visitor(site)
    for segment in ("europe", "world"):
        page = stranger.get(f"{path}?segment={segment}")
        mail = stranger.get(f"{path}/mail?segment={segment}")
        for answer in (page, mail):
            assert answer.headers["x-robots-tag"] == "noindex, nofollow"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == "no-store"
            for word in ("rita", "/u/", "/p/", "/v/", "mailto:morning@courier.example.org?subject"):
                assert word not in answer.text.lower().split("<main")[-1], word
        assert '<meta name="robots" content="noindex, nofollow">' in page.text
        assert mail.headers["content-security-policy"] == MAIL_POLICY
    html = press.documents_for(site, KEY, "europe")[1]
    bare = re.sub(r"https://courier\.example\.org/[upv]/[\w.-]+", "https://courier.example.org", html)
    assert stranger.get(f"{path}/mail").text == look(bare, "light")
    assert "min-width: 0" in stranger.get(f"{path}/mail?colours=dark").text


def test_a_link_shows_the_edition_as_it_stands(site: Site) -> None:
    path, stranger = path_of(press.share(site, KEY)), visitor(site)
    assert "Harbour" in stranger.get(path).text
    with site.database.writing() as session:
        store(session, "harbour", now=site.clock.now(), headline="The sea", priority=1)
    press.assemble(site, "morning")
    assert "The sea" in stranger.get(path).text


def test_looking_by_a_link_writes_nothing(site: Site) -> None:
    path, stranger = path_of(press.share(site, KEY)), visitor(site)
    person = signed_in(site)
    with unchanged(site):
        for seen in (path, f"{path}/mail", "/share/x"):
            stranger.get(seen)
        for seen in (HERE, f"/editions/{KEY}/grid", f"/editions/{KEY}/compare"):
            assert person.get(seen).status_code == 200


def test_whatever_is_wrong_with_a_link_the_page_is_the_same(site: Site) -> None:
    good, ended, short = (press.share(site, KEY, lasts=timedelta(hours=hours)) for hours in (48, 48, 1))
    press.unshare(site, KEY, no=ended.no)
    forward(site, hours=2)
    stranger = visitor(site)
    assert stranger.get(path_of(good)).status_code == 200
    paths = [
        path_of(ended),
        path_of(short),
        "/share/x",
        f"{path_of(good)}?segment=mars",
        path_of(good)[:-1],
        "/share/%00",
    ]
    pages = {stranger.get(path).text for path in paths} | {stranger.get(f"{path_of(ended)}/mail").text}
    press.abort(site, KEY, "Omar", "no")
    pages |= {stranger.get(path_of(good)).text}
    assert len(pages) == 1
    assert "This link shows nothing." in pages.pop()
    assert stranger.get("/share/x").status_code == 404


def test_a_link_into_an_edition_that_cannot_be_rendered_tells_a_stranger_nothing_of_why(site: Site) -> None:
    path = path_of(press.share(site, KEY))
    for file in (site.settings.templates / "briefing").rglob("*.mjml"):
        file.write_text(file.read_text(encoding="utf-8") + "{{ nothing_of_the_kind }}", encoding="utf-8")
    answer = visitor(site).get(path)
    assert answer.status_code == 404
    assert "nothing_of_the_kind" not in answer.text


def test_a_link_is_of_its_edition_alone_and_every_process_reads_it(site: Site) -> None:
    made = press.share(site, KEY)
    other = Site(site.settings, site.database, site.clock)
    assert press.shared_mail(other, made.url.rpartition("/")[2]).date.isoformat() == "2026-11-23"
    with pytest.raises(NotFound, match="no link 99 that works"):
        press.unshare(site, KEY, no=99)
    with pytest.raises(NotFound):
        press.shared_mail(site, site.tokens.seal("else", f"{made.no:x}.{int(made.expires_at.timestamp()):x}"))


def test_a_seal_of_ours_over_nonsense_shows_nothing(site: Site) -> None:
    press.share(site, KEY)
    for words in ("", "0", "x", "1.2.3", "1.zz", "ffffffffffffffff.ffffffffffffffff", "1.0"):
        with pytest.raises(NotFound):
            press.shared_mail(site, site.tokens.seal("share", words))


def test_a_link_that_is_too_long_or_one_too_many_is_refused(site: Site) -> None:
    for lasts in (timedelta(minutes=1), timedelta(days=15)):
        with pytest.raises(Refused, match="5m at least and 14d at most"):
            press.share(site, KEY, lasts=lasts)
    person = signed_in(site)
    assert person.post(HERE, **{"for": "long"}).status_code == 409
    for _ in range(MOST):
        press.share(site, KEY)
    with pytest.raises(Refused, match="20 links that work"):
        press.share(site, KEY)
    assert press.unshare(site, KEY) == MOST
    press.share(site, KEY)


def test_an_edition_that_is_over_or_has_nothing_to_show_is_not_shared(site: Site) -> None:
    press.abort(site, KEY, "Omar", "no")
    with pytest.raises(WrongState, match="cannot be shared"):
        press.share(site, KEY)
    assert "Only an edition that is still to go out" in signed_in(site).get(HERE).text


def test_links_and_copies_are_kept_by_every_database(database: Database, tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", database, FixedClock())
    press.assemble(site, "morning")
    first, second = press.share(site, KEY, "Edith"), press.share(site, KEY, "Edith")
    assert press.unshare(site, KEY, "Omar", first.no) == 1
    assert [(one.no, one.works, one.ended_by) for one in press.shares(site, KEY)] == [
        (second.no, True, ""),
        (first.no, False, "Omar"),
    ]
    assert press.shared_mail(site, second.url.rpartition("/")[2], "world").segment == "world"
    made = press.send_copy(site, KEY, "edith@example.org", "europe", "Edith")
    assert press.copies(site, KEY) == (made,)
    assert made.result == "accepted"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, _newest: Path) -> tuple[str, Callable[[str], bool]]:
    """A token that works, and whether any other one does."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "n.db").write_bytes(_newest.read_bytes())
    site = make_site(folder / "site", Database(f"sqlite:///{folder / 'n.db'}"), FixedClock())
    press.assemble(site, "morning")

    def works(token: str) -> bool:
        try:
            press.shared_mail(site, token)
        except NotFound:
            return False
        return True

    return press.share(site, KEY).url.rpartition("/")[2], works


@settings(max_examples=150)
@given(at=st.integers(0, 60), put=st.text("abcdef0123456789.-_AZz\u0660\x00", max_size=3), take=st.integers(0, 3))
def test_a_link_that_was_tampered_with_shows_nothing(
    shown: tuple[str, Callable[[str], bool]], at: int, put: str, take: int
) -> None:
    token, works = shown
    at %= len(token) + 1
    other = token[:at] + put + token[at + take :]
    assert works(other) == (other == token)


@settings(max_examples=50)
@given(token=st.text(max_size=80))
def test_a_link_that_was_made_up_shows_nothing(shown: tuple[str, Callable[[str], bool]], token: str) -> None:
    assert not shown[1](token)
