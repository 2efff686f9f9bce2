"""Writing and signing HCP, TRC and NOK assertions: what our NCP-B and its token service send.

Knows the order, names and forms that every OpenNCP since 6.3 reads. Values are checked against the same tables as on
receipt, so that nothing leaves this gateway that it would refuse itself. Clock, ids and the seal are handed in.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ncp.wire.errors import Code, RequestError
from ncp.wire.ids import II, CountryCode, Oid, urn_oid
from ncp.wire.times import to_saml
from ncp.wire.xml import NS_HL7, NS_SAML, NS_XS, NS_XSI
from saml_assertions import facts
from saml_assertions.claims import HcpClaims, Kind
from saml_assertions.read_claims import LIFETIMES
from saml_assertions.signature import PREFIX, Signer, sign

PatientAttribute = Literal["subject-id", "resource-id", "both"]

_LAST_WAVE_WITH_RESOURCE_ID = 7


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Professional:
    """Who asks. ``role`` is an ISCO code of the profile, ``permissions`` bare codes (``PRD-006``), ``authenticated``
    the time of log-in (aware)."""

    identifier: str
    name: str
    role: str
    facility_type: str
    locality: str
    authentication_class: str
    authenticated: datetime
    permissions: frozenset[str] = field(default_factory=frozenset)
    purpose: str = facts.TREATMENT
    identifier_format: str = facts.FORMAT_UNSPECIFIED
    alias: str = ""
    organisation: str = ""
    organisation_id: str = ""
    npi: str = ""
    on_behalf_of: str = ""

    def __repr__(self) -> str:
        return "Professional(<redacted>)"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class NextOfKin:
    """Who comes along with the patient. ``birth_date`` is ``YYYY-MM-DD``."""

    identifier: str
    first_name: str = ""
    family_name: str = ""
    gender: str = ""
    birth_date: str = ""
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = ""

    def __repr__(self) -> str:
        return "NextOfKin(<redacted>)"


def assertion_id(value: uuid.UUID) -> str:
    """``_`` and a random UUID: an NCName, which ``urn:uuid:…`` is not."""
    return f"_{value}"


def patient_attribute_for(wave: int | None) -> PatientAttribute:
    """Which patient attribute a peer of that wave reads: 8 on ``subject-id``, else both (EHEALTH-12227)."""
    return "both" if wave is None or wave <= _LAST_WAVE_WITH_RESOURCE_ID else "subject-id"


def issue_hcp(
    who: Professional,
    *,
    country: CountryCode,
    home: Oid,
    signer: Signer,
    id: str,
    at: datetime,
    lifetime: timedelta = LIFETIMES[Kind.HCP],
) -> bytes:
    """A signed HCP assertion, self-contained. Raises ``RequestError`` with the code a receiver would answer."""
    if who.role not in facts.ROLES:
        raise RequestError(Code.HPI_INSUFFICIENT_INFORMATION, "role.unknown")
    if who.facility_type not in facts.FACILITY_TYPES:
        raise RequestError(Code.HPI_GENERIC, "facility.unknown")
    if who.authentication_class not in facts.TWO_FACTOR_CLASSES:
        raise RequestError(Code.WEAK_AUTHENTICATION, "authn.weak")
    if who.authenticated > at:
        raise RequestError(Code.HPI_GENERIC, "time.authenticated")
    _require(who.identifier, Code.HPI_NO_INFORMATION)
    _require(who.name, Code.HPI_NO_INFORMATION)
    _require(who.locality, Code.HPI_POC_NO_INFORMATION)
    role = _coded("Role", who.role, facts.ROLE_CODE_SYSTEM, facts.ROLE_CODE_SYSTEM_NAME, facts.ROLES[who.role])
    attributes = [
        _attribute("HCI Identifier", facts.HOME_COMMUNITY, _string(urn_oid(home))),
        _optional("NPI Identifier", facts.NPI, who.npi),
        _attribute("XSPA Subject", facts.SUBJECT_ID, _string(who.name)),
        _attribute("XSPA Role", facts.ROLE, role),
        _optional("XSPA Organization", facts.ORGANISATION, who.organisation),
        _optional("XSPA Organization ID", facts.ORGANISATION_ID, who.organisation_id),
        _optional("OnBehalfOf", facts.ON_BEHALF_OF, who.on_behalf_of),
        _attribute("eHealth DSI Healthcare Facility Type", facts.FACILITY_TYPE, _string(who.facility_type)),
        _purpose(who.purpose),
        _attribute("XSPA Locality", facts.LOCALITY, _string(who.locality)),
        _permissions(who.permissions),
    ]
    return _sealed(
        signer,
        kind=Kind.HCP,
        id=id,
        at=at,
        until=_until(at, lifetime, Kind.HCP),
        issuer=f"urn:idp:{country}:countryB",
        name_id=who.identifier,
        name_id_format=who.identifier_format,
        alias=who.alias,
        authenticated=who.authenticated,
        authentication_class=who.authentication_class,
        attributes=attributes,
    )


def issue_trc(
    hcp: HcpClaims,
    patient: II,
    *,
    purpose: str,
    country: CountryCode,
    signer: Signer,
    id: str,
    at: datetime,
    lifetime: timedelta = LIFETIMES[Kind.TRC],
    patient_attribute: PatientAttribute = "both",
    prescription_id: str = "",
    dispensation_pin: str = "",
) -> bytes:
    """A signed TRC assertion for the professional of ``hcp`` (verified claims); it never outlives the HCP assertion."""
    cx = _string(_patient(patient))
    attributes = []
    if patient_attribute in ("subject-id", "both"):
        attributes.append(_attribute("XSPA Subject", facts.SUBJECT_ID, cx))
    if patient_attribute in ("resource-id", "both"):
        attributes.append(_attribute("XSPA Subject", facts.RESOURCE_ID, cx))
    attributes += [
        _purpose(purpose),
        _optional("Dispensation Pin Code", facts.DISPENSATION_PIN, dispensation_pin),
        _optional("Prescription ID", facts.PRESCRIPTION_ID, prescription_id),
    ]
    return _sealed_for(hcp, Kind.TRC, country, signer, id, at, lifetime, attributes)


def issue_nok(
    hcp: HcpClaims,
    next_of_kin: NextOfKin,
    patient: II | None,
    *,
    purpose: str,
    country: CountryCode,
    signer: Signer,
    id: str,
    at: datetime,
    lifetime: timedelta = LIFETIMES[Kind.NOK],
) -> bytes:
    """A signed NOK assertion. ``patient`` is written when known."""
    _require(next_of_kin.identifier, Code.ASSERTION_NOT_VALID)
    attributes = [
        "" if patient is None else _attribute("XSPA Subject", facts.SUBJECT_ID, _string(_patient(patient))),
        _purpose(purpose),
        _attribute("NextOfKinId", facts.NEXT_OF_KIN + "id", _string(next_of_kin.identifier)),
        _optional("NextOfKinFirstName", facts.NEXT_OF_KIN + "firstname", next_of_kin.first_name),
        _optional("NextOfKinFamilyName", facts.NEXT_OF_KIN + "familyname", next_of_kin.family_name),
        _optional("NextOfKinGender", facts.NEXT_OF_KIN + "gender", next_of_kin.gender),
        _optional("NextOfKinBirthDate", facts.NEXT_OF_KIN + "birthdate", next_of_kin.birth_date),
        _optional("NextOfKinAddressStreet", facts.NEXT_OF_KIN + "address:street", next_of_kin.street),
        _optional("NextOfKinAddressCity", facts.NEXT_OF_KIN + "address:city", next_of_kin.city),
        _optional("NextOfKinPostalCode", facts.NEXT_OF_KIN + "address:postalcode", next_of_kin.postal_code),
        _optional("NextOfKinAddressCountry", facts.NEXT_OF_KIN + "address:country", next_of_kin.country),
    ]
    return _sealed_for(hcp, Kind.NOK, country, signer, id, at, lifetime, attributes)


def _sealed_for(
    hcp: HcpClaims,
    kind: Kind,
    country: CountryCode,
    signer: Signer,
    id: str,
    at: datetime,
    lifetime: timedelta,
    attributes: Iterable[str],
) -> bytes:
    """What TRC and NOK share: both refer to an HCP assertion, name its subject and end with it at the latest."""
    if at >= hcp.not_on_or_after:
        raise RequestError(Code.HPI_GENERIC, "time.expired")
    return _sealed(
        signer,
        kind=kind,
        id=id,
        at=at,
        until=min(_until(at, lifetime, kind), hcp.not_on_or_after),
        issuer=f"urn:initgw:{country}:countryB",
        name_id=hcp.name_id,
        name_id_format=hcp.name_id_format,
        alias="",
        authenticated=at,
        authentication_class=facts.PREVIOUS_SESSION,
        attributes=attributes,
        hcp_id=hcp.id,
    )


def _sealed(
    signer: Signer,
    *,
    kind: Kind,
    id: str,
    at: datetime,
    until: datetime,
    issuer: str,
    name_id: str,
    name_id_format: str,
    alias: str,
    authenticated: datetime,
    authentication_class: str,
    attributes: Iterable[str],
    hcp_id: str = "",
) -> bytes:
    now = to_saml(at)
    advice = (
        f"<saml:Advice><saml:AssertionIDRef>{_escape(hcp_id)}</saml:AssertionIDRef></saml:Advice>" if hcp_id else ""
    )
    provided = f' SPProvidedID="{_escape(alias)}"' if alias else ""
    assertion = "".join(
        (
            f'<saml:Assertion xmlns:saml="{NS_SAML}" xmlns:{PREFIX}="{NS_XS}" ID="{_escape(id)}"',
            f' IssueInstant="{now}" Version="2.0">',
            f'<saml:Issuer NameQualifier="{kind.value}">{_escape(issuer)}</saml:Issuer>',
            f'<saml:Subject><saml:NameID Format="{_escape(name_id_format)}"{provided}>{_escape(name_id)}</saml:NameID>',
            f'<saml:SubjectConfirmation Method="{facts.SENDER_VOUCHES}"/></saml:Subject>',
            f'<saml:Conditions NotBefore="{now}" NotOnOrAfter="{to_saml(until)}"><saml:AudienceRestriction>',
            f"<saml:Audience>{facts.AUDIENCE}</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
            advice,
            f'<saml:AuthnStatement AuthnInstant="{to_saml(authenticated)}"><saml:AuthnContext>',
            f"<saml:AuthnContextClassRef>{authentication_class}</saml:AuthnContextClassRef>",
            "</saml:AuthnContext></saml:AuthnStatement>",
            f"<saml:AttributeStatement>{''.join(attributes)}</saml:AttributeStatement></saml:Assertion>",
        )
    )
    return sign(assertion.encode(), signer)


def _until(at: datetime, lifetime: timedelta, kind: Kind) -> datetime:
    if not timedelta() < lifetime <= LIFETIMES[kind]:
        raise RequestError(Code.ASSERTION_NOT_VALID, "time.span")
    return at + lifetime


def _require(value: str, code: Code) -> None:
    if not value.strip():
        raise RequestError(code, "attr.missing")


def _patient(patient: II) -> str:
    # Not II.as_cx alone: a separator in a part would make another patient of it.
    if not patient.extension.strip() or not patient.root or {"^", "&"} & set(patient.root) or "^" in patient.extension:
        raise RequestError(Code.ASSERTION_NOT_VALID, "attr.value")
    return II(patient.root, patient.extension.strip()).as_cx()


def _attribute(friendly: str, name: str, *values: str) -> str:
    written = "".join(f"<saml:AttributeValue{value}</saml:AttributeValue>" for value in values)
    return (
        f'<saml:Attribute FriendlyName="{friendly}" Name="{name}" NameFormat="{facts.NAME_FORMAT_URI}">'
        f"{written}</saml:Attribute>"
    )


def _optional(friendly: str, name: str, value: str) -> str:
    return _attribute(friendly, name, _string(value)) if value.strip() else ""


def _string(value: str) -> str:
    """A typed text: OpenNCP's token service casts by ``xsi:type`` and fails without it."""
    return f' xmlns:xsi="{NS_XSI}" xsi:type="{PREFIX}:string">{_escape(value.strip())}'


