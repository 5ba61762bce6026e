"""What the check `support` says of ordinary mails and of those that break somewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest

from newsletter.checks import Finding, Severity
from newsletter.checks.clients.breaks import Mail
from newsletter.checks.clients.data import CLIENTS, FILE, caniemail
from newsletter.checks.clients.features import picture_format, used
from newsletter.checks.styled import Styled
from newsletter.checks.support import BLOCKS_FROM, affected, breaks, support
from newsletter.config import SHARES, MailClient
from tests.corpus import BROKEN, GOOD
from tests.corpus.editions import edition
from tests.corpus.pages import page


def findings(html: str, **clients: float) -> list[Finding]:
    subject = edition(html)
    if clients:
        subject = replace(subject, clients={name.replace("_", "-"): share for name, share in clients.items()})
    return list(support(subject))


@pytest.mark.parametrize("name", GOOD)
def test_an_ordinary_mail_is_not_held_up(name: str) -> None:
    assert [finding for finding in findings(GOOD[name]()) if finding.severity != Severity.NOTE] == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_is_named_with_those_who_do_not_see_it(name: str) -> None:
    broken = BROKEN[name]
    found = [one for one in breaks(Styled(broken.html())) if broken.words in one.what]
    assert found, findings(broken.html())
    for client in broken.clients.split(","):
        assert any(client in one.failing for one in found), (client, found)
    blocked = [one for one in findings(broken.html()) if one.severity == Severity.BLOCK]
    assert any(broken.words in one.message for one in blocked)


def percentage(html: str) -> float:
    """The plain way: how many of a mail's features are supported, over all programs, each time that one is used."""
    total = supported = 0.0
    for slug, count in used(Styled(html)).items():
        verdicts = [verdict[0] for verdict in caniemail().features[slug].verdicts.values() if verdict != "u"]
        total += count * len(verdicts)
        supported += count * sum({"y": 1.0, "a": 0.5}.get(verdict, 0.0) for verdict in verdicts)
    return 100 * supported / total


def worst_features(html: str) -> float:
    """As Mailpit reckons: a hundred less the worst feature's share of unsupported programs, by how often it is used."""
    styled = Styled(html)
    worst = {"a": 0.0, "n": 0.0}
    for slug, count in used(styled).items():
        verdicts = [verdict[0] for verdict in caniemail().features[slug].verdicts.values() if verdict != "u"]
        for kind in worst:
            share = verdicts.count(kind) / len(verdicts)
            worst[kind] = max(worst[kind], 100 * share * min(1, count / len(styled.nodes)))
    return 100 - worst["a"] - worst["n"]


def lost(html: str) -> float:
    """Ours: the percent of the readers for whom something critical is lost."""
    return max((affected(one, SHARES) for one in breaks(Styled(html)) if one.critical), default=0)


@pytest.mark.parametrize("score", [percentage, worst_features])
def test_a_percentage_of_features_does_not_tell_good_from_broken(score: Callable[[str], float]) -> None:
    """Whatever line is drawn, it lets at least a quarter of the broken pass or holds up a quarter of the good."""
    fine = [score(make()) for make in GOOD.values()]
    broken = [score(one.html()) for one in BROKEN.values()]
    for line in (*fine, *broken):
        held_up = sum(value < line for value in fine) / len(fine)
        let_pass = sum(value >= line for value in broken) / len(broken)
        assert max(held_up, let_pass) >= 0.25, line


def test_the_rules_tell_good_from_broken() -> None:
    assert max(lost(make()) for make in GOOD.values()) == 0
    assert min(lost(one.html()) for one in BROKEN.values()) >= BLOCKS_FROM


def test_a_finding_says_who_and_how_many() -> None:
    (finding,) = findings(BROKEN["lead in WebP"].html())
    assert finding.message == "Outlook for Windows (4 % of readers): the first picture is WebP and will not show"


