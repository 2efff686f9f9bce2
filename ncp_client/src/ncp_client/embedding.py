"""A rendered page taken apart, so that its parts can stand inside a page of the portal.

Knows the outline of the gateway's page (``docs/display.md``): one style in the head, and in the body a banner, a main
part and a footer. What is inside was made safe by the gateway and is handed on as it is; nothing else of the page is.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from lxml import etree, html

_SKIP = "skip"


@dataclass(frozen=True, slots=True, repr=False)
class Embedded:
    """HTML to put into ``<div class="{kind}">``, whose style holds below the class ``summary`` only.

    ``style`` goes into a ``<style>`` element, which a Content Security Policy allows by ``style_source``; ``banner``
    tells who the patient is and has the only heading of level 1, ``main`` is the summary, ``footer`` its source.
    """

    kind: str
    style: str
    banner: str
    main: str
    footer: str

    @property
    def style_source(self) -> str:
        """The source expression of the style (CSP Level 3, 2.3.1)."""
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        return f"'sha256-{digest}'"

    def __repr__(self) -> str:
        return f"Embedded({self.kind})"


def embedded(page: bytes) -> Embedded:
    """The parts of a page. Raises ``ValueError`` when it is not one of the gateway's."""
    try:
        root = html.document_fromstring(page, parser=html.HTMLParser(encoding="utf-8", huge_tree=True))
    except etree.ParserError:
        raise ValueError("not a page") from None
    styles, body = root.findall("head/style"), root.find("body")
    if body is None or len(styles) != 1 or (main := body.find("main")) is None:
        raise ValueError("not a page of the gateway")
    banner, footer = body.find("header"), body.find("footer")
    return Embedded(
        kind=body.get("class", ""),
        style=styles[0].text or "",
        banner="" if banner is None else _written(banner),
        main=_inside(main),
        footer="" if footer is None else _inside(footer),
    )


def _inside(element: html.HtmlElement) -> str:
    """What is in an element, without the element."""
    written = _written(element)
    return written[written.index(">") + 1 : written.rindex("<")]


def _written(element: html.HtmlElement) -> str:
    text = etree.tostring(element, method="html", encoding="unicode", with_tail=False)
    return str(text)
