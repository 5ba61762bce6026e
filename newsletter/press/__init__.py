"""The steps of a briefing's way, one function each. A person, a command and the clock call the same ones."""

from newsletter.press.approve import Unusual, abort, approve, hold, pause, release, resume, withdraw_approval
from newsletter.press.archive import Archive, Past, archive, life
from newsletter.press.assemble import assemble, edition_of
from newsletter.press.changes import Change, Changes, changes
from newsletter.press.check import check, override, take_back
from newsletter.press.compare import Comparison, compare
from newsletter.press.copying import Copy, copies, copy_of, send_copy
from newsletter.press.departure import Departure, Wave, departure
from newsletter.press.doubts import doubts, resend
from newsletter.press.grid import Grid, grid
from newsletter.press.links import links
from newsletter.press.lock import lock
from newsletter.press.messages import documents_for, message_for
from newsletter.press.preview import Preview, preview, segments_of
from newsletter.press.readers import readers
from newsletter.press.render import variants
from newsletter.press.report import History, deliveries, history, history_of, on_the_wire, report, watching
from newsletter.press.send import begin, go_on, send
from newsletter.press.share import Shared, SharedMail, share, shared_mail, shares, unshare
from newsletter.press.site import Site
from newsletter.press.standing import Desk, Standing, desks, standing
from newsletter.press.testsend import test_send
from newsletter.press.upcoming import Planned, upcoming
from newsletter.press.work import work

__all__ = [
    "Archive",
    "Change",
    "Changes",
    "Comparison",
    "Copy",
    "Departure",
    "Desk",
    "Grid",
    "History",
    "Past",
    "Planned",
    "Preview",
    "Shared",
    "SharedMail",
    "Site",
    "Standing",
    "Unusual",
    "Wave",
    "abort",
    "approve",
    "archive",
    "assemble",
    "begin",
    "changes",
    "check",
    "compare",
    "copies",
    "copy_of",
    "deliveries",
    "departure",
    "desks",
    "documents_for",
    "doubts",
    "edition_of",
    "go_on",
    "grid",
    "history",
    "history_of",
    "hold",
    "life",
    "links",
    "lock",
    "message_for",
    "on_the_wire",
    "override",
    "pause",
    "preview",
    "readers",
    "release",
    "report",
    "resend",
    "resume",
    "segments_of",
    "send",
    "send_copy",
    "share",
    "shared_mail",
    "shares",
    "standing",
    "take_back",
    "test_send",
    "unshare",
    "upcoming",
    "variants",
    "watching",
    "withdraw_approval",
    "work",
]
