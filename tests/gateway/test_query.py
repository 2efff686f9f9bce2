"""ITI-38 over the wire: every situation of docs/iti-38.md, bad class codes, slots of every peer version."""

from __future__ import annotations

from typing import Any

import pytest

from ncp.wire.errors import Code, ConnectorError
from ncp.wire.ids import II, CountryCode
from tests.support.assertions import PERMISSION, RESOURCE_ID, SUBJECT_ID, attribute
from tests.support.peer_messages import (
    CLASS_SLOT,
    DISCHARGE,
    EP,
    HR,
    LABORATORY,
    PATIENT_SLOT,
    PS,
    QUERY,
    STATUS_SLOT,
    adhoc_query,
    class_slot,
    documents_of,
    message,
    multipart,
    patient_slot,
    slot,
)
from tests.support.peer_wire import RIM, Answer
from tests.support.scripted_gateway import L1, L3, OTHER, PATIENT, PERSON, ScriptedGateway, entry

pytestmark = pytest.mark.xdist_group("ncp-a")

LOINC = "2.16.840.1.113883.6.1"
NOTHING_ASKED: list[str] = []


def ask(gateway: ScriptedGateway, body: bytes, *assertions: bytes, country: str = "FR", **http: Any) -> Answer:
    assertions = assertions or gateway.log_in(country).treating(PATIENT)
    return gateway.peer(country).ask(QUERY, message(QUERY, body, *assertions), **http)


# --- status, empty results, failures ---------------------------------------------------------------------------------


def test_documents_are_listed_with_both_their_forms(ncp_a: ScriptedGateway) -> None:
    answer = ask(ncp_a, documents_of(PATIENT))
    assert (answer.xds_status, answer.errors) == ("Success", [])
    assert answer.entries == [L3, L1]
    assert ncp_a.connector.asked == ["consent", "find_documents"]
    permitted = ncp_a.connector.calls[1][1]
    assert (permitted.patient, permitted.query.class_codes) == (II(*PATIENT), (PS,))
    source, target = (
        {each.get("id"): each for each in answer.content.iter(f"{RIM}ExtrinsicObject")}[association]
        for association in next(
            (each.get("sourceObject"), each.get("targetObject")) for each in answer.content.iter(f"{RIM}Association")
        )
    )
    formats = [
        next(
            one.get("nodeRepresentation")
            for one in each.iter(f"{RIM}Classification")
            if one.get("classificationScheme") == "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d"
        )
        for each in (source, target)
    ]
    assert formats == ["urn:ihe:iti:xds-sd:pdf:2008", "urn:epSOS:ps:ps:2010"]


NOT_FOUND = {
    PS: "ERROR_PS_NOT_FOUND",
    EP: "ERROR_EP_NOT_FOUND",
    LABORATORY: "1104",
    DISCHARGE: "1104",
    "18748-4": "1104",
    "x-clinical-image": "1104",
}


@pytest.mark.parametrize("code", NOT_FOUND)
def test_no_document_is_a_success_with_a_warning(ncp_a: ScriptedGateway, code: str) -> None:
    ncp_a.connector.listed = ()
    answer = ask(ncp_a, documents_of(PATIENT, code))
    assert (answer.xds_status, answer.errors, answer.entries) == ("Success", [(NOT_FOUND[code], "W")], [])


