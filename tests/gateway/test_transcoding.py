"""ITI-39 with transcoding: what leaves is the pivot, and what its transcoding has to say stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.transform.elements import shipped
from ncp.transforming import Transformer
from tests.support.peer_messages import EP, LABORATORY, RETRIEVE, message, retrieve
from tests.support.peer_wire import Answer
from tests.support.scripted_gateway import L1, L3, PATIENT, REPOSITORY, ScriptedGateway, entry
from tests.support.terminology import build
from tests.support.transform import LOINC, NATIONAL, SNOMED, allergy, basis, document, found, member, names, problem

pytestmark = pytest.mark.xdist_group("ncp-a")

CODE = "//h:act//h:observation/h:code"
NATIONAL_CODE = f'<code code="N" codeSystem="{NATIONAL}" displayName="nacionalno"/>'


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> Transformer:
    folder = tmp_path_factory.mktemp("catalogue")
    content = [
        *basis(),
        *names(SNOMED, "1001", en="known"),
        *member(18, SNOMED, "1001"),
        rows.Mapping(NATIONAL, "N", SNOMED, "1001"),
    ]
    ReleaseFolder(folder).activate(build(folder, content, name="invented").manifest.release)
    return Transformer(Catalogue(folder), shipped())


@pytest.fixture
def gateway(ncp_a: ScriptedGateway, transformer: Transformer) -> Iterator[ScriptedGateway]:
    ncp_a.configure(transformer=transformer)
    yield ncp_a


def ask(gateway: ScriptedGateway, *wanted: str) -> Answer:
    body = retrieve(*((one, REPOSITORY) for one in wanted or (L3,)))
    return gateway.peer("FR").ask(RETRIEVE, message(RETRIEVE, body, *gateway.log_in("FR").treating(PATIENT)))


def test_a_national_code_leaves_as_a_code_of_the_network(gateway: ScriptedGateway) -> None:
    gateway.connector.contents[L3] = allergy(NATIONAL_CODE)
    answer = ask(gateway)
    assert (answer.xds_status, answer.errors) == ("Success", [])
    code = found(answer.documents[L3], CODE)
    assert (code.get("code"), code.get("displayName"), code[0].get("displayName")) == ("1001", "known", "nacionalno")


def test_a_code_without_counterpart_leaves_with_a_warning_beside_the_document(gateway: ScriptedGateway) -> None:
    gateway.connector.contents[L3] = problem(f'<value code="Z" codeSystem="{NATIONAL}" displayName="x"/>')
    answer = ask(gateway)
    assert (answer.xds_status, answer.errors) == ("Success", [("4503", "W")])
    assert b'nullFlavor="OTH"' in answer.documents[L3]
    (told,) = [one for one in answer.content.iter() if one.get("errorCode")]
    assert told.get("codeContext") == f"Code System Concept not found (codeSystem {NATIONAL}, code Z)"


def prescription() -> bytes:
    """Without the role of who prescribed it."""
    return document(code=f'<code code="57833-6" codeSystem="{LOINC}"/>')


@pytest.mark.parametrize(
    ("class_code", "content", "last"),
    [
        (EP, prescription(), "ERROR_EP_MISSING_EXPECTED_MAPPING"),
        ("60591-5", document(code=""), "ERROR_PS_MISSING_EXPECTED_MAPPING"),
        ("60591-5", b"no document", "ERROR_PS_MISSING_EXPECTED_MAPPING"),
    ],
)
def test_a_document_that_cannot_be_transcoded_does_not_leave(
    gateway: ScriptedGateway, class_code: str, content: bytes, last: str
) -> None:
    gateway.connector.described[L3] = entry(L3, class_code)
    gateway.connector.contents[L3] = content
    answer = ask(gateway)
    assert (answer.xds_status, answer.documents) == ("Failure", {})
    assert answer.errors[-1] == (last, "E")
    assert all(code.startswith("45") and severity == "E" for code, severity in answer.errors[:-1])
    assert len(answer.errors) >= 2 and '"reason":"transcode.failed"' in gateway.log.since()


def test_one_document_that_cannot_be_transcoded_keeps_no_other_back(gateway: ScriptedGateway) -> None:
    gateway.connector.contents |= {L3: document(code=""), L1: allergy(NATIONAL_CODE)}
    answer = ask(gateway, L3, L1)
    assert (answer.xds_status, list(answer.documents)) == ("PartialSuccess", [L1])
    assert ("ERROR_PS_MISSING_EXPECTED_MAPPING", "E") in answer.errors


def test_as_openncp_does_one_unknown_code_keeps_the_document_back(
    ncp_a: ScriptedGateway, transformer: Transformer
) -> None:
    ncp_a.configure(transformer=replace(transformer, strict=True))
    ncp_a.connector.contents[L3] = problem(f'<value code="Z" codeSystem="{NATIONAL}" displayName="x"/>')
    answer = ask(ncp_a)
    assert (answer.xds_status, answer.documents) == ("Failure", {})
    assert [code for code, severity in answer.errors if severity == "E"][-1] == "ERROR_PS_MISSING_EXPECTED_MAPPING"
    assert ("4503", "E") in answer.errors


@pytest.mark.parametrize(
    ("class_code", "mime", "content"),
    [
        (LABORATORY, "text/xml", b"<anything/>"),
        ("60591-5", "application/pdf", b"%PDF-1.4"),
        ("60591-5", "text/xml", b"%PDF-1.4"),
    ],
)
def test_what_is_no_coded_document_of_the_network_leaves_as_it_is(
    gateway: ScriptedGateway, class_code: str, mime: str, content: bytes
) -> None:
    gateway.connector.described[L3] = entry(L3, class_code, mime_type=mime)
    gateway.connector.contents[L3] = content
    answer = ask(gateway)
    assert (answer.xds_status, answer.errors, answer.documents) == ("Success", [], {L3: content})


def test_a_large_document_is_transcoded_aside_and_arrives_whole(gateway: ScriptedGateway) -> None:
    filling = b"<!--" + b"x" * 400_000 + b"-->"
    gateway.connector.contents[L3] = allergy(NATIONAL_CODE).replace(b"<component>", filling + b"<component>", 1)
    answer = ask(gateway)
    assert answer.xds_status == "Success" and filling in answer.documents[L3]
    assert found(answer.documents[L3], CODE).get("code") == "1001"


def test_without_a_catalogue_nothing_leaves_and_the_reason_is_in_the_log(
    ncp_a: ScriptedGateway, tmp_path: Path
) -> None:
    ncp_a.configure(transformer=Transformer(Catalogue(tmp_path / "empty"), shipped()))
    ncp_a.connector.contents[L3] = allergy(NATIONAL_CODE)
    answer = ask(ncp_a)
    assert (answer.xds_status, answer.documents) == ("Failure", {})
    assert '"reason":"terminology.no_release"' in ncp_a.log.since()


@pytest.mark.attack
def test_a_national_system_gone_wrong_stops_no_gateway(gateway: ScriptedGateway) -> None:
    for content in (b"<x>" * 5000, b'<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>', b"<x/>", b"\xff"):
        gateway.connector.contents[L3] = content
        assert ask(gateway).xds_status == "Failure"
