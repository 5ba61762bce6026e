"""Characters: what comes in at the door, cleaned once, so that nothing after it meets a control character."""

from __future__ import annotations

import re

# Windows-1252's reading of the C1 range: what a feed meant when it sent U+0080 to U+009F (WHATWG Encoding, index
# windows-1252). The five unassigned ones are dropped.
_C1 = dict(
    zip(
        range(0x80, 0xA0),
        "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ",
        strict=True,
    )
)
_MAP: dict[int, str | None] = {code: (char if char != "\0" else None) for code, char in _C1.items()}
_MAP |= {code: None for code in range(0x20) if code not in (0x09, 0x0A)}
_MAP |= {0x7F: None, 0xFEFF: None, 0xFFFE: None, 0xFFFF: None, 0x2028: "\n", 0x2029: "\n"}
_MAP |= dict.fromkeys(range(55296, 57344))

_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean(words: str) -> str:
    """Text as it may be stored: line ends are ``\\n``, C1 is mapped as Windows-1252, other controls are dropped."""
    return words.replace("\r\n", "\n").replace("\r", "\n").translate(_MAP)


def one_line(words: str) -> str:
    """Cleaned text on one line: runs of white space (never a no-break space) become one blank, ends are trimmed."""
    return re.sub(r"[ \t\n\v\f]+", " ", clean(words)).strip()


def without_bidi_controls(words: str) -> str:
    """Drops the embedding, override and isolate controls, which can turn the words around them (UAX 9)."""
    return _BIDI.sub("", words)
