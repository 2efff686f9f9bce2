"""What is known of a certificate's revocation, and what a policy makes of it (``docs/trust.md``, "Revocation").

Holds the port that the trust store asks, the answer from CRL files, and the policy table. Files are verified against
their issuer once, at start; nothing here fetches anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from trust_store.certificate import Facts, fingerprint
from trust_store.profile import HASHES
from trust_store.types import CertificateRefused, Revocation

GRACE = timedelta(hours=72)
"""How long a CRL that says nothing against a certificate still counts after its nextUpdate."""

_SKEW = timedelta(minutes=5)
"""How far the clock of a CRL's issuer may be ahead."""

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


class RevocationPolicy(StrEnum):
    """``hard`` refuses what has no answer, ``soft`` accepts it with a warning, ``off`` does not ask."""

    HARD = "hard"
    SOFT = "soft"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Answer:
    """A revocation state and the time in which it may be used without asking again."""

    state: Revocation
    since: datetime = EARLIEST
    until: datetime = LATEST


class RevocationChecker(Protocol):
    """The port that ``TrustStore`` asks for every certificate of a path but the anchor.

    ``issuer`` is None for a pinned certificate whose issuer is not in the trust folder. An implementation answers at
    once, from what it holds; it verifies every CRL or OCSP answer against the issuer before it counts.
    """

    def check(self, facts: Facts, issuer: x509.Certificate | None, at: datetime) -> Answer:
        """The state of one certificate at a time; never raises."""


@dataclass(frozen=True, slots=True)
class _Crl:
    """A CRL whose signature was verified with the issuer's key."""

    this_update: datetime
    next_update: datetime
    serials: frozenset[int]
    distribution_points: frozenset[str]


class CrlFiles:
    """``RevocationChecker`` over CRLs that an operator (or a cron job) placed in the trust folder."""

    def __init__(
        self,
        crls: Iterable[tuple[str, x509.CertificateRevocationList]],
        issuers: Sequence[x509.Certificate],
        *,
        grace: timedelta = GRACE,
    ) -> None:
        """``crls``: (file name, CRL); ``issuers``: every CA certificate of the trust folder."""
        self._grace = grace
        self._by_issuer: dict[str, tuple[_Crl, ...]] = {}
        notes = []
        for name, crl in crls:
            try:
                found = _usable(crl)
            except Exception as error:
                # As with certificates: the parser is lazy and its exceptions many; a CRL that cannot be read is none.
                reason = str(error) if isinstance(error, _Unusable) else "it cannot be read"
                notes.append(f"{name}: CRL is not used: {reason}")
                continue
            signers = [issuer for issuer in issuers if issuer.subject == crl.issuer and _signed(crl, issuer)]
            if not signers:
                notes.append(f"{name}: CRL is not used: no CA certificate of the trust folder has signed it")
            for issuer in signers:
                key = fingerprint(issuer.public_bytes(serialization.Encoding.DER))
                known = (*self._by_issuer.get(key, ()), found)
                self._by_issuer[key] = tuple(sorted(known, key=lambda entry: entry.this_update, reverse=True))
        self.notes = tuple(notes)

    def check(self, facts: Facts, issuer: x509.Certificate | None, at: datetime) -> Answer:
        crls = [crl for crl in self._of(issuer) if _covers(crl, facts)]
        for crl in crls:
            if at < crl.this_update - _SKEW:
                continue
            if facts.certificate.serial_number in crl.serials:
                return Answer(Revocation.REVOKED)
            if at <= crl.next_update:
                return Answer(Revocation.GOOD, crl.this_update - _SKEW, crl.next_update)
            if at <= crl.next_update + self._grace:
                return Answer(Revocation.UNKNOWN_WITHIN_GRACE, crl.next_update, crl.next_update + self._grace)
            return Answer(Revocation.UNKNOWN_EXPIRED, crl.next_update + self._grace)
        if crls or facts.names_issuer_status:
            return Answer(
                Revocation.UNKNOWN_EXPIRED, until=min((crl.this_update - _SKEW for crl in crls), default=LATEST)
            )
        return Answer(Revocation.NOT_CHECKABLE)

    def _of(self, issuer: x509.Certificate | None) -> tuple[_Crl, ...]:
        if issuer is None or not self._by_issuer:
            return ()
        return self._by_issuer.get(fingerprint(issuer.public_bytes(serialization.Encoding.DER)), ())


