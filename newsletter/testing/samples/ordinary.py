"""The ordinary Monday of the sample newsroom."""

from __future__ import annotations

from markupsafe import Markup

from newsletter.rendering.model import EditionView, ImageView, SectionView, StoryView
from newsletter.testing.samples.parts import COURIER, DAY, PICTURES, bullet, story


def harbour() -> StoryView:
    return story(
        "harbour-vote",
        "Voters back the harbour plan",
        "The council said that it had won “a clear and lasting mandate” on Sunday to rebuild the old harbour, the "
        "largest public project in the city’s history. Turnout was 71 percent, the highest in a local vote since 1998.",
        "“We asked a simple question, and we got a simple answer,” Mayor Ines Okafor said at the count. “Now comes the "
        "hard part” — a project that the city’s own auditors expect to overrun — “and we will do it in the open.”",
        Markup(
            "The result ends twelve years of argument about the waterfront. Opponents did not say whether they would go to "
            'court; a fifth of the site is <a href="https://courier.example.org/2026/11/20/who-owns-the-quays">still in '
            "private hands</a>."
        ),
        kicker="Port Maren",
        short_headline="Harbour plan wins",
        dek="A twelve-year argument ends at the ballot box. The bill, and the lawyers, come next.",
        preheader="Port Maren votes on its harbour.",
        byline="Adaeze Brandt and Tomas Reyl",
        bullets=(
            bullet(
                "Costs",
                "The plan is now put at 640 million, up from 410 million when it was first proposed. Half is "
                "to come from the port’s own bonds.",
                "https://courier.example.org/2026/11/23/harbour-costs",
            ),
            bullet(
                "On the quays",
                "Our reporters spoke to fishing crews who said that they had been promised new berths "
                "and had seen no drawings.",
            ),
            bullet(
                "Next",
                "The council meets on Thursday to name a contractor, after what officials described as a long search.",
            ),
        ),
        image=ImageView(
            url=f"{PICTURES}/harbour.jpg?quality=75&auto=webp",
            alt="The old harbour at dawn, with three cranes standing idle over the water.",
            caption="The old harbour on Sunday morning, before the polls opened.",
            credit="Lena Aarts for the Courier",
            width=1200,
            height=675,
        ),
    )


def _night() -> tuple[StoryView, ...]:
    return (
        story(
            "strait-lighthouse",
            "A ferry that lost its way finds every passenger safe",
            "The night boat from Sankt Olav drifted for five hours with 212 people on board after its generators failed in "
            "the Marrow Strait. A pilot cutter towed it in at four this morning.",
            "The operator has promised an inquiry.",
            kicker="The strait",
            short_headline="Ferry towed in",
            image=ImageView(
                url=f"{PICTURES}/lighthouse.jpg",
                alt="A lighthouse throws its beam across a dark strait.",
                width=640,
                height=480,
            ),
        ),
        story(
            "night-trains",
            "Night trains come back to the southern line",
            "After nine years of buses, sleepers will run four nights a week from March.",
            kicker="Transport",
            dek="After nine years of buses, sleepers will run four nights a week from March. The first six weeks sold out in "
            "an hour.",
            image=ImageView(
                url=f"{PICTURES}/viaduct.jpg",
                alt="A train crosses a stone viaduct under a rising moon.",
                width=640,
                height=480,
            ),
        ),
        story(
            "olive-harvest",
            "The smallest olive harvest in thirty years",
            "Growers in the Velm valley brought in a third of what they picked last autumn. Presses have closed early, and "
            "the co-operative says that a litre will cost twice as much by spring.",
            kicker="Velm valley",
        ),
    )


def _explained() -> StoryView:
    return story(
        "bank-rate",
        "The central bank waits, and says so",
        "The bank left its rate at 2.75 percent on Friday and, for the first time, published how each of its nine members "
        "sees the year ahead. Six of them expect a cut before the summer.",
        kicker="Money",
        short_headline="Rates on hold",
        byline="Noor Halvorsen",
        bullets=(
            bullet(
                "What happened",
                "Nothing, in plain sight: a seventh meeting without a change, and a page of numbers "
                "that says when one may come.",
            ),
            bullet(
                "Why it matters",
                "Two households in five here have a mortgage that is fixed again within twelve months.",
            ),
            bullet(
                "Go deeper",
                "Our table shows what a quarter point is worth, loan by loan.",
                "https://courier.example.org/2026/11/23/quarter-point",
            ),
        ),
    )


def _headlines() -> tuple[StoryView, ...]:
    rows = (
        ("school-lunch", "Free school lunches reach every island", "Islands"),
        ("river-clean", "The Aume is clean enough to swim in, for the first time since 1931", "Rivers"),
        ("opera-roof", "The opera house reopens under a roof of local larch", "Culture"),
        ("count-swifts", "Volunteers counted 48,000 swifts. They had hoped for half", ""),
        ("cup-final", "Harbour Athletic are one match from the cup", "Sport"),
    )
    return tuple(story(key, headline, f"{headline}.", kicker=kicker) for key, headline, kicker in rows)


def ordinary() -> EditionView:
    """What a reader of the sample newsroom gets on a Monday: a lead, three briefs, one story explained, five headlines."""
    return EditionView(
        key="morning/2026-11-23",
        briefing="Morning Briefing",
        date=DAY,
        weekday="Monday",
        long_date="Monday, 23 November 2026",
        publication=COURIER,
        segment="europe",
        sections=(
            SectionView("lead", "", "lead", (harbour(),)),
            SectionView("night", "While you slept", "brief", _night()),
            SectionView("explained", "One thing, explained", "labelled", (_explained(),)),
            SectionView("also", "Also today", "list", _headlines()),
        ),
        subject="Monday Briefing: Harbour plan wins",
        preheader="Port Maren votes on its harbour, a ferry is towed in, and night trains return.",
        greeting="Good morning",
        introduction="Twelve years, four mayors and one ballot paper: the harbour question has an answer. We begin there.\n\n"
        "Then a long night in the strait, and what the central bank is telling you by doing nothing.",
        sign_off="That is the morning. Answer this mail and it lands on my desk.\n— Edith Vane, morning editor",
        reason="You get this because you signed up for Morning Briefing at courier.example.org.",
    )
