"""Ordinary mails that read well everywhere: each does something that a count of features would hold against it."""

from __future__ import annotations

from functools import partial

from newsletter.testing.samples import VARIANTS
from tests import mails
from tests.corpus.pages import FERRY, HARBOUR, PICTURES, TRAINS, cell, link, page, picture, table

H1 = '<h1 style="margin:0 0 8px;font-size:28px;line-height:34px;font-family:Georgia,serif">Morning Briefing</h1>'
H2 = '<h2 style="margin:0 0 8px;font-size:20px;line-height:26px;font-family:Georgia,serif">{}</h2>'
P = '<p style="margin:0 0 16px">{}</p>'


def letter() -> str:
    """A plain letter: paragraphs in a table cell, and nothing else."""
    return page(
        table(
            cell(
                H1 + P.format("Good morning, Rita.") + P.format(HARBOUR) + P.format(FERRY)
                + P.format(f"Edith. {link('harbour-vote', 'The whole story of the harbour')}")
            )
        )
    )  # fmt: skip


def bare_words() -> str:
    """Words with hardly any style, as somebody writes them by hand."""
    return page(
        f"<h1>Morning Briefing</h1><p>{HARBOUR}</p><p>{TRAINS} {link('trains', 'Read on about the trains')}.</p>"
    )


def two_columns() -> str:
    """Columns that stand side by side in a table, and below one another on a phone."""
    head = "<style>@media (max-width: 480px) { .half { display: block !important; width: 100% !important; } }</style>"
    return page(
        table(cell(H1))
        + table(
            cell(picture(width=268) + H2.format("Harbour") + P.format(HARBOUR), "padding:16px;width:268px", **{"class": "half", "width": "268", "valign": "top"})
            + cell(picture("ferry.jpg", 268, "A ferry behind a tug") + H2.format("Ferry") + P.format(FERRY), "padding:16px;width:268px", **{"class": "half", "width": "268", "valign": "top"})
        ),
        head=head,
    )  # fmt: skip


def hybrid() -> str:
    """Inline-blocks for everyone, and a table in conditional comments for Outlook, which knows none."""
    column = '<div style="display:inline-block;width:100%;max-width:300px;vertical-align:top;font-size:16px;line-height:24px">{}</div>'
    return page(
        '<!--[if mso]><table role="presentation" width="600" align="center"><tr><td width="600"><![endif]-->'
        f'<div style="max-width:600px;margin:0 auto;font-size:0">{H1}'
        '<!--[if mso]><table role="presentation" width="600"><tr><td width="300" valign="top"><![endif]-->'
        + column.format(H2.format("Harbour") + P.format(HARBOUR))
        + '<!--[if mso]></td><td width="300" valign="top"><![endif]-->'
        + column.format(H2.format("Ferry") + P.format(FERRY))
        + "<!--[if mso]></td></tr></table><![endif]--></div><!--[if mso]></td></tr></table><![endif]-->"
    )


def picture_behind() -> str:
    """Words on a picture, with a colour where it is not loaded and VML for Outlook."""
    vml = (
        '<!--[if gte mso 9]><v:rect xmlns:v="urn:schemas-microsoft-com:vml" fill="true" stroke="false" alt="" '
        f'style="width:600px;height:240px"><v:fill type="frame" src="{PICTURES}night.jpg" color="#14213d"/>'
        '<v:textbox inset="0,0,0,0"><![endif]-->'
    )
    return page(
        table(
            f'<td bgcolor="#14213d" background="{PICTURES}night.jpg" style="background:#14213d url(\'{PICTURES}night.jpg\') '
            f'center / cover no-repeat;padding:48px 24px;color:#ffffff;font-family:Georgia,serif">{vml}<div>'
            '<h1 style="margin:0;font-size:30px;line-height:36px;color:#ffffff">Morning Briefing</h1>'
            f'<p style="margin:0;color:#ffffff">{TRAINS}</p></div><!--[if gte mso 9]></v:textbox></v:rect><![endif]--></td>'
        )
        + table(cell(P.format(HARBOUR)))
    )


def newest_pictures() -> str:
    """WebP for those who see it, JPEG for the others, in two ways."""
    return page(
        table(
            cell(
                H1
                + f'<picture><source type="image/avif" srcset="{PICTURES}harbour.avif">{picture()}</picture>'
                + P.format(HARBOUR)
                + f'<!--[if mso]><img src="{PICTURES}ferry.jpg" width="568" alt="A ferry behind a tug"><![endif]-->'
                + f"<!--[if !mso]><!-->{picture('ferry.webp', 568, 'A ferry behind a tug')}<!--<![endif]-->"
                + P.format(FERRY)
            )
        )
    )


def decorated() -> str:
    """Round corners, shadows, web fonts, hovers, animations: nothing is lost without them."""
    head = (
        '<link rel="stylesheet" href="https://fonts.example.org/css?family=Courier+Serif">'
        "<style>@font-face { font-family: Courier; src: url(https://fonts.example.org/c.woff2); }"
        "@keyframes glow { from { opacity: 0.8; } to { opacity: 1; } }"
        ".card:hover { box-shadow: 0 4px 12px rgba(0,0,0,0.4); } .card { transition: box-shadow 0.2s; animation: glow 1s; }"
        "a:hover { text-decoration: none; }</style>"
    )
    return page(
        table(
            cell(
                H1 + P.format(HARBOUR) + P.format(link("harbour-vote", "All of the harbour")),
                "padding:24px;border-radius:12px;border:1px solid #d9d9d9;box-shadow:0 2px 6px rgba(0,0,0,0.2);"
                "background-color:#f7f4ec;text-shadow:none;letter-spacing:0.2px;font-family:Courier,Georgia,serif",
                **{"class": "card"},
            )
        ),
        head=head,
    )  # fmt: skip


