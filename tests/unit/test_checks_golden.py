"""A good edition without a finding, and for every check a bad one that exactly that check catches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from newsletter.checks import (
    CHECKS,
    FINAL,
    Audience,
    CheckedVariant,
    CheckInput,
    Finding,
    LastEdition,
    Severity,
    StoryFact,
    blocks,
    check,
    run,
)
from newsletter.checks.built import build
from newsletter.checks.links import addresses, what_is_wrong
from newsletter.checks.size import CLIPPED, LARGE, ROOMY
from newsletter.checks.text_part import shared
from newsletter.rendering.model import EditionView, ReaderValues, Rendered, Slot
from newsletter.rendering.slots import url_word, word
from newsletter.testing.samples import VARIANTS, ordinary
from tests import mails
from tests.corpus.editions import BAD_EDITIONS

AT = datetime(2026, 11, 23, 6, tzinfo=UTC)


FRIDAY = LastEdition(
    date=date(2026, 11, 20),
    subjects=frozenset({"Friday Briefing: Snow on the passes"}),
    preheaders=frozenset({"The passes close, and the trains do not."}),
    stories={"europe": frozenset({"snow-passes", "night-trains"})},
)
LARGEST = ReaderValues(
    address="rita@reader.test",
    first_name="R" * 100,
    unsubscribe_url="https://courier.example.org/u/".ljust(150, "t"),
    preferences_url="https://courier.example.org/p/".ljust(150, "t"),
    view_url="https://courier.example.org/v/".ljust(150, "t"),
    message_id="m@courier.example.org",
)


@cache
def good() -> CheckInput:
    view = ordinary()
    return subject_of(view, mails.rendered("ordinary"))


def subject_of(view: EditionView, rendered: Rendered) -> CheckInput:
    return CheckInput(
        key=view.key,
        date=view.date,
        state="ready",
        at=AT,
        stories=tuple(
            StoryFact(story.key, story.headline, section.key, "", "usable", published_at=AT - timedelta(hours=9))
            for section in view.sections
            for story in section.stories
        ),
        publication=view.publication,
        variants={view.segment: CheckedVariant(view, rendered)},
        messages={view.segment: build(rendered, mails.HEADERS, LARGEST)},
        last=FRIDAY,
        audience=Audience({view.segment: 4_812}, usual=4_800),
    )


def rendered(**changes: Any) -> CheckInput:
    """The good edition with another subject, preheader, HTML or text."""
    (segment, variant), = good().variants.items()  # fmt: skip
    changed = replace(variant.rendered, **changes)
    return replace(
        good(),
        variants={segment: replace(variant, rendered=changed)},
        messages={segment: build(changed, mails.HEADERS, LARGEST)},
    )


def html(old: str, new: str, *, count: int = 1) -> CheckInput:
    source = mails.rendered("ordinary").html
    assert old in source, "a mutation that changes nothing proves nothing"
    return rendered(html=source.replace(old, new, count))


def text(old: str, new: str, *, count: int = 1) -> CheckInput:
    source = mails.rendered("ordinary").text
    assert old in source
    return rendered(text=source.replace(old, new, count))


def viewed(**changes: Any) -> CheckInput:
    """The good edition with a view that says something else than what was rendered."""
    (segment, variant), = good().variants.items()  # fmt: skip
    return replace(good(), variants={segment: replace(variant, view=replace(variant.view, **changes))})


def lead(**changes: Any) -> CheckInput:
    """The good edition rendered with another lead story."""
    view = ordinary()
    first = view.sections[0]
    told = replace(first.stories[0], **changes)
    view = replace(view, sections=(replace(first, stories=(told,)), *view.sections[1:]))
    return subject_of(view, mails.TemplateSet.load(mails.TEMPLATE).render(view))


def fact(**changes: Any) -> CheckInput:
    first, *rest = good().stories
    return replace(good(), stories=(replace(first, **changes), *rest))


def grown(to: int) -> CheckInput:
    """The good edition whose HTML part travels as (nearly) so many bytes, grown by a comment."""
    (built,) = good().messages.values()
    assert built.size
    more = round((to - built.size.html_encoded) * 76 / 79) + 2  # what quoted-printable makes of it
    return html("</body>", f"<!--{'x' * more}--></body>")


def built(**changes: Any) -> CheckInput:
    (segment, message), = good().messages.items()  # fmt: skip
    return replace(good(), messages={segment: replace(message, **changes)})


def last(**changes: Any) -> CheckInput:
    return replace(good(), last=replace(FRIDAY, **changes))


def slotted(name: str) -> CheckInput:
    """The good edition with another slot in place of the reader's name."""
    slots = mails.rendered("ordinary").slots
    return rendered(slots=tuple(replace(slot, name=name) if slot.name == "first_name" else slot for slot in slots))


