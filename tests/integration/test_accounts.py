"""Accounts of the desk, on both databases: who may sign in, how often one may guess, and when a session is over."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts import Role, attempts, passwords, sessions, signin, tokens, users
from newsletter.accounts.models import ApiToken, DeskSession, FirstLink, SignInAttempt, User
from newsletter.accounts.passwords import BadPassword
from newsletter.accounts.secrets import form_token, is_form_token
from newsletter.accounts.signin import WrongPassword
from newsletter.database import Database
from newsletter.errors import NotFound, Refused
from newsletter.testing import FixedClock
from tests.desk import PASSWORD, hashed


def make(database: Database, clock: FixedClock, name: str = "Edith", role: Role = Role.EDITOR) -> int:
    with database.writing() as session:
        return users.make(session, name, role, hashed(), clock.now()).id


def sign_in(
    database: Database, clock: FixedClock, name: str = "Edith", password: str = PASSWORD, address: str = "192.0.2.1"
) -> str:
    return signin.sign_in(database, name, password, clock.now(), address=address, agent="a test")


def test_a_person_signs_in_by_a_name_in_any_case_and_is_known_by_the_token(
    database: Database, clock: FixedClock
) -> None:
    user = make(database, clock, "Edith Vané")
    found = sessions.use(database, sign_in(database, clock, " EDITH VANÉ "), clock.now())
    assert found is not None
    assert (found.user_id, found.user.name, found.agent, found.address) == (user, "Edith Vané", "a test", "192.0.2.1")
    assert sessions.use(database, "another token", clock.now()) is None


def test_a_wrong_password_an_unknown_name_and_a_disabled_account_are_told_alike(
    database: Database, clock: FixedClock
) -> None:
    make(database, clock, "Omar", Role.ADMIN)
    make(database, clock)
    make(database, clock, "Rita")
    users.disable(database, "Rita", clock.now())
    told = set()
    for name, password in (
        ("Edith", "not the password"),
        ("Nobody", PASSWORD),
        ("Rita", PASSWORD),
        ("", ""),
        ("x" * 9000, "y" * 9000),
    ):
        with pytest.raises(WrongPassword) as caught:
            sign_in(database, clock, name, password)
        told.add(str(caught.value))
    assert len(told) == 1


def test_an_unknown_name_costs_a_whole_hash_as_a_known_one_does(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(database, clock)
    verified = []
    real = passwords._HASHER.verify

    class Counting:
        hash = passwords._HASHER.hash

        def verify(self, kept: str, password: str) -> bool:
            verified.append(kept.split("$")[1:4])
            return bool(real(kept, password))

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    for name in ("Edith", "Nobody"):
        with pytest.raises(WrongPassword):
            sign_in(database, clock, name, "not the password")
    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_guessing_at_one_name_ends_after_ten_and_begins_again_after_a_quarter_of_an_hour(
    database: Database, clock: FixedClock
) -> None:
    make(database, clock)
    _attempt(database, clock, "edith", attempts.BY_NAME, address="192.0.2.{}")
    for password in ("wrong", PASSWORD):
        with pytest.raises(attempts.TooOften):
            sign_in(database, clock, password=password, address="198.51.100.7")
    clock.advance(attempts.WINDOW)
    assert sign_in(database, clock)
    with database.reading() as session:
        assert session.scalars(select(SignInAttempt)).all() == []


def test_guessing_at_many_names_from_one_address_ends_after_thirty(database: Database, clock: FixedClock) -> None:
    make(database, clock)
    for number in range(attempts.BY_ADDRESS):
        _attempt(database, clock, f"name {number}", 1, address="192.0.2.1")
    with pytest.raises(attempts.TooOften):
        sign_in(database, clock)
    assert sign_in(database, clock, address="192.0.2.2")


def _attempt(database: Database, clock: FixedClock, name: str, times: int, *, address: str) -> None:
    with database.writing() as session:
        for number in range(times):
            attempts.count_one(session, name, address.format(number), clock.now())


def test_what_was_typed_as_a_name_is_not_kept(database: Database, clock: FixedClock) -> None:
    with pytest.raises(WrongPassword):
        sign_in(database, clock, "my secret password", "Edith")
    with database.reading() as session:
        [kept] = session.scalars(select(SignInAttempt)).all()
    assert b"secret" not in kept.name_hash
    assert b"192" not in kept.address_hash


def test_a_new_password_ends_all_sessions_and_forgives_the_attempts(database: Database, clock: FixedClock) -> None:
    make(database, clock)
    token = sign_in(database, clock)
    _attempt(database, clock, "edith", attempts.BY_NAME, address="192.0.2.{}")
    users.set_password(database, "edith", "quite another password", clock.now())
    assert sessions.use(database, token, clock.now()) is None
    assert sign_in(database, clock, password="quite another password")


@pytest.mark.parametrize("password", ["short", "a" * 40, "Edith Vane Edith", "x" * 300, "            "])
def test_a_password_that_is_short_or_easy_is_refused(password: str, database: Database, clock: FixedClock) -> None:
    with pytest.raises(BadPassword):
        users.add(database, "Edith Vane Edith", Role.EDITOR, password, clock.now())


@pytest.mark.parametrize("name", ["", " ", "…", "x" * 65])
def test_a_name_that_is_none_is_refused(name: str, database: Database, clock: FixedClock) -> None:
    with pytest.raises(Refused, match="write for example Edith"):
        users.add(database, name, Role.EDITOR, PASSWORD, clock.now())


def test_a_name_is_nobody_elses_in_whatever_case(database: Database, clock: FixedClock) -> None:
    make(database, clock)
    with pytest.raises(Refused, match="already"):
        make(database, clock, "EDITH")


def test_a_session_ends_by_itself_after_days_without_use_and_in_any_case_after_two_weeks(
    database: Database, clock: FixedClock
) -> None:
    make(database, clock)
    idle, used = sign_in(database, clock), sign_in(database, clock)
    for _ in range(6):
        clock.advance(timedelta(days=2))
        assert sessions.use(database, used, clock.now()) is not None
    assert sessions.use(database, idle, clock.now()) is None
    clock.advance(timedelta(days=2))
    assert sessions.use(database, used, clock.now()) is None


def test_one_session_or_all_but_one_can_be_ended_and_nobody_ends_anothers(
    database: Database, clock: FixedClock
) -> None:
    edith, omar = make(database, clock), make(database, clock, "Omar")
    first, second, third = (sign_in(database, clock) for _ in range(3))
    mine = sessions.use(database, first, clock.now())
    assert mine is not None
    with pytest.raises(NotFound), database.writing() as session:
        sessions.end(session, omar, mine.id, clock.now())
    with database.writing() as session:
        assert sessions.end_all(session, edith, clock.now(), but=mine.id) == 2
    assert [sessions.use(database, token, clock.now()) is None for token in (first, second, third)] == [
        False,
        True,
        True,
    ]
    with database.writing() as session:
        sessions.end(session, edith, mine.id, clock.now())
    assert sessions.use(database, first, clock.now()) is None


def test_the_last_admin_stays_one(database: Database, clock: FixedClock) -> None:
    make(database, clock, "Omar", Role.ADMIN)
    make(database, clock, "Edith", Role.ADMIN)
    users.disable(database, "Edith", clock.now())
    for deed in (
        lambda: users.disable(database, "Omar", clock.now()),
        lambda: users.set_role(database, "Omar", Role.EDITOR),
    ):
        with pytest.raises(Refused, match="the only admin"):
            deed()
    users.enable(database, "Edith")
    assert users.set_role(database, "Omar", Role.EDITOR).role == "editor"


def test_no_secret_stands_in_the_database(database: Database, clock: FixedClock) -> None:
    link = signin.first_link(database, clock.now())
    make(database, clock)
    secrets = {link, PASSWORD, sign_in(database, clock), tokens.make(database, "nightly", Role.VIEWER, clock.now())}
    with database.reading() as session:
        kept = [vars(row) for kind in (User, DeskSession, ApiToken, FirstLink) for row in session.scalars(select(kind))]
    assert len(kept) == 4
    assert not [secret for secret in secrets if secret is None or secret in repr(kept)]


def test_a_first_link_makes_one_admin_once(database: Database, clock: FixedClock) -> None:
    token, other = signin.first_link(database, clock.now()), signin.first_link(database, clock.now())
    assert token is not None
    assert other is not None
    with pytest.raises(BadPassword):
        signin.make_first(database, token, "Omar", "short", clock.now())
    assert signin.make_first(database, token, "Omar", PASSWORD, clock.now()).role == "admin"
    for used_up in (token, other, "never was"):
        with pytest.raises(NotFound, match="this link was used"):
            signin.make_first(database, used_up, "Edith", PASSWORD, clock.now())
    assert signin.first_link(database, clock.now()) is None


def test_a_first_link_is_over_after_a_day(database: Database, clock: FixedClock) -> None:
    token = signin.first_link(database, clock.now())
    assert token is not None
    clock.advance(signin.LINK_LASTS)
    with pytest.raises(NotFound):
        signin.make_first(database, token, "Omar", PASSWORD, clock.now())


def test_of_two_who_use_one_first_link_at_once_one_gets_the_account(database: Database, clock: FixedClock) -> None:
    token = signin.first_link(database, clock.now())
    assert token is not None
    went: list[str] = []
    ready = threading.Barrier(2, timeout=60)

    def use(name: str) -> None:
        ready.wait(30)
        try:
            went.append(signin.make_first(database, token, name, PASSWORD, clock.now()).name)
        except NotFound:
            went.append("")

    people = [threading.Thread(target=use, args=(name,)) for name in ("Omar", "Edith")]
    for person in people:
        person.start()
    for person in people:
        person.join(60)
    assert sorted(map(bool, went)) == [False, True]


def test_a_token_of_a_script_works_until_it_is_ended_and_its_name_is_not_used_again(
    database: Database, clock: FixedClock
) -> None:
    token = tokens.make(database, "nightly", Role.EDITOR, clock.now())
    found = tokens.use(database, token, clock.now())
    assert found is not None
    assert (found.name, found.role) == ("nightly", "editor")
    tokens.end(database, "Nightly", clock.now())
    assert tokens.use(database, token, clock.now()) is None
    with pytest.raises(NotFound):
        tokens.end(database, "nightly", clock.now())
    with pytest.raises(Refused, match="already, or was"):
        tokens.make(database, "nightly", Role.EDITOR, clock.now())


def test_what_was_seen_is_never_unseen(database: Database, clock: FixedClock) -> None:
    user, later = make(database, clock), clock.now() + timedelta(hours=1)
    users.has_looked(database, user, later)
    users.has_looked(database, user, clock.now())
    with database.reading() as session:
        assert users.find(session, "edith").looked_at == later


def test_each_role_covers_the_ones_before_it() -> None:
    assert [[one for one in Role if role.covers(one)] for role in Role] == [list(Role)[: n + 1] for n in range(4)]


def test_the_token_of_a_form_belongs_to_one_cookie() -> None:
    assert is_form_token("cookie", form_token("cookie"))
    assert not is_form_token("another", form_token("cookie"))
    assert not is_form_token("cookie", "")
    assert not is_form_token("cookie", "ü")
