"""What is known of each error code beyond its text: which messages carry it, who sends it, and when.

Data only; ``ncp explain`` and ``docs/errors.md`` show it. Sources: OpenNCP's list ``OpenNCPErrorCode`` and where its
code raises each (konateq/ehealth, tags 6.0.0 to 8.1.1), ITI TF-3 4.2.4; what this gateway sends stands in
``docs/iti-55.md``, ``docs/assertions.md`` and in the sources of ``xcpd.outcomes`` and ``xca.outcomes``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ncp.wire.errors import Code

ITI_55 = "ITI-55"
ITI_38 = "ITI-38"
ITI_39 = "ITI-39"
ITI_41 = "ITI-41"
FRONT = "front end"
LOG = "log"
ASKING = (ITI_38, ITI_39)
EVERYWHERE = (ITI_55, ITI_38, ITI_39, ITI_41)


@dataclass(frozen=True, slots=True)
class Facts:
    """``where``: messages that carry the code; ``when``: the situation; ``versions``: of OpenNCP, where it matters."""

    where: tuple[str, ...]
    when: str
    versions: str = ""


_SINCE_6 = "6.0 and newer"
_ALL = "all versions"

FACTS: dict[Code, Facts] = {
    # General
    Code.GENERIC: Facts(
        (*EVERYWHERE, FRONT), "Anything without a code of its own; also a request slowed down.", _SINCE_6
    ),
    Code.WARNING_GENERIC: Facts(EVERYWHERE, "A remark without a code of its own.", _SINCE_6),
    Code.CONNECTION_NOT_POSSIBLE: Facts(
        (FRONT,),
        "The asking gateway got no usable answer: no connection, a time-out, a SOAP fault without a known code, or the "
        "country offers no such service.",
        _SINCE_6,
    ),
    Code.DOCUMENT_MISSING: Facts((ITI_39,), "No document has the id that was asked for.", _SINCE_6),
    Code.SERVICE_SIGNIFIER_UNKNOWN: Facts(ASKING, "The class of document asked for is not on offer.", _SINCE_6),
    # Identification
    Code.PI_GENERIC: Facts(
        (ITI_55,),
        "Identification failed; the reason code tells why: no identifier, health card or access code wanted, country "
        "not approved, wrong receiver.",
        _SINCE_6,
    ),
    Code.WARNING_PI_GENERIC: Facts((ITI_55,), "A remark on an identification.", _SINCE_6),
    Code.PI_NO_MATCH: Facts((ITI_55, FRONT), "Nobody has these details.", _SINCE_6),
    Code.PI_MULTIPLE_MATCHES: Facts(
        (ITI_55, FRONT),
        "Several persons have these details. OpenNCP never sends it: it sends all the persons, and this gateway then "
        "answers its portal with this code.",
        _SINCE_6,
    ),
    Code.PI_INCORRECT_FORMATTING: Facts(
        (ITI_55,), "An identifier without root or extension, or not of the form the search mask publishes."
    ),
    Code.PI_MISSING_REQUIRED_FIELDS: Facts((ITI_55,), "A detail that the search mask marks as mandatory is missing."),
    Code.PI_REGISTRY_NOT_AVAILABLE: Facts((ITI_55,), "The national patient registry is down or overloaded."),
    Code.PI_INTERNAL_ERROR: Facts((ITI_55,), "An unexpected failure in the answering gateway."),
    Code.WARNING_PI_NO_CONSENT: Facts(
        (ITI_55,), "The patient has not allowed this; up to 7.1 OpenNCP says ERROR_PI_GENERIC instead."
    ),
    # The professional
    Code.HPI_GENERIC: Facts(EVERYWHERE, "A field or time of the HCP assertion is missing or wrong.", _SINCE_6),
    Code.WARNING_HPI_GENERIC: Facts(EVERYWHERE, "A remark on the HCP assertion.", _SINCE_6),
    Code.HPI_NO_INFORMATION: Facts(EVERYWHERE, "The HCP assertion does not name the professional.", _SINCE_6),
    Code.HPI_INSUFFICIENT_INFORMATION: Facts(EVERYWHERE, "The role in the HCP assertion is not on the list.", _SINCE_6),
    Code.HPI_HAI_NO_INFORMATION: Facts((ITI_41,), "The HCP assertion does not name the organisation.", _SINCE_6),
    Code.HPI_POC_NO_INFORMATION: Facts(
        EVERYWHERE, "The HCP assertion does not say where the patient is treated.", _SINCE_6
    ),
    Code.HPI_AUTHENTICATION_NOT_RECEIVED: Facts(EVERYWHERE, "The message carries no HCP assertion.", _SINCE_6),
    # Security
    Code.SEC_GENERIC: Facts(
        EVERYWHERE, "The certificate of an assertion is not trusted, expired or revoked.", _SINCE_6
    ),
    Code.WARNING_SEC_GENERIC: Facts(EVERYWHERE, "A remark on security.", _SINCE_6),
    Code.SEC_DATA_INTEGRITY_NOT_ENSURED: Facts(
        EVERYWHERE,
        "An assertion is malformed, its signature does not hold, or its message was sent before. OpenNCP sends it in "
        "ITI-55 only.",
        _SINCE_6,
    ),
    Code.WARNING_SEC_REQUESTS_FOR_UNIQUE_PATIENT: Facts((LOG,), "Many requests for one patient; never sent.", _SINCE_6),
    Code.WARNING_SEC_REQUESTS_FOR_UNIQUE_POINT_OF_CARE: Facts(
        (LOG,), "Many requests from one point of care; never sent.", _SINCE_6
    ),
    Code.WARNING_SEC_REQUESTS: Facts((LOG,), "Many requests in all; never sent.", _SINCE_6),
    Code.ASSERTION_NOT_VALID: Facts(
        EVERYWHERE, "There is no assertion, or a TRC or next-of-kin assertion is wrong.", _ALL
    ),
    Code.TRC_NOT_OF_HCP: Facts(
        (ITI_38, ITI_39, ITI_41),
        "The TRC assertion does not refer to the HCP assertion, or names another person.",
        _ALL,
    ),
    Code.PATIENT_NOT_OF_TRC: Facts(
        (ITI_38, ITI_41), "The question is about another patient than the TRC assertion.", _ALL
    ),
    Code.PRESCRIPTION_NOT_OF_TRC: Facts(
        (ITI_38, ITI_41), "Prescription number or PIN differ from those in the TRC assertion.", _ALL
    ),
    Code.NO_CONSENT: Facts(
        (ITI_38, ITI_39, ITI_41),
        "The patient has not allowed access to this class of document.",
        "all versions; from 8.0 on ERROR_PS_NO_CONSENT and ERROR_EP_NO_CONSENT for these classes",
    ),
    Code.WEAK_AUTHENTICATION: Facts(EVERYWHERE, "The professional logged in with less than two factors.", _ALL),
    Code.NOT_ALLOWED: Facts(
        EVERYWHERE,
        "Role, permissions, purpose of use or the country of the signer do not allow this. OpenNCP 8.1 sends it for "
        "every problem with an assertion.",
        _ALL,
    ),
    Code.UNSIGNED_DOCUMENT: Facts((ITI_41,), "The country takes signed documents only.", _ALL),
    Code.POLICY_VIOLATION: Facts(ASKING, "A national policy forbids this.", _ALL),
    Code.UNKNOWN_POLICY: Facts(ASKING, "The request names a policy that nobody knows.", _ALL),
    # Patient summary
    Code.PS_GENERIC: Facts(
        ASKING, "A patient summary cannot be provided; also a refused signature in OpenNCP 7.", _SINCE_6
    ),
    Code.WARNING_PS_GENERIC: Facts(ASKING, "A remark on a patient summary.", _SINCE_6),
    Code.PS_MISSING_BASIC_SECTIONS: Facts(
        (ITI_39,), "One of the basic sections is missing without a reason.", _SINCE_6
    ),
    Code.WARNING_PS_MISSING_BASIC_DATA: Facts((ITI_39,), "Some basic data are missing.", _SINCE_6),
    Code.PS_MISSING_EXPECTED_MAPPING: Facts(
        (ITI_39,), "A national code has no counterpart in the value sets.", _SINCE_6
    ),
    Code.WARNING_PS_MISSING_EXPECTED_MAPPING: Facts((ITI_39,), "As the error, but the summary is sent.", _SINCE_6),
    Code.WARNING_PS_MISSING_EXPECTED_TRANSLATION: Facts(
        (ITI_39,), "A text has no translation; never raised.", _SINCE_6
    ),
    Code.PS_PDF_FORMAT_NOT_PROVIDED: Facts((ITI_39,), "The country has no PDF of this summary.", _SINCE_6),
    Code.PS_INCORRECT_FORMATTING: Facts(ASKING, "The question about a summary is malformed."),
    Code.PS_MISSING_REQUIRED_FIELDS: Facts(ASKING, "The question about a summary lacks a value."),
    Code.PS_NOT_FOUND: Facts((*ASKING, FRONT), "The patient has no summary; 1102 up to 7.1."),
    Code.PS_INTERNAL_ERROR: Facts(ASKING, "An unexpected failure in the national system for summaries."),
    Code.PS_REGISTRY_NOT_AVAILABLE: Facts(ASKING, "The national system for summaries is down."),
    Code.PS_MISSING_BASIC_DATA: Facts((ITI_39,), "The summary lacks what it must have, and is not sent."),
    Code.PS_NO_CONSENT: Facts(ASKING, "The patient has not allowed access to the summary; 4701 up to 7.1."),
    Code.PS_INCORRECT_LANGUAGE: Facts((ITI_39,), "No translation into the language asked for.", "8.1 only"),
    # ePrescription
    Code.EP_GENERIC: Facts(ASKING, "A prescription cannot be provided.", _SINCE_6),
    Code.WARNING_EP_GENERIC: Facts(ASKING, "A remark on a prescription.", _SINCE_6),
    Code.WARNING_EP_MISSING_BASIC_DATA: Facts((ITI_39,), "Some basic data are missing.", _SINCE_6),
    Code.EP_MISSING_EXPECTED_MAPPING: Facts(
        (ITI_39,), "A national code has no counterpart in the value sets.", _SINCE_6
    ),
    Code.WARNING_EP_MISSING_EXPECTED_MAPPING: Facts((ITI_39,), "As the error, but the prescription is sent.", _SINCE_6),
    Code.WARNING_EP_MISSING_EXPECTED_TRANSLATION: Facts(
        (ITI_39,), "A text has no translation; never raised.", _SINCE_6
    ),
    Code.EP_PDF_FORMAT_NOT_PROVIDED: Facts((ITI_39,), "The country has no PDF of this prescription.", _SINCE_6),
    Code.EP_INCORRECT_FORMATTING: Facts(ASKING, "The question about prescriptions is malformed."),
    Code.EP_MISSING_REQUIRED_FIELDS: Facts(ASKING, "The question about prescriptions lacks a value."),
    Code.EP_INTERNAL_ERROR: Facts(ASKING, "An unexpected failure in the national system for prescriptions."),
    Code.EP_MISSING_BASIC_DATA: Facts((ITI_39,), "The prescription lacks what it must have, and is not sent."),
    Code.EP_NO_CONSENT: Facts(ASKING, "The patient has not allowed access to prescriptions; 4701 up to 7.1."),
    Code.EP_REGISTRY_NOT_AVAILABLE: Facts(ASKING, "The national system for prescriptions is down."),
    Code.EP_NOT_FOUND: Facts((*ASKING, FRONT), "The patient has no prescription; 1101 up to 7.1."),
    Code.EP_INCORRECT_LANGUAGE: Facts((ITI_39,), "No translation into the language asked for.", "8.1 only"),
    # Original clinical documents, quality, display
    Code.ORCD_GENERIC: Facts(ASKING, "An original clinical document cannot be provided.", _SINCE_6),
    Code.WARNING_ORCD_GENERIC: Facts(ASKING, "A remark on an original clinical document.", _SINCE_6),
    Code.ORCD_SERVICE_NOT_AVAILABLE: Facts(ASKING, "The national system for these documents is down.", _SINCE_6),
    Code.WARNING_ORCD_MISSING_MANDATORY_DATA: Facts((ITI_39,), "The document lacks data.", _SINCE_6),
    Code.ORCD_INCORRECT_FORMAT: Facts((ITI_39,), "The document is neither PDF, PNG nor JPEG.", _SINCE_6),
    Code.WARNING_ORCD_MISSING_MANDATORY_METADATA: Facts((ITI_38,), "The list entry lacks data.", _SINCE_6),
    Code.HQI_GENERIC: Facts((ITI_39,), "The quality of a document; never raised.", _SINCE_6),
    Code.WARNING_HQI_GENERIC: Facts((ITI_39,), "The quality of a document; never raised.", _SINCE_6),
    Code.WARNING_HQI_B_NOT_STRUCTURED: Facts(
        (ITI_41,), "What the country of treatment sent is ill structured.", _SINCE_6
    ),
    Code.WARNING_HQI_A_NOT_STRUCTURED: Facts(
        (ITI_39,), "What the country of affiliation sent is ill structured.", _SINCE_6
    ),
    Code.UI_TRANSFORMATION: Facts((FRONT,), "A document could not be made fit for display.", _SINCE_6),
    # Numeric codes of the document transactions
    Code.NO_DOCUMENTS: Facts((ITI_38, FRONT), "No document of an unnamed class.", _ALL),
    Code.NO_EPRESCRIPTION: Facts((ITI_38, FRONT), "No prescription; ERROR_EP_NOT_FOUND from 8.0 on.", "up to 7.1"),
    Code.NO_PATIENT_SUMMARY: Facts((ITI_38, FRONT), "No patient summary; ERROR_PS_NOT_FOUND from 8.0 on.", "up to 7.1"),
    Code.NO_MRO: Facts((ITI_38,), "No medication-related overview.", "6 and 7; 1100 before"),
    Code.NO_ORCD: Facts((ITI_38, FRONT), "No original clinical document of this class.", _SINCE_6),
    Code.NOT_PROCESSED_YET: Facts((ITI_41,), "Received, but to be worked on later.", _ALL),
    Code.RENDERING_INCOMPLETE: Facts((ITI_39,), "The national system could not render all of it.", _ALL),
    Code.COLLECTION_INCOMPLETE: Facts(ASKING, "The national system could not collect all of it.", _ALL),
    Code.EP_REGISTRY_NOT_ACCESSIBLE: Facts(ASKING, "The national system for prescriptions is down.", _ALL),
    Code.DATA_ACCESS_FAILURE: Facts(ASKING, "The national system could not be read.", _ALL),
    Code.NO_MATCHING_EPRESCRIPTION: Facts((ITI_41,), "No prescription belongs to this dispensation.", _ALL),
    Code.ALREADY_DISPENSED: Facts((ITI_41,), "The prescription was dispensed before.", _ALL),
    Code.SOURCE_PDF_REQUIRED: Facts((ITI_41,), "The country wants the PDF as well.", _ALL),
    Code.PIVOT_REQUIRED: Facts((ITI_41,), "The country wants the coded document as well.", _ALL),
    Code.NO_SOURCE_CODED: Facts((ITI_39,), "The country has no coded version of this document.", _ALL),
    Code.CLASS_CODE_NOT_SUPPORTED: Facts(
        (ITI_38, ITI_41), "The class of document is not on offer.", "all versions in ITI-41; up to 5.2 in ITI-38"
    ),
    Code.TRANSCODING_FAILED: Facts((ITI_39,), "Codes of the document could not be mapped.", _ALL),
    Code.ARGUMENT_NOT_EVALUABLE: Facts((ITI_38,), "A filter of the question cannot be read.", _ALL),
    Code.ON_DEMAND_NOT_IMPLEMENTED: Facts((ITI_38,), "The question asks for on-demand documents only.", _ALL),
    # IHE
    Code.XDS_MISSING_DOCUMENT: Facts((ITI_39,), "No document has the id that was asked for."),
    Code.XDS_DOCUMENT_UNIQUE_ID: Facts((ITI_39,), "No document has the id that was asked for."),
    Code.XDS_UNKNOWN_REPOSITORY: Facts((ITI_39,), "The repository id is not the one of the list."),
    Code.XDS_UNKNOWN_PATIENT: Facts((ITI_38,), "The patient id is not the one the country gave in ITI-55."),
    Code.XDS_UNKNOWN_COMMUNITY: Facts(ASKING, "The home community id is another country's."),
    Code.XDS_MISSING_HOME_COMMUNITY: Facts(ASKING, "The home community id is missing."),
    Code.XDS_UNAVAILABLE_COMMUNITY: Facts(ASKING, "The country behind a gateway cannot be reached."),
    Code.XDS_UNKNOWN_STORED_QUERY: Facts((ITI_38,), "Another query than FindDocuments."),
    Code.XDS_MISSING_PARAM: Facts((ITI_38,), "Patient id, status or class code is missing."),
    Code.XDS_PARAM_NUMBER: Facts((ITI_38,), "A parameter that may stand once stands several times."),
    Code.XDS_TOO_MANY_RESULTS: Facts((ITI_38,), "More documents than the country lists."),
    Code.XDS_PATIENT_DOES_NOT_MATCH: Facts((ITI_41,), "The documents of one submission name several patients."),
    Code.XDS_REGISTRY_ERROR: Facts((ITI_38,), "An unexpected failure while listing."),
    Code.XDS_REPOSITORY_ERROR: Facts((ITI_39,), "An unexpected failure while fetching."),
    Code.XDS_REGISTRY_BUSY: Facts((ITI_38,), "Too much to do."),
    Code.XDS_REPOSITORY_BUSY: Facts((ITI_39,), "Too much to do."),
    Code.XDS_REGISTRY_OUT_OF_RESOURCES: Facts((ITI_38,), "Too much to do."),
    Code.XDS_REPOSITORY_OUT_OF_RESOURCES: Facts((ITI_39,), "Too much to do."),
}

TRANSFORMATION: dict[str, tuple[str, str]] = {
    "2401": ("Schema validation of the input document failed", ""),
    "2402": ("Schematron validation of the input document failed", ""),
    "2403": ("Model validation of the input document failed", ""),
    "2404": ("Schema validation of the output document failed", ""),
    "2405": ("Schematron validation of the output document failed", ""),
    "2406": ("Model validation of the output document failed", ""),
    "2500": ("Header coded element transcoding failure", ""),
    "2501": ("Parent document not correctly referenced", ""),
    "2502": ("Coded element transcoding failure", "Coded element transcoding failure"),
    "2503": ("Coded element processing failure", "Coded element processing failure"),
    "2504": ("Coded element translation failure", "Coded element translation failure"),
    "2505": ("Unknown Target Language", "Unknown Target Language"),
    "2506": ("Configuration Coded Element List is Empty", "Several current display names and none is preferred"),
    "2507": ("Element does not have a proper type", "The value set does not match the concept"),
    "2508": ("Some mandatory attributes (code, codeSystem) are missing", "The code system has another name"),
    "2509": ("", "The concept is not current"),
    "2510": ("", "OID or URL is needed to find a code system"),
    "4500": ("Processing error (sw failure)", "Processing error (sw failure)"),
    "4501": ("Input document is null", "Code System not found"),
    "4502": ("Not conforming input CDA Header", "Code System Version not found"),
    "4503": ("Not conforming input object", "Code System Concept not found"),
    "4504": ("", "Target Code System Concept not found"),
    "4505": ("Required coded element was not transcoded", "Designation for Code System Concept not found"),
    "4506": ("Header coded processing failure", "Epsos Code System Version not found"),
    "4507": ("Not conforming input CDA", "Epsos Code System not found"),
    "4508": ("Input pdf file is null", "Epsos Code System OID not found"),
    "4509": ("CDA Document code missing", "Transcoding Association is invalid"),
    "4510": ("Unknown CDA Document code", 'No Designations with STATUS="Current" found'),
    "4511": ("Required coded element missing", ""),
    "4512": ("Required coded element was not translated", ""),
    "4513": ("Problem with decoding Base64 String to DOM Document", ""),
}
"""Codes of OpenNCP's transformation layer in ITI-39: (document processing, terminology). The text tells which it is."""
