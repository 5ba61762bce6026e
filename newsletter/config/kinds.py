"""The kinds of values that stand in ``config.yaml``: how each is written, and what to write instead."""

from __future__ import annotations

import re
from datetime import time, timedelta
from ipaddress import ip_network
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import idna
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from newsletter.clock import parse_duration

MAX_BASE_URL = 61
"""Characters. With a key of the longest kind, a reader's link then has 150 at most."""
MAX_BRIEFING_KEY = 32
"""Characters."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone: write for example Europe/Berlin") from None
    return name


def _address(address: str) -> str:
    try:
        return validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(f"{address!r} is no e-mail address: {error}") from None


def domain_of(value: str) -> str:
    """A domain in ASCII and small letters. Raises ValueError."""
    try:
        name = idna.encode(value, uts46=True).decode("ascii") if not value.isascii() else value.lower()
    except (idna.IDNAError, UnicodeError):
        name = ""
    if len(name) > 253 or not re.fullmatch(r"[a-z0-9](?:-*[a-z0-9])*(?:\.[a-z0-9](?:-*[a-z0-9])*)+", name):
        raise ValueError(f"{value!r} is no domain: write for example news.example.org")
    return name


def _duration(words: object) -> object:
    return parse_duration(words) if isinstance(words, str) else words


def _time(words: object) -> object:
    if isinstance(words, str):
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", words):
            raise ValueError(f"{words!r} is no time of day: write for example 06:00")
        return time.fromisoformat(words)
    return words


_PER = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _pace(words: object) -> object:
    if isinstance(words, SecretStr):
        words = words.get_secret_value()
    if not isinstance(words, str):
        return words
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*/\s*([smhd])", words.strip())
    if found is None or float(found[1]) == 0:
        raise ValueError(f"{words!r} is no rate: write for example 14/s, 500/m, 20000/h or 50000/d")
    return float(found[1]) / _PER[found[2]]


def bare_pace(value: object) -> object:
    """A rate alone, where its block is wanted."""
    return {"rate": value} if isinstance(value, str | SecretStr) else value


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        raise ValueError(f'{value!r} is no colour: write six hex digits, for example "#a3161c"')
    return value.lower()


def _web(value: str) -> str:
    # RFC 8058 section 3.1: the address of one-click unsubscription is https.
    if not re.fullmatch(r"https://[^\s/?#]+(/[^\s?#]*)?", value):
        raise ValueError(f"{value!r} is no https address: write for example https://news.example.org")
    value = value.rstrip("/")
    if len(value) > MAX_BASE_URL:
        raise ValueError(f"has {len(value)} characters: at most {MAX_BASE_URL}, since readers' links hold it")
    return value


def _desk(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+/?", value):
        raise ValueError(
            f"{value!r} is no address of a desk: write for example https://desk.example.org, without a path"
        )
    return value.rstrip("/")


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError(f"{value!r} is no address and no network: write for example 10.0.0.5 or 10.0.0.0/24") from None


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", value):
        raise ValueError(f"{value!r} is no key: use small letters, digits and single hyphens")
    return value


def _briefing_key(value: str) -> str:
    if len(value) > MAX_BRIEFING_KEY:
        raise ValueError(f"has {len(value)} characters: at most {MAX_BRIEFING_KEY}, since readers' links hold it")
    return value


def _choice_field(value: str) -> str:
    if value not in ("country", "region", "frequency") and not re.fullmatch(r"attributes\.[^\W_]\w{0,63}", value):
        raise ValueError(f"{value!r} is not for readers to say: write country, region, frequency or attributes.NAME")
    return value


Zone = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
Rate = Annotated[float, BeforeValidator(_pace), Field(gt=0)]
"""Messages a second."""
Domain = Annotated[str, AfterValidator(domain_of)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]
Colour = Annotated[str, AfterValidator(_colour)]
DeskAddress = Annotated[str, AfterValidator(_desk)]
Network = Annotated[str, AfterValidator(_network)]
WebAddress = Annotated[str, AfterValidator(_web)]
Key = Annotated[str, AfterValidator(_name)]
ChoiceField = Annotated[str, AfterValidator(_choice_field)]
BriefingKey = Annotated[Key, AfterValidator(_briefing_key)]
Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\r\n\t]+$")]
