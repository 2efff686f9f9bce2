"""The token service's messages: what OpenNCP's portals send and expect, both ends, and hostile requests."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.errors import Code, SecurityError
from ncp.wire.ids import II
from ncp.wire.xml import NS_WSA, NS_WSU, XmlRefused, parse
from saml_assertions import sts
from saml_assertions.issue import NextOfKin
from saml_assertions.sts import NS_WST, StsFault, fault_of, read_request, read_response, write_request, write_response
from tests.shared import shared
from tests.support.assertions import AT, HCP_ID, Seal, message, seal, unsigned_hcp, verify_message

P = II("1.2.999.50", "TEST-0001")

REQUEST = """<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Header>
<wsa:MessageID xmlns:wsa="http://www.w3.org/2005/08/addressing">urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427</wsa:MessageID>
<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
 env:mustUnderstand="true">ASSERTION</wsse:Security></env:Header><env:Body>
<wst:RequestSecurityToken xmlns:wst="http://docs.oasis-open.org/ws-sx/ws-trust/200512">
<wst:RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue</wst:RequestType>
<wst:TokenType>urn:oasis:names:tc:SAML:2.0:assertion</wst:TokenType>PARAMETERS</wst:RequestSecurityToken>
</env:Body></env:Envelope>"""
TRC = """<trc:TRCParameters xmlns:trc="https://ehdsi.eu/assertion/trc"><trc:PurposeOfUse>TREATMENT</trc:PurposeOfUse>
<trc:PatientId>TEST-0001^^^&amp;1.2.999.50&amp;ISO</trc:PatientId><trc:PatientId>OTHER^^^&amp;1.2&amp;ISO</trc:PatientId>
<trc:DispensationPinCode>1234</trc:DispensationPinCode><trc:PrescriptionId>RX-1</trc:PrescriptionId></trc:TRCParameters>"""
NOK = """<nok:NoKParameters xmlns:nok="https://ehdsi.eu/assertion/nok"><nok:PurposeOfUse>EMERGENCY</nok:PurposeOfUse>
<nok:NextOfKinId>KIN-7</nok:NextOfKinId><nok:NextOfKinBirthDate>02-01-1978</nok:NextOfKinBirthDate>
<nok:NextOfKinPostalCode>35000</nok:NextOfKinPostalCode></nok:NoKParameters>"""


def request(
    hcp: bytes | str = "<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>", parameters: str = TRC
) -> str:
    text = hcp.decode() if isinstance(hcp, bytes) else hcp
    return REQUEST.replace("ASSERTION", text).replace("PARAMETERS", parameters)


def fault(data: str, service: sts.Service = "TRC") -> str:
    with pytest.raises(StsFault) as refused:
        read_request(parse(data.encode()), service)
    return refused.value.message


def test_a_request_for_a_treatment_is_read(hcp: bytes) -> None:
    asked = read_request(parse(request(hcp).encode()), "TRC")
    assert asked.patient == P
    assert (asked.purpose, asked.prescription_id, asked.dispensation_pin) == ("TREATMENT", "RX-1", "1234")
    assert asked.message_id == "urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427"
    assert "TEST" not in repr(asked)


def test_the_assertion_of_a_request_verifies_in_place(hcp: bytes) -> None:
    data = request(hcp).encode()
    assert verify_message(data, own=True).hcp.id == HCP_ID
    assert len(read_request(parse(data), "TRC").security) == 1


def test_a_request_for_a_next_of_kin_is_read_in_the_reference_servers_names() -> None:
    asked = read_request(parse(request(parameters=NOK).encode()), "NOK")
    assert asked.next_of_kin is not None
    assert (asked.next_of_kin.identifier, asked.next_of_kin.birth_date) == ("KIN-7", "1978-01-02")
    assert asked.next_of_kin.postal_code == "35000"
    assert asked.patient is None
    client = NOK.replace("NextOfKinPostalCode", "NextOfKinAddressPostalCode").replace("02-01-1978", "1978-01-02")
    again = read_request(parse(request(parameters=client).encode()), "NOK").next_of_kin
    assert again is not None and (again.postal_code, again.birth_date) == ("35000", "1978-01-02")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("env:Body", "env:Boddy", "Cannot get Soap Message Parts"),
        ("RequestSecurityToken ", "Other ", "Cannot get Soap Message Parts"),
        ("200512/Issue", "200512/Renew", "Only ISSUE action is supported"),
        ("200512/Issue", "200512/Issue ", "Only ISSUE action is supported"),
        ("RequestType>", "Requested>", "No Request Type is Specified."),
        ("TokenType>", "Token>", "No Token Type is Specified."),
        ("SAML:2.0:assertion</wst", "SAML:1.0:assertion</wst", "Only SAML2.0 Tokens are Issued"),
        ("TRCParameters", "Parameters", "No TRC Parameters in RST"),
        ("trc:PatientId>", "trc:Patient>", "Patient ID is Missing from the RST"),
        ("TEST-0001^^^&amp;1.2.999.50&amp;ISO", " ", "Patient ID is Missing from the RST"),
        (">TREATMENT<", ">treatment<", "Purpose of Use MUST be either TREATMENT of EMERGENCY"),
        ("wsa:MessageID", "wsa:RelatesTo", "Message ID not found in Header"),
        (
            "<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>",
            "",
            "SAML Identity Assertion is missing from the Security Header",
        ),
        (
            "<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>",
            "<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>" * 2,
            "SAML Identity Assertion is missing from the Security Header",
        ),
    ],
)
def test_each_fault_has_the_text_portals_know(old: str, new: str, text: str) -> None:
    data = request()
    assert old in data
    if old.startswith("RequestSecurityToken"):
        data = data.replace("</wst:RequestSecurityToken>", "</wst:Other>")
    assert fault(data.replace(old, new)) == text


def test_a_missing_kin_parameter_block_is_named() -> None:
    assert fault(request(), "NOK") == "No NoK Parameters in RST"


def test_a_refused_assertion_becomes_the_fault_portals_know(french: Seal) -> None:
    unsigned = unsigned_hcp()
    cases = {
        "can't be used before 2026-03-02T08:00:00.000Z": (unsigned, AT - timedelta(hours=1)),
        "can't be used after 2026-03-02T12:00:00.000Z": (unsigned, AT + timedelta(hours=9)),
        "authnContextClassRef must be one of [": (unsigned.replace("SmartcardPKI", "Password"), AT),
        "Error validating SAML Assertion signature": (unsigned.replace("</saml:Issuer>", "</saml:Issuer> "), AT),
    }
    for text, (written, at) in cases.items():
        signed = seal(written, french)
        if "signature" in text:
            signed = signed.replace(b"Camille", b"Kamille")
        with pytest.raises(SecurityError) as refused:
            verify_message(message(signed), own=True, at=at)
        told = fault_of(refused.value, etree.fromstring(signed), at)
        assert text in told.message
        assert told.reason == refused.value.reason
        assert "Kamille" not in told.message


def test_a_fault_never_repeats_what_is_not_plainly_an_id_or_a_time() -> None:
    assertion = etree.fromstring(
        '<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="Camille Exemple">'
        '<Conditions NotOnOrAfter="born 1978"/></Assertion>'
    )
    told = fault_of(SecurityError(Code.HPI_GENERIC, "time.expired"), assertion, AT)
    assert "Camille" not in told.message
    assert "born" not in told.message
    assert fault_of(SecurityError(Code.ASSERTION_NOT_VALID, "header.missing"), None, AT).message == sts.NO_ASSERTION


def test_an_answer_carries_the_assertion_as_it_was_signed(hcp: bytes) -> None:
    data = write_response(
        hcp, created=AT, expires=AT + timedelta(hours=2), message_id="urn:uuid:2", relates_to="uuid:1"
    )
    assert hcp in data
    root = parse(data)
    assert root.findtext(f".//{{{NS_WSA}}}RelatesTo") == "urn:uuid:1"
    lifetime = root.find(f".//{{{NS_WST}}}LifeTime")
    assert lifetime is not None
    assert [child.text for child in lifetime] == ["2026-03-02T08:10:00.000Z", "2026-03-02T10:10:00.000Z"]
    assert len(root.findall(f".//{{{NS_WSU}}}Timestamp/{{{NS_WSU}}}Expires")) == 1
    assert read_response(root).get("ID") == HCP_ID


def test_an_answer_without_an_assertion_is_a_fault_and_no_crash() -> None:
    with pytest.raises(StsFault):
        read_response(parse(shared("samples/saml/openncp_rst_2011_empty_response.xml").read_bytes()))


def test_the_request_of_2011_is_refused_for_the_white_space_round_its_constants() -> None:
    data = shared("samples/saml/openncp_rst_2011_request.xml").read_bytes()
    with pytest.raises(StsFault) as refused:
        read_request(parse(data), "TRC")
    assert refused.value.message == "Only ISSUE action is supported"


TEXT = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
    .map(str.strip)
    .filter(lambda text: not {"\ufffe", "\uffff"} & set(text))
)


@settings(max_examples=40, deadline=None)
@given(first=TEXT, family=TEXT, city=TEXT, postal=TEXT, identifier=TEXT)
def test_what_the_client_writes_the_server_reads(
    first: str, family: str, city: str, postal: str, identifier: str
) -> None:
    kin = NextOfKin(identifier=identifier, first_name=first, family_name=family, city=city, postal_code=postal)
    hcp = b'<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/>'
    data = write_request("NOK", hcp, message_id="urn:uuid:1", patient=P, purpose="TREATMENT", next_of_kin=kin)
    asked = read_request(parse(data), "NOK")
    assert (asked.next_of_kin, asked.patient, asked.purpose) == (kin, P, "TREATMENT")


def test_the_parameters_we_write_fit_the_schema() -> None:
    schema = etree.XMLSchema(etree.parse(shared("schemas/saml/ehdsi-trc-parameters.xsd")))
    data = write_request(
        "TRC", b"", message_id="x", patient=P, purpose="TREATMENT", prescription_id="RX", dispensation_pin="1"
    )
    schema.assertValid(parse(data).find(".//{https://ehdsi.eu/assertion/trc}TRCParameters"))
    with pytest.raises(ValueError, match="patient"):
        write_request("TRC", b"", message_id="x", patient=None, purpose="TREATMENT")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_requests_are_read_or_refused_with_a_fault(data: st.DataObject) -> None:
    raw = bytearray(request().encode())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(StsFault, XmlRefused):
        read_request(parse(bytes(raw)), data.draw(st.sampled_from(["TRC", "NOK"])))
