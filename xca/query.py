"""ITI-38 on the wire: AdhocQueryRequest and AdhocQueryResponse, read and written (ITI TF-2 3.18, 3.38).

Reads what OpenNCP 5 to 9, Denmark and Germany send, writes the strict form. Leaves the objects in the answer to
``xca.registry``, the meaning of an answer to ``xca.outcomes``, permission and patient binding to ``ncp.access``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml.etree import _Element

from ncp.wire.errors import Code, ConnectorError, PeerError, RequestError
from ncp.wire.ids import II, CountryCode, Oid, parse_cx
from ncp.wire.ids import oid as parse_oid
from ncp.wire.times import from_saml
from ncp.wire.xml import child
from xca.facts import (
    APPROVED,
    FIND_DOCUMENTS,
    LOINC,
    NS_QUERY,
    NS_RIM,
    NS_RS,
    ON_DEMAND_DOCUMENT,
    ORIGINAL_CLINICAL_DOCUMENTS,
    QUERY_BODY,
    QUERY_RESPONSE_BODY,
    QUERYABLE,
    STABLE_DOCUMENT,
    VALUE_MAX,
)
from xca.markup import quote
from xca.messages import (
    CrossGatewayQuery,
    CrossGatewayQueryResponse,
    DocumentEntry,
    DocumentFilter,
    RegistryError,
    ResponseStatus,
    Severity,
)
from xca.outcomes import generic_code, not_found, tells_nothing_found
from xca.parameters import read_codes, read_quoted, write_list, write_quoted
from xca.registry import Listing, read_objects, read_slots, write_objects, write_references, write_slot
from xca.registry_response import has_error, read_errors, read_status, write_errors

_PATIENT_ID = "$XDSDocumentEntryPatientId"
_STATUS = "$XDSDocumentEntryStatus"
_CLASS_CODE = "$XDSDocumentEntryClassCode"
_TYPE = "$XDSDocumentEntryType"
_CREATED_AFTER = "$XDSDocumentEntryFilterCreatedAfter"
_CREATED_BEFORE = "$XDSDocumentEntryFilterCreatedBefore"
_MAXIMUM_SIZE = "$XDSDocumentEntryFilterMaximumSize"
_READ = frozenset({_PATIENT_ID, _STATUS, _CLASS_CODE, _TYPE, _CREATED_AFTER, _CREATED_BEFORE, _MAXIMUM_SIZE})

_NARROWING = frozenset(
    f"$XDSDocumentEntry{name}"
    for name in (
        "TypeCode",
        "PracticeSettingCode",
        "CreationTimeFrom",
        "CreationTimeTo",
        "ServiceStartTimeFrom",
        "ServiceStartTimeTo",
        "ServiceStopTimeFrom",
        "ServiceStopTimeTo",
        "HealthcareFacilityTypeCode",
        "EventCodeList",
        "ConfidentialityCode",
        "AuthorPerson",
        "FormatCode",
    )
)
"""Slots of FindDocuments (ITI TF-2 3.18.4.1.2.3.7.1) that are not implemented: an answer may hold more than asked."""

_DIGITS_MAX = 18


# The request


def read_query(body: _Element, *, home: Oid | None) -> CrossGatewayQuery:
    """The question of an AdhocQueryRequest to the community ``home`` (None: a tool reads a message to anybody).

    Raises ``RequestError``: ``query.body``, ``query.id``, ``query.home``, ``query.class_code``, ``query.patient_id``,
    ``query.status``, ``query.filter``, ``query.on_demand``; ``docs/iti-38.md`` lists their codes.
    """
    if body.tag != QUERY_BODY:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "query.body")
    adhoc = child(body, f"{{{NS_RIM}}}AdhocQuery")
    if adhoc is None or adhoc.get("id", "").strip().lower() != FIND_DOCUMENTS:
        raise RequestError(Code.XDS_UNKNOWN_STORED_QUERY, "query.id")
    require_home(adhoc.get("home", ""), home, "query.home")
    slots = read_slots(adhoc)
    class_codes = _read_class_codes(slots.get(_CLASS_CODE, ()))
    patient = _read_patient(slots.get(_PATIENT_ID, ()))
    _refuse_on_demand_only(slots.get(_TYPE, ()))
    option = child(body, f"{{{NS_QUERY}}}ResponseOption")
    references = option is not None and option.get("returnType", "").strip() == "ObjectRef"
    return CrossGatewayQuery(
        patient,
        class_codes,
        _read_filter(slots),
        "ObjectRef" if references else "LeafClass",
        # A name that no profile has could be anything, even somebody's data: it is not repeated.
        tuple(name if name in _NARROWING else "unknown" for name in slots if name not in _READ),
        _read_statuses(slots.get(_STATUS)),
    )


def require_home(value: str, home: Oid | None, reason: str) -> None:
    """Refuses a home community id that is there and not ours (``XDSUnknownCommunity``)."""
    if not value.strip() or home is None:
        return
    try:
        ours = parse_oid(value) == home
    except ValueError:
        ours = False
    if not ours:
        raise RequestError(Code.XDS_UNKNOWN_COMMUNITY, reason)


def _read_class_codes(values: Sequence[str]) -> tuple[str, ...]:
    try:
        codes = read_codes([_bounded(value) for value in values], LOINC)
    except ValueError:
        codes = ()
    if not codes or not QUERYABLE.issuperset(codes):
        raise RequestError(Code.SERVICE_SIGNIFIER_UNKNOWN, "query.class_code")
    return codes


def _read_patient(values: Sequence[str]) -> II:
    try:
        (value,) = values
        (cx,) = read_quoted(_bounded(value))
        return parse_cx(cx)
    except ValueError:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "query.patient_id") from None


def _read_statuses(values: Sequence[str] | None) -> tuple[str, ...]:
    """The statuses asked for; approved where the slot is missing, as every peer means it.

    Blanks inside do not count: OpenNCP's test messages have one within the URN.
    """
    if values is None:
        return (APPROVED,)
    try:
        return tuple("".join(status.split()) for value in values for status in read_quoted(_bounded(value)))
    except ValueError:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "query.status") from None


def _refuse_on_demand_only(values: Sequence[str]) -> None:
    try:
        types = {type_.lower() for value in values for type_ in read_quoted(_bounded(value))}
    except ValueError:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "query.filter") from None
    if ON_DEMAND_DOCUMENT in types and STABLE_DOCUMENT not in types:
        raise RequestError(Code.ON_DEMAND_NOT_IMPLEMENTED, "query.on_demand")


def _read_filter(slots: Mapping[str, tuple[str, ...]]) -> DocumentFilter:
    try:
        size = _single(slots, _MAXIMUM_SIZE)
        if size and not (size.isascii() and size.isdigit() and len(size) <= _DIGITS_MAX):
            raise ValueError("not a number of bytes")
        created_after, created_before = _single(slots, _CREATED_AFTER), _single(slots, _CREATED_BEFORE)
        for instant in (created_after, created_before):
            if instant:
                from_saml(instant)
    except ValueError:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "query.filter") from None
    return DocumentFilter(created_after, created_before, int(size) if size else None)


def _single(slots: Mapping[str, tuple[str, ...]], name: str) -> str:
    """The one value of a filter slot, empty for no such slot; ``ValueError`` for several or an empty one."""
    if name not in slots:
        return ""
    (value,) = slots[name]
    if not value:
        raise ValueError("a filter without a value")
    return _bounded(value)


def _bounded(value: str) -> str:
    if len(value) > VALUE_MAX:
        raise ValueError("longer than ebRIM allows")
    return value


def write_query(query: CrossGatewayQuery) -> bytes:
    """AdhocQueryRequest, FindDocuments. Filters are written for original clinical documents only, as they are defined.

    Raises ``RequestError`` for a mixture of classes that peers refuse (``query.class_code``) and for a patient id that
    does not fit into a slot (``query.patient_id``).
    """
    original = all(code in ORIGINAL_CLINICAL_DOCUMENTS for code in query.class_codes)
    if not query.class_codes or not (original or len(query.class_codes) == 1):
        raise RequestError(Code.SERVICE_SIGNIFIER_UNKNOWN, "query.class_code")
    patient = write_quoted(query.patient.as_cx())
    if len(patient) > VALUE_MAX or not query.patient.root or not query.patient.extension:
        raise RequestError(Code.ARGUMENT_NOT_EVALUABLE, "query.patient_id")
    slots = [
        (_PATIENT_ID, patient),
        (_STATUS, write_list(query.statuses)),
        (_CLASS_CODE, write_list([f"{code}^^{LOINC}" for code in query.class_codes])),
    ]
    if original:
        size = query.filter.maximum_size
        slots.append((_CREATED_AFTER, query.filter.created_after))
        slots.append((_CREATED_BEFORE, query.filter.created_before))
        slots.append((_MAXIMUM_SIZE, "" if size is None else str(size)))
    written = "".join(write_slot(name, value) for name, value in slots if value)
    return (
        f'<query:AdhocQueryRequest xmlns:query="{NS_QUERY}" xmlns:rim="{NS_RIM}">'
        f'<query:ResponseOption returnComposedObjects="true" returnType="{quote(query.return_type)}"/>'
        f'<rim:AdhocQuery id="{FIND_DOCUMENTS}">{written}</rim:AdhocQuery></query:AdhocQueryRequest>'
    ).encode()


# The answer


def read_query_response(body: _Element) -> CrossGatewayQueryResponse:
    """An AdhocQueryResponse of any peer; ``PeerError`` (``response.body``) for another element."""
    if body.tag != QUERY_RESPONSE_BODY:
        raise PeerError(Code.GENERIC, "response.body")
    objects = child(body, f"{{{NS_RIM}}}RegistryObjectList")
    entries, associations, notes = ((), (), ()) if objects is None else read_objects(objects)
    return CrossGatewayQueryResponse(read_status(body), entries, associations, read_errors(body), notes)


def write_query_response(
    query: CrossGatewayQuery,
    entries: Sequence[DocumentEntry],
    *,
    home: Oid,
    country: CountryCode,
    country_name: str = "",
    errors: Sequence[RegistryError] = (),
    status: ResponseStatus | None = None,
) -> bytes:
    """The answer to a query that was permitted: entries, XFRM associations of twins, errors of classes that failed.

    Without entries and errors it says that nothing was found. The status follows from both unless given: Failure for an
    Error when nothing or one class was asked, PartialSuccess for an Error beside classes that worked. A Failure lists
    nothing. A code that says "not found" is left out beside documents, since peers hide the documents then.

    Raises ``ConnectorError`` (``entry.…``) when an entry is not of the asked patient, not of an asked class, or lacks
    what the metadata must have: an answer that looks wrong is not sent.
    """
    for entry in entries:
        if entry.class_code not in query.class_codes:
            raise ConnectorError(generic_code(query.class_codes[0]), "entry.class_code")
    listed = list(entries) if APPROVED in query.statuses else []
    if not listed and not errors:
        errors = nothing_found(query.class_codes)
    if listed:
        errors = [error for error in errors if not tells_nothing_found(error.code)]
    status = status or _status_of(query, listed, errors)
    if status is ResponseStatus.FAILURE:
        return write_query_failure(errors, home=home)
    listing = Listing(query.patient, home, country, country_name)
    write = write_references if query.return_type == "ObjectRef" else write_objects
    return _write_response(status, errors, write(listed, listing), home)


def _status_of(
    query: CrossGatewayQuery, listed: Sequence[DocumentEntry], errors: Sequence[RegistryError]
) -> ResponseStatus:
    if not has_error(errors):
        return ResponseStatus.SUCCESS
    worked = bool(listed) or any(error.severity is Severity.WARNING for error in errors)
    if worked and len(query.class_codes) > 1:
        return ResponseStatus.PARTIAL_SUCCESS
    return ResponseStatus.FAILURE


def write_query_failure(errors: Sequence[RegistryError], *, home: Oid) -> bytes:
    """Failure with its errors and an empty list; at least one error, since a failure without a reason helps nobody."""
    if not errors:
        raise ValueError("a failure needs an error")
    return _write_response(ResponseStatus.FAILURE, errors, "", home)


def nothing_found(class_codes: Sequence[str]) -> tuple[RegistryError, ...]:
    """The Warnings that say that the patient has no document of these classes; each code once."""
    codes = dict.fromkeys(not_found(class_code) for class_code in class_codes)
    return tuple(RegistryError(code, _NOTHING_TEXTS.get(code, code.text), Severity.WARNING) for code in codes)


_NOTHING_TEXTS = {
    # The code's own text is the one for a retrieval.
    Code.NO_ORCD: "There is no original clinical data of the requested type registered for the given patient."
}


def _write_response(status: ResponseStatus, errors: Sequence[RegistryError], objects: str, home: Oid) -> bytes:
    # The list is always there: the schema wants it, and older OpenNCP clients fail without.
    return (
        f'<query:AdhocQueryResponse xmlns:query="{NS_QUERY}" xmlns:rim="{NS_RIM}" xmlns:rs="{NS_RS}" '
        f'status="{status.value}">{write_errors(errors, home)}'
        f"<rim:RegistryObjectList>{objects}</rim:RegistryObjectList></query:AdhocQueryResponse>"
    ).encode()
