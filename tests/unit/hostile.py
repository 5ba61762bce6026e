"""Words that break naive writers of mail, for property tests. ``NEWSLETTER_EXAMPLES=100000`` makes a night of them."""

import os
import random

from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("NEWSLETTER_EXAMPLES", "150"))

NONCE = "0a1b2c3d4e5f"

PIECES = [
    *(
        "=",
        "==",
        "=3D",
        "=\r\n",
        ".",
        "..",
        "\n.\n",
        "\r\n.\r\n",
        "From ",
        "\nFrom Rita",
        ">From ",
        " ",
        "  ",
        "\t",
        " \n",
    ),
    *("\n", "\r\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ufeff", "\u202e"),
    *("é", "ß", "Ω", "和", "漢字", "صباح الخير", "שלום", "👩‍🚀", "🏳️‍🌈", "e\u0301", "\u200f", "\U0010fffd"),
    *(
        '"',
        "'",
        "<",
        ">",
        "&",
        "&amp;",
        "&#34;",
        '"><script>alert(1)</script>',
        "-->",
        "<!--",
        "<![endif]-->",
        "</title>",
    ),
    *(
        "=?utf-8?q?=41?=",
        "=?",
        "?=",
        "{{ 7*7 }}",
        "%0d%0a",
        "\r\nBcc: omar@example.org",
        "--=_" + NONCE,
        "--=_" + NONCE + "--",
    ),
    *("mbq000000000000x00z", "https://slot.invalid/mbq000000000000x00z", "mbqx00z", "slot.invalid"),
    *("x" * 73, "x" * 74, "x" * 75, "x" * 76, "é" * 30, "a " * 40, "w" * 1100),
]


def drawn(dice: random.Random) -> str:
    """Up to eleven of the pieces and of single characters from anywhere, one text in fourteen at random altogether."""
    if dice.random() < 0.07:
        return "".join(map(_anything, (dice.random() for _ in range(dice.randrange(120)))))
    return "".join(
        dice.choice(PIECES) if dice.random() < 0.7 else _anything(dice.random()) for _ in range(dice.randrange(12))
    )


def _anything(at: float) -> str:
    """A character of the whole range for a number from 0 to 1; two in three are ASCII. Never a surrogate."""
    if at < 2 / 3:
        return chr(int(at * 192))
    code = int((at - 2 / 3) * 3 * 0x10F800)
    return chr(code if code < 0xD800 else code + 0x800)


words = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=12).map("".join)
"""Anything at all, without lone surrogates (which are no text)."""

lines = words.map(lambda w: "".join(c for c in w if c.isprintable()).strip() or "Rita")
"""The same without controls: what may stand in a header."""

urls = st.builds(
    "https://news.example.org/u/{}".format,
    st.one_of(
        st.sampled_from(
            ["", "a=b&c=d", "?t=%2F'(x)", "a" * 2000, "?q=" + "=&" * 400, "É", 'a b"c<d>', "\x00x", "a\r\nb", "."]
        ),
        st.text(max_size=30),
    ),
)
