"""Macros of SPF (RFC 7208 section 7), as far as they can be known before there is a connection."""

from __future__ import annotations

import re
from urllib.parse import quote

from newsletter.press.senders.lookup import Host

_MACRO = re.compile(
    r"%(?:\{(?P<letter>[a-z])(?P<digits>[0-9]*)(?P<reverse>r?)(?P<cut>[.\-+,/_=]*)\}|(?P<plain>[%_-]))", re.I
)
_PLAIN = {"%": "%", "_": " ", "-": "%20"}
_LONGEST = 253
"""Characters of a name. Of a longer one labels go from its left (RFC 7208 section 7.3)."""


def expand(target: str, *, domain: str, sender: str, host: Host | None) -> str | None:
    """The name that ``target``, in a record of ``domain``, comes to for a message from ``sender`` at ``host``.

    None where it depends on what is not known: ``%{h}`` and ``%{p}``, the HELO name and the name of the address, or
    without a ``host`` on its address. The name is in small letters, without a dot at its end.
    """
    local, _, sender_domain = sender.rpartition("@")
    values = {"s": sender, "l": local, "o": sender_domain, "d": domain}
    if host is not None:
        values["i"] = str(host) if host.version == 4 else ".".join(host.exploded.replace(":", ""))
        values["v"] = "in-addr" if host.version == 4 else "ip6"
    if any(one["letter"] and one["letter"].lower() not in values for one in _MACRO.finditer(target)):
        return None

    def value(macro: re.Match[str]) -> str:
        if macro["plain"]:
            return _PLAIN[macro["plain"]]
        parts = re.split(f"[{re.escape(macro['cut'] or '.')}]", values[macro["letter"].lower()])
        if macro["reverse"]:
            parts.reverse()
        text = ".".join(parts[-int(macro["digits"]) :] if macro["digits"] else parts)
        return quote(text, safe="") if macro["letter"].isupper() else text

    name = _MACRO.sub(value, target).lower().rstrip(".")
    while len(name) > _LONGEST and "." in name:
        name = name.partition(".")[2]
    return name
