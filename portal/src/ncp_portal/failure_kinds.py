"""Which ways a consultation can end, what the professional can do after each, and which codes mean which.

Data only. Knows no words: those stand in ``texts/failures.*.toml`` under the name of the kind. Codes that mean the same
to somebody with a patient in front of her are one kind. Sources of the codes: ``docs/errors.md`` (OpenNCP's list,
IHE ITI TF-3 4.2.4, the numbers of the step that transcodes and translates).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import ncp_client.errors as client


class Tone(StrEnum):
    """How an outcome looks: an answer, something to act on, something that is broken."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Faq(StrEnum):
    """Anchors of the page of questions and answers."""

    NONE = ""
    LOGIN = "login"
    NOT_FOUND = "not-found"
    UNTRANSLATED = "untranslated"
    CONSENT = "consent"
    ELIGIBILITY = "eligibility"
    UNAVAILABLE = "unavailable"


class Step(StrEnum):
    """Where in the story of a consultation it ended."""

    LOG_IN = "log_in"
    SEARCH = "search"
    CONSENT = "consent"
    LIST = "list"
    DOCUMENT = "document"


class Ending(StrEnum):
    """Ends that are no exception of the client."""

    NOBODY_FOUND = "nobody_found"
    SEVERAL_PERSONS = "several_persons"
    NO_DOCUMENTS = "no_documents"
    CANCELLED = "cancelled"
    TOO_SLOW = "too_slow"


@dataclass(frozen=True, slots=True)
class Kind:
    """``retry``: asking the same again can help; ``edit``: other identity traits can; ``log_in_again``: a login can."""

    tone: Tone
    faq: Faq = Faq.NONE
    retry: bool = False
    edit: bool = False
    log_in_again: bool = False


_I, _W, _E = Tone.INFO, Tone.WARNING, Tone.ERROR

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        # The patient
        "nobody_found": Kind(_I, Faq.NOT_FOUND, edit=True),
        "several_persons": Kind(_W, Faq.NOT_FOUND, edit=True),
        "patient_not_recognised": Kind(_W, Faq.NOT_FOUND, edit=True),
        "other_traits_needed": Kind(_W, Faq.NOT_FOUND, edit=True),
        "traits_format": Kind(_W, Faq.NOT_FOUND, edit=True),
        "traits_missing": Kind(_W, Faq.NOT_FOUND, edit=True),
        "traits_invalid": Kind(_W, Faq.NOT_FOUND, edit=True),
        "consent_refused": Kind(_W, Faq.CONSENT),
        "consent_not_recorded": Kind(_W, Faq.CONSENT, edit=True),
        # The documents
        "no_summary": Kind(_I, Faq.NOT_FOUND, edit=True),
        "no_prescription": Kind(_I, Faq.NOT_FOUND, edit=True),
        "no_document": Kind(_I, Faq.NOT_FOUND, edit=True),
        "document_gone": Kind(_W, Faq.NOT_FOUND, retry=True),
        "not_offered": Kind(_I, Faq.NOT_FOUND),
        "too_many_documents": Kind(_W),
        "summary_incomplete": Kind(_W, Faq.NOT_FOUND),
        "document_incomplete": Kind(_W, Faq.NOT_FOUND),
        "gathering_incomplete": Kind(_W, Faq.UNAVAILABLE, retry=True),
        "not_convertible": Kind(_W, Faq.UNTRANSLATED),
        "language_missing": Kind(_W, Faq.UNTRANSLATED),
        "original_missing": Kind(_W),
        "format_refused": Kind(_W),
        "document_unusable": Kind(_W),
        "not_displayable": Kind(_E, retry=True),
        "not_processed_yet": Kind(_I, Faq.UNAVAILABLE, retry=True),
        "already_dispensed": Kind(_W),
        "sending_refused": Kind(_W),
        # The professional
        "professional_refused": Kind(_W, Faq.LOGIN, log_in_again=True),
        "role_not_recognised": Kind(_W, Faq.ELIGIBILITY, log_in_again=True),
        "place_unknown": Kind(_W, Faq.ELIGIBILITY, log_in_again=True),
        "stronger_login": Kind(_W, Faq.LOGIN, log_in_again=True),
        "login_ended": Kind(_W, Faq.LOGIN, log_in_again=True),
        "not_allowed": Kind(_W, Faq.ELIGIBILITY),
        "not_allowed_here": Kind(_W, Faq.ELIGIBILITY),
        "policy": Kind(_W),
        # Safety
        "security_refused": Kind(_E),
        "binding_refused": Kind(_E, edit=True),
        "too_many_requests": Kind(_W, retry=True),
        # What does not work just now
        "registry_unavailable": Kind(_W, Faq.UNAVAILABLE, retry=True),
        "documents_unavailable": Kind(_W, Faq.UNAVAILABLE, retry=True),
        "unreachable": Kind(_W, Faq.UNAVAILABLE, retry=True),
        "too_slow": Kind(_W, Faq.UNAVAILABLE, retry=True),
        "service_unreachable": Kind(_E, Faq.UNAVAILABLE, retry=True),
        "service_too_slow": Kind(_W, Faq.UNAVAILABLE, retry=True),
        "portal_refused": Kind(_E),
        "request_refused": Kind(_E),
        "technical": Kind(_E, Faq.UNAVAILABLE, retry=True),
        # The professional's own wish
        "cancelled": Kind(_I, retry=True, edit=True),
    }
)
"""Every kind, by the name under which its words stand."""

