"""Assertions and a test PKI for tests: written here from scratch, not with the code under test.

``unsigned_hcp`` and its brothers give plain XML to change with ``str.replace``; ``seal`` signs whatever it is given,
well or badly, as an attacker or a careless sender would; ``HonestTrust`` is a small trust store that judges for real.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import xmlsec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from ncp.wire.ids import CountryCode
from ncp.wire.xml import NS_WSSE, parse
from saml_assertions.claims import VerifiedCaller
from saml_assertions.memory import AssertionMemory
from saml_assertions.rules import Trust, VerificationRules
from saml_assertions.verify import verify
from trust_store.types import CertificateRefused, Purpose, Revocation, TlsPeer, TrustedCertificate

AT = datetime(2026, 3, 2, 8, 10, tzinfo=UTC)
"""The clock of the tests, inside both windows."""

FR = CountryCode("FR")
HCP_ID = "_5f0c7a52-3a0e-4f07-9d0b-0d2a5c1b7e10"
TRC_ID = "_b0a9a5a1-6a44-4a0c-8d3c-0f8f5b1d2c33"
NOK_ID = "_c4e1d0a9-0000-4a0c-8d3c-0f8f5b1d2c44"
PATIENT = "TEST-0001^^^&1.2.999.50&ISO"
ALL_PERMISSIONS = ("PRD-003", "PRD-004", "PRD-005", "PRD-006", "PRD-010", "PRD-016", "PPD-032", "PPD-033", "PPD-046")

DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
URI_FORMAT = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"


# --- keys and certificates -------------------------------------------------------------------------------------------


@functools.cache
def rsa_key(name: str, size: int = 2048) -> rsa.RSAPrivateKey:
    """One key per name and run: making them is slow."""
    return rsa.generate_private_key(65537, size)


@dataclass(frozen=True)
class Seal:
    """A key and its certificate, fit as ``Signer``."""

    private_key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def sign(self, data: bytes) -> bytes:
        assert isinstance(self.private_key, rsa.RSAPrivateKey)
        return self.private_key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def subject(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value, _validate=False) for oid, value in pairs])


def certify(
    name: x509.Name,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    issuer: Seal | None = None,
    is_ca: bool = False,
    start: datetime = AT - timedelta(days=30),
    end: datetime = AT + timedelta(days=365),
    usage: Sequence[str] | None = ("digital_signature",),
) -> Seal:
    """A certificate of that subject; self-signed without issuer."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if usage is not None:
        flags = (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        )
        builder = builder.add_extension(x509.KeyUsage(**{flag: flag in usage for flag in flags}), critical=True)
    return Seal(key, builder.sign(issuer.private_key if issuer else key, hashes.SHA256()))


@functools.cache
def authority(country: str) -> Seal:
    name = subject((NameOID.COUNTRY_NAME, country), (NameOID.COMMON_NAME, f"Test CA {country}"))
    return certify(name, rsa_key(f"ca {country}"), is_ca=True, usage=("key_cert_sign", "crl_sign"))


@functools.cache
def seal_of(country: str, name: str = "seal") -> Seal:
    """The seal of a country's gateway, issued by its test CA."""
    who = subject((NameOID.COUNTRY_NAME, country), (NameOID.COMMON_NAME, f"NCP {country} {name}"))
    return certify(who, rsa_key(f"{name} {country}"), issuer=authority(country))


@dataclass
class HonestTrust:
    """A trust store for tests: anchors per country and purpose, pins, revoked fingerprints."""

    anchors: dict[tuple[str, Purpose], list[x509.Certificate]] = field(default_factory=dict)
    pins: set[bytes] = field(default_factory=set)
    revoked: set[bytes] = field(default_factory=set)
    asked: list[Purpose] = field(default_factory=list)

    def judge(
        self, der: bytes, purpose: Purpose, at: datetime, country: CountryCode | None = None
    ) -> TrustedCertificate:
        self.asked.append(purpose)
        try:
            certificate = x509.load_der_x509_certificate(der)
            key = certificate.public_key()
        except ValueError:
            raise CertificateRefused("cert.malformed") from None
        countries = certificate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
        if len(countries) != 1:
            raise CertificateRefused("cert.country")
        of = CountryCode(str(countries[0].value).upper())
        if der not in self.pins:
            self._check_path(certificate, of, purpose)
        if at > certificate.not_valid_after_utc:
            raise CertificateRefused("cert.expired")
        if at < certificate.not_valid_before_utc:
            raise CertificateRefused("cert.not_yet_valid")
        if der in self.revoked:
            raise CertificateRefused("cert.revoked")
        if isinstance(key, rsa.RSAPublicKey):
            weak = key.key_size < 2048 or key.public_numbers().e < 65537
        else:
            weak = not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.key_size < 256
        if weak:
            raise CertificateRefused("cert.weak_key")
        self._check_usage(certificate)
        fingerprint = hashlib.sha256(der).hexdigest()
        return TrustedCertificate(certificate, purpose, of, fingerprint, Revocation.NOT_CHECKED)

    def _check_path(self, certificate: x509.Certificate, country: str, purpose: Purpose) -> None:
        for anchor in self.anchors.get((country, purpose), []):
            try:
                certificate.verify_directly_issued_by(anchor)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return
        raise CertificateRefused("cert.untrusted")

    def _check_usage(self, certificate: x509.Certificate) -> None:
        try:
            # A pinned certificate may be its own authority, as the self-signed one of the Danish test tool is.
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
            if constraints.ca and certificate.public_bytes(Encoding.DER) not in self.pins:
                raise CertificateRefused("cert.usage")
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            return
        if not (usage.digital_signature or usage.content_commitment):
            raise CertificateRefused("cert.usage")


