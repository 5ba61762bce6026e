"""Views that a template must render before it is used, two of each kind: with everything, and with next to nothing."""

from __future__ import annotations

from datetime import date

from markupsafe import Markup

from newsletter.rendering.model import (
    BulletView,
    EditionView,
    ImageView,
    PublicationView,
    SectionView,
    ServiceView,
    StoryView,
)

_DAY = date(2026, 11, 23)

_BARE = EditionView(
    key="specimen/2026-11-23",
    briefing="Briefing",
    date=_DAY,
    weekday="Monday",
    long_date="Monday, 23 November 2026",
    publication=PublicationView(name="Newsroom", postal_address="1 Press Street", base_url="https://news.example.org"),
    segment="all",
    sections=(SectionView("top", "", "lead", (StoryView("one", "A headline"),)),),
)


def _full_story(number: int) -> StoryView:
    return StoryView(
        key=f"story-{number}",
        headline="A headline with “quotes” & an <angle>",
        kicker="Kicker",
        short_headline="Short headline",
        dek="What the story says, in a sentence.",
        preheader="What the inbox row says.",
        body_html=Markup(
            '<p>One <a href="https://news.example.org/a?b=c&amp;d=e">link</a>.</p><ul><li><em>An</em> item</li></ul>'
        ),
        body_text="One link.\n\n- An item",
        bullets=(
            BulletView("Why it matters", Markup("Because of <strong>this</strong>."), "Because of this."),
            BulletView("Go deeper", Markup("Read on."), "Read on.", "https://news.example.org/deeper"),
        ),
        byline="Edith Ames",
        image=ImageView(
            "https://news.example.org/picture.jpg",
            "A harbour",
            "The harbour",
            "Photo: E. Ames",
            1200,
            800,
            decorative=number > 1,
        ),
        url="https://news.example.org/story",
    )


_FULL = EditionView(
    key="specimen/2026-11-23",
    briefing="Briefing",
    date=_DAY,
    weekday="Monday",
    long_date="Monday, 23 November 2026",
    publication=PublicationView(
        name="Newsroom",
        postal_address="1 Press Street\nPort Maren",
        base_url="https://news.example.org",
        contact="desk@example.org",
    ),
    segment="all",
    sections=tuple(
        SectionView(layout, layout.title(), layout, (_full_story(1), _full_story(2)))
        for layout in ("lead", "brief", "list", "labelled")
    ),
    subject="Monday Briefing: Short headline",
    preheader="What the inbox row says.",
    greeting="Good morning",
    introduction="Here is what you need to know.\n\nIt is Monday.",
    sign_off="Until tomorrow,\nEdith",
    reason="You get this because you asked for it.",
)

SPECIMENS = (_FULL, _BARE)

SERVICE_SPECIMENS = (
    ServiceView(
        kind="join",
        subject="Confirm “Briefing” & more",
        title="Do you want <these>?",
        paragraphs=("Somebody typed your address.", "Was it you?"),
        publication=_FULL.publication,
        items=("Briefing", "Evening & Night"),
        button="Yes",
        url="https://news.example.org/j/token",
        copy="Or copy this address:",
        notes=("It works for two days.", "If it was not you, do nothing."),
        contact="Questions? Write to desk@example.org.",
    ),
    ServiceView("export", "Your data", "Your data", ("It is attached.",), _BARE.publication),
)
