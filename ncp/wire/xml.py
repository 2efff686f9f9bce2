"""The one way into XML: no DTD, no entities, no network, with limits on size, depth and counts.

Comments and processing instructions stay in the tree, so that assertions can refuse them and other readers can skip
them (``text_of``). Values are read with ``text_of``, never with ``.text``, which stops at the first comment.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

NS_SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
NS_SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
NS_WSA = "http://www.w3.org/2005/08/addressing"
NS_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
NS_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
NS_SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
NS_DS = "http://www.w3.org/2000/09/xmldsig#"
NS_HL7 = "urn:hl7-org:v3"
NS_XSI = "http://www.w3.org/2001/XMLSchema-instance"
NS_XS = "http://www.w3.org/2001/XMLSchema"
NS_XOP = "http://www.w3.org/2004/08/xop/include"


class XmlRefused(ValueError):
    """The bytes are not XML that this product reads. ``reason`` is one of ``xml.malformed``, ``xml.dtd``,
    ``xml.encoding``, ``xml.too_large``, ``xml.too_deep``. The text never quotes the input."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """Bounds on one XML document.

    ``depth`` 100 is four times the deepest message of the profile; ``elements``, ``attributes`` and ``namespaces`` (the
    declarations) bound the work that a small message can cause, canonicalisation above all; ``long_text`` admits text
    nodes over 10 MB (documents inline as base64).
    """

    size: int = 2 * 1024 * 1024
    depth: int = 100
    elements: int = 50_000
    attributes: int = 100_000
    namespaces: int = 5_000
    long_text: bool = False


MESSAGE_LIMITS = XmlLimits()

# What may stand before the root element; a DOCTYPE can stand nowhere else.
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)["']""")
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff", b"+/v", b"\x00", b"<\x00", b"Lo\xa7\x94")
"""How UTF-16, UTF-32, UTF-7 and EBCDIC documents begin."""

# Shortest forms ``<a/>``, ``a=""`` with its blank, ``xmlns:a=""`` with its blank: what cannot fit need not be counted.
_ELEMENT_BYTES, _ATTRIBUTE_BYTES, _NAMESPACE_BYTES = 4, 5, 9

# A namespace name is declared once and stands in the name of every element and attribute that uses it: one of a
# megabyte turns two megabytes of XML into gigabytes of names. Below the first size it cannot become much. A prefix so
# long that its name is not in sight counts as long too; with all repetitions bounded or anchored the search is linear.
# The blank before the word is looked at last: a pattern that begins with plain bytes is found some twenty times faster.
_LONG_NAMES_MATTER = 32 * 1024
_LONG_NAMESPACE = re.compile(
    rb"""xmlns(?<=\sxmlns)(?=[:=\s])(?:[^=<>"']{701}|[^=<>"']*=\s*(?:"[^"]{513}|'[^']{513}))"""
)

# lxml and C14N look at each attribute of an element once per attribute.
_ATTRIBUTES_OF_ONE = 500
_CROWDED = etree.XPath(f"boolean(//*/@*[{_ATTRIBUTES_OF_ONE + 1}])")


