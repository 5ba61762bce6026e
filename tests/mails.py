"""The sample editions as mails: rendered with the Briefing template, compiled, and built for one reader."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from newsletter.rendering.mime import CompiledMessage, MessageHeaders
from newsletter.rendering.model import ReaderValues, Rendered
from newsletter.rendering.page import TemplateSet
from newsletter.testing.samples import VARIANTS

TEMPLATE = Path(__file__).parent.parent / "templates" / "email" / "briefing"

RITA = ReaderValues(
    address="rita@reader.test",
    first_name="Rita",
    unsubscribe_url="https://courier.example.org/u/7Qm1xZ0c2Vt9sKpR4aLwYd8NfGhJbE3T5oUiXvCyMnA",
    preferences_url="https://courier.example.org/p/7Qm1xZ0c2Vt9sKpR4aLwYd8NfGhJbE3T5oUiXvCyMnA",
    view_url="https://courier.example.org/v/morning/2026-11-23/7Qm1xZ0c2Vt9sKpR4aLwYd8NfGhJbE3T",
    message_id="morning.2026-11-23.7Qm1xZ0c2Vt9@courier.example.org",
    unsubscribe_mailto="leave+7Qm1xZ0c2Vt9@courier.example.org?subject=unsubscribe",
)

HEADERS = MessageHeaders(
    sender_name="The Port Maren Courier",
    sender_address="morning@courier.example.org",
    envelope_sender="bounce@courier.example.org",
    date=datetime(2026, 11, 23, 5, 30, tzinfo=UTC),
    list_id="morning.courier.example.org",
    list_name="Morning Briefing",
)


@cache
def rendered(variant: str) -> Rendered:
    """A sample edition, frozen."""
    return TemplateSet.load(TEMPLATE).render(VARIANTS[variant]())


@cache
def compiled(variant: str) -> CompiledMessage:
    return CompiledMessage.compile(rendered(variant), HEADERS)


def html(variant: str) -> str:
    """The HTML that Rita sees."""
    return compiled(variant).documents(RITA)[0]


def text(variant: str) -> str:
    """The plain text that Rita sees."""
    return compiled(variant).documents(RITA)[1]


def message(variant: str) -> bytes:
    """The message to Rita as it travels."""
    return compiled(variant).build(RITA)
