"""Why a message was not taken: reasons as data, whose they are, and what they mean for the address."""

from __future__ import annotations

from enum import StrEnum


class Blame(StrEnum):
    """What a failure speaks of."""

    READER = "reader"
    """The address: no such user, disabled, full, no such host."""
    MESSAGE = "message"
    """The message, or the moment: its content, its size, a passing trouble of the receiver."""
    BACKEND = "backend"
    """The backend, the line, or our reputation. Says nothing about the reader."""


class Harm(StrEnum):
    """What a final failure says about the address."""

    HARD = "hard"
    """Nobody reads there: one is enough."""
    SOFT = "soft"
    """It may pass: only many in a row say something."""
    NONE = "none"


class Reason(StrEnum):
    """Why a message was not taken. The values stand in ``providers.yaml`` and in the config."""

    NO_SUCH_ADDRESS = "no-such-address"
    NO_SUCH_HOST = "no-such-host"
    """The domain takes no mail (RFC 7505), or cannot be found."""
    ADDRESS_CLOSED = "address-closed"
    MAILBOX_FULL = "mailbox-full"
    READER_BUSY = "reader-busy"
    """This one mailbox gets too much at once."""
    READER_OTHER = "reader-other"

    GREYLISTED = "greylisted"
    RECEIVER_TROUBLE = "receiver-trouble"
    """A passing trouble at the other end that has nothing to do with us."""
    TOO_MANY_RECIPIENTS = "too-many-recipients"
    """RFC 5321 section 4.5.3.1.10: the rest may come at once. Passing, even where the code says otherwise."""
    TOO_LARGE = "too-large"
    CONTENT = "content"
    MESSAGE_OTHER = "message-other"

    THROTTLED = "throttled"
    """We are too fast, or too many at once."""
    AUTHENTICATION = "authentication"
    """SPF, DKIM, DMARC, reverse DNS, TLS: what we lack."""
    BLOCKED = "blocked"
    """Our address or name is on a list, or has a bad reputation."""
    SPAM = "spam"
    POLICY = "policy"
    RELAY_DENIED = "relay-denied"
    SENDER_REFUSED = "sender-refused"
    CREDENTIALS = "credentials"
    """The backend's user or password, or that they are missing."""
    UNREACHABLE = "unreachable"
    """Nobody there, a closing server, or a silence."""

    @property
    def blame(self) -> Blame:
        """Whose it is."""
        return _BLAME[self]

    @property
    def harm(self) -> Harm:
        """What it says about the address when there are no further tries."""
        return _HARM.get(self, Harm.NONE)

    @property
    def passing(self) -> bool:
        """Whether it is tried again even where the code is 5xx."""
        return self.blame is Blame.BACKEND or self is Reason.TOO_MANY_RECIPIENTS


_READERS = (
    Reason.NO_SUCH_ADDRESS,
    Reason.NO_SUCH_HOST,
    Reason.ADDRESS_CLOSED,
    Reason.MAILBOX_FULL,
    Reason.READER_BUSY,
    Reason.READER_OTHER,
)
_MESSAGES = (
    Reason.GREYLISTED,
    Reason.RECEIVER_TROUBLE,
    Reason.TOO_MANY_RECIPIENTS,
    Reason.TOO_LARGE,
    Reason.CONTENT,
    Reason.MESSAGE_OTHER,
)
_BLAME = (
    dict.fromkeys(Reason, Blame.BACKEND)
    | dict.fromkeys(_READERS, Blame.READER)
    | dict.fromkeys(_MESSAGES, Blame.MESSAGE)
)
_HARM = {
    Reason.NO_SUCH_ADDRESS: Harm.HARD,
    Reason.NO_SUCH_HOST: Harm.HARD,
    Reason.ADDRESS_CLOSED: Harm.HARD,
    Reason.MAILBOX_FULL: Harm.SOFT,
    Reason.READER_OTHER: Harm.SOFT,
}

BY_STATUS = {
    "1.0": Reason.READER_OTHER,
    "1.1": Reason.NO_SUCH_ADDRESS,
    "1.2": Reason.NO_SUCH_HOST,
    "1.3": Reason.NO_SUCH_ADDRESS,
    "1.4": Reason.READER_OTHER,
    "1.6": Reason.NO_SUCH_ADDRESS,
    "1.7": Reason.SENDER_REFUSED,
    "1.8": Reason.SENDER_REFUSED,
    "1.10": Reason.NO_SUCH_HOST,
    "2.1": Reason.ADDRESS_CLOSED,
    "2.2": Reason.MAILBOX_FULL,
    "2.3": Reason.TOO_LARGE,
    "3.3": Reason.MESSAGE_OTHER,
    "3.4": Reason.TOO_LARGE,
    "4.4": Reason.NO_SUCH_HOST,
    "4.5": Reason.THROTTLED,
    "5.3": Reason.TOO_MANY_RECIPIENTS,
    "7.8": Reason.CREDENTIALS,
    "7.13": Reason.ADDRESS_CLOSED,
    "7.17": Reason.ADDRESS_CLOSED,
    "7.18": Reason.ADDRESS_CLOSED,
    "7.28": Reason.THROTTLED,
} | dict.fromkeys([f"7.{detail}" for detail in (20, 21, 22, 23, 24, 25, 26, 27, 29)], Reason.AUTHENTICATION)
"""By subject and detail of the enhanced status: RFC 3463, and the registry of RFC 5248."""

BY_SUBJECT = {
    "1": Reason.READER_OTHER,
    "2": Reason.READER_OTHER,
    "3": Reason.RECEIVER_TROUBLE,
    "4": Reason.RECEIVER_TROUBLE,
    "5": Reason.MESSAGE_OTHER,
    "6": Reason.CONTENT,
    "7": Reason.POLICY,
}

BY_CODE = {
    421: Reason.UNREACHABLE,
    450: Reason.READER_OTHER,
    530: Reason.CREDENTIALS,
    534: Reason.CREDENTIALS,
    535: Reason.CREDENTIALS,
    538: Reason.CREDENTIALS,
    550: Reason.READER_OTHER,
    551: Reason.READER_OTHER,
    552: Reason.MAILBOX_FULL,
    553: Reason.READER_OTHER,
    556: Reason.NO_SUCH_HOST,
    571: Reason.POLICY,
}
"""By the reply code alone: RFC 5321 section 4.2, RFC 4954, RFC 7504. A bare 550 may mean anything: it is never hard."""
