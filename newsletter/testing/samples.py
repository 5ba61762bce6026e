"""Sample editions as a template sees them: an ordinary one, a long one, one from right to left, and two hostile ones.

The stories are invented. `VARIANTS` names every builder, so that a judge can look at all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape

from markupsafe import Markup, escape

from newsletter.rendering.model import BulletView, EditionView, ImageView, PublicationView, SectionView, StoryView

DAY = date(2026, 11, 23)
PICTURES = "https://images.example.org/2026/11"

COURIER = PublicationView(
    name="The Port Maren Courier",
    postal_address="The Port Maren Courier\n14 Custom House Quay\nPort Maren PM1 4QX",
    base_url="https://courier.example.org",
    contact="morning@courier.example.org",
)


def _body(*paragraphs: str | Markup) -> dict[str, Markup | str]:
    """Body fields. A paragraph that is `Markup` may hold inline HTML."""
    html = Markup("").join(Markup("<p>{}</p>").format(paragraph) for paragraph in paragraphs)
    return {"body_html": html, "body_text": "\n\n".join(unescape(re.sub("<[^>]*>", "", escape(p))) for p in paragraphs)}


def _story(key: str, headline: str, *paragraphs: str | Markup, **more: object) -> StoryView:
    known: dict[str, object] = {"url": f"https://courier.example.org/2026/11/23/{key}", **_body(*paragraphs), **more}
    return StoryView(key=key, headline=headline, **known)  # type: ignore[arg-type]


def _bullet(label: str, words: str, link: str = "") -> BulletView:
    return BulletView(label=label, html=escape(words), text=words, link=link)


def _harbour() -> StoryView:
    return _story(
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
            _bullet(
                "Costs",
                "The plan is now put at 640 million, up from 410 million when it was first proposed. Half is "
                "to come from the port’s own bonds.",
                "https://courier.example.org/2026/11/23/harbour-costs",
            ),
            _bullet(
                "On the quays",
                "Our reporters spoke to fishing crews who said that they had been promised new berths "
                "and had seen no drawings.",
            ),
            _bullet(
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
        _story(
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
        _story(
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
        _story(
            "olive-harvest",
            "The smallest olive harvest in thirty years",
            "Growers in the Velm valley brought in a third of what they picked last autumn. Presses have closed early, and "
            "the co-operative says that a litre will cost twice as much by spring.",
            kicker="Velm valley",
        ),
    )


def _explained() -> StoryView:
    return _story(
        "bank-rate",
        "The central bank waits, and says so",
        "The bank left its rate at 2.75 percent on Friday and, for the first time, published how each of its nine members "
        "sees the year ahead. Six of them expect a cut before the summer.",
        kicker="Money",
        short_headline="Rates on hold",
        byline="Noor Halvorsen",
        bullets=(
            _bullet(
                "What happened",
                "Nothing, in plain sight: a seventh meeting without a change, and a page of numbers "
                "that says when one may come.",
            ),
            _bullet(
                "Why it matters",
                "Two households in five here have a mortgage that is fixed again within twelve months.",
            ),
            _bullet(
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
    return tuple(_story(key, headline, f"{headline}.", kicker=kicker) for key, headline, kicker in rows)


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
            SectionView("lead", "", "lead", (_harbour(),)),
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
        _story(
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
                _bullet("What changes", "Traffic, post and the school run, from Monday week."),
                _bullet("Whom to ask", f"The desk at {place} town hall is open until six."),
            ),
        )
        for number, (place, (headline, words)) in enumerate((p, s) for s in _SUBJECTS for p in _PLACES)
    )
    rest = tuple(made)
    base = ordinary()
    return replace(
        base,
        sections=(
            SectionView("lead", "", "lead", (_harbour(),)),
            SectionView("night", "While you slept", "brief", rest[:7]),
            SectionView("explained", "Explained", "labelled", rest[7:10]),
            SectionView("towns", "From the towns", "brief", rest[10:17]),
            SectionView("also", "Also today", "list", rest[17:]),
        ),
    )


def right_to_left() -> EditionView:
    """An edition in Arabic, with Latin names and digits within it."""
    lead = StoryView(
        key="harbour-ar",
        headline="الناخبون يؤيدون خطة الميناء",
        kicker="بورت مارين",
        short_headline="فوز خطة الميناء",
        dek="صندوق الاقتراع ينهي جدلًا دام اثني عشر عامًا، والفاتورة تأتي بعده.",
        byline="ليلى حداد",
        url="https://courier.example.org/ar/harbour-vote",
        bullets=(
            _bullet("التكلفة", "تُقدَّر الخطة الآن بنحو 640 مليونًا بعد أن كانت 410 ملايين."),
            _bullet("على الأرصفة", "قال صيادون لمراسلينا إنهم وُعدوا بمراسٍ جديدة ولم يروا أي رسوم."),
            _bullet("التالي", "يجتمع المجلس يوم الخميس لاختيار المقاول (Maren Works Ltd)."),
        ),
        image=ImageView(
            f"{PICTURES}/harbour.jpg",
            "الميناء القديم عند الفجر وثلاث رافعات ساكنة فوق الماء.",
            caption="الميناء القديم صباح الأحد قبل فتح مراكز الاقتراع.",
            credit="لينا آرتس",
            width=1200,
            height=675,
        ),
        **_body(  # type: ignore[arg-type]
            "قال المجلس البلدي إنه نال تفويضًا واضحًا يوم الأحد لإعادة بناء الميناء القديم، أكبر مشروع عام في تاريخ المدينة. "
            "وبلغت نسبة المشاركة 71 في المئة.",
            "وقالت رئيسة البلدية إيناس أوكافور: «طرحنا سؤالًا بسيطًا وتلقينا جوابًا بسيطًا».",
        ),
    )
    briefs = (
        StoryView(
            key="ferry-ar",
            headline="عبّارة تائهة تعود وكل ركابها بخير",
            kicker="المضيق",
            url="https://courier.example.org/ar/ferry",
            image=ImageView(f"{PICTURES}/lighthouse.jpg", "منارة ترسل ضوءها فوق مضيق مظلم.", width=640, height=480),
            **_body("انجرفت العبّارة الليلية خمس ساعات وعلى متنها 212 راكبًا بعد تعطل مولداتها."),  # type: ignore[arg-type]
        ),
        StoryView(
            key="olives-ar",
            headline="أصغر موسم زيتون منذ ثلاثين عامًا",
            kicker="وادي فيلم",
            url="https://courier.example.org/ar/olives",
            **_body("جمع المزارعون ثلث ما قطفوه في الخريف الماضي، وأغلقت المعاصر أبوابها مبكرًا."),  # type: ignore[arg-type]
        ),
    )
    headlines = (
        StoryView(
            key="lunch-ar", headline="وجبات مدرسية مجانية في كل الجزر", url="https://courier.example.org/ar/lunch"
        ),
        StoryView(
            key="opera-ar",
            headline="دار الأوبرا تفتح أبوابها من جديد",
            kicker="ثقافة",
            url="https://courier.example.org/ar/opera",
        ),
    )
    return EditionView(
        key="morning/2026-11-23",
        briefing="موجز الصباح",
        date=DAY,
        weekday="الاثنين",
        long_date="الاثنين، 23 نوفمبر 2026",
        publication=replace(COURIER, name="بريد بورت مارين"),
        segment="arabic",
        sections=(
            SectionView("lead", "", "lead", (lead,)),
            SectionView("night", "بينما كنت نائمًا", "brief", briefs),
            SectionView("also", "أيضًا اليوم", "list", headlines),
        ),
        subject="موجز الاثنين: فوز خطة الميناء",
        preheader="بورت مارين تصوّت على مينائها، وعبّارة تعود سالمة.",
        greeting="صباح الخير",
        introduction="اثنا عشر عامًا وأربعة رؤساء بلدية وورقة اقتراع واحدة.",
        sign_off="هذا هو الصباح.\n— ليلى حداد",
        reason="تصلك هذه الرسالة لأنك اشتركت في موجز الصباح.",
        language="ar",
        direction="rtl",
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
        **_body(_NASTY, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2),  # type: ignore[arg-type]
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


VARIANTS: dict[str, Callable[[], EditionView]] = {
    "ordinary": ordinary,
    "long": long,
    "right-to-left": right_to_left,
    "hostile": hostile,
    "bare": bare,
}
