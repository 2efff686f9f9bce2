"""What NCP-B makes of the answers of every peer version."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ncp.wire.errors import Code, Family, PatientError, RequestError
from ncp.wire.ids import II, CountryCode
from tests.shared import shared
from tests.support.xcpd import HR, MBO, body_of, discovery, element, person
from xcpd.messages import Address, PatientDiscoveryResponse, PatientSearch, Person, Reason
from xcpd.outcomes import PatientMatch, interpret
from xcpd.read import read_discovery_response

COUNTRY = CountryCode("HR")


def answer(**changes: object) -> PatientDiscoveryResponse:
    whole = PatientDiscoveryResponse(
        id=II("1.2", "3"), target_message=discovery().id, acknowledgement="AA", query_response="OK"
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def judge(response: PatientDiscoveryResponse, search: PatientSearch | None = None) -> PatientMatch:
    return interpret(discovery(search=search or discovery().search), response, country=COUNTRY)


def refused(response: PatientDiscoveryResponse, search: PatientSearch | None = None) -> PatientError:
    with pytest.raises(PatientError) as error:
        judge(response, search)
    assert error.value.gateway == "HR"
    return error.value


EXEMPLE = Person(
    id=II("1.3.6.1.4.1.48336.1000", "1-1234-W8"),
    family="Exemple",
    given="Anne",
    gender="F",
    birth_date="19860629",
    address=Address("Rue du Test 4", "Testville", "1040", "BE"),
    home_community="1.3.6.1.4.1.48336",
)
MAUDE = Person(
    id=II("", "X110571344|ABC123"),
    family="GõdofskýTEST-ONLY",
    given="Maude Adelheid Lilo Johanna",
    prefix="Gräfin",
    gender="UN",
    birth_date="19670630",
    address=Address("Patientstr. 1", "Patientstadt", "12345", "D"),
    home_community="HOME_COMM_ID",
)


@pytest.mark.parametrize(
    ("name", "who", "query_response"),
    [
        ("composed-openncp70-match-ok", EXEMPLE, "OK"),
        ("composed-openncp71-81-match-ae", EXEMPLE, "AE"),
        ("de-resp-match", MAUDE, ""),
    ],
)
def test_the_person_of_each_peer_is_read_whole(name: str, who: Person, query_response: str) -> None:
    read = read_discovery_response(body_of(shared(f"samples/xcpd/{name}.xml")))
    assert read.persons == (who,)
    assert read.query_response == query_response


@pytest.mark.parametrize(
    ("name", "acknowledgement", "query_response", "code", "text", "location", "reason"),
    [
        ("composed-openncp70-nf", "AA", "NF", "ERROR_PI_NO_MATCH", None, None, "AnswerNotAvailable"),
        (
            "composed-openncp71-nf-as-ae",
            "AA",
            "AE",
            "ERROR_PI_NO_MATCH",
            "No patient found.",
            "NF",
            "AnswerNotAvailable",
        ),
        ("composed-openncp52-nf-no-code", "AA", "NF", "", "No patient found.", "", "AnswerNotAvailable"),
        (
            "composed-openncp71-demographics-not-allowed",
            "AE",
            "AE",
            "ERROR_PI_GENERIC",
            "Queries are only available with patient identifiers",
            "",
            "DemographicsQueryNotAllowed",
        ),
        (
            "de-resp-nf-no-match",
            "AA",
            "NF",
            "ERROR_PI_NO_MATCH",
            "Patient Identification Error",
            "No match with an existing patient.",
            "AnswerNotAvailable",
        ),
        (
            "de-resp-nf-defective-identity",
            "AA",
            "NF",
            "ERROR_PI_GENERIC",
            "Patient Identification Error",
            "The patient identity information in Germany is defective.",
            "AnswerNotAvailable",
        ),
        ("de-resp-nf-incomplete-identity", "AA", "NF", "ERROR_PI_GENERIC", None, None, "AnswerNotAvailable"),
        ("de-resp-nf-no-record", "AA", "NF", "ERROR_PI_NO_MATCH", None, None, "AnswerNotAvailable"),
    ],
)
def test_the_refusal_of_each_peer_is_read_whole(
    name: str,
    acknowledgement: str,
    query_response: str,
    code: str,
    text: str | None,
    location: str | None,
    reason: str,
) -> None:
    read = read_discovery_response(body_of(shared(f"samples/xcpd/{name}.xml")))
    assert (read.acknowledgement, read.query_response, read.code, read.reason, read.persons) == (
        acknowledgement,
        query_response,
        code,
        reason,
        (),
    )
    if text is not None:
        assert read.text == text
    if location is not None:
        assert read.location == location


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("composed-openncp70-nf", "ERROR_PI_NO_MATCH", Code.PI_NO_MATCH.text),
        ("composed-openncp71-nf-as-ae", "ERROR_PI_NO_MATCH", "No patient found."),
        ("composed-openncp52-nf-no-code", "ERROR_PI_NO_MATCH", "No patient found."),
        ("de-resp-nf-no-match", "ERROR_PI_NO_MATCH", "No match with an existing patient."),
        (
            "de-resp-nf-defective-identity",
            "ERROR_PI_NO_MATCH",
            "The patient identity information in Germany is defective.",
        ),
        (
            "composed-openncp71-demographics-not-allowed",
            "ERROR_PI_GENERIC",
            "Queries are only available with patient identifiers",
        ),
    ],
)
def test_the_refusal_of_each_peer_means_the_same_to_the_front_end(name: str, code: str, message: str) -> None:
    error = refused(read_discovery_response(body_of(shared(f"samples/xcpd/{name}.xml"))))
    assert error.code == code
    assert error.message.rstrip(".") == message.rstrip(".")


def test_a_person_is_success_whatever_the_codes_say() -> None:
    for acknowledgement in ("AA", "AE", "", "AR", "xyz"):
        for query_response in ("OK", "AE", "NF", "", "QE"):
            response = answer(persons=(person(),), acknowledgement=acknowledgement, query_response=query_response)
            assert judge(response).person.family == "Primjer"


def test_the_same_person_twice_is_one_person() -> None:
    twice = (person(match_quality=100), person(match_quality=95, home_community="1.2.3"))
    match = judge(answer(persons=twice))
    assert match.person.match_quality == 95


@pytest.mark.parametrize(
    "other",
    [{"id": II(MBO, "987654321")}, {"birth_date": "19700410"}, {"given": "Ana"}, {"address": Address(city="Split")}],
)
def test_two_persons_that_differ_in_anything_are_nobody(other: dict[str, object]) -> None:
    error = refused(answer(persons=(person(), person(**other))))
    assert error.code == Code.PI_MULTIPLE_MATCHES
    assert error.family is Family.MULTIPLE_MATCHES


def test_a_second_person_counts_even_with_a_poor_match() -> None:
    persons = (person(), person(id=II(MBO, "987654321"), match_quality=10))
    assert refused(answer(persons=persons)).code == Code.PI_MULTIPLE_MATCHES


def test_a_patient_id_without_a_root_gets_the_one_searched_first() -> None:
    match = judge(answer(persons=(person(id=II("", "X110571344|ABC123")),)))
    assert match.person.id == II(MBO, "X110571344|ABC123")
    assert "id_root.missing" in match.warnings


def test_a_patient_id_without_any_root_to_take_names_nobody() -> None:
    search = PatientSearch(family="Primjer", given="Ana", birth_date="19700409")
    assert refused(answer(persons=(person(id=II("", "1")),)), search).reason == "answer.patient_id"


def test_another_id_than_the_one_asked_is_legitimate_and_kept_exactly() -> None:
    match = judge(answer(persons=(person(id=II("1.2.3.1000", " 7|&^ ")),)))
    assert match.person.id == II("1.2.3.1000", " 7|&^ ")
    assert match.warnings == ()


@pytest.mark.parametrize(
    ("searched", "answered", "warned"),
    [
        ("19700409", "19700409", False),
        ("19700409", "1970", False),
        ("197004", "19700409", False),
        ("19700409", "", False),
        ("", "19700409", False),
        ("19700409", "19700410", True),
        ("19700409", "1971", True),
        ("197005", "19700409", True),
    ],
)
def test_a_birth_date_that_contradicts_the_search_is_warned_of(searched: str, answered: str, warned: bool) -> None:
    search = replace(discovery().search, birth_date=searched)
    warnings = judge(answer(persons=(person(birth_date=answered),)), search).warnings
    assert ("birth_date.contradiction" in warnings) is warned
    assert ("birth_date.partial" in warnings) is (0 < len(answered) < 8)


@pytest.mark.parametrize(
    ("searched", "answered", "warned"),
    [("F", "M", True), ("M", "F", True), ("F", "F", False), ("F", "UN", False), ("F", "", False), ("", "F", False)],
)
def test_a_gender_that_contradicts_the_search_is_warned_of(searched: str, answered: str, warned: bool) -> None:
    search = replace(discovery().search, gender=searched)
    warnings = judge(answer(persons=(person(gender=answered),)), search).warnings
    assert ("gender.contradiction" in warnings) is warned


@pytest.mark.parametrize(("quality", "shown"), [(100, True), (99, True), (90, True), (89, False), (0, False)])
def test_a_poor_match_is_shown_with_a_warning_and_a_worse_one_not_at_all(quality: int, shown: bool) -> None:
    response = answer(persons=(person(match_quality=quality),))
    if shown:
        assert ("match_quality.low" in judge(response).warnings) is (quality < 100)
    else:
        assert refused(response).code == Code.PI_NO_MATCH


def test_the_configured_home_community_counts_whatever_the_custodian_says() -> None:
    match = judge(answer(persons=(person(home_community="9.9.9"),)))
    assert match.person.home_community == HR
    assert match.warnings == ("custodian.home_community",)


def test_another_target_message_or_query_id_is_noted_and_no_reason_to_refuse() -> None:
    match = judge(answer(persons=(person(),), target_message=II("1.2", "constant"), query_id=II("1.263507841149")))
    assert set(match.warnings) == {"target_message.mismatch", "query_id.mismatch"}
    match = judge(answer(persons=(person(),), target_message=II("1.2"), query_id=None))
    assert match.warnings == ()


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.ANSWER_NOT_AVAILABLE])
@pytest.mark.parametrize("query_response", ["AE", "NF", "OK", ""])
def test_every_reason_code_comes_first(reason: Reason, query_response: str) -> None:
    error = refused(answer(reason=reason.value, code="ERROR_PI_GENERIC", query_response=query_response))
    assert error.reason == f"answer.{reason.value}"
    assert error.family is not Family.NO_MATCH


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"reason": "AnswerNotAvailable"}, "AnswerNotAvailable", "ERROR_PI_NO_MATCH"),
        ({"reason": "AnswerNotAvailable", "acknowledgement": ""}, "AnswerNotAvailable", "ERROR_PI_NO_MATCH"),
        ({"reason": "AnswerNotAvailable", "acknowledgement": "AE"}, "AnswerNotAvailable", "ERROR_PI_GENERIC"),
        ({"query_response": "NF"}, "AnswerNotAvailable", "ERROR_PI_NO_MATCH"),
        ({"code": "ERROR_PI_NO_MATCH", "acknowledgement": "AE"}, "AnswerNotAvailable", "ERROR_PI_NO_MATCH"),
        ({"code": "ERROR_PI_NO_MATCH", "reason": "NationalInfrastructure"}, "AnswerNotAvailable", "ERROR_PI_NO_MATCH"),
        ({"reason": "InternalError"}, "InternalError", "ERROR_PI_INTERNAL_ERROR"),
        ({"reason": "ResponderBusy", "code": "ERROR_PI_GENERIC"}, "ResponderBusy", "ERROR_PI_REGISTRY_NOT_AVAILABLE"),
        ({"reason": "NationalInfrastructure"}, "NationalInfrastructure", "ERROR_PI_REGISTRY_NOT_AVAILABLE"),
        ({"reason": "InsufficientRights", "code": "ERROR_PI_GENERIC"}, "InsufficientRights", "4703"),
        (
            {"reason": "InsufficientRights", "code": "WARNING_PI_NO_CONSENT"},
            "InsufficientRights",
            "WARNING_PI_NO_CONSENT",
        ),
        ({"reason": "InsufficientRights", "code": "4702"}, "InsufficientRights", "4702"),
        ({"reason": "SSNRequested", "reason_system": "1.3.6.1.4.1.19376.1.2.27.1"}, "AdditionalDemographicsRequested",
         "ERROR_PI_GENERIC"),
        ({"code": "ERROR_PI_MULTIPLE_MATCHES"}, "AdditionalDemographicsRequested", "ERROR_PI_MULTIPLE_MATCHES"),
        ({"code": "4703", "acknowledgement": "AE"}, "InsufficientRights", "4703"),
        ({"code": "NS250", "acknowledgement": "AE"}, "unknown", "NS250"),
        ({"code": "Primjer Ana", "acknowledgement": "AE"}, "unknown", "ERROR_PI_GENERIC"),
        ({"code": "123456789", "acknowledgement": "AE"}, "unknown", "ERROR_PI_GENERIC"),
        ({"text": "No patient found.", "acknowledgement": "AE"}, "AnswerNotAvailable", "ERROR_PI_NO_MATCH"),
        ({"text": "(4703) Either the security policy of country A or …", "acknowledgement": "AE"},
         "InsufficientRights", "4703"),
        ({"text": "Receiver has wrong Home Community ID.", "acknowledgement": "AE"}, "InternalError",
         "ERROR_PI_GENERIC"),
        ({"text": "Queries are only available with patient identifiers", "acknowledgement": "AE"},
         "DemographicsQueryNotAllowed", "ERROR_PI_GENERIC"),
        ({}, "unknown", "ERROR_PI_GENERIC"),
    ],
)  # fmt: skip
def test_an_answer_without_a_person_has_one_meaning(changes: dict[str, str], reason: str, code: str) -> None:
    error = refused(answer(**changes))
    assert (error.reason, error.code) == (f"answer.{reason}", code)


def test_texts_of_codes_unknown_to_us_are_shown() -> None:
    error = refused(answer(code="NS250", text="The deferred mode is not supported here.", acknowledgement="AE"))
    assert error.message == "The deferred mode is not supported here."


def test_what_was_searched_for_never_comes_back_in_a_text() -> None:
    search = PatientSearch((II(MBO, "123456789"),), "Primjer", "Ana Marija", "F", "19700409")
    text = "Nobody is called ANA MARIJA Primjer, born 1970-04-09 (09.04.1970, 19700409), number 123456789."
    error = refused(answer(code="ERROR_PI_GENERIC", text=text, location=text), search)
    for secret in ("Primjer", "Ana", "ANA", "1970", "123456789"):
        assert secret not in error.message + error.context + str(error)


RESPONSE = '<PRPA_IN201306UV02 xmlns="urn:hl7-org:v3"><controlActProcess>{}</controlActProcess></PRPA_IN201306UV02>'
PATIENT = "<subject><registrationEvent><subject1><patient>{}</patient></subject1></registrationEvent></subject>"


def read(inside: str) -> PatientDiscoveryResponse:
    return read_discovery_response(element(RESPONSE.format(inside).encode()))


def test_a_response_with_almost_nothing_in_it_is_read() -> None:
    read = read_discovery_response(element(b'<PRPA_IN201306UV02 xmlns="urn:hl7-org:v3"/>'))
    assert (read.persons, read.acknowledgement, read.query_response, read.code) == ((), "", "", "")


def test_another_element_is_no_response() -> None:
    with pytest.raises(RequestError) as error:
        read_discovery_response(element(b'<PRPA_IN201305UV02 xmlns="urn:hl7-org:v3"/>'))
    assert error.value.reason == "message.body"


def test_a_subject_without_a_patient_id_is_nobody() -> None:
    response = read(PATIENT.format('<id root="1.2"/>') + PATIENT.format('<id nullFlavor="UNK"/>') + "<subject/>")
    assert response.persons == ()
    assert response.problems == ("subject.without_id",)


def test_the_first_patient_id_with_an_extension_is_the_one() -> None:
    inside = (
        '<id root="1.2"/><id root="1.2" extension=" "/><id root="1.3" extension="7"/><id root="1.4" extension="8"/>'
    )
    assert read(PATIENT.format(inside)).persons[0].id == II("1.3", "7")


def test_reason_codes_are_read_inside_mitigated_by_before_trigger_for_and_may_be_missing() -> None:
    trigger = '<triggerFor><actOrderRequired><code code="B" codeSystem="2"/></actOrderRequired></triggerFor>'
    mitigated = (
        '<mitigatedBy><detectedIssueManagement><code code="A" codeSystem="1"/></detectedIssueManagement></mitigatedBy>'
    )
    event = "<reasonOf><detectedIssueEvent><code code='x'/>{}</detectedIssueEvent></reasonOf>"
    assert read(event.format(trigger)).reason == "B"
    assert read(event.format(trigger + mitigated)).reason == "A"
    assert read(event.format(trigger) + event.format(mitigated)).reason == "A"
    assert read(event.format("")).reason == ""


@pytest.mark.parametrize(
    ("value", "quality"),
    [
        ('<value value="100"/>', 100),
        ('<value value="85.5"/>', 85),
        ('<value nullFlavor="NI"/>', 100),
        ("", 100),
        ('<value value="0.95x"/>', 0),
        ('<value value="999"/>', 0),
        ('<value value="-1"/>', 0),
        ("<value/>", 0),
    ],
)
def test_match_quality_that_cannot_be_read_is_no_certainty(value: str, quality: int) -> None:
    inside = (
        f'<id root="1.2" extension="3"/><subjectOf1><queryMatchObservation>{value}</queryMatchObservation></subjectOf1>'
    )
    assert read(PATIENT.format(inside)).persons[0].match_quality == quality


def test_missing_facts_of_a_person_stay_missing() -> None:
    inside = (
        '<id root="1.2" extension="3"/><patientPerson><name nullFlavor="UNK"/>'
        '<administrativeGenderCode nullFlavor="UNK"/><birthTime nullFlavor="UNK"/><addr/></patientPerson>'
    )
    who = read(PATIENT.format(inside)).persons[0]
    assert (who.family, who.given, who.gender, who.birth_date, bool(who.address)) == ("", "", "", "", False)
