"""Between the values of a portal and the message objects of zeep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from ncp_client.values import (
    Country,
    Document,
    DocumentPair,
    Login,
    MaskField,
    MaskGroup,
    MaskImage,
    Patient,
    Professional,
    SearchMask,
    Situation,
    TraitProblem,
    Traits,
)
from ncp_client.wire import NS_SAML, parse

_LOINC = "2.16.840.1.113883.6.1"
_PDF_FORMAT = "urn:ihe:iti:xds-sd:pdf:2008"


def mask(found: Any) -> SearchMask:
    """A search mask as read."""
    return SearchMask(
        country=found.country,
        scope=found.scope,
        fields=tuple(
            MaskField(
                id=each.id,
                kind=each.kind,
                label=each.label,
                name=each.name,
                domain=each.domain or "",
                format=each.format or "",
                description=each.description or "",
                original_description=each.originalDescription or "",
                mandatory=bool(each.mandatory),
                group=each.group or "",
                alternative=each.alternative or "",
            )
            for each in found.field or ()
        ),
        groups=tuple(
            MaskGroup(each.id, bool(each.choice), {one.id: one.name for one in each.alternative or ()})
            for each in found.group or ()
        ),
        images=tuple(
            MaskImage(each.mediaType, each.name or "", each.description or "", each.content)
            for each in found.image or ()
        ),
    )


def typed(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Values of a form as written; fields left empty have none."""
    return [{"id": key, "text": text} for key, text in values.items() if text.strip()]


def problem(found: Any) -> TraitProblem:
    """What is wrong with one trait as read."""
    return TraitProblem(found.kind, found.message, found.example or "")


def country(found: Any) -> Country:
    """A country of the list as read."""
    return Country(
        found.code, found.name, tuple(found.service or ()), bool(found.live), found.state, instant(found.since)
    )


def written(at: datetime) -> str:
    """xs:dateTime in UTC; ``ValueError`` without a time zone."""
    if at.tzinfo is None:
        raise ValueError("a time needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(text: str | None) -> datetime | None:
    """An aware time, or None."""
    return datetime.fromisoformat(text) if text else None


def expiry(assertion: bytes) -> datetime | None:
    """When an assertion ends, as it says itself; the gateway decides."""
    conditions = parse(assertion).find(f"{{{NS_SAML}}}Conditions")
    return None if conditions is None else instant(conditions.get("NotOnOrAfter"))


def class_code(code: str) -> dict[str, str]:
    """A class code as OpenNCP's types have it."""
    return {"nodeRepresentation": code, "schema": _LOINC}


def professional(who: Professional) -> dict[str, Any]:
    """A professional as written."""
    return {
        "identifier": who.identifier,
        "identifierFormat": who.identifier_format or None,
        "name": who.name,
        "role": who.role,
        "facilityType": who.facility_type,
        "locality": who.locality,
        "organisation": who.organisation or None,
        "organisationId": who.organisation_id or None,
        "npi": who.npi or None,
        "purpose": who.purpose or None,
        "permission": list(who.permissions),
        "authenticationClass": who.authentication_class,
        "authenticated": written(who.authenticated),
    }


def login(who: Login, situation: Situation | None, purpose: str, language: str) -> dict[str, Any]:
    """A login as written; the user info as the bytes that came."""
    return {
        "idToken": who.id_token,
        "userInfo": who.user_info.encode(),
        "situation": situation.id if situation else None,
        "purpose": purpose or None,
        "language": language or None,
    }


def situations(found: Any) -> tuple[Situation, ...]:
    """The situations of a login as read."""
    return tuple(
        Situation(each.id, each.profession or "", each.place or "", each.address or "") for each in found or ()
    )


def demographics(traits: Traits) -> dict[str, Any]:
    """Traits as OpenNCP's types have them."""
    birth = traits.birth_date
    texts = {
        "administrativeGender": traits.gender,
        "city": traits.city,
        "country": traits.country,
        "familyName": traits.family,
        "givenName": traits.given,
        "postalCode": traits.postal_code,
        "streetAddress": traits.street,
    }
    # A day without an offset: no time zone can move it.
    return {key: value for key, value in texts.items() if value} | {
        "birthDate": datetime(birth.year, birth.month, birth.day) if birth else None,  # noqa: DTZ001
        "patientId": [{"root": root, "extension": extension} for root, extension in traits.identifiers],
    }


def patient(country_code: str, found: Any, warnings: tuple[str, ...], partial: str) -> Patient:
    """A person as read; ``partial`` is a birth date that is no whole day."""
    identifier = next(iter(found.patientId or ()), None)
    birth = found.birthDate
    return Patient(
        country=country_code,
        root=(identifier.root if identifier else None) or "",
        extension=(identifier.extension if identifier else None) or "",
        family=found.familyName or "",
        given=found.givenName or "",
        gender=found.administrativeGender or "",
        birth_date=_day(birth) if birth else partial,
        street=found.streetAddress or "",
        postal_code=found.postalCode or "",
        city=found.city or "",
        address_country=found.country or "",
        telephone=found.telephone or "",
        email=found.email or "",
        warnings=warnings,
    )


def _day(value: date) -> str:
    return value.isoformat()[:10]


def _document(country_code: str, listed: Any) -> Document:
    # An empty element comes as None.
    authors = ((author.person or "").strip() for author in listed.authors or () if author is not None)
    return Document(
        country=country_code,
        unique_id=listed.uuid or "",
        repository_id=listed.repositoryId or "",
        home_community_id=listed.hcid or "",
        class_code=(listed.classCode.nodeRepresentation if listed.classCode else None) or "",
        format_code=(listed.formatCode.nodeRepresentation if listed.formatCode else None) or "",
        mime_type=listed.mimeType or "",
        title=listed.title or "",
        description=listed.description or "",
        created=listed.creationDate,
        size=int(listed.size) if listed.size is not None else None,
        authors=tuple(author for author in authors if author),
        dispensable=bool(listed.dispensable),
    )


def pairs(country_code: str, listed: Iterable[Any]) -> list[DocumentPair]:
    """The two representations of a document as one pair, whichever comes first and whoever names the other."""
    entries = {each.uuid: each for each in listed}
    partner: dict[str, str] = {}
    for unique_id, each in entries.items():
        for other in each.associatedDocuments or ():
            if other is not None and other.uuid in entries and other.uuid != unique_id:
                partner[unique_id] = other.uuid
                partner.setdefault(other.uuid, unique_id)
    found: list[DocumentPair] = []
    seen: set[str] = set()
    for unique_id, each in entries.items():
        if unique_id in seen:
            continue
        together = [each, *([entries[partner[unique_id]]] if unique_id in partner else [])]
        seen.update(one.uuid for one in together)
        documents = [_document(country_code, one) for one in together]
        original = next((one for one in documents if one.format_code.lower() == _PDF_FORMAT), None)
        structured = next((one for one in documents if one is not original), None)
        found.append(DocumentPair(structured, original))
    return found
