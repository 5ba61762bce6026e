"""HTML of any kind, to elements."""

from __future__ import annotations

import re
from typing import Any


def document(source: str, *, comments: bool) -> Any:
    """The root element of an HTML document, with or without its comments; what has no element at all is an empty page.

    The type is lxml's, which has none of its own.
    """
    from lxml import etree, html  # 5 MB, and an edition that is locked is not checked any more

    # Control characters are another check's; the parser stops at some of them.
    readable = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", " ", source).strip()
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=not comments, remove_pis=True)
    try:
        return html.document_fromstring(readable.encode(), parser=parser)
    except etree.ParserError:
        return html.document_fromstring(b"<html></html>", parser=parser)
