"""What another country's gateway receives from us, judged by official schemas and by libxmlsec1.

The checker reads the markup itself. Sources: ITI TF-2 3.55, 3.38, 3.39, Appendix V; WSS SAML Token Profile 1.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from lxml import etree

from ncp_client import (
    Contract,
    CountryUnreachable,
    DocumentNotFound,
    Gateway,
    IdentificationError,
    NotPermitted,
    Traits,
    Treatment,
)
from ncp_client.values import Document
from tests.shared import shared
from tests.support.assertions import xmlsec_accepts
from tests.support.consultation import Asking, professional
from tests.support.peer_answers import TENA, fault, found, nobody
from tests.support.scripted_peer import ENV, SAML, WSA, Question, ScriptedPeer, say
from tests.support.xca import broken_query_rules, peer_query_response, peer_retrieve_response, schema
from tests.support.xcpd import request_errors

pytestmark = [pytest.mark.xdist_group("consultation"), pytest.mark.timeout(300)]

MBO = "2.16.840.1.113883.2.7.2.2"
TRAITS = Traits(identifiers=((MBO, "123456789"),))
HL7 = {"h": "urn:hl7-org:v3"}
DS = "{http://www.w3.org/2000/09/xmldsig#}"
ALGORITHMS = {
    "CanonicalizationMethod": "http://www.w3.org/2001/10/xml-exc-c14n#",
    "SignatureMethod": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "DigestMethod": "http://www.w3.org/2001/04/xmlenc#sha256",
}
SUBJECT_ID = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
RESOURCE_ID = "urn:oasis:names:tc:xacml:1.0:resource:resource-id"


def broken_header_rules(question: Question) -> list[str]:
    """Names of the rules that a header breaks; an empty list is a good one."""
    broken = []
    blocks = list(question.header)
    names = [etree.QName(block).localname for block in blocks]
    if names != ["To", "Action", "MessageID", "ReplyTo", "Security"]:
        broken.append(f"order: {names}")
    if any(etree.QName(block).namespace != WSA for block in blocks[:4]):
        broken.append("namespace of the addressing blocks")
    must = {etree.QName(block).localname: block.get(f"{{{ENV}}}mustUnderstand") for block in blocks}
    if must != {"To": "1", "Action": "1", "MessageID": None, "ReplyTo": None, "Security": None}:
        broken.append(f"mustUnderstand: {must}")
    if not re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", question.message_id):
        broken.append("MessageID")
    if question.header.findtext(f"{{{WSA}}}ReplyTo/{{{WSA}}}Address") != f"{WSA}/anonymous":
        broken.append("ReplyTo")
    if not (question.header.findtext(f"{{{WSA}}}To") or "").endswith(question.path):
        broken.append("To")
    if any(child.tag != f"{{{SAML}}}Assertion" for child in blocks[-1]):
        broken.append("something else in Security")
    if f'action="{question.action}"' not in question.content_type:
        broken.append("action of HTTP")
    if not question.soap.startswith(b"<?xml") or b"<!DOCTYPE" in question.soap:
        broken.append("declaration")
    return broken


def seal_of(asking: Asking) -> x509.Certificate:
    return x509.load_pem_x509_certificate((asking.playground.folder / "pki" / "fr" / "seal.pem").read_bytes())


def check_assertions(question: Question, asking: Asking, kinds: list[str]) -> None:
    """Order, one signature each that libxmlsec1 accepts under the seal of this country, and its algorithms."""
    assert question.kinds == kinds
    for assertion in question.assertions:
        (signature,) = assertion.findall(f"{DS}Signature")
        used = {name: signature.find(f".//{DS}{name}") for name in ALGORITHMS}
        assert {name: node.get("Algorithm") for name, node in used.items() if node is not None} == ALGORITHMS
        assert xmlsec_accepts(question.soap, seal_of(asking), assertion.get("ID") or "")
        changed = question.soap.replace(b"TREATMENT", b"EMERGENCY")
        assert not xmlsec_accepts(changed, seal_of(asking), assertion.get("ID") or ""), "the judge can say no"


def check_schema_of_assertions(question: Question) -> None:
    validator = etree.XMLSchema(etree.parse(str(shared("schemas/saml/ehdsi-assertion.xsd"))))
    for assertion in question.assertions:
        validator.assertValid(etree.fromstring(etree.tostring(assertion, with_tail=False)))


@pytest.fixture
def discovery(portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]) -> Question:
    peers["HR"].plays(found(TENA))
    portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    (question,) = peers["HR"].questions
    return question


@pytest.fixture
def query(treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]) -> Question:
    peers["HR"].plays(soap_answer(peer_query_response("Success")))
    treatments[Contract.OPENNCP_9].documents()
    (question,) = peers["HR"].questions
    return question


@pytest.fixture
def retrieve(treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]) -> Question:
    return fetched(treatments[Contract.OPENNCP_9], peers["HR"], "HR")


def soap_answer(body: bytes) -> Callable[..., None]:
    return say(b'<e:Envelope xmlns:e="' + ENV.encode() + b'"><e:Body>' + body + b"</e:Body></e:Envelope>")


def fetched(treatment: Treatment, peer: ScriptedPeer, country: str) -> Question:
    peer.plays(soap_answer(peer_retrieve_response("Success")))
    wanted = Document(
        country=country,
        unique_id="1.2.999.77.1^L3",
        repository_id="1.2.3.4.77",
        home_community_id="urn:oid:2.16.17.710.840.1000.990.1",
        class_code="60591-5",
    )
    with pytest.raises(DocumentNotFound):
        treatment.fetch(wanted, language="fr-FR")
    (question,) = peer.questions
    return question


# --- ITI-55 ----------------------------------------------------------------------------------------------------------


def test_the_header_of_an_identification_is_as_every_version_reads_it(discovery: Question, asking: Asking) -> None:
    assert broken_header_rules(discovery) == []
    assert discovery.action == "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"
    check_assertions(discovery, asking, ["hcp"])


def test_an_identification_fits_the_official_schemas(discovery: Question) -> None:
    assert request_errors(etree.tostring(discovery.content)) == []
    check_schema_of_assertions(discovery)
    schema().assertValid(discovery.root)


def test_the_country_asked_stands_in_the_address_and_nothing_else(discovery: Question) -> None:
    address = discovery.content.find(".//h:patientAddress/h:value", HL7)
    assert address is not None
    assert [(etree.QName(part).localname, part.text) for part in address] == [("country", "HR")]


def test_sender_receiver_and_identifier_are_those_that_were_meant(discovery: Question) -> None:
    def root(path: str) -> str | None:
        found_ = discovery.content.find(path, HL7)
        return None if found_ is None else found_.get("root")

    assert root("h:receiver/h:device/h:id") == "2.16.17.710.840.1000.990.1"
    assert root("h:sender/h:device/h:id") == "2.16.17.710.790.1000.990.1"
    identifiers = discovery.content.findall(".//h:livingSubjectId/h:value", HL7)
    assert [(one.get("root"), one.get("extension")) for one in identifiers] == [(MBO, "123456789")]


def test_a_treatment_assertion_of_the_portal_stays_here_when_a_patient_is_searched(
    asking: Asking, hcp: bytes, trc: bytes, peers: dict[str, ScriptedPeer], plain: dict[Contract, object]
) -> None:
    portal = asking.connector(Contract.OPENNCP_9)
    portal.assertions = [trc, hcp]
    peers["HR"].plays(found(TENA))
    try:
        portal.service.queryPatient(
            {"countryCode": "HR", "patientDemographics": {"patientId": [{"root": MBO, "extension": "123456789"}]}}
        )
    finally:
        portal.close()
    (question,) = peers["HR"].questions
    check_assertions(question, asking, ["hcp"])


def test_an_identifier_in_groups_is_sent_as_the_country_writes_it(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(found(TENA))
    portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", Traits(identifiers=((MBO, "123 456 789"),)))
    (question,) = peers["HR"].questions
    value = question.content.find(".//h:livingSubjectId/h:value", HL7)
    assert value is not None
    assert value.get("extension") == "123456789"


def test_traits_that_the_country_does_not_ask_for_stay_here(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(found(TENA))
    more = replace(TRAITS, family="Izmišljena", given="Tena", gender="F", city="Zagreb", street="Ilica 1")
    portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", more)
    (question,) = peers["HR"].questions
    parameters = question.content.find(".//h:parameterList", HL7)
    assert parameters is not None
    assert [etree.QName(one).localname for one in parameters] == ["livingSubjectId", "patientAddress"]
    assert "Izmišljena" not in question.soap.decode()


@pytest.mark.parametrize(
    ("identifiers", "code"),
    [
        ((), "ERROR_PI_GENERIC"),
        (((MBO, "12345678"),), "ERROR_PI_INCORRECT_FORMATTING"),
        (((MBO, "12345678X"),), "ERROR_PI_INCORRECT_FORMATTING"),
        (((MBO, "１２３４５６７８９"),), "ERROR_PI_INCORRECT_FORMATTING"),
        ((("1.2.3.4", "123456789"),), "ERROR_PI_INCORRECT_FORMATTING"),
        (((MBO, "123456789"), ("1.2.3.4", "1")), "ERROR_PI_INCORRECT_FORMATTING"),
    ],
)
def test_what_the_countrys_own_mask_refuses_does_not_leave(
    identifiers: tuple[tuple[str, str], ...],
    code: str,
    portals: dict[Contract, Gateway],
    hcp: bytes,
    peers: dict[str, ScriptedPeer],
) -> None:
    """ "Nobody found" would be a lie: the country was not asked."""
    peers["HR"].plays()
    for portal in portals.values():
        with pytest.raises(IdentificationError) as raised:
            portal.session(hcp).find_patient("HR", Traits(identifiers=identifiers))
        assert (raised.value.code, raised.value.country) == (code, "")
    assert peers["HR"].received == 0


# --- ITI-38, ITI-39 --------------------------------------------------------------------------------------------------


def test_a_query_is_as_every_version_reads_it(query: Question, asking: Asking) -> None:
    assert broken_header_rules(query) == []
    assert query.action == "urn:ihe:iti:2007:CrossGatewayQuery"
    assert not query.is_multipart
    check_assertions(query, asking, ["hcp", "trc"])
    assert broken_query_rules(etree.tostring(query.content)) == []


def test_a_query_fits_the_official_schemas(query: Question) -> None:
    schema().assertValid(query.root)
    schema().assertValid(etree.fromstring(etree.tostring(query.content)))
    check_schema_of_assertions(query)


def test_a_retrieve_is_multipart_with_one_part_as_ihe_wants_it(retrieve: Question, asking: Asking) -> None:
    assert broken_header_rules(retrieve) == []
    assert retrieve.action == "urn:ihe:iti:2007:CrossGatewayRetrieve"
    assert retrieve.is_multipart
    for needed in ('type="application/xop+xml"', 'start-info="application/soap+xml"', 'start="<', 'boundary="'):
        assert needed in retrieve.content_type
    assert all(len(line) <= 300 for line in retrieve.body.partition(b"<?xml")[0].splitlines())
    check_assertions(retrieve, asking, ["hcp", "trc"])
    ids = [(etree.QName(one).localname, one.text) for one in retrieve.content[0]]
    assert ids == [
        ("HomeCommunityId", "urn:oid:2.16.17.710.840.1000.990.1"),
        ("RepositoryUniqueId", "1.2.3.4.77"),
        ("DocumentUniqueId", "1.2.999.77.1^L3"),
    ]


def test_a_retrieve_fits_the_official_schemas(retrieve: Question) -> None:
    schema().assertValid(retrieve.root)
    check_schema_of_assertions(retrieve)


@pytest.mark.parametrize(("country", "is_multipart"), [("PT", False), ("ES", True)])
def test_the_form_of_a_retrieve_follows_the_configuration(
    country: str, is_multipart: bool, treatments_in: Callable[..., Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    assert fetched(treatments_in(country), peers[country], country).is_multipart is is_multipart


@pytest.mark.parametrize(
    ("country", "names"),
    [
        ("HR", {SUBJECT_ID}),  # wave 8
        ("PT", {SUBJECT_ID, RESOURCE_ID}),  # wave 7
        ("ES", {SUBJECT_ID, RESOURCE_ID}),  # unknown
        ("MT", {RESOURCE_ID}),  # as configured
    ],
)
def test_the_patient_attribute_of_the_treatment_assertion_fits_the_version_of_the_country(
    country: str, names: set[str], treatments_in: Callable[..., Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    treatment = treatments_in(country)
    peers[country].plays(soap_answer(peer_query_response("Success")))
    treatment.documents()
    (question,) = peers[country].questions
    attributes = question.assertions[-1].findall(f".//{{{SAML}}}Attribute")
    patient = {
        one.get("Name"): one.findtext(f"{{{SAML}}}AttributeValue")
        for one in attributes
        if one.get("Name") in (SUBJECT_ID, RESOURCE_ID)
    }
    assert patient == dict.fromkeys(names, f"123456789^^^&{MBO}&ISO")


def test_whoever_accompanies_the_patient_stands_first(
    asking: Asking,
    portals: dict[Contract, Gateway],
    hcp: bytes,
    trc: bytes,
    peers: dict[str, ScriptedPeer],
    treatments: dict[Contract, Treatment],
    nok: bytes,
) -> None:
    """Up to OpenNCP 8.0 the last assertion that is not the HCP's counts as the treatment's."""
    session = portals[Contract.OPENNCP_9].session(hcp)
    treatment = session.treatment(treatments[Contract.OPENNCP_9].patient, trc, nok)
    peers["HR"].plays(soap_answer(peer_query_response("Success")))
    treatment.documents()
    check_assertions(peers["HR"].questions[0], asking, ["nok", "hcp", "trc"])


# --- permissions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        ("221", {"PRD-003", "PRD-004", "PRD-005", "PRD-006", "PRD-010", "PRD-016"}),
        ("2221", {"PRD-003", "PRD-005", "PRD-006", "PRD-010", "PRD-016"}),
        ("2262", {"PRD-004", "PRD-006", "PRD-010", "PPD-046"}),
        ("44", {"PRD-006"}),
    ],
)
def test_without_permissions_those_of_the_role_are_granted(
    role: str, permissions: set[str], portals: dict[Contract, Gateway]
) -> None:
    session = portals[Contract.OPENNCP_9].log_in(professional(role=role))
    name = "urn:oasis:names:tc:xspa:1.0:subject:hl7:permission"
    values = etree.fromstring(session.hcp_assertion).findall(
        f".//{{{SAML}}}Attribute[@Name='{name}']/{{{SAML}}}AttributeValue"
    )
    assert {(value.text or "").removeprefix(name + ":") for value in values} == permissions


def test_permissions_that_the_portal_names_are_taken_as_they_are(portals: dict[Contract, Gateway]) -> None:
    session = portals[Contract.OPENNCP_9].log_in(professional(permissions=("PRD-006",)))
    assert session.hcp_assertion.count(b"permission:PRD-") == 1


# --- repeats ---------------------------------------------------------------------------------------------------------


def test_a_repeat_is_another_message_with_the_same_body(
    portals: dict[Contract, Gateway], hcp: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    down = say(b"<html>Bad gateway</html>", content_type="text/html", status=502)
    peers["HR"].plays(down, found(TENA))
    (patient,) = portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    assert patient.family == "Izmišljena"
    first, second = peers["HR"].questions
    assert first.message_id != second.message_id
    assert etree.tostring(first.content, method="c14n") == etree.tostring(second.content, method="c14n")
    assert broken_header_rules(second) == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_fault_is_repeated_once_where_that_is_configured(
    times: int, repeating: Asking, peers: dict[str, ScriptedPeer]
) -> None:
    steps = [fault() for _ in range(times)]
    peers["HR"].plays(*steps, *([nobody()] if times == 1 else []))
    with repeating.portal() as portal:
        session = portal.log_in(professional())
        if times == 1:
            assert session.find_patient("HR", TRAITS) == []
        else:
            with pytest.raises(CountryUnreachable):
                session.find_patient("HR", TRAITS)
    first, second = peers["HR"].questions
    assert first.message_id != second.message_id
    peers["HR"].plays(fault(subcode="4703"))
    with repeating.portal() as portal, pytest.raises(NotPermitted):
        portal.log_in(professional()).find_patient("HR", TRAITS)
    assert len(peers["HR"].questions) == 1, "a refusal is not asked for again"


# --- what is kept in development -------------------------------------------------------------------------------------


def test_questions_and_answers_are_kept_as_they_travelled(
    asking: Asking,
    portals: dict[Contract, Gateway],
    hcp: bytes,
    peers: dict[str, ScriptedPeer],
    treatments: dict[Contract, Treatment],
) -> None:
    before = set(asking.messages)
    peers["HR"].plays(found(TENA))
    portals[Contract.OPENNCP_9].session(hcp).find_patient("HR", TRAITS)
    sent = peers["HR"].questions[0].body
    fetched(treatments[Contract.OPENNCP_9], peers["HR"], "HR")
    kept = [path for path in asking.messages if path not in before]
    assert [re.sub(r"^\d+-\d+-", "", path.name) for path in kept] == [
        "ITI-55-outgoing-request.xml",
        "ITI-55-incoming-answer.xml",
        "ITI-39-outgoing-request.mime",
        "ITI-39-incoming-answer.xml",
    ]
    assert kept[0].read_bytes() == sent
    assert "Izmišljena" in kept[1].read_text(encoding="utf-8")
    assert kept[2].read_bytes().endswith(peers["HR"].questions[0].body)
    assert {path.stat().st_mode & 0o077 for path in (asking.folder / "messages", Path(kept[0]).parent)} == {0}


def test_a_question_that_met_nobody_is_kept_too(asking: Asking, portals: dict[Contract, Gateway], hcp: bytes) -> None:
    before = set(asking.messages)
    with pytest.raises(CountryUnreachable):
        portals[Contract.OPENNCP_9].session(hcp).find_patient("LU", TRAITS)
    kept = [path.name for path in asking.messages if path not in before]
    assert len(kept) == 2, "the attempt and its repeat"
    assert all(name.endswith("ITI-55-outgoing-request.xml") for name in kept)


def test_the_log_names_nobody(asking: Asking, discovery: Question, query: Question, retrieve: Question) -> None:
    personal = ("Izmišljena", "Tena", "123456789", "19700409", "1970-04-09", "Exemplaire", "899700209937", "77.1^L3")
    log = asking.log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {line["service"] for line in lines if line["event"] == "transaction"} >= {"ITI-55", "ITI-38", "ITI-39"}
    assert not any("dropped" in line for line in lines)
    assert [word for word in personal if word in log or json.dumps(word)[1:-1] in log] == []
