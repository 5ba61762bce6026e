"""An editor at the command line: what she decides of an edition, and what becomes of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from newsletter import press
from newsletter.checks.online import Answer, Link, Verdict
from newsletter.press import Site
from tests.acceptance.commands import laid_out, run


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    status: int
    out: str
    err: str


Desk = Callable[..., Said]


@pytest.fixture(scope="module")
def assembled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with the edition of one morning, assembled. Tests work on copies."""
    folder = laid_out(tmp_path_factory.mktemp("editing") / "site")
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("\nbriefings:", "\ntest_addresses: [edith@example.org]\n\nbriefings:", 1), "utf-8")
    assert run("--config", str(config), "edition", "assemble", "morning", "--date", "2026-11-23") == 0
    return folder


@pytest.fixture
def site(assembled_once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(assembled_once, tmp_path / "site")


@pytest.fixture
def desk(site: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Runs a command on the site; KEY stands for the edition."""
    capsys.readouterr()

    def type_in(command: str, *words: str) -> Said:
        arguments = ["morning/2026-11-23" if word == "KEY" else word for word in command.split()]
        status = run("--config", str(site / "config.yaml"), *arguments, *words)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Said(status, out, err)

    return type_in


def shown(desk: Desk) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(desk("edition show KEY --json").out)
    return told


def stories(desk: Desk, section: str) -> list[str]:
    return [slot["story"] for slot in shown(desk)["slots"] if slot["section"] == section and not slot["segment"]]


def assembled(desk: Desk) -> None:
    assert desk("edition assemble morning --date 2026-11-23").status == 0


def test_a_pinned_story_stands_where_it_was_pinned(desk: Desk) -> None:
    assert desk("edition pin KEY cup-final --section briefs --position 1 --by Edith").status == 0
    assembled(desk)
    assert stories(desk, "briefs")[0] == "cup-final"
    assert "cup-final" not in stories(desk, "in-brief")
    assert "decided: pin of cup-final by Edith: to briefs" in desk("edition show KEY").out


def test_a_moved_story_changes_its_section(desk: Desk) -> None:
    assert desk("edition move KEY opera-roof --section briefs").status == 0
    assembled(desk)
    assert "opera-roof" in stories(desk, "briefs")
    assert "opera-roof" not in stories(desk, "in-brief")


def test_what_is_decided_counts_at_once_and_is_undone(desk: Desk) -> None:
    """A swap, words and an exclusion, each taken back in turn."""
    briefs = stories(desk, "briefs")
    assert desk("edition swap KEY briefs/2 opera-roof --by Edith").out == (
        "opera-roof stands at briefs/2 in morning/2026-11-23\n"
    )
    assert stories(desk, "briefs") == [briefs[0], "opera-roof", briefs[2]]
    told = desk(
        "edition edit KEY lead/1 --headline", "Port Maren decides", "--bullet", "Costs: 640 million.", "--dek", ""
    )
    assert told.out == "headline and dek and bullets of lead/1 in morning/2026-11-23\n"
    decided = {(one["kind"], one["text"]) for one in shown(desk)["overrides"] if one["text"]}
    assert ("headline", "Port Maren decides") in decided
    assert "640 million" in dict(decided)["bullets"]
    assert desk("edition exclude KEY", briefs[0]).status == 0
    assert briefs[0] not in stories(desk, "briefs")
    for what in (
        f"exclude of {briefs[0]}",
        "headline, dek, bullets of harbour-vote",
        f"opera-roof for {briefs[1]} in briefs",
    ):
        assert desk("edition undo KEY --by Omar").out == f"undone in morning/2026-11-23: {what}\n"
    assert stories(desk, "briefs") == briefs
    refused = desk("edition undo KEY")
    assert (refused.status, "nothing was decided" in refused.err) == (1, True)


def test_an_updated_story_is_accepted_or_kept(desk: Desk, site: Path) -> None:
    """A version that is kept stays when the edition is assembled again."""
    story = site / "stories" / "harbour-vote.md"
    text = story.read_text(encoding="utf-8")
    before = headline(desk, "harbour-vote")
    story.write_text(re.sub("^title: .*$", "title: The harbour, again", text, flags=re.MULTILINE), encoding="utf-8")
    assert desk("stories import", str(story)).status == 0
    assert headline(desk, "harbour-vote") == before
    assert (
        desk("edition accept KEY harbour-vote --keep").out == "morning/2026-11-23 keeps its version of harbour-vote\n"
    )
    assembled(desk)
    assert headline(desk, "harbour-vote") == before
    assert desk("edition accept KEY harbour-vote").status == 0
    assert headline(desk, "harbour-vote") == "The harbour, again"


def headline(desk: Desk, story: str) -> str:
    return next(str(slot["headline"]) for slot in shown(desk)["slots"] if slot["story"] == story)


def test_an_excluded_story_is_gone_until_that_is_taken_back(desk: Desk) -> None:
    assert desk("edition exclude KEY fish-market --by Edith").status == 0
    assembled(desk)
    assert "fish-market" not in stories(desk, "briefs")
    assert desk("edition clear KEY fish-market exclude").status == 0
    assembled(desk)
    assert "fish-market" in stories(desk, "briefs")


@pytest.mark.parametrize("name", ["subject", "preheader"])
def test_words_of_ones_own_for_an_edition_outlive_assembling_again(desk: Desk, site: Path, name: str) -> None:
    """They stand in every segment's mail, to the letter, until they are cleared."""
    before = shown(desk)["variants"]["europe"][name]
    done = desk(f"edition {name} KEY --by Edith", "Port Maren: {{ weekday }} & “more”")
    assert (done.status, done.err) == (0, "")
    assembled(desk)
    found = shown(desk)
    assert {variant[name] for variant in found["variants"].values()} == {"Port Maren: {{ weekday }} & “more”"}
    assert desk("edition show KEY").out.count("(set by hand)") == 3
    assert desk("edition render KEY --segment world --out", str(site / "page")).status == 0
    page = (site / "page" / "morning-2026-11-23-world.html").read_text(encoding="utf-8")
    assert "Port Maren: {{ weekday }} &amp; “more”" in page
    assert desk(f"edition {name} KEY --clear").status == 0
    assembled(desk)
    assert shown(desk)["variants"]["europe"][name] == before


@pytest.mark.parametrize("name", ["subject", "preheader"])
@pytest.mark.parametrize("words", [[], [" "], ["Words", "--clear"]], ids=["none", "blank", "both"])
def test_words_and_their_clearing_are_not_guessed(desk: Desk, name: str, words: list[str]) -> None:
    done = desk(f"edition {name} KEY", *words)
    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert shown(desk)[name] is None


def test_an_approval_is_kept_with_its_name_and_void_after_a_change(desk: Desk) -> None:
    assert desk("edition approve KEY --by Edith").status == 0
    assert (shown(desk)["state"], shown(desk)["approved_by"]) == ("approved", "Edith")
    changed = desk("edition subject KEY", "Another")
    assert (changed.status, "approval is void" in changed.out) == (0, True)
    assert (shown(desk)["state"], shown(desk)["approved_by"]) == ("ready", None)


def test_a_held_edition_is_not_sent_until_it_is_released(desk: Desk, site: Path) -> None:
    assert desk("edition hold KEY --by Omar --reason", "a call came").status == 0
    refused = desk("send KEY")
    assert (refused.status, len(refused.err.splitlines())) == (1, 1)
    assert "a call came" in refused.err
    assert not (site / "outbox").exists()
    assert desk("edition release KEY --by Omar").status == 0
    assert desk("send KEY").status == 0
    assert len(list((site / "outbox" / "new").iterdir())) == 24


def test_an_aborted_edition_is_never_sent(desk: Desk, site: Path) -> None:
    assert desk("edition abort KEY --by Omar --reason wrong").status == 0
    refused = desk("send KEY")
    assert (refused.status, "aborted: wrong" in refused.err) == (1, True)
    assert desk("edition release KEY --by Omar").status == 1
    assert not (site / "outbox").exists()


@pytest.mark.parametrize("deed", ["approve", "hold", "release", "abort"])
def test_what_stops_an_edition_or_lets_it_go_wants_a_name(desk: Desk, deed: str) -> None:
    assert desk(f"edition {deed} KEY").status == 2
    blank = desk(f"edition {deed} KEY --by", " ")
    assert (blank.status, "--by NAME" in blank.err) == (1, True)
    assert shown(desk)["state"] == "ready"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("edition pin KEY no-such --section briefs", "no-such"),
        ("edition pin KEY cup-final --section nowhere", "write one of lead, near-you"),
        ("edition move KEY opera-roof --section briefs --segment europe", "leave the segment out"),
        ("edition exclude KEY cup-final --segment mars", "write one of europe, americas, world"),
        ("edition clear KEY cup-final pin", "has no pin of cup-final"),
        ("edition clear KEY cup-final nonsense", "write one of pin, exclude"),
        ("edition swap KEY briefs/2 no-such", "no-such"),
        ("edition swap KEY briefs opera-roof", "for example lead/1"),
        ("edition edit KEY briefs/9 --headline Words", "has no slot briefs/9: there are 3"),
        ("edition edit KEY lead/1 --bullet nonsense", "write Label: sentence"),
        ("edition edit KEY lead/1 --headline <b>Words</b>", "has markup"),
        ("edition edit KEY lead/1", "nothing was given"),
        ("edition accept KEY no-such", "no-such"),
        ("test-send KEY --to rita@example.org", "test_addresses"),
        ("stories release no-such", "no-such"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_one_line(desk: Desk, command: str, says: str) -> None:
    done = desk(command)
    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert says in done.err


def test_a_test_copy_is_marked_and_stands_in_no_ledger(desk: Desk, site: Path) -> None:
    done = desk("test-send KEY --to edith@example.org --segment americas")
    assert (done.status, done.err) == (0, "")
    (copy,) = (site / "outbox" / "new").iterdir()
    text = copy.read_text(encoding="utf-8")
    assert "\nTo: edith@example.org\n" in text
    assert "\nSubject: [Test] Monday Briefing: " in text
    assert "\nX-Newsletter-Test: morning/2026-11-23 americas\n" in text
    assert shown(desk)["state"] == "ready"
    assert json.loads(desk("status KEY --json").out)["frozen"] == 0


def test_a_link_is_made_told_once_and_ended(desk: Desk, site: Path) -> None:
    made = desk("edition share KEY --for 12h --by Edith")
    assert made.status == 0
    url, told = made.out.splitlines()
    assert told.startswith("link 1 works until ")
    token = url.removeprefix("http://127.0.0.1:8025/share/")
    with Site.open(site / "config.yaml") as opened:
        assert press.shared_mail(opened, token).date.isoformat() == "2026-11-23"
    assert "5m at least and 14d at most" in desk("edition share KEY --for 60d").err
    assert desk("edition share KEY --for soon").status == 2
    desk("edition share KEY")
    assert "1 link ended" in desk("edition unshare KEY --link 1 --by Edith").out
    assert "1 link ended" in desk("edition unshare KEY").out
    again = desk("edition unshare KEY")
    assert (again.status, "has no link that works" in again.err) == (1, True)


def test_a_story_that_an_editor_holds_is_not_lifted_by_its_source(desk: Desk, site: Path) -> None:
    story = site / "stories" / "cup-final.md"
    text = story.read_text(encoding="utf-8")
    assert "status: usable" in text
    story.write_text(text.replace("status: usable", "status: held"), encoding="utf-8")
    assert desk("stories import", str(story)).status == 0
    assert desk("stories hold cup-final --by Edith").status == 0
    story.write_text(text, encoding="utf-8")
    assert "cup-final (held)" in desk("stories import", str(story)).out
    found = json.loads(desk("stories show cup-final --json").out)
    assert (found["status"], found["decision"], found["decided_by"]) == ("held", "held", "Edith")
    assert desk("stories release cup-final --by Edith").out == "cup-final is usable\n"


def test_a_finding_is_overridden_told_and_taken_back(desk: Desk) -> None:
    desk("edition headline KEY bank-rate", "The rate is TK")
    seen = desk("edition check KEY --json")
    told = json.loads(seen.out)
    (finding,) = told["findings"]
    assert (seen.status, told["edition"], told["blocked"]) == (1, "morning/2026-11-23", True)
    assert (finding["code"], finding["where"], finding["blocks"], finding["can_be_overridden"], finding["override"]) == (
        "tripwires", "story bank-rate, headline", True, True, None,
    )  # fmt: skip
    refused = desk("edition override KEY tripwires --by Edith")
    assert (refused.status, refused.err.count("\n")) == (1, 1)
    assert "--reason WHY" in refused.err
    done = desk("edition override KEY tripwires --by Edith --reason", "TK is a bank.")
    assert done.status == 0
    assert "is overridden by Edith: TK is a bank." in done.out
    seen = desk("edition check KEY")
    assert seen.status == 0
    assert "[overridden by Edith: TK is a bank.]" in seen.out
    assert desk("edition override KEY tripwires --clear --by Omar").out == (
        "morning/2026-11-23: 1 override of tripwires taken back\n"
    )
    assert desk("edition check KEY").status == 1


def test_links_are_told_as_they_are_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Answer(Link("https://courier.example.org/a", "link “A”", ("europe",)), Verdict.BROKEN, "answered 404", 404)
    there = Answer(Link("https://courier.example.org/b", "link “B”", ("europe",)), Verdict.GOOD, "answered 200", 200,
                   "https://courier.example.org/c")  # fmt: skip
    monkeypatch.setattr(press, "links", lambda site, key: iter((there, gone)))
    said = desk("edition links KEY")
    assert said.status == 1
    assert said.out.splitlines() == [
        "good: link “B”: https://courier.example.org/b → https://courier.example.org/c: answered 200",
        "broken: link “A”: https://courier.example.org/a: answered 404",
        "morning/2026-11-23: 1 good, 1 broken",
    ]
    told = [json.loads(line) for line in desk("edition links KEY --json").out.splitlines()]
    assert [one["verdict"] for one in told] == ["good", "broken"]
    assert told[1]["link"] == {
        "address": "https://courier.example.org/a", "where": "link “A”", "segments": ["europe"], "picture": False,
    }  # fmt: skip
