"""Published messages of other people, with the outcome docs/assertions.md promises for each."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from lxml import etree

from ncp.wire.errors import Code, SecurityError
from ncp.wire.ids import II, CountryCode
from ncp.wire.xml import NS_DS, NS_SAML, NS_WSSE, parse
from saml_assertions.claims import VerifiedAssertion, VerifiedCaller
from saml_assertions.rules import VerificationRules
from saml_assertions.verify import verify, verify_assertion
from tests.shared import shared
from tests.support.assertions import HonestTrust, Seal, message, seal, tls_peer, verify_message

DANISH_NOON = datetime(2025, 7, 26, 12, 0, tzinfo=UTC)


def pinned(data: bytes) -> HonestTrust:
    """Trust in the leaf of the sample and in nothing else."""
    text = "".join(etree.fromstring(data).findtext(f".//{{{NS_DS}}}X509Certificate", "").split())
    der = base64.b64decode(text)
    x509.load_der_x509_certificate(der)
    return HonestTrust(pins={der})


def danish(name: str, *, trust: HonestTrust | None = None) -> VerifiedCaller:
    data = shared(f"samples/saml/{name}").read_bytes()
    root = parse(data)
    blocks = tuple(root.iterfind(f"{{{NS_WSSE}}}Security"))
    return verify(
        blocks,
        root,
        needs_treatment=True,
        trust=trust or pinned(data),
        peer=tls_peer("DK"),
        rules=VerificationRules(),
        at=DANISH_NOON,
    )


def lone(name: str, trust: HonestTrust | None = None, at: datetime = DANISH_NOON) -> VerifiedAssertion:
    root = parse(shared(f"samples/saml/{name}").read_bytes())
    assertion = root if root.tag == f"{{{NS_SAML}}}Assertion" else next(root.iter(f"{{{NS_SAML}}}Assertion"))
    return verify_assertion(assertion, trust=trust or HonestTrust(), rules=VerificationRules(), at=at)


def test_the_restored_danish_header_passes() -> None:
    caller = danish("dk_openncp_xca_header.restored.xml")
    assert caller.country == "DK"
    assert caller.hcp.name_id == "house@ehdsi.eu"
    assert caller.hcp.subject == "John House"
    assert caller.hcp.roles == ("221",)
    assert caller.hcp.permissions >= {"PRD-003", "PRD-005", "PRD-010", "PRD-016"}
    assert caller.trc is not None
    assert caller.trc.patient == II("1.2.208.176.1.2", "1011649927")
    assert caller.warnings == ()


def test_the_restored_danish_header_can_be_passed_on() -> None:
    caller = danish("dk_openncp_xca_header.restored.xml")
    trust = pinned(caller.assertions[0])
    again = verify_message(
        message(*caller.assertions), needs_treatment=True, trust=trust, peer=tls_peer("DK"), at=DANISH_NOON
    )
    assert again.hcp == caller.hcp


def test_the_published_danish_header_was_indented_inside_signed_info() -> None:
    with pytest.raises(SecurityError) as refused:
        danish("dk_openncp_xca_header.published.xml")
    assert (refused.value.reason, refused.value.code) == ("sig.value", Code.SEC_DATA_INTEGRITY_NOT_ENSURED)


@pytest.mark.parametrize("name", ["dk_openncp_xca_header.restored.xml", "dk_openncp_xca_header.published.xml"])
def test_without_trust_in_the_signer_nothing_is_verified(name: str) -> None:
    with pytest.raises(SecurityError) as refused:
        danish(name, trust=HonestTrust())
    assert (refused.value.reason, refused.value.code) == ("cert.untrusted", Code.SEC_GENERIC)


def test_the_danish_assertion_of_2024_was_indented_after_signing() -> None:
    data = shared("samples/saml/dk_epps_hcp_2024.xml").read_bytes()
    with pytest.raises(SecurityError) as refused:
        lone("dk_epps_hcp_2024.xml", pinned(data), datetime(2024, 6, 6, 9, 0, 30, tzinfo=UTC))
    assert refused.value.reason == "sig.digest"


def test_the_danish_assertion_of_2024_reads_well_once_signed_again(french: Seal) -> None:
    """What the Danish test tool writes: nanoseconds or not, no audience, no xsi:type, another code system."""
    root = etree.fromstring(shared("samples/saml/dk_epps_hcp_2024.xml").read_bytes())
    signature = root.find(f"{{{NS_DS}}}Signature")
    assert signature is not None
    root.remove(signature)
    unsigned = etree.tostring(root, encoding="unicode").replace("2024-06-06T", "2026-03-02T")
    signed = seal(unsigned, french, transforms=TWO_PLAIN_STEPS, digest_prefixes=None)
    caller = verify_message(message(signed), at=datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC))
    assert caller.hcp.roles == ("221",)
    assert caller.hcp.facility_type == "Hospital"
    assert caller.hcp.purpose == "TREATMENT"
    assert "PRD-006" in caller.hcp.permissions
    assert "hcp.audience.missing" in caller.warnings


TWO_PLAIN_STEPS = (
    '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
    '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
)


def fill(template: str, holes: dict[str, str]) -> str:
    for name, value in holes.items():
        template = template.replace("{{" + name + "}}", value)
    assert "{{" not in template
    return template[template.index("<saml:Assertion") :].strip()


def test_the_minimal_sender_of_the_danish_test_tool_is_accepted(french: Seal) -> None:
    times = {
        "issue-instant": "2026-03-02T08:00:00.123456789Z",
        "not-before": "2026-03-02T08:00:00.123456789Z",
        "not-on-or-after": "2026-03-02T10:00:00Z",
        "authn-instant": "2026-03-02T08:00:00Z",
    }
    folder = shared("samples/saml/dk_test_tool")
    hcp = fill((folder / "xca_hcp.template.xml").read_text(), {"assertion-id": "_h", **times})
    trc = fill((folder / "xca_trc.template.xml").read_text(), {"assertion-id": "_t", "hcp-assertion-id": "_h", **times})
    signed = [seal(a, french, transforms=TWO_PLAIN_STEPS, digest_prefixes=None) for a in (hcp, trc)]
    caller = verify_message(message(*signed), needs_treatment=True)
    assert caller.trc is not None and caller.trc.patient == II("1.2.208.176.1.2", "0410009234")
    assert set(caller.warnings) == {
        "hcp.audience.missing",
        "trc.audience.missing",
        "hcp.issuer.country",
        "trc.issuer.country",
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("openncp_hcp_2010_unsigned.xml", "assertion.unknown_type"),
        ("openncp_minimal_2010_numeric_id.xml", "assertion.unknown_type"),
        ("openncp_rst_2011_request.xml", "assertion.unknown_type"),
    ],
)
def test_assertions_of_epsos_times_are_of_no_known_kind(name: str, reason: str) -> None:
    with pytest.raises(SecurityError) as refused:
        lone(name)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("openncp_hcp_2010_unsigned.xml", {"sig.missing"}),
        ("openncp_minimal_2010_numeric_id.xml", {"id.malformed"}),
        ("openncp_trc_2011_uuid_id.xml", {"id.malformed"}),
        ("openncp_rst_2011_request.xml", {"sig.algorithm"}),
    ],
)
def test_under_a_new_name_they_are_refused_for_what_they_are(name: str, reasons: set[str]) -> None:
    text = shared(f"samples/saml/{name}").read_text()
    text = text.replace("urn:epsos:wp34:assertions", "urn:ehdsi:assertions:hcp")
    root = parse(text.encode())
    assertion = root if root.tag == f"{{{NS_SAML}}}Assertion" else next(root.iter(f"{{{NS_SAML}}}Assertion"))
    if assertion[0].get("NameQualifier") != "urn:ehdsi:assertions:trc":
        assertion[0].set("NameQualifier", "urn:ehdsi:assertions:hcp")
    with pytest.raises(SecurityError) as refused:
        verify_assertion(assertion, trust=HonestTrust(), rules=VerificationRules(), at=DANISH_NOON)
    assert refused.value.reason in reasons


def test_the_country_of_the_danish_signer_is_its_c_attribute() -> None:
    caller = danish("dk_openncp_xca_header.restored.xml")
    assert caller.hcp_signer.country == CountryCode("DK")
