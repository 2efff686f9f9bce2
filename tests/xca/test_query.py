"""ITI-38 requests: what is sent, what is accepted from which peer, what is refused with which code."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.errors import RequestError
from ncp.wire.ids import II, Oid
from ncp.wire.xml import parse
from tests.support.xca import HOME, PATIENT, PS, assert_valid, broken_query_rules, mutated, queries, query, unhurried
from xca.messages import CrossGatewayQuery, DocumentFilter
from xca.query import read_query, write_query

APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
LOINC = "2.16.840.1.113883.6.1"
PATIENT_SLOT = ("$XDSDocumentEntryPatientId", "'PAT-0001^^^&amp;1.2.3.4.5&amp;ISO'")
STATUS_SLOT = ("$XDSDocumentEntryStatus", f"('{APPROVED}')")
CLASS_SLOT = ("$XDSDocumentEntryClassCode", f"('60591-5^^{LOINC}')")
ORCD_SLOT = ("$XDSDocumentEntryClassCode", f"('11502-2^^{LOINC}')")


def request(
    *slots: tuple[str, ...],
    id: str = "urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d",
    home: str = "",
    option: str = '<query:ResponseOption returnComposedObjects="true" returnType="LeafClass"/>',
) -> bytes:
    """An AdhocQueryRequest of slots (name, value, …)."""
    written = "".join(
        f'<rim:Slot name="{name}"><rim:ValueList>'
        + "".join(f"<rim:Value>{value}</rim:Value>" for value in values)
        + "</rim:ValueList></rim:Slot>"
        for name, *values in slots
    )
    return (
        '<query:AdhocQueryRequest xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" '
        f'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">{option}'
        f'<rim:AdhocQuery id="{id}"{home}>{written}</rim:AdhocQuery></query:AdhocQueryRequest>'
    ).encode()


def read(message: bytes, home: str | None = HOME) -> CrossGatewayQuery:
    return read_query(parse(message), home=None if home is None else Oid(home))


def refusal(message: bytes) -> tuple[str, str]:
    with pytest.raises(RequestError) as refused:
        read(message)
    return refused.value.code, refused.value.reason


SIGNIFIER = ("ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN", "query.class_code")


# Writing


def test_the_request_of_the_profile_is_written_to_the_letter() -> None:
    # The form that every OpenNCP version accepts (docs/iti-38.md).
    expected = (
        '<query:AdhocQueryRequest xmlns:query="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" '
        'xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">'
        '<query:ResponseOption returnComposedObjects="true" returnType="LeafClass"/>'
        '<rim:AdhocQuery id="urn:uuid:14d4debf-8f97-4251-9a74-a90016b0af0d">'
        '<rim:Slot name="$XDSDocumentEntryPatientId"><rim:ValueList>'
        "<rim:Value>'PAT-0001^^^&amp;1.2.3.4.5&amp;ISO'</rim:Value></rim:ValueList></rim:Slot>"
        '<rim:Slot name="$XDSDocumentEntryStatus"><rim:ValueList>'
        "<rim:Value>('urn:oasis:names:tc:ebxml-regrep:StatusType:Approved')</rim:Value></rim:ValueList></rim:Slot>"
        '<rim:Slot name="$XDSDocumentEntryClassCode"><rim:ValueList>'
        "<rim:Value>('60591-5^^2.16.840.1.113883.6.1')</rim:Value></rim:ValueList></rim:Slot>"
        "</rim:AdhocQuery></query:AdhocQueryRequest>"
    )
    assert write_query(query()).decode() == expected


def test_filters_of_original_clinical_documents_follow_the_class_codes() -> None:
    asked = query(
        "34105-7",
        "11502-2",
        filter=DocumentFilter("2021-06-01T00:00:00Z", "2021-07-01T00:00:00Z", 5_000_000),
    )
    slots = etree.fromstring(write_query(asked)).findall(".//{*}Slot")
    assert [(slot.get("name"), slot.findtext(".//{*}Value")) for slot in slots[2:]] == [
        ("$XDSDocumentEntryClassCode", f"('34105-7^^{LOINC}','11502-2^^{LOINC}')"),
        ("$XDSDocumentEntryFilterCreatedAfter", "2021-06-01T00:00:00Z"),
        ("$XDSDocumentEntryFilterCreatedBefore", "2021-07-01T00:00:00Z"),
        ("$XDSDocumentEntryFilterMaximumSize", "5000000"),
    ]


def test_filters_are_not_sent_for_a_summary() -> None:
    assert b"Filter" not in write_query(query(filter=DocumentFilter(maximum_size=1)))


@pytest.mark.parametrize("class_codes", [("60591-5", "57833-6"), ("60591-5", "34105-7")])
def test_a_mixture_of_classes_is_not_sent(class_codes: tuple[str, ...]) -> None:
    with pytest.raises(RequestError) as refused:
        write_query(query(*class_codes))
    assert (refused.value.code, refused.value.reason) == SIGNIFIER


@pytest.mark.parametrize("patient", [II("1.2.3", "x" * 250), II("", "x"), II("1.2.3", "")])
def test_a_patient_id_that_fits_in_no_slot_is_not_sent(patient: II) -> None:
    with pytest.raises(RequestError) as refused:
        write_query(query(patient=patient))
    assert refused.value.reason == "query.patient_id"


@unhurried
@given(queries())
def test_what_is_written_is_read_back_and_pleases_the_checkers(asked: CrossGatewayQuery) -> None:
    message = write_query(asked)
    assert read(message) == asked
    assert broken_query_rules(message) == []


@unhurried
@given(queries())
def test_every_request_is_valid_against_the_schema(asked: CrossGatewayQuery) -> None:
    assert_valid(write_query(asked))


def test_the_checker_notices_a_broken_request() -> None:
    good = write_query(query())
    for old, new, rule in (
        (b'returnComposedObjects="true"', b'returnComposedObjects="false"', "returnComposedObjects"),
        (b"('60591-5", b"( '60591-5", "class codes"),
        (b"'PAT-0001^^^", b"PAT-0001^^^", "patient id"),
        (b"$XDSDocumentEntryStatus", b"$XDSDocumentEntryState", "exactly one Status"),
    ):
        assert rule in broken_query_rules(good.replace(old, new))


# Reading


def test_absent_home_is_the_normal_form() -> None:
    assert read(request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT)) == query()


@pytest.mark.parametrize("home", [f"urn:oid:{HOME}", HOME, ""])
def test_our_own_home_community_id_is_accepted(home: str) -> None:
    assert read(request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT, home=f' home="{home}"')) == query()


@pytest.mark.parametrize("home", ["urn:oid:1.2.3", "1.2.3", f"urn:oid:{HOME}.1", "nonsense"])
def test_another_community_is_refused(home: str) -> None:
    message = request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT, home=f' home="{home}"')
    assert refusal(message) == ("XDSUnknownCommunity", "query.home")


@pytest.mark.parametrize("id", ["urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", "", "14d4debf"])
def test_another_stored_query_is_refused(id: str) -> None:
    message = request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT, id=id)
    assert refusal(message) == ("XDSUnknownStoredQuery", "query.id")


def test_a_request_without_a_query_is_refused() -> None:
    message = b'<q:AdhocQueryRequest xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"/>'
    assert refusal(message) == ("XDSUnknownStoredQuery", "query.id")


def test_another_element_is_refused() -> None:
    assert refusal(b"<x/>") == ("4204", "query.body")


@pytest.mark.parametrize(
    "slot",
    [
        (),
        ("$XDSDocumentEntryClassCode", "('60591-5')"),
        ("$XDSDocumentEntryClassCode", f"('99999-9^^{LOINC}')"),
        ("$XDSDocumentEntryClassCode", "('60591-5^^1.2.3')"),
        ("$XDSDocumentEntryClassCode",),
        ("$XDSDocumentEntryClassCode", ""),
        ("$XDSDocumentEntryClassCode", f"60591-5^^{LOINC}"),
        ("$XDSDocumentEntryClassCode", f"('60591-5^^{LOINC}','99999-9^^{LOINC}')"),
        ("$XDSDocumentEntryClassCode", f"('60591-5^^{LOINC}{' ' * 300}')"),
    ],
    ids=[
        "no slot",
        "no scheme",
        "unknown code",
        "another scheme",
        "no value",
        "empty value",
        "no quotes",
        "one good, one unknown",
        "too long",
    ],
)
def test_a_bad_class_code_is_an_error_of_its_own_and_never_a_fault(slot: tuple[str, ...]) -> None:
    assert refusal(request(PATIENT_SLOT, STATUS_SLOT, *([slot] if slot else []))) == SIGNIFIER


@pytest.mark.parametrize("code", ["56445-0", "60593-1", "DISCARD-60593-1", "57016-8", "34133-9"])
def test_a_class_that_is_not_listed_is_not_supported(code: str) -> None:
    slot = ("$XDSDocumentEntryClassCode", f"('{code}^^{LOINC}')")
    assert refusal(request(PATIENT_SLOT, STATUS_SLOT, slot)) == SIGNIFIER


@pytest.mark.parametrize(
    "slots",
    [
        [("$XDSDocumentEntryClassCode", f"('34105-7^^{LOINC}','11502-2^^{LOINC}')")],
        [("$XDSDocumentEntryClassCode", f"('34105-7^^{LOINC},11502-2^^{LOINC}')")],
        [("$XDSDocumentEntryClassCode", f"('34105-7^^{LOINC}')", f"('11502-2^^{LOINC}')")],
        [
            ("$XDSDocumentEntryClassCode", f"('34105-7^^{LOINC}')"),
            ("$XDSDocumentEntryClassCode", f"('11502-2^^{LOINC}')"),
        ],
    ],
    ids=["one list", "one pair of quotes", "two values", "two slots"],
)
def test_several_class_codes_are_read_in_every_form(slots: list[tuple[str, ...]]) -> None:
    assert read(request(PATIENT_SLOT, STATUS_SLOT, *slots)).class_codes == ("34105-7", "11502-2")


@pytest.mark.parametrize(
    "values",
    [
        None,
        (),
        ("",),
        ("PAT-0001^^^&amp;1.2.3.4.5&amp;ISO",),
        ("'PAT-0001^^^&amp;1.2.3.4.5&amp;ISO'", "'PAT-0002^^^&amp;1.2.3.4.5&amp;ISO'"),
        ("('PAT-0001^^^&amp;1.2.3.4.5&amp;ISO','PAT-0002^^^&amp;1.2.3.4.5&amp;ISO')",),
        ("'^^^&amp;1.2.3.4.5&amp;ISO'",),
        ("'PAT-0001^^^&amp;&amp;ISO'",),
        ("'PAT-0001^^^&amp;1.2.3.4.5&amp;L'",),
        ("'PAT-0001^^^MY-HOSPITAL&amp;1.2.3.4.5&amp;ISO'",),
        ("'PAT-0001'",),
        (f"'{'x' * 260}^^^&amp;1.2.3.4.5&amp;ISO'",),
    ],
)
def test_the_patient_id_must_be_one_whole_identifier(values: tuple[str, ...] | None) -> None:
    slots = [] if values is None else [("$XDSDocumentEntryPatientId", *values)]
    assert refusal(request(*slots, STATUS_SLOT, CLASS_SLOT)) == ("4204", "query.patient_id")


def test_two_patient_slots_are_refused() -> None:
    assert refusal(request(PATIENT_SLOT, PATIENT_SLOT, CLASS_SLOT)) == ("4204", "query.patient_id")


@pytest.mark.parametrize(
    ("value", "extension"),
    [
        ("'X110571344|ABC123^^^&amp;1.2.3.4.5&amp;ISO'", "X110571344|ABC123"),
        ("'O''Brien^^^&amp;1.2.3.4.5&amp;ISO'", "O'Brien"),
        ("('PAT-0001^^^&amp;1.2.3.4.5&amp;ISO')", "PAT-0001"),
        ("' PAT-0001^^^&amp;1.2.3.4.5&amp;ISO '", "PAT-0001"),
        ("'PAT%*^^^&amp;1.2.3.4.5&amp;ISO'", "PAT%*"),
    ],
    ids=["access code", "doubled quote", "parentheses", "blanks around", "wildcards are characters"],
)
def test_the_extension_is_read_character_for_character(value: str, extension: str) -> None:
    message = request(("$XDSDocumentEntryPatientId", value), STATUS_SLOT, CLASS_SLOT)
    assert read(message).patient == II("1.2.3.4.5", extension)


def test_a_comment_inside_a_value_hides_nothing() -> None:
    value = "'PAT-<!-- -->0001^^^&amp;1.2.3.4.5&amp;ISO'"
    assert read(request(("$XDSDocumentEntryPatientId", value), CLASS_SLOT)).patient == PATIENT


@pytest.mark.parametrize(
    ("option", "return_type"),
    [
        ('<query:ResponseOption returnType="ObjectRef"/>', "ObjectRef"),
        ('<query:ResponseOption returnType="LeafClassWithRepositoryItem"/>', "LeafClass"),
        ('<query:ResponseOption returnType="RegistryObject"/>', "LeafClass"),
        ("<query:ResponseOption/>", "LeafClass"),
        ("", "LeafClass"),
    ],
)
def test_only_object_references_are_another_return_type(option: str, return_type: str) -> None:
    assert read(request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT, option=option)).return_type == return_type


def test_the_status_may_be_missing_or_hold_the_blank_of_openncp() -> None:
    blank = ("$XDSDocumentEntryStatus", "('urn:oasis:names:tc:ebxml-regrep: StatusType:Approved')")
    assert read(request(PATIENT_SLOT, CLASS_SLOT)).statuses == (APPROVED,)
    assert read(request(PATIENT_SLOT, blank, CLASS_SLOT)).statuses == (APPROVED,)


def test_another_status_is_kept_and_an_unreadable_one_refused() -> None:
    deprecated = ("$XDSDocumentEntryStatus", "('urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated')")
    assert read(request(PATIENT_SLOT, deprecated, CLASS_SLOT)).statuses == (
        "urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated",
    )
    unquoted = ("$XDSDocumentEntryStatus", APPROVED)
    assert refusal(request(PATIENT_SLOT, unquoted, CLASS_SLOT)) == ("4204", "query.status")


def test_filters_are_read() -> None:
    message = request(
        PATIENT_SLOT,
        STATUS_SLOT,
        ORCD_SLOT,
        ("$XDSDocumentEntryFilterCreatedAfter", "2021-06-01T00:00:00Z"),
        ("$XDSDocumentEntryFilterCreatedBefore", "2021-07-01T02:00:00.123+02:00"),
        ("$XDSDocumentEntryFilterMaximumSize", "5000000"),
    )
    assert read(message).filter == DocumentFilter("2021-06-01T00:00:00Z", "2021-07-01T02:00:00.123+02:00", 5_000_000)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("MaximumSize", ("5 MB",)),
        ("MaximumSize", ("-1",)),
        ("MaximumSize", ("1e3",)),
        ("MaximumSize", ("٣",)),
        ("MaximumSize", ("9" * 19,)),
        ("MaximumSize", ("1", "2")),
        ("MaximumSize", ("",)),
        ("CreatedAfter", ("yesterday",)),
        ("CreatedAfter", ("2021-06-01",)),
        ("CreatedAfter", ("2021-02-30T00:00:00Z",)),
        ("CreatedBefore", ("2021-06-01T00:00:00",)),
        ("CreatedBefore", ("20210601000000",)),
        ("CreatedBefore", ()),
    ],
)
def test_a_filter_that_cannot_be_read_is_an_error_and_never_ignored(name: str, values: tuple[str, ...]) -> None:
    slot = (f"$XDSDocumentEntryFilter{name}", *values)
    assert refusal(request(PATIENT_SLOT, STATUS_SLOT, ORCD_SLOT, slot)) == ("4204", "query.filter")


ON_DEMAND = "urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248"
STABLE = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"


def test_asking_for_on_demand_documents_only_is_refused() -> None:
    slot = ("$XDSDocumentEntryType", f"('{ON_DEMAND}')")
    assert refusal(request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT, slot)) == ("4205", "query.on_demand")


@pytest.mark.parametrize(
    "values", [(f"('{STABLE}')",), (f"('{STABLE}','{ON_DEMAND}')",), (f"('{ON_DEMAND}')", f"('{STABLE}')")]
)
def test_asking_for_stable_documents_too_is_answered(values: tuple[str, ...]) -> None:
    assert read(request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT, ("$XDSDocumentEntryType", *values))) == query()


def test_narrowing_slots_that_are_not_implemented_are_named_and_others_are_not_repeated() -> None:
    asked = read(
        request(
            PATIENT_SLOT,
            STATUS_SLOT,
            CLASS_SLOT,
            ("$XDSDocumentEntryFormatCode", "('urn:epSOS:ps:ps:2010^^eHDSI formatCodes')"),
            ("$PatientErikaMuster", "'1970'"),
        )
    )
    assert asked.ignored_slots == ("$XDSDocumentEntryFormatCode", "unknown")


def test_a_tool_may_read_a_message_to_any_community() -> None:
    message = request(PATIENT_SLOT, STATUS_SLOT, CLASS_SLOT, home=' home="urn:oid:1.2.3"')
    assert read(message, home=None).class_codes == (PS,)


def test_neither_question_nor_refusal_shows_the_patient() -> None:
    assert "PAT-0001" not in repr(query())
    with pytest.raises(RequestError) as refused:
        read(request(("$XDSDocumentEntryPatientId", "'PAT-0001'"), CLASS_SLOT))
    assert "PAT-0001" not in f"{refused.value!r} {refused.value.message} {refused.value.context}"
    assert refused.value.__cause__ is None


@unhurried
@given(st.data())
def test_mutated_requests_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    message = mutated(data, write_query(data.draw(queries())))
    if message is not None:
        with contextlib.suppress(RequestError):
            read_query(message, home=Oid(HOME))
