"""Mails that look right in a browser, and lose words, pictures or their layout in a program that is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.corpus.good import H1, H2, P
from tests.corpus.pages import FERRY, HARBOUR, LINKS, PICTURES, TRAINS, cell, link, page, picture, table


class Broken(NamedTuple):
    html: Callable[[], str]
    clients: str
    """Of whom a finding must speak, parted by commas."""
    words: str
    """What it must say."""


def one(content: str, **more: str) -> str:
    return page(table(cell(H1 + content)), **more)


def lead_in_webp() -> str:
    return one(picture("harbour.webp", 568) + P.format(HARBOUR))


def lead_in_avif() -> str:
    return one(picture("harbour?fm=avif&amp;w=1200", 568) + P.format(HARBOUR))


def flex_columns() -> str:
    story = '<div style="width:50%">{}</div>'
    return page(
        '<div style="display:flex;width:600px">'
        + story.format(H1 + P.format(HARBOUR))
        + story.format(H2.format("Ferry") + P.format(FERRY))
        + "</div>"
    )


def grid_of_stories() -> str:
    head = "<style>.all { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 16px; }</style>"
    return page(
        H1 + '<div class="all">' + "".join(f"<div>{picture(width=180)}<p>{text}</p></div>" for text in (HARBOUR, FERRY, TRAINS))
        + "</div>",
        head=head,
    )  # fmt: skip


def floating_columns() -> str:
    column = '<div style="float:{};width:280px">{}</div>'
    return page(
        f'<div style="width:600px">{H1}'
        + column.format("left", H2.format("Ferry") + P.format(FERRY))
        + column.format("right", H2.format("Trains") + P.format(TRAINS))
        + "</div>"
    )


def columns_without_a_table() -> str:
    column = '<div style="display:inline-block;width:290px;vertical-align:top">{}</div>'
    return page(H1 + f"<div>{column.format(P.format(FERRY))}{column.format(P.format(TRAINS))}</div>")


def words_over_the_lead() -> str:
    return page(
        f'<div style="position:relative">{picture()}<div style="position:absolute;bottom:24px;left:24px;'
        f'background-color:#000000;color:#ffffff"><h1 style="margin:0">{HARBOUR}</h1></div></div>' + P.format(TRAINS)
    )


def white_on_a_picture() -> str:
    return page(
        table(
            f'<td style="background-image:url({PICTURES}night.jpg);padding:60px 24px;color:#ffffff">'
            f'<h1 style="margin:0">Morning Briefing</h1><p style="margin:0">{HARBOUR}</p></td>'
        )
        + P.format(FERRY)
    )


def white_on_a_gradient() -> str:
    return page(
        table(
            '<td style="background-image:linear-gradient(#14213d,#1d3557);padding:40px 24px;color:#ffffff">'
            f'<h1 style="margin:0">Morning Briefing</h1><p style="margin:0">{HARBOUR}</p></td>'
        )
    )


def film_alone() -> str:
    return one('<video src="https://media.example.org/harbour.mp4" width="568" controls></video>' + P.format(HARBOUR))


def chart_in_svg() -> str:
    return one(
        '<svg width="300" height="120" role="img" aria-label="Votes for and against the plan"><rect width="180" height="40"/>'
        '<text x="8" y="80">61 % for the plan, 39 % against it</text></svg>' + P.format(HARBOUR)
    )


def poll_in_the_mail() -> str:
    return one(
        P.format(HARBOUR)
        + '<form action="https://courier.example.org/poll" method="post"><label for="say">What do you say?</label> '
        '<textarea id="say" name="say"></textarea> <input type="submit" value="Send"></form>'
    )


def ink_by_variable() -> str:
    head = "<style>:root { --night: #14213d; --chalk: #ffffff; }</style>"
    return page(
        table(cell(H1.replace("margin:0", "color:#ffffff;margin:0") + P.format(HARBOUR),
                   "padding:24px;background-color:var(--night);color:#ffffff")),
        head=head,
    )  # fmt: skip


def box_by_rgba() -> str:
    return page(
        table(cell(P.format(HARBOUR), "padding:24px;background-color:rgba(10,20,40,0.92);color:#fafafa"))
        + H1
        + P.format(FERRY)
    )


def widths_in_rem() -> str:
    return page(
        table(
            cell(H1 + P.format(HARBOUR), "width:24rem;padding:1rem")
            + cell(P.format(FERRY), "width:12rem;padding:1rem"),
            width="100%",
        )
    )


def sheet_elsewhere() -> str:
    head = '<link rel="stylesheet" href="https://courier.example.org/mail.css">'
    return page(f'<div class="briefing"><h1>Morning Briefing</h1><p class="dek">{HARBOUR}</p></div>', head=head)


def only_on_phones() -> str:
    head = "<style>@media (min-width: 1px) { .more { display: block !important; } }</style>"
    return one(
        P.format(HARBOUR) + f'<div class="more" style="display:none"><p>{FERRY}</p><p>{TRAINS}</p></div>', head=head
    )


def behind_a_tap() -> str:
    head = "<style>#more:checked ~ .rest { display: block !important; }</style>"
    return one(
        P.format(HARBOUR)
        + '<input type="checkbox" id="more"><label for="more">Show the rest</label>'
        + f'<div class="rest" style="display:none"><p>{FERRY}</p><p>{TRAINS}</p></div>'
        + P.format(link("all", "All stories of today")),
        head=head,
    )


def page_in_a_page() -> str:
    return one(
        P.format(HARBOUR) + f'<iframe src="{LINKS}map" title="A map of the harbour" width="568" height="300"></iframe>'
    )


BROKEN: dict[str, Broken] = {
    "lead in WebP": Broken(lead_in_webp, "outlook-windows", "the first picture is WebP and will not show"),
    "lead in AVIF": Broken(lead_in_avif, "outlook-windows,gmx", "the first picture is AVIF and will not show"),
    "flex columns": Broken(flex_columns, "outlook-windows,gmx", "2 columns that are laid out by flex"),
    "grid of stories": Broken(grid_of_stories, "outlook-windows,gmx", "3 columns that are laid out by grid"),
    "floating columns": Broken(floating_columns, "outlook-windows", "2 columns that float"),
    "columns without a table": Broken(columns_without_a_table, "outlook-windows", "each as wide as the window"),
    "words over the lead": Broken(words_over_the_lead, "gmail,outlook-windows", "does not stand where it is placed"),
    "white on a picture": Broken(white_on_a_picture, "outlook-windows", "the words on it are not legible without it"),
    "white on a gradient": Broken(white_on_a_gradient, "outlook-windows,yahoo", "the words on it are not legible"),
    "film alone": Broken(film_alone, "gmail,outlook-windows,yahoo", "the film is not shown"),
    "chart in SVG": Broken(chart_in_svg, "gmail,outlook-windows,yahoo", "a drawing is not shown"),
    "poll in the mail": Broken(poll_in_the_mail, "outlook-windows", "the form cannot be filled in"),
    "paper by variable": Broken(ink_by_variable, "gmail,outlook-windows,yahoo", "colours in variables are dropped"),
    "box by rgba": Broken(box_by_rgba, "outlook-windows,gmx", "colours in rgba() are dropped"),
    "widths in rem": Broken(widths_in_rem, "outlook-windows,yahoo", "widths in rem are dropped"),
    "sheet elsewhere": Broken(sheet_elsewhere, "gmail,yahoo", "is not read"),
    "shown by @media alone": Broken(only_on_phones, "outlook-windows,thunderbird", "stay hidden"),
    "behind a tap": Broken(behind_a_tap, "outlook-windows,gmail", "stay hidden"),
    "page in a page": Broken(page_in_a_page, "apple-mail,gmail,outlook-windows", "what is embedded is not shown"),
}
