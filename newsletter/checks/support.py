"""What the mail needs, the programs of most readers have; where not, it says what breaks, and for how many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from newsletter.checks.clients import layout, pictures, sheets
from newsletter.checks.clients.breaks import RULES, Break, Mail
from newsletter.checks.clients.data import CLIENTS
from newsletter.checks.registry import CheckInput, Finding, Severity, check
from newsletter.checks.styled import Styled
from newsletter.config import MailClient

BLOCKS_FROM = 1.0
"""Percent of the readers for whom words, pictures or the layout would be lost."""
WARNS_FROM = 10.0
"""Percent of the readers for whom it would look poorer."""
_MODULES = (layout, pictures, sheets)
"""Where the rules stand; importing them registers them."""


def breaks(styled: Styled) -> list[Break]:
    """Everything that breaks somewhere, whoever uses that."""
    mail = Mail(styled)
    return [one for rule in RULES for one in rule(mail)]


def affected(one: Break, clients: Mapping[MailClient, float]) -> float:
    """Percent of the readers who meet it."""
    return sum(clients.get(client, 0) * share for client, share in one.failing.items())


@check("support")
def support(subject: CheckInput) -> Iterable[Finding]:
    for segment, variant in subject.variants.items():
        for one in breaks(variant.styled):
            share = affected(one, subject.clients)
            if share > 0:
                yield Finding(
                    "support",
                    _severity(one, share),
                    one.where,
                    _sentence(one, subject.clients, share),
                    one.mend,
                    (segment,),
                )


def _severity(one: Break, share: float) -> Severity:
    if one.critical:
        return Severity.BLOCK if share >= BLOCKS_FROM else Severity.WARN
    return Severity.WARN if share >= WARNS_FROM else Severity.NOTE


def _sentence(one: Break, clients: Mapping[MailClient, float], share: float) -> str:
    """“Outlook for Windows (4 % of readers): the first picture is WebP and will not show”."""
    names = [CLIENTS[client][0] for client in CLIENTS if client in one.failing and clients.get(client, 0) > 0]
    who = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{who} ({_percent(share)} of readers): {one.what}"


def _percent(share: float) -> str:
    """“32 %”, “4.2 %”, “4 %”."""
    if share < 0.1:
        return "less than 0.1 %"
    return f"{share:.0f} %" if share >= 10 else f"{share:.1f}".removesuffix(".0") + " %"