_CODES_OF: Mapping[str, tuple[str, ...]] = {
    "nobody_found": ("ERROR_PI_NO_MATCH",),
    "several_persons": ("ERROR_PI_MULTIPLE_MATCHES",),
    "patient_not_recognised": ("XDSUnknownPatientId",),
    "other_traits_needed": ("ERROR_PI_GENERIC", "WARNING_PI_GENERIC"),
    "traits_format": ("ERROR_PI_INCORRECT_FORMATTING",),
    "traits_missing": ("ERROR_PI_MISSING_REQUIRED_FIELDS",),
    "consent_refused": ("WARNING_PI_NO_CONSENT", "ERROR_PS_NO_CONSENT", "ERROR_EP_NO_CONSENT", "4701"),
    "no_summary": ("ERROR_PS_NOT_FOUND", "1102"),
    "no_prescription": ("ERROR_EP_NOT_FOUND", "1101", "4105"),
    "no_document": ("1100", "1103", "1104"),
    "document_gone": ("ERROR_GENERIC_DOCUMENT_MISSING", "XDSMissingDocument", "XDSDocumentUniqueIdError"),
    "not_offered": ("ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN", "4202"),
    "too_many_documents": ("XDSTooManyResults",),
    "summary_incomplete": (
        "ERROR_PS_MISSING_BASIC_SECTIONS",
        "ERROR_PS_MISSING_BASIC_DATA",
        "WARNING_PS_MISSING_BASIC_DATA",
    ),
    "document_incomplete": (
        "ERROR_EP_MISSING_BASIC_DATA",
        "WARNING_EP_MISSING_BASIC_DATA",
        "WARNING_ORCD_MISSING_MANDATORY_DATA",
        "WARNING_ORCD_MISSING_MANDATORY_METADATA",
    ),
    "gathering_incomplete": ("4101", "4102"),
    "not_convertible": (
        "ERROR_PS_MISSING_EXPECTED_MAPPING",
        "WARNING_PS_MISSING_EXPECTED_MAPPING",
        "EHDSI_WARNING_PS_MISSING_EXPECTED_TRANSLATION",
        "ERROR_EP_MISSING_EXPECTED_MAPPING",
        "WARNING_EP_MISSING_EXPECTED_MAPPING",
        "WARNING_EP_MISSING_EXPECTED_TRANSLATION",
        "4203",
        *(str(number) for number in (*range(4500, 4514), *range(2401, 2407), *range(2500, 2511))),
    ),
    "language_missing": ("ERROR_PS_INCORRECT_LANGUAGE", "ERROR_EP_INCORRECT_LANGUAGE"),
    "original_missing": ("ERROR_PS_PDF_FORMAT_NOT_PROVIDED", "ERROR_EP_PDF_FORMAT_NOT_PROVIDED", "4201"),
    "format_refused": ("ERROR_ORCD_INCORRECT_FORMAT",),
    "document_unusable": (
        "ERROR_HQI_GENERIC",
        "WARNING_HQI_GENERIC",
        "WARNING_HQI_A_INFORMATION_NOT_PROPERLY_STRUCTURED",
    ),
    "not_displayable": ("ERROR_UI_TRANSFORMATION",),
    "not_processed_yet": ("2201",),
    "already_dispensed": ("4106",),
    "sending_refused": ("4107", "4108", "4704", "WARNING_HQI_B_INFORMATION_NOT_PROPERLY_STRUCTURED"),
    "professional_refused": (
        "ERROR_HPI_GENERIC",
        "WARNING_HPI_GENERIC",
        "ERROR_HPI_NO_INFORMATION",
        "ERROR_HPI_AUTHENTICATION_NOT_RECEIVED",
    ),
    "role_not_recognised": ("ERROR_HPI_INSUFFICIENT_INFORMATION",),
    "place_unknown": ("ERROR_HPI_HAI_NO_INFORMATION", "ERROR_HPI_POC_NO_INFORMATION"),
    "stronger_login": ("4702",),
    "login_ended": ("1001", "1002"),
    "not_allowed": ("4703",),
    "policy": ("4705", "4706"),
    "security_refused": ("ERROR_SEC_GENERIC", "WARNING_SEC_GENERIC", "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED"),
    "binding_refused": ("4206", "4207", "XDSPatientIdDoesNotMatch"),
    "too_many_requests": (
        "WARNING_SEC_UNEXPECTED_NUMBER_OF_REQUESTS",
        "WARNING_SEC_UNEXPECTED_NUMBER_OF_REQUESTS_FOR_UNIQUE_PATIENT",
        "WARNING_SEC_UNEXPECTED_NUMBER_OF_REQUESTS_FOR_UNIQUE_POINT_OF_CARE",
    ),
    "registry_unavailable": ("ERROR_PI_REGISTRY_NOT_AVAILABLE",),
    "documents_unavailable": (
        "ERROR_PS_REGISTRY_NOT_AVAILABLE",
        "ERROR_EP_REGISTRY_NOT_AVAILABLE",
        "ERROR_ORCD_SERVICE_NOT_AVAILABLE",
        "4103",
        "4104",
        "XDSRegistryBusy",
        "XDSRepositoryBusy",
        "XDSRegistryOutOfResources",
        "XDSRepositoryOutOfResources",
    ),
    "unreachable": ("ERROR_GENERIC_CONNECTION_NOT_POSSIBLE", "XDSUnavailableCommunity"),
    "request_refused": (
        "ERROR_PS_INCORRECT_FORMATTING",
        "ERROR_PS_MISSING_REQUIRED_FIELDS",
        "ERROR_EP_INCORRECT_FORMATTING",
        "ERROR_EP_MISSING_REQUIRED_FIELDS",
        "4204",
        "4205",
        "XDSUnknownRepositoryId",
        "XDSUnknownCommunity",
        "XDSMissingHomeCommunityId",
        "XDSUnknownStoredQuery",
        "XDSStoredQueryMissingParam",
        "XDSStoredQueryParamNumber",
    ),
    "technical": (
        "ERROR_GENERIC",
        "WARNING_GENERIC",
        "ERROR_PI_INTERNAL_ERROR",
        "ERROR_PS_GENERIC",
        "WARNING_PS_GENERIC",
        "ERROR_PS_INTERNAL_ERROR",
        "ERROR_EP_GENERIC",
        "WARNING_EP_GENERIC",
        "ERROR_EP_INTERNAL_ERROR",
        "ERROR_ORCD_GENERIC",
        "WARNING_ORCD_GENERIC",
        "XDSRegistryError",
        "XDSRepositoryError",
    ),
}

