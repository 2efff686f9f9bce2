"""OpenNCP's client connector: five operations, the same types in both namespaces, local elements unqualified.

Knows OpenNCP's types and the rules of its operations. Leaves to the port what they mean, to ``replies`` the faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from ncp.frontend import days, documents, inputs
from ncp.frontend.binding import Binding, Conversation, model
from ncp.frontend.contracts import Contract
from ncp.frontend.port import FetchedDocument, NcpB
from ncp.frontend.spyne_import import Boolean, ByteArray, Integer, ServiceBase, Unicode, rpc
from ncp.wire.errors import Code, RequestError
from ncp.wire.ids import II, urn_oid
from xca.facts import LOINC
from xca.messages import DocumentEntry, DocumentFilter, DocumentRequest
from xcpd.messages import Address, PatientSearch, Person

_GENDERS = frozenset(("F", "M", "UN"))
_IDENTIFIERS_MAX = 20
_CLASS_CODES_MAX = 10


def client_connector(contract: Contract, ncp_b: NcpB, zone: ZoneInfo) -> Binding:
    """The operations in the namespace of ``contract``. ``zone`` is the time zone of the own country."""
    types = _types(contract.namespace)

    class ClientConnector(ServiceBase):  # type: ignore[misc]
        @rpc(_one(Unicode), _returns=_some(Unicode), _out_variable_name="return")
        def sayHello(ctx: Any, arg0: str) -> str:  # noqa: N802, N805
            if not contract.greets_without_assertion:
                inputs.require_assertion(ctx.udc.call)
            return f"Hello {arg0}"

        @rpc(_one(types.query_patient), _returns=_many(types.demographics), _out_variable_name="return")
        def queryPatient(ctx: Any, arg0: Any) -> list[Any]:  # noqa: N802, N805
            conversation: Conversation = ctx.udc
            call = inputs.require_assertion(conversation.call)
            search = _search(arg0.patientDemographics, zone)
            found = ncp_b.find_patient(call, inputs.country(arg0.countryCode), search)
            for match in found:
                conversation.warnings.extend(match.warnings)
            if len(found) == 1 and not days.midnight_of(found[0].person.birth_date, zone):
                conversation.birth_date = days.partial_day(found[0].person.birth_date)
            return [_demographics(types, match.person, zone) for match in found]

        @rpc(_one(types.query_documents), _returns=_many(types.document), _out_variable_name="return")
        def queryDocuments(ctx: Any, arg0: Any) -> list[Any]:  # noqa: N802, N805
            conversation: Conversation = ctx.udc
            call = inputs.require_assertion(conversation.call)
            asked = [(code.nodeRepresentation or "", code.schema or "", code.value or "") for code in arg0.classCode]
            class_codes = documents.class_codes_of([(code, schema) for code, schema, _ in asked])
            names = {code.strip(): name for code, _, name in asked}
            patient = inputs.identifier(arg0.patientId.root, arg0.patientId.extension)
            narrowed = DocumentFilter()
            if documents.is_original_clinical(class_codes) and arg0.filterParams is not None:
                narrowed = _filter(arg0.filterParams, zone)
            found = ncp_b.list_documents(call, inputs.country(arg0.countryCode), patient, class_codes, narrowed)
            conversation.warnings.extend(found.warnings)
            return [
                _document(types, entry, names, [] if twin is None else [_associated(types, twin, names)])
                for entry, twin in documents.paired(found.entries)
            ]

        @rpc(_one(types.retrieve_document), _returns=_some(types.document), _out_variable_name="return")
        def retrieveDocument(ctx: Any, arg0: Any) -> Any:  # noqa: N802, N805
            conversation: Conversation = ctx.udc
            call = inputs.require_assertion(conversation.call)
            code, wanted = arg0.classCode, arg0.documentId
            class_code = documents.class_code_of(code.nodeRepresentation or "", code.schema or "")
            request = inputs.document_request(arg0.homeCommunityId, wanted.repositoryUniqueId, wanted.documentUniqueId)
            fetched = ncp_b.retrieve_document(
                call, inputs.country(arg0.countryCode), request, class_code, inputs.language(arg0.targetLanguage)
            )
            conversation.warnings.extend(fetched.warnings)
            conversation.translation = fetched.translation
            return _fetched(types, fetched, request, {class_code: code.value or ""}, class_code)

        @rpc(_one(types.submit_document), _returns=_some(Unicode), _out_variable_name="responseStatus")
        def submitDocument(ctx: Any, arg0: Any) -> str:  # noqa: N802, N805
            inputs.require_assertion(ctx.udc.call)
            raise RequestError(
                Code.GENERIC, "operation.not_offered", message="submitDocument is not offered by this gateway"
            )

    return Binding(contract, [ClientConnector])


def _one(kind: Any) -> Any:
    """An element that must be there. Local elements stand in no namespace."""
    return kind.customize(min_occurs=1, nillable=False, sub_ns="")


def _some(kind: Any) -> Any:
    return kind.customize(min_occurs=0, sub_ns="")


def _many(kind: Any, least: int = 0, most: Any = "unbounded") -> Any:
    return kind.customize(min_occurs=least, max_occurs=most, sub_ns="")


def _types(namespace: str) -> SimpleNamespace:
    """The types of OpenNCP's schema that operations read or write, in schema order. Dates stay text: ``days`` reads
    them by the contract's own rules."""

    def made(type_name: str, /, **members: Any) -> Any:
        return model(namespace, type_name, list(members.items()))

    text = _some(Unicode)
    code = made("genericDocumentCode", nodeRepresentation=text, schema=text, value=text)
    patient_id = made("patientId", root=text, extension=text)
    demographics = made(
        "patientDemographics",
        administrativeGender=text,
        birthDate=text,
        city=text,
        country=text,
        email=text,
        familyName=text,
        givenName=text,
        postalCode=text,
        streetAddress=text,
        telephone=text,
        patientId=_many(patient_id, most=_IDENTIFIERS_MAX),
    )
    document_id = made("documentId", repositoryUniqueId=text, documentUniqueId=text)
    author = made("author", person=text, specialty=_many(Unicode))
    reason = made("reasonOfHospitalisation", code=text, text=text)
    narrowing = made("filterParams", createdBefore=text, createdAfter=text, maximumSize=_some(Integer))
    head: dict[str, Any] = {
        "classCode": _some(code),
        "creationDate": text,
        "eventDate": text,
        "description": text,
        "formatCode": _some(code),
        "mimeType": text,
        "size": _some(Integer),
        "title": text,
        "uuid": text,
        "submissionSetId": text,
        "hcid": text,
        "repositoryId": text,
        "base64Binary": _some(ByteArray),
        "authors": _many(author),
        "reasonOfHospitalisation": _some(reason),
    }
    tail: dict[str, Any] = {
        "atcCode": text,
        "atcText": text,
        "doseFormCode": text,
        "doseFormText": text,
        "strength": text,
        "substitution": text,
        "dispensable": _one(Boolean),
    }
    # An associated document names no further ones, so no type needs to hold itself.
    associated = made("associatedDocument", **head, **tail)
    return SimpleNamespace(
        code=code,
        patient_id=patient_id,
        demographics=demographics,
        author=author,
        reason=reason,
        associated=associated,
        document=made("epsosDocument", **head, associatedDocuments=_many(associated), **tail),
        query_patient=made("queryPatientRequest", countryCode=_one(Unicode), patientDemographics=_one(demographics)),
        query_documents=made(
            "queryDocumentRequest",
            countryCode=_one(Unicode),
            patientId=_one(patient_id),
            classCode=_many(code, least=1, most=_CLASS_CODES_MAX),
            filterParams=_some(narrowing),
        ),
        retrieve_document=made(
            "retrieveDocumentRequest",
            countryCode=_one(Unicode),
            homeCommunityId=_one(Unicode),
            documentId=_one(document_id),
            classCode=_one(code),
            targetLanguage=_one(Unicode),
        ),
        submit_document=made("submitDocumentRequest", countryCode=_one(Unicode)),
    )


