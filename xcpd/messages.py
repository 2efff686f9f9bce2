"""The values of an ITI-55 conversation. Everything that names a person hides itself from ``repr``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ncp.wire.ids import II, CountryCode, Oid


class Acknowledgement(Enum):
    """``acknowledgement/typeCode/@code``: application accept, application error."""

    AA = "AA"
    AE = "AE"


class QueryResponse(Enum):
    """``queryAck/queryResponseCode/@code``."""

    OK = "OK"
    NF = "NF"
    AE = "AE"


class Reason(Enum):
    """Why there is no person; the value is the code in mitigatedBy or triggerFor (``docs/iti-55.md``)."""

    ANSWER_NOT_AVAILABLE = "AnswerNotAvailable"
    RESPONDER_BUSY = "ResponderBusy"
    INTERNAL_ERROR = "InternalError"
    ADDITIONAL_DEMOGRAPHICS_REQUESTED = "AdditionalDemographicsRequested"
    DEMOGRAPHICS_QUERY_NOT_ALLOWED = "DemographicsQueryNotAllowed"
    EHIC_DATA_REQUESTED = "EHICDataRequested"
    PRIVACY_VIOLATION = "PrivacyViolation"
    INSUFFICIENT_RIGHTS = "InsufficientRights"
    PATIENT_AUTHENTICATION_REQUIRED = "PatientAuthenticationRequired"
    POLICY_VIOLATION = "PolicyViolation"
    NATIONAL_INFRASTRUCTURE = "NationalInfrastructure"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""

    def __repr__(self) -> str:
        return "Address(<redacted>)"

    def __bool__(self) -> bool:
        return bool(self.street or self.city or self.postal_code or self.country)


@dataclass(frozen=True, slots=True, repr=False)
class PatientSearch:
    """Identity traits. ``birth_date`` is HL7 digits, possibly partial (``1970``, ``197004``, ``19700409``)."""

    identifiers: tuple[II, ...] = ()
    family: str = ""
    given: str = ""
    gender: str = ""
    birth_date: str = ""
    address: Address = Address()

    def __repr__(self) -> str:
        return "PatientSearch(<redacted>)"

    def for_country(self, country: CountryCode) -> PatientSearch:
        """The same search with the destination's code as country of the address where none is given.

        OpenNCP's requests carry it, and a country may rely on it.
        """
        return self if self.address.country else replace(self, address=replace(self.address, country=country))


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One patient as the country of affiliation knows her.

    ``id`` is the identifier for TRC and XCA, which may differ from the one searched. ``gender`` is ``F``, ``M``, ``UN``
    or empty; ``birth_date`` HL7 digits, possibly partial or empty; ``match_quality`` 0 to 100.
    """

    id: II
    family: str
    given: str
    prefix: str = ""
    gender: str = ""
    birth_date: str = ""
    address: Address = Address()
    match_quality: int = 100
    home_community: str = ""
    telephone: str = ""
    email: str = ""

    def __repr__(self) -> str:
        return "Person(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class PatientDiscovery:
    """PRPA_IN201305UV02. ``query`` is the serialised queryByParameter as received, for the echo in the answer."""

    id: II
    creation_time: str
    sender: Oid
    """Home community id of the asking gateway: ``sender/device/id/@root``, as it stands there."""
    receiver: Oid
    query_id: II
    search: PatientSearch
    sender_organisation: str = ""
    """``sender/device/asAgent/representedOrganization/id/@root``; empty where it is the same as ``sender``."""
    priority: str = "I"
    minimum_degree: int | None = None
    version_code: str = "V3PR1"
    query: bytes = b""
    problems: tuple[str, ...] = ()
    """Rules the sender broke and we tolerate, by stable name (``gender.unknown``); counted, logged."""
    defects: tuple[str, ...] = ()
    """Rules the sender broke that forbid an answer other than a refusal (``message.interaction``), worst first."""

    def __repr__(self) -> str:
        return "PatientDiscovery(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False)
class PatientDiscoveryResponse:
    """PRPA_IN201306UV02 as read from any peer version; codes that are no member of our enums stay strings."""

    id: II
    target_message: II
    acknowledgement: str
    query_response: str
    persons: tuple[Person, ...] = ()
    reason: str = ""
    """Code in mitigatedBy, else triggerFor."""
    reason_system: str = ""
    code: str = ""
    """``acknowledgementDetail/code/@code``."""
    text: str = ""
    location: str = ""
    query_id: II | None = None
    """``queryAck/queryId``, None where absent."""
    problems: tuple[str, ...] = ()
    """Oddities the reader stepped over, by stable name (``subject.without_id``); counted, logged."""

    def __repr__(self) -> str:
        return "PatientDiscoveryResponse(<redacted>)"
