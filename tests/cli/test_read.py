"""``ncp read`` shows what the gateway's own readers understand, and refuses what they refuse, without a traceback."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ncp.cli.main import app
from ncp.cli.read_files import Judging, NotUnderstood, understand
from ncp.wire import mtom, soap
from ncp.wire.errors import NcpError
from ncp.wire.ids import II, Oid
from ncp.wire.xml import XmlRefused
from tests.shared import shared
from xca import facts as xca_facts
from xca.messages import CrossGatewayQuery, DocumentRequest, RetrievedDocument
from xca.query import write_query
from xca.retrieve import write_retrieve, write_retrieve_response
from xcpd import facts as xcpd_facts
from xcpd.masks import MaskRefused
from xcpd.messages import PatientDiscovery, PatientSearch
from xcpd.write import write_discovery

PATIENT = II("2.16.840.1.113883.2.7.2.2", "111222333")
AT = datetime(2026, 7, 1, tzinfo=UTC)
NO_TRUST = Judging(None, AT)
runner = CliRunner()


def _discovery() -> bytes:
    return write_discovery(
        PatientDiscovery(
            id=II("1.2.3", "m1"),
            creation_time="20260701120000.000+0000",
            sender=Oid("2.16.17.710.790.1000.990.1"),
            receiver=Oid("2.16.17.710.840.1000.990.1"),
            query_id=II("1.2.3", "q1"),
            search=PatientSearch(identifiers=(PATIENT,), family="Perić", given="Ana"),
        )
    )


def _attachments(parts: list[Any]) -> list[mtom.Attachment]:
    return [part if isinstance(part, mtom.Attachment) else mtom.Attachment(*part) for part in parts]


def _envelope(body: bytes, action: str) -> bytes:
    return soap.write_request(body, action=action, message_id="urn:uuid:1", to="https://b.example/", assertions=())


def _read(tmp_path: Path, data: bytes, name: str = "file.xml", *arguments: str) -> tuple[int, dict[str, Any]]:
    path = tmp_path / name
    path.write_bytes(data)
    done = runner.invoke(app, ["read", str(path), *arguments])
    return done.exit_code, json.loads(done.stdout)


def test_a_patient_discovery_is_shown_with_its_traits(tmp_path: Path) -> None:
    code, found = _read(tmp_path, _envelope(_discovery(), xcpd_facts.ACTION))
    assert code == 0
    assert found["kind"] == "ITI-55 request"
    assert found["addressing"]["message_id"] == "urn:uuid:1"
    assert found["message"]["search"]["identifiers"] == [{"root": PATIENT.root, "extension": PATIENT.extension}]
    assert found["message"]["search"]["family"] == "Perić"


def test_a_body_without_its_envelope_is_read_too(tmp_path: Path) -> None:
    code, found = _read(tmp_path, write_query(CrossGatewayQuery(PATIENT, ("60591-5",))))
    assert code == 0
    assert found["kind"] == "ITI-38 request"
    assert found["message"]["class_codes"] == ["60591-5"]


@pytest.mark.parametrize("with_headers", [True, False])
def test_a_multipart_message_is_unpacked_with_and_without_its_headers(tmp_path: Path, with_headers: bool) -> None:
    request = DocumentRequest("1.2.3^4", "1.2.3", "2.16.17.710.840.1000.990.1")
    body, parts = write_retrieve_response(
        [RetrievedDocument(request, "text/xml", b"<ClinicalDocument/>")],
        [],
        home=Oid("2.16.17.710.840.1000.990.1"),
        inline=False,
    )
    envelope = soap.write_response(
        body, action=xca_facts.RETRIEVE_RESPONSE_ACTION, message_id="urn:uuid:2", relates_to="urn:uuid:1"
    )
    header, chunks = mtom.write_multipart(
        envelope, _attachments(parts), action=xca_facts.RETRIEVE_RESPONSE_ACTION, boundary="cut", root_id="root@ncp"
    )
    data = b"".join(chunks)
    if with_headers:
        data = b"HTTP/1.1 200 OK\r\nContent-Type: " + header.encode() + b"\r\nServer: x\r\n\r\n" + data
    code, found = _read(tmp_path, data, "answer.mime")
    assert code == 0, found
    assert found["packing"] == "multipart"
    assert found["kind"] == "ITI-39 response"
    assert found["addressing"]["relates_to"] == "urn:uuid:1"
    assert found["message"]["documents"][0]["content"] == "19 bytes"


def test_a_fault_is_shown_as_what_it_says(tmp_path: Path) -> None:
    fault = soap.write_fault(soap.SoapFault("Receiver", "x", "went wrong"), message_id="urn:uuid:2")
    code, found = _read(tmp_path, fault)
    assert code == 0
    assert found["kind"] == "SOAP fault"
    assert found["fault"]["text"] == "went wrong"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "xml.malformed"),
        (b"\x00\x01\x02", "xml.encoding"),
        (b"<!DOCTYPE a><a/>", "xml.dtd"),
        (b"<a/>", "kind.unknown"),
        (b"<searchFields/>", "kind.unknown"),
        (b'<searchFields><country code="HR"/></searchFields>', "mask.empty"),
        (b"--cut\r\n\r\n<a/>", "mime.truncated"),
        (b"Content-Type: text/plain\r\n\r\nhello", "mime.media"),
        (b'<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/>', "assertion.unknown_type"),
    ],
)
def test_what_is_refused_gives_the_declared_reason_and_exit_code_1(tmp_path: Path, data: bytes, reason: str) -> None:
    code, found = _read(tmp_path, data)
    assert code == 1
    assert found["refused"]["reason"] == reason


def test_several_files_give_a_list_and_one_refusal_does_not_hide_the_others(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_bytes(write_retrieve(DocumentRequest("1.2.3^4", "1.2.3", "2.16.17.710.840.1000.990.1")))
    bad.write_bytes(b"<a")
    done = runner.invoke(app, ["read", str(bad), str(good)])
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert ["refused" in entry for entry in found] == [True, False]


def test_an_absent_file_and_a_wrong_time_are_said_so(tmp_path: Path) -> None:
    absent = runner.invoke(app, ["read", str(tmp_path / "absent.xml")])
    assert absent.exit_code == 1
    assert "no such file" in absent.stderr
    (tmp_path / "a.xml").write_bytes(b"<a/>")
    wrong = runner.invoke(app, ["read", str(tmp_path / "a.xml"), "--at", "yesterday"])
    assert wrong.exit_code == 2
    folder = runner.invoke(app, ["read", str(tmp_path / "a.xml"), "--trust", str(tmp_path / "absent")])
    assert folder.exit_code == 1
    assert "no such folder" in folder.stderr


_SEEDS = [
    _envelope(_discovery(), xcpd_facts.ACTION),
    _envelope(write_query(CrossGatewayQuery(PATIENT, ("60591-5",))), xca_facts.QUERY_ACTION),
    b"--cut\r\nContent-Type: application/xop+xml\r\n\r\n" + _discovery() + b"\r\n--cut--\r\n",
    b'<searchFields><country code="HR"><patientSearch/></country></searchFields>',
]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(_SEEDS), st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=8))
def test_damaged_files_are_read_or_refused_and_nothing_else(seed: bytes, at: int, gone: int, put: bytes) -> None:
    at %= len(seed) + 1
    data = seed[:at] + put + seed[at + gone :]
    with contextlib.suppress(NcpError, XmlRefused, MaskRefused, NotUnderstood):
        assert "kind" in understand(data, "HR.xml", NO_TRUST)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("xcpd/de-resp-match.xml", "ITI-55 response"),
        ("xca/openncp_iti38_request_mro.xml", "query.class_code"),
        ("xcpd/masks", "search mask"),
        ("cda/epsos_mt_0092129_L1.xml", "CDA"),
    ],
)
def test_other_peoples_files_are_understood(name: str, kind: str) -> None:
    path = shared("samples") / name
    if not path.exists():
        pytest.skip(f"shared/samples/{name} is not there")
    files = [path] if path.is_file() else [p for p in sorted(path.glob("*.xml")) if p.stem != "country-list"]
    for file in files:
        done = runner.invoke(app, ["read", str(file)])
        found = json.loads(done.stdout)
        assert kind in (found.get("kind"), found.get("refused", {}).get("reason")), file.name
