"""The words of trust: purposes, revocation states, and the values that prove a certificate was judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cryptography import x509

from ncp.wire.ids import CountryCode


class Purpose(Enum):
    """What a certificate is trusted for; trust for one purpose implies none for another."""

    TLS_SERVER = "tls-server"
    TLS_CLIENT = "tls-client"
    HCP_SIGNER = "hcp-signer"
    TRC_SIGNER = "trc-signer"
    SMP_SIGNER = "smp-signer"


class Revocation(Enum):
    """What is known of a certificate's revocation; a failed download is never ``REVOKED`` and never ``GOOD``."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN_WITHIN_GRACE = "unknown-within-grace"
    UNKNOWN_EXPIRED = "unknown-expired"
    NOT_CHECKABLE = "not-checkable"
    NOT_CHECKED = "not-checked"


class CertificateRefused(Exception):
    """``reason``: ``cert.malformed``, ``cert.untrusted``, ``cert.expired``, ``cert.not_yet_valid``, ``cert.usage``,
    ``cert.revoked``, ``cert.weak_key`` or ``cert.country`` (no or several C in the subject)."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class TrustedCertificate:
    """A certificate that passed every check for one purpose. Made by ``TrustStore.judge`` only.

    ``country`` is the country it is trusted for, upper case: the C attribute of the subject, or for TLS and SMP pins
    the country that pinned it; ``fingerprint`` the SHA-256 of the DER in lower-case hex; ``warnings`` stable names of
    what was tolerated (``cert.eku.tls_only``, ``revocation.unknown-expired``).
    """

    certificate: x509.Certificate
    purpose: Purpose
    country: CountryCode
    fingerprint: str
    revocation: Revocation
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TlsPeer:
    """The gateway at the other end of a TLS connection, after ``TrustStore`` accepted its certificate.

    ``subject`` is the CN of its subject, as the audit trail names it, or the whole subject when it has no CN.
    """

    country: CountryCode
    subject: str
    fingerprint: str