BY_CODE: Mapping[str, str] = MappingProxyType({code: kind for kind, codes in _CODES_OF.items() for code in codes})
"""The kind of each code that a list has."""

BY_TYPE: tuple[tuple[type[Exception], str], ...] = (
    (client.MultipleMatches, "several_persons"),
    (client.IdentificationError, "other_traits_needed"),
    (client.ProfessionalRefused, "professional_refused"),
    (client.SecurityRefused, "security_refused"),
    # Shown on a page of its own at the login; anywhere else it means the same as any other refusal.
    (client.NotEligible, "not_allowed"),
    (client.NotPermitted, "not_allowed"),
    (client.ConsentMissing, "consent_refused"),
    (client.DocumentNotFound, "no_document"),
    (client.RequestRefused, "request_refused"),
    (client.ContentError, "document_unusable"),
    (client.TryLater, "documents_unavailable"),
    (client.CountryUnreachable, "unreachable"),
    (client.GatewayTimeout, "service_too_slow"),
    (client.ConnectionFailed, "service_unreachable"),
    (client.PortalRefused, "portal_refused"),
    (client.InvalidTraits, "traits_invalid"),
    (client.GatewayError, "technical"),
)
"""What a failure is whose code no list has, by the client's own grouping; the narrower type first."""

BY_OWN_GATEWAY: Mapping[str, str] = MappingProxyType(
    {"consent_refused": "consent_not_recorded", "not_allowed": "not_allowed_here"}
)
"""Kinds that mean something else when this country's gateway refused and not the patient's."""

BY_ENDING: Mapping[Ending, str] = MappingProxyType(
    {
        Ending.NOBODY_FOUND: "nobody_found",
        Ending.SEVERAL_PERSONS: "several_persons",
        Ending.NO_DOCUMENTS: "no_summary",
        Ending.CANCELLED: "cancelled",
        Ending.TOO_SLOW: "too_slow",
    }
)
