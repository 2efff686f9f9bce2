"""What a transformation may write into a document: attributes of a code, and ``translation`` inside it.

Nothing else changes: white space, prefixes, comments and the order of children stay, and the new ``translation`` is the
last child, where the schema has it (CDA R2 datatypes, ``CD``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree
from lxml.etree import _Element

from ncp.semantics.cda.reading import NS_EPSOS
from ncp.wire.xml import NS_HL7

_MEDICATION = f"{{{NS_EPSOS}}}"
_TRANSLATION, _OLDER = f"{{{NS_HL7}}}translation", f"{_MEDICATION}translation"
_TRANSLATIONS = (_TRANSLATION, _OLDER)
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s[^>]*\?>", re.DOTALL)
_OTHER_NAME = re.compile(rb"""(encoding\s*=\s*)["'][^"']*["']""")
_USUAL = b'<?xml version="1.0" encoding="UTF-8"?>'


def translation_of(element: _Element) -> _Element | None:
    """The first ``translation`` child."""
    if not len(element):
        return None
    return next((child for child in element if child.tag in _TRANSLATIONS), None)


def wrap(element: _Element, attributes: Mapping[str, str]) -> None:
    """Append a ``translation`` with these attributes; the first one that was there moves inside it."""
    older = translation_of(element)
    # The datatypes of the medication extension up to Wave 5 are in its own namespace, all others in HL7's.
    name = _OLDER if str(element.tag).startswith(_MEDICATION) else _TRANSLATION
    newer = etree.SubElement(element, name, {key: value for key, value in attributes.items() if value})
    if older is not None:
        _leave_tail(older)
        newer.append(older)


def _leave_tail(element: _Element) -> None:
    """White space after an element belongs to its place, not to it."""
    tail, element.tail = element.tail, None
    if not tail:
        return
    before, parent = element.getprevious(), element.getparent()
    if before is not None:
        before.tail = (before.tail or "") + tail
    elif parent is not None:
        parent.text = (parent.text or "") + tail


def assign(element: _Element, name: str, value: str) -> None:
    """Set an attribute; take it away for an empty value."""
    if value:
        element.set(name, value)
    elif name in element.attrib:
        del element.attrib[name]


def serialise_document(root: _Element, source: bytes = b"") -> bytes:
    """The whole document, with what stands before and after its root, and the XML declaration of ``source``."""
    body: bytes = etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=False)
    found = _DECLARATION.match(source)
    if found is None:
        return body if source else _USUAL + b"\n" + body
    declaration = _OTHER_NAME.sub(rb'\1"UTF-8"', found[0]) if b"ascii" in found[0].lower() else found[0]
    return declaration.lstrip(b"\xef\xbb\xbf \t\r\n") + b"\n" + body
