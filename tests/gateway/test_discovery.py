"""ITI-55 over the wire: every condition of the table in docs/iti-55.md, and the requests of every peer version.

Each answer is checked on arrival (``tests.support.peer_wire.check``): header, official schema, nothing of our inside.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from ncp.access import AccessPolicy
from ncp.wire.errors import AccessError, Code, ConnectorError
from ncp.wire.ids import II, CountryCode
from tests.support.assertions import PERMISSION, attribute
from tests.support.peer_messages import (
    COUNTRY_TRAIT,
    DISCOVERY,
    FR,
    HR,
    MBO,
    discovery,
    identifier,
    message,
    message_id,
    security,
    trait,
)
from tests.support.peer_messages import addressing as addressing_blocks
from tests.support.peer_messages import envelope as soap_envelope
from tests.support.peer_wire import XCPD_PATH, H
from tests.support.scripted_gateway import PATIENT, PERSON, ScriptedGateway

pytestmark = pytest.mark.xdist_group("ncp-a")

NUMBER = identifier(*PATIENT)


# --- the table -------------------------------------------------------------------------------------------------------


def test_row_1_one_person_is_named_with_the_id_for_the_consultation(ncp_a: ScriptedGateway) -> None:
    answer = ncp_a.discover()
    assert answer.acknowledged == ("AA", "OK")
    (patient,) = answer.persons
    assert [dict(each.attrib) for each in patient.findall(f"{H}id")] == [{"root": PATIENT[0], "extension": PATIENT[1]}]
    person = patient.find(f"{H}patientPerson")
    assert [child.text for child in person.find(f"{H}name")] == ["Šimunović Primjerić", "Anamarija"]
    assert person.find(f"{H}administrativeGenderCode").get("code") == "F"
    assert person.find(f"{H}birthTime").get("value") == "19700409"
    assert [(etree.QName(part).localname, part.text) for part in person.find(f"{H}addr")] == [
        ("streetAddressLine", "Kaštelanska 7"),
        ("city", "Zagreb"),
        ("postalCode", "10000"),
        ("country", "HR"),
    ]
    assert answer.content.find(f"{H}acknowledgement/{H}acknowledgementDetail") is None
    assert answer.content.find(f"{H}controlActProcess/{H}reasonOf") is None
    custodian = answer.content.find(f".//{H}custodian/{H}assignedEntity")
    assert custodian.find(f"{H}id").get("root") == HR
    assert ncp_a.connector.asked == ["identify", "consent"]


def test_an_answer_names_the_question_it_answers_and_repeats_the_query(ncp_a: ScriptedGateway) -> None:
    question = etree.fromstring(discovery(NUMBER, COUNTRY_TRAIT))
    answer = ncp_a.discover(body=etree.tostring(question))
    target = answer.content.find(f"{H}acknowledgement/{H}targetMessage/{H}id")
    assert dict(target.attrib) == dict(question.find(f"{H}id").attrib)
    echo, asked = (each.find(f"{H}controlActProcess/{H}queryByParameter") for each in (answer.content, question))
    assert etree.tostring(echo, method="c14n", exclusive=True) == etree.tostring(asked, method="c14n", exclusive=True)
    query_id = answer.content.find(f"{H}controlActProcess/{H}queryAck/{H}queryId")
    assert dict(query_id.attrib) == dict(asked.find(f"{H}queryId").attrib)
    receiver, sender = (
        answer.content.find(f"{H}{role}/{H}device/{H}id").get("root") for role in ("receiver", "sender")
    )
    assert (receiver, sender) == (FR, HR)


DEMANDING = """<searchFields xmlns="http://ec.europa.eu/sante/ehncp/ism"><country code="HR" label="x"><patientSearch>
<identifier type="NORMAL"><id domain="2.16.840.1.113883.2.7.2.2" label="label.ism.nationalSocialSecurityNumber"
 mandatory="true" format="[0-9]{9}" contextualDescription="x"/>%s</identifier>%s
