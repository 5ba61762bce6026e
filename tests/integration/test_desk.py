"""The desk as a browser without script sees it: who gets in, what is refused, what every answer says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import press
from newsletter.accounts import Role, attempts, signin, tokens, users
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.errors import ConfigError
from newsletter.press import Site
from newsletter.testing import FixedClock
from newsletter.testing.stories import store
from newsletter.web import stream
from newsletter.web.app import TOPICS
from newsletter.web.headers import PAGE_POLICY
from newsletter.web.routing import PUBLIC, Pages
from tests.desk import PASSWORD, Answering, account, signed_in, visitor
from tests.sites import CONFIG, make_site

ENDPOINTS = [endpoint for topic in TOPICS for endpoint in topic.endpoints]
TODAY = "/editions/morning/2026-11-23"
FOR_ALL = {
    ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/first/{token}"), ("POST", "/first/{token}"),
    ("GET", "/share/{token}"), ("GET", "/share/{token}/mail"),
}  # fmt: skip
"""What nobody needs a role for. A page that is added here wants a reason: one shares an edition with somebody who has no
account."""
OWN = {"/sign-out", "/looked", "/me/sessions/{session}/end", "/me/sessions/end", "/me/password"}
"""Where a viewer may send a form, since it changes what is their own and nothing else."""


@pytest.fixture(autouse=True)
def _no_stream_lasts_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here an answer is read to its end."""
    monkeypatch.setattr("newsletter.press.linkcheck.Guard", Answering)
    monkeypatch.setattr(stream, "_LOOKS", 1)
    monkeypatch.setattr(stream, "SECONDS", 0.0)


@pytest.fixture
def site(on_sqlite: Database, tmp_path: Path) -> Site:
    """A site with this morning's edition, on a clock that the tests move."""
    made = make_site(tmp_path / "site", on_sqlite, FixedClock())
    press.assemble(made, "morning")
    return made


def at(path: str) -> str:
    """A path of the route table with something in its place."""
    values = {"{briefing}": "morning", "{date}": "2026-11-23", "{token}": "x", "{session}": "99", "{number}": "99"}
    for name, value in values.items():
        path = path.replace(name, value)
    return path.replace("{", "").replace("}", "")


def test_every_page_needs_a_role_or_is_meant_for_all() -> None:
    assert {(one.method, one.path) for one in ENDPOINTS if one.role is PUBLIC} == FOR_ALL
    assert {one.path for one in ENDPOINTS if one.own} == OWN


def test_a_page_that_changes_something_cannot_be_given_to_viewers_by_mistake() -> None:
    with pytest.raises(ValueError, match="viewers change nothing"):
        Pages().post("/somewhere", Role.VIEWER)


def test_nobody_gets_any_page_without_signing_in(site: Site) -> None:
    stranger = visitor(site)
    stranger.get("/sign-in")
    for one in ENDPOINTS:
        if one.role is PUBLIC:
            continue
        response = stranger.post(at(one.path)) if one.method == "POST" else stranger.get(at(one.path))
        assert response.status_code == 303, one
        assert response.headers["location"].startswith("/sign-in"), one


@pytest.mark.parametrize("role", list(Role))
def test_a_role_gets_what_it_covers_and_is_refused_the_rest(role: Role, site: Site) -> None:
    """A viewer is so refused whatever changes an edition or an account; what is theirs is not refused for the role."""
    person = signed_in(site, "Rita", role)
    for one in ENDPOINTS:
        if one.role is PUBLIC or one.path == "/sign-out":
            continue
        response = person.post(at(one.path)) if one.method == "POST" else person.get(at(one.path))
        if role.covers(one.role):
            assert response.status_code not in (401, 403, 500), one
        else:
            assert response.status_code == 403, one
            assert f"this needs the role {one.role}, and Rita is {role}" in response.text


