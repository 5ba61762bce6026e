"""How countries, languages, zones, tags and attribute names are written, the same for imports and for rules."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from zoneinfo import available_timezones

from newsletter.text import one_line, without_bidi_controls

# ISO 3166-1 alpha-2, and XK, which everybody uses for Kosovo.
_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY "
    "BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK "
    "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
    "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK "
    "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
    "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW XK"
)
COUNTRIES = frozenset(_CODES.split())
# Reserved by ISO for these states, and written by many.
_OTHER_COUNTRIES = {"UK": "GB", "EL": "GR"}

MAX_TAG, MAX_TAGS = 64, 100
MAX_ATTRIBUTE_NAME = 64
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_WORD = re.compile(r"\W+")


@lru_cache(1024)
def country(words: str) -> str:
    """The ISO code in capitals. Raises ValueError."""
    code = words.strip().upper()
    code = _OTHER_COUNTRIES.get(code, code)
    if code not in COUNTRIES:
        raise ValueError(f"“{_short(words)}” is no ISO 3166 country code: write two letters, for example DE")
    return code


@lru_cache(1024)
def language(words: str) -> str:
    """A language tag as BCP 47 section 2.1.1 writes it: ``en``, ``en-GB``, ``zh-Hant-TW``. Raises ValueError."""
    tag = words.strip().replace("_", "-")
    if len(tag) > 16 or not _LANGUAGE.fullmatch(tag):
        raise ValueError(f"“{_short(words)}” is no language tag: write for example en or en-GB")
    first, *rest = tag.lower().split("-")
    return "-".join(
        [first, *(part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest)]
    )


@lru_cache(1024)
def timezone(words: str) -> str:
    """An IANA name. Raises ValueError."""
    if (name := words.strip()) not in available_timezones():
        raise ValueError(f"“{_short(words)}” is no IANA time zone: write for example Europe/Berlin")
    return name


@lru_cache(1024)
def tag(words: str) -> str:
    """A tag: one line, small letters. Raises ValueError."""
    name = unicodedata.normalize("NFC", without_bidi_controls(one_line(words)).casefold())
    if not name or len(name) > MAX_TAG or re.search("[,;|]", name):
        raise ValueError(
            f"“{_short(words)}” is no tag: write up to {MAX_TAG} characters with no comma, semicolon or bar"
        )
    return name


@lru_cache(1024)
def tags(words: str) -> tuple[str, ...]:
    """The tags of one cell, which commas, semicolons or bars part, each once. Raises ValueError."""
    found = tuple(dict.fromkeys(tag(part) for part in re.split("[,;|]", words) if part.strip()))
    if len(found) > MAX_TAGS:
        raise ValueError(f"more than {MAX_TAGS} tags")
    return found


@lru_cache(1024)
def frequency(words: str) -> str:
    """How often a reader wants mail: any word of theirs, in small letters. Raises ValueError."""
    name = one_line(words).casefold()
    if not name or len(name) > 32:
        raise ValueError(f"“{_short(words)}” is no frequency: write one word, for example daily")
    return name


def attribute_name(words: str) -> str:
    """A column's or field's name as an attribute: ``Favourite colour`` is ``favourite_colour``. Raises ValueError."""
    name = _WORD.sub("_", unicodedata.normalize("NFC", words.casefold())).strip("_")
    if not name or len(name) > MAX_ATTRIBUTE_NAME:
        raise ValueError(
            f"“{_short(words)}” makes no attribute's name: write up to {MAX_ATTRIBUTE_NAME} letters or digits"
        )
    return name


def _short(words: str) -> str:
    return words if len(words) <= 40 else words[:39] + "…"