def honest_trust(*countries: str) -> HonestTrust:
    """Trusts the test CA of each country for HCP and TRC signers, nothing for TLS."""
    trust = HonestTrust()
    for country in countries or ("FR",):
        for purpose in (Purpose.HCP_SIGNER, Purpose.TRC_SIGNER):
            trust.anchors[(country, purpose)] = [authority(country).certificate]
    return trust


def tls_peer(country: str = "FR") -> TlsPeer:
    return TlsPeer(CountryCode(country), f"CN=gateway,C={country}", "00" * 32)


# --- plain XML -------------------------------------------------------------------------------------------------------


def attribute(name: str, *values: str, friendly: str = "x") -> str:
    written = "".join(
        f"<saml:AttributeValue{value if value.startswith('>') else text_value(value)}</saml:AttributeValue>"
        for value in values
    )
    return (
        f'<saml:Attribute FriendlyName="{friendly}" Name="{name}" NameFormat="{URI_FORMAT}">{written}</saml:Attribute>'
    )


def text_value(text: str) -> str:
    return f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">{text}'


def role(code: str = "221", display: str = "Medical Doctors") -> str:
    return (
        f'><Role xmlns="urn:hl7-org:v3" code="{code}" codeSystem="2.16.840.1.113883.2.9.6.2.7" '
        f'codeSystemName="ISCO" displayName="{display}"/>'
    )


def purpose(code: str = "TREATMENT") -> str:
    return (
        f'><PurposeOfUse xmlns="urn:hl7-org:v3" code="{code}" codeSystem="3bc18518-d305-46c2-a8d6-94bd59856e9e" '
        f'codeSystemName="eHDSI PurposeOfUse" displayName="{code}"/>'
    )


XSPA = "urn:oasis:names:tc:xspa:1.0:"
SUBJECT_ID = XSPA + "subject:subject-id"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
FACILITY = "urn:ehdsi:names:subject:healthcare-facility-type"
PURPOSE = XSPA + "subject:purposeofuse"
LOCALITY = XSPA + "environment:locality"
PERMISSION = XSPA + "subject:hl7:permission"
RESOURCE_ID = "urn:oasis:names:tc:xacml:1.0:resource:resource-id"


def hcp_attributes(**changes: str) -> dict[str, str]:
    """The attributes of a good HCP assertion, written, by short name; a change of ``""`` leaves one out."""
    attributes = {
        "home": attribute("urn:ihe:iti:xca:2010:homeCommunityId", "urn:oid:1.2.999.1"),
        "subject": attribute(SUBJECT_ID, "Camille Exemple"),
        "role": attribute(ROLE, role()),
        "organisation_id": attribute(XSPA + "subject:organization-id", "urn:hl7ii:1.2.250.1.71.4.2.2:0000000000"),
        "facility": attribute(FACILITY, "Resident Physician"),
        "purpose": attribute(PURPOSE, purpose()),
        "locality": attribute(LOCALITY, "Cabinet Exemple, Rennes"),
        "permissions": attribute(PERMISSION, *(f"{PERMISSION}:{code}" for code in ALL_PERMISSIONS)),
    }
    return {name: text for name, text in (attributes | changes).items() if text}


AUDIENCE = (
    "<saml:AudienceRestriction><saml:Audience>urn:ehdsi:assertions.audience:x-border</saml:Audience>"
    "</saml:AudienceRestriction>"
)


