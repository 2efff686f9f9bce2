"""Permission, purpose, patient binding and consent: from a verified caller and a question to a permitted question.

Knows the table of permissions (role, permissions, class code) and how a patient is bound by the TRC assertion. Its
``Permitted…`` values are what the national connector asks for, so no step can be left out. Leaves to the connector
what consent the patient gave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field

from ncp.wire.errors import AccessError, Code
from ncp.wire.ids import II
from saml_assertions.claims import TrcClaims, VerifiedCaller
from xca.facts import ORIGINAL_CLINICAL_DOCUMENTS, ClassCode
from xca.messages import CrossGatewayQuery, DocumentEntry
from xcpd.messages import PatientSearch, Person

_PROOF = object()

DISCOVERY_PERMISSIONS = frozenset({"PRD-006"})
_SUMMARY = frozenset({"PRD-003", "PRD-005", "PRD-010", "PRD-016"})
_PRESCRIPTION = frozenset({"PRD-004", "PRD-010"})

CLASS_PERMISSIONS: Mapping[str, frozenset[str]] = {
    ClassCode.PATIENT_SUMMARY: _SUMMARY,
    ClassCode.EPRESCRIPTION: _PRESCRIPTION,
    **dict.fromkeys(ORIGINAL_CLINICAL_DOCUMENTS, _SUMMARY),
}
"""Permissions a caller must hold, all of them, to list or fetch documents of a class (``docs/assertions.md``)."""

NO_CONSENT: Mapping[str, Code] = {
    ClassCode.PATIENT_SUMMARY: Code.PS_NO_CONSENT,
    ClassCode.EPRESCRIPTION: Code.EP_NO_CONSENT,
}
"""The code that tells of a missing consent, per class; 4701 for every other class."""


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """What this country allows beyond the profile.

    ``accept_role_without_permissions``: ISCO codes that suffice without any permission attribute (Germany works so).
    ``refused_roles``: ISCO codes that may ask nothing here.
    """

    accept_role_without_permissions: frozenset[str] = frozenset()
    refused_roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, repr=False)
class _Permitted:
    caller: VerifiedCaller
    # Not a field, so that dataclasses.replace cannot carry it over to another patient or document.
    proof: InitVar[object] = field(default=None, kw_only=True)

    def __post_init__(self, proof: object) -> None:
        if proof is not _PROOF:
            raise TypeError(f"a {type(self).__name__} is made by ncp.access only")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.caller.country})"


@dataclass(frozen=True, slots=True, repr=False)
class PermittedDiscovery(_Permitted):
    """An identification the caller may ask for."""

    search: PatientSearch


@dataclass(frozen=True, slots=True, repr=False)
class PermittedPatient(_Permitted):
    """One person whose consent may be asked for: the person found, or the patient of the TRC assertion."""

    patient: II
    class_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class PermittedQuery(_Permitted):
    """A document query with permission for every class, for the patient of the TRC, whose consent is there."""

    query: CrossGatewayQuery
    patient: II


@dataclass(frozen=True, slots=True, repr=False)
class PermittedDescription(_Permitted):
    """A metadata-only question for one document id: the caller may see at least one class of this patient."""

    patient: II
    document_unique_id: str
    repository_unique_id: str


@dataclass(frozen=True, slots=True, repr=False)
class PermittedRetrieve(_Permitted):
    """A retrieval with permission for the document's class, of the patient of the TRC, whose consent is there."""

    document: DocumentEntry


def permit_discovery(search: PatientSearch, caller: VerifiedCaller, policy: AccessPolicy) -> PermittedDiscovery:
    """ITI-55: PRD-006. Raises ``AccessError`` 4703 (``permission.missing``, ``role.refused``)."""
    _require(caller, DISCOVERY_PERMISSIONS, policy)
    return PermittedDiscovery(caller, search, proof=_PROOF)


def permit_person(permitted: PermittedDiscovery, person: Person) -> PermittedPatient:
    """The person found, so that her consent can be asked for before she is named to anybody."""
    return PermittedPatient(permitted.caller, person.id, (), proof=_PROOF)


