"""Behind the links of mails that ask to confirm: a new address, and an erasure. Looking changes nothing."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.audience.consent import Said
from newsletter.audience.moving import Fate
from newsletter.press import erasure, moving
from newsletter.web.caller import Caller
from newsletter.web.routing import Pages
from newsletter.web.visit import words_of

pages = Pages()


@pages.caller("GET", "/address/{token}")
def look_at_address(caller: Caller) -> Response:
    language, done = moving.to_move(caller.site, caller.path("token"))
    return _show(caller, language, "address", "moved" if done else "ask")


@pages.caller("POST", "/address/{token}")
def take_address(caller: Caller) -> Response:
    token = caller.path("token")
    language, _ = moving.to_move(caller.site, token)
    words = words_of(caller.site, caller.request, language)
    fate = moving.confirm_move(caller.site, token, Said(words("address.button"), "mail link"), words.language)
    return _show(caller, language, "address", "taken" if fate is Fate.TAKEN else "moved")


@pages.caller("GET", "/erase/{token}")
def look_at_erasure(caller: Caller) -> Response:
    language = erasure.to_erase(caller.site, caller.path("token"))
    return _show(caller, language or "", "erase", "done" if language is None else "ask")


@pages.caller("POST", "/erase/{token}")
def erase(caller: Caller) -> Response:
    token = caller.path("token")
    language = erasure.to_erase(caller.site, token) or ""
    words = words_of(caller.site, caller.request, language)
    erasure.confirm_erasure(caller.site, token, Said(words("erase.button"), "mail link"))
    return _show(caller, language, "erase", "done")


def _show(caller: Caller, language: str, what: str, state: str) -> Response:
    caller.words = words_of(caller.site, caller.request, language)
    return caller.page("confirm.html", what=what, state=state)
