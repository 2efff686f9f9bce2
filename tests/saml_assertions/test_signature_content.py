"""What stands in a Signature: algorithms, keys, certificates, transforms; each change of docs/assertions.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import timedelta

import pytest
import xmlsec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from ncp.wire.errors import Code, SecurityError
from saml_assertions.rules import VerificationRules
from saml_assertions.signature import SignatureProfile, decode_base64
from tests.support.assertions import (
    AT,
    DIGESTS,
    DS,
    ENVELOPED_STEP,
    EXC,
    EXCLUSIVE_STEP,
    HCP_ID,
    MORE,
    SAML,
    HonestTrust,
    Seal,
    authority,
    certify,
    honest_trust,
    message,
    rsa_key,
    seal,
    seal_of,
    security,
    subject,
    unsigned_hcp,
    verify_message,
    x509_data,
    xmlsec_accepts,
)
from trust_store.types import Purpose

pytestmark = pytest.mark.attack

INTEGRITY = Code.SEC_DATA_INTEGRITY_NOT_ENSURED


def refused(data: bytes, **options: object) -> tuple[str, str]:
    with pytest.raises(SecurityError) as caught:
        verify_message(data, **options)  # type: ignore[arg-type]
    return caught.value.reason, caught.value.code


# --- A1, A2 ----------------------------------------------------------------------------------------------------------


def test_an_unsigned_assertion_is_refused() -> None:
    """A1."""
    assert refused(message(unsigned_hcp().encode())) == ("sig.missing", INTEGRITY)


def flip(text: bytes, name: bytes, position: int = 5) -> bytes:
    """Another base64 letter, ``position`` letters into the element."""
    at = text.index(b"<" + name) + text[text.index(b"<" + name) :].index(b">") + 1 + position
    return text[:at] + (b"A" if text[at : at + 1] != b"A" else b"B") + text[at + 1 :]


def test_one_changed_bit_is_noticed(hcp: bytes) -> None:
    """A2: of a value, of the digest, of the signature value, of SignedInfo."""
    assert refused(message(hcp.replace(b"Camille", b"Kamille")))[0] == "sig.digest"
    assert refused(message(flip(hcp, b"ds:DigestValue")))[0] == "sig.digest"
    assert refused(message(flip(hcp, b"ds:SignatureValue"))) == ("sig.value", INTEGRITY)
    assert refused(message(hcp.replace(b"<ds:SignedInfo>", b"<ds:SignedInfo>\n")))[0] == "sig.value"


def test_the_text_behind_the_signature_is_signed_too(french: Seal) -> None:
    """Taking the Signature out must leave the text that follows it."""
    spaced = (
        unsigned_hcp().replace("</saml:Issuer>", "</saml:Issuer>\n ").replace("<saml:Subject>", " \n<saml:Subject>", 1)
    )
    signed = seal(spaced, french)
    caller = verify_message(message(signed))
    assert caller.hcp.id == HCP_ID
    assert xmlsec_accepts(signed, french.certificate)
    assert refused(message(signed.replace(b"</ds:Signature>\n ", b"</ds:Signature>\n  ")))[0] == "sig.digest"


def test_verification_leaves_the_message_as_it_was(hcp: bytes) -> None:
    from ncp.wire.xml import NS_WSSE, parse
    from saml_assertions.verify import verify
    from tests.support.assertions import tls_peer

    root = parse(message(hcp))
    before = etree.tostring(root)
    blocks = tuple(root.iter(f"{{{NS_WSSE}}}Security"))
    for _ in range(2):
        verify(
            blocks,
            root,
            needs_treatment=False,
            trust=honest_trust(),
            peer=tls_peer(),
            rules=VerificationRules(),
            at=AT,
        )
    assert etree.tostring(root) == before


# --- A3 to A5 --------------------------------------------------------------------------------------------------------


def hmac_sealed(secret: bytes, french: Seal, content: str = "") -> bytes:
    method = MORE + "hmac-sha256"
    unsigned = seal(unsigned_hcp(), french, method=method, method_content=content, value=b"")
    element = etree.fromstring(unsigned).find(f".//{{{DS}}}SignedInfo")
    assert element is not None
    data = etree.tostring(element, method="c14n", exclusive=True)
    value = hmac.new(secret, data, hashlib.sha256).digest()
    return seal(unsigned_hcp(), french, method=method, method_content=content, value=value)


def test_a_shared_secret_is_never_a_signature(french: Seal) -> None:
    """A3, A4: HMAC keyed with what everybody can read in the certificate."""
    key = french.certificate.public_key()
    spki = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    for secret in (french.der, french.pem, key.public_bytes(*spki), key.public_bytes(Encoding.PEM, spki[1])):
        assert refused(message(hmac_sealed(secret, french))) == ("sig.algorithm", INTEGRITY)
    for length in (0, 8):
        content = f"<ds:HMACOutputLength>{length}</ds:HMACOutputLength>"
        assert refused(message(hmac_sealed(french.der, french, content)))[0] == "sig.algorithm"


@pytest.mark.parametrize(
    "method",
    [
        DS + "rsa-sha1",
        DS + "dsa-sha1",
        DS + "hmac-sha1",
        MORE + "rsa-md5",
        MORE + "rsa-ripemd160",
        MORE + "rsa-sha224",
        MORE + "ecdsa-sha1",
        "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        "none",
        "",
    ],
)
def test_a_weak_or_unknown_signature_algorithm_is_refused(french: Seal, method: str) -> None:
    """A5: also with a strong signature underneath."""
    value = french.sign(b"x")
    sealed = seal(unsigned_hcp(), french, method=method or "urn:x", value=value)
    assert refused(message(sealed)) == ("sig.algorithm", INTEGRITY)


@pytest.mark.parametrize("digest", ["sha1", "md5", "sha224"])
def test_a_weak_digest_under_a_strong_signature_is_refused(french: Seal, digest: str) -> None:
    """A5."""
    assert refused(message(seal(unsigned_hcp(), french, digest=digest)))[0] == "sig.algorithm"


def test_sha1_with_a_strong_digest_is_refused(french: Seal) -> None:
    """A5, the reverse: the value verifies, the algorithm does not count."""
    sealed = seal(unsigned_hcp(), french, hash_name="sha1", method=DS + "rsa-sha1")
    assert refused(message(sealed))[0] == "sig.algorithm"


@pytest.mark.parametrize("weak", [DS + "rsa-sha1", MORE + "hmac-sha256", "urn:x"])
def test_no_configuration_can_allow_a_weak_algorithm(weak: str) -> None:
    with pytest.raises(ValueError, match="algorithm"):
        SignatureProfile(methods=frozenset({weak}))
    with pytest.raises(ValueError, match="algorithm"):
        SignatureProfile(digests=frozenset({DIGESTS["sha1"]}))


@pytest.mark.parametrize(
    ("hash_name", "method"),
    [
        ("sha256", MORE + "rsa-sha256"),
        ("sha384", MORE + "rsa-sha384"),
        ("sha512", MORE + "rsa-sha512"),
        ("sha256", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
        ("sha384", "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1"),
        ("sha512", "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"),
    ],
)
@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_every_allowed_rsa_algorithm_verifies_here_and_elsewhere(
    french: Seal, hash_name: str, method: str, digest: str
) -> None:
    sealed = seal(unsigned_hcp(), french, hash_name=hash_name, method=method, digest=digest)
    assert verify_message(message(sealed)).hcp.id == HCP_ID
    if "MGF1" not in method:
        assert xmlsec_accepts(sealed, french.certificate)


def test_a_configured_list_narrows_the_algorithms(french: Seal) -> None:
    rules = VerificationRules(signature=SignatureProfile(methods=frozenset({MORE + "rsa-sha512"})))
    assert refused(message(seal(unsigned_hcp(), french)), rules=rules)[0] == "sig.algorithm"
    assert verify_message(message(seal(unsigned_hcp(), french, hash_name="sha512")), rules=rules).hcp.id == HCP_ID


@pytest.fixture(scope="module", params=[ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=["256", "384", "521"])
def elliptic(request: pytest.FixtureRequest) -> Seal:
    name = subject((NameOID.COUNTRY_NAME, "FR"), (NameOID.COMMON_NAME, "EC seal"))
    return certify(name, ec.generate_private_key(request.param), issuer=authority("FR"))


@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
def test_elliptic_curves_verify_here_and_elsewhere(elliptic: Seal, hash_name: str) -> None:
    sealed = seal(unsigned_hcp(), elliptic, hash_name=hash_name)
    assert verify_message(message(sealed)).hcp.id == HCP_ID
    assert xmlsec_accepts(sealed, elliptic.certificate)


def test_an_elliptic_value_is_two_numbers_side_by_side(elliptic: Seal) -> None:
    """A22: DER, zeros, a byte more or less."""
    sealed = seal(unsigned_hcp(), elliptic)
    match = re.search(rb"<ds:SignatureValue>(.*?)<", sealed)
    assert match is not None
    raw = base64.b64decode(match.group(1))
    half = len(raw) // 2
    r, s = int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    zero = bytes(half)
    for value in (
        encode_dss_signature(r, s),
        zero + raw[half:],
        raw[:half] + zero,
        zero * 2,
        raw + b"\0",
        raw[:-1],
        b"",
    ):
        changed = sealed.replace(match.group(1), base64.b64encode(value))
        assert refused(message(changed)) == ("sig.value", INTEGRITY)


def test_the_algorithm_must_fit_the_key(french: Seal, elliptic: Seal) -> None:
    as_ec = seal(unsigned_hcp(), french, method=MORE + "ecdsa-sha256", value=french.sign(b"x"))
    as_rsa = seal(unsigned_hcp(), elliptic, method=MORE + "rsa-sha256", value=b"x" * 256)
    assert refused(message(as_ec))[0] == "sig.algorithm"
    assert refused(message(as_rsa))[0] == "sig.algorithm"


# --- A6 to A11 -------------------------------------------------------------------------------------------------------

KEY_VALUE = (
    "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue>"
    "</ds:KeyValue>"
)


def test_a_key_in_the_message_is_refused(french: Seal) -> None:
    """A6."""
    for info in (
        x509_data(french.der).replace("<ds:KeyInfo>", "<ds:KeyInfo>" + KEY_VALUE),
        x509_data(french.der).replace("</ds:KeyInfo>", KEY_VALUE + "</ds:KeyInfo>"),
        x509_data(french.der).replace("</ds:X509Data>", KEY_VALUE + "</ds:X509Data>"),
    ):
        assert refused(message(seal(unsigned_hcp(), french, key_info=info))) == ("sig.keyinfo", INTEGRITY)


def test_two_certificates_are_refused_in_either_order(french: Seal) -> None:
    """A7."""
    attacker = certify(french.certificate.subject, rsa_key("attacker"))
    for ders in ((french.der, attacker.der), (attacker.der, french.der)):
        assert refused(message(seal(unsigned_hcp(), attacker, key_info=x509_data(*ders))))[0] == "sig.keyinfo"
    two_blocks = x509_data(french.der).replace("</ds:KeyInfo>", "") + x509_data(attacker.der).replace(
        "<ds:KeyInfo>", ""
    )
    assert refused(message(seal(unsigned_hcp(), attacker, key_info=two_blocks)))[0] == "sig.keyinfo"


@pytest.mark.parametrize(
    "info",
    [
        "",
        "<ds:KeyInfo/>",
        "<ds:KeyInfo><ds:KeyName>seal</ds:KeyName></ds:KeyInfo>",
        "<ds:KeyInfo><ds:X509Data/></ds:KeyInfo>",
        "<ds:KeyInfo><ds:X509Data><ds:X509SKI>AAAA</ds:X509SKI></ds:X509Data></ds:KeyInfo>",
        '<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:9/cert"/></ds:KeyInfo>',
        '<ds:KeyInfo><ds:RetrievalMethod URI="file:///etc/hostname"/></ds:KeyInfo>',
        f'<ds:KeyInfo><ds:RetrievalMethod URI="#{HCP_ID}"/></ds:KeyInfo>',
        '<ds:KeyInfo><wsse:SecurityTokenReference xmlns:wsse="urn:x"/></ds:KeyInfo>',
        '<ds:KeyInfo><xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"/></ds:KeyInfo>',
    ],
)
def test_a_key_info_without_exactly_one_certificate_is_refused(french: Seal, info: str) -> None:
    """A8, A9."""
    assert refused(message(seal(unsigned_hcp(), french, key_info=info)))[0] == "sig.keyinfo"


def test_names_beside_the_certificate_are_ignored(french: Seal) -> None:
    beside = (
        "<ds:X509IssuerSerial><ds:X509IssuerName>CN=Evil</ds:X509IssuerName><ds:X509SerialNumber>1"
        "</ds:X509SerialNumber></ds:X509IssuerSerial><ds:X509SubjectName>CN=Evil</ds:X509SubjectName>"
    )
    info = x509_data(french.der).replace("<ds:X509Data>", "<ds:X509Data>" + beside)
    assert verify_message(message(seal(unsigned_hcp(), french, key_info=info))).hcp_signer.country == "FR"


def test_a_self_signed_copy_of_the_trusted_subject_is_untrusted(french: Seal) -> None:
    """A10."""
    copy = certify(french.certificate.subject, rsa_key("attacker"))
    assert refused(message(seal(unsigned_hcp(), copy))) == ("cert.untrusted", Code.SEC_GENERIC)


def test_a_malformed_certificate_is_refused_before_anything_is_verified(french: Seal) -> None:
    """A11."""
    good = base64.b64encode(french.der).decode()
    for text in (
        "",
        "!!!!",
        "QUJD",
        good[:-8],
        base64.b64encode(french.der[:-10]).decode(),
        base64.b64encode(french.der + b"\0\0").decode(),
        base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode(),
    ):
        info = f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{text}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        assert refused(message(seal(unsigned_hcp(), french, key_info=info))) == ("cert.malformed", Code.SEC_GENERIC)


# --- A12 to A16, A20, A21: the trust port decides, verification obeys -----------------------------------------------


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"end": AT - timedelta(seconds=1)}, "cert.expired"),
        ({"start": AT + timedelta(seconds=1)}, "cert.not_yet_valid"),
        ({"usage": ("key_encipherment",)}, "cert.usage"),
        ({"is_ca": True, "usage": ("digital_signature", "key_cert_sign")}, "cert.usage"),
    ],
)
def test_a_certificate_that_may_not_sign_is_refused(options: dict[str, object], reason: str) -> None:
    """A12, A13."""
    name = subject((NameOID.COUNTRY_NAME, "FR"), (NameOID.COMMON_NAME, "odd seal"))
    odd = certify(name, rsa_key("odd"), issuer=authority("FR"), **options)  # type: ignore[arg-type]
    assert refused(message(seal(unsigned_hcp(), odd))) == (reason, Code.SEC_GENERIC)


def test_a_revoked_certificate_is_refused(french: Seal, hcp: bytes) -> None:
    """A12."""
    trust = honest_trust()
    trust.revoked.add(french.der)
    assert refused(message(hcp), trust=trust) == ("cert.revoked", Code.SEC_GENERIC)


def test_trust_for_another_purpose_or_country_does_not_help(hcp: bytes) -> None:
    """A14."""
    tls_only = HonestTrust({("FR", Purpose.TLS_CLIENT): [authority("FR").certificate]})
    other_country = HonestTrust({("DK", Purpose.HCP_SIGNER): [authority("FR").certificate]})
    for trust in (tls_only, other_country):
        assert refused(message(hcp), trust=trust) == ("cert.untrusted", Code.SEC_GENERIC)


def test_a_leaf_cannot_issue(french: Seal) -> None:
    """A15."""
    name = subject((NameOID.COUNTRY_NAME, "FR"), (NameOID.COMMON_NAME, "child"))
    child = certify(name, rsa_key("child"), issuer=french)
    assert refused(message(seal(unsigned_hcp(), child)))[0] == "cert.untrusted"


def test_a_short_key_is_refused() -> None:
    """A16."""
    name = subject((NameOID.COUNTRY_NAME, "FR"), (NameOID.COMMON_NAME, "short"))
    short = certify(name, rsa_key("short", 1024), issuer=authority("FR"))
    assert refused(message(seal(unsigned_hcp(), short))) == ("cert.weak_key", Code.SEC_GENERIC)


def test_forged_padding_under_exponent_three_is_refused() -> None:
    """A16: Bleichenbacher 2006; a cube root of a block whose tail nobody checks. Even a store that lets e=3 pass."""
    key = rsa.generate_private_key(3, 2048)
    name = subject((NameOID.COUNTRY_NAME, "FR"), (NameOID.COMMON_NAME, "three"))
    three = certify(name, key, issuer=authority("FR"))
    draft = seal(unsigned_hcp(), three)
    element = etree.fromstring(draft).find(f".//{{{DS}}}SignedInfo")
    assert element is not None
    digest = hashlib.sha256(etree.tostring(element, method="c14n", exclusive=True)).digest()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    block = b"\0\1\xff\xff\xff\xff\xff\xff\xff\xff\0" + info
    target = int.from_bytes(block + b"\xff" * (256 - len(block)), "big")
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= target else (low, middle - 1)
    assert (low**3).to_bytes(256, "big").startswith(block)
    forged = seal(unsigned_hcp(), three, value=low.to_bytes(256, "big"))
    assert refused(message(forged))[0] == "cert.weak_key"

    class Careless(HonestTrust):
        def judge(self, der, purpose, at, country=None):  # type: ignore[no-untyped-def]
            from ncp.wire.ids import CountryCode
            from trust_store.types import Revocation, TrustedCertificate

            return TrustedCertificate(three.certificate, purpose, CountryCode("FR"), "00", Revocation.NOT_CHECKED)

    assert refused(message(forged), trust=Careless()) == ("sig.value", INTEGRITY)
    assert verify_message(message(draft), trust=Careless()).hcp.id == HCP_ID


def seal_named(*pairs: tuple[object, str]) -> Seal:
    return certify(subject(*pairs), rsa_key("named"), issuer=authority("FR"))  # type: ignore[arg-type]


def test_the_country_is_the_c_attribute_and_nothing_that_looks_like_it() -> None:
    """A20."""
    looks_danish = seal_named((NameOID.COMMON_NAME, "Test, C=DK"), (NameOID.COUNTRY_NAME, "FR"))
    caller = verify_message(message(seal(unsigned_hcp(), looks_danish)))
    assert caller.hcp_signer.country == "FR"
    organisation = seal_named((NameOID.ORGANIZATION_NAME, "C=DK"), (NameOID.COUNTRY_NAME, "FR"))
    assert verify_message(message(seal(unsigned_hcp(), organisation))).country == "FR"


def test_no_country_or_two_are_refused_and_lower_case_is_normalised() -> None:
    """A21."""
    none = seal_named((NameOID.COMMON_NAME, "x"))
    two = seal_named((NameOID.COUNTRY_NAME, "FR"), (NameOID.COUNTRY_NAME, "DK"))
    for odd in (none, two):
        assert refused(message(seal(unsigned_hcp(), odd))) == ("cert.country", Code.NOT_ALLOWED)
    lower = seal_named((NameOID.COUNTRY_NAME, "fr"))
    assert verify_message(message(seal(unsigned_hcp(), lower))).country == "FR"


# --- A17 to A19 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "transforms",
    [
        "",
        ENVELOPED_STEP,
        EXCLUSIVE_STEP,
        EXCLUSIVE_STEP + ENVELOPED_STEP,
        ENVELOPED_STEP * 2 + EXCLUSIVE_STEP,
        ENVELOPED_STEP + EXCLUSIVE_STEP * 2,
        ENVELOPED_STEP + '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>',
        ENVELOPED_STEP
        + '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>'
        + "not(ancestor-or-self::saml:Subject)</ds:XPath></ds:Transform>",
        ENVELOPED_STEP + '<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"/>',
        ENVELOPED_STEP + f'<ds:Transform Algorithm="{DS}base64"/>',
        ENVELOPED_STEP + '<ds:Transform Algorithm="http://www.w3.org/2002/07/decrypt#XML"/>',
        ENVELOPED_STEP + '<ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>',
        ENVELOPED_STEP + '<ds:Transform Algorithm="http://www.w3.org/2006/12/xml-c14n11"/>',
        ENVELOPED_STEP.replace("/>", "><ds:XPath>x</ds:XPath></ds:Transform>") + EXCLUSIVE_STEP,
        ENVELOPED_STEP + EXCLUSIVE_STEP.replace(' PrefixList="xs"', ""),
        ENVELOPED_STEP + EXCLUSIVE_STEP.replace("ec:InclusiveNamespaces", "ds:InclusiveNamespaces"),
    ],
)
def test_any_other_transform_is_refused(french: Seal, transforms: str) -> None:
    """A17."""
    assert refused(message(seal(unsigned_hcp(), french, transforms=transforms))) == ("sig.transform", INTEGRITY)


@pytest.mark.parametrize(
    "algorithm",
    ["http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2006/12/xml-c14n11", "urn:x"],
)
def test_any_other_canonicalization_of_signed_info_is_refused(french: Seal, algorithm: str) -> None:
    """A18."""
    other = f'<ds:CanonicalizationMethod Algorithm="{algorithm}"/>'
    assert refused(message(seal(unsigned_hcp(), french, canonicalization=other))) == ("sig.c14n", INTEGRITY)


def listed(prefixes: str) -> str:
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{prefixes}"/>'


def test_a_prefix_list_is_honoured_in_both_places(french: Seal) -> None:
    """A18b: under CanonicalizationMethod, Transform, or both."""
    method = f'<ds:CanonicalizationMethod Algorithm="{EXC}">{listed("xs saml")}</ds:CanonicalizationMethod>'
    both = seal(unsigned_hcp(), french, canonicalization=method, info_prefixes=("xs", "saml"))
    assert xmlsec_accepts(both, french.certificate)
    assert verify_message(message(both)).hcp.id == HCP_ID
    without = ENVELOPED_STEP + f'<ds:Transform Algorithm="{EXC}"/>'
    only_info = seal(
        unsigned_hcp(),
        french,
        transforms=without,
        digest_prefixes=None,
        canonicalization=method,
        info_prefixes=("xs", "saml"),
    )
    assert xmlsec_accepts(only_info, french.certificate)
    assert verify_message(message(only_info)).hcp.id == HCP_ID


def test_a_prefix_list_is_never_ignored(french: Seal) -> None:
    """A18b: a digest made without the list does not verify with it, nor the other way round."""
    ignored = seal(unsigned_hcp(), french, digest_prefixes=None)
    assert refused(message(ignored))[0] == "sig.digest"
    invented = seal(unsigned_hcp(), french, transforms=ENVELOPED_STEP + f'<ds:Transform Algorithm="{EXC}"/>')
    assert refused(message(invented))[0] == "sig.digest"


@pytest.mark.parametrize("prefixes", ["#default", "xs #default", "#default saml"])
def test_a_default_in_a_prefix_list_is_refused_rather_than_ignored(french: Seal, prefixes: str) -> None:
    """A18b."""
    step = f'<ds:Transform Algorithm="{EXC}">{listed(prefixes)}</ds:Transform>'
    assert refused(message(seal(unsigned_hcp(), french, transforms=ENVELOPED_STEP + step)))[0] == "sig.c14n"
    method = f'<ds:CanonicalizationMethod Algorithm="{EXC}">{listed(prefixes)}</ds:CanonicalizationMethod>'
    assert refused(message(seal(unsigned_hcp(), french, canonicalization=method)))[0] == "sig.c14n"


def sealed_in_place(data: bytes, prefixes: str, by: Seal) -> bytes:
    """xmlsec signs the assertion where it stands in an envelope whose ancestors declare its prefixes."""
    root = etree.fromstring(data)
    xmlsec.tree.add_ids(root, ["ID"])
    assertion = next(root.iter(f"{{{SAML}}}Assertion"))
    node = xmlsec.template.create(
        assertion, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    assertion.insert(1, node)
    reference = xmlsec.template.add_reference(
        node, xmlsec.constants.TransformSha256, uri="#" + (assertion.get("ID") or "")
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    step = xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    etree.SubElement(step, f"{{{EXC}}}InclusiveNamespaces", {"PrefixList": prefixes}, nsmap={"ec": EXC})
    info = xmlsec.template.ensure_key_info(node)
    xmlsec.template.add_x509_data(info)
    context = xmlsec.SignatureContext()
    key = by.private_key.private_bytes(Encoding.PEM, *_PKCS8)
    context.key = xmlsec.Key.from_memory(key, xmlsec.constants.KeyDataFormatPem)
    context.key.load_cert_from_memory(by.pem, xmlsec.constants.KeyDataFormatPem)
    context.sign(node)
    return etree.tostring(root)


def _pkcs8() -> tuple[object, object]:
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    return PrivateFormat.PKCS8, NoEncryption()


_PKCS8 = _pkcs8()


def test_prefixes_declared_on_an_ancestor_are_kept(french: Seal) -> None:
    """Canonicalised in place: a copy of the element would have lost ``xs`` and ``other``."""
    bare = unsigned_hcp().replace(' xmlns:xs="http://www.w3.org/2001/XMLSchema"', "")
    data = message(bare.encode()).replace(
        b"<env:Envelope ", b'<env:Envelope xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:other="urn:other" ', 1
    )
    for prefixes in ("xs", "xs other", "xs unknown", "saml xs wsse env"):
        sealed = sealed_in_place(data, prefixes, french)
        assert xmlsec_accepts(sealed, french.certificate), prefixes
        caller = verify_message(sealed)
        assert caller.hcp.id == HCP_ID
        # What is forwarded stands alone: in another envelope, and without one.
        assert verify_message(message(caller.assertions[0])).hcp.id == HCP_ID
        assert xmlsec_accepts(caller.assertions[0], french.certificate)


def test_redeclared_prefixes_are_canonicalised_as_elsewhere(french: Seal) -> None:
    """A18b: the same prefix for another namespace further down."""
    odd = unsigned_hcp().replace(
        "<saml:AttributeStatement>", '<saml:AttributeStatement xmlns:xs="http://www.w3.org/2001/XMLSchema">'
    )
    odd = odd.replace('xmlns:xs="http://www.w3.org/2001/XMLSchema" ID', 'xmlns:xs="urn:other" ID')
    sealed = sealed_in_place(message(odd.encode()), "xs", french)
    assert xmlsec_accepts(sealed, french.certificate)
    assert verify_message(sealed).hcp.id == HCP_ID


def test_the_with_comments_variant_is_the_same_without_comments(french: Seal) -> None:
    step = EXCLUSIVE_STEP.replace(f'"{EXC}">', f'"{EXC}WithComments">', 1)
    method = f'<ds:CanonicalizationMethod Algorithm="{EXC}WithComments"/>'
    sealed = seal(unsigned_hcp(), french, transforms=ENVELOPED_STEP + step, canonicalization=method)
    assert xmlsec_accepts(sealed, french.certificate)
    assert verify_message(message(sealed)).hcp.id == HCP_ID


def inclusive(data: bytes, by: Seal) -> bytes:
    """xmlsec signs with the enveloped transform alone."""
    root = etree.fromstring(data)
    xmlsec.tree.add_ids(root, ["ID"])
    assertion = next(root.iter(f"{{{SAML}}}Assertion"))
    node = xmlsec.template.create(
        assertion, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    assertion.insert(1, node)
    reference = xmlsec.template.add_reference(
        node, xmlsec.constants.TransformSha256, uri="#" + (assertion.get("ID") or "")
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_x509_data(xmlsec.template.ensure_key_info(node))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(
        by.private_key.private_bytes(Encoding.PEM, *_PKCS8), xmlsec.constants.KeyDataFormatPem
    )
    context.key.load_cert_from_memory(by.pem, xmlsec.constants.KeyDataFormatPem)
    context.sign(node)
    return etree.tostring(root)


def test_inclusive_canonicalization_is_an_option_of_a_peer(french: Seal) -> None:
    sealed = inclusive(message(unsigned_hcp().encode()), french)
    rules = VerificationRules(signature=SignatureProfile(accept_inclusive_c14n=True))
    assert refused(sealed)[0] == "sig.transform"
    assert verify_message(sealed, rules=rules).hcp.id == HCP_ID
    # C14N 1.0 would inherit the language of the envelope, so this cannot be verified faithfully and is refused.
    with_language = inclusive(
        message(unsigned_hcp().encode()).replace(b"<env:Envelope ", b'<env:Envelope xml:lang="fr" ', 1), french
    )
    assert refused(with_language, rules=rules)[0] == "sig.c14n"


def test_manifests_and_objects_are_refused(french: Seal, hcp: bytes) -> None:
    """A19."""
    manifest = f'<ds:Object><ds:Manifest><ds:Reference URI="#{HCP_ID}"/></ds:Manifest></ds:Object>'
    assert refused(message(seal(unsigned_hcp(), french, objects=manifest)))[0] == "sig.object"
    typed = hcp.replace(b"<ds:Reference ", b'<ds:Reference Type="http://www.w3.org/2000/09/xmldsig#Manifest" ')
    assert refused(message(typed))[0] == "sig.object"


# --- base64 ----------------------------------------------------------------------------------------------------------


def test_white_space_in_base64_is_as_openncp_writes_it(hcp: bytes) -> None:
    """Lines of 76 that end in ``&#xD;`` and a line feed."""
    match = re.search(rb"<ds:SignatureValue>(.*?)</", hcp)
    assert match is not None
    lines = b"&#xD;\n".join(match.group(1)[i : i + 76] for i in range(0, len(match.group(1)), 76))
    wrapped = hcp.replace(match.group(1), b"\n\t" + lines + b"\n ")
    assert verify_message(message(wrapped)).hcp.id == HCP_ID


