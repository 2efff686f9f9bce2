"""Every failure as the fault of the contract that was called."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from ncp.frontend.contracts import OPENNCP_7, OPENNCP_9, OWN, OWN_NAMESPACE, Contract
from ncp.frontend.replies import write_fault
from ncp.observability.log import configure
from ncp.wire.errors import Code, DocumentError, NcpError, PatientError, PeerError
from tests.support.frontend import HCP, SmallNcpB
from tests.support.portal import Caller, envelope

ENV = "{http://www.w3.org/2003/05/soap-envelope}"
X = f"{{{OWN_NAMESPACE}}}"
CONTRACTS = pytest.mark.parametrize("contract", [OPENNCP_7, OPENNCP_9], ids=["v7", "v9"])

QUERY_PATIENT = (
    "<arg0><countryCode>HR</countryCode><patientDemographics><familyName>Novak</familyName>"
    "</patientDemographics></arg0>"
)
QUERY_DOCUMENTS = (
    "<arg0><countryCode>HR</countryCode><patientId><root>1.2.3</root><extension>1</extension></patientId>{}</arg0>"
)
RETRIEVE = (
    "<arg0><countryCode>HR</countryCode><homeCommunityId>1.2.3</homeCommunityId><documentId>"
    "<repositoryUniqueId>1.2.4</repositoryUniqueId><documentUniqueId>1.2.5</documentUniqueId></documentId>"
    "<classCode><nodeRepresentation>60591-5</nodeRepresentation><schema>2.16.840.1.113883.6.1</schema></classCode>"
    "<targetLanguage>fr-FR</targetLanguage></arg0>"
)
SUBMIT = "<arg0><countryCode>HR</countryCode><document><dispensable>false</dispensable></document></arg0>"


def class_code(code: str, schema: str = "2.16.840.1.113883.6.1") -> str:
    return f"<classCode><nodeRepresentation>{code}</nodeRepresentation><schema>{schema}</schema></classCode>"


def body(contract: Contract, operation: str, content: str) -> str:
    return f'<q:{operation} xmlns:q="{contract.namespace}">{content}</q:{operation}>'


@CONTRACTS
@pytest.mark.parametrize(
    ("operation", "content", "kind", "error"),
    [
        (
            "queryPatient",
            QUERY_PATIENT,
            "NoPatientIdDiscoveredException",
            PatientError(Code.PI_NO_MATCH, "no_match", message="Nobody", context="somewhere", gateway="HR"),
        ),
        (
            "queryDocuments",
            QUERY_DOCUMENTS.format(class_code("60591-5")),
            "XCAException",
            DocumentError(Code.NO_PATIENT_SUMMARY, "empty", context="list", gateway="HR"),
        ),
        (
            "retrieveDocument",
            RETRIEVE,
            "XCAException",
            PeerError(Code.CONNECTION_NOT_POSSIBLE, "connect", gateway="HR"),
        ),
    ],
)
def test_the_code_stands_where_the_portal_of_each_version_looks(
    contract: Contract, operation: str, content: str, kind: str, error: NcpError, caller: Caller, ncp_b: SmallNcpB
) -> None:
    ncp_b.failure = error
    status, root = caller.post(contract.paths[0], envelope(body(contract, operation, content), HCP))
    fault = root.find(f"{ENV}Body/{ENV}Fault")
    assert status == 500
    expected_value = f"env:{error.code}" if contract is OPENNCP_7 else "env:Receiver"
    assert fault.findtext(f"{ENV}Code/{ENV}Value") == expected_value
    assert fault.findtext(f"{ENV}Code/{ENV}Subcode/{ENV}Value") == error.code
    reason = fault.find(f"{ENV}Reason/{ENV}Text")
    assert reason.text == error.message
    assert reason.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    first, second = fault.find(f"{ENV}Detail")
    assert (first.tag, first.text or "") == (f"{{{contract.namespace}}}{kind}", error.context)
    assert second.tag == f"{X}error"
    told = {child.tag.removeprefix(X): child.text or "" for child in second}
    assert told.pop("reference") == ncp_b.asked[0][1][0].reference
    assert told == {"code": error.code, "country": "HR", "message": error.message, "context": error.context}
    # A name without prefix is in no namespace only as long as there is no default one.
    assert None not in root.xpath("//*[local-name()='Value']")[0].nsmap


@CONTRACTS
def test_submitting_is_declared_as_not_offered(contract: Contract, caller: Caller) -> None:
    status, root = caller.post(contract.paths[0], envelope(body(contract, "submitDocument", SUBMIT), HCP))
    fault = root.find(f"{ENV}Body/{ENV}Fault")
    assert status == 500
    assert fault.findtext(f"{ENV}Code/{ENV}Subcode/{ENV}Value") == "ERROR_GENERIC"
    assert fault.findtext(f"{ENV}Reason/{ENV}Text") == "submitDocument is not offered by this gateway"
    assert fault.find(f"{ENV}Detail")[0].tag == f"{{{contract.namespace}}}XDRException"


@CONTRACTS
@pytest.mark.parametrize(
    ("operation", "content"),
    [
        ("queryPatient", QUERY_PATIENT),
        ("queryDocuments", QUERY_DOCUMENTS.format(class_code("60591-5"))),
        ("retrieveDocument", RETRIEVE),
        ("submitDocument", SUBMIT),
    ],
)
def test_no_assertion_at_all_is_a_fault_and_nothing_is_asked(
    contract: Contract, operation: str, content: str, caller: Caller, ncp_b: SmallNcpB
) -> None:
    status, root = caller.post(contract.paths[0], envelope(body(contract, operation, content)))
    assert status == 500
    assert root.findtext(f".//{ENV}Subcode/{ENV}Value") == "ERROR_GENERIC"
    assert root.findtext(f".//{ENV}Text") == "No assertion context found"
    assert ncp_b.asked == []


def test_a_greeting_needs_an_assertion_since_version_9(caller: Caller) -> None:
    for contract, expected in ((OPENNCP_7, 200), (OPENNCP_9, 500)):
        status, _ = caller.post(contract.paths[0], envelope(body(contract, "sayHello", "<arg0>x</arg0>")))
        assert status == expected


@CONTRACTS
@pytest.mark.parametrize(
    "codes",
    [
        class_code("60591-5", "1.2.3"),
        class_code("60591-5", ""),
        class_code("60593-1"),
        class_code("00000-0"),
        class_code("60591-5") + class_code("57833-6"),
        class_code("60591-5") + class_code("34105-7"),
        class_code("57833-6") + class_code("11502-2"),
        "",
    ],
)
def test_class_codes_that_break_a_rule_are_faults(
    codes: str, contract: Contract, caller: Caller, ncp_b: SmallNcpB
) -> None:
    content = QUERY_DOCUMENTS.format(codes)
    status, root = caller.post(contract.paths[0], envelope(body(contract, "queryDocuments", content), HCP))
    assert status == 500
    assert root.findtext(f".//{ENV}Subcode/{ENV}Value") == "ERROR_GENERIC"
    assert ncp_b.asked == []


@pytest.mark.parametrize(
    "change",
    [
        ("<countryCode>HR<", "<countryCode>Croatia<"),
        ("<countryCode>HR</countryCode>", ""),
        ("<countryCode>HR</countryCode>", "<countryCode>HR</countryCode><countryCode>FR</countryCode>"),
        ("<root>1.2.3<", "<root>no oid<"),
        ("<extension>1<", "<extension> <"),
        ("<arg0>", "<arg1>"),
    ],
)
def test_values_that_break_the_contract_are_faults(change: tuple[str, str], caller: Caller, ncp_b: SmallNcpB) -> None:
    content = QUERY_DOCUMENTS.format(class_code("60591-5")).replace(*change).replace("</arg0>", "</arg0>")
    if change[0] == "<arg0>":
        content = content.replace("</arg0>", "</arg1>")
    status, _ = caller.post(OPENNCP_9.paths[0], envelope(body(OPENNCP_9, "queryDocuments", content), HCP))
    assert status == 500
    assert ncp_b.asked == []


@CONTRACTS
def test_what_is_not_declared_is_a_generic_error_without_its_text(
    contract: Contract, caller: Caller, ncp_b: SmallNcpB, capfd: pytest.CaptureFixture[str]
) -> None:
    configure("info")  # other tests of the run may have asked for less
    ncp_b.failure = KeyError("Novak")
    status, root = caller.post(contract.paths[0], envelope(body(contract, "queryPatient", QUERY_PATIENT), HCP))
    text = etree.tostring(root).decode()
    assert status == 500
    assert root.findtext(f".//{ENV}Subcode/{ENV}Value") == "ERROR_GENERIC"
    assert root.findtext(f".//{X}reference") == ncp_b.asked[0][1][0].reference
    assert "Novak" not in text
    assert "Traceback" not in text
    assert "KeyError" not in text
    log = capfd.readouterr().out
    assert "Novak" not in log
    assert "frontend.call_failed" in log and "KeyError at support/frontend.py:" in log


@pytest.mark.parametrize("contract", [OPENNCP_7, OPENNCP_9, OWN], ids=["v7", "v9", "own"])
@pytest.mark.parametrize("text", ["a <b> & 'c' \"d\"", "nul \x00 bell \x07 \ud800", "{0} {kind} %s"])
def test_texts_of_peers_cannot_break_a_fault(contract: Contract, text: str) -> None:
    error = NcpError("ERROR_PI_GENERIC", "x", message=text, context=text, gateway="HR")
    written = write_fault(error, contract, "queryPatient", message_id="urn:uuid:1", relates_to="r", reference="ref")
    root = etree.fromstring(written)
    legal = "".join(c for c in text if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff"))
    assert root.findtext(f".//{ENV}Text") == legal
    assert root.findtext(f".//{X}context") == legal


@pytest.mark.parametrize("code", ["<b>", "", "a b", "x" * 200, "env:Receiver"])
def test_a_code_that_is_no_code_becomes_the_generic_one(code: str) -> None:
    written = write_fault(NcpError(code, "x"), OPENNCP_7, "queryPatient", message_id="m", relates_to="", reference="r")
    assert etree.fromstring(written).findtext(f".//{ENV}Value") == "env:ERROR_GENERIC"


@pytest.fixture
def caller(front_end_of: Callable[[], Caller]) -> Caller:
    return front_end_of()


def test_a_request_of_more_elements_than_any_operation_has_is_refused_before_it_is_read(
    caller: Caller, ncp_b: SmallNcpB
) -> None:
    content = QUERY_PATIENT.replace("<patientDemographics>", "<patientDemographics>" + "<ignored/>" * 1000)
    assert content != QUERY_PATIENT
    status, _ = caller.post(OPENNCP_9.paths[0], envelope(body(OPENNCP_9, "queryPatient", content), HCP))
    assert (status, ncp_b.asked) == (500, [])
