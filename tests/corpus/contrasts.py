"""Pages whose words stand out or do not, by every way in which a colour comes to an element."""

from __future__ import annotations

from tests.corpus.pages import FERRY, HARBOUR, PICTURES, TRAINS, page

_DARK = "<style>:root {{ color-scheme: light dark; }} @media (prefers-color-scheme: dark) {{ {} }}</style>"

CONTRASTS: dict[str, str] = {
    "plain": page(f"<h1>Morning</h1><p>{HARBOUR}</p>"),
    "grey on white": page(f'<h1>Morning</h1><p style="color:#8a8a8a">{HARBOUR}</p><p style="color:#767676">{FERRY}</p>'),
    "bgcolor": page(f'<h1>Morning</h1><table role="presentation"><tr><td bgcolor="#1a1a1a">{HARBOUR}</td><td bgcolor="#eeeeee">{FERRY}</td></tr></table>'),
    "bgcolor without a hash": page(f'<h1>Morning</h1><table role="presentation" bgcolor="#333333"><tr><td><p>{HARBOUR}</p></td></tr></table>'),
    "font elements": page(f'<h1>Morning</h1><p><font color="#bbbbbb">{HARBOUR}</font> <font color="teal" size="5">{FERRY}</font></p>'),
    "inherited down": page(f'<div style="color:#999999"><h1>Morning</h1><div><p>{HARBOUR}</p><p style="color:#222222">{FERRY}</p></div></div>'),
    "alpha of the text": page(f'<h1>Morning</h1><p style="color:rgba(0,0,0,0.4)">{HARBOUR}</p><p style="color:rgba(0,0,0,0.7)">{FERRY}</p>'),
    "alpha of the ground": page(f'<div style="background-color:#000000"><h1 style="color:#ffffff">Morning</h1><p style="background-color:rgba(255,255,255,0.5);color:#ffffff">{HARBOUR}</p></div>'),
    "opacity": page(f'<h1>Morning</h1><p style="opacity:0.5">{HARBOUR}</p><div style="opacity:0.8"><p>{FERRY}</p></div>'),
    "large": page(f'<h1 style="color:#888888">Morning</h1><p style="font-size:24px;color:#888888">{HARBOUR}</p><p style="font-size:23px;color:#888888">{FERRY}</p>'),
    "large and bold": page(f'<h1>Morning</h1><p style="font-size:19px;color:#888888"><b>{HARBOUR}</b></p><p style="font:bold 18px/24px Arial;color:#888888">{FERRY}</p>'),
    "sizes in em": page(f'<h1>Morning</h1><div style="font-size:2em;color:#888888"><p>{HARBOUR}</p><p style="font-size:50%">{FERRY}</p></div>'),
    "hsl and names": page(f'<h1>Morning</h1><p style="color:hsl(0,0%,60%)">{HARBOUR}</p><p style="color:darkslategray">{FERRY}</p><p style="color:silver">{TRAINS}</p>'),
    "short hex and alpha in it": page(f'<h1>Morning</h1><p style="color:#aaa">{HARBOUR}</p><p style="color:#00000066">{FERRY}</p>'),
    "a class": page(f'<h1>Morning</h1><p class="m">{HARBOUR}</p><p class="m n">{FERRY}</p>', head="<style>.m { color: #999999; } .m.n { color: #333333; } p { color: #000000; }</style>"),
    "important": page(f'<h1>Morning</h1><p class="m" style="color:#000000">{HARBOUR}</p>', head="<style>.m { color: #aaaaaa !important; }</style>"),
    "children and siblings": page(f'<div class="a"><h1>Morning</h1><p>{HARBOUR}</p><p>{FERRY}</p><div><p>{TRAINS}</p></div></div>', head="<style>.a > p { color: #999999; } .a > p + p { color: #111111; } p:first-child { color: #aaaaaa; }</style>"),
    "a background by shorthand": page(f'<div style="background:#14213d url({PICTURES}x.png) no-repeat"></div><div style="background:#14213d"><h1 style="color:#ffffff">Morning</h1><p>{HARBOUR}</p></div>'),
    "what is invalid is dropped": page(f'<h1>Morning</h1><p style="color:#222222;color:inkwell">{HARBOUR}</p><p style="color:#222222;color:#aaaaaa">{FERRY}</p>'),
    "variables": page(f'<h1>Morning</h1><p class="v">{HARBOUR}</p><p style="color:var(--none,#aaaaaa)">{FERRY}</p>', head="<style>:root { --pale: #b0b0b0; } .v { color: var(--pale); }</style>"),
    "links as they come": page(f'<h1>Morning</h1><p>{HARBOUR} <a href="https://courier.example.org/a">All of it</a></p><p style="background-color:#333333;color:#ffffff">{FERRY} <a href="https://courier.example.org/b">All of it here</a></p>'),
    "a link's colour": page(f'<h1>Morning</h1><p>{HARBOUR} <a href="https://courier.example.org/a" style="color:#7fb3ff">All of it</a></p>'),
    "marked": page(f'<h1>Morning</h1><p style="color:#ffffff;background-color:#000000">{HARBOUR} <mark>{FERRY}</mark></p>'),
    "hidden": page(f'<div style="display:none;color:#ffffff">{HARBOUR}</div><div style="max-height:0;overflow:hidden;color:#eeeeee">{FERRY}</div><h1>Morning</h1><p style="visibility:hidden;color:#eeeeee">{TRAINS}</p>'),
    "white on white": page(f'<h1>Morning</h1><p style="color:#ffffff">{HARBOUR}</p>'),
    "a dot": page(f'<h1>Morning</h1><p>{HARBOUR} <span style="color:#dddddd">·</span> {FERRY}</p>'),
    "over a picture": page(f'<h1>Morning</h1><div style="background:#dddddd url({PICTURES}night.jpg);color:#ffffff"><p>{HARBOUR}</p></div><div style="background-image:url({PICTURES}night.jpg)"><div style="background-color:#ffffff"><p style="color:#999999">{FERRY}</p></div></div>'),
    "the body's colours": page(f"<h1>Morning</h1><p>{HARBOUR}</p>", style="background-color:#202020;color:#555555"),
    "small headings": page(f'<h1 style="color:#888888;font-size:14px">Morning</h1><h2 style="color:#888888">{HARBOUR}</h2><h4 style="color:#888888">{FERRY}</h4>'),
    "in the dark alone": page(f'<h1>Morning</h1><p class="m">{HARBOUR}</p>', head=_DARK.format("body { background-color: #121212 !important; color: #ededed !important; } .m { color: #444444; }")),
    "half a dark scheme": page(f'<h1>Morning</h1><div style="background-color:#ffffff"><p>{HARBOUR}</p></div>', head=_DARK.format("body { background-color: #121212 !important; color: #ededed !important; }")),
    "on a wide window": page(f'<h1>Morning</h1><p class="w">{HARBOUR}</p><p class="n">{FERRY}</p>', head="<style>@media only screen and (min-width: 480px) { .w { color: #aaaaaa; } } @media (max-width: 480px) { .n { color: #aaaaaa; } } @media print { p { color: #eeeeee; } }</style>"),
    "attributes in selectors": page(f'<h1>Morning</h1><p title="x">{HARBOUR}</p><p data-k="one two">{FERRY}</p>', head='<style>[title] { color: #999999; } p[data-k~="two"] { color: #aaaaaa; } [data-ogsc] p { color: #eeeeee; } u + .b p { color: #eeeeee; }</style>'),
    "every second": page(f'<h1>Morning</h1><ul><li>{HARBOUR}</li><li>{FERRY}</li><li>{TRAINS}</li></ul>', head="<style>li:nth-child(2n) { color: #999999; } li:not(.x):last-child { color: #aaaaaa; }</style>"),
}  # fmt: skip