def _coded(name: str, code: str, system: str, system_name: str, display: str) -> str:
    """An HL7 coded value without prefix and without ``xsi:type``: OpenNCP looks for the literal tag name."""
    return (
        f'><{name} xmlns="{NS_HL7}" code="{code}" codeSystem="{system}" codeSystemName="{system_name}"'
        f' displayName="{display}"></{name}>'
    )


def _purpose(purpose: str) -> str:
    if purpose not in facts.PURPOSES:
        raise RequestError(Code.NOT_ALLOWED, "purpose.refused")
    value = _coded("PurposeOfUse", purpose, facts.PURPOSE_CODE_SYSTEM, facts.PURPOSE_CODE_SYSTEM_NAME, purpose)
    return _attribute("XSPA Purpose Of Use", facts.PURPOSE_OF_USE, value)


def _permissions(codes: frozenset[str]) -> str:
    if not codes:
        return ""
    values = (_string(facts.PERMISSION_PREFIX + code) for code in sorted(codes))
    return _attribute("Hl7 Permissions", facts.PERMISSIONS, *values)


_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
# XML 1.0 production 2, turned round; a carriage return or line feed has no place in any value here.
_NOT_ALLOWED = re.compile("[^\t\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _escape(value: str) -> str:
    if _NOT_ALLOWED.search(value):
        raise RequestError(Code.ASSERTION_NOT_VALID, "attr.value")
    return value.translate(_SPECIAL)