def test_every_answer_has_the_headers_that_keep_others_out(site: Site) -> None:
    person = signed_in(site, role=Role.ADMIN)
    stranger = visitor(site)
    asked = [person.get(at(one.path)) for one in ENDPOINTS if one.method == "GET"]
    asked += [
        stranger.get("/sign-in"),
        stranger.get("/"),
        stranger.get("/nothing"),
        person.ask("PUT", "/"),
        person.post("/looked", token="x"),
    ]
    for response in asked:
        # A mail has its own policy, and a message its own bytes: tests/integration/test_desk_preview.py.
        if response.url.path.endswith(("/mail", ".eml")):
            continue
        assert response.headers["content-security-policy"] == PAGE_POLICY, response
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["cache-control"] == "no-store"
        assert "style=" not in response.text
        assert "<style" not in response.text
        assert "http://" not in response.text
        assert "https://" not in response.text


def test_our_own_files_are_kept_by_the_browser_and_their_addresses_change_with_them(site: Site) -> None:
    person = visitor(site)
    page = person.get("/sign-in").text
    for part in page.split('"'):
        if part.startswith("/static/"):
            response = person.get(part)
            assert response.status_code == 200
            assert "immutable" in response.headers["cache-control"]
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "?v=" in part
    assert person.get("/static/../app.py").status_code == 404
    assert person.get("/static/%2e%2e/app.py").status_code == 404


def test_a_person_signs_in_goes_where_they_wanted_to_and_signs_out(site: Site) -> None:
    account(site, "Edith", Role.ADMIN)
    person = visitor(site)
    first = person.get("/users")
    assert first.headers["location"] == "/sign-in?next=/users"
    person.get(first.headers["location"])
    response = person.post("/sign-in", name="edith", password=PASSWORD, next="/users")
    assert (response.status_code, response.headers["location"]) == (303, "/users")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert person.get("/users").status_code == 200
    before = dict(person.cookies)
    assert person.post("/sign-out").headers["location"] == "/sign-in"
    assert "You are signed out." in person.get("/sign-in").text
    assert "You are signed out." not in person.get("/sign-in").text
    person.cookies.update(before)
    assert person.get("/").status_code == 303, "the old cookie opens nothing"


@pytest.mark.parametrize(
    "onward", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\r\nb", "x" * 600, ""]
)
def test_after_signing_in_nobody_is_led_to_another_site(onward: str, site: Site) -> None:
    account(site, "Edith", Role.EDITOR)
    person = visitor(site)
    person.get("/sign-in", params={"next": onward})
    assert "evil" not in person.page
    assert person.post("/sign-in", name="Edith", password=PASSWORD, next=onward).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_page(site: Site) -> None:
    account(site, "Edith", Role.EDITOR)
    pages = []
    for name in ("Edith", "Nobody"):
        person = visitor(site)
        person.get("/sign-in")
        response = person.post("/sign-in", name=name, password="wrong")
        assert response.status_code == 401
        assert "form_token" in response.text
        words = person.page.replace(name, "NAME")
        pages.append([line for line in words.splitlines() if "form_token" not in line])
    assert pages[0] == pages[1]
    assert "do not belong together" in "".join(pages[0])


def test_too_many_attempts_are_told_and_outlast_a_restart(site: Site) -> None:
    account(site, "Edith", Role.EDITOR)
    with site.database.writing() as session:
        for _ in range(attempts.BY_NAME):
            attempts.count_one(session, "Edith", "127.0.0.1", site.clock.now())
    person = visitor(site)
    person.get("/sign-in")
    response = person.post("/sign-in", name="Edith", password=PASSWORD)
    assert response.status_code == 429
    assert "wait a quarter of an hour" in response.text


