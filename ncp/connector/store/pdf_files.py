"""PDF files as documents: wrapped into a CDA L1, with the header of their L3 or of facts beside them."""

from __future__ import annotations

import base64

from lxml import etree
from pydantic import Field

from ncp.connector.store.documents import DocumentRefused
from ncp.connector.store.patients import SERVED, PatientFile
from ncp.connector.store.synthetic.facts import DocumentFacts
from ncp.connector.store.synthetic.header import twin_id
from ncp.connector.store.synthetic.summary import wrap_pdf
from ncp.wire.ids import II
from ncp.wire.xml import NS_HL7, XmlLimits, XmlRefused, parse

_L1_TEMPLATE = "1.3.6.1.4.1.12559.11.10.1.3.1.1.7"


class PdfFacts(DocumentFacts):
    """``NAME.pdf.toml``: what a PDF that stands alone is."""

    class_code: str = Field(pattern="|".join(SERVED), description=f"Write one of {', '.join(SERVED)}")


def wrap(patient: PatientFile, facts: PdfFacts, pdf: bytes) -> bytes:
    """A PDF that stands alone."""
    return wrap_pdf(patient, facts, facts.class_code, pdf)


def level_1_of(structured: bytes, pdf: bytes, maximum_size: int) -> bytes:
    """The PDF under the header of the L3 it shows, which becomes its parent; the id is the L3's with ``.1`` behind it.

    Raises ``DocumentRefused`` when the L3 has no header to take.
    """
    try:
        root = parse(structured, XmlLimits(maximum_size, elements=2_000_000, attributes=4_000_000, long_text=True))
    except XmlRefused:
        raise DocumentRefused("", "the CDA of the same name cannot be read", "Correct that file first") from None
    identifier = root.find(f"{{{NS_HL7}}}id")
    component = root.find(f"{{{NS_HL7}}}component")
    if identifier is None or component is None:
        raise DocumentRefused("", "the CDA of the same name has no id or no component", "Correct that file first")
    source = II(identifier.get("root", ""), identifier.get("extension", ""))
    own = twin_id(source)
    identifier.set("root", own.root)
    if own.extension:
        identifier.set("extension", own.extension)
    for template in root.findall(f"{{{NS_HL7}}}templateId")[1:]:
        root.remove(template)
    for template in root.findall(f"{{{NS_HL7}}}templateId"):
        template.set("root", _L1_TEMPLATE)
        template.attrib.pop("extension", None)
    related = etree.Element(f"{{{NS_HL7}}}relatedDocument", typeCode="XFRM")
    parent = etree.SubElement(etree.SubElement(related, f"{{{NS_HL7}}}parentDocument"), f"{{{NS_HL7}}}id")
    parent.set("root", source.root)
    if source.extension:
        parent.set("extension", source.extension)
    for link in root.findall(f"{{{NS_HL7}}}relatedDocument"):
        root.remove(link)
    component.addprevious(related)
    for part in list(component):
        component.remove(part)
    body = etree.SubElement(component, f"{{{NS_HL7}}}nonXMLBody", classCode="DOCBODY", moodCode="EVN")
    text = etree.SubElement(body, f"{{{NS_HL7}}}text", mediaType="application/pdf", representation="B64")
    text.text = base64.b64encode(pdf).decode()
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)
