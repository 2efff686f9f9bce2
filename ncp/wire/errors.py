"""Every way this product fails, and what each failure means to whom.

Knows the error codes of MyHealth@EU with their exact texts, which family each belongs to, and what a family means for
the professional and for the operator. Leaves to others how a failure is written: ``xcpd`` (acknowledgement and detected
issue), ``xca`` (RegistryErrorList), ``ncp.wire.soap`` (Fault), ``ncp.frontend`` (Fault of the client connector).

Source of codes and texts: OpenNCP's list ``OpenNCPErrorCode`` (konateq/ehealth, tags 6.0.0 to 8.1.1) and
ITI TF-3 4.2.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum


class Family(Enum):
    """What kind of failure a code tells of; what a person should do depends on the family."""

    NO_MATCH = "no match"
    MULTIPLE_MATCHES = "multiple matches"
    IDENTIFICATION = "identification"
    PROFESSIONAL = "professional"
    SECURITY = "security"
    RIGHTS = "rights"
    CONSENT = "consent"
    NOT_FOUND = "not found"
    REQUEST = "request"
    CONTENT = "content"
    BUSY = "try later"
    CONNECTION = "connection"
    TECHNICAL = "technical"


@dataclass(frozen=True, slots=True)
class Advice:
    """Plain words for the professional and the first thing an operator should look at."""

    user: str
    operator: str


ADVICE: dict[Family, Advice] = {
    Family.NO_MATCH: Advice(
        "No patient was found with these details. Check the number, the document and the country; the patient may not "
        "have activated the service at home.",
        "Nothing to do unless it happens for every patient of the country: then compare the identifier OID of the "
        "search mask with the one the country expects.",
    ),
    Family.MULTIPLE_MATCHES: Advice(
        "More than one person fits these details, so nobody is shown. Ask the patient for more details.",
        "The other country returned several distinct persons. Tell it: one certain person is the rule.",
    ),
    Family.IDENTIFICATION: Advice(
        "The other country needs other or better formed details to find the patient.",
        "Compare the search mask in use with the one the country publishes.",
    ),
    Family.PROFESSIONAL: Advice(
        "The other country did not accept how you were identified. Log in again; if it happens again, contact support.",
        "An attribute of the HCP assertion is missing or not accepted: see the reason in the log of both gateways.",
    ),
    Family.SECURITY: Advice(
        "The request was refused for a security reason. Contact support with the reference number.",
        "A signature, certificate or assertion was refused: the log line of the refusing gateway names the check.",
    ),
    Family.RIGHTS: Advice(
        "Your role may not do this in the patient's country.",
        "Compare role and permissions of the HCP assertion with the table of permissions in docs/assertions.md.",
    ),
    Family.CONSENT: Advice(
        "The patient has not allowed this at home.",
        "Nothing to do: the patient's own country decides.",
    ),
    Family.NOT_FOUND: Advice(
        "The patient's country holds no such document.",
        "Nothing to do unless documents are known to exist: then look at the national connector.",
    ),
    Family.REQUEST: Advice(
        "The request was not understood. Contact support with the reference number.",
        "A message broke a rule of the profile: see the reason in the log of the refusing gateway.",
    ),
    Family.CONTENT: Advice(
        "The document cannot be provided in the form that is needed.",
        "The document lacks something the profile asks for, or a code has no mapping: see the details of the error.",
    ),
    Family.BUSY: Advice(
        "The service of the other country is not available just now. Try again later.",
        "A national system behind a gateway does not answer: check it, or tell the other country.",
    ),
    Family.CONNECTION: Advice(
        "The other country cannot be reached now. Try again later.",
        "Check network, certificates and the peer's address (`ncp countries`), then the peer's own state.",
    ),
    Family.TECHNICAL: Advice(
        "Something went wrong. Try again; if it happens again, contact support with the reference number.",
        "An unexpected failure: find the reference number in the log.",
    ),
}


class Code(StrEnum):
    """The codes we send or know, by what they mean; the value is the code on the wire."""

    text: str
    family: Family
    since: str

    def __new__(cls, value: str, text: str, family: Family, since: str = "") -> Code:
        member = str.__new__(cls, value)
        member._value_ = value
        member.text = text
        member.family = family
        member.since = since
        return member

    # General and identification
    GENERIC = (
        "ERROR_GENERIC",
        "Internal Server Error - Please retry or contact the server administrator and inform them of the time the "
        "error occurred",
        Family.TECHNICAL,
    )
    WARNING_GENERIC = ("WARNING_GENERIC", "Internal Server Warning", Family.TECHNICAL)
    CONNECTION_NOT_POSSIBLE = (
        "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE",
        "The Country of Treatment (Country B) is unable to contact the Patient Country of Affiliation.",
        Family.CONNECTION,
    )
    DOCUMENT_MISSING = (
        "ERROR_GENERIC_DOCUMENT_MISSING",
        "The document requested was not found",
        Family.NOT_FOUND,
    )
    SERVICE_SIGNIFIER_UNKNOWN = (
        "ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN",
        "Class code not supported",
        Family.REQUEST,
    )
    PI_GENERIC = ("ERROR_PI_GENERIC", "Patient Identification generic error", Family.IDENTIFICATION)
    WARNING_PI_GENERIC = ("WARNING_PI_GENERIC", "Patient Identification generic warning", Family.IDENTIFICATION)
    PI_NO_MATCH = (
        "ERROR_PI_NO_MATCH",
        "The identification and authentication used in the Country of Treatment (Country B) are not correctly provided "
        "or does not match any existing patient.",
        Family.NO_MATCH,
    )
    PI_MULTIPLE_MATCHES = (
        "ERROR_PI_MULTIPLE_MATCHES",
        "The identification and authentication used in the Country of Treatment (Country B) match multiple patients, "
        "instead of only one patient.",
        Family.MULTIPLE_MATCHES,
    )
    PI_INCORRECT_FORMATTING = (
        "ERROR_PI_INCORRECT_FORMATTING",
        "The patient identifier does not have the right format.",
        Family.IDENTIFICATION,
        "8.0",
    )
    PI_MISSING_REQUIRED_FIELDS = (
        "ERROR_PI_MISSING_REQUIRED_FIELDS",
        "Some fields of the patient search mask are missing.",
        Family.IDENTIFICATION,
        "8.0",
    )
    PI_REGISTRY_NOT_AVAILABLE = (
        "ERROR_PI_REGISTRY_NOT_AVAILABLE",
        "The patient identification service is unavailable.",
        Family.BUSY,
        "8.0",
    )
    PI_INTERNAL_ERROR = (
        "ERROR_PI_INTERNAL_ERROR",
        "The application encountered an unexpected error.",
        Family.TECHNICAL,
        "8.0",
    )
    WARNING_PI_NO_CONSENT = (
        "WARNING_PI_NO_CONSENT",
        "The patient has not given consent to the service.",
        Family.CONSENT,
        "8.0",
    )

    # The professional
    HPI_GENERIC = (
        "ERROR_HPI_GENERIC",
        "Health Professional (HP) Identification generic error",
        Family.PROFESSIONAL,
    )
    WARNING_HPI_GENERIC = (
        "WARNING_HPI_GENERIC",
        "Health Professional (HP) Identification generic warning",
        Family.PROFESSIONAL,
    )
    HPI_NO_INFORMATION = (
        "ERROR_HPI_NO_INFORMATION",
        "No information has been provided about the HP.",
        Family.PROFESSIONAL,
    )
    HPI_INSUFFICIENT_INFORMATION = (
        "ERROR_HPI_INSUFFICIENT_INFORMATION",
        "Information provided about the HP is insufficient",
        Family.PROFESSIONAL,
    )
    HPI_HAI_NO_INFORMATION = (
        "ERROR_HPI_HAI_NO_INFORMATION",
        "No information has been provided about the Health Authorities Institutions and/or Healthcare Provider "
        "Organisation (HCPO) .",
        Family.PROFESSIONAL,
    )
    HPI_POC_NO_INFORMATION = (
        "ERROR_HPI_POC_NO_INFORMATION",
        "No information has been provided about the organisation or healthcare facility where the HP is providing the "
        "treatment - Point of Care (PoC)",
        Family.PROFESSIONAL,
    )
    HPI_AUTHENTICATION_NOT_RECEIVED = (
        "ERROR_HPI_AUTHENTICATION_NOT_RECEIVED",
        "HP authentication method has not been received by the Country of Affiliation",
        Family.PROFESSIONAL,
    )

    # Security
    SEC_GENERIC = ("ERROR_SEC_GENERIC", "SEC generic error", Family.SECURITY)
    WARNING_SEC_GENERIC = ("WARNING_SEC_GENERIC", "SEC generic warning", Family.SECURITY)
    SEC_DATA_INTEGRITY_NOT_ENSURED = (
        "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED",
        "Integrity of the exchanged data cannot be ensured by the Country of Affiliation, such as with an "
        "insufficient/invalidated SAML assertions,",
        Family.SECURITY,
    )
    WARNING_SEC_REQUESTS_FOR_UNIQUE_PATIENT = (
        "WARNING_SEC_UNEXPECTED_NUMBER_OF_REQUESTS_FOR_UNIQUE_PATIENT",
        "An unexpected number of requests has been detected for one specific patient",
        Family.SECURITY,
    )
    WARNING_SEC_REQUESTS_FOR_UNIQUE_POINT_OF_CARE = (
        "WARNING_SEC_UNEXPECTED_NUMBER_OF_REQUESTS_FOR_UNIQUE_POINT_OF_CARE",
        "An unexpected number of requests has been detected from one specific Point of Care",
        Family.SECURITY,
    )
    WARNING_SEC_REQUESTS = (
        "WARNING_SEC_UNEXPECTED_NUMBER_OF_REQUESTS",
        "An unexpected number of requests has been detected",
        Family.SECURITY,
    )
    ASSERTION_NOT_VALID = ("1001", "Assertion is not valid.", Family.SECURITY)
    TRC_NOT_OF_HCP = (
        "1002",
        "The given TRC Assertion does not validate against the Identity Assertion",
        Family.SECURITY,
    )
    PATIENT_NOT_OF_TRC = (
        "4206",
        "The patient identifier in the query differs from the patient identifier in the TRC assertion",
        Family.SECURITY,
    )
    PRESCRIPTION_NOT_OF_TRC = (
        "4207",
        "The extra parameters linked to the document identifier in the query differs from the ones in the TRC "
        "assertion",
        Family.SECURITY,
    )
    NO_CONSENT = ("4701", "The patient has not given consent to the requested service.", Family.CONSENT)
    WEAK_AUTHENTICATION = (
        "4702",
        "Country A requests a higher authentication trust level than assigned to the HP",
        Family.PROFESSIONAL,
    )
    NOT_ALLOWED = (
        "4703",
        "Either the security policy of country A or a privacy policy of the patient (that was given in country A) does "
        "not allow the requested operation to be performed by the HP",
        Family.RIGHTS,
    )
    UNSIGNED_DOCUMENT = (
        "4704",
        "The Provide Data service provider only accepts data of the given kind if it is digitally signed by an HP.",
        Family.RIGHTS,
    )
    POLICY_VIOLATION = ("4705", "Policy violation", Family.RIGHTS)
    UNKNOWN_POLICY = ("4706", "Unknown Policy", Family.RIGHTS)

    # Patient Summary
    PS_GENERIC = ("ERROR_PS_GENERIC", "Patient Summary generic error", Family.TECHNICAL)
    WARNING_PS_GENERIC = ("WARNING_PS_GENERIC", "Patient Summary generic warning", Family.TECHNICAL)
    PS_MISSING_BASIC_SECTIONS = (
        "ERROR_PS_MISSING_BASIC_SECTIONS",
        "Any or all of the 5 basic sections are missing, and no reason is communicated for this missing.",
        Family.CONTENT,
    )
    WARNING_PS_MISSING_BASIC_DATA = (
        "WARNING_PS_MISSING_BASIC_DATA",
        "Any or all of the basic data set is missing.",
        Family.CONTENT,
    )
    PS_MISSING_EXPECTED_MAPPING = (
        "ERROR_PS_MISSING_EXPECTED_MAPPING",
        "A needed code mapping is missing for the patient summary.",
        Family.CONTENT,
    )
    WARNING_PS_MISSING_EXPECTED_MAPPING = (
        "WARNING_PS_MISSING_EXPECTED_MAPPING",
        "A needed code mapping is missing for the patient summary.",
        Family.CONTENT,
    )
    # The wire code keeps the prefix in every version of OpenNCP.
    WARNING_PS_MISSING_EXPECTED_TRANSLATION = (
        "EHDSI_WARNING_PS_MISSING_EXPECTED_TRANSLATION",
        "An expected translation of the Patient Summary is missing.",
        Family.CONTENT,
    )
    PS_PDF_FORMAT_NOT_PROVIDED = ("ERROR_PS_PDF_FORMAT_NOT_PROVIDED", "A PDF has not been provided.", Family.CONTENT)
    PS_INCORRECT_FORMATTING = (
        "ERROR_PS_INCORRECT_FORMATTING",
        "The request contains a syntax error.",
        Family.REQUEST,
        "8.0",
    )
    PS_MISSING_REQUIRED_FIELDS = (
        "ERROR_PS_MISSING_REQUIRED_FIELDS",
        "The request is missing values that are needed to process the request.",
        Family.REQUEST,
        "8.0",
    )
    PS_NOT_FOUND = (
        "ERROR_PS_NOT_FOUND",
        "No patient summary is registered for the given patient.",
        Family.NOT_FOUND,
        "8.0",
    )
    PS_INTERNAL_ERROR = (
        "ERROR_PS_INTERNAL_ERROR",
        "The application encountered an unexpected error.",
        Family.TECHNICAL,
        "8.0",
    )
    PS_REGISTRY_NOT_AVAILABLE = (
        "ERROR_PS_REGISTRY_NOT_AVAILABLE",
        "The national PS registry service is unavailable.",
        Family.BUSY,
        "8.0",
    )
    PS_MISSING_BASIC_DATA = (
        "ERROR_PS_MISSING_BASIC_DATA",
        "The Patient Summary is missing required information and can not be provided.",
        Family.CONTENT,
        "8.0",
    )
    PS_NO_CONSENT = (
        "ERROR_PS_NO_CONSENT",
        "The patient has not given consent to the service.",
        Family.CONSENT,
        "8.0",
    )
    PS_INCORRECT_LANGUAGE = (
        "ERROR_PS_INCORRECT_LANGUAGE",
        "There is no Patient Summary translation available for the provided language.",
        Family.CONTENT,
        "8.1",
    )

    # ePrescription
    EP_GENERIC = ("ERROR_EP_GENERIC", "ePrescription generic error", Family.TECHNICAL)
    WARNING_EP_GENERIC = ("WARNING_EP_GENERIC", "ePrescription generic warning", Family.TECHNICAL)
    WARNING_EP_MISSING_BASIC_DATA = (
        "WARNING_EP_MISSING_BASIC_DATA",
        "Any or all of the basic data set is missing, and no reason is communicated for this missing.",
        Family.CONTENT,
    )
    EP_MISSING_EXPECTED_MAPPING = (
        "ERROR_EP_MISSING_EXPECTED_MAPPING",
        "A needed code mapping is missing for the prescription.",
        Family.CONTENT,
    )
    WARNING_EP_MISSING_EXPECTED_MAPPING = (
        "WARNING_EP_MISSING_EXPECTED_MAPPING",
        "A needed code mapping is missing for the prescription.",
        Family.CONTENT,
    )
    WARNING_EP_MISSING_EXPECTED_TRANSLATION = (
        "WARNING_EP_MISSING_EXPECTED_TRANSLATION",
        "An expected translation of the ePrescription is missing.",
        Family.CONTENT,
    )
    EP_PDF_FORMAT_NOT_PROVIDED = ("ERROR_EP_PDF_FORMAT_NOT_PROVIDED", "A PDF has not been provided.", Family.CONTENT)
    EP_INCORRECT_FORMATTING = (
        "ERROR_EP_INCORRECT_FORMATTING",
        "ePrescription request contains a syntax error.",
        Family.REQUEST,
        "8.0",
    )
    EP_MISSING_REQUIRED_FIELDS = (
        "ERROR_EP_MISSING_REQUIRED_FIELDS",
        "ePrescription request is missing values that are needed to process the request.",
        Family.REQUEST,
        "8.0",
    )
    EP_INTERNAL_ERROR = (
        "ERROR_EP_INTERNAL_ERROR",
        "The application encountered an unexpected error.",
        Family.TECHNICAL,
        "8.0",
    )
    EP_MISSING_BASIC_DATA = (
        "ERROR_EP_MISSING_BASIC_DATA",
        "The ePrescription is missing required information and can not be provided.",
        Family.CONTENT,
        "8.0",
    )
    EP_NO_CONSENT = (
        "ERROR_EP_NO_CONSENT",
        "The patient has not given consent to the service.",
        Family.CONSENT,
        "8.0",
    )
    EP_REGISTRY_NOT_AVAILABLE = (
        "ERROR_EP_REGISTRY_NOT_AVAILABLE",
        "The national ePrescription registry service is unavailable.",
        Family.BUSY,
        "8.0",
    )
    EP_NOT_FOUND = (
        "ERROR_EP_NOT_FOUND",
        "No ePrescription is registered for the given patient.",
        Family.NOT_FOUND,
        "8.0",
    )
    EP_INCORRECT_LANGUAGE = (
        "ERROR_EP_INCORRECT_LANGUAGE",
        "There is no ePrescription translation available for the provided language.",
        Family.CONTENT,
        "8.1",
    )

    # Original clinical documents, quality, display
    ORCD_GENERIC = ("ERROR_ORCD_GENERIC", "Original Clinical Documents generic error", Family.TECHNICAL)
    WARNING_ORCD_GENERIC = ("WARNING_ORCD_GENERIC", "Original Clinical Documents generic error", Family.TECHNICAL)
    ORCD_SERVICE_NOT_AVAILABLE = (
        "ERROR_ORCD_SERVICE_NOT_AVAILABLE",
        "The Country of Treatment cannot contact the ORCD service of the Country of Affiliation",
        Family.BUSY,
    )
    WARNING_ORCD_MISSING_MANDATORY_DATA = (
        "WARNING_ORCD_MISSING_MANDATORY_DATA",
        "Any or all of the mandatory elements are missing.",
        Family.CONTENT,
    )
    ORCD_INCORRECT_FORMAT = (
        "ERROR_ORCD_INCORRECT_FORMAT",
        "The format of the provided file is not one of the authorized ones",
        Family.CONTENT,
    )
    WARNING_ORCD_MISSING_MANDATORY_METADATA = (
        "WARNING_ORCD_MISSING_MANDATORY_METADATA",
        "Any or all of the mandatory metadata are missing.",
        Family.CONTENT,
    )
    HQI_GENERIC = ("ERROR_HQI_GENERIC", "High quality information error", Family.CONTENT)
    WARNING_HQI_GENERIC = ("WARNING_HQI_GENERIC", "High quality information warning", Family.CONTENT)
    WARNING_HQI_B_NOT_STRUCTURED = (
        "WARNING_HQI_B_INFORMATION_NOT_PROPERLY_STRUCTURED",
        "Information provided by the Country of Treatment is not properly structured.",
        Family.CONTENT,
    )
    WARNING_HQI_A_NOT_STRUCTURED = (
        "WARNING_HQI_A_INFORMATION_NOT_PROPERLY_STRUCTURED",
        "Information provided by the Country of Affiliation is not properly structured.",
        Family.CONTENT,
    )
    UI_TRANSFORMATION = (
        "ERROR_UI_TRANSFORMATION",
        "An unexpected exception occurred when transforming the CDA document to HTML",
        Family.CONTENT,
    )

    # Numeric codes of the document transactions
    NO_DOCUMENTS = ("1100", "No documents are registered for the given patient.", Family.NOT_FOUND)
    NO_EPRESCRIPTION = ("1101", "No ePrescription is registered for the given patient.", Family.NOT_FOUND)
    NO_PATIENT_SUMMARY = ("1102", "No PS is registered for the given patient.", Family.NOT_FOUND)
    NO_MRO = ("1103", "No Data for MRO", Family.NOT_FOUND)
    NO_ORCD = ("1104", "No ORCD document is registered for the given patient.", Family.NOT_FOUND)
    NOT_PROCESSED_YET = ("2201", "Documents were received but not processed", Family.TECHNICAL)
    RENDERING_INCOMPLETE = ("4101", "Rendering Incomplete", Family.CONTENT)
    COLLECTION_INCOMPLETE = ("4102", "Collection incomplete", Family.CONTENT)
    EP_REGISTRY_NOT_ACCESSIBLE = ("4103", "ePrescription registry could not be accessed.", Family.BUSY)
    DATA_ACCESS_FAILURE = ("4104", "Data Access Failure", Family.BUSY)
    NO_MATCHING_EPRESCRIPTION = ("4105", "No matching ePrescription was found", Family.NOT_FOUND)
    ALREADY_DISPENSED = ("4106", "ePrescription has already been dispensed", Family.CONTENT)
    SOURCE_PDF_REQUIRED = (
        "4107",
        "For data of the given kind the Provide Data service provider requires the service consumer to transmit the "
        "source coded PDF document.",
        Family.CONTENT,
    )
    PIVOT_REQUIRED = (
        "4108",
        "The service consumer did not provide the eHealth DSI pivot coded document which is requested by the Provide "
        "Data service provider for the given kind of data.",
        Family.CONTENT,
    )
    NO_SOURCE_CODED = (
        "4201",
        "If PDF-coded document is requested: Country A does not provide the (optional) source coded version of the "
        "document",
        Family.CONTENT,
    )
    CLASS_CODE_NOT_SUPPORTED = ("4202", "Class code not supported", Family.REQUEST)
    TRANSCODING_FAILED = (
        "4203",
        "The requested encoding cannot be provided due to a transcoding error.",
        Family.CONTENT,
    )
    ARGUMENT_NOT_EVALUABLE = (
        "4204",
        "The service provider is unable to evaluate the given argument values",
        Family.REQUEST,
    )
    ON_DEMAND_NOT_IMPLEMENTED = (
        "4205",
        "The service provider does not implement the On Demand Documents option as requested by the service consumer.",
        Family.REQUEST,
    )

    # IHE (ITI TF-3 4.2.4)
    XDS_MISSING_DOCUMENT = ("XDSMissingDocument", "The document requested was not found", Family.NOT_FOUND)
    XDS_DOCUMENT_UNIQUE_ID = ("XDSDocumentUniqueIdError", "The document id is not known here", Family.NOT_FOUND)
    XDS_UNKNOWN_REPOSITORY = ("XDSUnknownRepositoryId", "The repository id is not known here", Family.REQUEST)
    XDS_UNKNOWN_PATIENT = ("XDSUnknownPatientId", "The patient id is not known here", Family.NO_MATCH)
    XDS_UNKNOWN_COMMUNITY = ("XDSUnknownCommunity", "The home community id is not ours", Family.REQUEST)
    XDS_MISSING_HOME_COMMUNITY = ("XDSMissingHomeCommunityId", "The home community id is missing", Family.REQUEST)
    XDS_UNAVAILABLE_COMMUNITY = ("XDSUnavailableCommunity", "The community cannot be reached", Family.CONNECTION)
    XDS_UNKNOWN_STORED_QUERY = ("XDSUnknownStoredQuery", "The stored query is not supported", Family.REQUEST)
    XDS_MISSING_PARAM = ("XDSStoredQueryMissingParam", "A parameter of the query is missing", Family.REQUEST)
    XDS_PARAM_NUMBER = ("XDSStoredQueryParamNumber", "A parameter of the query stands too often", Family.REQUEST)
    XDS_TOO_MANY_RESULTS = ("XDSTooManyResults", "Too many results", Family.REQUEST)
    XDS_PATIENT_DOES_NOT_MATCH = ("XDSPatientIdDoesNotMatch", "The patient ids differ", Family.REQUEST)
    XDS_REGISTRY_ERROR = ("XDSRegistryError", "Registry error", Family.TECHNICAL)
    XDS_REPOSITORY_ERROR = ("XDSRepositoryError", "Repository error", Family.TECHNICAL)
    XDS_REGISTRY_BUSY = ("XDSRegistryBusy", "The registry is busy", Family.BUSY)
    XDS_REPOSITORY_BUSY = ("XDSRepositoryBusy", "The repository is busy", Family.BUSY)
    XDS_REGISTRY_OUT_OF_RESOURCES = ("XDSRegistryOutOfResources", "The registry has no resources left", Family.BUSY)
    XDS_REPOSITORY_OUT_OF_RESOURCES = (
        "XDSRepositoryOutOfResources",
        "The repository has no resources left",
        Family.BUSY,
    )


_BY_WIRE: dict[str, Code] = {code.value: code for code in Code}


def known(code: str) -> Code | None:
    """The declared code of a wire code, or None for one that no list has."""
    return _BY_WIRE.get(code)


def all_codes() -> Iterator[Code]:
    """Every declared code, in the order of this file."""
    return iter(Code)


def family_of(code: str) -> Family:
    """The family of any wire code; codes of no list are grouped by how they end, as ``docs/errors.md`` says."""
    declared = known(code)
    if declared is not None:
        return declared.family
    upper = code.upper()
    if upper.endswith(("_NOT_FOUND", "_DOCUMENT_MISSING")) or (len(code) == 4 and code.startswith("110")):
        return Family.NOT_FOUND
    if upper.endswith("NO_CONSENT"):
        return Family.CONSENT
    if upper.startswith("ERROR_HPI_"):
        return Family.PROFESSIONAL
    if upper.startswith("ERROR_SEC_"):
        return Family.SECURITY
    if upper.startswith("ERROR_PI_"):
        return Family.IDENTIFICATION
    if upper.endswith(("NOT_AVAILABLE", "BUSY")):
        return Family.BUSY
    return Family.TECHNICAL


class NcpError(Exception):
    """A declared failure. The text of the exception carries the code and the reason only, never data of a person.

    ``code``     the code on the wire; a ``Code``, or a string that a peer sent and no list has
    ``reason``   a stable internal name of what failed (``sig.value``, ``query.patient_id``) for logs and audit
    ``message``  one sentence for the peer or the front end; the code's own text when empty
    ``context``  technical context for the operator, free of personal data
    ``gateway``  the country whose gateway failed (upper case), empty for this one
    """

    code: str
    reason: str
    message: str
    context: str
    gateway: str
    language: str = "en"
    """Of ``message``, as a BCP 47 tag."""

    def __init__(
        self, code: Code | str, reason: str = "", *, message: str = "", context: str = "", gateway: str = ""
    ) -> None:
        super().__init__(f"{code}: {reason}" if reason else str(code))
        self.code = str(code)
        self.reason = reason
        declared = known(self.code)
        self.message = message or (declared.text if declared else self.code)
        self.context = context
        self.gateway = gateway

    @property
    def family(self) -> Family:
        return family_of(self.code)

    @property
    def advice(self) -> Advice:
        return ADVICE[self.family]


class SecurityError(NcpError):
    """Assertion, signature, certificate, time or binding refused (``docs/assertions.md``)."""


class AccessError(NcpError):
    """Verified, but not permitted: role, permission, purpose, patient binding, consent."""


class RequestError(NcpError):
    """A readable message whose question breaks a rule of the profile."""


class PatientError(NcpError):
    """The outcome of an identification that shows no person."""


class DocumentError(NcpError):
    """The outcome of a query or retrieval that shows no document."""


class ConnectorError(NcpError):
    """The national system refused, failed or was not there."""


class PeerError(NcpError):
    """The other country's gateway answered with a failure, answered nonsense or could not be reached."""
