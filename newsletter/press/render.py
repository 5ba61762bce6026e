"""From an edition's slots to what each segment's readers would get. Nothing is stored: looking has no side effects."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup
from sqlalchemy.orm import Session

from newsletter.checks import CheckedVariant
from newsletter.editions import store
from newsletter.editions.dates import long_date, weekday
from newsletter.editions.models import Edition
from newsletter.editions.patterns import fill
from newsletter.editions.store import StoryInPlace
from newsletter.errors import NotFound, Refused
from newsletter.press.site import Site
from newsletter.rendering.model import BulletView, EditionView, ImageView, Rendered, SectionView, StoryView
from newsletter.rendering.page import TemplateSet
from newsletter.stories import markup


def variants(site: Site, key: str, segment: str | None = None) -> dict[str, CheckedVariant]:
    """An edition as each segment of its briefing (or the one given) would get it now, in the briefing's order.

    Raises `TemplateError`, and `NotFound` for a segment that the briefing does not go to.
    """
    with site.database.reading() as session:
        edition = store.find(session, key)
        known = site.briefing(edition.briefing).segments
        if segment is not None and segment not in known:
            raise NotFound(f"{key} does not go to {segment!r}: it goes to {', '.join(known)}")
        views = {name: view(site, session, edition, name) for name in known if segment in (None, name)}
        template = site.template(edition.briefing)
    return {name: CheckedVariant(seen, _rendered(site, template, seen)) for name, seen in views.items()}


_MOST_KEPT = 48
"""Variants that are kept as they were rendered, some hundred kilobytes each: a desk asks for the same ones again and
again, a page and its frames within a moment."""


def _rendered(site: Site, template: TemplateSet, seen: EditionView) -> Rendered:
    """A variant, rendered if the very same was not lately: the same template and view give the same bytes."""
    what = (template.folder, template.version, seen)
    known = site.rendered.get(what)
    if known is None:
        known = template.render(seen)
        while len(site.rendered) >= _MOST_KEPT:
            # The oldest; another thread may have taken it out.
            site.rendered.pop(next(iter([*site.rendered]), what), None)
        site.rendered[what] = known
    return known


def view(site: Site, session: Session, edition: Edition, segment: str) -> EditionView:
    """What the template sees of an edition for one segment. Raises `Refused` where no story stands for it."""
    briefing = site.briefing(edition.briefing)
    placed = store.variant_slots(session, edition, briefing, segment)
    if not placed:
        raise Refused(f"{edition.key} has no story for {segment}: assemble it (newsletter edition assemble)")
    sections = tuple(
        SectionView(one.section.key, one.section.title, one.section.layout, tuple(_story(s) for s in one.stories))
        for one in placed
    )
    language = briefing.language or site.settings.publication.language
    stories = [story for section in sections for story in section.stories]

    def filled(pattern: str) -> str:
        return fill(
            pattern,
            day=edition.edition_date,
            language=language,
            stories=stories,
            briefing=briefing.name,
            publication=site.settings.publication.name,
            segment=segment,
        )

    return EditionView(
        key=edition.key,
        briefing=briefing.name,
        date=edition.edition_date,
        weekday=weekday(edition.edition_date, language),
        long_date=long_date(edition.edition_date, language),
        publication=site.publication,
        segment=segment,
        sections=sections,
        subject=edition.subject or filled(briefing.subject),
        preheader=edition.preheader if edition.preheader is not None else filled(briefing.preheader),
        greeting=briefing.greeting,
        introduction=briefing.introduction,
        sign_off=briefing.sign_off,
        reason=briefing.reason or f"You get this because you subscribed to {briefing.name}.",
        language=language,
        direction=briefing.direction or site.settings.publication.direction,
    )


_LONG = 20_000
"""Characters of a body from which on it is not kept."""


@lru_cache(512)
def _body(words: str) -> tuple[Markup, str]:
    """A body as HTML and as plain text. Segments have most stories in common, and so has an edition before an edit."""
    return markup.block_html(words), markup.plain(words)


def _story(placed: StoryInPlace) -> StoryView:
    version = placed.version
    image = version.image
    body_html, body_text = (_body if len(version.body) <= _LONG else _body.__wrapped__)(version.body)
    return StoryView(
        key=version.story.slug,
        headline=placed.headline,
        kicker=version.kicker,
        # A short form of words that an editor has replaced would say the old thing in the subject.
        short_headline=version.short_headline if placed.headline == version.headline else "",
        dek=placed.dek,
        preheader=version.summary or placed.dek,
        body_html=body_html,
        body_text=body_text,
        bullets=tuple(
            BulletView(
                label=bullet["label"],
                html=markup.inline_html(bullet["text"]),
                text=markup.plain_inline(bullet["text"]),
                link=bullet.get("link") or "",
            )
            for bullet in placed.bullets
        ),
        byline=version.byline,
        image=ImageView(
            url=image["url"],
            alt=image.get("alt") or "",
            caption=image.get("caption") or "",
            credit=image.get("credit") or "",
            width=image.get("width") or 0,
            height=image.get("height") or 0,
            decorative=bool(image.get("decorative")),
        )
        if image
        else None,
        url=version.url,
    )