@pytest.mark.parametrize(
    "text", ["QUJ", "QUJD=", "QUJDRA=", "QUJDRB==", "QU-_", "QUJD\u00a0", "QUI=QUI=", "=", "Q\u00dcJD"]
)
def test_only_one_spelling_of_base64_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64(text)


def test_elements_inside_the_values_are_refused(hcp: bytes) -> None:
    for name, reason in (
        (b"DigestValue", "sig.digest"),
        (b"SignatureValue", "sig.value"),
        (b"X509Certificate", "sig.keyinfo"),
    ):
        changed = hcp.replace(b"</ds:%s>" % name, b"<ds:KeyName/></ds:%s>" % name)
        assert refused(message(changed))[0] == reason


def test_unknown_attributes_and_texts_in_the_signature_are_refused(hcp: bytes) -> None:
    for old, new in (
        (b"<ds:SignedInfo>", b'<ds:SignedInfo x="y">'),
        (b"<ds:SignedInfo>", b"<ds:SignedInfo>text"),
        (b"<ds:X509Data>", b"<ds:X509Data>text"),
        (b"<ds:Transforms>", b"<ds:Transforms>text"),
        (b"<ds:DigestValue>", b'<ds:DigestValue Id="x">'),
        (b'-sha256"></ds:SignatureMethod>', b'-sha256">text</ds:SignatureMethod>'),
    ):
        assert old in hcp
        assert refused(message(hcp.replace(old, new, 1)))[0].startswith("sig.")


def test_the_security_block_may_declare_the_prefixes(hcp: bytes) -> None:
    moved = security(hcp.replace(b' xmlns:saml="%s"' % SAML.encode(), b"", 1)).replace(
        b"<wsse:Security ", b'<wsse:Security xmlns:saml="%s" ' % SAML.encode()
    )
    from tests.support.assertions import envelope

    assert verify_message(envelope(moved)).hcp.id == HCP_ID


def test_the_seal_of_another_authority_is_not_ours() -> None:
    assert refused(message(seal(unsigned_hcp(), seal_of("DK"))))[0] == "cert.untrusted"
