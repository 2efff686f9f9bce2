"""Constants of ITI-38 and ITI-39: actions, URNs, class and format codes, titles."""

from __future__ import annotations

from enum import StrEnum

NS_QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
NS_RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
NS_RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
NS_XDSB = "urn:ihe:iti:xds-b:2007"

QUERY_ACTION = "urn:ihe:iti:2007:CrossGatewayQuery"
QUERY_RESPONSE_ACTION = "urn:ihe:iti:2007:CrossGatewayQueryResponse"
QUERY_BODY = f"{{{NS_QUERY}}}AdhocQueryRequest"
RETRIEVE_ACTION = "urn:ihe:iti:2007:CrossGatewayRetrieve"
RETRIEVE_RESPONSE_ACTION = "urn:ihe:iti:2007:CrossGatewayRetrieveResponse"
RETRIEVE_BODY = f"{{{NS_XDSB}}}RetrieveDocumentSetRequest"

LOINC = "2.16.840.1.113883.6.1"


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


class FormatCode(StrEnum):
    """Format codes as OpenNCP writes them; compared without regard to letter case."""

    PATIENT_SUMMARY_L3 = "urn:epSOS:ps:ps:2010"
    EPRESCRIPTION_L3 = "urn:epsos:ep:pre:2010"
    MRO_L3 = "urn:epSOS:mro:mro:2013"
    PDF_L1 = "urn:ihe:iti:xds-sd:pdf:2008"
    ORCD_PDF = "urn:eHDSI:orcd:pdf:2021"
    ORCD_PNG = "urn:eHDSI:orcd:png:2021"
    ORCD_JPEG = "urn:eHDSI:orcd:jpeg:2021"