def _search(traits: Any, zone: ZoneInfo) -> PatientSearch:
    """Identity traits. Telephone and e-mail are no traits of ITI-55 and are not sent."""
    gender = (traits.administrativeGender or "").strip().upper()
    if gender and gender not in _GENDERS:
        raise inputs.refused("request.gender", "administrativeGender must be F, M or UN")
    birth_date = (traits.birthDate or "").strip()
    try:
        birth_date = days.day_of(birth_date, zone) if birth_date else ""
    except ValueError:
        raise inputs.refused("request.birth_date", "birthDate must be an xs:dateTime") from None
    identifiers = tuple(
        inputs.identifier(each.root, each.extension)
        for each in traits.patientId or ()
        if (each.root or "").strip() or (each.extension or "").strip()
    )
    return PatientSearch(
        identifiers=identifiers,
        family=(traits.familyName or "").strip(),
        given=(traits.givenName or "").strip(),
        gender=gender,
        birth_date=birth_date,
        address=Address(
            street=(traits.streetAddress or "").strip(),
            city=(traits.city or "").strip(),
            postal_code=(traits.postalCode or "").strip(),
            country=(traits.country or "").strip(),
        ),
    )


def _filter(narrowing: Any, zone: ZoneInfo) -> DocumentFilter:
    if narrowing.maximumSize is not None and narrowing.maximumSize < 0:
        raise inputs.refused("request.filter", "maximumSize must not be negative")
    try:
        return DocumentFilter(
            created_after=days.filter_instant(narrowing.createdAfter, zone) if narrowing.createdAfter else "",
            created_before=days.filter_instant(narrowing.createdBefore, zone) if narrowing.createdBefore else "",
            maximum_size=narrowing.maximumSize,
        )
    except ValueError:
        raise inputs.refused("request.filter", "createdAfter and createdBefore must be xs:dateTime") from None


