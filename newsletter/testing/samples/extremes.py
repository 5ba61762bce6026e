"""Editions that try a template: very long, hostile, nearly empty, and with everything that a body may hold."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup, escape

from newsletter.rendering.model import BulletView, EditionView, ImageView, SectionView, StoryView
from newsletter.testing.samples.ordinary import harbour, ordinary
from newsletter.testing.samples.parts import COURIER, DAY, PICTURES, body, bullet, story

_PLACES = ("Aldermouth", "Bresk", "Corran", "Dunmere", "Estwick", "Farrow", "Greyholm", "Hollin")
_SUBJECTS = (
    (
        "The {place} bridge will close for a year",
        "Engineers found that salt had eaten deeper into the piers than any survey "
        "had shown. Drivers face a detour of forty minutes, and the ferry will run all night.",
    ),
    (
        "{place} turns its old mill into two hundred homes",
        "The first tenants move in before Christmas. A third of the flats "
        "are let at what the council calls a nurse’s rent, and the waiting list is already closed.",
    ),
    (
        "A school in {place} hands in its telephones",
        "Pupils asked for the ban themselves, by 311 votes to 96. Teachers say "
        "that the corridors have become loud again, and that they had missed it.",
    ),
)


def long() -> EditionView:
    """Twenty-five stories: the same newsroom on a day when everything happens."""
    made = iter(
        story(
            f"{place.lower()}-{number}",
            headline.format(place=place),
            words,
            "The council will answer questions at the town hall on Wednesday evening. Doors open at six.",
            kicker=place,
            short_headline=f"{place} decides",
            dek=""
            if number % 2
            else f"What changes in {place} this week, whom to ask about it, and where to stand and watch.",
            image=ImageView(
                f"{PICTURES}/{'viaduct' if number % 2 else 'lighthouse'}.jpg",
                f"A view of {place} at dusk.",
                width=640,
                height=480,
            )
            if number % 3
            else None,
            bullets=(
                bullet("What changes", "Traffic, post and the school run, from Monday week."),
                bullet("Whom to ask", f"The desk at {place} town hall is open until six."),
            ),
        )
        for number, (place, (headline, words)) in enumerate((p, s) for s in _SUBJECTS for p in _PLACES)
    )
    rest = tuple(made)
    base = ordinary()
    return replace(
        base,
        sections=(
            SectionView("lead", "", "lead", (harbour(),)),
            SectionView("night", "While you slept", "brief", rest[:7]),
            SectionView("explained", "Explained", "labelled", rest[7:10]),
            SectionView("towns", "From the towns", "brief", rest[10:17]),
            SectionView("also", "Also today", "list", rest[17:]),
        ),
    )


_NASTY = "“Déjà vu” <script>alert(1)</script> & \\ {{ 7*7 }} <mj-raw> “ligne” 👩🏽‍🚀"


def hostile() -> EditionView:
    """Every plain field carries markup, braces, backslashes and joined emoji; words are long; a picture is decorative."""
    nasty = StoryView(
        key="nasty",
        headline=_NASTY,
        kicker=_NASTY,
        short_headline=_NASTY,
        dek=_NASTY,
        byline=_NASTY,
        url="https://courier.example.org/?a=1&b=%22%3E%3Cscript%3E&c=é",
        bullets=(BulletView(_NASTY, escape(_NASTY), _NASTY, "https://courier.example.org/?x=1&y=2"),),
        image=ImageView(f"{PICTURES}/harbour.jpg?a=1&b=2", _NASTY, caption=_NASTY, credit=_NASTY),
        **body(_NASTY, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2),  # type: ignore[arg-type]
    )
    decorative = replace(
        nasty,
        key="nasty-2",
        url="",
        image=ImageView(f"{PICTURES}/viaduct.jpg", "", decorative=True),
        headline=_NASTY + " 2",
    )
    base = ordinary()
    return replace(
        base,
        briefing=_NASTY,
        subject=_NASTY,
        preheader=_NASTY,
        greeting=_NASTY,
        introduction=_NASTY,
        sign_off=_NASTY,
        reason=_NASTY,
        publication=replace(COURIER, name=_NASTY, postal_address=_NASTY, contact="desk@example.org"),
        sections=(
            SectionView("a", _NASTY, "lead", (nasty, decorative)),
            SectionView("b", _NASTY + " b", "brief", (replace(nasty, key="n3"), replace(decorative, key="n4"))),
            SectionView("c", _NASTY + " c", "labelled", (replace(nasty, key="n5"), replace(decorative, key="n6"))),
            SectionView("d", _NASTY + " d", "list", (replace(nasty, key="n7"), replace(decorative, key="n8"))),
        ),
    )


def bare() -> EditionView:
    """As little as an edition can hold: headlines with nothing around them, untitled sections, empty greeting and sign-off."""
    stories = tuple(StoryView(key=f"bare-{n}", headline=f"A headline that stands alone, number {n}") for n in range(8))
    return EditionView(
        key="morning/2026-11-23",
        briefing="Morning Briefing",
        date=DAY,
        weekday="Monday",
        long_date="Monday, 23 November 2026",
        publication=replace(COURIER, contact=""),
        segment="everyone",
        sections=(
            SectionView("a", "", "lead", stories[:1]),
            SectionView("b", "", "brief", stories[1:3]),
            SectionView("c", "", "labelled", stories[3:5]),
            SectionView("d", "", "list", stories[5:]),
            SectionView("e", "Nothing here", "list", ()),
        ),
        subject="Monday Briefing",
    )


def rich() -> EditionView:
    """Bodies with headings, lists, quotations and emphasis, under section titles and without them, with and without pictures."""
    html = Markup(
        "<p>The plan has <strong>three parts</strong>, and <em>all of them</em> are needed.</p>"
        "<h4>What is built first</h4><p>The north quay, from March.<br>Then the lock.</p>"
        '<ul><li>Berths for forty boats</li><li>A <a href="https://courier.example.org/market">market hall</a></li></ul>'
        "<blockquote><p>“We will do it in the open.”</p></blockquote>"
        "<h4>What it costs</h4><ol><li>Stone and steel: 410 million</li><li>Interest: 230 million</li></ol>"
    )
    words = (
        "The plan has three parts, and all of them are needed.\n\nWhat is built first\n\nThe north quay, from March.\nThen the "
        "lock.\n\n- Berths for forty boats\n- A market hall\n\n“We will do it in the open.”\n\nWhat it costs\n\n"
        "1. Stone and steel: 410 million\n2. Interest: 230 million"
    )
    lead = replace(harbour(), body_html=html, body_text=words)
    sections = (
        SectionView(
            "lead",
            "",
            "lead",
            (lead, replace(lead, key="second", headline="The harbour plan, part by part", image=None)),
        ),
        SectionView("titled", "The plan in full", "lead", (replace(lead, key="third", headline="The quays, drawn"),)),
        SectionView("untitled", "", "labelled", (replace(lead, key="fourth", headline="The lock, explained"),)),
        SectionView(
            "explained", "Explained", "labelled", (replace(lead, key="fifth", headline="The bonds, explained"),)
        ),
        SectionView("briefs", "", "brief", (replace(lead, key="sixth", headline="The market hall", dek=""),)),
    )
    return replace(ordinary(), sections=sections)