def two_leads(**changes: Any) -> CheckInput:
    view = ordinary()
    first = view.sections[0]
    sections = (replace(first, stories=(first.stories[0], replace(first.stories[0], **changes))), *view.sections[1:])
    return viewed(sections=sections)


UNSUBSCRIBE = next(
    url_word(mails.rendered("ordinary").nonce, index)
    for index, slot in enumerate(mails.rendered("ordinary").slots)
    if slot.name == "unsubscribe_url"
)
ALT = 'alt="The old harbour at dawn, with three cranes standing idle over the water."'
LINK = 'href="https://courier.example.org/2026/11/23/harbour-vote"'
BLOCK, WARN = Severity.BLOCK, Severity.WARN

BAD: dict[str, tuple[str, Severity, Callable[[], CheckInput]]] = {
    "no subject": ("subject", BLOCK, lambda: rendered(subject="")),
    "a long subject": ("subject", WARN, lambda: rendered(subject="Monday Briefing: " + "a" * 80)),
    "the last edition's subject": ("subject", WARN, lambda: last(
        subjects=frozenset({"Monday Briefing: Harbour plan wins"}))),
    "no preheader": ("preheader", WARN, lambda: rendered(preheader="")),
    "the subject as preheader": ("preheader", WARN, lambda: rendered(preheader="monday briefing: harbour plan WINS")),
    "a long preheader": ("preheader", WARN, lambda: rendered(preheader="The harbour. " * 17)),
    "the last edition's preheader": ("preheader", WARN, lambda: last(preheaders=frozenset(
        {"Port Maren votes on its harbour, a ferry is towed in, and night trains return."}))),
    "another day's name in front": ("weekday", BLOCK, lambda: rendered(subject="Tuesday Briefing: Harbour plan wins")),
    "your other day": ("weekday", BLOCK, lambda: rendered(subject="Your Tuesday Briefing")),
    "the briefing of another day": ("weekday", BLOCK, lambda: rendered(subject="The Morning Briefing of Tuesday")),
    "another day in the news": ("weekday", WARN, lambda: rendered(subject="Morning Briefing: Friday, the court rules")),
    "a day of sales": ("weekday", WARN, lambda: rendered(subject="Black Friday is here")),
    "another date in the view": ("weekday", BLOCK, lambda: viewed(date=date(2026, 11, 24))),
    "another weekday in the view": ("weekday", BLOCK, lambda: viewed(weekday="Tuesday")),
    "another day in the introduction": ("weekday", WARN, lambda: viewed(introduction="It’s Tuesday, and it rains.")),
    "another day's greeting": ("weekday", WARN, lambda: viewed(greeting="Happy Tuesday")),
    "another day's preheader": ("weekday", WARN, lambda: rendered(preheader="Your Tuesday briefing, early.")),
    "another date in the subject": ("weekday", WARN, lambda: rendered(subject="Morning Briefing, 22 November")),
    "another American date": ("weekday", WARN, lambda: rendered(subject="Morning Briefing for November 24")),
    "another date in figures": ("weekday", WARN, lambda: rendered(subject="Morning Briefing 2026-11-22")),
    "a lead of last week": ("lead-age", WARN, lambda: fact(published_at=AT - timedelta(days=6))),
    "a lead of tomorrow": ("lead-age", WARN, lambda: fact(published_at=AT + timedelta(days=1))),
    "the last edition again": ("repeated-stories", BLOCK, lambda: last(
        stories={"europe": frozenset(story.slug for story in good().stories)})),
    "much of the last edition": ("repeated-stories", WARN, lambda: last(
        stories={"europe": frozenset(story.slug for story in good().stories[:5])})),
    "a story in the mail of those who never get it": (
        "story-fence",
        BLOCK,
        lambda: replace(
            fact(fences=({"only": [], "never": list(good().variants)},)), segments=frozenset(good().variants)
        ),
    ),
    "a fence that names no segment": (
        "story-fence",
        WARN,
        lambda: fact(fences=({"only": [], "never": ["nowhere"]},)),
    ),
    "a killed story": ("story-status", BLOCK, lambda: fact(status="killed")),
    "a held story": ("story-status", BLOCK, lambda: fact(status="held")),
    "a withheld story": ("story-status", BLOCK, lambda: fact(status="withheld")),
    "an embargo after the send": ("story-status", BLOCK, lambda: fact(embargo_until=AT + timedelta(seconds=1))),
    "a story that expires with the send": ("story-status", BLOCK, lambda: fact(expires_at=AT)),
    "a story twice": ("same-story", BLOCK, lambda: two_leads()),
    "a headline twice": ("same-story", WARN, lambda: two_leads(key="again", url="https://courier.example.org/again")),
    "a link twice": ("same-story", WARN, lambda: two_leads(key="again", headline="Another")),
    "a pin that is not followed": ("decisions", WARN, lambda: replace(good(), unmet=("pin of opera to lead: killed",))),
    "TK": ("tripwires", BLOCK, lambda: lead(dek="The bill is TK million.")),
    "TKTK": ("tripwires", BLOCK, lambda: lead(dek="The bill is TKTK.")),
    "lorem ipsum": ("tripwires", BLOCK, lambda: lead(dek="Lorem ipsum dolor sit amet.")),
    "INSERT": ("tripwires", BLOCK, lambda: rendered(subject="REMEMBER TO INSERT CLEVER SUBJECT LINE HERE")),
    "a hold for release": ("tripwires", BLOCK, lambda: lead(headline="HOLD FOR RELEASE - Obituary of a mayor")),
    "do not publish": ("tripwires", BLOCK, lambda: lead(kicker="DO NOT PUBLISH")),
    "a prepared obituary": ("tripwires", BLOCK, lambda: lead(headline="PREP. The mayor dies at 91")),
    "None alone": ("tripwires", BLOCK, lambda: lead(kicker="None")),
    "undefined alone": ("tripwires", BLOCK, lambda: lead(kicker="undefined")),
    "a picture by None": ("tripwires", WARN, lambda: rendered(subject="Monday Briefing, None")),
    "a reader named undefined": ("tripwires", BLOCK, lambda: text("Good morning", "Good morning, undefined.\n")),
    "filler in the middle": ("tripwires", BLOCK, lambda: lead(dek="The mayor dolor sit amet.")),
    "TK before a name": ("tripwires", WARN, lambda: lead(dek="The architect, TK Surname, was not there.")),
    "an object": ("tripwires", BLOCK, lambda: text("Good morning", "Good morning [object Object]")),
    "XXX": ("tripwires", BLOCK, lambda: lead(dek="XXX check this")),
    "Jinja": ("template-syntax", BLOCK, lambda: rendered(subject="Monday Briefing: {{ lead.headline }}")),
    "a Jinja block": ("template-syntax", BLOCK, lambda: lead(dek="{% if x %}")),
    "Mailchimp": ("template-syntax", BLOCK, lambda: lead(dek="Dear *|FNAME|*")),
    "Handlebars": ("template-syntax", BLOCK, lambda: lead(dek="Dear {{#if name}}")),
    "listmonk": ("template-syntax", BLOCK, lambda: lead(dek="Dear {{ .Subscriber.FirstName }}")),
    "Liquid": ("template-syntax", BLOCK, lambda: lead(dek="Dear {{ name | default: 'you' }}")),
    "MailerLite": ("template-syntax", BLOCK, lambda: lead(dek="Dear {$name}")),
    "Python": ("template-syntax", BLOCK, lambda: lead(dek="Dear {first_name}")),
    "ActiveCampaign": ("template-syntax", BLOCK, lambda: lead(dek="Dear %FIRST_NAME%")),
    "Mailgun": ("template-syntax", BLOCK, lambda: lead(dek="Dear %recipient.name%")),
    "Ruby": ("template-syntax", BLOCK, lambda: lead(dek="Dear #{name}")),
    "a mailing list": ("template-syntax", BLOCK, lambda: lead(dek="Dear [[first_name]]")),
    "a mail merge": ("template-syntax", BLOCK, lambda: lead(dek="Dear <<First Name>>")),
    "Template Toolkit": ("template-syntax", BLOCK, lambda: lead(dek="Hi [%first_name | Quartz member%]")),
    "Salesforce": ("template-syntax", BLOCK, lambda: lead(dek="Dear %%First Name%%")),
    "ERB": ("template-syntax", BLOCK, lambda: lead(dek="Dear <%= name %>")),
    "JavaScript": ("template-syntax", BLOCK, lambda: lead(dek="Dear ${name}")),
    "a slot of another variant": ("template-syntax", BLOCK, lambda: text("Good morning", "Good morning mbq0123456789abx00z")),
    "a C1 control": ("control-characters", BLOCK, lambda: text("Good morning", "Good\x92 morning")),
    "a C1 control in the HTML": ("control-characters", BLOCK, lambda: html("Good morning", "Good\x92 morning")),
    "a NUL": ("control-characters", BLOCK, lambda: html("Good morning", "Good\x00 morning")),
    "a lost character": ("control-characters", WARN, lambda: rendered(preheader="The caf\ufffd opens")),
    "a bidi override": ("control-characters", BLOCK, lambda: lead(dek="The \u202evote")),
    "a reader slot that nobody knows": ("slots", BLOCK, lambda: slotted("shoe_size")),
    "a reader slot in a style": ("slots", BLOCK, lambda: html(
        "</div></body>", f"<p style=\"color:{word(mails.rendered('ordinary').nonce, 2)}\">x</p></div></body>")),
    "a reader slot that is not used": ("slots", BLOCK, lambda: rendered(
        slots=(*mails.rendered("ordinary").slots, Slot("first_name")))),
    "another charset": ("charset", BLOCK, lambda: html("charset=UTF-8", "charset=ISO-8859-1")),
    "no charset": ("charset", WARN, lambda: html('content="text/html; charset=UTF-8"', 'content=""')),
    "words of another charset": ("charset", WARN, lambda: lead(dek="The cafÃ© does not open.")),
    "a quote of another charset": ("charset", WARN, lambda: lead(dek="It doesnâ€™t open.")),
    "a sender that is no address": ("headers", BLOCK, lambda: built(size=None, headers=b"", refused="From: 'x' is no address")),
    "a header without its button": ("unsubscribe", BLOCK, lambda: built(headers=b"From: a@example.org\r\nTo: b@example.org")),
    "a link by http": ("links", WARN, lambda: html(LINK, LINK.replace("https", "http"))),
    "a picture by http": ("links", WARN, lambda: html(
        "https://images.example.org/2026/11/lighthouse.jpg", "http://images.example.org/2026/11/lighthouse.jpg")),
    "a link that says here": ("link-text", WARN, lambda: html(">still in private hands</a>", ">Here »</a>")),
    "a link that is read out as an address": ("link-text", WARN, lambda: html(
        ">still in private hands</a>", ">https://courier.example.org/who-owns-the-quays</a>")),
    "a picture of 24 megapixels": ("image-weight", WARN, lambda: lead(image=replace(
        ordinary().sections[0].stories[0].image, width=6_000, height=4_000))),
    "twice the usual readers": ("audience-fence", WARN, lambda: replace(good(), audience=Audience({"europe": 9_700}, usual=4_800))),
    "a tenth of the usual readers": ("audience-fence", WARN, lambda: replace(good(), audience=Audience({"europe": 480}, usual=4_800))),
    "a segment without readers": ("empty-segment", WARN, lambda: replace(
        good(), audience=Audience({"europe": 0, "world": 4_800}, usual=4_800))),
    "an empty link": ("links", BLOCK, lambda: html(LINK, 'href=""')),
    "a link to nowhere": ("links", BLOCK, lambda: html(LINK, 'href="#"')),
    "a relative link": ("links", BLOCK, lambda: html(LINK, 'href="/2026/11/23/harbour-vote"')),
    "a local link": ("links", BLOCK, lambda: html(LINK, 'href="http://localhost:8000/harbour-vote"')),
    "a private address": ("links", BLOCK, lambda: html(LINK, 'href="https://192.168.1.7/harbour-vote"')),
    "a machine's bare name": ("links", BLOCK, lambda: html(LINK, 'href="https://cms/harbour-vote"')),
    "a script": ("links", BLOCK, lambda: html(LINK, 'href="javascript:alert(1)"')),
    "a placeholder": ("links", BLOCK, lambda: html(LINK, 'href="https://courier.example.org/TODO"')),
    "an address without a host": ("links", BLOCK, lambda: html(LINK, 'href="https:///harbour-vote"')),
    "an address that is none": ("links", BLOCK, lambda: html(LINK, 'href="https://[courier.example.org/"')),
    "a mailto to nobody": ("links", BLOCK, lambda: html(LINK, 'href="mailto:"')),
    "a relative picture": ("links", BLOCK, lambda: html("https://images.example.org/2026/11/lighthouse.jpg", "/l.jpg")),
    "a picture in the page": ("links", BLOCK, lambda: html(
        "https://images.example.org/2026/11/lighthouse.jpg", "data:image/png;base64,AAAA")),
    "a local link in the text": ("links", BLOCK, lambda: text(
        "https://courier.example.org/2026/11/23/harbour-vote", "http://localhost/harbour-vote")),
    "a link without words": ("link-text", WARN, lambda: html(">Unsubscribe</a>", "> </a>")),
    "a linked picture without words": ("link-text", WARN, lambda: html(
        ">Unsubscribe</a>", '><img src="https://images.example.org/x.png" width="20" alt=""></a>')),
    "no alt": ("alt", BLOCK, lambda: html(ALT, "")),
    "a file's name as alt": ("alt", WARN, lambda: html(ALT, 'alt="harbour-2.JPG"')),
    "a picture without a width": ("image-width", WARN, lambda: html(' width="600" style="display:block', ' style="display:block')),
    "a width in percent": ("image-width", WARN, lambda: html(' width="600" style="display:block', ' width="100%" style="display:block')),
    "no h1": ("headings", WARN, lambda: headings("h1", "h2")),
    "a second h1": ("headings", WARN, lambda: html("</div></body>", "<h1>Again</h1></div></body>")),
    "a level left out": ("headings", WARN, lambda: html("</div></body>", "<h2>One</h2><h4>Three</h4></div></body>")),
    "no title": ("title", WARN, lambda: html("<title>Monday Briefing: Harbour plan wins</title>", "<title> </title>")),
    "no lang": ("language", WARN, lambda: html('<html lang="en"', "<html")),
    "another lang": ("language", WARN, lambda: html('<html lang="en"', '<html lang="de"')),
    "no dir": ("language", WARN, lambda: html('<html lang="en" dir="ltr"', '<html lang="en"')),
    "no way to leave in the HTML": ("unsubscribe", BLOCK, lambda: html(UNSUBSCRIBE, "https://courier.example.org/u", count=9)),
    "no way to leave in the text": ("unsubscribe", BLOCK, lambda: text(UNSUBSCRIBE, "https://courier.example.org/u", count=9)),
    "no postal address in the HTML": ("postal-address", BLOCK, lambda: html("14 Custom House Quay", "")),
    "no postal address in the text": ("postal-address", BLOCK, lambda: text("14 Custom House Quay", "")),
    "a text part of other words": ("text-part", WARN, lambda: rendered(text="\n".join(
        (UNSUBSCRIBE, good().publication.postal_address, "Read this mail in the browser.")))),
    "a roomy HTML part": ("size", WARN, lambda: grown(ROOMY + 200)),
    "a large HTML part": ("size", WARN, lambda: grown(LARGE + 200)),
    "an HTML part that is clipped": ("size", BLOCK, lambda: grown(CLIPPED + 200)),
    "too many style sheets": ("style-size", BLOCK, lambda: html(
        "</head>", "<style>" + ".a{color:red}" * 1300 + "</style></head>")),
    "no doctype": ("doctype", BLOCK, lambda: html("<!DOCTYPE html>", "")),
    "an old doctype": ("doctype", BLOCK, lambda: html("<!DOCTYPE html>", '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">')),
}  # fmt: skip

