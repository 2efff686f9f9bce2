"""Certificates made in tests: issuers, end-entity certificates of every odd kind, CRLs, trust folders.

Independent of ``trust_store.dev_pki``, so that one can judge the other. Keys are made once per process and shared.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from asn1crypto import algos as asn1_algos
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

AT = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
"""The moment the tests take place."""
BEGIN, END = AT - timedelta(days=30), AT + timedelta(days=335)
CA_BEGIN, CA_END = AT - timedelta(days=1000), AT + timedelta(days=2650)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

SERVER_AUTH = ObjectIdentifier("1.3.6.1.5.5.7.3.1")
CLIENT_AUTH = ObjectIdentifier("1.3.6.1.5.5.7.3.2")
EMAIL_PROTECTION = ObjectIdentifier("1.3.6.1.5.5.7.3.4")
ANY_USAGE = ObjectIdentifier("2.5.29.37.0")


@functools.cache
def rsa_key(label: object = 0, bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


@functools.cache
def ec_key(label: object = 0, curve: str = "secp256r1") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(
        {c.name: c for c in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1(), ec.SECP224R1())}[curve]
    )


@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()


def name(common_name: str, *countries: str, organisation: str = "NCPeH", email: str = "") -> x509.Name:
    """Each country becomes an RDN of its own, in front. Values are not checked by the library."""
    attributes = [x509.NameAttribute(NameOID.COUNTRY_NAME, country, _validate=False) for country in countries]
    attributes += [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    if email:
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, email))
    return x509.Name(attributes)


def usage(*bits: str) -> x509.KeyUsage:
    names = (
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
    return x509.KeyUsage(**{bit: bit in bits for bit in names})


def make(
    subject: x509.Name,
    *,
    issuer: Made | None = None,
    key: Key | None = None,
    begin: datetime = BEGIN,
    end: datetime = END,
    ca: bool | None = None,
    path_length: int | None = None,
    bits: Sequence[str] | None = None,
    extended: Sequence[ObjectIdentifier] | None = None,
    alternative: Sequence[str] | None = None,
    crl_url: str = "",
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
    digest: hashes.HashAlgorithm | None = None,
    serial: int | None = None,
    issuer_name: x509.Name | None = None,
) -> Made:
    """A certificate with exactly the extensions that are named; self-signed without ``issuer``."""
    key = key or rsa_key()
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name or (issuer.certificate.subject if issuer else subject))
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if bits is not None:
        builder = builder.add_extension(usage(*bits), critical=True)
    if extended is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if alternative is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(t) for t in alternative]), critical=False)
    if crl_url:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    return Made(builder.sign(signer, digest or hashes.SHA256()), key)


def make_ca(
    common_name: str = "Test CA",
    country: str = "FR",
    *,
    issuer: Made | None = None,
    key: Key | None = None,
    begin: datetime = CA_BEGIN,
    end: datetime = CA_END,
    ca: bool | None = True,
    path_length: int | None = None,
    bits: Sequence[str] | None = ("key_cert_sign", "crl_sign"),
    **more: object,
) -> Made:
    return make(
        name(common_name, country),
        issuer=issuer,
        key=key or ec_key(common_name),
        begin=begin,
        end=end,
        ca=ca,
        path_length=path_length,
        bits=bits,
        **more,  # type: ignore[arg-type]
    )


def make_seal(issuer: Made | None, country: str = "FR", **changes: object) -> Made:
    """As the acceptance environment has them: digitalSignature and keyEncipherment, no extended usage."""
    settings: dict[str, object] = {"bits": ("digital_signature", "key_encipherment"), **changes}
    return make(name(f"GRP:EHEALTH_NCP_PPT_{country}_001", country), issuer=issuer, **settings)  # type: ignore[arg-type]


def make_tls(issuer: Made | None, country: str = "FR", *, host: str = "ncp.fr.example", **changes: object) -> Made:
    """A TLS certificate for both roles, with its host as alternative name."""
    settings: dict[str, object] = {
        "bits": ("digital_signature", "key_encipherment"),
        "extended": (SERVER_AUTH, CLIENT_AUTH),
        "alternative": (host,),
        **changes,
    }
    return make(name(host, country), issuer=issuer, **settings)  # type: ignore[arg-type]


def make_version_1(subject: x509.Name, issuer: Made) -> bytes:
    """DER of an X.509 version 1 certificate, which no library of today makes any more."""
    made = make(subject, issuer=issuer, key=rsa_key())
    tbs = asn1_x509.Certificate.load(made.der)["tbs_certificate"].copy()
    tbs["version"] = "v1"
    del tbs["extensions"]
    algorithm = asn1_algos.SignedDigestAlgorithm({"algorithm": tbs["signature"]["algorithm"].native})
    tbs["signature"] = algorithm
    encoded = tbs.dump(force=True)
    if isinstance(issuer.key, rsa.RSAPrivateKey):
        value = issuer.key.sign(encoded, padding.PKCS1v15(), hashes.SHA256())
    else:
        value = issuer.key.sign(encoded, ec.ECDSA(hashes.SHA256()))
    certificate = {"tbs_certificate": tbs, "signature_algorithm": algorithm, "signature_value": value}
    return asn1_x509.Certificate(certificate).dump(force=True)


def make_crl(
    issuer: Made,
    revoked: Iterable[Made | int] = (),
    *,
    this_update: datetime = AT - timedelta(days=1),
    next_update: datetime = AT + timedelta(days=6),
    signer: Made | None = None,
    extra: Iterable[tuple[x509.ExtensionType, bool]] = (),
) -> x509.CertificateRevocationList:
    """``signer`` differs from ``issuer`` for a forged CRL."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
    )
    for one in revoked:
        serial = one if isinstance(one, int) else one.certificate.serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(this_update).build()
        builder = builder.add_revoked_certificate(entry)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign((signer or issuer).key, hashes.SHA256())


def write_folder(
    root: Path,
    trusted: Mapping[tuple[str, str], Iterable[Made | x509.Certificate | bytes]],
    crls: Mapping[str, Iterable[x509.CertificateRevocationList]] = MappingProxyType({}),
) -> Path:
    """A trust folder: {("fr", "hcp-signer"): [certificates]}, {"fr": [CRLs]}. Bytes are DER."""
    for (country, purpose), certificates in trusted.items():
        folder = root / country / purpose
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(certificates):
            data = (
                one
                if isinstance(one, bytes)
                else one.public_bytes(Encoding.DER)
                if isinstance(one, x509.Certificate)
                else one.der
            )
            (folder / f"{number}.der").write_bytes(data)
    for country, lists in crls.items():
        folder = root / country / "crl"
        folder.mkdir(parents=True, exist_ok=True)
        for number, crl in enumerate(lists):
            (folder / f"{number}.crl").write_bytes(crl.public_bytes(Encoding.PEM))
    return root


def _general(text: str) -> x509.GeneralName:
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
