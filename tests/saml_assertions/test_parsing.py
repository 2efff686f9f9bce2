"""Tricks with XML itself inside correctly signed assertions: comments, instructions, namespaces, character data."""

from __future__ import annotations

import pytest

from ncp.wire.errors import SecurityError
from ncp.wire.xml import XmlRefused
from tests.support.assertions import (
    FACILITY,
    HCP_ID,
    PURPOSE,
    ROLE,
    Seal,
    attribute,
    envelope,
    message,
    purpose,
    role,
    seal,
    security,
    unsigned_hcp,
    unsigned_trc,
    verify_message,
    xmlsec_accepts,
)

pytestmark = pytest.mark.attack


def reason_of(data: bytes, *, needs_treatment: bool = False) -> str:
    with pytest.raises(SecurityError) as refused:
        verify_message(data, needs_treatment=needs_treatment)
    return refused.value.reason


def test_a_comment_in_the_name_is_refused_though_the_signature_still_verifies(french: Seal) -> None:
    """P7: C14N drops the comment, so ``admin<!-- -->.evil`` keeps the signature of ``admin.evil``."""
    good = seal(unsigned_hcp().replace("899700000001", "admin.evil"), french)
    evil = good.replace(b"admin.evil", b"admin<!-- -->.evil")
    assert xmlsec_accepts(evil, french.certificate)
    assert reason_of(message(evil)) == "xml.comment"


@pytest.mark.parametrize(("inserted", "reason"), [(b"<!--c-->", "xml.comment"), (b"<?p i?>", "xml.pi")])
@pytest.mark.parametrize(
    "place",
    [
        b"</saml:Issuer>",
        b"</saml:NameID>",
        b"</saml:Audience>",
        b"</saml:AttributeValue>",
        b"</ds:DigestValue>",
        b"</ds:SignatureValue>",
        b"</ds:X509Certificate>",
        b"<ds:SignedInfo>",
        b"<ds:Signature ",
        b"</saml:Assertion>",
    ],
)
def test_a_comment_or_instruction_anywhere_in_an_assertion_is_refused(
    hcp: bytes, place: bytes, inserted: bytes, reason: str
) -> None:
    """P8."""
    assert reason_of(message(hcp.replace(place, inserted + place, 1))) == reason


def test_a_comment_in_the_reference_of_the_treatment_is_refused(hcp: bytes, trc: bytes) -> None:
    changed = trc.replace(b"</saml:AssertionIDRef>", b"<!-- --></saml:AssertionIDRef>")
    assert reason_of(message(hcp, changed), needs_treatment=True) == "xml.comment"


def test_an_instruction_below_the_envelope_is_refused_wherever_it_stands(hcp: bytes) -> None:
    """P4."""
    for data in (
        envelope(b"<?xml-stylesheet href='http://127.0.0.1/x'?>", security(hcp)),
        envelope(security(b"<?p?>", hcp)),
        message(hcp, body=b"<q><?p?></q>"),
    ):
        assert reason_of(data) == "xml.pi"


def test_a_comment_outside_the_assertions_is_harmless(hcp: bytes) -> None:
    assert verify_message(envelope(b"<!-- hello -->", security(b"<!-- dear -->", hcp))).hcp.id == HCP_ID


def test_a_schema_location_is_ignored(french: Seal) -> None:
    """P4: nothing is fetched, nothing is refused."""
    located = unsigned_hcp().replace(
        'Version="2.0">',
        'Version="2.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="urn:oasis:names:tc:SAML:2.0:assertion http://127.0.0.1:9/saml.xsd">',
        1,
    )
    assert verify_message(message(seal(located, french))).hcp.id == HCP_ID


def test_a_document_type_declaration_never_reaches_verification(hcp: bytes) -> None:
    """P1, P5: refused by the parser, before there is a tree."""
    for declaration in (b"<!DOCTYPE x>", b'<!DOCTYPE x [<!ATTLIST q a ID #IMPLIED><!ENTITY e "x">]>'):
        with pytest.raises(XmlRefused) as refused:
            verify_message(declaration + message(hcp))
        assert refused.value.reason == "xml.dtd"


def test_character_data_sections_are_plain_text(hcp: bytes) -> None:
    """P9: the canonical form has no CDATA, so the signature over the plain text covers it."""
    changed = hcp.replace(b">Camille Exemple<", b"><![CDATA[Camille Exemple]]><")
    assert verify_message(message(changed)).hcp.subject == "Camille Exemple"


def test_character_references_mean_what_they_say(hcp: bytes, french: Seal) -> None:
    """P10."""
    changed = hcp.replace(b">Camille Exemple<", b">&#67;amille&#x20;Exemple<")
    assert verify_message(message(changed)).hcp.subject == "Camille Exemple"
    tabbed = seal(unsigned_hcp().replace("Camille Exemple", "&#9;Camille&#13;&#10;Exemple&#13;"), french)
    caller = verify_message(message(tabbed))
    assert caller.hcp.subject == "Camille\r\nExemple"
    assert verify_message(message(caller.assertions[0])).hcp.subject == "Camille\r\nExemple"


def test_a_relative_namespace_is_a_canonicalization_failure_and_never_empty_bytes(french: Seal) -> None:
    """P12: libxml2 cannot canonicalise it; the digest of nothing must not help (P13)."""
    empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    unsigned = unsigned_hcp(extra=attribute("urn:x", '><e:y xmlns:e="evil"/>'))
    assert reason_of(message(seal(unsigned, french, digest_value=empty))) == "sig.c14n"


