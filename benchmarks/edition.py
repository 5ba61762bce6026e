"""A site with an edition that is about to be sent, to as many invented readers as wanted."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path

from sqlalchemy import insert, text

from newsletter.audience.models import Consent
from newsletter.clock import SystemClock
from newsletter.config import load_settings
from newsletter.database import Database
from newsletter.database.schema import upgrade
from newsletter.delivery.models import to_ms
from newsletter.editions.models import Edition, Variant
from newsletter.press import Site
from newsletter.rendering.model import Rendered

KEY = "morning/2026-11-23"
_SECRET = "0123456789abcdef" * 4

_CONFIG = """\
publication:
  name: The Port Maren Courier
  postal_address: 14 Custom House Quay, Port Maren PM1 4QX
  base_url: https://courier.example.org
  timezone: Europe/Berlin
{publication}environment: production
secret_key: {secret}
database: {database}
backends:
  relay: {{{backend}}}
briefings:
  morning:
    name: Morning Briefing
    sender: {{name: The Port Maren Courier, address: morning@courier.example.org, reply_to: edith@courier.example.org}}
    segments: [everyone]
    sections: [{{key: lead, layout: lead}}]
{settings}
"""

# No row passes through Python: a recursive query counts, and the rest is functions of its number. Hashes are not what
# they are in real life, but as long.
_READERS = """
    INSERT INTO subscriber (email, email_norm, address_hash, first_name, last_name, country, region, language,
        timezone, frequency, tags, attributes, consent_id, created_at, updated_at)
    WITH RECURSIVE counted(n) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT n + 1 FROM counted WHERE n < :last)
    SELECT 'reader' || {number} || '@example.org', 'reader' || {number} || '@example.org', {hash},
        CASE n % 5 WHEN 0 THEN 'Rita' WHEN 1 THEN 'Zoë' WHEN 2 THEN 'Łukasz' WHEN 3 THEN '美雪' ELSE '' END, 'Reader',
        CASE n % 3 WHEN 0 THEN 'DE' WHEN 1 THEN 'US' ELSE 'NG' END, '', 'en', 'Europe/Berlin', '',
        {tags}, {attributes}, :consent, :now, :now
    FROM counted
"""
_SUPPRESSED = """
    INSERT INTO suppression (address_hash, briefing, email_norm, reason, note, at)
    SELECT address_hash, '', email_norm, 'unsubscribed', '', :now FROM subscriber WHERE id % 1000 = 999
"""
_CHUNK = 500_000


def make_site(folder: Path, database: str, backend: str, publication: str = "", settings: str = "") -> Site:
    """A site in ``folder`` on an empty database, with one briefing that goes to everyone by the backend ``relay``.

    ``backend`` are that one's keys; ``publication`` and ``settings`` are more lines of those two.
    """
    (folder / "subscribers").mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(
        _CONFIG.format(
            secret=_SECRET, database=database, backend=backend, settings=settings,
            publication="".join(f"  {line}\n" for line in publication.splitlines()),
        ),
        encoding="utf-8",
    )  # fmt: skip
    (folder / "subscribers" / "segments.yaml").write_text(
        "everyone: {backend: relay, rule: {everyone: true}}\n", encoding="utf-8"
    )
    loaded = load_settings(config)
    upgrade(opened := Database(loaded.database, root=loaded.root))
    return Site(loaded, opened, SystemClock())


def add_readers(site: Site, count: int) -> int:
    """Invents ``count`` readers, one in a thousand of them suppressed; returns how many will get the edition."""
    sqlite, now = site.database.is_sqlite, to_ms(site.clock.now())
    hashed = "CAST(printf('%032d', n) AS BLOB)" if sqlite else "decode(lpad(to_hex(n), 64, '0'), 'hex')"
    empty = ("'[]'", "'{}'") if sqlite else ("CAST('[]' AS jsonb)", "CAST('{}' AS jsonb)")
    number = "printf('%08d', n)" if sqlite else "lpad(CAST(n AS text), 8, '0')"  # in the order of the index
    statement = text(
        _READERS.format(number=number, hash=hashed, tags=empty[0], attributes=empty[1]).replace("::", r"\:\:")
    )
    with site.database.write_connection() as connection:
        consent = connection.execute(
            insert(Consent)
            .values(digest="d", wording="yes", source="benchmark", at=site.clock.now())
            .returning(Consent.id)
        ).scalar_one()
    for first in range(1, count + 1, _CHUNK):
        last = min(count, first + _CHUNK - 1)
        with site.database.write_connection() as connection:
            connection.execute(statement, {"first": first, "last": last, "consent": consent, "now": now})
    with site.database.write_connection() as connection:
        out = connection.execute(text(_SUPPRESSED), {"now": now}).rowcount
        connection.execute(text("ANALYZE"))
    return count - out


def lock_edition(site: Site, rendered: Rendered) -> int:
    """An edition whose words are frozen and whose readers are not yet; returns its id."""
    now = site.clock.now()
    with site.database.write_connection() as connection:
        edition = connection.execute(
            insert(Edition)
            .values(
                briefing="morning", edition_date=date.fromisoformat(KEY.partition("/")[2]), state="locked", due_at=now,
                created_at=now, locked_at=now,
            )
            .returning(Edition.id)
        ).scalar_one()  # fmt: skip
        connection.execute(
            insert(Variant).values(
                edition_id=edition, segment="everyone", no=0, backends=["relay"], due_at=now, subject=rendered.subject,
                preheader=rendered.preheader, html=rendered.html, text=rendered.text,
                slots=[asdict(slot) for slot in rendered.slots], nonce=rendered.nonce, digest=rendered.digest,
                stories=[], frozen_at=now,
            )
        )  # fmt: skip
    return edition
