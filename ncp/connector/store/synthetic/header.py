"""The CDA header of an invented or wrapped document, level 3 and level 1 alike (Wave 8, publication 2024-04-22)."""

from __future__ import annotations

from ncp.connector.store.patients import PatientFile
from ncp.connector.store.synthetic.facts import SYSTEMS, DocumentFacts, Organisation, Professional, SummaryFacts
from ncp.connector.store.synthetic.markup import Markup, el, join
from ncp.wire.ids import II
from xca.facts import LOINC

_TEMPLATES = {"L3": "1.3.6.1.4.1.12559.11.10.1.3.1.1.3", "L1": "1.3.6.1.4.1.12559.11.10.1.3.1.1.7"}
_PERSON_TEMPLATE = "1.3.6.1.4.1.19376.1.5.3.1.2.4"
_CONFIDENTIALITY = {"N": "normal", "R": "restricted", "V": "very restricted"}
_GENDERS = {"F": "Female", "M": "Male", "UN": "Undifferentiated"}
_CLASS_NAMES = {
    "60591-5": "Patient summary Document",
    "34105-7": "Hospital Discharge summary",
    "11502-2": "Laboratory report",
    "18748-4": "Diagnostic imaging study",
    "x-clinical-image": "Medical image",
}


def coded(tag: str, text: str, *content: str | None, xsi_type: str | None = None) -> Markup:
    """A coded element from ``system code display``."""
    system, code, display = text.split(" ", 2)
    oid, name = SYSTEMS[system]
    return el(tag, *content, xsi_type=xsi_type, code=code, codeSystem=oid, codeSystemName=name, displayName=display)


def ii(tag: str, identifier: II) -> Markup:
    return el(tag, root=identifier.root, extension=identifier.extension or None)


def twin_id(identifier: II) -> II:
    """The id of the level 1 representation of a document."""
    return II(identifier.root, f"{identifier.extension}.1") if identifier.extension else II(f"{identifier.root}.1")


def write_document(patient: PatientFile, facts: DocumentFacts, class_code: str, level: str, body: Markup) -> bytes:
    """The whole document. L1 and L3 of the same facts name the same national source, which links them."""
    own = facts.id.as_ii()
    source = II(own.root, f"{own.extension}.source")
    document = el(
        "ClinicalDocument",
        el("realmCode", code="EU"),
        el("typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040"),
        el("templateId", root=_TEMPLATES[level]),
        ii("id", own if level == "L3" or not isinstance(facts, SummaryFacts) else twin_id(own)),
        el("code", code=class_code, codeSystem=LOINC, codeSystemName="LOINC", displayName=_CLASS_NAMES[class_code]),
        el("title", facts.title),
        el("effectiveTime", value=facts.created),
        el(
            "confidentialityCode",
            code=facts.confidentiality,
            codeSystem="2.16.840.1.113883.5.25",
            codeSystemName="Confidentiality",
            displayName=_CONFIDENTIALITY[facts.confidentiality],
        ),
        el("languageCode", code=facts.language),
        _record_target(patient, facts.language),
        _author(facts, own.root),
        _custodian(facts.organisation, own.root),
        _legal_authenticator(facts, own.root),
        _preferred(facts),
        *(_contacts(facts) if isinstance(facts, SummaryFacts) else ()),
        _documentation(facts, own.root),
        el("relatedDocument", el("parentDocument", ii("id", source)), typeCode="XFRM"),
        el("component", body),
        xmlns="urn:hl7-org:v3",
        **{"xmlns:pharm": "urn:hl7-org:pharm", "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"},
    )
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + document.encode()


def _address(street: str, city: str, postal_code: str, country: str) -> Markup:
    if not (street or city or postal_code or country):
        return el("addr", nullFlavor="NI")
    return el(
        "addr",
        el("streetAddressLine", street) if street else None,
        el("city", city) if city else None,
        el("postalCode", postal_code) if postal_code else None,
        el("country", country) if country else None,
    )


def _telecom(number: str, use: str, scheme: str = "tel") -> Markup:
    # A tel: URI has no blanks (RFC 3966).
    return (
        el("telecom", use=use, value=f"{scheme}:{number.replace(' ', '-')}")
        if number
        else el("telecom", nullFlavor="NI")
    )


def _person_name(family: str, given: str, prefix: str = "") -> Markup:
    parts = [el("given", part) for part in given.split()]
    return el("name", el("prefix", prefix) if prefix else None, *parts, el("family", family))


