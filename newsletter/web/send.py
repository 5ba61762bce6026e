"""The Send tab: what will happen, said in a sentence beside the mail, and a person's yes; and the ways to stop it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from newsletter import press
from newsletter.accounts import Role
from newsletter.editions.states import OUT, UNDER_WAY, State
from newsletter.errors import Refused
from newsletter.web.ask import Ask
from newsletter.web.guard import MayNot, status_of
from newsletter.web.routing import EDITION, Pages
from newsletter.web.views import plural

pages = Pages()
pages.tab("Send", "send", order=60)


@pages.get(f"{EDITION}/send", Role.VIEWER)
def send(ask: Ask) -> Response:
    return _send(ask)


def _send(ask: Ask, problem: str = "", status: int = 200) -> Response:
    found = press.departure(ask.site, ask.key)
    segments = [wave.segment for wave in found.waves]
    return ask.edition_page(
        "send.html",
        "send",
        status,
        edition=found.standing,
        departure=found,
        shown=ask.query("segment") if ask.query("segment") in segments else next(iter(segments), ""),
        problem=problem,
        **may(ask),
    )


def may(ask: Ask) -> dict[str, bool]:
    """What the asking person's role covers, for the forms of a page."""
    return {"may_edit": ask.me.role.covers(Role.EDITOR), "may_operate": ask.me.role.covers(Role.OPERATOR)}


def _done(ask: Ask, deed: Callable[[], str]) -> Response:
    """Does it, and goes to a tab which says what was done; or shows the send again, with the reason why not."""
    try:
        said = deed()
    except Refused as error:
        return _send(ask, str(error), status_of(error))
    tab = "sending" if press.standing(ask.site, ask.key, checked=False).state in UNDER_WAY else "send"
    return ask.go(f"/editions/{ask.key}/{tab}", said)


@pages.post(f"{EDITION}/send/approve", Role.EDITOR)
def approve(ask: Ask) -> Response:
    typed = "".join(ask.form.get("readers").replace(",", "").replace(".", "").split())
    readers = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 12 else None

    def deed() -> str:
        press.approve(ask.site, ask.key, ask.me.name, readers=readers, looked_at=ask.form.get("looked_at"))
        return "Approved. Any change from now on makes it void."

    return _done(ask, deed)


@pages.post(f"{EDITION}/send/withdraw", Role.EDITOR)
def withdraw(ask: Ask) -> Response:
    def deed() -> str:
        press.withdraw_approval(ask.site, ask.key, ask.me.name)
        return "The approval is withdrawn: somebody has to say yes again."

    return _done(ask, deed)


@pages.post(f"{EDITION}/send/hold", Role.EDITOR)
def hold(ask: Ask) -> Response:
    def deed() -> str:
        wire = press.hold(ask.site, ask.key, ask.me.name, ask.form.get("reason").strip())
        return f"Held. {_wire(wire)}"

    return _done(ask, deed)


@pages.post(f"{EDITION}/send/release", Role.EDITOR)
def release(ask: Ask) -> Response:
    def deed() -> str:
        if press.standing(ask.site, ask.key, checked=False).locked and not ask.me.role.covers(Role.OPERATOR):
            raise MayNot(f"it is locked, so that a release lets it go out: this needs the role {Role.OPERATOR}")
        return f"It is {press.release(ask.site, ask.key, ask.me.name)} again."

    return _done(ask, deed)


@pages.post(f"{EDITION}/send/pause", Role.OPERATOR)
def pause(ask: Ask) -> Response:
    def deed() -> str:
        wire = press.pause(ask.site, ask.key, ask.me.name, ask.form.get("reason").strip())
        return f"Paused. {_wire(wire)}"

    return _done(ask, deed)


@pages.post(f"{EDITION}/send/resume", Role.OPERATOR)
def resume(ask: Ask) -> Response:
    def deed() -> str:
        press.resume(ask.site, ask.key, ask.me.name)
        return "It is sending again."

    return _done(ask, deed)


@pages.post(f"{EDITION}/send/abort", Role.OPERATOR)
def abort(ask: Ask) -> Response:
    def deed() -> str:
        if ask.form.get("confirm").strip() != ask.key:
            raise Refused(f"to stop it for good, write {ask.key} into the field above the button")
        withdrawn = press.abort(ask.site, ask.key, ask.me.name, ask.form.get("reason").strip())
        wire = press.on_the_wire(ask.site, ask.key)
        return f"Aborted, and withdrawn from {plural(withdrawn, 'reader')}. {_wire(wire)}"

    return _done(ask, deed)


@pages.post(f"{EDITION}/send/now", Role.OPERATOR)
def now(ask: Ask) -> Response:
    """Begins the send. Who delivers is the clock beside the desk, or a worker."""

    def deed() -> str:
        edition = press.begin(ask.site, ask.key, by=ask.me.name)
        if State(edition.state) not in OUT:
            raise Refused(f"{ask.key} is {edition.state} now")
        return "It goes out now."

    return _done(ask, deed)


def _wire(messages: int) -> str:
    if not messages:
        return "No message is on the wire, and none goes out."
    return f"{plural(messages, 'message')} {'is' if messages == 1 else 'are'} on the wire, and nothing else goes out."
