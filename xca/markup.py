"""Text into XML markup: escaped, free of characters that XML cannot carry, cut to what the schema allows."""

from __future__ import annotations

import re

_SPECIAL = re.compile('[\x00-\x1f&<>"\ud800-\udfff\ufffe\uffff]')
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def quote(text: str, limit: int | None = None) -> str:
    """Content for an element or a double-quoted attribute; at most ``limit`` characters of it.

    Line ends and tabs become character references, so that a reader gets back exactly these characters.
    """
    if limit is not None and len(text) > limit:
        text = text[:limit]
    if _SPECIAL.search(text) is None:
        return text
    text = _FORBIDDEN.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")


def cut_bytes(text: str, limit: int) -> str:
    """At most ``limit`` bytes of UTF-8, never half a character."""
    encoded = text.encode("utf-8", "ignore")
    return text if len(encoded) <= limit else encoded[:limit].decode("utf-8", "ignore")