</patientSearch></country></searchFields>"""
BIRTH_DATE = '<birthDate label="label.ism.birthDate" format="" contextualDescription="x" mandatory="true"/>'
ACCESS_CODE = (
    '<id domain="2.25.77" label="label.ism.accessCode" format="[A-Za-z0-9]{6}" contextualDescription="x" '
    'mandatory="true"/>'
)


def busy(code: Code, reason: str) -> ConnectorError:
    return ConnectorError(code, reason)


# number: what to do before, what to ask, what is answered, what the country was asked
TABLE: dict[str, tuple[Any, bytes, tuple[str, ...], list[str]]] = {
    "2 nobody": (
        {"persons": ()},
        discovery(NUMBER),
        ("AnswerNotAvailable", "mitigatedBy", "ERROR_PI_NO_MATCH", "AA", "NF"),
        ["identify"],
    ),
    "2 the person is born on another day": (
        {},
        discovery(NUMBER, trait("livingSubjectBirthTime", 'value="19700410"')),
        ("AnswerNotAvailable", "mitigatedBy", "ERROR_PI_NO_MATCH", "AA", "NF"),
        ["identify"],
    ),
    "2 the match is not certain": (
        {"persons": (replace(PERSON, match_quality=99),)},
        discovery(NUMBER),
        ("AnswerNotAvailable", "mitigatedBy", "ERROR_PI_NO_MATCH", "AA", "NF"),
        ["identify"],
    ),
    "3 several": (
        {"persons": (PERSON, replace(PERSON, id=II(MBO, "555551234")))},
        discovery(NUMBER),
        ("AdditionalDemographicsRequested", "triggerFor", "ERROR_PI_MULTIPLE_MATCHES", "AA", "OK"),
        ["identify"],
    ),
    "4 no identifier": (
        {},
        discovery(trait("livingSubjectBirthTime", 'value="19700409"')),
        ("DemographicsQueryNotAllowed", "triggerFor", "ERROR_PI_GENERIC", "AA", "AE"),
        [],
    ),
    "5 no root": (
        {},
        discovery(trait("livingSubjectId", 'extension="123450987"')),
        ("DemographicsQueryNotAllowed", "triggerFor", "ERROR_PI_INCORRECT_FORMATTING", "AA", "AE"),
        [],
    ),
    "5 no extension": (
        {},
        discovery(trait("livingSubjectId", f'root="{MBO}"')),
        ("DemographicsQueryNotAllowed", "triggerFor", "ERROR_PI_INCORRECT_FORMATTING", "AA", "AE"),
        [],
    ),
    "5 not the published format": (
        {},
        discovery(identifier(MBO, "12345098")),
        ("DemographicsQueryNotAllowed", "triggerFor", "ERROR_PI_INCORRECT_FORMATTING", "AA", "AE"),
        [],
    ),
    "5 digits of another script": (
        {},
        discovery(identifier(MBO, "١٢٣٤٥٠٩٨٧")),
        ("DemographicsQueryNotAllowed", "triggerFor", "ERROR_PI_INCORRECT_FORMATTING", "AA", "AE"),
        [],
    ),
    "7 a root of nobody": (
        {},
        discovery(identifier("2.16.840.1.113883.2.7.2.3", "123450987")),
        ("AnswerNotAvailable", "mitigatedBy", "ERROR_PI_NO_MATCH", "AA", "NF"),
        [],
    ),
    "7 one good identifier and one of nobody": (
        {},
        discovery(NUMBER, identifier("2.999.1", "1")),
        ("AnswerNotAvailable", "mitigatedBy", "ERROR_PI_NO_MATCH", "AA", "NF"),
        [],
    ),
    "8 the card is demanded": (
        {"persons": busy(Code.PI_GENERIC, "connector.ehic")},
        discovery(NUMBER),
        ("EHICDataRequested", "triggerFor", "ERROR_PI_GENERIC", "AA", "AE"),
        ["identify"],
    ),
    "9 the access code is wrong": (
        {"persons": busy(Code.PI_GENERIC, "connector.access_code")},
        discovery(NUMBER),
        ("PatientAuthenticationRequired", "mitigatedBy", "ERROR_PI_GENERIC", "AA", "AE"),
        ["identify"],
    ),
    "10 no consent": (
        {"allowed": False},
        discovery(NUMBER),
        ("InsufficientRights", "mitigatedBy", "WARNING_PI_NO_CONSENT", "AA", "AE"),
        ["identify", "consent"],
    ),
    "11 too much would be disclosed": (
        {"persons": busy(Code.PI_GENERIC, "connector.privacy")},
        discovery(NUMBER),
        ("PrivacyViolation", "mitigatedBy", "ERROR_PI_GENERIC", "AA", "AE"),
        ["identify"],
    ),
    "13 another community is meant": (
        {},
        discovery(NUMBER, receiver="2.16.17.710.999.1000.990.1"),
        ("AnswerNotAvailable", "mitigatedBy", "ERROR_PI_GENERIC", "AE", "AE"),
        [],
    ),
    "14 deferred": (
        {},
        discovery(NUMBER).replace(b'<responsePriorityCode code="I"/>', b'<responsePriorityCode code="D"/>'),
        ("InternalError", "mitigatedBy", "ERROR_PI_GENERIC", "AE", "AE"),
        [],
    ),
    "14 in batches": (
        {},
        discovery(NUMBER).replace(b'<responseModalityCode code="R"/>', b'<responseModalityCode code="B"/>'),
        ("InternalError", "mitigatedBy", "ERROR_PI_GENERIC", "AE", "AE"),
        [],
    ),
    "18 the country refuses the professional": (
        {"persons": busy(Code.NOT_ALLOWED, "connector.rights")},
        discovery(NUMBER),
        ("InsufficientRights", "mitigatedBy", "4703", "AE", "AE"),
        ["identify"],
    ),
    "19 the registry is down": (
        {"persons": busy(Code.PI_REGISTRY_NOT_AVAILABLE, "connector.unavailable")},
        discovery(NUMBER),
        ("ResponderBusy", "mitigatedBy", "ERROR_PI_REGISTRY_NOT_AVAILABLE", "AE", "AE"),
        ["identify"],
    ),
    "19 the consent registry is down": (
        {"allowed": busy(Code.PI_REGISTRY_NOT_AVAILABLE, "connector.unavailable")},
        discovery(NUMBER),
        ("ResponderBusy", "mitigatedBy", "ERROR_PI_REGISTRY_NOT_AVAILABLE", "AE", "AE"),
        ["identify", "consent"],
    ),
    "20 anything else": (
        {"persons": RuntimeError("Šimunović Primjerić 123450987")},
        discovery(NUMBER),
        ("InternalError", "mitigatedBy", "ERROR_PI_INTERNAL_ERROR", "AE", "AE"),
        ["identify"],
    ),
    "20 anything else while consent is asked": (
        {"allowed": KeyError("123450987")},
        discovery(NUMBER),
        ("InternalError", "mitigatedBy", "ERROR_PI_INTERNAL_ERROR", "AE", "AE"),
        ["identify", "consent"],
    ),
    "20 the birth date is not known": (
        {"persons": (replace(PERSON, birth_date="1970"),)},
        discovery(NUMBER),
        ("InternalError", "mitigatedBy", "ERROR_PI_GENERIC", "AE", "AE"),
        ["identify"],
    ),
    "21 overload": (
        {"persons": busy(Code.PI_GENERIC, "connector.busy")},
        discovery(NUMBER),
        ("ResponderBusy", "mitigatedBy", "ERROR_PI_REGISTRY_NOT_AVAILABLE", "AE", "AE"),
        ["identify"],
    ),
}


@pytest.mark.parametrize("row", TABLE)
def test_every_condition_is_answered_as_the_table_says(ncp_a: ScriptedGateway, row: str) -> None:
    told, question, expected, asked = TABLE[row]
    for name, value in told.items():
        setattr(ncp_a.connector, name, value)
    answer = ncp_a.discover(body=question)
    assert answer.refusal == expected
    assert ncp_a.connector.asked == asked
    assert b"imunovi" not in answer.without_echo()
    assert PATIENT[1].encode() not in answer.without_echo()


def test_row_6_a_mandatory_trait_is_asked_for(ncp_a: ScriptedGateway) -> None:
    ncp_a.mask(DEMANDING % ("", BIRTH_DATE))
    answer = ncp_a.discover(NUMBER)
    assert answer.refusal == (
        "AdditionalDemographicsRequested", "triggerFor", "ERROR_PI_MISSING_REQUIRED_FIELDS", "AA", "OK",
    )  # fmt: skip
    assert ncp_a.connector.asked == []
    assert ncp_a.discover(NUMBER, trait("livingSubjectBirthTime", 'value="19700409"')).acknowledged == ("AA", "OK")


def test_row_9_an_access_code_that_is_not_given_is_asked_for(ncp_a: ScriptedGateway) -> None:
    ncp_a.mask(DEMANDING % (ACCESS_CODE, ""))
    answer = ncp_a.discover(NUMBER)
    assert answer.refusal == ("PatientAuthenticationRequired", "mitigatedBy", "ERROR_PI_GENERIC", "AA", "AE")
    assert ncp_a.connector.asked == []
    assert ncp_a.discover(NUMBER, identifier("2.25.77", "aB3456")).acknowledged == ("AA", "OK")


def test_row_12_a_country_that_is_not_approved_is_told_so(ncp_a: ScriptedGateway) -> None:
    ncp_a.configure(refused_countries=frozenset({CountryCode("FR")}))
    answer = ncp_a.discover()
    assert answer.refusal == ("PolicyViolation", "mitigatedBy", "ERROR_PI_GENERIC", "AA", "AE")
    assert ncp_a.connector.asked == []


def test_row_15_without_a_security_header_nobody_is_identified(ncp_a: ScriptedGateway) -> None:
    request = soap_envelope(discovery(NUMBER), addressing_blocks(DISCOVERY, message_id()))
    answer = ncp_a.peer().ask(DISCOVERY, request)
    assert answer.refusal == ("InsufficientRights", "mitigatedBy", "1001", "AE", "AE")
    ncp_a.assert_untouched(answer)


def test_row_15_without_an_hcp_assertion_nobody_is_identified(ncp_a: ScriptedGateway) -> None:
    login = ncp_a.log_in()
    request = message(DISCOVERY, discovery(NUMBER), login.sign(login.trc(PATIENT)))
    answer = ncp_a.peer().ask(DISCOVERY, request)
    code = "ERROR_HPI_AUTHENTICATION_NOT_RECEIVED"
    assert answer.refusal == ("InsufficientRights", "mitigatedBy", code, "AE", "AE")
    ncp_a.assert_untouched(answer)


def test_row_18_search_needs_its_permission(ncp_a: ScriptedGateway) -> None:
    others = attribute(PERMISSION, *(f"{PERMISSION}:{code}" for code in ("PRD-003", "PRD-005", "PRD-010", "PRD-016")))
    request = message(DISCOVERY, discovery(NUMBER), *ncp_a.log_in().professional(permissions=others))
    answer = ncp_a.peer().ask(DISCOVERY, request)
    assert answer.refusal == ("InsufficientRights", "mitigatedBy", "4703", "AE", "AE")
    ncp_a.assert_untouched(answer)


def test_row_18_a_role_may_be_refused(ncp_a: ScriptedGateway) -> None:
    ncp_a.configure(policy=AccessPolicy(refused_roles=frozenset({"221"})))
    answer = ncp_a.discover()
    assert answer.refusal == ("InsufficientRights", "mitigatedBy", "4703", "AE", "AE")
    assert ncp_a.connector.asked == []


def test_a_refusal_quotes_a_reference_number_that_the_log_knows(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.persons = RuntimeError("x")
    answer = ncp_a.discover()
    detail = answer.content.find(f"{H}acknowledgement/{H}acknowledgementDetail")
    word, _, reference = detail.findtext(f"{H}location").partition(" ")
    assert word == "XCPD"
    assert f'"transaction":"{reference}"' in ncp_a.log.since()


def test_the_sentence_of_the_country_reaches_the_peer_and_its_details_do_not(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.persons = ConnectorError(
        Code.PI_GENERIC, "connector.ehic", message="Show the blue card.", context="table patient, row 7"
    )
    answer = ncp_a.discover()
    assert b"Show the blue card." in answer.body
    assert b"row 7" not in answer.body


# --- requests of every peer version ----------------------------------------------------------------------------------

VARIANTS: dict[str, tuple[bytes, bytes]] = {
    "the extension of the id is a UUID": (
        b'extension="4821930567"',
        b'extension="0b6f2a4e-6a3c-4f0e-9b3e-1d5c7a9e2f10"',
    ),
    "the id has no extension": (b' extension="4821930567"', b""),
    "the creation time is a date": (b"20260314091530.204+0000", b"20190314"),
    "the creation time has an offset": (b"20260314091530.204+0000", b"20260314091530+0300"),
    "the creation time has no zone": (b"20260314091530.204+0000", b"20260314091530"),
    "no version code": (b'<versionCode code="V3PR1"/>', b""),
    "processing code T": (b'<processingCode code="P"/>', b'<processingCode code="T"/>'),
    "processing code D": (b'<processingCode code="P"/>', b'<processingCode code="D"/>'),
    "no processing code": (b'<processingCode code="P"/>', b""),
    "processing mode I": (b'<processingModeCode code="T"/>', b'<processingModeCode code="I"/>'),
    "no processing mode": (b'<processingModeCode code="T"/>', b""),
    "acknowledgements never": (b'<acceptAckCode code="AL"/>', b'<acceptAckCode code="NE"/>'),
    "no acknowledgement code": (b'<acceptAckCode code="AL"/>', b""),
    "another organisation is receiver": (
        b'<representedOrganization classCode="ORG" determinerCode="INSTANCE"><id root="2.16.17.710.840.1000.990.1"/>',
        b'<representedOrganization classCode="ORG" determinerCode="INSTANCE"><id root="2.999.1"/>',
    ),
    "code system beside its name": (b' codeSystemName="2.16.840.1.113883.1.6"', b' codeSystem="2.16.840.1.113883.1.6"'),
    "neither code system nor name": (b' codeSystemName="2.16.840.1.113883.1.6"', b""),
    "a device asks": (
        b'<assignedPerson classCode="ASSIGNED"/>',
        b'<assignedDevice classCode="ASSIGNED"><id root="1.2.3"/></assignedDevice>',
    ),
    "nobody is author": (
        b'<authorOrPerformer typeCode="AUT"><assignedPerson classCode="ASSIGNED"/></authorOrPerformer>',
        b"",
    ),
    "a degree of match": (
        b"<matchCriterionList/>",
        b'<matchCriterionList><minimumDegreeMatch><value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:type="INT" value="75"/><semanticsText>MinimumDegreeMatch</semanticsText></minimumDegreeMatch>'
        b"</matchCriterionList>",
    ),
    "no match criteria": (b"<matchCriterionList/>", b""),
    "no priority": (b'<responsePriorityCode code="I"/>', b""),
    "no modality": (b'<responseModalityCode code="R"/>', b""),
    "blanks round the number": (b'extension="123450987"', b'extension=" 123450987 "'),
    "comments everywhere": (b"<parameterList>", b"<!-- a --><parameterList><!-- b -->"),
}
NOT_OF_THE_SCHEMA: dict[str, tuple[bytes, bytes]] = {
    "an element of nobody": (b'<acceptAckCode code="AL"/>', b'<acceptAckCode code="AL"/><novelty code="x"/>'),
    "an extension of another namespace": (b"<parameterList>", b'<parameterList><x:y xmlns:x="urn:x">z</x:y>'),
}


@pytest.mark.parametrize("name", VARIANTS | NOT_OF_THE_SCHEMA)
def test_what_peers_write_differently_is_answered_alike(ncp_a: ScriptedGateway, name: str) -> None:
    old, new = (VARIANTS | NOT_OF_THE_SCHEMA)[name]
    question = discovery(NUMBER, COUNTRY_TRAIT)
    assert old in question
    line = ncp_a.peer()
    request = message(DISCOVERY, question.replace(old, new, 1), *ncp_a.log_in().professional())
    if name in NOT_OF_THE_SCHEMA or name in ("no modality", "no priority", "no match criteria"):
        # The echo repeats what no schema knows, so this answer cannot be valid.
        answer = _unvalidated(line, request)
    else:
        answer = line.ask(DISCOVERY, request)
    assert answer.acknowledged == ("AA", "OK")
    ((_, permitted), _) = ncp_a.connector.calls
    assert permitted.search.identifiers == (II(*PATIENT),)


def _unvalidated(line: Any, request: bytes) -> Any:
    return line.post(XCPD_PATH, request, {"Content-Type": "application/soap+xml"})


def test_any_prefix_will_do(ncp_a: ScriptedGateway) -> None:
    question = etree.fromstring(discovery(NUMBER))
    prefixed = etree.tostring(question).replace(b"</", b"</v3:").replace(b"<", b"<v3:").replace(b"<v3:/v3:", b"</v3:")
    prefixed = prefixed.replace(b'xmlns="urn:hl7-org:v3"', b'xmlns:v3="urn:hl7-org:v3"')
    assert ncp_a.discover(body=prefixed).acknowledged == ("AA", "OK")


TRAITS: dict[str, tuple[str, ...]] = {
    "a full name": (
        trait("livingSubjectName", "<value><family>Primjerić</family><given>Ana</given></value>", "LivingSubject.name"),
    ),
    "several given names": (
        trait("livingSubjectName", "<value><given>Ana</given><given>Marija</given><family>P</family></value>"),
    ),
    "a birth date without semantics": (trait("livingSubjectBirthTime", 'value="19700409"'),),
    "a year of birth": (trait("livingSubjectBirthTime", 'value="1970"'),),
    "a month of birth": (trait("livingSubjectBirthTime", 'value="197004"'),),
    "a time of birth": (trait("livingSubjectBirthTime", 'value="19700409083000+0100"'),),
    "her gender": (trait("livingSubjectAdministrativeGender", 'code="F"'),),
    "undifferentiated gender": (trait("livingSubjectAdministrativeGender", 'code="UN"'),),
    "gender in a word": (trait("livingSubjectAdministrativeGender", 'code="FEMALE"'),),
    "gender without a code": (trait("livingSubjectAdministrativeGender", 'nullFlavor="UNK"'),),
    "an empty address": (trait("patientAddress", "<value/>", "Patient.addr"),),
    "an address": (
        trait(
            "patientAddress",
            "<value><streetName>Ulica 1</streetName><city>Zagreb</city><country>HR</country></value>",
        ),
    ),
    "traits nobody asks for": (
        trait("mothersMaidenName", "<value><family>X</family></value>"),
        trait("patientTelecom", 'value="tel:1"'),
    ),
}


@pytest.mark.parametrize("name", TRAITS)
def test_traits_beside_the_number_are_read(ncp_a: ScriptedGateway, name: str) -> None:
    assert ncp_a.discover(NUMBER, *TRAITS[name]).acknowledged == ("AA", "OK")


def test_two_identifiers_are_asked_together(ncp_a: ScriptedGateway) -> None:
    ncp_a.mask(
        DEMANDING % ('<id domain="2.25.5" label="label.ism.passportNumber" format="" contextualDescription="x"/>', "")
    )
    assert ncp_a.discover(NUMBER, identifier("2.25.5", "80191-0003")).acknowledged == ("AA", "OK")
    assert ncp_a.connector.calls[0][1].search.identifiers == (II(*PATIENT), II("2.25.5", "80191-0003"))


def test_another_gender_than_hers_is_nobody(ncp_a: ScriptedGateway) -> None:
    answer = ncp_a.discover(trait("livingSubjectAdministrativeGender", 'code="M"'), NUMBER)
    assert answer.refusal[2] == "ERROR_PI_NO_MATCH"


def test_openncp_sends_one_query_id_for_ever(ncp_a: ScriptedGateway) -> None:
    for _ in range(2):
        assert ncp_a.discover(body=discovery(NUMBER, query_id="1.263507841149")).acknowledged == ("AA", "OK")


BROKEN: dict[str, tuple[bytes, bytes]] = {
    "another interaction": (b'extension="PRPA_IN201305UV02"', b'extension="PRPA_IN201309UV02"'),
    "no interaction": (b'<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201305UV02"/>', b""),
    "no query id": (b"<queryId ", b"<noQueryId "),
    "no sender organisation": (
        b'<representedOrganization classCode="ORG" determinerCode="INSTANCE"><id root="2.16.17.710.790.1000.990.1"/>'
        b"</representedOrganization>",
        b"",
    ),
    "no query": (b"queryByParameter", b"queryContinuation"),
    "no control act": (b"controlActProcess", b"controlAct"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_question_that_is_none_gets_an_answer_that_says_so(ncp_a: ScriptedGateway, name: str) -> None:
    old, new = BROKEN[name]
    request = message(DISCOVERY, discovery(NUMBER).replace(old, new), *ncp_a.log_in().professional())
    answer = _unvalidated(ncp_a.peer(), request)
    assert answer.status == 200
    assert answer.refusal[0] == "InternalError"
    assert ncp_a.connector.calls == []


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'<id root="2.16.17.710.790.1000.990.1"/>', b""), (b"<sender ", b"<dispatcher ")],
    ids=["the sender has no id", "there is no sender"],
)
def test_nobody_to_answer_to_is_a_fault_of_the_sender(ncp_a: ScriptedGateway, old: bytes, new: bytes) -> None:
    body = discovery(NUMBER).replace(old, new).replace(b"</sender>" if b"dispatcher" in new else b"?", b"</dispatcher>")
    answer = ncp_a.peer().ask(DISCOVERY, message(DISCOVERY, body, *ncp_a.log_in().professional()))
    assert (answer.status, answer.fault[0]) == (400, "Sender")
    assert ncp_a.connector.calls == []


# --- next of kin, and a treatment that nobody asked for --------------------------------------------------------------


def test_the_next_of_kin_may_stand_before_the_professional(ncp_a: ScriptedGateway) -> None:
    login = ncp_a.log_in()
    request = message(DISCOVERY, discovery(NUMBER), login.sign(login.nok(PATIENT)), login.sign(login.hcp()))
    assert ncp_a.peer().ask(DISCOVERY, request).acknowledged == ("AA", "OK")
    assert ncp_a.connector.calls[0][1].caller.nok is not None


def test_a_treatment_that_comes_along_is_passed_over(ncp_a: ScriptedGateway) -> None:
    request = message(DISCOVERY, discovery(NUMBER), *ncp_a.log_in().treating(PATIENT))
    assert ncp_a.peer().ask(DISCOVERY, request).acknowledged == ("AA", "OK")
    assert ncp_a.connector.calls[0][1].caller.trc is None


def test_a_bad_next_of_kin_is_not_passed_over(ncp_a: ScriptedGateway) -> None:
    login = ncp_a.log_in()
    bad = login.sign(login.nok(PATIENT)).replace(b"KIN-7", b"KIN-8")
    answer = ncp_a.peer().ask(DISCOVERY, message(DISCOVERY, discovery(NUMBER), bad, login.sign(login.hcp())))
    assert answer.refusal[2] == "ERROR_SEC_DATA_INTEGRITY_NOT_ENSURED"
    ncp_a.assert_untouched(answer)


@pytest.mark.parametrize("value", ["1", "true", "0"])
def test_security_may_say_that_it_must_be_understood(ncp_a: ScriptedGateway, value: str) -> None:
    request = soap_envelope(
        discovery(NUMBER),
        addressing_blocks(DISCOVERY, message_id()),
        security(*ncp_a.log_in().professional(), attributes=f' env:mustUnderstand="{value}"'),
    )
    assert ncp_a.peer().ask(DISCOVERY, request).acknowledged == ("AA", "OK")


def test_germany_needs_no_permission_attribute_where_the_country_says_so(ncp_a: ScriptedGateway) -> None:
    login = ncp_a.log_in()
    request = message(DISCOVERY, discovery(NUMBER), *login.professional(permissions=""))
    answer = ncp_a.peer().ask(DISCOVERY, request)
    assert answer.refusal[2] in ("4703", "ERROR_HPI_GENERIC")
    assert ncp_a.connector.calls == []
    ncp_a.configure(policy=AccessPolicy(accept_role_without_permissions=frozenset({"221"})))
    request = message(DISCOVERY, discovery(NUMBER), *ncp_a.log_in().professional(permissions=""))
    assert ncp_a.peer().ask(DISCOVERY, request).acknowledged == ("AA", "OK")


def test_a_partly_known_birth_date_may_be_left_out_by_setting(ncp_a: ScriptedGateway) -> None:
    ncp_a.configure(birth_time_optional=True)
    ncp_a.connector.persons = (replace(PERSON, birth_date="1970"),)
    answer = ncp_a.discover()
    assert answer.persons[0].find(f"{H}patientPerson/{H}birthTime") is None


def test_nobody_no_consent_and_a_wrong_birth_date_take_the_same_time(ncp_a: ScriptedGateway) -> None:
    """A slow registry of consents, asked for one of the three only, does not tell which of them it was."""

    def took(question: bytes) -> float:
        """Milliseconds of the fastest of five, without the handshake: as the gateway itself has them."""
        ncp_a.log.mark()
        for _ in range(5):
            assert ncp_a.discover(body=question).persons == []
        durations = re.findall(r'"event":"transaction".*"duration_ms":([0-9.]+)', ncp_a.log.since())
        assert len(durations) == 5
        return min(map(float, durations))

    ncp_a.connector.slow = {"consent": 0.03}
    ncp_a.connector.persons = ()
    nobody = took(discovery(NUMBER))
    ncp_a.connector.persons = (PERSON,)
    contradicted = took(discovery(NUMBER, trait("livingSubjectBirthTime", 'value="1971"')))
    ncp_a.connector.allowed = False
    refused = took(discovery(NUMBER))
    assert min(nobody, contradicted, refused) >= 50
    assert max(nobody, contradicted, refused) - min(nobody, contradicted, refused) < 20


def test_a_country_that_says_no_by_an_access_error_is_believed(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.persons = AccessError(Code.WARNING_PI_NO_CONSENT, "consent")
    assert ncp_a.discover().refusal[2] == "WARNING_PI_NO_CONSENT"


def test_a_failed_national_system_is_told_to_the_operator_by_its_place(ncp_a: ScriptedGateway) -> None:
    ncp_a.connector.persons = RuntimeError("Šimunović Primjerić")
    ncp_a.discover()
    assert re.search(r'"exception":"RuntimeError at support/scripted_gateway.py:[0-9]+"', ncp_a.log.since())
