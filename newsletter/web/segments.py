"""Segments: what each is, how many readers it has now, and some of them for who may see addresses."""

from __future__ import annotations

import json

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.errors import SegmentError
from newsletter.web.ask import Ask
from newsletter.web.routing import Pages
from newsletter.web.send import may

pages = Pages()
pages.nav("Segments", "/segments", order=30)

_SAMPLE = 10


@pages.get("/segments", Role.VIEWER)
def segments(ask: Ask) -> Response:
    problem, found = "", []
    try:
        found = press.live_segments(ask.site)
    except SegmentError as error:
        problem = str(error)
    rules = {one.segment.key: json.dumps(one.rule, ensure_ascii=False) for one in found}
    names = {key: one.name for key, one in ask.site.settings.briefings.items()}
    return ask.page("segments.html", segments=found, rules=rules, briefings=names, problem=problem, **may(ask))


@pages.get("/segments/{segment}/sample", Role.OPERATOR)
def sample(ask: Ask) -> Response:
    key = ask.path("segment")
    return ask.page("segment-sample.html", segment=key, readers=press.sample_of(ask.site, key, _SAMPLE))
