"""Hostile bytes: whatever comes in, either a verdict or ``CertificateRefused`` comes out."""

from __future__ import annotations

import contextlib
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.certificates import AT, make_ca, make_crl, make_seal, make_tls, write_folder
from trust_store.certificate import read_certificate
from trust_store.revocation import CrlFiles
from trust_store.store import TrustStore
from trust_store.types import CertificateRefused, Purpose, Revocation

pytestmark = pytest.mark.attack

CA = make_ca("CA", path_length=1)
CONSTRAINED = make_ca("constrained", extra=[(x509.NameConstraints([x509.DNSName("fr.example")], None), True)])
ORIGINALS = (
    make_seal(CA, crl_url="http://ca.example/ca.crl").der,
    make_tls(CA).der,
    make_tls(CONSTRAINED).der,
    CA.der,
)
REASONS = {
    "cert.malformed",
    "cert.untrusted",
    "cert.expired",
    "cert.not_yet_valid",
    "cert.usage",
    "cert.revoked",
    "cert.weak_key",
    "cert.country",
}


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    trusted = {("fr", purpose.value): [CA, CONSTRAINED] for purpose in Purpose}
    return TrustStore.load(write_folder(tmp_path_factory.mktemp("trust"), trusted, {"fr": [make_crl(CA)]}))


def judge_all(trust: TrustStore, der: bytes) -> list[str]:
    """The reasons of all purposes; anything but a verdict or a declared refusal fails the test."""
    reasons = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for purpose in Purpose:
            try:
                trust.judge(der, purpose, AT)
                reasons.append("")
            except CertificateRefused as refused:
                assert refused.reason in REASONS
                reasons.append(refused.reason)
    return reasons


@given(st.binary(max_size=300))
def test_random_bytes_are_malformed(trust, data) -> None:
    assert set(judge_all(trust, data)) == {"cert.malformed"}


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(ORIGINALS), st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=4)
)
def test_changed_bytes_are_never_trusted(trust, original, changes) -> None:
    data = bytearray(original)
    for position, difference in changes:
        data[position % len(data)] ^= difference
    if bytes(data) != original:
        assert "" not in judge_all(trust, bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ORIGINALS), st.integers(0, 2000), st.integers(0, 2000), st.binary(max_size=20))
def test_cut_doubled_and_inserted_pieces_are_never_trusted(trust, original, start, end, piece) -> None:
    start, end = sorted((start % len(original), end % len(original)))
    for data in (original[:start] + piece + original[end:], original[:end] + original[start:]):
        if data != original:
            assert "" not in judge_all(trust, data)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=3))
def test_a_changed_crl_never_says_good_and_never_stops_anything(changes) -> None:
    original = make_crl(CA, [1, 2, 3]).public_bytes(Encoding.DER)
    data = bytearray(original)
    for position, difference in changes:
        data[position % len(data)] ^= difference
    with contextlib.suppress(ValueError, x509.InvalidVersion):
        crl = x509.load_der_x509_crl(bytes(data))
        files = CrlFiles([("changed.crl", crl)], [CA.certificate])
        answer = files.check(read_certificate(ORIGINALS[0]), CA.certificate, AT)
        # ECDSA signatures can be changed without becoming invalid only by changing nothing at all.
        assert bytes(data) == original or answer.state is Revocation.UNKNOWN_EXPIRED
