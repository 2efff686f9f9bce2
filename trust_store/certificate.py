"""One X.509 certificate read once: everything the checks ask, parsed eagerly, so that nothing can fail later.

Knows DER and the attributes of certificates. Leaves to ``profile`` what is acceptable and to ``path`` who issued it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, NameOID

from trust_store.types import CertificateRefused

MAX_CERTIFICATE = 32_768
"""Bytes of the largest certificate that is looked at; real ones have less than 3000."""

_KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says of itself; nothing of it has been verified.

    ``countries``      every C attribute of the subject, as written
    ``signature_hash`` name of the hash under the issuer's signature (``sha256``), empty for a scheme without one
    ``key_usage``      names of the bits that are set, None when the extension is absent
    ``extended_usage`` dotted OIDs, None when the extension is absent
    ``names_issuer_status`` the certificate says where its revocation state can be asked (CRL or OCSP)
    """

    certificate: x509.Certificate
    fingerprint: str
    not_before: datetime
    not_after: datetime
    countries: tuple[str, ...]
    public_key: CertificatePublicKeyTypes | None
    signature_hash: str
    key_usage: frozenset[str] | None
    extended_usage: frozenset[str] | None
    is_ca: bool
    names_issuer_status: bool


def fingerprint(der: bytes) -> str:
    """SHA-256 of the DER in lower-case hex."""
    return hashlib.sha256(der).hexdigest()


def read_certificate(der: bytes) -> Facts:
    """Parse one DER certificate completely. Raises ``CertificateRefused`` ``cert.malformed`` for anything else."""
    if len(der) > MAX_CERTIFICATE:
        raise CertificateRefused("cert.malformed", "larger than a certificate can be")
    try:
        return _facts(x509.load_der_x509_certificate(der), fingerprint(der))
    except Exception:
        # The parser is lazy and raises half a dozen unrelated types (ValueError, TypeError, DuplicateExtension,
        # UnsupportedGeneralNameType, ...) depending on which field is broken; each of them means the same here.
        raise CertificateRefused("cert.malformed", "not a readable X.509 certificate") from None


def facts_of(certificate: x509.Certificate) -> Facts:
    """The same for a certificate that is parsed already. Raises ``CertificateRefused`` ``cert.malformed``."""
    return read_certificate(certificate.public_bytes(serialization.Encoding.DER))


def common_name(certificate: x509.Certificate) -> str:
    """The CN of the subject, or the whole subject (RFC 4514) when it has none; control characters replaced."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return "".join(char if char.isprintable() else "?" for char in text.strip())[:200]


def _facts(certificate: x509.Certificate, digest: str) -> Facts:
    extensions = {extension.oid: extension.value for extension in certificate.extensions}
    key_usage = extensions.get(ExtensionOID.KEY_USAGE)
    extended = extensions.get(ExtensionOID.EXTENDED_KEY_USAGE)
    constraints = extensions.get(ExtensionOID.BASIC_CONSTRAINTS)
    access = extensions.get(ExtensionOID.AUTHORITY_INFORMATION_ACCESS)
    return Facts(
        certificate=certificate,
        fingerprint=digest,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        countries=tuple(
            str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
        ),
        public_key=_public_key(certificate),
        signature_hash=_signature_hash(certificate),
        key_usage=_bits(key_usage) if isinstance(key_usage, x509.KeyUsage) else None,
        extended_usage=frozenset(oid.dotted_string for oid in extended)
        if isinstance(extended, x509.ExtendedKeyUsage)
        else None,
        is_ca=isinstance(constraints, x509.BasicConstraints) and constraints.ca,
        names_issuer_status=ExtensionOID.CRL_DISTRIBUTION_POINTS in extensions
        or (
            isinstance(access, x509.AuthorityInformationAccess)
            and any(entry.access_method == AuthorityInformationAccessOID.OCSP for entry in access)
        ),
    )


def _bits(usage: x509.KeyUsage) -> frozenset[str]:
    return frozenset(name for name in _KEY_USAGES if getattr(usage, name))


def _public_key(certificate: x509.Certificate) -> CertificatePublicKeyTypes | None:
    """The key, or None when it is of a kind (or so malformed, RSA with e = 1) that the library refuses to load."""
    try:
        return certificate.public_key()
    except Exception:
        return None


def _signature_hash(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except Exception:
        return ""  # an algorithm the library does not know
    return algorithm.name if algorithm is not None else ""