def test_the_text_of_no_summary_is_the_one_clients_know(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.listed = ()
    answer = ask(ncp_a, documents_of(PATIENT))
    (error,) = answer.content.iter("{urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0}RegistryError")
    assert error.get("codeContext") == "No patient summary is registered for the given patient."
    assert error.get("location") == f"urn:oid:{HR}"


NATIONAL: dict[str, tuple[str, Exception, tuple[str, str]]] = {
    "the prescription registry is down": (EP, ConnectorError(Code.EP_REGISTRY_NOT_ACCESSIBLE, "x.down"), ("4103", "E")),
    "the summary registry is down": (
        PS,
        ConnectorError(Code.PS_REGISTRY_NOT_AVAILABLE, "x.down"),
        ("ERROR_PS_REGISTRY_NOT_AVAILABLE", "E"),
    ),
    "the registry of other documents is down": (
        LABORATORY,
        ConnectorError(Code.ORCD_GENERIC, "x.down"),
        ("ERROR_ORCD_GENERIC", "E"),
    ),
    "an exception, summary": (PS, RuntimeError(PERSON.family), ("ERROR_PS_GENERIC", "E")),
    "an exception, prescription": (EP, ValueError("123450987"), ("ERROR_EP_GENERIC", "E")),
    "an exception, laboratory": (LABORATORY, TimeoutError(), ("ERROR_ORCD_GENERIC", "E")),
}


@pytest.mark.parametrize("name", NATIONAL)
@pytest.mark.parametrize("when", ["listed", "allowed"])
def test_a_national_failure_is_a_failure_with_its_code(ncp_a: ScriptedGateway, name: str, when: str) -> None:
    code, failure, expected = NATIONAL[name]
    setattr(ncp_a.connector, when, failure)
    answer = ask(ncp_a, documents_of(PATIENT, code))
    assert (answer.xds_status, answer.errors, answer.entries) == ("Failure", [expected], [])


def test_the_national_sentence_stands_behind_the_text_of_the_code(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.listed = ConnectorError(Code.PS_GENERIC, "x", message="Closed on Sundays.", context="db7")
    answer = ask(ncp_a, documents_of(PATIENT))
    assert f"{Code.PS_GENERIC.text}^Closed on Sundays." in answer.body.decode()
    assert b"db7" not in answer.body


NO_CONSENT = {PS: "ERROR_PS_NO_CONSENT", EP: "ERROR_EP_NO_CONSENT", LABORATORY: "4701", DISCHARGE: "4701"}


@pytest.mark.parametrize("code", NO_CONSENT)
def test_without_consent_nothing_is_listed(ncp_a: ScriptedGateway, code: str) -> None:
    ncp_a.connector.allowed = False
    answer = ask(ncp_a, documents_of(PATIENT, code))
    assert (answer.xds_status, answer.errors, answer.entries) == ("Failure", [(NO_CONSENT[code], "E")], [])
    assert ncp_a.connector.asked == ["consent"]


def test_an_entry_of_somebody_else_is_never_sent(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.listed = (entry(L3, patient=OTHER),)
    answer = ask(ncp_a, documents_of(PATIENT))
    assert (answer.xds_status, answer.errors, answer.entries) == ("Failure", [("ERROR_PS_GENERIC", "E")], [])
    assert OTHER[1].encode() not in answer.body


def test_an_entry_of_another_class_is_never_sent(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.listed = (entry(L3, EP),)
    answer = ask(ncp_a, documents_of(PATIENT))
    assert (answer.xds_status, answer.entries) == ("Failure", [])


# --- class codes -----------------------------------------------------------------------------------------------------

BAD_CLASSES: dict[str, str] = {
    "no slot at all": "",
    "no coding scheme": slot(CLASS_SLOT, "('60591-5')"),
    "an unknown code": class_slot("99999-9"),
    "a wrong scheme": slot(CLASS_SLOT, "('60591-5^^2.16.840.1.113883.6.96')"),
    "no value": slot(CLASS_SLOT),
    "an empty value": slot(CLASS_SLOT, ""),
    "an empty list": slot(CLASS_SLOT, "()"),
    "the retired medication overview": class_slot("56445-0"),
    "a dispensation": class_slot("60593-1"),
    "a discard": class_slot("DISCARD-60593-1"),
    "a consent": class_slot("57016-8"),
    "one good, one unknown": class_slot(PS, "99999-9"),
    "no quotes": slot(CLASS_SLOT, "(60591-5^^2.16.840.1.113883.6.1)"),
    "text behind the list": slot(CLASS_SLOT, "('60591-5^^2.16.840.1.113883.6.1') or 1=1"),
    "longer than ebRIM allows": slot(CLASS_SLOT, "('60591-5^^2.16.840.1.113883.6.1'" + " " * 260 + ")"),
}


@pytest.mark.parametrize("name", BAD_CLASSES)
def test_a_class_that_is_not_served_is_never_a_fault(ncp_a: ScriptedGateway, name: str) -> None:
    answer = ask(ncp_a, adhoc_query(patient_slot(PATIENT), STATUS_SLOT, BAD_CLASSES[name]))
    assert answer.xds_status == "Failure"
    assert answer.errors == [("ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN", "E")]
    assert answer.entries == []
    assert ncp_a.connector.asked == NOTHING_ASKED


GOOD_CLASSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "the IHE form": (class_slot(DISCHARGE, LABORATORY), (DISCHARGE, LABORATORY)),
    "one pair of quotes around all": (
        slot(CLASS_SLOT, f"('{DISCHARGE}^^{LOINC},{LABORATORY}^^{LOINC}')"),
        (DISCHARGE, LABORATORY),
    ),
    "several values": (
        slot(CLASS_SLOT, f"('{DISCHARGE}^^{LOINC}')", f"('{LABORATORY}^^{LOINC}')"),
        (DISCHARGE, LABORATORY),
    ),
    "several slots": (class_slot(DISCHARGE) + class_slot(LABORATORY), (DISCHARGE, LABORATORY)),
    "all four": (
        class_slot(DISCHARGE, LABORATORY, "18748-4", "x-clinical-image"),
        (DISCHARGE, LABORATORY, "18748-4", "x-clinical-image"),
    ),
}


@pytest.mark.parametrize("name", GOOD_CLASSES)
def test_classes_are_read_in_every_form_that_peers_send(ncp_a: ScriptedGateway, name: str) -> None:
    written, expected = GOOD_CLASSES[name]
    ncp_a.connector.listed = tuple(entry(f"1.2.{at}", code) for at, code in enumerate(expected, 1))
    answer = ask(ncp_a, adhoc_query(patient_slot(PATIENT), STATUS_SLOT, written))
    assert answer.xds_status == "Success"
    assert ncp_a.connector.calls[-1][1].query.class_codes == expected
    assert len(answer.entries) == len(expected)


# --- permission ------------------------------------------------------------------------------------------------------


def permissions(*codes: str) -> str:
    return attribute(PERMISSION, *(f"{PERMISSION}:{code}" for code in codes))


NEEDED = {
    PS: ("PRD-003", "PRD-005", "PRD-010", "PRD-016"),
    EP: ("PRD-004", "PRD-010"),
    LABORATORY: ("PRD-003", "PRD-005", "PRD-010", "PRD-016"),
}


@pytest.mark.attack
@pytest.mark.parametrize(("code", "left_out"), [(code, one) for code, all_ in NEEDED.items() for one in all_])
def test_every_permission_of_a_class_is_needed(ncp_a: ScriptedGateway, code: str, left_out: str) -> None:
    """W3."""
    held = [one for one in NEEDED[code] if one != left_out]
    answer = ask(
        ncp_a, documents_of(PATIENT, code), *ncp_a.log_in().treating(PATIENT, permissions=permissions(*held, "PRD-006"))
    )
    assert (answer.xds_status, answer.errors) == ("Failure", [("4703", "E")])
    ncp_a.assert_untouched(answer)


@pytest.mark.parametrize("code", NEEDED)
def test_the_permissions_of_a_class_suffice(ncp_a: ScriptedGateway, code: str) -> None:
    ncp_a.connector.listed = (entry(L3, code),)
    assertions = ncp_a.log_in().treating(PATIENT, permissions=permissions(*NEEDED[code]))
    assert ask(ncp_a, documents_of(PATIENT, code), *assertions).xds_status == "Success"


def test_permissions_for_one_of_two_classes_give_neither(ncp_a: ScriptedGateway) -> None:
    answer = ask(
        ncp_a,
        documents_of(PATIENT, PS, EP),
        *ncp_a.log_in().treating(PATIENT, permissions=permissions(*NEEDED[PS])),
    )
    assert (answer.xds_status, answer.errors) == ("Failure", [("4703", "E")])
    assert ncp_a.connector.asked == NOTHING_ASKED


def test_a_country_that_is_not_approved_lists_nothing(ncp_a: ScriptedGateway) -> None:
    ncp_a.configure(refused_countries=frozenset({CountryCode("FR")}))
    answer = ask(ncp_a, documents_of(PATIENT))
    assert (answer.xds_status, answer.errors) == ("Failure", [("4703", "E")])
    assert ncp_a.connector.asked == NOTHING_ASKED


# --- the patient of the TRC ------------------------------------------------------------------------------------------

MBO = PATIENT[0]
OTHER_PATIENTS = {
    "B4 somebody else": (PATIENT, OTHER),
    "B5 a longer number": (PATIENT, (MBO, PATIENT[1] + "4")),
    "B5 a shorter number": (PATIENT, (MBO, PATIENT[1][:-1])),
    "B5 another root": (PATIENT, (MBO + ".1000", PATIENT[1])),
    "B5 a leading zero": (PATIENT, (MBO, "0" + PATIENT[1])),
    "B5 letter case": ((MBO, "abc"), (MBO, "ABC")),
    "B5 the access code behind a bar": ((MBO, "X110|ABC123"), (MBO, "X110")),
    "B5 the bar in the query only": ((MBO, "X110"), (MBO, "X110|ABC123")),
}


@pytest.mark.attack
@pytest.mark.parametrize("name", OTHER_PATIENTS)
def test_the_patient_of_the_query_is_the_patient_of_the_treatment(ncp_a: ScriptedGateway, name: str) -> None:
    treated, asked = OTHER_PATIENTS[name]
    answer = ask(ncp_a, documents_of(asked), *ncp_a.log_in().treating(treated))
    assert (answer.xds_status, answer.errors, answer.entries) == ("Failure", [("4206", "E")], [])
    ncp_a.assert_untouched(answer)


@pytest.mark.parametrize("extension", ["X110571344|ABC123", "O'Brien", "a(b),c", 'č&<>"', "  123450987  "])
def test_the_patient_id_is_opaque(ncp_a: ScriptedGateway, extension: str) -> None:
    patient = (MBO, extension.strip())
    ncp_a.connector.listed = ()
    quoted = slot(PATIENT_SLOT, "'" + f"{extension}^^^&{MBO}&ISO".replace("'", "''") + "'")
    answer = ask(ncp_a, adhoc_query(quoted, STATUS_SLOT, class_slot(PS)), *ncp_a.log_in().treating(patient))
    assert answer.xds_status == "Success"
    assert ncp_a.connector.calls[-1][1].patient == II(*patient)


@pytest.mark.parametrize("name", [SUBJECT_ID, RESOURCE_ID])
def test_the_patient_stands_in_either_attribute_of_the_treatment(ncp_a: ScriptedGateway, name: str) -> None:
    login = ncp_a.log_in()
    trc = login.trc(PATIENT, patient=attribute(name, f"{PATIENT[1]}^^^&amp;{PATIENT[0]}&amp;ISO"))
    answer = ask(ncp_a, documents_of(PATIENT), login.sign(login.hcp()), login.sign(trc))
    assert answer.xds_status == "Success"


BAD_PATIENTS: dict[str, str] = {
    "no slot": "",
    "no value": slot(PATIENT_SLOT),
    "two values": slot(PATIENT_SLOT, "'123450987^^^&1.2&ISO'", "'123450987^^^&1.2&ISO'"),
    "two slots": patient_slot(PATIENT) * 2,
    "no authority": slot(PATIENT_SLOT, "'123450987'"),
    "no extension": slot(PATIENT_SLOT, f"'^^^&{MBO}&ISO'"),
    "no root": slot(PATIENT_SLOT, "'123450987^^^&&ISO'"),
    "not ISO": slot(PATIENT_SLOT, f"'123450987^^^&{MBO}&DNS'"),
    "two patients in one value": slot(PATIENT_SLOT, f"('123450987^^^&{MBO}&ISO','555551234^^^&{MBO}&ISO')"),
    "text behind the quote": slot(PATIENT_SLOT, f"'123450987^^^&{MBO}&ISO' or '1'='1"),
}


@pytest.mark.parametrize("name", BAD_PATIENTS)
def test_a_patient_id_that_is_none_is_refused(ncp_a: ScriptedGateway, name: str) -> None:
    answer = ask(ncp_a, adhoc_query(BAD_PATIENTS[name], STATUS_SLOT, class_slot(PS)))
    assert answer.xds_status == "Failure"
    assert answer.errors == [("4204", "E")]
    ncp_a.assert_untouched(answer)


# --- the rest of the question ----------------------------------------------------------------------------------------


def test_another_stored_query_is_not_known(ncp_a: ScriptedGateway) -> None:
    body = adhoc_query(
        patient_slot(PATIENT), STATUS_SLOT, class_slot(PS), id_="urn:uuid:f26abbcb-ac74-4422-8a30-edb644bbc1a9"
    )
    answer = ask(ncp_a, body)
    assert (answer.xds_status, answer.errors) == ("Failure", [("XDSUnknownStoredQuery", "E")])
    assert ncp_a.connector.asked == NOTHING_ASKED


@pytest.mark.parametrize(
    "home", ["urn:oid:2.16.17.710.999.1000.990.1", "nonsense", "urn:oid:2.16.17.710.840.1000.990.10"]
)
def test_another_community_is_not_known(ncp_a: ScriptedGateway, home: str) -> None:
    answer = ask(ncp_a, adhoc_query(patient_slot(PATIENT), STATUS_SLOT, class_slot(PS), home=home))
    assert (answer.xds_status, answer.errors) == ("Failure", [("XDSUnknownCommunity", "E")])
    assert ncp_a.connector.asked == NOTHING_ASKED


def test_our_own_community_may_be_named(ncp_a: ScriptedGateway) -> None:
    body = adhoc_query(patient_slot(PATIENT), STATUS_SLOT, class_slot(PS), home=f"urn:oid:{HR}")
    assert ask(ncp_a, body).xds_status == "Success"


def test_references_are_given_when_asked_for(ncp_a: ScriptedGateway) -> None:
    body = adhoc_query(patient_slot(PATIENT), STATUS_SLOT, class_slot(PS), return_type="ObjectRef")
    answer = ask(ncp_a, body)
    references = [(each.get("home"), bool(each.get("id"))) for each in answer.content.iter(f"{RIM}ObjectRef")]
    assert references == [(f"urn:oid:{HR}", True)] * 2
    assert not list(answer.content.iter(f"{RIM}ExtrinsicObject"))


@pytest.mark.parametrize("return_type", ["LeafClassWithRepositoryItem", "RegistryObject"])
def test_any_other_return_type_is_read_as_the_usual_one(ncp_a: ScriptedGateway, return_type: str) -> None:
    body = adhoc_query(patient_slot(PATIENT), STATUS_SLOT, class_slot(PS), return_type=return_type)
    assert ask(ncp_a, body).entries == [L3, L1]


def filter_slot(name: str, *values: str) -> str:
    return slot(f"$XDSDocumentEntryFilter{name}", *values)


def test_filters_of_original_documents_reach_the_country(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.listed = (entry(L3, LABORATORY),)
    more = (
        filter_slot("CreatedAfter", "2021-06-01T00:00:00Z")
        + filter_slot("CreatedBefore", "2025-06-01T00:00:00Z")
        + filter_slot("MaximumSize", "500000")
    )
    assert ask(ncp_a, documents_of(PATIENT, LABORATORY, more=more)).xds_status == "Success"
    asked = ncp_a.connector.calls[-1][1].query.filter
    assert (asked.created_after, asked.created_before, asked.maximum_size) == (
        "2021-06-01T00:00:00Z", "2025-06-01T00:00:00Z", 500000,
    )  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        filter_slot("CreatedAfter", "yesterday"),
        filter_slot("CreatedAfter", "2021-06-01"),
        filter_slot("CreatedBefore", ""),
        filter_slot("MaximumSize", "-1"),
        filter_slot("MaximumSize", "1e9"),
        filter_slot("MaximumSize", "٥"),
        filter_slot("MaximumSize", "1", "2"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused(ncp_a: ScriptedGateway, more: str) -> None:
    answer = ask(ncp_a, documents_of(PATIENT, LABORATORY, more=more))
    assert (answer.xds_status, answer.errors) == ("Failure", [("4204", "E")])
    assert ncp_a.connector.asked == NOTHING_ASKED


def test_documents_on_demand_are_not_there(ncp_a: ScriptedGateway) -> None:
    more = slot("$XDSDocumentEntryType", "('urn:uuid:34268e47-fdf5-41a6-ba33-82133c465248')")
    answer = ask(ncp_a, documents_of(PATIENT, more=more))
    assert (answer.xds_status, answer.errors) == ("Failure", [("4205", "E")])
    assert ncp_a.connector.asked == NOTHING_ASKED


def test_a_narrowing_slot_that_is_not_implemented_is_noted(ncp_a: ScriptedGateway) -> None:
    more = slot("$XDSDocumentEntryFormatCode", "('urn:x^^1.2')") + slot(f"$Secret{PATIENT[1]}", "x")
    assert ask(ncp_a, documents_of(PATIENT, more=more)).xds_status == "Success"
    assert "slot.ignored:$XDSDocumentEntryFormatCode slot.ignored:unknown" in ncp_a.log.since()


def test_a_query_in_a_multipart_message_is_answered_plainly(ncp_a: ScriptedGateway) -> None:
    request = message(QUERY, documents_of(PATIENT), *ncp_a.log_in().treating(PATIENT))
    content_type, body = multipart(request, QUERY)
    answer = ncp_a.peer().ask(QUERY, body, content_type=content_type)
    assert not answer.is_multipart
    assert answer.entries == [L3, L1]


def test_a_treatment_is_needed(ncp_a: ScriptedGateway) -> None:
    answer = ask(ncp_a, documents_of(PATIENT), *ncp_a.log_in().professional())
    assert (answer.xds_status, answer.errors) == ("Failure", [("1001", "E")])
    ncp_a.assert_untouched(answer)
