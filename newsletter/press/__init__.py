"""The steps of a briefing's way, one function each. A person, a command and the clock call the same ones."""

from newsletter.press.approve import Unusual, abort, approve, hold, pause, release, resume, withdraw_approval
from newsletter.press.archive import Archive, Past, archive, life
from newsletter.press.assemble import assemble, edition_of
from newsletter.press.board import Board, BoardSlot, Offer, board, offers
from newsletter.press.changes import Change, Changes, changes
from newsletter.press.check import check, override, take_back
from newsletter.press.clicks import clicks
from newsletter.press.compare import Comparison, compare
from newsletter.press.copying import Copy, copies, copy_of, send_copy
from newsletter.press.correct import Correction, correct, corrections, take_back_correction
from newsletter.press.decide import (
    Decided,
    Editor,
    accept,
    add_story,
    clear,
    decide,
    edit_slot,
    keep,
    leave_out,
    move_slot,
    pin_slot,
    set_lines,
    swap_slot,
    undo,
    unpin_slot,
)
from newsletter.press.departure import Departure, Wave, departure
from newsletter.press.doubts import doubts, resend
from newsletter.press.erasure import erase
from newsletter.press.grid import Grid, grid
from newsletter.press.held import held, held_as_json
from newsletter.press.linkcheck import links
from newsletter.press.lock import lock
from newsletter.press.messages import documents_for, message_for
from newsletter.press.ownmail import own_mail
from newsletter.press.preview import Preview, preview, preview_html, segments_of
from newsletter.press.readers import readers
from newsletter.press.render import variants
from newsletter.press.report import History, deliveries, history, history_of, on_the_wire, report, watching
from newsletter.press.segments import Live, live_segments, sample_of
from newsletter.press.send import begin, go_on, send
from newsletter.press.share import Shared, SharedMail, share, shared_mail, shares, unshare
from newsletter.press.site import Site
from newsletter.press.standing import Desk, Standing, desks, standing
from newsletter.press.testsend import test_send
from newsletter.press.upcoming import Planned, upcoming
from newsletter.press.work import work

__all__ = [
    "Archive",
    "Board",
    "BoardSlot",
    "Change",
    "Changes",
    "Comparison",
    "Copy",
    "Correction",
    "Decided",
    "Departure",
    "Desk",
    "Editor",
    "Grid",
    "History",
    "Live",
    "Offer",
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
    "accept",
    "add_story",
    "approve",
    "archive",
    "assemble",
    "begin",
    "board",
    "changes",
    "check",
    "clear",
    "clicks",
    "compare",
    "copies",
    "copy_of",
    "correct",
    "corrections",
    "decide",
    "deliveries",
    "departure",
    "desks",
    "documents_for",
    "doubts",
    "edit_slot",
    "edition_of",
    "erase",
    "go_on",
    "grid",
    "held",
    "held_as_json",
    "history",
    "history_of",
    "hold",
    "keep",
    "leave_out",
    "life",
    "links",
    "live_segments",
    "lock",
    "message_for",
    "move_slot",
    "offers",
    "on_the_wire",
    "override",
    "own_mail",
    "pause",
    "pin_slot",
    "preview",
    "preview_html",
    "readers",
    "release",
    "report",
    "resend",
    "resume",
    "sample_of",
    "segments_of",
    "send",
    "send_copy",
    "set_lines",
    "share",
    "shared_mail",
    "shares",
    "standing",
    "swap_slot",
    "take_back",
    "take_back_correction",
    "test_send",
    "undo",
    "unpin_slot",
    "unshare",
    "upcoming",
    "variants",
    "watching",
    "withdraw_approval",
    "work",
]
