"""Certificates that other people made: the profile has to fit them, and their PKI has to verify."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ncp.wire.ids import CountryCode
from tests.shared import shared, shared_files
from tests.support.certificates import write_folder
from trust_store.certificate import read_certificate
from trust_store.profile import PROFILES, check, subject_country
from trust_store.store import TrustStore
from trust_store.types import CertificateRefused, Purpose

AT = datetime(2026, 7, 1, tzinfo=UTC)


def test_real_seals_and_smp_signers_of_the_acceptance_environment_fit_the_profile() -> None:
    shared("samples/smp/live/signed")
    seen = 0
    for path in shared_files("samples/smp/live/signed", "*.xml"):
        for text in re.findall(r"X509Certificate>([^<]+)<", path.read_text("utf-8")):
            facts = read_certificate(base64.b64decode(text))
            assert check(facts, PROFILES[Purpose.HCP_SIGNER]) == ()
            assert len(subject_country(facts)) == 2
            assert facts.names_issuer_status
            seen += 1
    assert seen >= 20


def test_a_real_certificate_pinned_on_disk_is_trusted_in_its_time_and_expired_today(tmp_path) -> None:
    text = shared("samples/smp/live/signed/ism_hr.xml").read_text("utf-8")
    ders = [base64.b64decode(found) for found in re.findall(r"X509Certificate>([^<]+)<", text)]
    der = next(one for one in ders if subject_country(read_certificate(one)) == "HR")
    trust = TrustStore.load(write_folder(tmp_path, {("hr", "hcp-signer"): [der]}))
    then = read_certificate(der).not_before + timedelta(days=30)
    assert trust.judge(der, Purpose.HCP_SIGNER, then).country == "HR"
    with pytest.raises(CertificateRefused, match=r"cert\.expired"):
        trust.judge(der, Purpose.HCP_SIGNER, AT)


@pytest.mark.parametrize(
    ("file", "country", "purpose"),
    [
        ("seal_xx.pem", "XX", Purpose.HCP_SIGNER),
        ("seal_yy.pem", "YY", Purpose.TRC_SIGNER),
        ("tls_xx.pem", "XX", Purpose.TLS_SERVER),
        ("smp_signer.pem", "EU", Purpose.SMP_SIGNER),
    ],
)
def test_the_synthetic_pki_of_the_samples_verifies_for_its_own_countries_only(tmp_path, file, country, purpose) -> None:
    folder = shared("samples/smp/synthetic")
    ca, made = (x509.load_pem_x509_certificate((folder / name).read_bytes()) for name in ("ca.pem", file))
    der = made.public_bytes(Encoding.DER)
    trust = TrustStore.load(write_folder(tmp_path / "its", {(country.lower(), purpose.value): [ca]}))
    assert trust.judge(der, purpose, AT).country == country
    other = TrustStore.load(write_folder(tmp_path / "other", {("zz", purpose.value): [ca]}))
    with pytest.raises(CertificateRefused, match=r"cert\.untrusted"):
        other.judge(der, purpose, AT)
    if purpose is not Purpose.SMP_SIGNER:
        with pytest.raises(CertificateRefused, match=r"cert\.country"):
            other.judge(der, purpose, AT, CountryCode("ZZ"))
