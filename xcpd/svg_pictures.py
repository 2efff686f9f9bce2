"""Drawings (SVG) among the help pictures: only what cannot do anything, written anew.

A portal serves these files, and a browser that opens one by its address runs what is in it. So there is a list of what
may be there (shapes, words, gradients) rather than of what may not: no script, no ``foreignObject``, no link, no style
sheet or ``style``, no event, no animation, no reference but to a gradient or clip path of the same drawing.

Source: SVG 1.1 (W3C, second edition), appendices on elements and attributes.
"""

from __future__ import annotations

import re

from lxml import etree
from lxml.etree import _Element

from ncp.wire.xml import XmlLimits, XmlRefused, parse
from xcpd.mask_pictures import SIDE_MAX, Picture, PictureRefused

MEDIA_TYPE = "image/svg+xml"
SVG_MAX = 256 * 1024
"""Most bytes of one drawing."""

_NS = "http://www.w3.org/2000/svg"
_LIMITS = XmlLimits(size=SVG_MAX, depth=30, elements=3000, attributes=20_000, namespaces=20)
_ELEMENTS = frozenset(
    """
    circle clipPath defs desc ellipse g line linearGradient path polygon polyline radialGradient rect
    stop svg text title tspan
    """.split()  # noqa: SIM905
)
_ATTRIBUTES = frozenset(
    """
    aria-hidden clip-path clip-rule clipPathUnits cx cy d dominant-baseline dx dy fill fill-opacity
    fill-rule font-family font-size font-style font-weight fx fy gradientTransform gradientUnits height
    id lengthAdjust letter-spacing offset opacity points preserveAspectRatio r role rx ry spreadMethod
    stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin
    stroke-miterlimit stroke-opacity stroke-width text-anchor textLength transform version viewBox width
    x x1 x2 y y1 y2
    """.split()  # noqa: SIM905
)
_REFERRING = frozenset(("fill", "stroke", "clip-path"))
_REFERENCE = re.compile(r"url\(#[A-Za-z][A-Za-z0-9_-]{0,63}\)")
_PLAIN = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f<>\\:;@&]{0,20000}")
"""No value needs a colon (``javascript:``, ``data:``), a semicolon or a backslash (an escape of CSS)."""
_BOX = re.compile(r"0 0 ([0-9]{1,4}) ([0-9]{1,4})")


def clean_svg(data: bytes, name: str = "", description: str = "") -> Picture:
    """The drawing alone. Raises ``PictureRefused``: ``picture.malformed`` for what is no such drawing,
    ``picture.too_large``, ``picture.active`` for anything that is not on the lists."""
    try:
        root = parse(data, _LIMITS)
    except XmlRefused as refused:
        large = refused.reason in ("xml.too_large", "xml.too_deep")
        raise PictureRefused("picture.too_large" if large else "picture.malformed") from None
    if root.tag != f"{{{_NS}}}svg":
        raise PictureRefused("picture.malformed")
    box = _BOX.fullmatch(root.get("viewBox", ""))
    if box is None:
        raise PictureRefused("picture.malformed")
    width, height = int(box.group(1)), int(box.group(2))
    if not 0 < width <= SIDE_MAX or not 0 < height <= SIDE_MAX:
        raise PictureRefused("picture.too_large")
    clean = _copied(root)
    etree.cleanup_namespaces(clean)
    return Picture(MEDIA_TYPE, etree.tostring(clean, encoding="utf-8"), width, height, name, description)


def _copied(element: _Element) -> _Element:
    """The element with what is allowed; comments are dropped, anything else that is not allowed refuses the whole."""
    if not isinstance(element.tag, str):
        raise PictureRefused("picture.active")
    namespace, _, local = element.tag.rpartition("}")
    if namespace != f"{{{_NS}" or local not in _ELEMENTS:
        raise PictureRefused("picture.active")
    copy = etree.Element(element.tag, nsmap={None: _NS})
    for key, value in element.attrib.items():
        _check(str(key), str(value))
        copy.set(key, value)
    copy.text = element.text
    for child in element:
        if isinstance(child, etree._Comment):
            _append_text(copy, child.tail)
            continue
        inside = _copied(child)
        inside.tail = child.tail
        copy.append(inside)
    return copy


def _append_text(parent: _Element, text: str | None) -> None:
    if not text:
        return
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _check(key: str, value: str) -> None:
    if key not in _ATTRIBUTES or not _PLAIN.fullmatch(value):
        raise PictureRefused("picture.active")
    refers = "url" in value.lower()
    if refers and not (key in _REFERRING and _REFERENCE.fullmatch(value)):
        raise PictureRefused("picture.active")
