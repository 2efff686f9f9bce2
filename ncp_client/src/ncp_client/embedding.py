"""A rendered page taken apart, so that its parts can stand inside a page of the portal.

Knows the outline of the gateway's page (``docs/display.md``): one style in the head, and in the body a banner, a main
part and a footer. What is inside was made safe by the gateway and is handed on as it is; nothing else of the page is.
A page in which something runs, loads or leads away is not one of the gateway's and is refused.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from lxml import etree, html

_NEVER = frozenset(
    (
        *("script", "style", "link", "meta", "base", "iframe", "frame", "object", "embed", "applet", "form", "input"),
        *("button", "img", "svg", "math", "video", "audio", "source", "template", "noscript", "textarea", "select"),
        *("dialog", "portal"),
    )
)
"""Elements that no summary needs."""
_ADDRESSES = frozenset(("href", "src", "action", "formaction", "srcdoc", "data", "poster", "background", "ping"))


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
        parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
        root = html.document_fromstring(page, parser=parser)
    except etree.ParserError:
        raise ValueError("not a page") from None
    if parser.error_log.filter_from_fatals():
        # The parser stops there and keeps quiet: what follows would be lost.
        raise ValueError("the page cannot be read to its end")
    styles, body = root.findall("head/style"), root.find("body")
    if body is None or len(styles) != 1 or (main := body.find("main")) is None:
        raise ValueError("not a page of the gateway")
    if not _is_inert(body):
        raise ValueError("not a page of the gateway: there is more in it than text")
    banner, footer = body.find("header"), body.find("footer")
    return Embedded(
        kind=body.get("class", ""),
        style=styles[0].text or "",
        banner="" if banner is None else _written(banner),
        main=_inside(main),
        footer="" if footer is None else _inside(footer),
    )


def _is_inert(body: html.HtmlElement) -> bool:
    """Whether nothing in it runs, loads anything, or leads out of the page."""
    for element in body.iter():
        if not isinstance(element.tag, str):
            # A comment says nothing to anybody, and no page of ours has one.
            return False
        if element.tag in _NEVER:
            return False
        for name, value in element.attrib.items():
            if name.startswith("on") or name == "style" or (name in _ADDRESSES and not value.startswith("#")):
                return False
    return True


def _inside(element: html.HtmlElement) -> str:
    """What is in an element, without the element."""
    written = _written(element)
    return written[written.index(">") + 1 : written.rindex("<")]


def _written(element: html.HtmlElement) -> str:
    text = etree.tostring(element, method="html", encoding="unicode", with_tail=False)
    return str(text)
