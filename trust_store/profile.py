"""What a certificate must look like for each purpose (``docs/trust.md``, "Certificate profile").

Knows keys, hashes, key usage, extended key usage and the country attribute. Leaves dates, path and revocation to
others. The profile of the European PKI is not public; these rules follow what real certificates of gateways show:
extensions that are absent restrict nothing, extensions that are present are obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ncp.wire.ids import CountryCode, country_code
from trust_store.certificate import Facts
from trust_store.types import CertificateRefused, Purpose

HASHES = frozenset({"sha256", "sha384", "sha512"})
RSA_MAX_BITS = 16_384
"""Largest modulus that is verified with: a larger one only costs time."""
RSA_MIN_EXPONENT, RSA_MAX_EXPONENT_BITS = 65_537, 64
"""Smaller exponents invite forged padding (Bleichenbacher 2006); larger ones only cost time."""

_SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH.dotted_string
_CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH.dotted_string


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Rules of one purpose.

    ``rsa_bits``      smallest RSA modulus
    ``curves``        EC curves by SEC name; empty refuses EC keys
    ``key_usage``     one of these bits must be set when the extension is there
    ``extended_usage`` OID that must be listed when the extension is there; None asks for nothing
    ``country``       the subject must name, in exactly one C, the country that the certificate is trusted for
    """

    rsa_bits: int = 2048
    curves: frozenset[str]
    key_usage: frozenset[str]
    extended_usage: str | None = None
    country: bool = True

    def __post_init__(self) -> None:
        if self.rsa_bits < 2048:
            raise ValueError("RSA keys below 2048 bit cannot be allowed")


SEALS = frozenset({Purpose.HCP_SIGNER, Purpose.TRC_SIGNER})
"""Purposes for which only the subject says the country: a seal is that of its C, wherever it is pinned."""

_TLS_CURVES = frozenset({"secp256r1", "secp384r1"})
_SEAL = Profile(
    curves=frozenset({"secp256r1", "secp384r1", "secp521r1"}),
    key_usage=frozenset({"digital_signature", "content_commitment"}),
)

PROFILES: Mapping[Purpose, Profile] = MappingProxyType(
    {
        Purpose.TLS_SERVER: Profile(
            curves=_TLS_CURVES, key_usage=frozenset({"digital_signature"}), extended_usage=_SERVER_AUTH
        ),
        Purpose.TLS_CLIENT: Profile(
            curves=_TLS_CURVES, key_usage=frozenset({"digital_signature"}), extended_usage=_CLIENT_AUTH
        ),
        Purpose.HCP_SIGNER: _SEAL,
        Purpose.TRC_SIGNER: _SEAL,
        # The central service names the country of its seat, whatever trust set it is in.
        Purpose.SMP_SIGNER: Profile(curves=_SEAL.curves, key_usage=_SEAL.key_usage, country=False),
    }
)


def check(facts: Facts, profile: Profile) -> tuple[str, ...]:
    """Check key, hash and usages; answers warnings. Raises ``CertificateRefused`` weak_key or usage."""
    _check_key(facts, profile)
    if facts.signature_hash not in HASHES:
        raise CertificateRefused("cert.weak_key", "signed with a hash other than SHA-256, SHA-384 or SHA-512")
    if facts.is_ca:
        raise CertificateRefused("cert.usage", "a CA certificate (CA:TRUE) cannot stand for a gateway")
    if facts.key_usage is not None and not facts.key_usage & profile.key_usage:
        raise CertificateRefused("cert.usage", "KeyUsage forbids it")
    if facts.extended_usage is None:
        return ()
    if profile.extended_usage is not None:
        if profile.extended_usage not in facts.extended_usage:
            raise CertificateRefused("cert.usage", "ExtendedKeyUsage forbids it")
    elif facts.extended_usage <= {_SERVER_AUTH, _CLIENT_AUTH}:
        return ("cert.eku.tls_only",)
    return ()


def _check_key(facts: Facts, profile: Profile) -> None:
    key = facts.public_key
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e
        if not profile.rsa_bits <= key.key_size <= RSA_MAX_BITS:
            raise CertificateRefused("cert.weak_key", "RSA modulus too short or too long")
        if exponent < RSA_MIN_EXPONENT or exponent.bit_length() > RSA_MAX_EXPONENT_BITS:
            raise CertificateRefused("cert.weak_key", "RSA exponent not accepted")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in profile.curves:
            raise CertificateRefused("cert.weak_key", "EC curve not accepted")
    else:
        raise CertificateRefused("cert.weak_key", "key is neither RSA nor EC")


def subject_country(facts: Facts) -> CountryCode:
    """The one C attribute of the subject, upper case. Raises ``CertificateRefused`` ``cert.country``.

    Read from the parsed RDN: ``C=`` inside a CN or an O is text of that attribute and nothing else.
    """
    if len(facts.countries) != 1:
        raise CertificateRefused("cert.country", "the subject has no C attribute, or several")
    try:
        return country_code(facts.countries[0])
    except ValueError:
        raise CertificateRefused("cert.country", "the C attribute is no country code") from None
