"""Tools that are not ours look at every sample mail, and find nothing."""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from newsletter.testing.samples import VARIANTS
from tests import mails
from tests.servers import JUDGES
from tools.browser import Browser, Scheme, browser

HERE = JUDGES.parent
# Outlook's own properties and name spaces, and Apple's older word for color-scheme. Nothing else is waved through.
VNU_EXCEPT = ".*(Property “mso-|Property “supported-color-schemes|Attribute “xmlns:[vo]” not allowed).*"


def _run(*command: str | Path, into: Path | None = None) -> str:
    """What a command says. Its output goes through a file: html-validate cuts a pipe off at 64 KB."""
    if into is None:
        done = subprocess.run([str(c) for c in command], capture_output=True, timeout=120, check=False)
        return done.stdout.decode() + done.stderr.decode()
    with into.open("wb") as out:
        subprocess.run([str(c) for c in command], stdout=out, timeout=120, check=False)
    return into.read_text(encoding="utf-8")


def _pages(folder: Path) -> list[Path]:
    pages = []
    for variant in VARIANTS:
        pages.append(folder / f"{variant}.html")
        pages[-1].write_text(mails.html(variant), encoding="utf-8")
    return pages


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


@pytest.fixture
def chromium(request: pytest.FixtureRequest) -> Browser:
    """Asked for late, so that `needs` speaks before a browser that is not there is started."""
    found: Browser = request.getfixturevalue("opened")
    return found


def html_validate(folder: Path, *pages: Path) -> list[dict[str, Any]]:
    program = JUDGES / "html-validate" / "bin" / "html-validate.mjs"
    said = _run("node", program, "-c", HERE / "html-validate.json", "-f", "json", *pages, into=folder / "said.json")
    return [message for file in json.loads(said) for message in file["messages"]]


def vnu(*pages: Path) -> list[dict[str, Any]]:
    jar = JUDGES / "vnu-jar" / "build" / "dist" / "vnu.jar"
    said = _run("java", "-jar", jar, "--errors-only", "--format", "json", "--filterpattern", VNU_EXCEPT, *pages)
    found: list[dict[str, Any]] = json.loads(said)["messages"]
    return found


@pytest.mark.needs("node judges")
def test_html_validate_finds_nothing_in_any_sample_mail(tmp_path: Path) -> None:
    assert html_validate(tmp_path, *_pages(tmp_path)) == []


@pytest.mark.needs("node judges")
def test_html_validate_would_see_a_picture_without_words_and_a_jump_between_headings(tmp_path: Path) -> None:
    page = tmp_path / "wrong.html"
    wrong = re.sub(r' alt="[^"]*"', "", mails.html("ordinary"), count=1).replace("<h2", "<h4").replace("</h2", "</h4")
    page.write_text(wrong, encoding="utf-8")
    assert {"wcag/h37", "heading-level"} <= {m["ruleId"] for m in html_validate(tmp_path, page)}


@pytest.mark.needs("node judges", "java")
def test_the_nu_html_checker_finds_no_error_in_any_sample_mail(tmp_path: Path) -> None:
    assert vnu(*_pages(tmp_path)) == []


@pytest.mark.needs("node judges", "java")
def test_the_nu_html_checker_would_see_an_open_element_and_an_invalid_attribute(tmp_path: Path) -> None:
    page = tmp_path / "wrong.html"
    page.write_text(
        mails.html("ordinary").replace("</h1>", "", 1).replace('width="600"', 'width="100%"', 1), encoding="utf-8"
    )
    assert len(vnu(page)) >= 2


@pytest.mark.needs("node judges", "chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_axe_finds_nothing_and_is_in_doubt_about_nothing(chromium: Browser, variant: str, scheme: Scheme) -> None:
    assert [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in chromium.axe(mails.html(variant), scheme=scheme)
    ] == []


@pytest.mark.needs("node judges", "chromium")
def test_axe_would_see_a_kicker_that_is_too_pale_in_the_dark(chromium: Browser) -> None:
    pale = mails.html("ordinary").replace("#ff8a80", "#5a1a1a")
    assert "color-contrast" in {rule["id"] for rule in chromium.axe(pale, scheme="dark")}
    assert chromium.axe(pale, scheme="light") == []


@pytest.mark.needs("spamassassin")
@pytest.mark.parametrize("variant", ["ordinary", "long"])
def test_spamassassin_scores_a_sample_mail_at_most_half_a_point(variant: str, tmp_path: Path) -> None:
    with (tmp_path / "mail.eml").open("w+b") as mail:
        mail.write(mails.message(variant))
        mail.seek(0)
        done = subprocess.run(["spamassassin", "-L", "-t"], stdin=mail, capture_output=True, timeout=120, check=True)
    report = done.stdout.decode(errors="replace")
    score = re.search(r"Content analysis details:\s+\((-?[\d.]+) points", report)
    assert score, report[-2000:]
    assert float(score[1]) <= 0.5, report[report.index("Content analysis details") :]


def _lines(words: str) -> str:
    return words.replace("\r\n", "\n").rstrip("\n")


def _stdlib(path: Path) -> dict[str, Any]:
    mail = email.message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=email.policy.default)
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    headers = [[name.lower(), str(value)] for name, value in mail.items()]
    assert not mail.defects
    return {"subject": mail["subject"], "text": plain.get_content(), "html": rich.get_content(), "headers": headers}


def _foreign(path: Path) -> dict[str, Any]:
    command: list[str | Path] = ["node", HERE / "parse.mjs"] if path.suffix == ".node" else ["perl", HERE / "parse.pl"]
    seen: dict[str, Any] = json.loads(_run(*command, path))
    return seen


@pytest.mark.needs("node judges", "perl Email::MIME")
@pytest.mark.parametrize("variant", VARIANTS)
def test_three_foreign_parsers_read_the_same_subject_text_html_and_headers_as_we_wrote(
    variant: str, tmp_path: Path
) -> None:
    readings = []
    for suffix in ("eml", "node", "perl"):
        path = tmp_path / f"mail.{suffix}"
        path.write_bytes(mails.message(variant))
        readings.append(_stdlib(path) if suffix == "eml" else _foreign(path))
    for seen in readings:
        assert seen["subject"] == mails.rendered(variant).subject
        assert _lines(seen["text"]) == _lines(mails.text(variant))
        assert _lines(seen["html"]) == _lines(mails.html(variant))
        ours = {name: value for name, value in seen["headers"] if name.startswith(("list-", "message-id"))}
        assert ours["list-unsubscribe"] == f"<{mails.RITA.unsubscribe_url}>, <mailto:{mails.RITA.unsubscribe_mailto}>"
        assert ours["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
        assert ours["message-id"] == f"<{mails.RITA.message_id}>"
    names = [sorted(name for name, _ in seen["headers"]) for seen in readings]
    assert names[0] == names[1] == names[2]
    assert len(set(names[0])) == len(names[0])
