"""A variant whose links lead by us, so that a click can be counted: the same links for every reader.

Readers' own links, and addresses with a reader's words in them, are slots and stay as they are.
"""

from __future__ import annotations

import html as _html
import re
from collections.abc import Mapping
from dataclasses import replace

from newsletter.rendering.contexts import hrefs
from newsletter.rendering.model import Rendered

_IN_TEXT = re.compile(r"\bhttps?://[^\s<>\"]+")
_ENDS = ".,;:!?'’”»)]}"
"""What stands behind an address in running text and may not be of it."""


def countable(url: str, nonce: str) -> bool:
    """Whether clicks on a link can be counted: it leads somewhere on the web, and to the same place for everybody."""
    return url[:8].lower().startswith(("http://", "https://")) and nonce not in url


def counted(rendered: Rendered, links: Mapping[str, str]) -> Rendered:
    """The variant with ``links`` (by address, what stands in its place) in both parts; its digest is the old one."""
    if not links:
        return rendered
    document, out, at = rendered.html, [], 0
    for start, end in hrefs(document):
        if (ours := links.get(_html.unescape(document[start:end]).strip())) is not None:
            out += [document[at:start], _html.escape(ours)]
            at = end

    def of_text(match: re.Match[str]) -> str:
        url = match[0]
        # A closing bracket may be the address's own: the longest that is one of ours is meant.
        while url not in links and url[-1] in _ENDS:
            url = url[:-1]
        return links[url] + match[0][len(url) :] if url in links else match[0]

    return replace(rendered, html="".join([*out, document[at:]]), text=_IN_TEXT.sub(of_text, rendered.text))
