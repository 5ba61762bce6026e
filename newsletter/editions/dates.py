"""The edition date in words, in the edition's language. Small tables of our own: no locale of the machine is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class _Language:
    weekdays: str
    months: str
    long: str
    first: str = ""
    """How the first of a month is written where that is not ``1``."""


_LANGUAGES = {
    "ar": _Language(
        "الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد",
        "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
        "{weekday}، {day} {month} {year}",
    ),
    "da": _Language(
        "mandag tirsdag onsdag torsdag fredag lørdag søndag",
        "januar februar marts april maj juni juli august september oktober november december",
        "{weekday} den {day}. {month} {year}",
    ),
    "de": _Language(
        "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "{weekday}, {day}. {month} {year}",
    ),
    "en": _Language(
        "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
        "January February March April May June July August September October November December",
        "{weekday}, {day} {month} {year}",
    ),
    "es": _Language(
        "lunes martes miércoles jueves viernes sábado domingo",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "{weekday}, {day} de {month} de {year}",
    ),
    "fr": _Language(
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "{weekday} {day} {month} {year}",
        first="1er",
    ),
    "it": _Language(
        "lunedì martedì mercoledì giovedì venerdì sabato domenica",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "{weekday} {day} {month} {year}",
        first="1º",
    ),
    "nb": _Language(
        "mandag tirsdag onsdag torsdag fredag lørdag søndag",
        "januar februar mars april mai juni juli august september oktober november desember",
        "{weekday} {day}. {month} {year}",
    ),
    "nl": _Language(
        "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
        "januari februari maart april mei juni juli augustus september oktober november december",
        "{weekday} {day} {month} {year}",
    ),
    "pl": _Language(
        "poniedziałek wtorek środa czwartek piątek sobota niedziela",
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "{weekday}, {day} {month} {year}",
    ),
    "pt": _Language(
        "segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "{weekday}, {day} de {month} de {year}",
        first="1º",
    ),
    "sv": _Language(
        "måndag tisdag onsdag torsdag fredag lördag söndag",
        "januari februari mars april maj juni juli augusti september oktober november december",
        "{weekday} {day} {month} {year}",
    ),
}
_AMERICAN = "{weekday}, {month} {day}, {year}"

LANGUAGES = tuple(sorted(_LANGUAGES))
"""The languages whose days and months we know; others get English ones."""


def _language(tag: str) -> _Language:
    primary = tag.lower().split("-")[0]
    return _LANGUAGES.get({"no": "nb"}.get(primary, primary)) or _LANGUAGES["en"]


def weekdays(language: str) -> tuple[str, ...]:
    """The names of the days in a language (BCP 47), Monday first."""
    return tuple(_language(language).weekdays.split())


def months(language: str) -> tuple[str, ...]:
    """The names of the months in a language (BCP 47), January first, as they stand in a date."""
    return tuple(_language(language).months.split())


def weekday(day: date, language: str) -> str:
    """The weekday of an edition date, as the language writes it within a sentence: ``Monday``, ``lundi``."""
    return weekdays(language)[day.weekday()]


def long_date(day: date, language: str) -> str:
    """The edition date in words: ``Monday, 23 November 2026``; in ``en-US`` ``Monday, November 23, 2026``."""
    words = _language(language)
    pattern = _AMERICAN if language.lower() == "en-us" else words.long
    return pattern.format(
        weekday=weekday(day, language),
        day=words.first if words.first and day.day == 1 else day.day,
        month=words.months.split()[day.month - 1],
        year=day.year,
    )
