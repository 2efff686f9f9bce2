"""Verification over the real trust store: the rows about certificates which the tests' own store imitates."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ncp.wire.errors import Code, SecurityError
from saml_assertions.claims import VerifiedCaller
from tests.support.assertions import (
    AT,
    HCP_ID,
    Seal,
    authority,
    certify,
    message,
    rsa_key,
    seal,
    seal_of,
    subject,
    unsigned_hcp,
    unsigned_trc,
    verify_message,
    x509_data,
)
from trust_store.store import TrustStore

PURPOSES = ("hcp-signer", "trc-signer")


def write(folder: Path, country: str, purpose: str, certificate: x509.Certificate, name: str = "ca.pem") -> None:
    target = folder / country / purpose
    target.mkdir(parents=True, exist_ok=True)
    (target / name).write_bytes(certificate.public_bytes(Encoding.PEM))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for purpose in PURPOSES:
        write(tmp_path, "fr", purpose, authority("FR").certificate)
    return tmp_path


def verified(folder: Path, *assertions: bytes, needs_treatment: bool = False, at: datetime = AT) -> VerifiedCaller:
    trust = TrustStore.load(folder)
    return verify_message(message(*assertions), needs_treatment=needs_treatment, trust=trust, at=at)


def refused(folder: Path, *assertions: bytes, at: datetime = AT) -> tuple[str, str]:
    with pytest.raises(SecurityError) as caught:
        verified(folder, *assertions, at=at)
    return caught.value.reason, caught.value.code


def odd_seal(*extra: tuple[x509.ObjectIdentifier, str], **options: object) -> Seal:
    name = subject((NameOID.COMMON_NAME, "odd"), *(extra or ((NameOID.COUNTRY_NAME, "FR"),)))
    size = options.pop("size", 2048)
    assert isinstance(size, int)
    return certify(name, rsa_key(f"odd {size}", size), issuer=authority("FR"), **options)  # type: ignore[arg-type]


def test_a_pair_is_accepted_under_the_anchor_of_its_country(folder: Path, hcp: bytes, trc: bytes) -> None:
    caller = verified(folder, hcp, trc, needs_treatment=True)
    assert caller.hcp.id == HCP_ID
    assert caller.hcp_signer.country == "FR"


def test_a_pinned_seal_is_accepted(tmp_path: Path, french: Seal, hcp: bytes) -> None:
    write(tmp_path, "fr", "hcp-signer", french.certificate, "pin.pem")
    assert verified(tmp_path, hcp).hcp.id == HCP_ID


def test_the_kinds_have_anchors_of_their_own(tmp_path: Path, hcp: bytes, trc: bytes) -> None:
    write(tmp_path, "fr", "hcp-signer", authority("FR").certificate)
    assert verified(tmp_path, hcp).hcp.id == HCP_ID
    with pytest.raises(SecurityError) as caught:
        verified(tmp_path, hcp, trc, needs_treatment=True)
    assert caught.value.reason == "cert.untrusted"


def test_an_anchor_for_tls_or_of_another_country_does_not_help(tmp_path: Path, hcp: bytes) -> None:
    """A14."""
    write(tmp_path, "fr", "tls-client", authority("FR").certificate)
    write(tmp_path, "dk", "hcp-signer", authority("FR").certificate)
    assert refused(tmp_path, hcp) == ("cert.untrusted", Code.SEC_GENERIC)


def test_a_copy_of_the_subject_and_a_child_of_a_leaf_are_untrusted(folder: Path, french: Seal) -> None:
    """A10, A15."""
    copy = certify(french.certificate.subject, rsa_key("attacker"))
    child = certify(subject((NameOID.COUNTRY_NAME, "FR")), rsa_key("child"), issuer=french)
    for forged in (copy, child):
        assert refused(folder, seal(unsigned_hcp(), forged)) == ("cert.untrusted", Code.SEC_GENERIC)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"end": AT - timedelta(minutes=6)}, "cert.expired"),
        ({"start": AT + timedelta(minutes=6)}, "cert.not_yet_valid"),
        ({"usage": ("key_encipherment",)}, "cert.usage"),
        ({"is_ca": True, "usage": ("digital_signature", "key_cert_sign")}, "cert.usage"),
        ({"size": 1024}, "cert.weak_key"),
    ],
)
def test_a_seal_that_may_not_sign_is_refused(folder: Path, options: dict[str, object], reason: str) -> None:
    """A12, A13, A16."""
    assert refused(folder, seal(unsigned_hcp(), odd_seal(**options))) == (reason, Code.SEC_GENERIC)


def test_a_revoked_seal_is_refused(folder: Path, french: Seal, hcp: bytes) -> None:
    """A12."""
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(french.certificate.serial_number)
        .revocation_date(AT - timedelta(days=1))
        .build()
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority("FR").certificate.subject)
        .last_update(AT - timedelta(hours=1))
        .next_update(AT + timedelta(days=1))
        .add_revoked_certificate(entry)
        .sign(authority("FR").private_key, hashes.SHA256())
    )
    (folder / "fr" / "crl").mkdir()
    (folder / "fr" / "crl" / "ca.crl").write_bytes(crl.public_bytes(Encoding.DER))
    assert refused(folder, hcp) == ("cert.revoked", Code.SEC_GENERIC)


def test_what_the_trust_store_tolerated_is_noted(folder: Path, hcp: bytes) -> None:
    name = subject((NameOID.COUNTRY_NAME, "FR"), (NameOID.COMMON_NAME, "tls only"))
    key = rsa_key("tls only")
    now = AT - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(authority("FR").certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(AT + timedelta(days=9))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(authority("FR").private_key, hashes.SHA256())
    )
    caller = verified(folder, seal(unsigned_hcp(), Seal(key, certificate)))
    assert "hcp.cert.eku.tls_only" in caller.warnings


def test_a_malformed_certificate_is_refused(folder: Path, french: Seal) -> None:
    """A11."""
    for der in (b"garbage", french.der[:-10], french.der + b"\0"):
        sealed = seal(unsigned_hcp(), french, key_info=x509_data(der))
        assert refused(folder, sealed) == ("cert.malformed", Code.SEC_GENERIC)


def test_the_country_is_the_c_attribute_only(folder: Path) -> None:
    """A20, A21."""
    looks_danish = odd_seal((NameOID.ORGANIZATION_NAME, "C=DK"), (NameOID.COUNTRY_NAME, "FR"))
    lower = odd_seal((NameOID.COUNTRY_NAME, "fr"))
    for good in (looks_danish, lower):
        assert verified(folder, seal(unsigned_hcp(), good)).hcp_signer.country == "FR"
    none = odd_seal((NameOID.ORGANIZATION_NAME, "x"))
    two = odd_seal((NameOID.COUNTRY_NAME, "FR"), (NameOID.COUNTRY_NAME, "DK"))
    for odd in (none, two):
        assert refused(folder, seal(unsigned_hcp(), odd)) == ("cert.country", Code.NOT_ALLOWED)


def test_signers_of_two_trusted_countries_do_not_mix(folder: Path, hcp: bytes) -> None:
    """B7."""
    for purpose in PURPOSES:
        write(folder, "dk", purpose, authority("DK").certificate)
    danish_trc = seal(unsigned_trc("DK"), seal_of("DK"))
    with pytest.raises(SecurityError) as caught:
        verified(folder, hcp, danish_trc, needs_treatment=True)
    assert (caught.value.reason, caught.value.code) == ("cert.country", Code.NOT_ALLOWED)
