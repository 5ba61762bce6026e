"""What an outcome means: whose fault it was, and whether and when the message is tried again. Pure functions."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from newsletter.backends.base import Outcome, Result
from newsletter.delivery.models import Status
from newsletter.delivery.reasons import BY_CODE, BY_STATUS, BY_SUBJECT, Blame, Harm, Reason
from newsletter.delivery.rulebook import Rule, Rulebook, built_in

__all__ = ["LAST_TRY", "STEPS", "Blame", "Judgement", "blame", "judge", "next_at", "verdict"]

STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60))
"""How long after the first, second … attempt the next one comes; the last step repeats."""

LAST_TRY = timedelta(minutes=1)
"""A message is tried for the last time this long before the deadline."""

LONGEST_WAIT = timedelta(hours=4)
"""A server that asks for more than this is tried again after this."""

_JITTER = 0.2
_GRID_MS = 5_000
_SOON = timedelta(milliseconds=_GRID_MS)

_ASKED = re.compile(
    r"\b(?:again|retry|resend|wait|delay|delayed|after|in|for)\b[^0-9]{0,40}?(?<![\d.])(\d{1,6})\s?"
    r"(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b"
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}

# Their words alone accuse nobody: an exact status says more, and x.7.x says that it is about us.
_VAGUE = (Reason.READER_OTHER, Reason.RECEIVER_TROUBLE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an outcome that is not accepted means."""

    reason: Reason
    rule: Rule | None
    """The rule about its words that decided, where one did."""
    wait: timedelta | None
    """How long the server asked us to wait."""
    final: bool
    """Whether the server meant it for good, and it was about the reader or the message."""

    @property
    def blame(self) -> Blame:
        """Whose failure it is."""
        return self.reason.blame

    @property
    def harm(self) -> Harm:
        """What it says about the address: nothing final, nothing hard."""
        harm = self.reason.harm
        return Harm.SOFT if harm is Harm.HARD and not self.final else harm


def judge(outcome: Outcome, rules: Rulebook | None = None) -> Judgement:
    """What an outcome means that is not accepted. Total: any code, status and reply has an answer.

    First by the words, since many servers say "user unknown" or "listed" under whatever number; then by the enhanced
    status (RFC 3463), then by the reply code (RFC 5321 section 4.2). What speaks of a block or a policy is never the
    reader's, whatever else it says; nor is a 421, a silence, or a 5xx that came before there was a reader.
    """
    return _judge(outcome, built_in() if rules is None else rules)


@lru_cache(maxsize=256)
def _judge(outcome: Outcome, rules: Rulebook) -> Judgement:
    reason, rule = _reason(outcome, rules)
    final = outcome.result is Result.REJECTED and not reason.passing
    return Judgement(reason, rule, _asked(outcome.reply), final)


def _reason(outcome: Outcome, rules: Rulebook) -> tuple[Reason, Rule | None]:
    if outcome.result is Result.IN_DOUBT:
        return Reason.UNREACHABLE, None
    status = outcome.enhanced.partition(".")[2]
    subject = status.partition(".")[0]
    if outcome.code == 0 and not outcome.enhanced:
        # No server spoke: the words are our own.
        lost = outcome.backend_fault or outcome.result is Result.DEFERRED
        return (Reason.UNREACHABLE if lost else Reason.MESSAGE_OTHER), None
    rule = rules.find(outcome.code, outcome.reply)
    if rule is not None and rule.reason in _VAGUE and (status in BY_STATUS or subject == "7"):
        rule = None
    if rule is not None:
        reason = rule.reason
    else:
        unsaid = Reason.MESSAGE_OTHER if outcome.code >= 500 else Reason.RECEIVER_TROUBLE
        reason = BY_STATUS.get(status) or BY_SUBJECT.get(subject) or BY_CODE.get(outcome.code, unsaid)
    if reason.blame is not Blame.BACKEND and (outcome.code == 421 or _before_the_reader(outcome, subject)):
        return Reason.UNREACHABLE, None
    return reason, rule


def _before_the_reader(outcome: Outcome, subject: str) -> bool:
    """Whether a backend says that it was at fault for another reason than the status: a 5xx before RCPT, no line."""
    return outcome.backend_fault and (subject != "7" or (outcome.result is Result.DEFERRED and outcome.code >= 500))


def _asked(reply: str) -> timedelta | None:
    found = _ASKED.search(reply[:600].lower())
    if found is None:
        return None
    seconds = int(found[1]) * _SECONDS[found[2][0]]
    return min(timedelta(seconds=seconds), LONGEST_WAIT) if seconds else None


def blame(outcome: Outcome, rules: Rulebook | None = None) -> Blame:
    """Whose failure an outcome is that is not accepted; see `judge`."""
    return judge(outcome, rules).blame


def next_at(
    attempts: int, now: datetime, deadline: datetime, seed: int, asked: timedelta | None = None
) -> datetime | None:
    """When a message that has been tried ``attempts`` times (1 or more) is tried again, or None when it has expired.

    One, five, fifteen, thirty minutes, then every hour, each up to a fifth longer or shorter, the same for the same
    ``seed``; or what the server ``asked`` for, up to two fifths later. A try that would come too late is made one
    minute before the deadline.
    """
    last = deadline - LAST_TRY
    if now >= last:
        return None
    spread = zlib.crc32(f"{seed}:{attempts}".encode()) / 0xFFFFFFFF * 2 - 1
    step = STEPS[min(attempts, len(STEPS)) - 1]
    if asked is not None:
        step, spread = asked, spread + 1  # never earlier than asked
    wait_ms = int(step.total_seconds() * 1000 * (1 + _JITTER * spread))
    # On a grid, so that the readers of a batch come back in handfuls and not one by one.
    wait_ms = wait_ms - wait_ms % _GRID_MS if asked is None else wait_ms + -wait_ms % _GRID_MS
    wait = timedelta(milliseconds=max(_GRID_MS, wait_ms))
    return min(now + wait, last)


def verdict(
    outcome: Outcome,
    attempts: int,
    now: datetime,
    deadline: datetime,
    seed: int,
    *,
    resend: bool,
    rules: Rulebook | None = None,
) -> tuple[Status, datetime | None]:
    """What a delivery becomes by an outcome, and when it is tried again (only when deferred).

    ``attempts`` counts this one. A rejection that is the backend's fault is tried again like a deferral, so that it
    never counts against the reader. A message in doubt stays in doubt, unless ``resend`` says that a second copy is
    better than none.
    """
    if outcome.result is Result.ACCEPTED:
        return Status.ACCEPTED, None
    if outcome.result is Result.IN_DOUBT and not resend:
        return Status.IN_DOUBT, None
    judgement = judge(outcome, rules)
    if judgement.final:
        return Status.REJECTED, None
    # After "too many recipients" the rest may come at once, which for us is the next message.
    asked = _SOON if judgement.reason is Reason.TOO_MANY_RECIPIENTS else judgement.wait
    again = next_at(attempts, now, deadline, seed, asked)
    return (Status.EXPIRED, None) if again is None else (Status.DEFERRED, again)
