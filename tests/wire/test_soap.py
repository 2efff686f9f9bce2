"""Envelopes: every rule of addressing, understanding and faults, in both directions."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.wire import soap
from ncp.wire.errors import Code, PeerError
from ncp.wire.soap import PeerFault, SoapFault, read_request, read_response
from ncp.wire.xml import NS_SOAP11, NS_SOAP12, NS_WSA, NS_WSSE, XmlRefused, parse
from tests.shared import shared, shared_files

ACTION = "urn:ihe:iti:2007:CrossGatewayQuery"
MESSAGE_ID = "urn:uuid:0f3b1c6e-7a5d-4e2c-9b1a-2d3c4b5a6978"
BODY = b'<q:AdhocQueryRequest xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"/>'
ASSERTION = b'<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1">\r\n&#13;</saml2:Assertion>'

TO = "<a:To env:mustUnderstand='1'>https://ncp.example/x</a:To>"
ACT = f"<a:Action env:mustUnderstand='1'>{ACTION}</a:Action>"
ID = f"<a:MessageID>{MESSAGE_ID}</a:MessageID>"
REPLY = "<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>"
SECURITY = f"<s:Security xmlns:s='{NS_WSSE}'/>"


def envelope(header: str | None, body: str = BODY.decode(), namespace: str = NS_SOAP12) -> etree._Element:
    head = "" if header is None else f"<env:Header>{header}</env:Header>"
    opening = f"<env:Envelope xmlns:env='{namespace}' xmlns:a='{NS_WSA}'>"
    return parse(f"{opening}{head}<env:Body>{body}</env:Body></env:Envelope>".encode())


def fault_of(root: etree._Element, *, http_action: str = "", media: str = "") -> SoapFault:
    with pytest.raises(SoapFault) as caught:
        read_request(root, http_action=http_action, media=media)
    return caught.value


# --- requests --------------------------------------------------------------------------------------------------------


def test_a_whole_request_is_taken_apart() -> None:
    root = envelope(TO + ACT + ID + REPLY + SECURITY)
    read = read_request(root, http_action=ACTION)
    assert (read.action, read.message_id, read.to) == (ACTION, MESSAGE_ID, "https://ncp.example/x")
    assert read.body.tag == "{urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0}AdhocQueryRequest"
    assert [block.tag for block in read.security] == [f"{{{NS_WSSE}}}Security"]
    assert read.has_addressing and read.notes == ()


def test_a_request_without_any_addressing_is_served() -> None:
    read = read_request(envelope(SECURITY))
    assert (read.action, read.message_id, read.has_addressing) == ("", "", False)
    assert read.notes == ("wsa.absent",)
    assert read_request(envelope(SECURITY), http_action=ACTION).action == ACTION


def test_a_missing_message_id_is_noted_and_let_pass() -> None:
    assert read_request(envelope(ACT + SECURITY)).notes == ("wsa.message_id.missing",)
    assert read_request(envelope(ACT + "<a:MessageID> </a:MessageID>")).notes == ("wsa.message_id.missing",)


def test_a_missing_action_is_taken_from_http() -> None:
    read = read_request(envelope(ID), http_action=ACTION)
    assert read.action == ACTION
    assert read.notes == ("wsa.action.missing",)


@pytest.mark.parametrize("text", ["uuid:1", "x", "urn:uuid:ABC"])
def test_any_text_is_a_message_id(text: str) -> None:
    assert read_request(envelope(ACT + f"<a:MessageID>\n {text} </a:MessageID>")).message_id == text


def test_an_endless_message_id_is_refused() -> None:
    fault = fault_of(envelope(ACT + f"<a:MessageID>{'x' * 513}</a:MessageID>"))
    assert (fault.kind, fault.reason) == ("Sender", "wsa.message_id.too_long")
    assert len(fault.relates_to) <= 512


def test_the_actions_of_http_and_addressing_must_agree() -> None:
    fault = fault_of(envelope(ACT + ID), http_action="urn:other")
    assert (fault.kind, fault.subcode, fault.http_status) == ("Sender", "wsa:ActionMismatch", 400)
    assert fault.relates_to == MESSAGE_ID


def test_an_empty_action_is_refused() -> None:
    assert fault_of(envelope("<a:Action/>" + ID)).subcode == "wsa:InvalidAddressingHeader"
    assert fault_of(envelope("<a:Action> </a:Action>" + ID), http_action=ACTION).reason == "wsa.action.empty"


@pytest.mark.parametrize("block", [TO, ACT, ID, REPLY, "<a:RelatesTo>x</a:RelatesTo>"])
def test_an_addressing_block_that_stands_twice_is_refused(block: str) -> None:
    rest = "".join(each for each in (ACT, ID) if each != block)
    fault = fault_of(envelope(rest + block + block))
    assert (fault.kind, fault.subcode, fault.reason) == ("Sender", "wsa:InvalidCardinality", "wsa.duplicate")


@pytest.mark.parametrize("name", ["ReplyTo", "FaultTo"])
@pytest.mark.parametrize("address", ["https://evil.example/", "http://www.w3.org/2005/08/addressing/none", ""])
def test_only_the_anonymous_address_is_answered(name: str, address: str) -> None:
    fault = fault_of(envelope(ACT + ID + f"<a:{name}><a:Address>{address}</a:Address></a:{name}>"))
    assert (fault.kind, fault.subcode, fault.http_status) == ("Sender", "wsa:OnlyAnonymousAddressSupported", 400)


def test_an_endpoint_reference_without_address_is_refused() -> None:
    assert fault_of(envelope(ACT + ID + "<a:ReplyTo/>")).subcode == "wsa:MissingAddressInEPR"


@pytest.mark.parametrize(
    "namespace",
    ["http://schemas.xmlsoap.org/ws/2004/08/addressing", "http://www.w3.org/2005/08/addressing/anonymous"],
)
def test_addressing_in_another_namespace_is_passed_over(namespace: str) -> None:
    """OpenNCP up to 8.0.1 writes the blocks of ITI-39 in the wrong namespace, and Axis2 the right ones beside them."""
    wrong = (
        f"<w:To xmlns:w='{namespace}'>x</w:To><w:Action xmlns:w='{namespace}'>urn:other</w:Action>"
        f"<w:MessageID xmlns:w='{namespace}'>urn:uuid:1</w:MessageID>"
        f"<w:ReplyTo xmlns:w='{namespace}'><w:Address>https://elsewhere/</w:Address></w:ReplyTo>"
    )
    read = read_request(envelope(wrong + SECURITY + ACT + ID))
    assert (read.action, read.message_id, read.to) == (ACTION, MESSAGE_ID, "")
    alone = read_request(envelope(wrong + SECURITY))
    assert not alone.has_addressing and alone.message_id == ""


@pytest.mark.parametrize("value", ["1", "true", " 1 ", "yes"])
@pytest.mark.parametrize("role", [None, f"{NS_SOAP12}/role/next", f"{NS_SOAP12}/role/ultimateReceiver"])
def test_an_unknown_block_that_must_be_understood_is_refused(value: str, role: str | None) -> None:
    attribute = f" env:role='{role}'" if role else ""
    fault = fault_of(envelope(ACT + ID + f"<x:T xmlns:x='urn:x' env:mustUnderstand='{value}'{attribute}/>"))
    assert (fault.kind, fault.http_status, fault.not_understood) == ("MustUnderstand", 500, ("{urn:x}T",))
    assert fault.relates_to == MESSAGE_ID


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "env:mustUnderstand='0'",
        "env:mustUnderstand='false'",
        "mustUnderstand='1'",
        f"env:mustUnderstand='1' env:role='{NS_SOAP12}/role/none'",
        "env:mustUnderstand='1' env:role='urn:another:node'",
    ],
)
def test_an_unknown_block_that_is_not_for_us_is_passed_over(attributes: str) -> None:
    assert read_request(envelope(ACT + ID + f"<x:T xmlns:x='urn:x' {attributes}/>")).notes == ()


@pytest.mark.parametrize("name", ["To", "Action", "MessageID", "ReplyTo", "RelatesTo", "From", "FaultTo"])
def test_addressing_and_security_count_as_understood(name: str) -> None:
    inner = "<a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address>" if name.endswith("To") else "x"
    block = f"<a:{name} env:mustUnderstand='1'>{inner}</a:{name}>"
    security = f"<s:Security xmlns:s='{NS_WSSE}' env:mustUnderstand='1'/>"
    read_request(envelope(block + security))


def test_every_security_block_is_handed_on_whatever_its_role() -> None:
    other = f"<s:Security xmlns:s='{NS_WSSE}' env:role='urn:another:node'/>"
    assert len(read_request(envelope(ACT + ID + SECURITY + other)).security) == 2


def test_a_security_block_outside_the_header_is_not_found() -> None:
    assert read_request(envelope(f"<x:T xmlns:x='urn:x'>{SECURITY}</x:T>")).security == ()


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        (envelope(None), "soap.header.missing"),
        (envelope(SECURITY, body=""), "soap.body"),
        (envelope(SECURITY, body="text"), "soap.body"),
        (envelope(SECURITY, body="<x/><y/>"), "soap.body"),
        (envelope(SECURITY, body="<env:Fault/>"), "soap.body"),
        (parse(b"<PRPA_IN201305UV02 xmlns='urn:hl7-org:v3'/>"), "soap.envelope"),
        (parse(b"<html/>"), "soap.envelope"),
        (parse(f"<e:Envelope xmlns:e='{NS_SOAP12}'/>".encode()), "soap.structure"),
        (
            parse(f"<e:Envelope xmlns:e='{NS_SOAP12}'><e:Header/><e:Header/><e:Body/></e:Envelope>".encode()),
            "soap.structure",
        ),
        (
            parse(f"<e:Envelope xmlns:e='{NS_SOAP12}'><e:Body><x/></e:Body><e:Header/></e:Envelope>".encode()),
            "soap.structure",
        ),
        (
            parse(f"<e:Envelope xmlns:e='{NS_SOAP12}'><e:Header/><e:Body/><e:Body/></e:Envelope>".encode()),
            "soap.structure",
        ),
        (parse(f"<e:Envelope xmlns:e='{NS_SOAP12}'><e:Header/><Body/></e:Envelope>".encode()), "soap.structure"),
        (envelope(SECURITY, body="<x><?evil do?></x>"), "xml.pi"),
    ],
)
def test_what_is_no_soap_request_is_the_fault_of_the_sender(root: etree._Element, reason: str) -> None:
    fault = fault_of(root)
    assert (fault.kind, fault.reason, fault.http_status) == ("Sender", reason, 400)


@pytest.mark.parametrize("namespace", [NS_SOAP11, "urn:soap:13"])
def test_another_version_of_soap_is_a_version_mismatch(namespace: str) -> None:
    fault = fault_of(envelope(SECURITY, namespace=namespace))
    assert (fault.kind, fault.http_status) == ("VersionMismatch", 500)


def test_a_soap_11_media_type_around_a_12_envelope_is_a_version_mismatch() -> None:
    assert fault_of(envelope(SECURITY), media="text/xml").kind == "VersionMismatch"


def test_comments_and_processing_instructions_before_the_envelope_do_no_harm() -> None:
    data = soap.write_request(BODY, action=ACTION, message_id=MESSAGE_ID, to="x", assertions=[])
    data = data.replace(b"?><env:Envelope", b"?><?pi?><!-- c --><env:Envelope").replace(
        b"<env:Body>", b"<!--c--><env:Body><!--c-->"
    )
    assert read_request(parse(data)).action == ACTION


def test_bytes_that_are_no_xml_are_a_fault_of_the_sender() -> None:
    assert soap.xml_fault(XmlRefused("xml.dtd", "x")).http_status == 400
    fault = soap.xml_fault(XmlRefused("xml.too_large", "x"))
    assert (fault.kind, fault.http_status, fault.reason) == ("Sender", 413, "xml.too_large")


@pytest.mark.parametrize(("value", "action"), [('"urn:x"', "urn:x"), ("urn:x", "urn:x"), ('""', ""), ("", "")])
def test_a_soapaction_header_is_read_with_and_without_quotes(value: str, action: str) -> None:
    assert soap.unquoted_action(value) == action


# --- what we write ---------------------------------------------------------------------------------------------------


def test_a_request_is_written_in_the_order_that_every_version_accepts() -> None:
    data = soap.write_request(
        BODY, action=ACTION, message_id=MESSAGE_ID, to="https://x/?a=1&b=<2>", assertions=[ASSERTION]
    )
    root = parse(data)
    header = root[0]
    assert [etree.QName(block).localname for block in header] == ["To", "Action", "MessageID", "ReplyTo", "Security"]
    must = [block.get(f"{{{NS_SOAP12}}}mustUnderstand") for block in header]
    assert must == ["1", "1", None, None, None]
    assert data.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    assert header[0].text == "https://x/?a=1&b=<2>"


def test_assertions_and_body_are_put_in_byte_for_byte() -> None:
    second = ASSERTION.replace(b"_1", b"_2")
    data = soap.write_request(BODY, action=ACTION, message_id="m", to="t", assertions=[ASSERTION, second])
    assert ASSERTION + second in data
    assert BODY in data


def test_a_request_without_assertions_has_no_security_block() -> None:
    assert b"Security" not in soap.write_request(BODY, action=ACTION, message_id="m", to="", assertions=[])


@pytest.mark.parametrize("element", [b"<?xml version='1.0'?><a/>", b"", b" <a/>", b"text"])
def test_what_is_no_bare_element_is_not_put_into_an_envelope(element: bytes) -> None:
    with pytest.raises(ValueError, match="element"):
        soap.write_response(element, action=ACTION, message_id="m", relates_to="")
    with pytest.raises(ValueError, match="element"):
        soap.write_request(BODY, action=ACTION, message_id="m", to="", assertions=[element])


def test_an_answer_always_has_action_and_message_id_and_relates_only_to_a_known_id() -> None:
    related = parse(soap.write_response(BODY, action=ACTION, message_id="m", relates_to=MESSAGE_ID))
    assert [(etree.QName(block).localname, block.text) for block in related[0]] == [
        ("Action", ACTION),
        ("MessageID", "m"),
        ("RelatesTo", MESSAGE_ID),
    ]
    assert all(not block.attrib for block in related[0])
    unrelated = parse(soap.write_response(BODY, action=ACTION, message_id="m", relates_to=""))
    assert [etree.QName(block).localname for block in unrelated[0]] == ["Action", "MessageID"]


def test_the_content_type_is_that_of_axis2() -> None:
    expected = f'application/soap+xml; charset=UTF-8; action="{ACTION}"'
    assert soap.SOAP_CONTENT_TYPE(ACTION) == expected


def written(fault: SoapFault) -> etree._Element:
    return parse(soap.write_fault(fault, message_id="urn:uuid:9", relates_to=MESSAGE_ID))


def texts(root: etree._Element, path: str) -> list[str]:
    namespaces = {"e": NS_SOAP12, "a": NS_WSA}
    return [element.text or "" for element in root.iterfind(path, namespaces)]


def test_a_fault_names_kind_and_reason() -> None:
    root = written(SoapFault("Sender", "soap.body", "a < b"))
    assert texts(root, "e:Body/e:Fault/e:Code/e:Value") == ["env:Sender"]
    assert texts(root, "e:Body/e:Fault/e:Reason/e:Text") == ["a < b"]
    assert root.find("e:Body/e:Fault/e:Code/e:Subcode", {"e": NS_SOAP12}) is None
    assert texts(root, "e:Header/a:Action") == ["http://www.w3.org/2005/08/addressing/soap/fault"]
    assert texts(root, "e:Header/a:RelatesTo") == [MESSAGE_ID]
    assert texts(root, "e:Header/a:MessageID") == ["urn:uuid:9"]


def test_an_addressing_fault_carries_its_own_action_and_nested_subcodes() -> None:
    """WS-Addressing 1.0 SOAP Binding 6.4.1: ActionMismatch stands below InvalidAddressingHeader."""
    root = written(SoapFault("Sender", "r", "t", subcode="wsa:ActionMismatch"))
    assert texts(root, "e:Header/a:Action") == ["http://www.w3.org/2005/08/addressing/fault"]
    outer = "e:Body/e:Fault/e:Code/e:Subcode"
    assert texts(root, f"{outer}/e:Value") == ["wsa:InvalidAddressingHeader"]
    assert texts(root, f"{outer}/e:Subcode/e:Value") == ["wsa:ActionMismatch"]
    top = written(SoapFault("Sender", "r", "t", subcode="wsa:InvalidAddressingHeader"))
    assert texts(top, f"{outer}/e:Value") == ["wsa:InvalidAddressingHeader"]
    assert texts(top, f"{outer}/e:Subcode/e:Value") == []


def test_the_prefix_of_an_addressing_subcode_is_bound_where_it_stands() -> None:
    root = written(SoapFault("Sender", "r", "t", subcode="wsa:ActionMismatch"))
    value = root.find(".//e:Subcode/e:Value", {"e": NS_SOAP12})
    assert value is not None and value.nsmap.get("wsa") == NS_WSA


def test_an_ehdsi_code_stands_where_each_version_of_openncp_looks() -> None:
    root = written(SoapFault("Receiver", "r", "t", subcode="4703"))
    assert texts(root, "e:Body/e:Fault/e:Code/e:Subcode/e:Value") == ["4703"]
    detail = root.find("e:Body/e:Fault/e:Detail", {"e": NS_SOAP12})
    assert detail is not None
    assert detail[0].findtext("Subcode/Value") == "4703"


@pytest.mark.parametrize("subcode", ["ERROR_NOT_IN_ANY_LIST", "XDSRegistryError", "<x/>"])
def test_a_code_that_breaks_a_reader_is_never_sent(subcode: str) -> None:
    assert subcode.encode() not in soap.write_fault(SoapFault("Receiver", "r", "t", subcode=subcode), message_id="m")


def test_a_version_mismatch_says_which_version_is_understood() -> None:
    root = written(SoapFault("VersionMismatch", "soap.version", "t"))
    supported = root.find("e:Header/e:Upgrade/e:SupportedEnvelope", {"e": NS_SOAP12})
    assert supported is not None
    prefix, _, name = supported.get("qname", "").partition(":")
    assert (supported.nsmap[prefix], name) == (NS_SOAP12, "Envelope")


def test_a_must_understand_fault_names_each_block() -> None:
    root = written(SoapFault("MustUnderstand", "r", "t", not_understood=["{urn:x&y}T", "plain"]))
    blocks = root.findall("e:Header/e:NotUnderstood", {"e": NS_SOAP12})
    prefix, _, name = blocks[0].get("qname", "").partition(":")
    assert (blocks[0].nsmap[prefix], name) == ("urn:x&y", "T")
    assert blocks[1].get("qname") == "plain"


def test_every_fault_is_valid_soap() -> None:
    """But for numeric codes: OpenNCP from 8.1 writes and reads 4703 as a subcode, though it is no QName."""
    schema = etree.XMLSchema(etree.parse(shared("schemas/ihe/ehdsi-messages.xsd")))
    faults = [
        SoapFault("Sender", "r", "t", subcode="wsa:InvalidCardinality"),
        SoapFault("Receiver", "r", "t", subcode="ERROR_HPI_GENERIC"),
        SoapFault("VersionMismatch", "r", "t"),
        SoapFault("MustUnderstand", "r", "t", not_understood=["{urn:x}T"]),
    ]
    for fault in faults:
        schema.assertValid(written(fault))


def test_requests_and_answers_are_valid_by_schema() -> None:
    schema = etree.XMLSchema(etree.parse(shared("schemas/ihe/ehdsi-messages.xsd")))
    body = shared("samples/xca/openncp_iti39_request_ep.xml").read_bytes()
    body = body[re.search(rb"<[A-Za-z]", body).start() :].strip()  # type: ignore[union-attr]
    schema.assertValid(parse(soap.write_request(body, action=ACTION, message_id="m", to="https://x/", assertions=[])))
    schema.assertValid(parse(soap.write_response(body, action=ACTION, message_id="m", relates_to="r")))


def exclusive(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True)


@settings(max_examples=100, deadline=None)
@given(
    *[
        st.text(
            st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"),
            max_size=60,
        )
    ]
    * 2
)
def test_what_is_written_is_read_back(message_id: str, to: str) -> None:
    data = soap.write_request(BODY, action=ACTION, message_id=message_id, to=to, assertions=[ASSERTION])
    read = read_request(parse(data), http_action=ACTION)
    assert (read.message_id, read.to) == (message_id.strip(), to.strip())
    assert exclusive(read.security[0][0]) == exclusive(parse(ASSERTION))
    answer = read_response(
        parse(soap.write_response(BODY, action="a", message_id="m", relates_to=read.message_id)),
        message_id=read.message_id,
    )
    assert answer.relates_to == read.message_id


# --- answers ---------------------------------------------------------------------------------------------------------


def test_an_answer_needs_no_header_block() -> None:
    for header in (None, "", f"<x:T xmlns:x='urn:x' env:mustUnderstand='1'/>{TO}"):
        read = read_response(envelope(header), message_id=MESSAGE_ID)
        assert read.body.tag.endswith("AdhocQueryRequest")


def test_the_answer_to_another_question_is_refused() -> None:
    for header in (
        "<a:RelatesTo>urn:uuid:other</a:RelatesTo>",
        f"<a:RelatesTo>{MESSAGE_ID}</a:RelatesTo><a:RelatesTo>o</a:RelatesTo>",
    ):
        with pytest.raises(PeerError) as caught:
            read_response(envelope(header), message_id=MESSAGE_ID, gateway="FR")
        assert (caught.value.reason, caught.value.gateway) == ("relates_to.mismatch", "FR")
        assert caught.value.code == Code.CONNECTION_NOT_POSSIBLE
    read_response(envelope(f"<a:RelatesTo> {MESSAGE_ID} </a:RelatesTo>"), message_id=MESSAGE_ID)


@pytest.mark.parametrize(
    "root", [parse(b"<html/>"), envelope("", body=""), envelope("", namespace=NS_SOAP11), envelope("", body="<x/><y/>")]
)
def test_what_is_no_answer_is_a_failure_of_the_peer(root: etree._Element) -> None:
    with pytest.raises(PeerError) as caught:
        read_response(root, message_id=MESSAGE_ID)
    assert caught.value.reason == "response.envelope"


def peer_fault(code: str, reason: str = "text", detail: str = "") -> PeerFault:
    told = f"<env:Reason><env:Text xml:lang='en'>{reason}</env:Text></env:Reason>"
    body = f"<env:Fault><env:Code>{code}</env:Code>{told}{detail}</env:Fault>"
    with pytest.raises(PeerFault) as caught:
        read_response(envelope("", body=body), message_id=MESSAGE_ID, gateway="DE")
    return caught.value


def subcode(value: str) -> str:
    return f"<env:Value>env:Receiver</env:Value><env:Subcode><env:Value>{value}</env:Value></env:Subcode>"


@pytest.mark.parametrize(
    ("code", "detail", "expected"),
    [
        (subcode("4703"), "", "4703"),
        (subcode("x:ERROR_HPI_GENERIC"), "", "ERROR_HPI_GENERIC"),
        (subcode("ERROR_OF_A_NEWER_VERSION"), "", "ERROR_OF_A_NEWER_VERSION"),
        (
            "<env:Value>env:Receiver</env:Value>",
            "<env:Detail><F><Subcode><Value>4701</Value></Subcode></F></env:Detail>",
            "4701",
        ),
        ("<env:Value>env:Receiver</env:Value>", "", "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE"),
        (subcode("wsa:ActionMismatch"), "", "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE"),
        (subcode("drop table"), "", "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE"),
        (subcode("n:HP Missing Attributes"), "", "4703"),
        (subcode("n:InvalidSecurityToken"), "", "4703"),
        ("", "", "ERROR_GENERIC_CONNECTION_NOT_POSSIBLE"),
    ],
)
def test_the_code_of_a_peers_fault_is_found_where_versions_put_it(code: str, detail: str, expected: str) -> None:
    fault = peer_fault(code, detail=detail)
    assert (fault.code, fault.gateway, fault.reason) == (expected, "DE", "peer.fault")
    assert fault.text == "text"
    assert "text" not in str(fault)


def test_a_refused_security_header_is_known_by_its_text_too() -> None:
    assert peer_fault("<env:Value>env:Sender</env:Value>", reason="hp  missing Attributes!").code == "4703"
    assert peer_fault("<env:Value>env:Sender</env:Value>", reason="Invalid Security Token").code == "4703"


def test_kind_and_subcode_of_a_peers_fault_are_local_names() -> None:
    fault = peer_fault(subcode("wsa:InvalidAddressingHeader"))
    assert (fault.kind, fault.subcode) == ("Receiver", "InvalidAddressingHeader")


def test_a_soap_11_fault_is_read_as_a_fault() -> None:
    body = "<env:Fault><faultcode>env:Server</faultcode><faultstring>broken</faultstring></env:Fault>"
    with pytest.raises(PeerFault) as caught:
        read_response(envelope(None, body=body, namespace=NS_SOAP11), message_id=MESSAGE_ID)
    assert (caught.value.kind, caught.value.text) == ("Server", "broken")


def test_our_own_faults_are_read_with_their_code() -> None:
    data = soap.write_fault(SoapFault("Receiver", "r", "t", subcode="4703"), message_id="m", relates_to=MESSAGE_ID)
    with pytest.raises(PeerFault) as caught:
        read_response(parse(data), message_id=MESSAGE_ID)
    assert caught.value.code == "4703"


# --- other people's messages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", shared_files("samples/xca", "dk_*envelope*.xml"), ids=lambda path: path.name)
def test_an_envelope_that_a_live_openncp_accepted_is_read(path: object) -> None:
    read = read_request(parse(path.read_bytes()))  # type: ignore[attr-defined]
    assert read.action.startswith("urn:ihe:iti:2007:CrossGateway")
    assert len(read.security) == 1 and read.message_id and read.notes == ()


@pytest.mark.parametrize("name", ["dk-soap-req-template-2024.xml", "dk-soap-req-template-2026.xml"])
def test_an_xcpd_envelope_of_the_danish_tool_is_read(name: str) -> None:
    read = read_request(parse(shared(f"samples/xcpd/{name}").read_bytes()))
    assert read.action == "urn:hl7-org:v3:PRPA_IN201305UV02:CrossGatewayPatientDiscovery"
    assert read.body.tag == "{urn:hl7-org:v3}PRPA_IN201305UV02"


def test_a_header_written_by_a_live_openncp_is_read() -> None:
    header = shared("samples/xca/dk_iti38_soap_header_openncp.xml").read_bytes()
    header = header[header.index(b"<soapenv:Header") :]
    data = f"<e:Envelope xmlns:e='{NS_SOAP12}'>".encode() + header + b"<e:Body>" + BODY + b"</e:Body></e:Envelope>"
    read = read_request(parse(data), http_action=ACTION)
    assert read.message_id == "urn:uuid:67e2f278-6f1c-4dcf-9c21-c1d0392f079e"
    assert len(read.security[0]) == 2 and read.notes == ()


@pytest.mark.parametrize("path", shared_files("samples/xcpd", "composed-*.xml"), ids=lambda path: path.name)
def test_answers_as_each_version_of_openncp_writes_them_are_read(path: object) -> None:
    root = parse(path.read_bytes())  # type: ignore[attr-defined]
    related = root.findtext(f"{{{NS_SOAP12}}}Header/{{{NS_WSA}}}RelatesTo", "")
    assert read_response(root, message_id=related).body.tag == "{urn:hl7-org:v3}PRPA_IN201306UV02"


# --- hostile bytes ---------------------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_mutated_messages_raise_declared_errors_only(data: st.DataObject) -> None:
    message = bytearray(soap.write_request(BODY, action=ACTION, message_id="m", to="t", assertions=[ASSERTION]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        length = data.draw(st.integers(0, 30))
        message[at : at + length] = data.draw(
            st.sampled_from([b"", b"<a/>", b"</env:Header>", b"<env:Body/>", b"1", b"\xff", b"wsa:"])
        )
    try:
        root = parse(bytes(message))
    except XmlRefused:
        return
    try:
        read_request(root)
    except SoapFault as fault:
        parse(soap.write_fault(fault, message_id="m"))
    with contextlib.suppress(PeerError):
        read_response(root, message_id="m")
