"""What the sample editions are made of: a newsroom, and builders of stories."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

from markupsafe import Markup, escape

from newsletter.rendering.model import BulletView, PublicationView, StoryView

DAY = date(2026, 11, 23)
PICTURES = "https://images.example.org/2026/11"

COURIER = PublicationView(
    name="The Port Maren Courier",
    postal_address="The Port Maren Courier\n14 Custom House Quay\nPort Maren PM1 4QX",
    base_url="https://courier.example.org",
    contact="morning@courier.example.org",
)


def body(*paragraphs: str | Markup) -> dict[str, Markup | str]:
    """Body fields. A paragraph that is `Markup` may hold inline HTML."""
    html = Markup("").join(Markup("<p>{}</p>").format(paragraph) for paragraph in paragraphs)
    return {"body_html": html, "body_text": "\n\n".join(unescape(re.sub("<[^>]*>", "", escape(p))) for p in paragraphs)}


def story(key: str, headline: str, *paragraphs: str | Markup, **more: object) -> StoryView:
    known: dict[str, object] = {"url": f"https://courier.example.org/2026/11/23/{key}", **body(*paragraphs), **more}
    return StoryView(key=key, headline=headline, **known)  # type: ignore[arg-type]


def bullet(label: str, words: str, link: str = "") -> BulletView:
    return BulletView(label=label, html=escape(words), text=words, link=link)
