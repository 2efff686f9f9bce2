"""Constants of ITI-38 and ITI-39: actions, URNs, class and format codes, titles, limits."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

NS_QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
NS_RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
NS_RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
NS_XDSB = "urn:ihe:iti:xds-b:2007"

QUERY_ACTION = "urn:ihe:iti:2007:CrossGatewayQuery"
QUERY_RESPONSE_ACTION = "urn:ihe:iti:2007:CrossGatewayQueryResponse"
QUERY_BODY = f"{{{NS_QUERY}}}AdhocQueryRequest"
QUERY_RESPONSE_BODY = f"{{{NS_QUERY}}}AdhocQueryResponse"
RETRIEVE_ACTION = "urn:ihe:iti:2007:CrossGatewayRetrieve"
RETRIEVE_RESPONSE_ACTION = "urn:ihe:iti:2007:CrossGatewayRetrieveResponse"
RETRIEVE_BODY = f"{{{NS_XDSB}}}RetrieveDocumentSetRequest"
RETRIEVE_RESPONSE_BODY = f"{{{NS_XDSB}}}RetrieveDocumentSetResponse"

FIND_DOCUMENTS = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d"
"""The one stored query of the profile (ITI TF-2 3.18.4.1.2.3.7.1)."""

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
STABLE_DOCUMENT = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
ON_DEMAND_DOCUMENT = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
XFRM = "urn:ihe:iti:2007:AssociationType:XFRM"

LOINC = "2.16.840.1.113883.6.1"

# Limits of ebRIM 3.0 (LongName, FreeFormText) and of XDS metadata (ITI TF-3 4.2.3.2), in characters unless named bytes.
VALUE_MAX = 256
TEXT_MAX = 1024
TITLE_MAX_BYTES = 128
UNIQUE_ID_MAX = 128
DOCUMENT_MAX_BYTES = 50 * 1024 * 1024
REQUESTS_MAX = 49
"""Documents in one ITI-39: a message has at most 50 MIME parts (CXF), one of them the envelope."""
ENTRIES_MAX = 1000
"""Entries of one answer that are shown; more than that is no list a person can use."""


class ClassCode(StrEnum):
    """Document classes of the profile (LOINC)."""

    PATIENT_SUMMARY = "60591-5"
    EPRESCRIPTION = "57833-6"
    MRO = "56445-0"
    HOSPITAL_DISCHARGE = "34105-7"
    LABORATORY = "11502-2"
    IMAGING_REPORT = "18748-4"
    IMAGE = "x-clinical-image"
    EDISPENSATION = "60593-1"
    EDISPENSATION_DISCARD = "DISCARD-60593-1"


ORIGINAL_CLINICAL_DOCUMENTS = (
    ClassCode.HOSPITAL_DISCHARGE,
    ClassCode.LABORATORY,
    ClassCode.IMAGING_REPORT,
    ClassCode.IMAGE,
)

QUERYABLE = frozenset({ClassCode.PATIENT_SUMMARY, ClassCode.EPRESCRIPTION, *ORIGINAL_CLINICAL_DOCUMENTS})
"""Classes a query may ask for. MRO is retired; dispensations are only ever submitted."""

TITLES: Mapping[str, str] = {
    ClassCode.PATIENT_SUMMARY: "Patient Summary",
    ClassCode.EPRESCRIPTION: "eHDSI - ePrescription",
    ClassCode.MRO: "MRO Summary",
    ClassCode.HOSPITAL_DISCHARGE: "OrCD Hospital Discharge Summary",
    ClassCode.LABORATORY: "OrCD Laboratory Report",
    ClassCode.IMAGING_REPORT: "OrCD Diagnostic Imaging Study",
    ClassCode.IMAGE: "OrCD Medical Image",
}
"""Titles on the wire are these English constants; whoever shows a list names a class in its own language."""


class FormatCode(StrEnum):
    """Format codes as OpenNCP writes them; compared without regard to letter case."""

    PATIENT_SUMMARY_L3 = "urn:epSOS:ps:ps:2010"
    EPRESCRIPTION_L3 = "urn:epsos:ep:pre:2010"
    MRO_L3 = "urn:epSOS:mro:mro:2013"
    PDF_L1 = "urn:ihe:iti:xds-sd:pdf:2008"
    ORCD_PDF = "urn:eHDSI:orcd:pdf:2021"
    ORCD_PNG = "urn:eHDSI:orcd:png:2021"
    ORCD_JPEG = "urn:eHDSI:orcd:jpeg:2021"


EHDSI_FORMATS = "eHDSI formatCodes"

FORMAT_NAMES: Mapping[FormatCode, tuple[str, str]] = {
    FormatCode.PATIENT_SUMMARY_L3: (EHDSI_FORMATS, "epSOS coded Patient Summary"),
    FormatCode.EPRESCRIPTION_L3: (EHDSI_FORMATS, "epSOS coded ePrescription"),
    FormatCode.MRO_L3: (EHDSI_FORMATS, "epSOS Coded MRO"),
    FormatCode.PDF_L1: ("IHE PCC", "PDF/A coded document"),
    FormatCode.ORCD_PDF: (EHDSI_FORMATS, "PDF/A coded document"),
    FormatCode.ORCD_PNG: (EHDSI_FORMATS, "PNG coded document"),
    FormatCode.ORCD_JPEG: (EHDSI_FORMATS, "JPEG coded document"),
}
"""Coding scheme and display name of each format code."""

_FORMATS = {code.lower(): code for code in FormatCode}


def known_format(code: str) -> FormatCode | None:
    """The declared format code, whatever the letter case of ``code``; None for one that no list has."""
    return _FORMATS.get(code.lower())


class EventScheme(StrEnum):
    """Coding schemes of event codes: what a code of the list says of an ePrescription or a discharge report."""

    DISPENSABLE = "1.3.6.1.4.1.19376.1.2.3"
    ATC = "2.16.840.1.113883.6.73"
    DOSE_FORM = "0.4.0.127.0.16.1.1.2.1"
    STRENGTH = "eHDSI_Strength_CodeSystem"
    SUBSTITUTION = "2.16.840.1.113883.5.1070"
    REASON_OF_HOSPITALISATION = "1.3.6.1.4.1.12559.11.10.1.3.1.44.2"


DISPENSABLE = "urn:ihe:iti:xdw:2011:eventCode:open"
NOT_DISPENSABLE = "urn:ihe:iti:xdw:2011:eventCode:closed"

TRANSFORMATION_TEXTS: Mapping[str, str] = {
    "4500": "Processing error (sw failure)",
    "4501": "Input document is null",
    "4502": "Not conforming input CDA Header",
    "4503": "Not conforming input object",
    "4504": "Target Code System Concept not found",
    "4505": "Required coded element was not transcoded",
    "4506": "Header coded processing failure",
    "4507": "Not conforming input CDA",
    "4508": "Input pdf file is null",
    "4509": "CDA Document code missing",
    "4510": "Unknown CDA Document code",
    "4511": "Required coded element missing",
    "4512": "Required coded element was not translated",
    "4513": "Problem with decoding Base64 String to DOM Document",
    "2401": "XSD validation of input document failed",
    "2402": "Schematron validation of input document failed",
    "2403": "MDA validation of input document failed",
    "2404": "XSD validation of output document failed",
    "2405": "Schematron validation of output document failed",
    "2406": "MDA validation of output document failed",
    "2500": "Header coded element transcoding failure",
    "2501": "Parent document not correctly referenced",
    "2502": "Coded element transcoding failure",
    "2503": "Coded element processing failure",
    "2504": "Coded element translation failure",
    "2505": "Unknown Target Language",
    "2506": "Configuration Coded Element List is Empty",
    "2507": "Element does not have a proper type",
    "2508": "Some mandatory attributes (code, codeSystem) are missing",
    "2509": 'Concept STATUS is not "Current"',
    "2510": "OID or URL MUST be provided to find code system",
}
"""Codes of the transcoding and translation step that may come with a document or instead of it (OpenNCP TM, TSAM)."""
