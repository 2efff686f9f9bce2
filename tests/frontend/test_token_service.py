"""OpenNCP's token service, over the port."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from ncp.frontend.port import Accompaniment, Treatment
from ncp.wire.errors import Code, SecurityError
from ncp.wire.ids import II
from saml_assertions.issue import NextOfKin
from tests.support.frontend import HCP, SmallNcpB
from tests.support.portal import ENV, Caller, envelope

E = f"{{{ENV}}}"
WST = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
WSA = "http://www.w3.org/2005/08/addressing"
MESSAGE_ID = f'<a:MessageID xmlns:a="{WSA}">uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427</a:MessageID>'
TRC_PARAMETERS = (
    '<t:TRCParameters xmlns:t="https://ehdsi.eu/assertion/trc"><t:PurposeOfUse>TREATMENT</t:PurposeOfUse>'
    "<t:PatientId>TEST-0001^^^&amp;1.2.999.50&amp;ISO</t:PatientId>"
    "<t:DispensationPinCode>1234</t:DispensationPinCode><t:PrescriptionId>RX-1</t:PrescriptionId></t:TRCParameters>"
)
NOK_PARAMETERS = (
    '<n:NoKParameters xmlns:n="https://ehdsi.eu/assertion/nok"><n:PurposeOfUse>TREATMENT</n:PurposeOfUse>'
    "<n:PatientId>TEST-0001^^^&amp;1.2.999.50&amp;ISO</n:PatientId><n:NextOfKinId>N1</n:NextOfKinId>"
    "<n:NextOfKinFirstName>Ana</n:NextOfKinFirstName><n:NextOfKinFamilyName>Novak</n:NextOfKinFamilyName>"
    "<n:NextOfKinBirthDate>1985-03-19</n:NextOfKinBirthDate></n:NoKParameters>"
)
TRC_PATHS = ["/TRC-STS/STSServiceService", "/TRC-STS/SecurityTokenService"]
NOK_PATHS = ["/TRC-STS/NextOfKinService", "/TRC-STS/NextOfKinTokenService"]


def request(parameters: str, *, kind: str = f"{WST}/Issue", header: str = MESSAGE_ID, assertions: int = 1) -> bytes:
    body = (
        f'<w:RequestSecurityToken xmlns:w="{WST}"><w:RequestType>{kind}</w:RequestType>'
        f"<w:TokenType>urn:oasis:names:tc:SAML:2.0:assertion</w:TokenType>{parameters}</w:RequestSecurityToken>"
    )
    return envelope(body, *[HCP] * assertions, header=header)


@pytest.fixture
def caller(front_end_of: Callable[..., Caller]) -> Caller:
    return front_end_of()


@pytest.mark.parametrize("path", TRC_PATHS)
def test_a_treatment_assertion_is_issued(path: str, caller: Caller, ncp_b: SmallNcpB) -> None:
    status, root = caller.post(path, request(TRC_PARAMETERS), headers={"soapaction": '""'})
    assert status == 200
    token = root.find(f".//{{{WST}}}RequestedSecurityToken")
    assert [child.get("ID") for child in token] == ["_trc"]
    assert root.findtext(f".//{{{WSA}}}Action") == "urn:IssueTokenResponse"
    assert root.findtext(f".//{{{WSA}}}RelatesTo") == "urn:uuid:1b4e28ba-2fa1-41d2-883f-0016d3cca427"
    lifetime = root.find(f".//{{{WST}}}LifeTime")
    assert [child.text for child in lifetime] == ["2026-03-02T08:05:00.000Z", "2026-03-02T10:05:00.000Z"]
    call, treatment = ncp_b.the("confirm_treatment")
    assert treatment == Treatment(
        patient=II("1.2.999.50", "TEST-0001"), purpose="TREATMENT", prescription_id="RX-1", dispensation_pin="1234"
    )
    assert call.security[0][0].get("ID") == "_hcp"
    assert call.portal.name == "test portal"


@pytest.mark.parametrize("path", NOK_PATHS)
def test_a_next_of_kin_assertion_is_issued(path: str, caller: Caller, ncp_b: SmallNcpB) -> None:
    status, root = caller.post(path, request(NOK_PARAMETERS))
    assert status == 200
    assert root.find(f".//{{{WST}}}RequestedSecurityToken")[0].get("ID") == "_trc"
    _, accompaniment = ncp_b.the("confirm_next_of_kin")
    assert accompaniment == Accompaniment(
        next_of_kin=NextOfKin(identifier="N1", first_name="Ana", family_name="Novak", birth_date="1985-03-19"),
        purpose="TREATMENT",
        patient=II("1.2.999.50", "TEST-0001"),
    )


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"<not xml", "Cannot get Soap Message Parts"),
        (request(TRC_PARAMETERS, kind=f"{WST}/Renew"), "Only ISSUE action is supported"),
        (request(""), "No TRC Parameters in RST"),
        (
            request(TRC_PARAMETERS.replace("TEST-0001^^^&amp;1.2.999.50&amp;ISO", "")),
            "Patient ID is Missing from the RST",
        ),
        (
            request(TRC_PARAMETERS.replace("TREATMENT", "CURIOSITY")),
            "Purpose of Use MUST be either TREATMENT of EMERGENCY",
        ),
        (request(TRC_PARAMETERS, header=""), "Message ID not found in Header"),
        (
            request(TRC_PARAMETERS, assertions=0),
            "SAML Identity Assertion is missing from the Security Header",
        ),
        (
            request(TRC_PARAMETERS, assertions=2),
            "SAML Identity Assertion is missing from the Security Header",
        ),
    ],
)
def test_faults_speak_openncps_words(message: bytes, text: str, caller: Caller, ncp_b: SmallNcpB) -> None:
    status, root = caller.post(TRC_PATHS[0], message)
    assert status == 500
    assert root.findtext(f"{E}Body/{E}Fault/{E}Reason/{E}Text") == text
    assert ncp_b.asked == []


def test_a_refused_signature_is_told_in_openncps_words(caller: Caller, ncp_b: SmallNcpB) -> None:
    ncp_b.failure = SecurityError(Code.SEC_DATA_INTEGRITY_NOT_ENSURED, "sig.value")
    status, root = caller.post(TRC_PATHS[0], request(TRC_PARAMETERS))
    assert status == 500
    assert root.findtext(f".//{E}Reason/{E}Text") == "Error validating SAML Assertion signature"


def test_what_is_not_declared_shows_nothing(caller: Caller, ncp_b: SmallNcpB) -> None:
    ncp_b.failure = RuntimeError("TEST-0001 in a text")
    status, root = caller.post(TRC_PATHS[0], request(TRC_PARAMETERS))
    assert status == 500
    assert b"TEST-0001" not in etree.tostring(root)
