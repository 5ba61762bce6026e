"""What one edition costs, step by step, beside the naïve way: ``python -m benchmarks.briefing [--quick]``.

Everything runs in one process, in temporary folders that are removed at the end, without a network. Each line is the
median of several runs with the least and the most. A naïve line does the same work the way one would write it first;
where the lines of a pair did different amounts of it, both are brought to the same unit.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gc
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import partial
from pathlib import Path

from jinja2 import Environment, Template
from sqlalchemy import insert, true, update

from benchmarks.csv_import import write_csv
from benchmarks.null import NullBackend
from newsletter.audience.addresses import normalise
from newsletter.audience.models import Consent, Subscriber
from newsletter.audience.suppression import suppressed_clause
from newsletter.audience.tokens import Links, Tokens
from newsletter.audience.transfer import import_csv
from newsletter.backends.base import Message
from newsletter.clock import SystemClock
from newsletter.config.models import Briefing
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.ledger import Recipient
from newsletter.delivery.plan import VariantRule, freeze
from newsletter.delivery.pump import Pump, Rules
from newsletter.delivery.report import report
from newsletter.editions.assembly import Candidate, assemble
from newsletter.editions.models import Edition, Variant
from newsletter.rendering.inline import inline
from newsletter.rendering.mime import CompiledMessage
from newsletter.rendering.model import ReaderColumns, ReaderValues
from newsletter.rendering.page import SlotWords, TemplateSet
from newsletter.testing.samples import long
from tests.mails import HEADERS, RITA, TEMPLATE

CLOCK = SystemClock()
DUE = HEADERS.date


@dataclass(frozen=True)
class Line:
    """A measured step: seconds a unit, one number a run."""

    name: str
    unit: str
    seconds: list[float]
    ours: Line | None = None
    """What a naïve line is compared with."""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def timed(work: Callable[[], object], runs: int, each: int = 1, units: int = 1) -> list[float]:
    """Seconds a unit for each run, in which ``work`` is called ``each`` times and does ``units`` every time."""
    work()  # what is cached once a process is not what is asked
    out = []
    for _ in range(runs):
        gc.collect()
        start = time.perf_counter()
        for _ in range(each):
            work()
        out.append((time.perf_counter() - start) / each / units)
    return out


def measured(run: Callable[[], float], runs: int) -> list[float]:
    """Seconds a unit for each run of something that sets itself up and clocks itself."""
    return [run() for _ in range(runs)]


# --- assembly -------------------------------------------------------------------------------------------------------

SECTIONS = ("lead", "world", "city", "business", "culture")


def briefing() -> Briefing:
    """Five sections of five stories."""
    return Briefing.model_validate({
        "name": "Morning Briefing",
        "sender": {"name": "The Courier", "address": "morning@courier.example.org"},
        "segments": ["everyone"],
        "sections": [
            {"key": key, "title": key.title(), "layout": "brief", "min": 5, "max": 5, "select": {"sections": [key]}}
            for key in SECTIONS
        ],
    })  # fmt: skip


def candidates(count: int) -> list[Candidate]:
    dice = random.Random(1)
    return [
        Candidate(
            number, number, f"story-{number}", dice.choice(SECTIONS), tags=(dice.choice("abcdef"),),
            regions=(dice.choice(("europe", "americas")),), priority=dice.randint(1, 9),
            published_at=DUE - timedelta(minutes=dice.randint(1, 1_000)),
        )
        for number in range(1, count + 1)
    ]  # fmt: skip


# --- one reader -----------------------------------------------------------------------------------------------------


def final_templates(page: TemplateSet, compiled: CompiledMessage) -> tuple[Template, Template]:
    """The finished HTML and text of the edition as Jinja templates, with a variable where readers differ."""
    environment = Environment(autoescape=True)
    templates = []
    names = ("first_name", "unsubscribe_url", "preferences_url", "view_url")
    marks = {name: f"NAIVE{name.upper().replace('_', '')}MARK" for name in names}
    marked = replace(RITA, **{n: f"https://{m}.example" if n.endswith("url") else m for n, m in marks.items()})
    for document in compiled.documents(marked):
        source = document.replace("{{", "{{ '{{' }}").replace("{%", "{{ '{%' }}").replace("{#", "{{ '{#' }}")
        for name, mark in marks.items():
            source = source.replace(f"https://{mark}.example" if name.endswith("url") else mark, f"{{{{ {name} }}}}")
        templates.append(environment.from_string(source))
    return templates[0], templates[1]


SIGN = Links("https://courier.example.org", Tokens.from_secrets(b"benchmark" * 4)).of(77, "morning")


def people(count: int) -> list[tuple[int, ReaderValues]]:
    """Readers with an address and links of their own, who share 400 first names; with their numbers."""
    out = []
    for number in range(10_000_000, 10_000_000 + count):
        links = SIGN(number)
        token = links.unsubscribe.rpartition("/")[2]
        out.append((number, ReaderValues(
            f"reader.{number}@mail{number % 50}.example.org", f"Rita {number % 400}", *links,
            f"morning.20261123.{number:x}.4d@courier.example.org",
            f"morning@courier.example.org?subject=unsubscribe%20{token}",
        )))  # fmt: skip
    return out


def values(reader: ReaderValues) -> dict[str, str]:
    names = ("first_name", "unsubscribe_url", "preferences_url", "view_url")
    return {name: getattr(reader, name) for name in names}


def email_message(reader: ReaderValues, subject: str, html: str, text: str) -> bytes:
    """A message by the standard library alone."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(HEADERS.sender_name, addr_spec=HEADERS.sender_address)
    message["To"] = reader.address
    message["Subject"] = subject
    message["Date"] = HEADERS.date
    message["Message-ID"] = f"<{reader.message_id}>"
    message["List-Id"] = f"{HEADERS.list_name} <{HEADERS.list_id}>"
    message["List-Unsubscribe"] = f"<{reader.unsubscribe_url}>, <mailto:{reader.unsubscribe_mailto}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


