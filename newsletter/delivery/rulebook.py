"""Rules about replies and providers: the built-in ones of ``providers.yaml``, and those of a site before them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from newsletter.config import ReplyRule
from newsletter.config.base import Model
from newsletter.delivery.reasons import Reason
from newsletter.errors import ConfigError
from newsletter.yamlfile import load_yaml

FILE = Path(__file__).parent / "providers.yaml"

_READ = 600
"""Characters of a reply that are looked at."""
# Addresses say nothing about the reason, and may hold any word; nor do the dashes of a folded reply.
_NOISE = re.compile(r"<[^<>\s]{1,254}>|[^\s<>]{1,64}@[^\s<>]{1,253}|\s+")


class Provider(Model):
    """A mailbox provider, or a relay with replies of its own."""

    name: str
    domains: tuple[str, ...]
    connections: int | None = Field(default=None, ge=1)
    """Messages at once that it takes from a sender, as published."""
    source: str
    seen: str
    """Year and month in which the source was read."""
    replies: tuple[ReplyRule, ...]


class _File(Model):
    providers: dict[str, Provider]
    everywhere: tuple[ReplyRule, ...]


class Rule(NamedTuple):
    """A rule that can be tried. ``provider`` is empty where it holds for any server."""

    reason: Reason
    provider: str
    settings: ReplyRule
    needles: tuple[tuple[str, re.Pattern[str] | None], ...]

    def fits(self, code: str, words: str) -> bool:
        """Whether it speaks of a reply: its code, and its words in small letters."""
        if not code.startswith(self.settings.code):
            return False
        for needle, whole in self.needles:  # once for each rule: a loop is five times as quick as any() here
            if needle not in words:
                continue
            if whole is None or whole.search(words):
                return True
        return False


def _needle(phrase: str) -> tuple[str, re.Pattern[str] | None]:
    parts = [part for part in phrase.lower().split("*") if part]
    if not parts:
        raise ValueError(f"{phrase!r} fits every reply: write some of its words")
    whole = re.compile(".{0,60}?".join(re.escape(part) for part in parts)) if len(parts) > 1 else None
    return max(parts, key=len), whole


def _rule(settings: ReplyRule, provider: str, where: str) -> Rule:
    try:
        reason = Reason(settings.reason)
    except ValueError:
        known = ", ".join(Reason)
        raise ConfigError(f"{where}.class: there is no {settings.reason!r}: write one of {known}") from None
    try:
        return Rule(reason, provider, settings, tuple(_needle(phrase) for phrase in settings.text))
    except ValueError as error:
        raise ConfigError(f"{where}.text: {error}") from None


class Rulebook:
    """The rules of one backend, in the order in which they are tried."""

    def __init__(self, providers: dict[str, Provider], rules: Iterable[Rule]) -> None:
        self.providers, self.rules = providers, tuple(rules)
        self.groups = {domain: name for name, one in providers.items() for domain in one.domains}
        """The provider of each domain that is known."""

    def find(self, code: int, reply: str) -> Rule | None:
        """The first rule that speaks of a reply, or None. Never raises, whatever the reply holds."""
        words = " ".join(_NOISE.sub(" ", reply[:_READ].lower()).split())
        digits = str(code)
        return next((rule for rule in self.rules if rule.fits(digits, words)), None)

    def with_rules(self, own: Iterable[ReplyRule], where: str) -> Rulebook:
        """This book with a site's own rules before it. ``where`` names them in a `ConfigError`."""
        rules = [_rule(settings, "", f"{where}.{number}") for number, settings in enumerate(own)]
        return Rulebook(self.providers, [*rules, *self.rules]) if rules else self


@cache
def built_in() -> Rulebook:
    """The rules that come with the package, read once."""
    file = load_yaml(FILE)
    try:
        data = _File.model_validate(file.data)
    except ValidationError as error:
        raise ConfigError(str(error), path=FILE) from None
    rules = [
        _rule(settings, name, f"providers.{name}.replies.{number}")
        for name, provider in data.providers.items()
        for number, settings in enumerate(provider.replies)
    ]
    rules += [_rule(settings, "", f"everywhere.{number}") for number, settings in enumerate(data.everywhere)]
    return Rulebook(data.providers, rules)