def test_a_form_without_the_token_of_its_session_is_refused(site: Site) -> None:
    person, other = signed_in(site, role=Role.ADMIN), signed_in(site, "Omar", Role.ADMIN)
    stolen = other.page.split('name="form_token" value="')[1].split('"')[0]
    for token in ("", "0" * 48, stolen, "ü"):
        response = person.post("/users/disable", token=token, name="Omar")
        assert response.status_code == 403, token
        assert "did not come from a page of this desk" in response.text
    stranger = visitor(site)
    assert stranger.post("/sign-in", token=stolen, name="Edith", password=PASSWORD).status_code == 403
    with site.database.reading() as session:
        assert users.find(session, "Omar").disabled_at is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8025"}, 303),
        ({"origin": "http://127.0.0.1:8025"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8026"}, 403),
    ],
)
def test_a_form_of_another_site_is_refused_even_with_the_token(
    headers: dict[str, str], status: int, site: Site
) -> None:
    assert signed_in(site).post("/me/sessions/end", headers=headers).status_code == status


def test_a_script_acts_by_its_token_without_a_forms_token_and_within_its_role(site: Site) -> None:
    made = {role: tokens.make(site.database, role, role, site.clock.now()) for role in (Role.VIEWER, Role.ADMIN)}
    account(site, "Omar", Role.EDITOR)
    admin, viewer = (visitor(site, authorization=f"Bearer {made[role]}") for role in (Role.ADMIN, Role.VIEWER))
    assert admin.get("/").status_code == 200
    assert admin.post("/users/disable", token="", name="Omar").status_code == 303
    assert viewer.get(f"{TODAY}/checks").status_code == 200
    refused = viewer.post("/users/disable", token="", name="Omar")
    assert (refused.status_code, list(refused.json())) == (403, ["error"])
    assert admin.get("/me").status_code == 409, "a token has no account of its own"
    tokens.end(site.database, "admin", site.clock.now())
    response = admin.get("/")
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


def test_a_bearer_token_that_is_not_known_is_not_made_good_by_a_cookie(site: Site) -> None:
    person = signed_in(site)
    assert person.get("/", headers={"authorization": "Bearer nl_wrong"}).status_code == 401


def test_the_first_link_makes_an_admin_who_is_signed_in_and_then_is_gone(site: Site) -> None:
    token = signin.first_link(site.database, site.clock.now())
    person = visitor(site)
    assert "Nobody has an account yet" in person.get("/sign-in").text
    assert person.get(f"/first/{token}").status_code == 200
    wrong = person.post(f"/first/{token}", name="Omar", password=PASSWORD, again="another")
    assert (wrong.status_code, "are not the same" in wrong.text, 'value="Omar"' in wrong.text) == (422, True, True)
    assert PASSWORD not in wrong.text
    assert person.post(f"/first/{token}", name="Omar", password=PASSWORD, again=PASSWORD).status_code == 303
    assert "This desk is yours, Omar." in person.get("/").text
    assert person.get("/users").status_code == 200
    second = visitor(site)
    assert second.get(f"/first/{token}").status_code == 404
    second.get("/sign-in")
    assert second.post(f"/first/{token}", name="Eve", password=PASSWORD, again=PASSWORD).status_code == 404
    assert "Nobody has an account yet" not in second.get("/sign-in").text


def test_people_end_their_own_sessions_one_or_all_others(site: Site) -> None:
    here = signed_in(site)
    there = visitor(site, **{"user-agent": "Another <b>browser</b>"})
    there.get("/sign-in")
    there.post("/sign-in", name="Edith", password=PASSWORD)
    page = here.get("/me").text
    assert "Another &lt;b&gt;browser" in page
    path = next(part for part in page.split('"') if part.startswith("/me/sessions/") and part != "/me/sessions/end")
    assert here.post(path).status_code == 303
    assert there.get("/").status_code == 303, "it was ended"
    assert here.post(path).status_code == 404
    assert here.post("/me/sessions/99999999999999999999/end").status_code == 404
    there.get("/sign-in")
    there.post("/sign-in", name="Edith", password=PASSWORD)
    here.get("/me")
    here.post("/me/sessions/end")
    assert "1 other session ended." in here.get("/me").text
    assert there.get("/").status_code == 303


