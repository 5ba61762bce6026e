"""What a reply means for the message: RFC 5321 section 4.2, RFC 3463."""

from __future__ import annotations

from functools import lru_cache

from newsletter.backends.base import Outcome, Result
from newsletter.backends.smtp.protocol import Step
from newsletter.backends.smtp.replies import MAX_TEXT, Reply

# What these judge is the reader's address or this very message. Everything before is between the server and us.
_ABOUT_THE_MESSAGE = (Step.RCPT, Step.DOT, Step.BDAT)

# x.7.13 and x.7.17 (RFC 5248, RFC 7293) speak of the reader's account, and of nothing that we did.
_READERS_OWN = (".7.13", ".7.17")


@lru_cache(32)
def accepted(reply: Reply) -> Outcome:
    """The outcome of a message that the server has taken. Many servers say the same to each."""
    return Outcome(Result.ACCEPTED, reply.code, reply.enhanced, reply.text)


def refusal(step: Step, reply: Reply) -> Outcome:
    """The outcome of a message whose step was answered with anything but yes.

    4xx is deferred, 5xx at RCPT or after the final dot rejected. A 5xx at any other step turns us away and not the
    reader: deferred, and the backend's fault, like whatever has to do with policy or reputation (x.7.x), a 421, and
    what makes no sense.
    """
    enhanced = reply.enhanced
    policy = enhanced[1:4] == ".7." and not enhanced.endswith(_READERS_OWN)
    # A server that was told the size may say so at MAIL (RFC 1870 section 6.1).
    about_the_message = step in _ABOUT_THE_MESSAGE or (step is Step.MAIL and enhanced == "5.3.4")
    return Outcome(
        Result.REJECTED if reply.code >= 500 and about_the_message else Result.DEFERRED,
        reply.code,
        enhanced,
        reply.text,
        backend_fault=policy or not about_the_message or reply.code == 421 or reply.code < 400,
    )


def unavailable(reason: str) -> Outcome:
    """The outcome of a message that never came to its final dot, for no fault of its reader."""
    return Outcome(Result.DEFERRED, reply=reason[:MAX_TEXT], backend_fault=True)


def in_doubt(reason: str) -> Outcome:
    """The outcome of a message whose final dot went out and whose reply never came (RFC 1047)."""
    return Outcome(Result.IN_DOUBT, reply=reason[:MAX_TEXT], backend_fault=True)


def unfit(reason: str, enhanced: str) -> Outcome:
    """The outcome of a message that we do not offer to the server, for what it is."""
    return Outcome(Result.REJECTED, 0, enhanced, reason[:MAX_TEXT])
