"""ITI-39: what a portal gets for every way in which another country's gateway may deliver a document, or none."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from lxml import etree

from ncp_client import (
    ConsentMissing,
    ContentError,
    Contract,
    CountryUnreachable,
    Document,
    DocumentNotFound,
    GatewayError,
    NotPermitted,
    TechnicalError,
    Treatment,
)
from tests.shared import shared
from tests.support.consultation import CONTRACTS, PlainPortal, PortalFault
from tests.support.peer_answers import (
    GERMANY,
    OPENNCP_9,
    OPENNCP_81,
    RETRIEVE_ANSWER,
    Shape,
    axis2_multipart,
    cxf_multipart,
    fault,
    included,
    lines_of,
    soap,
)
from tests.support.scripted_peer import ScriptedPeer, Step, say
from tests.support.xca import PDF, cda, peer_document, peer_retrieve_response

pytestmark = [pytest.mark.xdist_group("consultation"), pytest.mark.timeout(300)]

EACH_CONTRACT = pytest.mark.parametrize("contract", CONTRACTS, ids=["v9", "v7"])
MBO = "2.16.840.1.113883.2.7.2.2"
UNIQUE_ID = "1.2.999.77.1^L3"
SECRET = ("Izmišljena", "Tuđa", "123456789", UNIQUE_ID)


def summary(body: str = "<structuredBody/>", **changes: str) -> bytes:
    """A summary of the patient who is treated."""
    values = {
        "root": "1.2.999.77.1",
        "extension": "L3",
        "patient": f'<id root="{MBO}" extension="123456789"/>',
        "family": "<family>Izmišljena</family>",
        "birth": "19700409",
    }
    return cda(body, **(values | changes))


def document(unique_id: str = UNIQUE_ID, country: str = "HR") -> Document:
    return Document(
        country=country,
        unique_id=unique_id,
        repository_id="1.2.3.4.77",
        home_community_id="urn:oid:2.16.17.710.840.1000.990.1",
        class_code="60591-5",
    )


SUMMARY = summary()
ATTACHED = ("1.6f0e@apache.org", SUMMARY)
INLINE = base64.b64encode(SUMMARY).decode()


def delivered(content: str = INLINE, unique_id: str = UNIQUE_ID, **more: str) -> str:
    return peer_document(content, unique_id, **more)


def answer(
    status: str | None, *errors: tuple[str, str], documents: str = "", shape: Shape = OPENNCP_9, say: str = ""
) -> Step:
    body = peer_retrieve_response(status, *errors, documents=documents).decode()
    return soap(body.replace("told by the peer", say or "told by the peer"), RETRIEVE_ANSWER, shape)


def with_parts(write: Callable[..., Step], *parts: tuple[str, bytes], ask: str = "1.6f0e@apache.org") -> Step:
    body = peer_retrieve_response("Success", documents=delivered(included(ask)))
    return write(body, parts)


L1 = summary(f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{lines_of(PDF)}</text></nonXMLBody>')
DELIVERIES = [
    ("CXF, inline", answer("Success", documents=delivered())),
    ("Axis2, inline", answer("Success", documents=delivered(), shape=OPENNCP_81)),
    ("Germany, inline with white space", answer("Success", documents=delivered(lines_of(SUMMARY)), shape=GERMANY)),
    ("Axis2, MTOM", with_parts(axis2_multipart, ATTACHED)),
    ("CXF, MTOM", with_parts(cxf_multipart, ATTACHED)),
    (
        "MTOM, percent-encoded cid",
        with_parts(axis2_multipart, ("1 6f0e@apache.org", SUMMARY), ask="1%206f0e@apache.org"),
    ),
    ("MTOM, one more part", with_parts(axis2_multipart, ATTACHED, ("2.6f0e@apache.org", b"<other/>"))),
    ("Axis2, multipart with one part", axis2_multipart(peer_retrieve_response("Success", documents=delivered()), [])),
]


def included_from(href: str) -> Step:
    """An Include that would have to be followed to somewhere else."""
    content = included("x").replace("cid:x", href)
    return axis2_multipart(peer_retrieve_response("Success", documents=delivered(content)), [ATTACHED])


@dataclass(frozen=True)
class Refused:
    name: str
    answer: Step
    kind: type[GatewayError]
    code: str = ""


REFUSALS = [
    Refused(
        "unknown (OpenNCP)",
        answer("PartialSuccess", ("XDSMissingDocument", "E")),
        DocumentNotFound,
        "XDSMissingDocument",
    ),
    Refused(
        "unknown (Germany)",
        answer("Failure", ("ERROR_GENERIC_DOCUMENT_MISSING", "E"), shape=GERMANY),
        DocumentNotFound,
        "ERROR_GENERIC_DOCUMENT_MISSING",
    ),
    Refused("Success without a document", answer("Success"), DocumentNotFound),
    Refused("no status, with the document", answer(None, documents=delivered()), TechnicalError, "ERROR_GENERIC"),
    Refused("Failure, with the document", answer("Failure", documents=delivered()), TechnicalError, "ERROR_GENERIC"),
    Refused(
        "the document beside an Error",
        answer("PartialSuccess", ("4703", "E"), documents=delivered()),
        NotPermitted,
        "4703",
    ),
    Refused(
        "Success, the document beside an Error",
        answer("Success", ("ERROR_PS_NO_CONSENT", "E"), documents=delivered()),
        ConsentMissing,
        "ERROR_PS_NO_CONSENT",
    ),
    Refused(
        "transcoding failed",
        answer("Failure", ("4505", "E"), ("ERROR_PS_MISSING_EXPECTED_MAPPING", "E")),
        ContentError,
    ),
    Refused("another document", answer("Success", documents=delivered(unique_id="1.2.999.77.2")), TechnicalError),
    Refused(
        "another patient's document",
        answer(
            "Success",
            documents=delivered(
                base64.b64encode(
                    summary(
                        patient=f'<id root="{MBO}" extension="111111111"/>',
                        family="<family>Tuđa</family>",
                        birth="1950",
                    )
                ).decode()
            ),
        ),
        TechnicalError,
    ),
    Refused(
        "another patient's document, same birth date",
        answer(
            "Success",
            documents=delivered(
                base64.b64encode(
                    summary(patient=f'<id root="{MBO}" extension="111111111"/>', family="<family>Tuđa</family>")
                ).decode()
            ),
        ),
        TechnicalError,
    ),
    Refused(
        "nobody's document",
        answer("Success", documents=delivered(base64.b64encode(summary(patient="", family="", birth="")).decode())),
        TechnicalError,
    ),
    Refused("not base64", answer("Success", documents=delivered("%%%")), ContentError),
    Refused("empty", answer("Success", documents=delivered("")), ContentError),
    Refused("not a CDA", answer("Success", documents=delivered(base64.b64encode(b"<html/>").decode())), ContentError),
    Refused(
        "a CDA with a DTD",
        answer("Success", documents=delivered(base64.b64encode(b"<!DOCTYPE x><x/>").decode())),
        ContentError,
    ),
    Refused("an Include of nothing", with_parts(axis2_multipart, ATTACHED, ask="9.none@apache.org"), ContentError),
    Refused("an Include of the network", included_from("http://127.0.0.1:9/1.6f0e@apache.org"), ContentError),
    Refused("another body", soap("<x xmlns='urn:other'/>", RETRIEVE_ANSWER), CountryUnreachable),
    Refused(
        "a reason that quotes the document",
        answer("Failure", ("ERROR_PS_GENERIC", "E"), say=f"{UNIQUE_ID} of 123456789"),
        TechnicalError,
        "ERROR_PS_GENERIC",
    ),
]


@pytest.mark.parametrize(("name", "step"), DELIVERIES, ids=[name for name, _ in DELIVERIES])
def test_a_document_arrives_byte_for_byte(
    name: str, step: Step, treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    for treatment in treatments.values():
        peers["HR"].plays(step)
        fetched = treatment.fetch(document(), language="")
        assert fetched.content == SUMMARY
        assert fetched.warnings == ()
        assert len(peers["HR"].questions) == 1


@pytest.mark.parametrize(
    ("content", "warnings"),
    [
        (PDF, {"document.patient_not_named"}),
        (L1, set()),
        (b"\r\n" + SUMMARY, set()),
        (summary(root="1.2.999.77.5"), {"document.id_differs"}),
        (
            summary(patient='<id root="9.9" extension="national"/>'),
            {"document.patient_id_differs"},
        ),
        (
            summary(patient=f'<id root="9.9" extension="1"/><id root="{MBO}" extension="123456789"/>'),
            set(),
        ),
    ],
)
def test_a_document_of_the_right_patient_is_shown_with_what_must_be_known_of_it(
    content: bytes, warnings: set[str], treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(answer("Success", documents=delivered(base64.b64encode(content).decode())))
    fetched = treatments[Contract.OPENNCP_9].fetch(document(), language="")
    assert fetched.content == content
    assert set(fetched.warnings) == warnings


@pytest.mark.parametrize(
    ("status", "errors", "warnings"),
    [
        ("Success", [("2502", "W")], {"peer.transformation"}),
        ("PartialSuccess", [("2502", "E")], {"peer.transformation"}),
        ("PartialSuccess", [("4505", "E")], {"peer.transformation"}),
        ("Success", [("WARNING_PS_MISSING_BASIC_DATA", "W")], {"peer.warning"}),
    ],
)
def test_a_document_with_notices_of_the_transcoding_step_is_shown(
    status: str,
    errors: list[tuple[str, str]],
    warnings: set[str],
    treatments: dict[Contract, Treatment],
    peers: dict[str, ScriptedPeer],
) -> None:
    peers["HR"].plays(answer(status, *errors, documents=delivered()))
    fetched = treatments[Contract.OPENNCP_9].fetch(document(), language="")
    assert (fetched.content, set(fetched.warnings)) == (SUMMARY, warnings)


CODED = summary().replace(
    b"<recordTarget>",
    b'<code code="60591-5" codeSystem="2.16.840.1.113883.6.1" displayName="Patient summary Document"/><recordTarget>',
)
NATIONAL = b'<component><structuredBody><x><code code="9" codeSystem="1.2.250.1.999.1" displayName="x"/></x>'


def test_a_document_is_translated_into_the_language_asked_for(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    for treatment in treatments.values():
        peers["HR"].plays(answer("Success", documents=delivered(base64.b64encode(CODED).decode())))
        fetched = treatment.fetch(document(), language="fr-FR")
        code = etree.fromstring(fetched.content).find("{urn:hl7-org:v3}code")
        assert code is not None and code.get("displayName") != "Patient summary Document"
        assert code[0].get("displayName") == "Patient summary Document"
        assert fetched.translation is not None and fetched.warnings == ()
        assert (fetched.translation.language, fetched.translation.status) == ("fr-FR", "SUCCESS")
        assert fetched.translation.counts == {"translated": 1} and fetched.translation.release.startswith("shipped-")


def test_a_document_that_cannot_be_translated_is_shown_as_it_came_and_that_is_said(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    """It says of no kind that it is."""
    for treatment in treatments.values():
        peers["HR"].plays(answer("Success", documents=delivered()))
        fetched = treatment.fetch(document(), language="fr-FR")
        assert (fetched.content, fetched.warnings) == (SUMMARY, ("translation.failed",))
        assert fetched.translation is not None and fetched.translation.status == "ERROR"
        assert fetched.translation.code == "EHDSI_WARNING_PS_MISSING_EXPECTED_TRANSLATION"


def test_codes_without_a_name_and_codes_of_the_other_country_are_told(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    content = CODED.replace(b"<component><structuredBody/>", NATIONAL + b"</structuredBody>")
    peers["HR"].plays(answer("Success", documents=delivered(base64.b64encode(content).decode())))
    fetched = treatments[Contract.OPENNCP_9].fetch(document(), language="fr-FR")
    assert set(fetched.warnings) == {"translation.incomplete", "translation.national_codes"}
    assert fetched.translation is not None
    assert fetched.translation.counts == {"translated": 1, "unknown-code": 1}
    assert fetched.translation.code == "EHDSI_WARNING_PS_MISSING_EXPECTED_TRANSLATION"


def test_of_several_documents_the_one_that_was_asked_for_is_shown(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    other = delivered(base64.b64encode(summary(extension="other")).decode(), "1.2.999.77.1^other")
    peers["HR"].plays(answer("Success", documents=other + delivered()))
    fetched = treatments[Contract.OPENNCP_9].fetch(document(), language="")
    assert (fetched.content, fetched.warnings) == (SUMMARY, ("document.several",))


@EACH_CONTRACT
@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_is_a_typed_error_and_no_document_is_shown_that_came_with_it(
    case: Refused, contract: Contract, treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(case.answer)
    with pytest.raises(case.kind) as raised:
        treatments[contract].fetch(document(), language="fr-FR")
    assert not case.code or raised.value.code == case.code
    assert raised.value.country == "HR"
    assert len(peers["HR"].questions) == 1


@EACH_CONTRACT
@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_plain_portal_gets_a_fault_of_its_version_without_any_document(
    case: Refused,
    contract: Contract,
    plain: dict[Contract, PlainPortal],
    hcp: bytes,
    trc: bytes,
    treatments: dict[Contract, Treatment],
    peers: dict[str, ScriptedPeer],
) -> None:
    peers["HR"].plays(case.answer)
    portal = plain[contract]
    portal.assertions = [trc, hcp]
    with pytest.raises(PortalFault) as raised:
        portal.service.retrieveDocument(
            {
                "countryCode": "HR",
                "homeCommunityId": "urn:oid:2.16.17.710.840.1000.990.1",
                "documentId": {"repositoryUniqueId": "1.2.3.4.77", "documentUniqueId": UNIQUE_ID},
                "classCode": {"nodeRepresentation": "60591-5", "schema": "2.16.840.1.113883.6.1"},
                "targetLanguage": "fr-FR",
            }
        )
    told = raised.value
    assert told.status == 500
    assert told.value == (f"env:{told.code}" if contract is Contract.OPENNCP_7 else "env:Receiver")
    assert (told.subcode, told.country) == (told.code, "HR")
    assert told.kind == f"{{{contract.value[0]}}}XCAException"
    assert [word for word in SECRET if word.encode() in told.raw] == []
    assert base64.b64encode(SUMMARY)[:60] not in told.raw


# --- multipart questions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("country", "refusal"),
    [
        ("MT", fault("No SOAP header found", stack="cxf")),  # OpenNCP 9 parses the raw bytes before the MIME layer
        ("SE", say(b"", content_type="text/plain", status=415)),  # a server or proxy that knows no multipart at all
    ],
)
def test_a_gateway_that_refuses_multipart_is_asked_once_again_as_plain_soap_and_then_always(
    treatments_in: Callable[[str], Treatment], peers: dict[str, ScriptedPeer], country: str, refusal: Step
) -> None:
    treatment, peer = treatments_in(country), peers[country]
    peer.plays(refusal, answer("Success", documents=delivered()))
    assert treatment.fetch(document(country=country), language="fr-FR").content == SUMMARY
    first, second = peer.questions
    assert (first.is_multipart, second.is_multipart) == (True, False)
    assert first.message_id != second.message_id
    peer.plays(answer("Success", documents=delivered()))
    treatment.fetch(document(country=country), language="fr-FR")
    assert [question.is_multipart for question in peer.questions] == [False]


@EACH_CONTRACT
def test_a_fault_to_both_forms_is_the_error(
    contract: Contract, treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(fault(stack="cxf"), fault(stack="cxf"))
    with pytest.raises(CountryUnreachable):
        treatments[contract].fetch(document(), language="fr-FR")
    assert [question.is_multipart for question in peers["HR"].questions] == [True, False]
    peers["HR"].plays(answer("Success", documents=delivered()))
    treatments[contract].fetch(document(), language="fr-FR")
    assert peers["HR"].questions[0].is_multipart, "nothing was learnt of the endpoint"


def test_a_fault_that_names_a_code_is_an_answer_and_is_not_asked_again(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    """OpenNCP from 8.1 refuses assertions in ITI-39 with a fault."""
    peers["HR"].plays(fault("told", subcode="4703"))
    with pytest.raises(NotPermitted):
        treatments[Contract.OPENNCP_9].fetch(document(), language="fr-FR")
    assert len(peers["HR"].questions) == 1


def test_germanys_refused_header_is_never_repeated(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(fault("HP Missing Attributes", value="Sender", stack="bare", status=400))
    with pytest.raises(NotPermitted) as raised:
        treatments[Contract.OPENNCP_9].fetch(document(), language="fr-FR")
    assert raised.value.code == "4703"
    assert len(peers["HR"].questions) == 1


# --- other people's messages -----------------------------------------------------------------------------------------


def test_the_german_delivery_of_two_documents_is_another_patients(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    body = shared("samples/xca/de_iti39_response_inline_two_documents.xml").read_text(encoding="utf-8")
    body = body[body.index("<ns3:") :]
    asked = body.split("DocumentUniqueId>")[1].split("<")[0]
    peers["HR"].plays(soap(body, RETRIEVE_ANSWER, GERMANY))
    with pytest.raises(TechnicalError):
        treatments[Contract.OPENNCP_9].fetch(document(asked), language="fr-FR")


def test_the_german_failure_is_a_missing_document(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    body = shared("samples/xca/de_iti39_response_failure_missing.xml").read_text(encoding="utf-8")
    peers["HR"].plays(soap(body[body.index("<ns") :], RETRIEVE_ANSWER, GERMANY))
    with pytest.raises(DocumentNotFound):
        treatments[Contract.OPENNCP_9].fetch(document(), language="fr-FR")