def test_a_new_password_wants_the_old_one_and_ends_every_other_session(site: Site) -> None:
    here, new = signed_in(site), "another harbour at seven"
    there = visitor(site)
    there.get("/sign-in")
    there.post("/sign-in", name="Edith", password=PASSWORD)
    assert here.post("/me/password", password="wrong", new=new, again=new).status_code == 409
    assert here.post("/me/password", password=PASSWORD, new="short", again="short").status_code == 422
    assert here.post("/me/password", password=PASSWORD, new=new, again=new).status_code == 303
    assert here.get("/me").status_code == 200
    assert there.get("/me").status_code == 303


def test_an_admin_makes_accounts_gives_roles_and_disables(site: Site) -> None:
    admin = signed_in(site, "Omar", Role.ADMIN)
    assert admin.post("/users", name="Rita", role="viewer", password=PASSWORD).status_code == 303
    assert admin.post("/users", name="rita", role="viewer", password=PASSWORD).status_code == 409
    assert admin.post("/users", name="Edith", role="emperor", password=PASSWORD).status_code == 409
    assert admin.post("/users", name="Edith", role="editor", password="short").status_code == 422
    assert admin.post("/users/role", name="Rita", role="editor").status_code == 303
    assert admin.post("/users/disable", name="Omar").status_code == 409
    assert admin.post("/users/disable", name="Rita").status_code == 303
    assert admin.post("/users/disable", name="Nobody").status_code == 404
    page = admin.get("/users").text
    assert "Rita" in page
    assert "disabled" in page
    assert admin.post("/users/enable", name="Rita").status_code == 303


def test_a_role_that_is_taken_away_counts_from_the_next_click(site: Site) -> None:
    person = signed_in(site, "Edith", Role.ADMIN)
    account(site, "Omar", Role.ADMIN)
    assert person.get("/users").status_code == 200
    users.set_role(site.database, "Edith", Role.VIEWER)
    assert person.get("/users").status_code == 403
    users.disable(site.database, "Edith", site.clock.now())
    assert person.get("/").status_code == 303


def test_today_shows_the_clock_the_readers_and_what_comes_next(site: Site) -> None:
    page = " ".join(signed_in(site).get("/").text.split())
    for words in ("Morning Briefing", "Monday, 23 November 2026", "assembled", "locks", "05:45", "06:00",
                  "<strong>4</strong> readers", "It locks at", "Tuesday, 24 November 2026", "planned"):  # fmt: skip
        assert words in page, words
    assert f'href="{TODAY}"' in page


def test_today_shows_what_blocks_an_edition(site: Site) -> None:
    with site.database.writing() as session:
        store(session, "draft", headline="TK the harbour", now=site.clock.now(), priority=1)
    press.assemble(site, "morning")
    person = signed_in(site)
    page = person.get("/").text
    assert "It cannot go out like this" in page
    assert "TK" in page
    checks = person.get(f"{TODAY}/checks").text
    assert "tripwires" in checks
    assert "blocks" in checks
    for finding in press.check(site, "morning/2026-11-23"):
        press.override(site, "morning/2026-11-23", finding.code, "Edith", "TK is a ship.", finding.where)
    assert "by Edith: TK is a ship." in person.get(f"{TODAY}/checks").text
    assert "It cannot go out like this" not in person.get("/").text


def test_the_checks_of_an_edition_that_is_on_its_way_have_nothing_to_say(site: Site) -> None:
    person = signed_in(site)
    assert "Nothing found" in person.get(f"{TODAY}/checks").text
    assert "count" not in person.get(f"{TODAY}/checks/count").text
    press.lock(site, "morning/2026-11-23")
    assert "This one is locked." in person.get(f"{TODAY}/checks").text
    assert "Frozen; it sends at" in person.get(TODAY).text