def _assertion(
    kind: str, identifier: str, issuer: str, at: str, until: str, auth: str, advice: str, attributes: dict[str, str]
) -> str:
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'ID="{identifier}" IssueInstant="{at}" Version="2.0">'
        f'<saml:Issuer NameQualifier="urn:ehdsi:assertions:{kind}">{issuer}</saml:Issuer>'
        '<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">899700000001'
        '</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"/>'
        "</saml:Subject>"
        f'<saml:Conditions NotBefore="{at}" NotOnOrAfter="{until}">{AUDIENCE}</saml:Conditions>{advice}'
        f'<saml:AuthnStatement AuthnInstant="{at}"><saml:AuthnContext><saml:AuthnContextClassRef>'
        f"urn:oasis:names:tc:SAML:2.0:ac:classes:{auth}</saml:AuthnContextClassRef></saml:AuthnContext>"
        f"</saml:AuthnStatement><saml:AttributeStatement>{''.join(attributes.values())}</saml:AttributeStatement>"
        "</saml:Assertion>"
    )


def unsigned_hcp(country: str = "FR", **attributes: str) -> str:
    """A good HCP assertion without Signature, valid 08:00 to 12:00."""
    return _assertion(
        "hcp",
        HCP_ID,
        f"urn:idp:{country}:countryB",
        "2026-03-02T08:00:00.000Z",
        "2026-03-02T12:00:00.000Z",
        "SmartcardPKI",
        "",
        hcp_attributes(**attributes),
    )


ADVICE = f"<saml:Advice><saml:AssertionIDRef>{HCP_ID}</saml:AssertionIDRef></saml:Advice>"


def unsigned_trc(country: str = "FR", **changes: str) -> str:
    """A good TRC assertion without Signature, valid 08:05 to 10:05."""
    attributes = {
        "patient": attribute(SUBJECT_ID, PATIENT.replace("&", "&amp;")),
        "purpose": attribute(PURPOSE, purpose()),
    }
    return _assertion(
        "trc",
        TRC_ID,
        f"urn:initgw:{country}:countryB",
        "2026-03-02T08:05:00.000Z",
        "2026-03-02T10:05:00.000Z",
        "PreviousSession",
        ADVICE,
        {name: text for name, text in (attributes | changes).items() if text},
    )


def unsigned_nok(country: str = "FR", **changes: str) -> str:
    """A good NOK assertion without Signature."""
    kin = "urn:ehdsi:names:subject:nextofkin:"
    attributes = {
        "patient": attribute(SUBJECT_ID, PATIENT.replace("&", "&amp;")),
        "purpose": attribute(PURPOSE, purpose()),
        "id": attribute(kin + "id", "KIN-7"),
        "first": attribute(kin + "firstname", "Noa"),
        "birth": attribute(kin + "birthdate", "1978-01-02"),
    }
    return _assertion(
        "nok",
        NOK_ID,
        f"urn:initgw:{country}:countryB",
        "2026-03-02T08:05:00.000Z",
        "2026-03-02T10:05:00.000Z",
        "PreviousSession",
        ADVICE,
        {name: text for name, text in (attributes | changes).items() if text},
    )


# --- signing, well or badly ------------------------------------------------------------------------------------------

ENVELOPED_STEP = f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
EXCLUSIVE_STEP = (
    f'<ds:Transform Algorithm="{EXC}"><ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="xs"/></ds:Transform>'
)


def x509_data(*ders: bytes) -> str:
    certificates = "".join(f"<ds:X509Certificate>{base64.b64encode(der).decode()}</ds:X509Certificate>" for der in ders)
    return f"<ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo>"


_HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
DIGESTS = {
    "sha1": DS + "sha1",
    "sha224": MORE + "sha224",
    "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
    "sha384": MORE + "sha384",
    "sha512": "http://www.w3.org/2001/04/xmlenc#sha512",
    "md5": MORE + "md5",
}


