"""What the mails of the corpus share: a document around a body, paragraphs, pictures."""

from __future__ import annotations

HARBOUR = "Twelve years, four mayors and one ballot paper: the harbour question has an answer, and the cranes can go."
FERRY = "A ferry with forty people on board was towed in before dawn. Nobody was hurt, and the line runs again at noon."
TRAINS = "Night trains return to the coast in spring, two a week to begin with, and bicycles may come along."
PICTURES = "https://images.example.org/2026/11/"
LINKS = "https://courier.example.org/2026/11/23/"


def page(body: str, *, head: str = "", style: str = "margin:0;padding:0;background-color:#ffffff;color:#1a1a1a") -> str:
    """A whole document, with language, direction and title."""
    return (
        '<!DOCTYPE html><html lang="en" dir="ltr"><head><meta charset="utf-8"><title>Monday Briefing</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}</head>'
        f'<body style="{style}"><div lang="en" dir="ltr">{body}</div></body></html>'
    )


def picture(name: str = "harbour.jpg", width: int = 600, alt: str = "The old harbour at dawn", style: str = "") -> str:
    return f'<img src="{PICTURES}{name}" width="{width}" alt="{alt}" style="display:block;border:0;{style}">'


def link(slug: str, words: str, style: str = "color:#0b5394") -> str:
    return f'<a href="{LINKS}{slug}" style="{style}">{words}</a>'


def table(cells: str, *, width: str = "600", style: str = "") -> str:
    return (
        f'<table role="presentation" width="{width}" cellpadding="0" cellspacing="0" border="0" style="{style}">'
        f"<tr>{cells}</tr></table>"
    )


def cell(
    content: str, style: str = "padding:16px;font-family:Arial,sans-serif;font-size:16px;line-height:24px", **more: str
) -> str:
    attributes = "".join(f' {name}="{value}"' for name, value in more.items())
    return f'<td style="{style}"{attributes}>{content}</td>'
