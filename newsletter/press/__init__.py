"""The steps of a briefing's way, one function each. A person, a command and the clock call the same ones."""

from newsletter.press.approve import abort, approve, hold, pause, release, resume
from newsletter.press.assemble import assemble, edition_of
from newsletter.press.check import check
from newsletter.press.lock import lock
from newsletter.press.messages import documents_for, message_for
from newsletter.press.render import variants
from newsletter.press.report import deliveries, report
from newsletter.press.send import send
from newsletter.press.site import Site
from newsletter.press.testsend import test_send
from newsletter.press.upcoming import Planned, upcoming

__all__ = [
    "Planned",
    "Site",
    "abort",
    "approve",
    "assemble",
    "check",
    "deliveries",
    "documents_for",
    "edition_of",
    "hold",
    "lock",
    "message_for",
    "pause",
    "release",
    "report",
    "resume",
    "send",
    "test_send",
    "upcoming",
    "variants",
]