def seal(
    unsigned: str,
    by: Seal,
    *,
    hash_name: str = "sha256",
    method: str = "",
    digest: str = "sha256",
    digest_value: str = "",
    uri: str = "",
    transforms: str = ENVELOPED_STEP + EXCLUSIVE_STEP,
    digest_prefixes: Sequence[str] | None = ("xs",),
    canonicalization: str = f'<ds:CanonicalizationMethod Algorithm="{EXC}"/>',
    info_prefixes: Sequence[str] | None = None,
    method_content: str = "",
    key_info: str | None = None,
    value: bytes | None = None,
    objects: str = "",
) -> bytes:
    """Sign an assertion: digest over ``unsigned`` as it is, whatever SignedInfo says of it."""
    if not digest_value:
        canonical = etree.tostring(
            etree.fromstring(unsigned.encode()),
            method="c14n",
            exclusive=True,
            inclusive_ns_prefixes=list(digest_prefixes) if digest_prefixes else None,
        )
        digest_value = base64.b64encode(hashlib.new(digest, canonical).digest()).decode()
    if not uri:
        start = unsigned.index(' ID="') + 5
        uri = "#" + unsigned[start : unsigned.index('"', start)]
    is_rsa = isinstance(by.private_key, rsa.RSAPrivateKey)
    method = method or MORE + ("rsa-" if is_rsa else "ecdsa-") + hash_name
    signed_info = (
        f'<ds:SignedInfo>{canonicalization}<ds:SignatureMethod Algorithm="{method}">{method_content}'
        f'</ds:SignatureMethod><ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{DIGESTS[digest]}"/><ds:DigestValue>{digest_value}</ds:DigestValue>'
        "</ds:Reference></ds:SignedInfo>"
    )
    if key_info is None:
        key_info = x509_data(by.der)

    def whole(signature_value: str) -> str:
        signature = (
            f'<ds:Signature xmlns:ds="{DS}">{signed_info}<ds:SignatureValue>{signature_value}</ds:SignatureValue>'
            f"{key_info}{objects}</ds:Signature>"
        )
        return unsigned.replace("</saml:Issuer>", f"</saml:Issuer>{signature}", 1)

    if value is None:
        element = etree.fromstring(whole("").encode()).find(f".//{{{DS}}}SignedInfo")
        assert element is not None
        data = etree.tostring(
            element,
            method="c14n",
            exclusive=True,
            inclusive_ns_prefixes=list(info_prefixes) if info_prefixes else None,
        )
        value = _raw_signature(by, data, method, hash_name)
    return whole(base64.b64encode(value).decode()).encode()


def _raw_signature(by: Seal, data: bytes, method: str, hash_name: str) -> bytes:
    algorithm = _HASHES[hash_name]
    key = by.private_key
    if isinstance(key, rsa.RSAPrivateKey):
        if method.endswith("-MGF1"):
            pss = padding.PSS(padding.MGF1(algorithm), salt_length=algorithm.digest_size)
            return key.sign(data, pss, algorithm)
        return key.sign(data, padding.PKCS1v15(), algorithm)
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


# --- messages --------------------------------------------------------------------------------------------------------

BODY = b'<PRPA_IN201305UV02 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0"/>'


def security(*assertions: bytes) -> bytes:
    return b'<wsse:Security xmlns:wsse="%s">%s</wsse:Security>' % (NS_WSSE.encode(), b"".join(assertions))


def envelope(*header: bytes, body: bytes = BODY) -> bytes:
    """An envelope round ready header blocks."""
    return b'<env:Envelope xmlns:env="%s"><env:Header>%s</env:Header><env:Body>%s</env:Body></env:Envelope>' % (
        SOAP.encode(),
        b"".join(header),
        body,
    )


def message(*assertions: bytes, body: bytes = BODY) -> bytes:
    """An envelope with one Security block."""
    return envelope(security(*assertions), body=body)


def verify_message(
    data: bytes,
    *,
    needs_treatment: bool = False,
    trust: Trust | None = None,
    peer: TlsPeer | None = None,
    own: bool = False,
    rules: VerificationRules | None = None,
    at: datetime = AT,
    memory: AssertionMemory | None = None,
) -> VerifiedCaller:
    """Parse and verify as NCP-A does; ``own`` for a portal of the own country."""
    root = parse(data)
    blocks = tuple(root.iterfind(f"{{{SOAP}}}Header/{{{NS_WSSE}}}Security"))
    return verify(
        blocks,
        root,
        needs_treatment=needs_treatment,
        trust=trust or honest_trust(),
        peer=None if own else (peer or tls_peer()),
        rules=rules or VerificationRules(country=FR if own else None),
        at=at,
        memory=memory,
    )


# --- other people's opinion ------------------------------------------------------------------------------------------


def xmlsec_accepts(data: bytes, certificate: x509.Certificate, assertion_id: str = "") -> bool:
    """libxmlsec1 on the (first, or the named) assertion of the bytes, with the key of the certificate."""
    root = etree.fromstring(data)
    xmlsec.tree.add_ids(root, ["ID"])
    for assertion in root.iter(f"{{{SAML}}}Assertion"):
        if not assertion_id or assertion.get("ID") == assertion_id:
            break
    else:
        return False
    node = assertion.find(f"{{{DS}}}Signature")
    if node is None:
        return False
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem)
    try:
        context.verify(node)
    except xmlsec.Error:
        return False
    return True
