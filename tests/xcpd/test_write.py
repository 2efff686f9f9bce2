"""Everything written validates, reads back as it was, and equals the worked examples of the specification."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.errors import Code, ConnectorError, NcpError, RequestError
from ncp.wire.ids import II
from ncp.wire.xml import serialise
from tests.shared import shared, shared_files
from tests.support.xcpd import (
    FR,
    HR,
    NS,
    QUERY,
    body_of,
    canonical,
    code_blocks,
    discoveries,
    discovery,
    element,
    person,
    persons,
    request_errors,
    response_errors,
)
from xcpd.messages import Acknowledgement, Address, PatientDiscovery, PatientSearch, Person, QueryResponse, Reason
from xcpd.outcomes import OUTCOMES, Refusal, place_of, refusal_for
from xcpd.read import read_discovery, read_discovery_response
from xcpd.write import write_discovery, write_match, write_refusal

CREATED = "20260314091530.611+0000"
ANSWER_ID = II("b1b8f1d0-1f59-4b39-8d7b-8f5f6a6d1c02", "7730184412")
NO_MATCH = refusal_for(NcpError(Code.PI_NO_MATCH))


def match(request: PatientDiscovery | None = None, who: Person | None = None) -> bytes:
    return write_match(request or discovery(), who or person(), id=ANSWER_ID, created=CREATED, home=HR)


def refuse(refusal: Refusal = NO_MATCH, request: PatientDiscovery | None = None) -> bytes:
    return write_refusal(request or discovery(), refusal, id=ANSWER_ID, created=CREATED, home=HR)


# The specification's own examples


def test_the_question_equals_the_worked_example() -> None:
    (example,) = code_blocks(shared("spec/xcpd.md").read_text(), "## 2.2")
    expected = etree.fromstring(example).find(".//{*}PRPA_IN201305UV02")
    assert expected is not None
    search = PatientSearch(
        identifiers=(II("2.16.840.1.113883.2.7.2.2", "123456789"),),
        birth_date="19700409",
        address=Address(country="HR"),
    )
    assert canonical(element(write_discovery(discovery(search=search)))) == canonical(expected)
    read = read_discovery(expected)
    assert canonical(element(write_discovery(read))) == canonical(expected)


def test_the_answer_with_a_person_equals_the_worked_example() -> None:
    (example,) = code_blocks(shared("spec/xcpd.md").read_text(), "## 5.5")
    expected = etree.fromstring(example)
    echo = expected.find(".//{*}queryByParameter")
    assert echo is not None
    written = match(discovery(query=serialise(echo)))
    assert canonical(element(written)) == canonical(expected)


def test_the_answer_without_a_person_has_the_parts_of_the_worked_example() -> None:
    (example,) = code_blocks(shared("spec/xcpd.md").read_text(), "## 5.6")
    (reason,) = (block for block in code_blocks(shared("spec/xcpd.md").read_text(), "## 5.3") if "<reasonOf" in block)
    written = element(refuse())
    for name, source in (("acknowledgement", example), ("queryAck", example), ("reasonOf", reason)):
        text = re.search(rf"<{name}[ >].*</{name}>", source, re.DOTALL)
        assert text is not None
        expected = etree.fromstring(f'<x xmlns="urn:hl7-org:v3">{text.group()}</x>')[0]
        found = written.find(f".//h:{name}", NS)
        assert found is not None
        assert canonical(found) == canonical(expected)


def test_the_trigger_for_of_the_worked_example_is_written() -> None:
    (trigger,) = (
        block for block in code_blocks(shared("spec/xcpd.md").read_text(), "## 5.3") if "<trigger" in block[:20]
    )
    expected = etree.fromstring(f'<x xmlns="urn:hl7-org:v3">{trigger}</x>')[0]
    written = element(refuse(refusal_for(NcpError(Code.PI_GENERIC, "query.no_identifier"))))
    found = written.find(".//h:triggerFor", NS)
    assert found is not None
    assert canonical(found) == canonical(expected)


# Validation and round trips


@settings(max_examples=60, deadline=None)
@given(discoveries())
def test_a_question_validates_and_reads_back_as_it_was(question: PatientDiscovery) -> None:
    written = write_discovery(question)
    read = read_discovery(element(written))
    assert replace(read, query=b"") == question
    assert read.problems == ()
    assert request_errors(written) == []


@settings(max_examples=60, deadline=None)
@given(persons, discoveries())
def test_an_answer_with_a_person_validates_and_reads_back_as_it_was(who: Person, question: PatientDiscovery) -> None:
    request = read_discovery(element(write_discovery(question)))
    written = write_match(request, who, id=ANSWER_ID, created=CREATED, home=HR)
    read = read_discovery_response(element(written))
    assert read.persons == (replace(who, home_community=HR),)
    assert (read.acknowledgement, read.query_response, read.code) == ("AA", "OK", "")
    assert (read.id, read.target_message, read.query_id) == (ANSWER_ID, question.id, question.query_id)
    assert response_errors(written) == []


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("acknowledgement", Acknowledgement)
@pytest.mark.parametrize("query_response", QueryResponse)
def test_every_refusal_validates_and_reads_back_as_it_was(
    reason: Reason, acknowledgement: Acknowledgement, query_response: QueryResponse
) -> None:
    refusal = Refusal(reason, "ERROR_PI_GENERIC", acknowledgement, query_response, 'a <"b"> & c', "XCPD 7")
    written = refuse(refusal)
    assert response_errors(written) == []
    read = read_discovery_response(element(written))
    assert read.persons == ()
    assert (read.reason, read.code, read.text, read.location) == (
        reason.value,
        "ERROR_PI_GENERIC",
        'a <"b"> & c',
        "XCPD 7",
    )
    assert (read.acknowledgement, read.query_response) == (acknowledgement.value, query_response.value)


@pytest.mark.parametrize("path", shared_files("samples/xcpd", "*req*.xml"), ids=lambda path: path.stem)
def test_the_question_of_each_peer_is_echoed_whole(path) -> None:  # type: ignore[no-untyped-def]
    body = body_of(path)
    request = read_discovery(body)
    asked = body.find(".//h:queryByParameter", NS)
    assert asked is not None
    for written in (match(request), refuse(request=request)):
        answer = element(written)
        echoed = answer.find("h:controlActProcess/h:queryByParameter", NS)
        assert echoed is not None
        assert canonical(echoed) == canonical(asked)
        if not path.stem.startswith("de-"):  # whose ids break the schema
            assert response_errors(written) == []


# What readers of OpenNCP need


def test_the_answer_goes_back_to_the_sender_and_names_this_community() -> None:
    request = discovery(sender="1.2.3", sender_organisation="1.2.4")
    answer = element(match(request))
    device = "h:{}/h:device/h:id/@root"
    organisation = "h:{}/h:device/h:asAgent/h:representedOrganization/h:id/@root"
    assert answer.xpath(device.format("receiver"), namespaces=NS) == ["1.2.3"]
    assert answer.xpath(organisation.format("receiver"), namespaces=NS) == ["1.2.4"]
    assert answer.xpath(device.format("sender"), namespaces=NS) == [HR]
    assert answer.xpath(organisation.format("sender"), namespaces=NS) == [HR]


def test_unknown_facts_are_left_out_and_never_null() -> None:
    answer = element(match(who=person(gender="X", birth_date="1970", address=Address(city="Zagreb"), given="")))
    patient = answer.find(".//h:patientPerson", NS)
    assert patient is not None
    assert [etree.QName(each).localname for each in patient] == ["name", "addr"]
    assert [etree.QName(each).localname for each in patient.iterfind("*/*")] == ["family", "city"]
    assert element(match(who=person(address=Address()))).find(".//h:addr", NS) is None


def test_a_version_code_that_did_not_come_is_not_sent() -> None:
    written = match(discovery(version_code=""))
    assert element(written).find("h:versionCode", NS) is None
    assert response_errors(written) == []


def test_a_question_without_a_query_is_answered_all_the_same() -> None:
    written = refuse(request=discovery(query_id=II(""), query=b""))
    assert response_errors(written) == []
    ack = element(written).find(".//h:queryAck/h:queryId", NS)
    assert ack is not None and ack.get("nullFlavor") == "NI"


def test_a_warning_code_is_written_as_a_warning() -> None:
    def severity(code: Code) -> str | None:
        detail = element(refuse(refusal_for(NcpError(code)))).find(".//h:acknowledgementDetail", NS)
        assert detail is not None
        return detail.get("typeCode")

    assert (severity(Code.WARNING_PI_NO_CONSENT), severity(Code.PI_NO_MATCH)) == ("W", "E")


@pytest.mark.parametrize("row", OUTCOMES, ids=lambda row: str(row.number))
def test_each_refusal_has_exactly_one_reason_in_its_place(row) -> None:  # type: ignore[no-untyped-def]
    error = NcpError(row.code or row.codes[0], row.reasons[0] if row.reasons else "")
    answer = element(refuse(refusal_for(error)))
    places = [etree.QName(each).localname for each in answer.iterfind(".//h:detectedIssueEvent/*", NS)]
    assert places == ["code", place_of(row.reason)]


# What is not sent


@pytest.mark.parametrize(
    ("search", "reason"),
    [
        (PatientSearch(identifiers=(II("1.2.3", ""),)), "identifier.incomplete"),
        (PatientSearch(identifiers=(II("", "7"),)), "identifier.incomplete"),
        (PatientSearch(identifiers=(II("1.2.3", "x" * 201),)), "identifier.format"),
        (PatientSearch(identifiers=(II("1.2.3", "7\n8"),)), "identifier.format"),
        (PatientSearch(identifiers=(II("1.2.3", "7\x008"),)), "identifier.format"),
        (PatientSearch(family="A\x07", given="B"), "trait.format"),
        (PatientSearch(family="A\ud800", given="B"), "trait.format"),
        (PatientSearch(address=Address(city="C" * 201)), "trait.format"),
        (PatientSearch(gender="X"), "trait.format"),
        (PatientSearch(birth_date="1970-04-09"), "trait.format"),
        (PatientSearch(birth_date="19700431"), "trait.format"),
    ],
)
def test_a_value_that_cannot_go_as_it_is_does_not_go(search: PatientSearch, reason: str) -> None:
    with pytest.raises(RequestError) as error:
        write_discovery(discovery(search=search))
    assert (error.value.code, error.value.reason) == (Code.PI_INCORRECT_FORMATTING, reason)


def test_half_a_name_is_not_sent_and_blanks_around_values_are_not() -> None:
    search = PatientSearch(identifiers=(II("1.2.3", " 0-07 "),), family="Primjer", address=Address(street=" U 1 "))
    read = read_discovery(element(write_discovery(discovery(search=search))))
    assert (read.search.family, read.search.identifiers, read.search.address.street) == (
        "",
        (II("1.2.3", "0-07"),),
        "U 1",
    )


@pytest.mark.parametrize("bad", [II("1.2.3"), II("", "7"), II("1.2.3", "7\x07")])
def test_a_person_without_a_usable_id_is_not_written(bad: II) -> None:
    with pytest.raises(ConnectorError) as error:
        match(who=person(id=bad))
    assert error.value.reason == "connector.patient_id"


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_of_a_national_system_breaks_the_answer(family: str, city: str) -> None:
    written = match(who=person(family=family, address=Address(city=city)))
    read = read_discovery_response(element(written))
    assert len(read.persons) == 1


def test_the_destination_stands_in_the_address_when_none_is_given() -> None:
    search = PatientSearch(identifiers=(II("1.2.3", "7"),)).for_country("HR")  # type: ignore[arg-type]
    assert search.address == Address(country="HR")
    given_one = PatientSearch(address=Address(city="Graz", country="AT"))
    assert given_one.for_country("HR") is given_one  # type: ignore[arg-type]


def test_the_messages_are_self_contained_bytes_without_a_declaration() -> None:
    for written in (write_discovery(discovery()), match(), refuse()):
        assert written.startswith(b"<PRPA_IN20130")
        assert etree.fromstring(b'<e xmlns="urn:other">' + written + b"</e>")[0].tag.startswith("{urn:hl7-org:v3}")
    assert QUERY in match()
    assert FR in write_discovery(discovery()).decode()
