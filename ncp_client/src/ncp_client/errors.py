"""What can go wrong, as types. Nobody found and nothing found are empty results, not errors.

Knows the error codes of MyHealth@EU by family. Every error carries what a portal shows or reports; none carries data
of a person. A code that no list has is grouped by how it ends.
"""

from __future__ import annotations


class GatewayError(Exception):
    """A failure that the gateway declared.

    ``code``       of MyHealth@EU (``ERROR_PI_MULTIPLE_MATCHES``)
    ``message``    a sentence; ``national_message`` what the other country added in its own words
    ``country``    whose gateway failed, empty for the own one
    ``reference``  transaction id to tell support
    ``context``    technical context for support
    """

    def __init__(
        self, code: str, message: str = "", *, country: str = "", reference: str = "", context: str = ""
    ) -> None:
        self.code = code
        self.message, _, self.national_message = message.partition("^")
        self.country = country
        self.reference = reference
        self.context = context
        super().__init__(f"{code} (reference {reference})" if reference else code)


class MultipleMatches(GatewayError):
    """More than one person fits: nobody is shown. Ask the patient for more details."""


class IdentificationError(GatewayError):
    """The other country needs other or better formed details."""


class ProfessionalRefused(GatewayError):
    """How the professional was identified was not accepted. Log in again."""


class NotEligible(GatewayError):
    """The person behind a login may not use the service. ``code`` says why (``PRIVATE_INSURANCE``), ``message`` says it
    in the language that was asked for."""


class SecurityRefused(GatewayError):
    """An assertion, signature or certificate was refused; also an assertion that has expired."""


class NotPermitted(GatewayError):
    """This role may not do this, or this portal may not ask for it."""


class ConsentMissing(GatewayError):
    """The patient has not allowed this, at home or here."""


class DocumentNotFound(GatewayError):
    """The one document asked for is not there."""


class RequestRefused(GatewayError):
    """The question breaks a rule; a programming error more often than not."""


class ContentError(GatewayError):
    """The document cannot be provided in the form that is needed."""


class TryLater(GatewayError):
    """A system of the other country does not answer just now."""


class CountryUnreachable(GatewayError):
    """The other country cannot be reached."""


class TechnicalError(GatewayError):
    """Something unexpected; the reference finds it in the gateway's log."""


class ConnectionFailed(Exception):
    """The own gateway could not be asked, or its answer did not arrive. Whether it was carried out is not known."""


class GatewayTimeout(ConnectionFailed):
    """The own gateway did not answer in time."""


class PortalRefused(Exception):
    """The gateway does not know this client certificate, or does not offer this service."""


class InvalidTraits(ValueError):
    """Identity traits that do not fit the search mask. ``problems`` maps field ids to what is wrong."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {problem}" for field, problem in sorted(problems.items())))
        self.problems = problems


NO_MATCH_CODES = frozenset(("ERROR_PI_NO_MATCH", "XDSUnknownPatientId"))
"""Codes that mean: nobody found."""

NOT_ELIGIBLE_CODES = frozenset(
    (
        "AUTH_FAILED",
        "AUTH_CANCELLED",
        "AUTH_LEVEL",
        "CARD_INVALID",
        "NOT_A_PROFESSIONAL",
        "PROFESSION_NOT_ELIGIBLE",
        "STUDENT_NOT_ELIGIBLE",
        "PHARMACIST_SECTION",
        "OCCUPATIONAL_MEDICINE",
        "NO_PRACTICE_SITUATION",
        "NO_PRACTICE_MODE",
        "PLACE_INSUFFICIENT",
        "PRIVATE_INSURANCE",
        "NON_CARE_ACTIVITY",
        "DIRECTORY_UNAVAILABLE",
        "UNREADABLE_CLAIMS",
    )
)
"""Codes of the gateway's own that say why somebody may not log in."""

_BY_CODE: dict[str, type[GatewayError]] = {
    **dict.fromkeys(NOT_ELIGIBLE_CODES, NotEligible),
    "ERROR_PI_MULTIPLE_MATCHES": MultipleMatches,
    "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE": CountryUnreachable,
    "XDSUnavailableCommunity": CountryUnreachable,
    "ERROR_GENERIC": TechnicalError,
    "ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN": RequestRefused,
    "ERROR_GENERIC_DOCUMENT_MISSING": DocumentNotFound,
    "WARNING_PI_NO_CONSENT": ConsentMissing,
    "4701": ConsentMissing,
    "4702": ProfessionalRefused,
    **dict.fromkeys(("1001", "1002", "4206", "4207"), SecurityRefused),
    **dict.fromkeys(("4703", "4704", "4705", "4706"), NotPermitted),
    **dict.fromkeys(("1100", "1101", "1102", "1103", "1104", "4105"), DocumentNotFound),
    **dict.fromkeys(("4202", "4204", "4205"), RequestRefused),
    **dict.fromkeys(("4101", "4102", "4106", "4107", "4108", "4201", "4203"), ContentError),
    **dict.fromkeys(("4103", "4104"), TryLater),
    "ERROR_PI_REGISTRY_NOT_AVAILABLE": TryLater,
    "ERROR_PI_INTERNAL_ERROR": TechnicalError,
    "XDSMissingDocument": DocumentNotFound,
    "XDSDocumentUniqueIdError": DocumentNotFound,
}
_BY_ENDING: tuple[tuple[str, type[GatewayError]], ...] = (
    ("_NOT_FOUND", DocumentNotFound),
    ("_DOCUMENT_MISSING", DocumentNotFound),
    ("NO_CONSENT", ConsentMissing),
    ("NOT_AVAILABLE", TryLater),
    ("BUSY", TryLater),
    ("_INCORRECT_LANGUAGE", ContentError),
    ("_NOT_PROVIDED", ContentError),
    ("_MISSING_EXPECTED_MAPPING", ContentError),
    ("_MISSING_EXPECTED_TRANSLATION", ContentError),
    ("_MISSING_MANDATORY_DATA", ContentError),
    ("_MISSING_MANDATORY_METADATA", ContentError),
    ("_INCORRECT_FORMAT", ContentError),
    ("_MISSING_BASIC_DATA", ContentError),
    ("_MISSING_BASIC_SECTIONS", ContentError),
    ("_UI_TRANSFORMATION", ContentError),
    ("_INTERNAL_ERROR", TechnicalError),
)
_BY_BEGINNING: tuple[tuple[str, type[GatewayError]], ...] = (
    ("ERROR_HPI_", ProfessionalRefused),
    ("ERROR_SEC_", SecurityRefused),
    ("ERROR_PI_", IdentificationError),
    ("ERROR_HQI_", ContentError),
    ("WARNING_HQI_", ContentError),
    ("XDS", RequestRefused),
)


def error_of(code: str, message: str, *, country: str = "", reference: str = "", context: str = "") -> GatewayError:
    """The typed error of a code."""
    kind = _BY_CODE.get(code)
    upper = code.upper()
    if kind is None:
        kind = next((kind for ending, kind in _BY_ENDING if upper.endswith(ending)), None)
    if kind is None:
        kind = next((kind for beginning, kind in _BY_BEGINNING if code.startswith(beginning)), TechnicalError)
    return kind(code, message, country=country, reference=reference, context=context)


def is_no_match(error: GatewayError) -> bool:
    """Whether the error only says that nobody fits."""
    return error.code in NO_MATCH_CODES