def modern_with_fallbacks() -> str:
    """Flex, variables, clamp and rgba, each after what older programs take."""
    head = "<style>:root { --ink: #1a1a1a; --paper: #fdfbf5; }</style>"
    column = '<div style="display:inline-block;width:280px;vertical-align:top">{}</div>'
    return page(
        '<!--[if mso]><table role="presentation" width="600"><tr><td width="300" valign="top"><![endif]-->'
        '<div style="display:block;display:flex;gap:16px;max-width:600px;color:#1a1a1a;color:var(--ink);'
        'background-color:#fdfbf5;background-color:var(--paper)">'
        + column.format(H1.replace("font-size:28px", "font-size:28px;font-size:clamp(24px, 5vw, 32px)") + P.format(HARBOUR))
        + '<!--[if mso]></td><td width="300" valign="top"><![endif]-->'
        + column.format(H2.format("Trains") + P.format(TRAINS))
        + "</div><!--[if mso]></td></tr></table><![endif]-->"
        + table(cell(P.format(FERRY), "padding:16px;background-color:#14213d;background-color:rgba(20,33,61,0.96);color:#ffffff")),
        head=head,
    )  # fmt: skip


def dark_too() -> str:
    """A scheme for the dark, as an extra."""
    head = (
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        "<style>:root { color-scheme: light dark; } @media (prefers-color-scheme: dark) { .page { background-color: #121212 "
        "!important; color: #ededed !important; } .page a { color: #8ab4f8 !important; } }</style>"
        "<style>[data-ogsb] .page { background-color: #121212 !important; } [data-ogsc] .page { color: #ededed !important; }"
        "[data-ogsc] .page a { color: #8ab4f8 !important; }</style>"
    )
    return page(
        table(
            cell(
                H1 + P.format(HARBOUR) + P.format(link("harbour-vote", "All of the harbour")),
                "padding:16px;background-color:#ffffff;color:#1a1a1a", **{"class": "page"},
            )
        ),
        head=head,
    )  # fmt: skip


def film_with_a_picture() -> str:
    """A film for Apple Mail, and a linked picture for everybody else; a question with a link beside it."""
    return page(
        table(
            cell(
                H1
                + f'<video width="568" controls poster="{PICTURES}film.jpg"><source src="https://media.example.org/f.mp4">'
                + f'<a href="https://courier.example.org/film">{picture("film.jpg", 568, "Watch: the harbour from above")}</a></video>'
                + P.format(FERRY)
                + '<form action="https://courier.example.org/poll" method="post"><label for="say">Your word</label> '
                '<input type="text" id="say" name="say"> <button type="submit">Send</button> '
                + link("poll", "Answer on our page")
                + "</form>"
            )
        )
    )


def two_for_two() -> str:
    """The same once for wide windows and once for phones: nobody misses anything."""
    head = (
        "<style>@media (max-width: 480px) { .wide { display: none !important; } .narrow { display: block !important; "
        "max-height: none !important; } }</style>"
    )
    return page(
        table(
            cell(
                H1
                + f'<div class="wide"><p>{HARBOUR}</p></div>'
                + '<div class="narrow" style="display:none;max-height:0;overflow:hidden;mso-hide:all">'
                + f"<p>{HARBOUR}</p></div>" + P.format(TRAINS)
            )
        ),
        head=head,
    )  # fmt: skip


def hidden_preheader() -> str:
    """A preheader that a style sheet hides, and words on a picture with VML deeper down than the picture."""
    head = "<style>.preheader { display: none !important; visibility: hidden; opacity: 0; }</style>"
    vml = (
        '<!--[if mso]><v:rect xmlns:v="urn:schemas-microsoft-com:vml" fill="true" stroke="false" alt="" style="width:600px">'
        f'<v:fill type="frame" src="{PICTURES}night.jpg" color="#14213d"/><v:textbox inset="0,0,0,0"><![endif]-->'
    )
    return page(
        f'<span class="preheader" style="font-size:1px;color:#ffffff">{TRAINS}</span>'
        f'<table role="presentation" width="600" style="background:#14213d url({PICTURES}night.jpg)"><tr><td><div>{vml}<div>'
        f'<p style="color:#ffffff;margin:0">{FERRY}</p></div><!--[if mso]></v:textbox></v:rect><![endif]--></div></td></tr></table>'
        + table(cell(H1 + P.format(HARBOUR))),
        head=head,
    )


GOOD = {
    **{f"sample {name}": partial(mails.html, name) for name in VARIANTS},
    "a letter": letter,
    "bare words": bare_words,
    "two columns": two_columns,
    "hybrid columns": hybrid,
    "a picture behind words": picture_behind,
    "newest pictures": newest_pictures,
    "decorated": decorated,
    "modern with fallbacks": modern_with_fallbacks,
    "dark too": dark_too,
    "a film with a picture": film_with_a_picture,
    "two for two": two_for_two,
    "a hidden preheader": hidden_preheader,
}
"""By name; the sample editions among them."""
