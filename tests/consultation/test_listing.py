"""ITI-38: what a portal gets for every list that another country's gateway may give."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ncp_client import (
    HOSPITAL_DISCHARGE,
    LABORATORY,
    ConsentMissing,
    Contract,
    CountryUnreachable,
    GatewayError,
    NotPermitted,
    RequestRefused,
    SecurityRefused,
    TechnicalError,
    Treatment,
    TryLater,
)
from tests.shared import shared
from tests.support.consultation import CONTRACTS, PlainPortal, PortalFault
from tests.support.peer_answers import GERMANY, OPENNCP_9, OPENNCP_52, OPENNCP_81, QUERY_ANSWER, Shape, soap
from tests.support.scripted_peer import ScriptedPeer, Step
from tests.support.xca import peer_association, peer_entry, peer_query_response

pytestmark = [pytest.mark.xdist_group("consultation"), pytest.mark.timeout(300)]

EACH_CONTRACT = pytest.mark.parametrize("contract", CONTRACTS, ids=["v9", "v7"])
MBO = "2.16.840.1.113883.2.7.2.2"
PATIENT = f"123456789^^^&amp;{MBO}&amp;ISO"
L3_UUID, L1_UUID = (f"urn:uuid:5b0c1c5e-0b3f-4a3e-8c5d-2f9f6e0f1a0{number}" for number in (1, 2))
SECRET = ("1.2.999.77.1", "123456789", "Exemple-Beispiel")


def entry(unique_id: str = "1.2.999.77.1^L3", **values: str) -> str:
    return peer_entry(unique_id, patient=values.pop("patient", PATIENT), **values)


L3 = entry(uuid=L3_UUID)
L1 = entry("1.2.999.77.1^L1", uuid=L1_UUID, format_code="urn:ihe:iti:xds-sd:pdf:2008")
PAIR = L3 + L1 + peer_association(L1_UUID, L3_UUID)


def listed(
    status: str | None, *errors: tuple[str, str], objects: str = "", shape: Shape = OPENNCP_81, say: str = ""
) -> Step:
    body = peer_query_response(status, *errors, objects=objects).decode()
    return soap(body.replace("told by the peer", say or "told by the peer"), QUERY_ANSWER, shape)


@dataclass(frozen=True)
class Nothing:
    name: str
    answer: Step
    code: str


@dataclass(frozen=True)
class Refused:
    name: str
    answer: Step
    kind: type[GatewayError]
    code: str = ""


NOTHING = [
    Nothing("PS, OpenNCP 8", listed("Success", ("ERROR_PS_NOT_FOUND", "W")), "ERROR_PS_NOT_FOUND"),
    Nothing("PS, OpenNCP 5 to 7", listed("Success", ("1102", "W"), shape=OPENNCP_52), "1102"),
    Nothing("eP, OpenNCP 6 and 7", listed("Failure", ("1101", "W")), "1101"),
    Nothing("eP, OpenNCP 9", listed("Failure", ("ERROR_EP_NOT_FOUND", "W"), shape=OPENNCP_9), "ERROR_EP_NOT_FOUND"),
    Nothing("patient differs, OpenNCP 8.0.2", listed("Failure", ("ERROR_PS_NOT_FOUND", "W")), "ERROR_PS_NOT_FOUND"),
    Nothing(
        "Germany",
        listed("Failure", ("ERROR_GENERIC_DOCUMENT_MISSING", "E"), shape=GERMANY),
        "ERROR_GENERIC_DOCUMENT_MISSING",
    ),
    Nothing("IHE", listed("Failure", ("XDSMissingDocument", "E")), "XDSMissingDocument"),
    Nothing("no status, but a reason", listed(None, ("1102", "W")), "1102"),
    Nothing(
        "nothing found, with documents all the same",
        listed("Success", ("ERROR_PS_NOT_FOUND", "W"), objects=PAIR),
        "ERROR_PS_NOT_FOUND",
    ),
]
LEAK = ("4703", "E")
REFUSALS = [
    Refused("no status, no reason (OpenNCP 8.1)", listed(None), TechnicalError, "ERROR_GENERIC"),
    Refused("no status, with documents", listed(None, objects=PAIR), TechnicalError, "ERROR_GENERIC"),
    Refused("no status, with a reason (OpenNCP 7.1.3)", listed(None, LEAK), NotPermitted, "4703"),
    Refused(
        "documents beside an Error (OpenNCP 6.0 to 8.0.1)", listed("Success", LEAK, objects=PAIR), NotPermitted, "4703"
    ),
    Refused("documents without consent", listed("Success", ("ERROR_PS_NO_CONSENT", "E"), objects=PAIR), ConsentMissing),
    Refused(
        "documents beside an Error without severity", listed("Success", ("1001", ""), objects=PAIR), SecurityRefused
    ),
    Refused(
        "the Error stands behind a Warning",
        listed("Success", ("WARNING_PS_GENERIC", "W"), ("1002", "E"), objects=PAIR),
        SecurityRefused,
        "1002",
    ),
    Refused("Failure with documents", listed("Failure", objects=PAIR), TechnicalError, "ERROR_GENERIC"),
    Refused("Failure with a Warning only", listed("Failure", ("4103", "W")), TryLater, "4103"),
    Refused(
        "PartialSuccess of one class", listed("PartialSuccess", ("ERROR_PS_GENERIC", "E"), objects=PAIR), TechnicalError
    ),
    Refused("no consent", listed("Failure", ("ERROR_PS_NO_CONSENT", "E")), ConsentMissing, "ERROR_PS_NO_CONSENT"),
    Refused("no consent, numbers", listed("Failure", ("4701", "E")), ConsentMissing, "4701"),
    Refused("TRC not of HCP", listed("Failure", ("1002", "E")), SecurityRefused, "1002"),
    Refused(
        "class code not served",
        listed("Success", ("ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN", "E")),
        RequestRefused,
        "ERROR_GENERIC_SERVICE_SIGNIFIER_UNKNOWN",
    ),
    Refused(
        "a code of no list", listed("Failure", ("ERROR_PS_NEVER_SEEN", "E")), TechnicalError, "ERROR_PS_NEVER_SEEN"
    ),
    Refused("a code that is none", listed("Failure", ("Patient 123456789", "E")), TechnicalError, "ERROR_GENERIC"),
    Refused("an empty code (OpenNCP 5)", listed("Failure", ("", "E")), TechnicalError, "ERROR_GENERIC"),
    Refused(
        "a status of no list",
        soap(
            peer_query_response("Success", objects=PAIR).replace(
                b"ResponseStatusType:Success", b"ResponseStatusType:Maybe"
            ),
            QUERY_ANSWER,
        ),
        GatewayError,
    ),
    Refused("another body", soap("<x xmlns='urn:other'/>", QUERY_ANSWER), CountryUnreachable),
    Refused(
        "a reason that quotes the patient",
        listed("Failure", ("ERROR_PS_GENERIC", "E"), say="nothing for 123456789^national"),
        TechnicalError,
        "ERROR_PS_GENERIC",
    ),
]


@pytest.mark.parametrize("shape", [OPENNCP_52, OPENNCP_81, OPENNCP_9, GERMANY], ids=lambda shape: shape.name)
def test_a_pair_is_listed_level_1_with_its_twin(
    shape: Shape, treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    for treatment in treatments.values():
        peers["HR"].plays(listed("Success", objects=PAIR, shape=shape))
        pairs = treatment.documents()
        ((structured, original),) = [(pair.structured, pair.original) for pair in pairs]
        assert structured is not None
        assert original is not None
        assert (structured.unique_id, original.unique_id) == ("1.2.999.77.1^L3", "1.2.999.77.1^L1")
        assert structured.title == "Patient Summary"
        assert pairs.warnings == ()


@pytest.mark.parametrize(
    ("answer", "count", "warnings"),
    [
        (listed("Success"), 0, set()),
        (listed("Success", objects=L3), 1, set()),
        (listed("Success", ("WARNING_PS_GENERIC", "W"), objects=L3), 1, {"peer.warning"}),
        (listed("Success", ("4505", "E"), objects=L3), 1, {"peer.transformation"}),
        (
            listed("Success", objects=L3 + entry("1.2.999.77.2", patient="999^^^&amp;9.9&amp;ISO")),
            1,
            {"entry.other_patient"},
        ),
        (listed("Success", objects=L3 + entry(patient=f"123456780^^^&amp;{MBO}&amp;ISO")), 1, {"entry.other_patient"}),
        (listed("Success", objects=L3 + L3), 1, {"entry.duplicate"}),
        (listed("Success", objects=entry(class_code="57833-6")), 1, {"entry.other_class"}),
        (listed("Success", objects=entry("")), 0, {"entry.unique_id"}),
    ],
)
def test_what_may_be_shown_is_listed_and_the_rest_is_named(
    answer: Step, count: int, warnings: set[str], treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(answer)
    found = treatments[Contract.OPENNCP_9].documents()
    assert (len(found), set(found.warnings)) == (count, warnings)


def test_of_several_classes_those_that_worked_are_shown_and_the_failure_is_told(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    laboratory = entry("1.2.999.77.9", class_code=LABORATORY, format_code="urn:eHDSI:orcd:lab:2020")
    answer = listed("PartialSuccess", ("ERROR_ORCD_GENERIC", "E"), objects=laboratory)
    for treatment in treatments.values():
        peers["HR"].plays(answer)
        found = treatment.documents([LABORATORY, HOSPITAL_DISCHARGE])
        assert [pair.best.unique_id for pair in found] == ["1.2.999.77.9"]
        assert found.warnings == ("peer.partial",)


@EACH_CONTRACT
@pytest.mark.parametrize("case", NOTHING, ids=lambda case: case.name)
def test_nothing_found_is_an_empty_list(
    case: Nothing, contract: Contract, treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(case.answer)
    assert treatments[contract].documents() == []


@EACH_CONTRACT
@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_is_a_typed_error_and_no_document_is_shown_that_came_with_it(
    case: Refused, contract: Contract, treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(case.answer)
    with pytest.raises(case.kind) as raised:
        treatments[contract].documents()
    assert not case.code or raised.value.code == case.code
    assert raised.value.country == "HR"
    assert len(peers["HR"].questions) == 1
    shown = f"{raised.value} {raised.value.message} {raised.value.context}"
    assert [word for word in SECRET if word in shown] == []


@EACH_CONTRACT
@pytest.mark.parametrize("case", NOTHING + REFUSALS, ids=lambda case: case.name)
def test_a_plain_portal_gets_a_fault_of_its_version_without_any_document(
    case: Nothing | Refused,
    contract: Contract,
    plain: dict[Contract, PlainPortal],
    hcp: bytes,
    trc: bytes,
    peers: dict[str, ScriptedPeer],
) -> None:
    peers["HR"].plays(case.answer)
    portal = plain[contract]
    portal.assertions = [trc, hcp]
    with pytest.raises(PortalFault) as raised:
        portal.service.queryDocuments(
            {
                "countryCode": "HR",
                "patientId": {"root": MBO, "extension": "123456789"},
                "classCode": [{"nodeRepresentation": "60591-5", "schema": "2.16.840.1.113883.6.1"}],
            }
        )
    told = raised.value
    assert told.status == 500
    assert told.value == (f"env:{told.code}" if contract is Contract.OPENNCP_7 else "env:Receiver")
    assert told.subcode == told.code
    assert not case.code or told.code == case.code
    assert told.kind == f"{{{contract.value[0]}}}XCAException"
    assert told.country == "HR"
    assert [word for word in SECRET if word.encode() in told.raw] == []


@EACH_CONTRACT
def test_an_empty_list_without_a_word_is_no_fault(
    contract: Contract, plain: dict[Contract, PlainPortal], hcp: bytes, trc: bytes, peers: dict[str, ScriptedPeer]
) -> None:
    peers["HR"].plays(listed("Success"))
    portal = plain[contract]
    portal.assertions = [hcp, trc]
    found = portal.service.queryDocuments(
        {
            "countryCode": "HR",
            "patientId": {"root": MBO, "extension": "123456789"},
            "classCode": [{"nodeRepresentation": "60591-5", "schema": "2.16.840.1.113883.6.1"}],
        }
    )
    assert not found


def test_the_german_list_names_another_patient_than_was_asked_and_nothing_of_it_is_shown(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    body = shared("samples/xca/de_iti38_response_ps.xml").read_text(encoding="utf-8")
    peers["HR"].plays(soap(body[body.index("<ns3:") :], QUERY_ANSWER, GERMANY))
    found = treatments[Contract.OPENNCP_9].documents()
    assert found == []
    assert "entry.other_patient" in found.warnings


def test_the_german_failure_means_that_there_is_no_document(
    treatments: dict[Contract, Treatment], peers: dict[str, ScriptedPeer]
) -> None:
    body = shared("samples/xca/de_iti38_response_failure_missing.xml").read_text(encoding="utf-8")
    peers["HR"].plays(soap(body[body.index("<ns3:") :], QUERY_ANSWER, GERMANY))
    assert treatments[Contract.OPENNCP_9].documents() == []
