"""What the tests of rendering share: a template folder made on the spot, and an edition of one story."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from markupsafe import Markup

from newsletter.rendering.model import EditionView, PublicationView, SectionView, StoryView

PLAIN = Path(__file__).parent / "templates" / "plain"

PAGE = """<mjml lang="en" dir="ltr">
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>{{ edition.briefing }}</mj-text>
        BODY
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
"""``BODY`` stands on line 6, in a column."""

Make = Callable[..., Path]


def make(folder: Path, body: str = "", **files: str) -> Path:
    """Writes a template set; ``body`` goes into a column on line 6. Files are named with ``__`` for ``.`` (page__mjml)."""
    texts = {
        "page.mjml": PAGE.replace("BODY", body),
        "content.css": "p { margin: 0; }\n",
        "page.txt": "{{ edition.briefing }}\n",
    }
    texts |= {name.replace("___", "/").replace("__", "."): text for name, text in files.items()}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def story(**more: Any) -> StoryView:
    """A story with a headline, and what is said about it."""
    return StoryView(**{"key": "harbour", "headline": "Voters back the harbour plan", **more})


def edition(*stories: StoryView, **more: Any) -> EditionView:
    """A briefing of these stories in one section."""
    plain = EditionView(
        key="morning/2026-11-23",
        briefing="Morning Briefing",
        date=date(2026, 11, 23),
        weekday="Monday",
        long_date="Monday, 23 November 2026",
        publication=PublicationView("The Courier", "14 Quay\nPort Maren", "https://courier.example.org"),
        segment="everyone",
        sections=(SectionView("top", "Top", "lead", stories or (story(),)),),
        greeting="Good morning",
    )
    return replace(plain, **more)


def html_of(text: str) -> Markup:
    """Safe HTML with this text in a paragraph."""
    return Markup("<p>{}</p>").format(text)
