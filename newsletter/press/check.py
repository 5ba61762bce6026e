"""What the checks say of an edition as it would go out now, and what a named person says to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from newsletter.checks import CHECKS, CheckedVariant, Finding, Overridden, run, why_final
from newsletter.checks.built import build
from newsletter.checks.gather import gather
from newsletter.editions import findings, store
from newsletter.editions.models import FindingOverride
from newsletter.errors import NotFound, Refused
from newsletter.press.audience import audience
from newsletter.press.clicks import as_measured
from newsletter.press.messages import headers
from newsletter.press.readers import largest_reader
from newsletter.press.render import variants
from newsletter.press.site import Site
from newsletter.text import one_line


def check(site: Site, key: str, rendered: Mapping[str, CheckedVariant] | None = None) -> list[Finding]:
    """Every finding, the blocking ones first, each that a person overrode with their word.

    ``rendered`` saves rendering again what the caller has.
    """
    rendered = rendered if rendered is not None else variants(site, key)
    with site.database.reading() as session:
        edition = store.find(session, key)
        at = max(edition.due_at, site.clock.now())
        reader = largest_reader(site, session, edition.briefing, edition.edition_date)
        subject = gather(
            session,
            edition,
            site.publication,
            rendered,
            at=at,
            messages={
                segment: build(
                    as_measured(site, edition.briefing, variant), headers(site, edition, segment, at), reader
                )
                for segment, variant in rendered.items()
            },
            audience=audience(site, session, edition),
            clients=site.settings.clients,
            segments=frozenset(site.segments),
        )
        given = findings.standing(session, edition)
    return [_overridden(finding, given.get(finding.fingerprint)) for finding in run(subject)]


def _overridden(finding: Finding, by: FindingOverride | None) -> Finding:
    if by is None or why_final(finding):
        return finding
    return replace(finding, override=Overridden(by.by, by.reason, by.at))


def override(
    site: Site, key: str, code: str, by: str, reason: str, where: str | None = None, seen: str = ""
) -> list[Finding]:
    """Lets an edition go out with what a check finds now, on a person's word; returns the findings, overridden.

    Without ``where`` the check has one finding only. It holds for what stands there now: a finding that says something
    else the next time is not covered. ``seen`` is the fingerprint of the one that the person looked at, if they did:
    another one is not overridden. Raises `Refused` with what to write, `NotFound`, or `WrongState`.
    """
    by, reason = one_line(by), one_line(reason)
    if not by or not reason:
        raise Refused("an override needs a name and a reason: write --by NAME --reason WHY")
    with site.database.reading() as session:
        version = store.find(session, key).version
    found = _chosen(key, check(site, key), code, where, seen)
    with site.database.writing() as session:
        edition = store.find(session, key)
        if edition.version != version:
            raise Refused(f"{key} was changed in the meantime: look at it again")
        for finding in found:
            findings.override(session, edition, finding, by=by, reason=reason, clock=site.clock)
    word = Overridden(by, reason, site.clock.now())
    return [replace(finding, override=word) for finding in found]


def _chosen(key: str, now: list[Finding], code: str, where: str | None, seen: str) -> list[Finding]:
    """The findings that an override is about. Raises `Refused`."""
    if code not in CHECKS:
        raise Refused(f"there is no check {code!r}: there is {', '.join(CHECKS)}")
    if seen and all(finding.fingerprint != seen for finding in now):
        raise Refused(f"{code} does not say that any more: look at what the checks say now")
    mine = [finding for finding in now if finding.code == code and seen in ("", finding.fingerprint)]
    found = [finding for finding in mine if where in (None, finding.where)]
    if not found:
        places = "; ".join(dict.fromkeys(finding.where for finding in mine))
        hint = f"write --where with one of {places}" if mine else f"see `newsletter edition check {key}`"
        raise NotFound(f"{key} has no finding {code}{f' at {where}' if where else ''} now: {hint}")
    if where is None and len(found) > 1:
        places = "; ".join(dict.fromkeys(finding.where for finding in found))
        raise Refused(f"{key} has {len(found)} findings {code}: write --where with one of {places}")
    if why := next(filter(None, map(why_final, found)), ""):
        raise Refused(f"{code} ({found[0].where}) cannot be overridden: {why}")
    return found


def take_back(site: Site, key: str, code: str, by: str, where: str | None = None) -> int:
    """Takes back what was overridden of a check, at one place if given; returns how many. Raises `Refused` without a
    name, `NotFound`, or `WrongState`."""
    if not (by := one_line(by)):
        raise Refused("this needs a name: write --by NAME")
    with site.database.writing() as session:
        return findings.take_back(session, store.find(session, key), code, where, by=by, clock=site.clock)
