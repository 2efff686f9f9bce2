"""Certification paths from an end-entity certificate to an anchor (RFC 5280 section 6).

Building, signatures, dates, path length and critical extensions are checked by ``cryptography.x509.verification``.
This file adds what its rules for the web leave out here: certificates without SAN, without KeyUsage or without any
extension at all are accepted (real gateways have them), and name constraints that could not be applied are a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from trust_store.types import CertificateRefused

MAX_DEPTH = 4
"""Most intermediates between certificate and anchor; the chains in use have one or two."""


def _ca_key_usage(policy: verification.Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("KeyUsage of the issuer forbids signing certificates")


_CA_POLICY = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, None)
    .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _ca_key_usage)
)
_LEAF_POLICY = verification.ExtensionPolicy.permit_all()


def build_path(
    leaf: x509.Certificate,
    *,
    anchors: verification.Store,
    intermediates: Sequence[x509.Certificate],
    at: datetime,
) -> tuple[x509.Certificate, ...]:
    """The verified path, leaf first, anchor last, all of it valid at ``at``.

    Only the given intermediates are used, never those a peer sends along. The leaf's own profile is not looked at.
    Raises ``CertificateRefused`` ``cert.untrusted``.
    """
    verifier = (
        verification.PolicyBuilder()
        .store(anchors)
        .time(at)
        .max_chain_depth(MAX_DEPTH)
        .extension_policies(ca_policy=_CA_POLICY, ee_policy=_LEAF_POLICY)
        .build_client_verifier()
    )
    try:
        path = verifier.verify(leaf, list(intermediates)).chain
    except Exception:
        # VerificationError, and ValueError for fields of an X.509 extension that turn out to be broken only now.
        raise CertificateRefused("cert.untrusted", "no valid path to an anchor of this country and purpose") from None
    for issuer in path[1:]:
        _check_constraints(issuer, path[0])
    return tuple(path)


def _check_constraints(issuer: x509.Certificate, leaf: x509.Certificate) -> None:
    """Name constraints act on alternative names; what they could not be applied to is refused."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return
    kinds = {type(name) for name in (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))}
    if not kinds <= {x509.DNSName, x509.IPAddress, x509.RFC822Name}:
        raise CertificateRefused("cert.untrusted", "an issuer has name constraints of a kind that is not supported")
    try:
        names = {type(name) for name in leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value}
    except x509.ExtensionNotFound:
        names = set()
    if kinds & {x509.DNSName, x509.IPAddress} and not names & {x509.DNSName, x509.IPAddress}:
        raise CertificateRefused("cert.untrusted", "an issuer constrains host names and the certificate has none")
    in_subject = leaf.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    if x509.RFC822Name in kinds and in_subject and x509.RFC822Name not in names:
        raise CertificateRefused("cert.untrusted", "an issuer constrains mail addresses and the subject has one")


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``issuer`` has the name and the key that made the signature of ``certificate``."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        # ValueError (names differ), InvalidSignature, TypeError and UnsupportedAlgorithm (keys that cannot sign).
        return False
    return True