def test_an_edition_that_cannot_be_rendered_says_why(site: Site) -> None:
    template = site.settings.templates / "briefing"
    for file in template.rglob("*.mjml"):
        file.write_text(file.read_text(encoding="utf-8") + "{{ nothing_of_the_kind }}", encoding="utf-8")
    person = signed_in(site)
    for path in ("/", TODAY, f"{TODAY}/checks"):
        page = person.get(path)
        assert page.status_code == 200, path
        assert "It cannot be rendered" in page.text, path


def test_a_held_edition_is_checked_and_the_number_stands_at_the_tab(site: Site) -> None:
    with site.database.writing() as session:
        store(session, "draft", headline="TK the harbour", now=site.clock.now(), priority=1)
    press.assemble(site, "morning")
    press.hold(site, "morning/2026-11-23", "Omar", "wait")
    person = signed_in(site)
    assert "tripwires" in person.get(f"{TODAY}/checks").text
    fragment = person.get(f"{TODAY}/checks/count").text
    assert 'class="count bad"' in fragment
    assert "<html" not in fragment


def test_today_shows_what_changed_until_it_was_seen(site: Site) -> None:
    person = signed_in(site)
    clock = site.clock
    assert isinstance(clock, FixedClock)
    assert "Nothing has changed" in person.get("/").text
    clock.advance(timedelta(minutes=1))
    press.hold(site, "morning/2026-11-23", "Omar", "<b>the lead</b>")
    with site.database.writing() as session:
        store(session, "night-train", headline="The night train", now=clock.now())
    page = person.get("/").text
    assert "became held: &lt;b&gt;the lead&lt;/b&gt;" in page
    assert "by Omar" in page
    assert "The night train" in page
    assert person.get("/").text == page, "looking changes nothing"
    until = page.split('name="until" value="')[1].split('"')[0]
    assert person.post("/looked", until=until).status_code == 303
    assert "Nothing has changed" in person.get("/").text
    for nonsense in ("", "yesterday", "2026-11-23"):
        assert person.post("/looked", until=nonsense).status_code == 409


def test_an_edition_that_was_held_yesterday_is_still_shown(site: Site) -> None:
    press.hold(site, "morning/2026-11-23", "Omar", "wait")
    clock = site.clock
    assert isinstance(clock, FixedClock)
    person = signed_in(site)
    clock.advance(timedelta(days=1))
    page = person.get("/").text
    assert "Held: wait. Somebody has to release or abort it." in page
    assert "Tuesday, 24 November 2026" in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/editions/evening/2026-11-23", 404),
        ("/editions/morning/2026-11-24", 404),
        ("/editions/morning/2026-02-30", 404),
        ("/editions/morning/..%2f..%2fetc", 404),
        ("/editions/%00/%00", 404),
        ("/nothing", 404),
        ("//evil.example", 404),
        ("/me/", 404),
        ("/first/x", 404),
    ],
)
def test_an_address_of_nothing_gets_a_page_that_says_so(path: str, status: int, site: Site) -> None:
    response = signed_in(site).get(f"http://127.0.0.1:8025{path}")
    assert response.status_code == status
    assert 'href="#main"' in response.text
    assert response.headers["content-type"].startswith("text/html")


def test_a_method_that_a_page_has_not_is_told_with_those_that_it_has(site: Site) -> None:
    response = signed_in(site).ask("DELETE", "/me")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert "Not in this way" in response.text


def test_a_head_request_is_answered_like_a_get(site: Site) -> None:
    assert signed_in(site).ask("HEAD", "/").status_code == 200


def test_a_form_that_is_too_large_or_none_is_refused(site: Site) -> None:
    person = signed_in(site)
    assert person.post("/looked", until="x" * 2_000_000).status_code == 413
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body, headers in (
        (b"{}", {"content-type": "application/json"}),
        (b"a=%ff", form),
        (b"a=%00", form),
        (b"a&" * 3000, form),
    ):
        assert person.ask("POST", "/looked", content=body, headers=headers).status_code == 415