BAD |= BAD_EDITIONS


def headings(old: str, new: str) -> CheckInput:
    source = mails.rendered("ordinary").html
    return rendered(html=source.replace(f"<{old} ", f"<{new} ").replace(f"</{old}>", f"</{new}>"))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_edition_is_caught_by_exactly_its_check(name: str) -> None:
    code, severity, made = BAD[name]
    findings = run(made())
    assert {finding.code for finding in findings} == {code}
    assert {finding.severity for finding in findings} == {severity}
    assert all(finding.where and finding.message and finding.mend for finding in findings)


def test_every_check_has_a_bad_edition() -> None:
    assert {code for code, _, _ in BAD.values()} == set(CHECKS)


def test_the_reference_page_tells_of_every_check() -> None:
    """In their order: the severities that its bad editions have, why, and whether its findings can be overridden."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in page.splitlines() if line[:3] == "| `"]
    rows = [row for row in rows if len(row) == 5]
    severities = {"text-part": {BLOCK}}  # an empty one lacks what other checks look for, too
    for code, severity, _ in BAD.values():
        severities.setdefault(code, set()).add(severity)
    assert [(code, severity, why, override) for code, severity, why, _, override in rows] == [
        (
            f"`{code}`",
            ", ".join(sorted(severities[code], key=list(Severity).index)),
            (sys.modules[function.__module__].__doc__ or "").splitlines()[0],
            f"no: {FINAL[code]}" if code in FINAL else "yes",
        )
        for code, function in CHECKS.items()
    ]


def test_an_empty_text_part_blocks() -> None:
    findings = run(rendered(text=""))
    assert Severity.BLOCK in {finding.severity for finding in findings if finding.code == "text-part"}


def test_the_sample_edition_has_no_finding() -> None:
    assert run(good()) == []


@pytest.mark.parametrize("name", [name for name in VARIANTS if name != "hostile"])
def test_no_sample_edition_is_blocked(name: str) -> None:
    view = VARIANTS[name]()
    assert not blocks(run(subject_of(view, mails.rendered(name))))


def test_what_a_hostile_story_brings_along_is_blocked_without_breaking_a_check() -> None:
    view = VARIANTS["hostile"]()
    findings = run(subject_of(view, mails.rendered("hostile")))
    assert "template-syntax" in {finding.code for finding in findings if finding.severity == Severity.BLOCK}
    assert not [finding for finding in findings if finding.where == "the check itself"]


@pytest.mark.parametrize(
    "words",
    [
        "None of the bridges will close, and none too soon",
        "The role of the harbour master is undefined, says the auditor",
        "We insert a coin and true stories come out",
        "Prices rise by 100% in 24% of towns",
        "The price is $640 {in millions}",
        "On Tuesday, the council; on Wednesday, the vote",
        "A null result, true or false",
        "TODO LO QUE SABEMOS",
        "TK Maxx opens a branch, and TK Elevator builds its lifts",
        "Insert the key, then turn it; he inserted a clause",
        "The prep school on the hill, and PrEP against HIV",
        "Do not publish or perish, said the dean",
        "Hold for release, the captain told the crew",
        "Nobody said hi. None did",
        "A null hypothesis by undefined methods is not ours",
        "Sold at 50% OFF and 20%_OFF, then 100% of it",
        "São Paulo’s AÇÃO, Âge d’or, naïve – “â la carte”, “AMANHÔ",
        "The set {a, b} and the array [[1, 2], [3, 4]] in a<<b",
        "It happened on Tuesday. The Friday after, it is over",
        "Le 22 novembre; 24 November; 2026-11-24",
        "Lorem, ipsum? No: Lorenz",
        "He is 6'2\" & weighs #1 {sic}",
    ],
)
def test_ordinary_words_are_left_alone(words: str) -> None:
    assert run(lead(dek=words, body_text=words, body_html=Markup("<p>{}</p>").format(words))) == []


@pytest.mark.parametrize(
    "line",
    [
        "Monday Briefing: None of the ministers came",
        "Morning Briefing, 23 November",
        "Morning Briefing for November 23rd",
        "Morning Briefing 2026-11-23",
        "Monday Briefing: what changes on 1 December, and on 23 November",
        "Marching orders: 24 hours in May",
        "PrEP for all",
        "TK Maxx leaves town",
    ],
)
def test_an_ordinary_subject_is_left_alone(line: str) -> None:
    assert run(rendered(subject=line)) == []


@pytest.mark.parametrize(
    "address",
    [
        "https://courier.example.org/2026/11/the-link-between-two-towns",
        "https://courier.example.org/todo/what-to-do?your=link",
        "https://news.example.tk/a",
        "http://93.184.216.34/a",
        "https://xn--mnchen-3ya.example.org/",
        "mailto:edith@courier.example.org?subject=hello",
        "tel:+4930123456",
    ],
)
def test_an_address_that_readers_can_reach_is_left_alone(address: str) -> None:
    assert what_is_wrong(address, ("https", "http", "mailto", "tel")) == ""


@pytest.mark.parametrize(
    ("around", "address"),
    [("({}).", "https://a.example/b"), ("{},", "https://a.example/b"), ("{}.", "https://a.example/b_(c)")],
)
def test_a_sentence_around_an_address_is_no_part_of_it(around: str, address: str) -> None:
    (variant,) = text("Good morning", f"{around.format(address)} Good morning").variants.values()
    assert address in [found for where, found, _, _ in addresses(variant) if where == "text part"]


@pytest.mark.parametrize(
    "address",
    [
        "https://your-domain.com/",
        "https://courier.example.org/INSERT_LINK_HERE",
        "https://courier.example.org/?u=XXXX",
        "https://courier.example.org/{{ url }}",
        "https://slot.invalid/mbq0123456789abx00z",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://10.0.0.1./",
        "ftp://courier.example.org/a",
        "//courier.example.org/a",
        "www.courier.example.org",
        "https://courier.example.org:99999/",
        "tel:",
    ],
)
def test_an_address_that_leads_nowhere_is_named(address: str) -> None:
    assert what_is_wrong(address, ("https", "http", "mailto", "tel"))


def test_a_subject_that_names_its_own_day_may_name_another_too() -> None:
    assert run(rendered(subject="Monday Briefing: the court rules on Friday")) == []


def test_a_finding_names_the_story_and_quotes_the_words() -> None:
    (finding,) = run(lead(dek="The bill is TK million."))
    assert finding.where == "story harbour-vote, dek"
    assert "“The bill is TK million.”" in finding.message


@pytest.mark.parametrize(
    ("made", "part", "words"),
    [
        (lambda: html(LINK, 'href="#"'), "html", 'href="#"'),
        (lambda: html(ALT, ""), "html", "/harbour.jpg"),
        (lambda: html("</body>", "<h2>One</h2>\n<h4>Three</h4></body>"), "html", "<h4>"),
        (lambda: html("</body>", "<p>A & TKTK</p></body>".replace("&", "&amp;")), "html", "TKTK"),
        (lambda: text("Good morning", "Good morning {{ name }}"), "text", "{{"),
        (
            lambda: text("https://courier.example.org/2026/11/23/river-clean", "https://cms/river"),
            "text",
            "https://cms",
        ),
    ],
)
def test_a_finding_of_a_part_names_its_line(made: Callable[[], CheckInput], part: str, words: str) -> None:
    subject = made()
    (variant,) = subject.variants.values()
    line = run(subject)[0].line
    assert words in getattr(variant.rendered, part).split("\n")[line - 1]


def test_what_several_segments_have_alike_is_one_finding() -> None:
    (variant,) = rendered(subject="").variants.values()
    subject = replace(good(), variants={"europe": variant, "asia": variant})
    (finding,) = run(subject)
    assert finding.segments == ("europe", "asia")


def test_blocking_findings_come_first() -> None:
    findings = run(rendered(preheader="", text=""))
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert blocks(findings)
    assert not blocks(run(rendered(preheader="")))


def test_a_check_that_breaks_off_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(subject: CheckInput) -> list[Finding]:
        raise KeyError("oops")

    monkeypatch.setitem(CHECKS, "broken", broken)
    (finding,) = run(good())
    assert (finding.code, finding.severity, finding.where) == ("broken", Severity.BLOCK, "the check itself")


def test_two_checks_cannot_have_one_code() -> None:
    with pytest.raises(ValueError, match="two checks with the code 'size'"):
        check("size")(lambda subject: [])


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "no tags",
        "<",
        "<html>",
        "<a href",
        "\x00",
        "<!doctype html><body></table>",
        "</<",
        "</p>",
        "<!-- -->",
        "<?a?>",
    ],
)
def test_html_that_is_none_breaks_no_check(source: str) -> None:
    findings = run(rendered(html=source))
    assert blocks(findings)
    assert not [finding for finding in findings if finding.where == "the check itself"]


def test_the_text_part_of_the_sample_tells_nearly_everything() -> None:
    assert shared(next(iter(good().variants.values()))) > 0.9


@given(st.text(max_size=80), st.text(alphabet="<>/abhrefimgsltd=\"' \n\x00\x92{}%", max_size=120), st.text(max_size=80))
def test_whatever_is_rendered_no_check_breaks_off(subject: str, html: str, text: str) -> None:
    findings = run(rendered(subject=subject, html=html, text=text, preheader=subject))
    assert not [finding for finding in findings if finding.where == "the check itself"]