class _Unusable(Exception):
    """Why a CRL does not count; the text is for the operator."""


def _usable(crl: x509.CertificateRevocationList) -> _Crl:
    if crl.next_update_utc is None:
        raise _Unusable("it has no nextUpdate (RFC 5280 5.1.2.5)")
    algorithm = crl.signature_hash_algorithm
    if algorithm is None or algorithm.name not in HASHES:
        raise _Unusable("it is signed with a hash other than SHA-256, SHA-384 or SHA-512")
    points: frozenset[str] = frozenset()
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            raise _Unusable("it is a delta CRL; place the complete one")
        if isinstance(value, x509.IssuingDistributionPoint):
            if value.indirect_crl or value.only_some_reasons or value.only_contains_attribute_certs:
                raise _Unusable("it is an indirect CRL or covers some reasons only")
            if value.only_contains_ca_certs or value.only_contains_user_certs or value.relative_name:
                raise _Unusable("it covers one kind of certificate only; place the complete one")
            points = _uris(value.full_name)
            if value.full_name and not points:
                raise _Unusable("its distribution point has no address")
        elif extension.critical and isinstance(value, x509.UnrecognizedExtension):
            raise _Unusable("it has a critical extension that is not understood")
    return _Crl(crl.last_update_utc, crl.next_update_utc, frozenset(entry.serial_number for entry in crl), points)


def _signed(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not usage.crl_sign:
        return False
    key = issuer.public_key()
    return isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) and crl.is_signature_valid(key)


def _covers(crl: _Crl, facts: Facts) -> bool:
    """A CRL that names distribution points covers only certificates that point to one of them."""
    if not crl.distribution_points:
        return True
    try:
        points = facts.certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return False
    return any(crl.distribution_points & _uris(point.full_name) for point in points)


def _uris(names: Iterable[x509.GeneralName] | None) -> frozenset[str]:
    return frozenset(name.value for name in names or () if isinstance(name, x509.UniformResourceIdentifier))


_ORDER = (
    Revocation.NOT_CHECKED,
    Revocation.GOOD,
    Revocation.NOT_CHECKABLE,
    Revocation.UNKNOWN_WITHIN_GRACE,
    Revocation.UNKNOWN_EXPIRED,
    Revocation.REVOKED,
)


def worst(answers: Sequence[Answer]) -> Answer:
    """The answer for a whole path: the worst state, for as long as no part of it can change."""
    if not answers:
        return Answer(Revocation.NOT_CHECKABLE)
    return Answer(
        max((answer.state for answer in answers), key=_ORDER.index),
        max(answer.since for answer in answers),
        min(answer.until for answer in answers),
    )


def apply_policy(state: Revocation, policy: RevocationPolicy, *, refuse_not_checkable: bool = False) -> tuple[str, ...]:
    """Warnings for a state that is accepted. Raises ``CertificateRefused`` ``cert.revoked`` for one that is not.

    The reason is ``cert.revoked`` also for a missing answer under ``hard``; the detail tells the two apart.
    """
    if state is Revocation.REVOKED:
        raise CertificateRefused("cert.revoked", "revoked by its issuer")
    if state is Revocation.UNKNOWN_EXPIRED and policy is RevocationPolicy.HARD:
        raise CertificateRefused("cert.revoked", "no fresh revocation answer and the policy is hard")
    if state is Revocation.NOT_CHECKABLE and refuse_not_checkable:
        raise CertificateRefused("cert.revoked", "revocation cannot be checked and the policy refuses that")
    if state in (Revocation.GOOD, Revocation.NOT_CHECKED):
        return ()
    return (f"revocation.{state.value}",)
