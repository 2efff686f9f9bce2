"""From HTTP bytes to an envelope: one kind of failure on each side."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.wire import soap
from ncp.wire.errors import PeerError
from ncp.wire.mtom import Attachment, write_multipart
from ncp.wire.receive import receive_request, receive_response
from ncp.wire.soap import SoapFault
from ncp.wire.xml import XmlLimits

ACTION = "urn:ihe:iti:2007:CrossGatewayRetrieve"
REQUEST = soap.write_request(b"<x/>", action=ACTION, message_id="urn:uuid:1", to="https://x/", assertions=[])
ANSWER = soap.write_response(b"<x/>", action=ACTION, message_id="urn:uuid:2", relates_to="urn:uuid:1")
PLAIN = soap.SOAP_CONTENT_TYPE(ACTION)


def fault(body: bytes, content_type: str, **rest: object) -> SoapFault:
    with pytest.raises(SoapFault) as caught:
        receive_request(body, content_type=content_type, **rest)  # type: ignore[arg-type]
    return caught.value


def test_a_plain_and_a_multipart_request_give_the_same_envelope() -> None:
    header, chunks = write_multipart(
        REQUEST, [Attachment("1", "text/xml", b"doc")], action=ACTION, boundary="b" * 30, root_id="0"
    )
    plain = receive_request(REQUEST, content_type=PLAIN)
    packed = receive_request(b"".join(chunks), content_type=header)
    assert plain.envelope.message_id == packed.envelope.message_id == "urn:uuid:1"
    assert plain.root == packed.root == REQUEST
    assert (plain.is_multipart, packed.is_multipart) == (False, True)
    assert bytes(packed.attachments["1"]) == b"doc"


def test_the_action_of_the_content_type_counts_before_the_soapaction_header() -> None:
    receive_request(REQUEST, content_type=PLAIN, soap_action='"urn:other"')
    receive_request(REQUEST, content_type="application/soap+xml", soap_action=f'"{ACTION}"')
    receive_request(REQUEST, content_type="application/soap+xml", soap_action='""')
    assert fault(REQUEST, "application/soap+xml", soap_action="urn:other").subcode == "wsa:ActionMismatch"


@pytest.mark.parametrize(
    ("body", "content_type", "kind", "reason", "status"),
    [
        (REQUEST, "application/json", "Sender", "mime.media", 415),
        (REQUEST, "text/xml", "VersionMismatch", "soap.version", 500),
        (b"<!DOCTYPE a><a/>", PLAIN, "Sender", "xml.dtd", 400),
        (b"no xml", PLAIN, "Sender", "xml.malformed", 400),
        (b"<a/>" + b" " * 3_000_000, PLAIN, "Sender", "xml.too_large", 413),
        (REQUEST, "application/soap+xml; charset=iso-8859-1", "Sender", "xml.encoding", 400),
    ],
)
def test_every_failure_of_a_request_is_a_fault(
    body: bytes, content_type: str, kind: str, reason: str, status: int
) -> None:
    found = fault(body, content_type)
    assert (found.kind, found.reason, found.http_status) == (kind, reason, status)


def test_limits_are_those_of_the_caller() -> None:
    assert fault(REQUEST, PLAIN, limits=XmlLimits(depth=2)).reason == "xml.too_deep"


def test_an_answer_is_read_and_every_failure_is_the_peers() -> None:
    read = receive_response(ANSWER, content_type=PLAIN, message_id="urn:uuid:1", gateway="FR")
    assert read.envelope.body.tag == "x"
    for body, content_type, reason in (
        (ANSWER, "text/html", "response.mime.media"),
        (b"<a>", PLAIN, "response.xml.malformed"),
        (b"<html/>", PLAIN, "response.envelope"),
        (ANSWER.replace(b"urn:uuid:1", b"urn:uuid:9"), PLAIN, "relates_to.mismatch"),
    ):
        with pytest.raises(PeerError) as caught:
            receive_response(body, content_type=content_type, message_id="urn:uuid:1", gateway="FR")
        assert (caught.value.reason, caught.value.gateway) == (reason, "FR")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=60), st.sampled_from([PLAIN, "multipart/related; boundary=b", ""]))
def test_any_bytes_give_an_envelope_or_a_declared_failure(body: bytes, extra: str, content_type: str) -> None:
    with contextlib.suppress(SoapFault):
        receive_request(body, content_type=content_type + extra)
    with contextlib.suppress(PeerError):
        receive_response(body, content_type=content_type + extra, message_id="m", gateway="FR")
