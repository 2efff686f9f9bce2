"""The development PKI: two gateways made by it trust each other, and nothing about it is careless."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ncp.wire.ids import CountryCode
from trust_store.dev_pki import DevCountry, PkiExists, make_pki
from trust_store.keys import load_key_pair
from trust_store.revocation import RevocationPolicy
from trust_store.store import TrustRules, TrustStore
from trust_store.types import CertificateRefused, Purpose, Revocation

AT = datetime.now(UTC)
FR, HR = CountryCode("FR"), CountryCode("HR")
told: list[tuple[str, int, int]] = []


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> dict[CountryCode, DevCountry]:
    told.clear()
    return make_pki(
        tmp_path_factory.mktemp("dev") / "pki",
        ["HR", "fr", "hr"],
        AT,
        hosts=["ncp-b", "10.0.0.7"],
        key_bits=2048,
        progress=lambda *step: told.append(step),
    )


def der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("here", [FR, HR])
@pytest.mark.parametrize("other", [FR, HR])
def test_every_gateway_trusts_every_other_and_itself_even_under_the_hardest_policy(pki, here, other) -> None:
    rules = TrustRules(revocation=RevocationPolicy.HARD, refuse_not_checkable=True)
    trust = TrustStore.load(pki[here].trust, rules=rules)
    made = pki[other]
    for purpose, file in {
        Purpose.TLS_SERVER: made.tls_server,
        Purpose.TLS_CLIENT: made.tls_client,
        Purpose.HCP_SIGNER: made.seal,
        Purpose.TRC_SIGNER: made.seal,
    }.items():
        trusted = trust.judge(der(file.certificate), purpose, AT)
        assert (trusted.country, trusted.revocation, trusted.warnings) == (other, Revocation.GOOD, ())
    assert trust.countries == {FR, HR}
    assert trust.notes == ()


def test_certificates_are_good_for_nothing_but_their_purpose(pki) -> None:
    trust = TrustStore.load(pki[HR].trust)
    made = pki[FR]
    for purpose, file in (
        (Purpose.HCP_SIGNER, made.tls_client),
        (Purpose.TLS_CLIENT, made.seal),
        (Purpose.TLS_CLIENT, made.tls_server),
        (Purpose.TLS_SERVER, made.tls_client),
        (Purpose.TLS_SERVER, made.tls_ca),
    ):
        with pytest.raises(CertificateRefused):
            trust.judge(der(file.certificate), purpose, AT)


def test_keys_match_and_are_readable_by_their_owner_only(pki) -> None:
    for country in pki.values():
        for files in (
            country.tls_server,
            country.tls_client,
            country.seal,
            country.portal,
            country.tls_ca,
            country.seal_ca,
        ):
            assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
            assert load_key_pair(files.certificate, files.key).warnings == ()


def test_names_follow_those_of_real_gateways(pki) -> None:
    seal = x509.load_pem_x509_certificate(pki[HR].seal.certificate.read_bytes())
    assert "CN=GRP:EHEALTH_NCP_DEV_HR_001" in seal.subject.rfc4514_string()
    assert "C=HR" in seal.subject.rfc4514_string()
    server = x509.load_pem_x509_certificate(pki[HR].tls_server.certificate.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["ncp-dev.hr.ehealth.test", "localhost", "ncp-b"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1", "10.0.0.7"]


def test_no_two_certificates_share_a_key(pki) -> None:
    keys = [
        x509.load_pem_x509_certificate(path.read_bytes()).public_key().public_numbers().n
        for country in pki.values()
        for path in country.folder.glob("*.pem")
        if not path.name.endswith(".key.pem")
    ]
    assert len(keys) == len(set(keys)) == 12


def test_progress_is_told_key_by_key(pki) -> None:
    assert [done for what, done, _ in told if what == "key"] == list(range(1, 13))
    assert {total for _, _, total in told} == {12}


def test_nothing_is_overwritten_without_force(tmp_path) -> None:
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "mine.txt").write_text("keep")
    with pytest.raises(PkiExists, match="--force"):
        make_pki(tmp_path, ["HR", "FR"], AT, key_bits=2048)
    assert not (tmp_path / "hr").exists()
    made = make_pki(tmp_path, ["FR"], AT, key_bits=2048, force=True)
    before = made[FR].seal.certificate.read_bytes()
    made[FR].seal.key.chmod(0o644)
    again = make_pki(tmp_path, ["FR"], AT, key_bits=2048, force=True)
    assert again[FR].seal.certificate.read_bytes() != before
    assert stat.S_IMODE(again[FR].seal.key.stat().st_mode) == 0o600
    assert (tmp_path / "fr" / "mine.txt").read_text() == "keep"
    assert TrustStore.load(again[FR].trust).judge(der(again[FR].seal.certificate), Purpose.HCP_SIGNER, AT)


def test_what_is_no_country_makes_nothing(tmp_path) -> None:
    with pytest.raises(ValueError, match="country"):
        make_pki(tmp_path / "pki", ["HR", "../x"], AT)
    assert not (tmp_path / "pki").exists()


def test_validity_is_as_asked_and_keys_have_3072_bit_when_nothing_else_is(tmp_path) -> None:
    made = make_pki(tmp_path, ["EU"], AT, lifetime=timedelta(days=3))[CountryCode("EU")]
    seal = x509.load_pem_x509_certificate(made.seal.certificate.read_bytes())
    assert seal.not_valid_after_utc == AT.replace(microsecond=0) + timedelta(days=3)
    key = seal.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 3072