# --- subscribers ----------------------------------------------------------------------------------------------------


@contextmanager
def fresh() -> Iterator[tuple[Database, Path]]:
    """An empty SQLite database with its schema, in a folder that goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/newsletter.db")
        try:
            upgrade(database)
            yield database, Path(folder)
        finally:
            database.close()


def import_ours(rows: int) -> float:
    with fresh() as (database, folder):
        write_csv(folder / "readers.csv", rows)
        start = time.perf_counter()
        done = import_csv(
            database, folder / "readers.csv", consent="I want the briefing.", source="benchmark", clock=CLOCK,
            rejects=folder / "rejects.csv",
        )  # fmt: skip
        assert done.rows == rows
        return (time.perf_counter() - start) / rows


def import_naive(rows: int) -> float:
    """One ORM object and one ``session.add`` a row, one commit at the end; no reject file, no duplicates looked for
    but in a set."""
    with fresh() as (database, folder):
        write_csv(folder / "readers.csv", rows)
        start = time.perf_counter()
        now, seen = CLOCK.now(), set()
        with database.writing() as session, (folder / "readers.csv").open(encoding="utf-8", newline="") as file:
            consent = Consent(digest="d", wording="I want the briefing.", source="benchmark", at=now)
            session.add(consent)
            session.flush()
            for row in csv.DictReader(file):
                try:
                    address = normalise(row["Email"])
                except Exception:  # a bad row
                    continue
                if address.email_norm in seen:
                    continue
                seen.add(address.email_norm)
                session.add(Subscriber(
                    email=row["Email"], email_norm=address.email_norm, address_hash=len(seen).to_bytes(32),
                    first_name=row["First name"], last_name=row["Last name"], country=row["Country"],
                    language=row["Language"], timezone=row["Time zone"], tags=[t for t in row["Tags"].split(",") if t],
                    attributes={"visits": row["Visits"]}, consent_id=consent.id, created_at=now, updated_at=now,
                ))  # fmt: skip
                session.flush()
        return (time.perf_counter() - start) / rows


# --- the ledger -----------------------------------------------------------------------------------------------------


def sending(database: Database, readers: int) -> tuple[int, int]:
    """An edition that is sending, with one variant, to so many readers; returns both ids."""
    now = CLOCK.now()
    with database.write_connection() as connection:
        consent = connection.execute(
            insert(Consent).values(digest="d", wording="yes", source="benchmark", at=now).returning(Consent.id)
        ).scalar_one()
        connection.execute(insert(Subscriber), [
            {
                "email": f"reader{n}@example.org", "email_norm": f"reader{n}@example.org",
                "address_hash": n.to_bytes(32), "first_name": "Rita", "tags": [], "attributes": {},
                "consent_id": consent, "created_at": now, "updated_at": now,
            }
            for n in range(readers)
        ])  # fmt: skip
        edition = connection.execute(
            insert(Edition)
            .values(briefing="morning", edition_date=date(2026, 11, 23), state="locked", due_at=now, created_at=now)
            .returning(Edition.id)
        ).scalar_one()
        variant = connection.execute(
            insert(Variant)
            .values(
                edition_id=edition, segment="everyone", no=0, backends=["null"], due_at=now, subject="", preheader="",
                html="", text="", slots=[], nonce="0" * 12, digest="", stories=[], frozen_at=now,
            )
            .returning(Variant.id)
        ).scalar_one()  # fmt: skip
    return edition, variant


def deliver(readers: int, compiled: CompiledMessage) -> float:
    """Freeze the recipients, claim, build every message, intend, settle, commit; until the report adds up."""

    class Builder:
        """Many messages at a time, as `newsletter.press.messages` makes them."""

        def __call__(self, recipient: Recipient) -> Message:
            return self.many([recipient])[0]

        def many(self, recipients: Sequence[Recipient]) -> list[Message]:
            readers = [
                replace(
                    RITA, address=recipient.email, first_name=recipient.first_name,
                    message_id=f"morning.{recipient.subscriber}@courier.example.org",
                )
                for recipient in recipients
            ]  # fmt: skip
            return [
                Message(recipient.subscriber, compiled.sender, recipient.email, pieces)
                for recipient, pieces in zip(recipients, compiled.many(ReaderColumns.of(readers)), strict=True)
            ]

    with fresh() as (database, _):
        edition, variant = sending(database, readers)
        suppressed = suppressed_clause("morning", CLOCK.now())
        start = time.perf_counter()
        freeze(database, edition, [VariantRule(variant, true(), CLOCK.now())], suppressed, CLOCK)
        with database.write_connection() as connection:
            connection.execute(update(Edition).where(Edition.id == edition).values(state="sending"))
        pump = Pump(
            database, edition, {variant: Builder()}, {"null": NullBackend(50)}, suppressed,
            Rules(CLOCK.now() + timedelta(hours=6)), CLOCK,
        )  # fmt: skip
        assert asyncio.run(pump.run()).done
        spent = time.perf_counter() - start
        total = report(database, edition)
        assert total.adds_up
        assert total.counts.accepted == readers
        return spent / readers


# --- the table ------------------------------------------------------------------------------------------------------


def css_inline(html: str, css: str) -> Callable[[], object] | None:
    """The same inlining by css-inline, where it is installed."""
    try:
        from css_inline import CSSInliner
    except ImportError:
        return None
    inliner = CSSInliner(inline_style_tags=False, keep_style_tags=True, load_remote_stylesheets=False, extra_css=css)
    return partial(inliner.inline, html)


def lines(quick: bool) -> Iterator[Line]:
    runs = 3 if quick else 7
    page, edition = TemplateSet.load(TEMPLATE), long()
    rendered = page.render(edition)
    compiled = CompiledMessage.compile(rendered, HEADERS)

    rules, stories = briefing(), candidates(500)
    assert len(assemble(rules, stories, at=DUE).slots) == 25
    yield Line("assemble 25 of 500 stories", "edition", timed(lambda: assemble(rules, stories, at=DUE), runs, 20))

    words = SlotWords(rendered.nonce)
    fill = partial(page._html.render, edition=edition, slot=words.text, slot_url=words.url)
    filled = fill()
    yield Line("render: Jinja, HTML part", "variant", timed(fill, runs, 10))
    inlining = Line("inline: premailer, our recipe", "variant", timed(lambda: inline(filled, page.css), runs, 2))
    yield inlining
    if other := css_inline(filled, page.css):
        yield Line("  css-inline beside it", "variant", timed(other, runs, 10), inlining)
    whole = Line("render whole: both parts, checked", "variant", timed(lambda: page.render(edition), runs, 2))
    yield whole
    yield Line("compile", "variant", timed(lambda: CompiledMessage.compile(rendered, HEADERS), runs, 10))

    audience = people(2_000)

    numbers = [number for number, _ in audience]
    many = [ReaderColumns.of([reader for _, reader in audience[at : at + 64]]) for at in range(0, len(audience), 64)]

    def links() -> None:
        for at in range(0, len(numbers), 64):
            SIGN.many(numbers[at : at + 64])

    yield Line("sign 64 readers' three links", "reader", timed(links, runs, 1, len(audience)))

    def build() -> None:
        for readers in many:
            for made in compiled.many(readers):
                b"".join(made)

    def pieces() -> None:
        for readers in many:
            compiled.many(readers)

    def alone() -> None:
        for _, reader in audience:
            compiled.pieces(reader)

    assert len(compiled.many(many[0])) == 64
    yield Line("build the message, in pieces, alone", "reader", timed(alone, runs, 1, len(audience)))
    yield Line("build 64 messages, in pieces", "reader", timed(pieces, runs, 1, len(audience)))
    ours = Line("build 64 messages, joined", "reader", timed(build, runs, 1, len(audience)))
    yield ours
    html, text = final_templates(page, compiled)
    known = values(RITA)
    assert html.render(known) == compiled.documents(RITA)[0]

    def naive() -> bytes:
        return email_message(RITA, rendered.subject, html.render(known), text.render(known))

    done = compiled.documents(RITA)
    each = 10 if quick else 40
    only = timed(lambda: email_message(RITA, rendered.subject, *done), runs, each)
    yield Line("  naïve: EmailMessage alone", "reader", only, ours)
    yield Line("  naïve: Jinja of the final page, EmailMessage", "reader", timed(naive, runs, each), ours)

    def everything() -> bytes:
        page.render(edition)
        return naive()

    yield Line("  naïve: render and inline all, EmailMessage", "reader", timed(everything, min(runs, 3)), ours)

    repeats = 2 if quick else 5
    ours = Line("CSV import", "row", measured(lambda: import_ours(20_000 if quick else 100_000), repeats))
    yield ours
    by_orm = measured(lambda: import_naive(1_000 if quick else 5_000), repeats)
    yield Line("  naïve: session.add and flush a row", "row", by_orm, ours)

    readers = 2_000 if quick else 20_000
    yield Line("freeze, build, ledger; null backend", "reader", measured(lambda: deliver(readers, compiled), repeats))


def span(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:,.2f} {unit}"
    return f"{seconds / 1e-6:,.1f} µs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs, fewer rows: seconds instead of a minute")
    quick = parser.parse_args().quick
    began = time.perf_counter()
    edition = TemplateSet.load(TEMPLATE).render(long())
    size = len(CompiledMessage.compile(edition, HEADERS).build(RITA))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; 25 stories, message of {size:,} bytes\n")
    print(f"{'':<56}{'median':>11} {'least – most':>24}   {'a second':>9}  against ours")
    for line in lines(quick):
        if line.ours is None:
            beside = ""
        elif line.median >= line.ours.median:
            beside = f"{line.median / line.ours.median:,.1f} times the time"
        else:
            beside = f"1/{line.ours.median / line.median:,.1f} of the time"
        spread = f"{span(min(line.seconds))} – {span(max(line.seconds))}"
        rate = 1 / line.median
        each = f"{rate:>9,.0f}" if rate >= 10 else f"{rate:>9.1f}"
        print(f"{f'{line.name}, per {line.unit}':<56}{span(line.median):>11} {spread:>24}   {each}  {beside}".rstrip())
    print(f"\n{time.perf_counter() - began:.0f} seconds in all")


if __name__ == "__main__":
    main()
