"""The Send tab and what stands behind its buttons, as a browser without script sees them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from newsletter import press
from newsletter.accounts import Role
from newsletter.database import Database
from newsletter.editions.overrides import set_override
from newsletter.editions.store import find
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from newsletter.web.headers import MAIL_POLICY
from tests.desk import Visitor, signed_in
from tests.sites import make_site

KEY = "morning/2026-11-23"
SEND = f"/editions/{KEY}/send"


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    made = make_site(tmp_path / "site", on_sqlite, FixedClock())
    press.assemble(made, "morning")
    return made


def words(person: Visitor, path: str = SEND) -> str:
    response = person.get(path)
    assert response.status_code == 200, response.text
    return " ".join(response.text.split())


def state(site: Site) -> str:
    return press.standing(site, KEY, checked=False).state


def looked_at(person: Visitor) -> str:
    return person.page.split('name="looked_at" value="')[1].split('"')[0]


def test_it_says_in_one_sentence_a_segment_what_will_happen_beside_the_mail(site: Site) -> None:
    person = signed_in(site, role=Role.VIEWER)
    page = words(person)
    assert (
        "To <strong>Europe</strong>, <strong>2 readers</strong>, through <strong>outbox</strong>, at <strong>" in page
    )
    assert "06:00</time></strong> Berlin" in page
    assert 'src="/editions/morning/2026-11-23/preview/mail?segment=europe"' in page
    assert "Approve this" not in page
    mail = person.get("/editions/morning/2026-11-23/preview/mail", params={"segment": "world"})
    assert mail.headers["content-security-policy"] == MAIL_POLICY
    assert "olives" in mail.text
    assert person.get("/editions/morning/2026-11-23/preview/mail", params={"segment": "moon"}).status_code == 404


def test_an_approval_is_the_signed_in_persons_and_a_change_voids_it_and_is_named(site: Site) -> None:
    person = signed_in(site)
    words(person)
    assert person.post(f"{SEND}/approve", looked_at=looked_at(person)).headers["location"] == SEND
    page = words(person)
    assert "Approved by Edith" in page
    with site.database.writing() as session:
        set_override(session, find(session, KEY), site.briefing("morning"), "headline", "ferry",
                     clock=site.clock, by="Omar", text="The <3 ferry is back")  # fmt: skip
    page = words(person)
    assert "The approval of Edith is void" in page
    assert "Changed after it was approved: headline of ferry, by Omar" in page
    assert "The headline of ferry is “The &lt;3 ferry is back”, and was “" in page
    person.post(f"{SEND}/approve", looked_at=looked_at(person))
    assert "Approved by Edith" in words(person)
    assert person.post(f"{SEND}/withdraw").status_code == 303
    assert "The approval was withdrawn, by Edith" in words(person)


def test_what_changed_while_somebody_looked_is_not_approved(site: Site) -> None:
    person = signed_in(site)
    words(person)
    before = looked_at(person)
    with site.database.writing() as session:
        set_override(session, find(session, KEY), site.briefing("morning"), "headline", "ferry",
                     clock=site.clock, by="Omar", text="Another")  # fmt: skip
    response = person.post(f"{SEND}/approve", looked_at=before)
    assert response.status_code == 409
    assert "was changed while you looked at it" in response.text
    assert state(site) == "ready"
    assert person.post(f"{SEND}/approve").status_code == 409, "without what was looked at"


def test_an_unusual_number_of_readers_is_typed(site: Site, tmp_path: Path) -> None:
    asyncio.run(press.send(site, KEY))
    site.clock.advance(86400)  # type: ignore[attr-defined]
    more = "email,country\n" + "".join(f"r{n}@example.org,DE\n" for n in range(30))
    site = make_site(tmp_path / "other", site.database, site.clock, readers=more)
    with site.database.writing() as session:
        for number in range(3):
            store(session, f"new-{number}", now=site.clock.now())
    key = press.assemble(site, "morning").key
    person, path = signed_in(site), f"/editions/{key}/send"
    page = words(person, path)
    assert "It would go to 34 readers, where 4 are usual." in page
    for typed in ("", "4", "x", "٣٤"):
        response = person.post(f"{path}/approve", looked_at=looked_at(person), readers=typed)
        assert response.status_code == 409, typed
        assert "would go to 34 readers" in response.text
    assert person.post(f"{path}/approve", looked_at=looked_at(person), readers=" 34 ").status_code == 303
    assert "Approved by Edith" in words(person, path)


def test_what_blocks_is_shown_in_place_of_the_button(site: Site) -> None:
    with site.database.writing() as session:
        set_override(session, find(session, KEY), site.briefing("morning"), "headline", "harbour",
                     clock=site.clock, text="TK the harbour")  # fmt: skip
    person = signed_in(site)
    page = words(person)
    assert "blocks it" in page
    assert "Approve this" not in page
    response = person.post(f"{SEND}/approve", looked_at="x")
    assert (response.status_code, "cannot go out like this" in response.text) == (409, True)


def test_a_send_is_begun_paused_resumed_held_released_and_aborted(site: Site) -> None:
    """Each by its role, and each says how many messages are on the wire."""
    editor, operator = signed_in(site), signed_in(site, "Omar", Role.OPERATOR)
    words(editor)
    for deed in ("now", "pause", "resume", "abort"):
        assert editor.post(f"{SEND}/{deed}").status_code == 403, deed
    words(operator)
    assert operator.post(f"{SEND}/now").status_code == 303
    assert state(site) == "sending"
    assert operator.post(f"{SEND}/pause", reason="a wrong name").status_code == 303
    page = words(operator)
    assert "Paused. No message is on the wire, and none goes out." in page
    assert "Paused: a wrong name" in page
    assert operator.post(f"{SEND}/resume").status_code == 303
    words(editor)
    assert editor.post(f"{SEND}/hold", reason="wait").status_code == 303
    assert state(site) == "held"
    assert editor.post(f"{SEND}/release").status_code == 403, "it would let it go out"
    assert operator.post(f"{SEND}/release").status_code == 303
    assert state(site) == "sending"
    words(operator)
    refused = operator.post(f"{SEND}/abort", confirm="yes", reason="wrong")
    assert (refused.status_code, state(site)) == (409, "sending")
    assert f"write {KEY} into the field" in refused.text
    assert operator.post(f"{SEND}/abort", confirm=KEY, reason="wrong").status_code == 303
    assert "Aborted, and withdrawn from 4 readers." in words(operator)
    with site.database.reading() as session:
        assert find(session, KEY).reason == "wrong"
    assert operator.post(f"{SEND}/pause").status_code == 409


def test_who_did_what_stands_in_the_history(site: Site) -> None:
    operator = signed_in(site, "Omar", Role.OPERATOR)
    words(operator)
    operator.post(f"{SEND}/approve", looked_at=looked_at(operator))
    operator.post(f"{SEND}/now")
    changes = press.changes(site, site.clock.now().replace(year=2025)).listed
    assert {(one.what, one.by) for one in changes if one.kind == "edition"} >= {
        ("became approved", "Omar"), ("became locked", "Omar"), ("became sending", "Omar"),
    }  # fmt: skip
