"""The sign-up form as a piece of HTML for a page of the newsroom's own."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

from newsletter.catalogues import words_for
from newsletter.errors import Refused
from newsletter.press import join
from newsletter.press.site import Site


def join_form(site: Site, briefings: Sequence[str] = (), language: str = "") -> str:
    """A plain form that leads to the page to join, for all briefings that anybody can join unless some are named, in
    the publication's language unless another is given. It has no script, no styles, and loads nothing.

    Raises `Refused` for a briefing that nobody can join.
    """
    offered = {choice.key: choice.name for choice in join.offered(site)}
    for key in briefings:
        if key not in offered:
            known = ", ".join(offered) or "none"
            raise Refused(f"nobody can join {key!r} by a form: readers.join.briefings has {known}")
    if not offered:
        raise Refused("nobody can join anything by a form: readers.join.briefings is empty")
    wanted = {key: offered[key] for key in briefings or offered}
    say = words_for(language, "", site.settings.publication.language)
    base = site.settings.publication.base_url.rstrip("/")
    head = Markup(
        '<form method="post" action="{}/join" accept-charset="utf-8" lang="{}" dir="{}">\n'
        '  <input type="hidden" name="from" value="form"><input type="hidden" name="language" value="{}">\n'
    ).format(base, say.language, say.direction, say.language)
    return "".join([head, *_choices(wanted, say("join.choose")), _rest(say("join.email"), say("join.button"))])


def _choices(wanted: dict[str, str], legend: str) -> list[Markup]:
    if len(wanted) == 1:
        return [Markup('  <input type="hidden" name="briefing" value="{}">\n').format(key) for key in wanted]
    box = Markup('    <p><label><input type="checkbox" name="briefing" value="{}" checked> {}</label></p>\n')
    boxes = [box.format(key, name) for key, name in wanted.items()]
    return [Markup("  <fieldset>\n    <legend>{}</legend>\n").format(legend), *boxes, Markup("  </fieldset>\n")]


def _rest(email: str, button: str) -> str:
    # What no person sees and a program fills in: see `newsletter.press.door`.
    return (
        f'  <p><label>{escape(email)} <input type="email" name="email" required maxlength="254" autocomplete="email" '
        'dir="ltr"></label></p>\n'
        '  <p hidden><label>Fax <input name="fax" tabindex="-1" autocomplete="off"></label></p>\n'
        f'  <p><button type="submit">{escape(button)}</button></p>\n</form>\n'
    )