def _demographics(types: SimpleNamespace, person: Person, zone: ZoneInfo) -> Any:
    return types.demographics(
        administrativeGender=person.gender or None,
        birthDate=days.midnight_of(person.birth_date, zone) or None,
        city=person.address.city or None,
        country=person.address.country or None,
        email=person.email or None,
        familyName=person.family or None,
        givenName=person.given or None,
        postalCode=person.address.postal_code or None,
        streetAddress=person.address.street or None,
        telephone=person.telephone or None,
        patientId=[types.patient_id(root=person.id.root, extension=person.id.extension)],
    )


def _document(types: SimpleNamespace, entry: DocumentEntry, names: Mapping[str, str], associated: list[Any]) -> Any:
    """A list entry; ``names`` are the values the portal wrote beside its class codes, which it gets back."""
    return types.document(**_metadata(types, entry, names), associatedDocuments=associated or None)


def _associated(types: SimpleNamespace, entry: DocumentEntry, names: Mapping[str, str]) -> Any:
    return types.associated(**_metadata(types, entry, names))


def _metadata(types: SimpleNamespace, entry: DocumentEntry, names: Mapping[str, str]) -> dict[str, Any]:
    events = documents.events_of(entry)
    title = documents.TITLES.get(entry.class_code, documents.UNKNOWN_TITLE)
    reason = None
    if events.hospitalisation_code or events.hospitalisation_text:
        reason = types.reason(code=events.hospitalisation_code or None, text=events.hospitalisation_text or None)
    return {
        "classCode": types.code(
            nodeRepresentation=entry.class_code, schema=LOINC, value=names.get(entry.class_code) or title
        ),
        "creationDate": days.instant_of(entry.creation_time) or None,
        "eventDate": days.instant_of(entry.service_start_time) or None,
        "description": entry.description or None,
        "formatCode": types.code(
            nodeRepresentation=entry.format_code,
            schema=documents.format_scheme(entry.format_code),
            value=entry.format_code,
        )
        if entry.format_code
        else None,
        "mimeType": entry.mime_type or None,
        "size": entry.size,
        "title": title,
        "uuid": entry.unique_id,
        "hcid": urn_oid(entry.home_community_id) if entry.home_community_id else None,
        "repositoryId": entry.repository_id or None,
        "authors": [
            types.author(person=author.person or None, specialty=list(author.specialties) or None)
            for author in entry.authors
            if author.person or author.specialties
        ]
        or None,
        "reasonOfHospitalisation": reason,
        "atcCode": events.atc_code or None,
        "atcText": events.atc_text or None,
        "doseFormCode": events.dose_form_code or None,
        "doseFormText": events.dose_form_text or None,
        "strength": events.strength or None,
        "substitution": events.substitution or None,
        "dispensable": events.dispensable,
    }


def _fetched(
    types: SimpleNamespace,
    fetched: FetchedDocument,
    request: DocumentRequest,
    names: Mapping[str, str],
    class_code: str,
) -> Any:
    """The document itself. The ids are the ones asked for, whatever the metadata say."""
    entry = fetched.entry or DocumentEntry(
        unique_id=request.document_unique_id,
        repository_id=request.repository_unique_id,
        home_community_id=request.home_community_id,
        patient=II(""),
        class_code=class_code,
        format_code="",
    )
    values = _metadata(types, entry, names) | {
        "uuid": request.document_unique_id,
        "repositoryId": request.repository_unique_id,
        "hcid": request.home_community_id,
        "mimeType": fetched.mime_type,
        "size": len(fetched.content),
        "base64Binary": [fetched.content],
    }
    return types.document(**values)