def test_a_page_that_breaks_off_says_so_and_tells_nothing_of_why(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(press, "desks", broken)
    response = signed_in(site).get("/")
    assert response.status_code == 500
    assert "swordfish" not in response.text
    assert "This page broke off" in response.text
    assert "swordfish" in caplog.text


def test_a_program_gets_an_error_as_json(site: Site) -> None:
    response = signed_in(site).get("/editions/morning/2026-11-24", headers={"accept": "application/json"})
    assert response.status_code == 404
    assert "there is no edition morning/2026-11-24" in response.json()["error"]


def test_behind_https_the_cookies_are_for_https_alone(on_sqlite: Database, tmp_path: Path) -> None:
    config = CONFIG.replace("briefings:", "web: {base_url: 'https://desk.example.org'}\nbriefings:")
    site = make_site(tmp_path / "site", on_sqlite, FixedClock(), config=config)
    account(site, "Edith", Role.EDITOR)
    person = visitor(site)
    first = person.get("https://desk.example.org/sign-in")
    assert "Secure" in first.headers["set-cookie"]
    response = person.post(
        "https://desk.example.org/sign-in",
        name="Edith",
        password=PASSWORD,
        headers={"origin": "https://desk.example.org"},
    )
    assert response.headers["set-cookie"].startswith("__Host-newsletter=")
    assert "Secure" in response.headers["set-cookie"]
    assert "Path=/" in response.headers["set-cookie"]


@pytest.mark.parametrize(
    ("web", "words"),
    [
        ("{port: 0}", "web.port"),
        ("{base_url: 'desk.example.org'}", "write for example https://desk.example.org"),
        ("{base_url: 'https://desk.example.org/path'}", "without a path"),
        ("{proxies: [proxy]}", "write for example 10.0.0.5"),
    ],
)
def test_a_desk_that_cannot_be_is_told_by_the_configuration(web: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + f"web: {web}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        load_settings(tmp_path / "config.yaml", {})


@pytest.fixture(scope="module")
def ask_anything(tmp_path_factory: pytest.TempPathFactory, _newest: Path) -> Callable[[str, str, bytes], int]:
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "n.db").write_bytes(_newest.read_bytes())
    site = make_site(folder / "site", Database(f"sqlite:///{folder / 'n.db'}"), FixedClock())
    press.assemble(site, "morning")
    person = signed_in(site, "Omar", Role.ADMIN)
    token = person.page.split('name="form_token" value="')[1].split('"')[0]

    def ask(method: str, path: str, body: bytes) -> int:
        if method == "GET":
            return person.get("http://127.0.0.1:8025/" + path).status_code
        content = b"form_token=" + token.encode() + b"&" + body
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return person.ask("POST", "http://127.0.0.1:8025/" + path, content=content, headers=headers).status_code

    return ask


_PATHS = st.one_of(
    st.from_regex(r"[!-~]{0,40}", fullmatch=True),
    st.sampled_from([at(one.path)[1:] for one in ENDPOINTS if one.path != "/sign-out"]),
    st.builds(
        "editions/{}/{}".format,
        st.from_regex(r"[!-~]{1,12}", fullmatch=True),
        st.from_regex(r"[0-9-]{1,12}", fullmatch=True),
    ),
)


@settings(max_examples=80)
@given(
    method=st.sampled_from(["GET", "POST"]),
    path=_PATHS,
    query=st.from_regex(r"(\?[!-~]{0,30})?", fullmatch=True),
    body=st.binary(max_size=60),
)
def test_no_address_and_no_form_breaks_a_page(
    ask_anything: Callable[[str, str, bytes], int], method: str, path: str, query: str, body: bytes
) -> None:
    assert ask_anything(method, path + query, body) < 500