def parse(data: bytes, limits: XmlLimits = MESSAGE_LIMITS, *, charset: str = "") -> _Element:
    """Parse UTF-8 bytes. Raises ``XmlRefused``, and nothing else, for whatever is wrong with them.

    ``charset`` is what the transport says of the bytes; where it says something, the XML declaration is not asked
    (RFC 7303 3.1), as some senders declare one and send the other.
    """
    if len(data) > limits.size:
        raise XmlRefused("xml.too_large", f"more than {limits.size} bytes")
    if data.startswith(_OTHER_ENCODINGS):
        raise XmlRefused("xml.encoding", "only UTF-8 is read")
    declared = None if charset else _DECLARED.match(data)
    name = declared.group(1).decode("latin-1") if declared else charset or "utf-8"
    if name.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
        raise XmlRefused("xml.encoding", "only UTF-8 is read")
    # XML knows the word in capitals only. The parser is told UTF-8, so no encoding can hide these bytes from this look.
    if b"<!DOCTYPE" in data:
        prolog = _PROLOG.match(data)
        if data.startswith(b"<!DOCTYPE", prolog.end() if prolog else 0):
            raise XmlRefused("xml.dtd", "a document type declaration is not allowed")
    _refuse_too_many(data, limits)
    try:
        root = etree.fromstring(data, _PARSERS.long if limits.long_text else _PARSERS.short)
    except (etree.XMLSyntaxError, ValueError):
        # The parser's own text quotes the input, which may name a patient.
        raise XmlRefused("xml.malformed", "not well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise XmlRefused("xml.dtd", "a document type declaration is not allowed")
    if data.count(b"=") > _ATTRIBUTES_OF_ONE and _CROWDED(root):
        raise XmlRefused("xml.too_large", f"an element with more than {_ATTRIBUTES_OF_ONE} attributes")
    if _deeper_than(root, limits.depth):
        raise XmlRefused("xml.too_deep", f"more than {limits.depth} levels")
    return root


def _refuse_too_many(data: bytes, limits: XmlLimits) -> None:
    """Bounds from above, counted in the bytes before the parser spends time and memory on them."""
    size = len(data)
    if (
        (size > limits.elements * _ELEMENT_BYTES and data.count(b"<") - data.count(b"</") > limits.elements)
        or (size > limits.attributes * _ATTRIBUTE_BYTES and data.count(b"=") > limits.attributes)
        or (size > limits.namespaces * _NAMESPACE_BYTES and data.count(b"xmlns") > limits.namespaces)
    ):
        raise XmlRefused("xml.too_large", "too many elements, attributes or namespace declarations")
    if size > _LONG_NAMES_MATTER and _LONG_NAMESPACE.search(data):
        raise XmlRefused("xml.too_large", "a namespace name of more than 512 bytes")


class _Parsers(threading.local):
    """One parser per thread: making one costs as much as parsing a message, sharing one costs a lock."""

    def __init__(self) -> None:
        self.short = _new_parser(long_text=False)
        self.long = _new_parser(long_text=True)


def _new_parser(long_text: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        remove_blank_text=False,
        remove_comments=False,
        remove_pis=False,
        strip_cdata=True,
        collect_ids=False,
        huge_tree=long_text,
    )


_PARSERS = _Parsers()


_USUAL_DEPTH = 16


def _deeper_than(root: _Element, depth: int) -> bool:
    # Few messages pass the usual depth, and asking for it costs a third of asking for a hundred levels.
    if depth > _USUAL_DEPTH and not _has_level(root, _USUAL_DEPTH + 1):
        return False
    return _has_level(root, depth + 1)


def _has_level(root: _Element, level: int) -> bool:
    probe = _LEVEL_PROBES.get(level)
    if probe is None:
        probe = _LEVEL_PROBES[level] = etree.XPath("boolean(/" + "/".join("*" * level) + ")")
    return bool(probe(root))


_LEVEL_PROBES: dict[int, etree.XPath] = {}


def text_of(element: _Element | None) -> str:
    """All text directly inside the element, trimmed; comments and processing instructions are stepped over.

    Text of child elements is not included. Empty for None.
    """
    if element is None:
        return ""
    if not len(element):
        return (element.text or "").strip()
    return ((element.text or "") + "".join(child.tail or "" for child in element)).strip()


def children(element: _Element) -> Iterator[_Element]:
    """Child elements, without comments and processing instructions."""
    return element.iterchildren("*")


def child(element: _Element | None, qname: str) -> _Element | None:
    """The first child of that name (``{namespace}local``), or None."""
    return None if element is None else element.find(qname)


def path(element: _Element | None, namespace: str, *names: str) -> _Element | None:
    """Walk down by local names in one namespace, first child each time; None as soon as one is missing."""
    for name in names:
        if element is None:
            return None
        element = element.find(f"{{{namespace}}}{name}")
    return element


def local_name(element: _Element) -> str:
    """Name without namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def serialise(element: _Element) -> bytes:
    """The element alone as UTF-8, self-contained: every namespace in scope is declared, no XML declaration, no tail."""
    return etree.tostring(element, encoding="utf-8", xml_declaration=False, with_tail=False)