@pytest.mark.parametrize(
    ("share", "words"), [(100, "100 %"), (29.75, "30 %"), (4, "4 %"), (4.2, "4.2 %"), (0.04, "less than 0.1 %")]
)
def test_a_share_reads_as_people_write_it(share: float, words: str) -> None:
    (finding,) = findings(BROKEN["lead in WebP"].html(), outlook_windows=share)
    assert f"({words} of readers)" in finding.message


def test_what_nobody_of_the_readers_uses_is_not_spoken_of() -> None:
    assert findings(BROKEN["lead in WebP"].html(), gmail=70, apple_mail=30) == []


def test_what_few_readers_lose_is_a_warning() -> None:
    (finding,) = findings(BROKEN["lead in WebP"].html(), outlook_windows=0.5, gmail=80)
    assert finding.severity == Severity.WARN


def test_what_only_looks_poorer_is_a_note_unless_many_see_it() -> None:
    html = page('<p style="writing-mode:vertical-rl">A headline that stands upright, as on an old poster</p>')
    assert [one.severity for one in findings(html)] == [Severity.NOTE]
    assert [one.severity for one in findings(html, outlook_windows=20)] == [Severity.WARN]


@pytest.mark.parametrize(
    ("address", "slug"),
    [
        ("https://images.example.org/a.webp", "image-webp"),
        ("https://images.example.org/a.jpg?auto=webp", ""),
        ("https://images.example.org/a?fm=avif", "image-avif"),
        ("https://images.example.org/a.JPG", "image-jpg"),
        ("https://images.example.org/webp", ""),
        ("https://[images.example.org/a.webp", ""),
        ("data:image/webp;base64,AAAA", "image-base64"),
    ],
)
def test_the_format_of_a_picture_is_read_from_its_address(address: str, slug: str) -> None:
    assert picture_format(address) == slug


def test_every_program_of_the_config_is_known_and_stands_in_the_data() -> None:
    assert tuple(CLIENTS) == get_args(MailClient)
    programs = next(iter(caniemail().features.values())).verdicts.keys()
    assert {program for _, known in CLIENTS.values() for program in known} <= programs


def test_the_data_are_dated_small_and_have_their_licence_beside_them() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", caniemail().date)
    assert FILE.stat().st_size < 100_000
    licence = FILE.with_name("caniemail.LICENSE").read_text(encoding="utf-8")
    assert "Permission is hereby granted" in licence
    assert "HTeuMeuLeu" in licence


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("css-display", "Only supports `display:none`"),
        ("css-max-width", "Only works on `<table>`"),
        ("css-padding", "Only supported on table cells"),
        ("css-margin", "Negative values are not supported"),
    ],
)
def test_the_notes_on_which_rules_lean_are_in_the_data(slug: str, words: str) -> None:
    """After the data are brought up to date a note may have other words: then its rule would say nothing."""
    assert "outlook-windows" in caniemail().features[slug].failing(words)


@pytest.mark.parametrize(
    ("position", "yahoo", "apple"), [("absolute", 1.0, 0), ("fixed", 1.0, 1.0), ("relative", 0, 0)]
)
def test_a_position_fails_where_a_note_says_that_this_one_is_not_known(
    position: str, yahoo: float, apple: float
) -> None:
    failing = caniemail().features["css-position"].failing(rf"not\b.*`{position}`")
    assert (failing.get("yahoo", 0) > 0, failing.get("apple-mail", 0)) == (yahoo > 0, apple)
    assert failing["gmail"] == 1


def test_every_rule_speaks_of_features_that_are_in_the_data() -> None:
    known = caniemail().features
    for make in (*GOOD.values(), *(one.html for one in BROKEN.values())):
        assert set(Mail(Styled(make())).used) <= known.keys()


def test_vml_anywhere_between_a_picture_and_the_words_on_it_counts_for_outlook() -> None:
    html = GOOD["a hidden preheader"]()
    assert "#14213d url" in html
    without = html.replace("#14213d url", "url")
    assert lost(without) == 0
    assert lost(without.replace("<v:", "<w:")) == SHARES["outlook-windows"]