def permit_query(query: CrossGatewayQuery, caller: VerifiedCaller, policy: AccessPolicy) -> PermittedPatient:
    """ITI-38: permissions of every class asked for, then the patient of the query = the patient of the TRC, exactly.

    Raises ``AccessError`` 4703 or 4206 (``trc.patient``).
    """
    trc = _treatment(caller)
    for class_code in query.class_codes:
        _require(caller, _permissions_of(class_code), policy)
    if query.patient != trc.patient:
        raise AccessError(Code.PATIENT_NOT_OF_TRC, "trc.patient")
    return PermittedPatient(caller, query.patient, query.class_codes, proof=_PROOF)


def permit_description(
    document_unique_id: str, repository_unique_id: str, caller: VerifiedCaller, policy: AccessPolicy
) -> PermittedDescription:
    """ITI-39, before anything is asked: the caller holds the permissions of at least one class (else 4703)."""
    trc = _treatment(caller)
    if not any(_may(caller, permissions, policy) for permissions in CLASS_PERMISSIONS.values()):
        raise AccessError(Code.NOT_ALLOWED, _refusal(caller, policy))
    return PermittedDescription(caller, trc.patient, document_unique_id, repository_unique_id, proof=_PROOF)


def permit_document(document: DocumentEntry, permitted: PermittedDescription, policy: AccessPolicy) -> PermittedPatient:
    """ITI-39, class and owner known: owner = patient of the TRC (else as if unknown), then the class's permissions."""
    caller = permitted.caller
    if document.patient != permitted.patient:
        # A document of somebody else must look like one that does not exist.
        raise AccessError(Code.DOCUMENT_MISSING, "trc.patient")
    _require(caller, _permissions_of(document.class_code), policy)
    return PermittedPatient(caller, document.patient, (document.class_code,), proof=_PROOF)


def with_consent(patient: PermittedPatient, consent: bool) -> None:
    """Raises ``AccessError`` with the no-consent code of the class when the patient did not consent."""
    if consent:
        return
    class_code = patient.class_codes[0] if patient.class_codes else ""
    if not class_code:
        raise AccessError(Code.WARNING_PI_NO_CONSENT, "consent")
    raise AccessError(NO_CONSENT.get(class_code, Code.NO_CONSENT), "consent")


def consented_query(patient: PermittedPatient, query: CrossGatewayQuery, consent: bool) -> PermittedQuery:
    """The query itself, once consent is there."""
    with_consent(patient, consent)
    return PermittedQuery(patient.caller, query, patient.patient, proof=_PROOF)


def consented_retrieve(patient: PermittedPatient, document: DocumentEntry, consent: bool) -> PermittedRetrieve:
    """The retrieval itself, once consent is there."""
    with_consent(patient, consent)
    if document.patient != patient.patient or document.class_code not in patient.class_codes:
        raise AccessError(Code.DOCUMENT_MISSING, "trc.patient")
    return PermittedRetrieve(patient.caller, document, proof=_PROOF)


def _treatment(caller: VerifiedCaller) -> TrcClaims:
    if caller.trc is None:
        raise AccessError(Code.ASSERTION_NOT_VALID, "trc.missing")
    return caller.trc


def _permissions_of(class_code: str) -> frozenset[str]:
    try:
        return CLASS_PERMISSIONS[class_code]
    except KeyError:
        raise AccessError(Code.NOT_ALLOWED, "permission.missing") from None


def _may(caller: VerifiedCaller, permissions: frozenset[str], policy: AccessPolicy) -> bool:
    roles = set(caller.hcp.roles)
    if roles & policy.refused_roles:
        return False
    if not caller.hcp.permissions:
        return bool(roles) and roles <= policy.accept_role_without_permissions
    return permissions <= caller.hcp.permissions


def _require(caller: VerifiedCaller, permissions: frozenset[str], policy: AccessPolicy) -> None:
    if not _may(caller, permissions, policy):
        raise AccessError(Code.NOT_ALLOWED, _refusal(caller, policy))


def _refusal(caller: VerifiedCaller, policy: AccessPolicy) -> str:
    return "role.refused" if set(caller.hcp.roles) & policy.refused_roles else "permission.missing"