def test_the_digest_of_nothing_is_refused(french: Seal) -> None:
    """P13."""
    empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert reason_of(message(seal(unsigned_hcp(), french, digest_value=empty))) == "sig.digest"


def test_an_undeclared_prefix_is_malformed(hcp: bytes) -> None:
    """P12."""
    with pytest.raises(XmlRefused):
        verify_message(
            message(hcp.replace(b"<saml:Subject>", b"<nope:Subject>").replace(b"</saml:Subject>", b"</nope:Subject>"))
        )


@pytest.mark.parametrize(
    "written",
    [
        role().replace("<Role xmlns=", "<h:Role xmlns:h="),
        role().replace("/>", "></Role>"),
        role().replace("<Role ", '<Role xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CE" '),
    ],
)
def test_a_role_is_found_with_any_prefix_and_with_a_type(french: Seal, written: str) -> None:
    """P14."""
    caller = verify_message(message(seal(unsigned_hcp(role=attribute(ROLE, written)), french)))
    assert caller.hcp.roles == ("221",)


def test_a_coded_value_of_another_namespace_is_missing(french: Seal) -> None:
    """P14."""
    other_role = attribute(ROLE, role().replace("urn:hl7-org:v3", "urn:hl7-org:v2"))
    other_purpose = attribute(PURPOSE, purpose().replace("urn:hl7-org:v3", "urn:hl7-org:v2"))
    assert reason_of(message(seal(unsigned_hcp(role=other_role), french))) == "attr.missing"
    assert reason_of(message(seal(unsigned_hcp(purpose=other_purpose), french))) == "purpose.refused"


def test_two_roles_are_counted_by_where_they_stand(french: Seal) -> None:
    """P15: one value with two roles; two values; two attributes."""
    one_value = attribute(ROLE, role() + role("2262", "Pharmacists")[1:])
    two_values = attribute(ROLE, role(), role("2262", "Pharmacists"))
    unknown_second = attribute(ROLE, role(), role("9999", "Wizards"))
    two_attributes = attribute(ROLE, role()) + attribute(ROLE, role("2262", "Pharmacists"))
    assert reason_of(message(seal(unsigned_hcp(role=one_value), french))) == "attr.value"
    assert verify_message(message(seal(unsigned_hcp(role=two_values), french))).hcp.roles == ("221", "2262")
    assert reason_of(message(seal(unsigned_hcp(role=unknown_second), french))) == "role.unknown"
    assert reason_of(message(seal(unsigned_hcp(role=two_attributes), french))) == "attr.multiple"


@pytest.mark.parametrize("name", [FACILITY.upper(), FACILITY + " ", " " + FACILITY])
def test_an_attribute_name_is_compared_exactly(french: Seal, name: str) -> None:
    """P16."""
    assert reason_of(message(seal(unsigned_hcp(facility=attribute(name, "Hospital")), french))) == "attr.missing"


def test_a_pointer_to_bytes_outside_the_assertion_is_refused(french: Seal) -> None:
    """P17."""
    include = '><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:x@y"/>'
    assert reason_of(message(seal(unsigned_hcp(extra=attribute("urn:x", include)), french))) == "schema.invalid"


@pytest.mark.parametrize("name", ["EncryptedAssertion", "EncryptedID", "EncryptedAttribute"])
def test_nothing_encrypted_is_decrypted_or_accepted(french: Seal, name: str) -> None:
    """A23."""
    encrypted = f"<saml:{name}/>"
    inside = unsigned_hcp().replace("<saml:AttributeStatement>", "<saml:AttributeStatement>" + encrypted)
    assert reason_of(message(seal(inside, french))) == "sig.placement"


def test_an_encrypted_assertion_in_the_header_is_refused(hcp: bytes) -> None:
    """A23."""
    block = b'<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>'
    assert reason_of(message(hcp, block)) == "header.content"


@pytest.mark.parametrize(
    "block",
    [
        b"text",
        b'<wsse:BinarySecurityToken xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-'
        b'secext-1.0.xsd"/>',
        b'<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>',
    ],
)
def test_the_security_header_holds_assertions_and_nothing_else(hcp: bytes, block: bytes) -> None:
    assert reason_of(message(hcp, block)) == "header.content"


def test_a_timestamp_is_ignored(hcp: bytes) -> None:
    stamp = (
        b'<wsu:Timestamp xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">'
        b"<wsu:Expires>2001-01-01T00:00:00Z</wsu:Expires></wsu:Timestamp>"
    )
    assert verify_message(message(stamp, hcp)).hcp.id == HCP_ID


def test_an_assertion_hidden_in_a_timestamp_is_refused(hcp: bytes) -> None:
    stamp = (
        b'<wsu:Timestamp xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">'
        + hcp
        + b"</wsu:Timestamp>"
    )
    assert reason_of(message(stamp, hcp)) == "sig.placement"


def test_values_are_trimmed_but_verified_untouched(french: Seal) -> None:
    """White space around values is signed as it is (the Danish test tool writes so) and trimmed when read."""
    spaced = unsigned_hcp().replace("Camille Exemple", "\n   Camille Exemple\n  ")
    assert verify_message(message(seal(spaced, french))).hcp.subject == "Camille Exemple"
    spaced_trc = unsigned_trc().replace("TEST-0001^^^", "  TEST-0001^^^")
    caller = verify_message(message(seal(spaced, french), seal(spaced_trc, french)), needs_treatment=True)
    assert caller.trc is not None and caller.trc.patient.extension == "TEST-0001"