def _record_target(patient: PatientFile, language: str) -> Markup:
    address = patient.address
    gender = (
        el(
            "administrativeGenderCode",
            code=patient.gender,
            codeSystem="2.16.840.1.113883.5.1",
            codeSystemName="AdministrativeGender",
            displayName=_GENDERS[patient.gender],
        )
        if patient.gender
        else el("administrativeGenderCode", nullFlavor="UNK")
    )
    role = el(
        "patientRole",
        *(ii("id", identifier.as_ii()) for identifier in patient.identifiers),
        _address(address.street, address.city, address.postal_code, address.country),
        _telecom(patient.telephone, "HP"),
        _telecom(patient.email, "HP", "mailto") if patient.email else None,
        el(
            "patient",
            _person_name(patient.family, patient.given, patient.prefix),
            gender,
            el("birthTime", value=patient.birth_date),
            el("languageCommunication", el("languageCode", code=language)),
        ),
    )
    return el("recordTarget", role)


def _organisation(tag: str, organisation: Organisation, root: str) -> Markup:
    return el(
        tag,
        el("id", root=root, extension=organisation.extension),
        el("name", organisation.name),
        _telecom(organisation.telephone, "WP"),
        _organisation_address(organisation),
    )


def _organisation_address(organisation: Organisation) -> Markup:
    return _address(organisation.street, organisation.city, organisation.postal_code, organisation.country)


def _author(facts: DocumentFacts, root: str) -> Markup:
    who = facts.author
    organisation = facts.organisation
    return el(
        "author",
        coded("functionCode", who.role) if who else None,
        el("time", value=facts.created),
        el(
            "assignedAuthor",
            el("id", root=root, extension=who.extension if who else "device"),
            _organisation_address(organisation),
            _telecom(organisation.telephone, "WP"),
            el("assignedPerson", _person_name(who.family, who.given))
            if who
            else el("assignedAuthoringDevice", el("softwareName", "Document store")),
            _organisation("representedOrganization", organisation, root),
        ),
    )


def _custodian(organisation: Organisation, root: str) -> Markup:
    return el(
        "custodian",
        el("assignedCustodian", _organisation("representedCustodianOrganization", organisation, root)),
    )


def _entity(who: Professional | None, organisation: Organisation, root: str) -> Markup:
    name = _person_name(who.family, who.given) if who else el("name", nullFlavor="NI")
    return el(
        "assignedEntity",
        el("id", root=root, extension=who.extension if who else "device"),
        _organisation_address(organisation),
        _telecom(organisation.telephone, "WP"),
        el("assignedPerson", name),
        _organisation("representedOrganization", organisation, root),
    )


def _legal_authenticator(facts: DocumentFacts, root: str) -> Markup:
    return el(
        "legalAuthenticator",
        el("time", value=facts.created),
        el("signatureCode", code="S"),
        _entity(facts.responsible, facts.organisation, root),
    )


def _preferred(facts: DocumentFacts) -> Markup:
    """The professional, or the organisation, that the patient prefers to be asked."""
    who = facts.author
    organisation = facts.organisation
    return el(
        "participant",
        el("templateId", root=_PERSON_TEMPLATE),
        el("functionCode", code="PCP", codeSystem="2.16.840.1.113883.5.88", displayName="primary care physician"),
        el(
            "associatedEntity",
            _organisation_address(organisation),
            _telecom(organisation.telephone, "WP"),
            el("associatedPerson", _person_name(who.family, who.given))
            if who
            else el("scopingOrganization", el("name", organisation.name)),
            classCode="PRS",
        ),
        typeCode="IND",
    )


def _contacts(facts: SummaryFacts) -> list[Markup]:
    return [
        el(
            "participant",
            el("templateId", root=_PERSON_TEMPLATE),
            el(
                "associatedEntity",
                coded("code", contact.relation) if contact.relation else None,
                el("addr", nullFlavor="NI"),
                _telecom(contact.telephone, "HP"),
                el("associatedPerson", _person_name(contact.family, contact.given)),
                classCode="ECON",
            ),
            typeCode="IND",
        )
        for contact in facts.contacts
    ]


def _documentation(facts: DocumentFacts, root: str) -> Markup:
    who = facts.author
    performer = (
        el("performer", coded("functionCode", who.role), _entity(who, facts.organisation, root), typeCode="PRF")
        if who
        else None
    )
    event = el(
        "serviceEvent",
        join(
            el("effectiveTime", el("low", nullFlavor="UNK"), el("high", value=facts.updated)),
            performer,
        ),
        classCode="PCPR",
        moodCode="EVN",
    )
    return el("documentationOf", event, typeCode="DOC")
