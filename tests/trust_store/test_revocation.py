"""Revocation from CRL files: every state, every policy, and CRLs that must not count."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.certificates import AT, Made, make_ca, make_crl, make_seal, rsa_key, write_folder
from trust_store.revocation import Answer, RevocationPolicy, worst
from trust_store.store import TrustRules, TrustStore
from trust_store.types import CertificateRefused, Purpose, Revocation

CA = make_ca("CA", key=rsa_key("crl"))
URL = "http://ca.example/ca.crl"
SEAL = make_seal(CA, crl_url=URL)
SILENT = make_seal(CA)
HOUR = timedelta(hours=1)


def load(folder: Path, *crls: x509.CertificateRevocationList, trusted: list[Made] | None = None, **rules: object):
    write_folder(folder, {("fr", "hcp-signer"): trusted or [CA]}, {"fr": crls})
    return TrustStore.load(folder, rules=TrustRules(**rules))  # type: ignore[arg-type]


def state(trust: TrustStore, made: Made = SEAL, at=AT) -> Revocation:
    return trust.judge(made.der, Purpose.HCP_SIGNER, at).revocation


def refusal(trust: TrustStore, made: Made = SEAL, at=AT) -> str:
    with pytest.raises(CertificateRefused) as caught:
        trust.judge(made.der, Purpose.HCP_SIGNER, at)
    return caught.value.reason


def test_a_fresh_crl_without_the_certificate_says_good(tmp_path) -> None:
    trust = load(tmp_path, make_crl(CA, [4711]))
    assert state(trust) is Revocation.GOOD
    assert trust.judge(SEAL.der, Purpose.HCP_SIGNER, AT).warnings == ()


def test_a12_a_certificate_on_the_crl_is_refused_under_soft_and_hard(tmp_path) -> None:
    for policy in (RevocationPolicy.SOFT, RevocationPolicy.HARD):
        assert refusal(load(tmp_path, make_crl(CA, [SEAL]), revocation=policy)) == "cert.revoked"


def test_an_outdated_crl_that_lists_the_certificate_still_revokes_it(tmp_path) -> None:
    trust = load(tmp_path, make_crl(CA, [SEAL], next_update=AT - timedelta(hours=1)))
    assert refusal(trust) == "cert.revoked"
    assert refusal(trust, at=AT + timedelta(days=30)) == "cert.revoked"


def test_a_crl_in_its_grace_is_accepted_by_every_policy_with_a_warning(tmp_path) -> None:
    crl = make_crl(CA, next_update=AT - HOUR)
    for policy in (RevocationPolicy.SOFT, RevocationPolicy.HARD):
        trusted = load(tmp_path, crl, revocation=policy).judge(SEAL.der, Purpose.HCP_SIGNER, AT)
        assert trusted.revocation is Revocation.UNKNOWN_WITHIN_GRACE
        assert trusted.warnings == ("revocation.unknown-within-grace",)


def test_after_the_grace_hard_refuses_and_soft_warns(tmp_path) -> None:
    crl = make_crl(CA, this_update=AT - timedelta(days=9), next_update=AT - timedelta(hours=72, seconds=1))
    assert state(load(tmp_path, crl)) is Revocation.UNKNOWN_EXPIRED
    assert refusal(load(tmp_path, crl, revocation=RevocationPolicy.HARD)) == "cert.revoked"


def test_the_state_is_looked_at_again_as_time_passes(tmp_path) -> None:
    trust = load(tmp_path, make_crl(CA, next_update=AT + HOUR), revocation=RevocationPolicy.HARD)
    assert state(trust) is Revocation.GOOD
    assert state(trust, at=AT + 2 * HOUR) is Revocation.UNKNOWN_WITHIN_GRACE
    assert refusal(trust, at=AT + 74 * HOUR) == "cert.revoked"
    assert state(trust) is Revocation.GOOD


def test_without_a_crl_a_certificate_that_names_one_is_unknown(tmp_path) -> None:
    assert state(load(tmp_path)) is Revocation.UNKNOWN_EXPIRED
    assert refusal(load(tmp_path, revocation=RevocationPolicy.HARD)) == "cert.revoked"


def test_without_a_crl_a_certificate_that_names_none_is_not_checkable(tmp_path) -> None:
    trusted = load(tmp_path, revocation=RevocationPolicy.HARD).judge(SILENT.der, Purpose.HCP_SIGNER, AT)
    assert trusted.revocation is Revocation.NOT_CHECKABLE
    assert trusted.warnings == ("revocation.not-checkable",)
    assert refusal(load(tmp_path, refuse_not_checkable=True), SILENT) == "cert.revoked"


def test_a_crl_file_covers_a_certificate_that_names_none(tmp_path) -> None:
    assert state(load(tmp_path, make_crl(CA)), SILENT) is Revocation.GOOD
    assert refusal(load(tmp_path, make_crl(CA, [SILENT])), SILENT) == "cert.revoked"


def test_off_asks_nothing(tmp_path) -> None:
    trust = load(tmp_path, make_crl(CA, [SEAL]), revocation=RevocationPolicy.OFF)
    assert state(trust) is Revocation.NOT_CHECKED


def test_a_policy_can_be_set_per_purpose(tmp_path) -> None:
    by_purpose = {Purpose.HCP_SIGNER: RevocationPolicy.HARD}
    assert refusal(load(tmp_path, revocation_by_purpose=by_purpose)) == "cert.revoked"


def test_a_revoked_intermediate_refuses_what_it_issued(tmp_path) -> None:
    middle = make_ca("middle", issuer=CA)
    seal = make_seal(middle)
    assert (
        refusal(load(tmp_path, make_crl(CA, [middle]), make_crl(middle), trusted=[CA, middle]), seal) == "cert.revoked"
    )


def test_the_state_of_a_path_is_that_of_its_worst_member(tmp_path) -> None:
    middle = make_ca("middle", issuer=CA)
    seal = make_seal(middle, crl_url=URL)
    assert state(load(tmp_path / "a", make_crl(CA), trusted=[CA, middle]), seal) is Revocation.UNKNOWN_EXPIRED
    trust = load(tmp_path / "b", make_crl(CA), make_crl(middle), trusted=[CA, middle])
    assert state(trust, seal) is Revocation.GOOD


def test_a_pinned_certificate_is_looked_up_when_its_issuer_is_known(tmp_path) -> None:
    assert refusal(load(tmp_path / "a", make_crl(CA, [SEAL]), trusted=[SEAL, CA])) == "cert.revoked"
    assert state(load(tmp_path / "b", make_crl(CA, [SEAL]), trusted=[SEAL])) is Revocation.UNKNOWN_EXPIRED


# -- CRLs that do not count -------------------------------------------------------------------------------------------

FORGER = make_ca("CA", key=rsa_key("forger"))


def idp(**flags: object) -> list[tuple[x509.ExtensionType, bool]]:
    settings: dict[str, object] = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
        **flags,
    }
    return [(x509.IssuingDistributionPoint(**settings), True)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "crl",
    [
        make_crl(CA, signer=FORGER),
        make_crl(make_ca("another CA")),
        make_crl(CA, extra=[(x509.DeltaCRLIndicator(1), True)]),
        make_crl(CA, extra=idp(indirect_crl=True)),
        make_crl(CA, extra=idp(only_contains_ca_certs=True)),
        make_crl(CA, extra=idp(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}))),
        make_crl(CA, extra=idp(full_name=[x509.UniformResourceIdentifier("http://ca.example/other.crl")])),
        make_crl(CA, this_update=AT + HOUR),
        make_crl(
            CA, extra=[(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00"), True)]
        ),
    ],
    ids=[
        "forged",
        "unknown issuer",
        "delta",
        "indirect",
        "CA only",
        "reasons",
        "other point",
        "future",
        "critical",
    ],
)
def test_a_crl_that_must_not_count_gives_no_good_answer(tmp_path, crl) -> None:
    assert state(load(tmp_path, crl)) is Revocation.UNKNOWN_EXPIRED


def test_a_crl_signed_by_a_ca_that_may_not_sign_crls_does_not_count(tmp_path) -> None:
    ca = make_ca(bits=("key_cert_sign",))
    seal = make_seal(ca, crl_url=URL)
    assert state(load(tmp_path, make_crl(ca), trusted=[ca]), seal) is Revocation.UNKNOWN_EXPIRED


def test_a_forged_crl_revokes_nobody(tmp_path) -> None:
    trust = load(tmp_path, make_crl(CA, [SEAL], signer=FORGER), make_crl(CA))
    assert state(trust) is Revocation.GOOD
    assert any("no CA certificate" in note for note in trust.notes)


def test_a_crl_for_the_distribution_point_of_the_certificate_counts(tmp_path) -> None:
    point = idp(full_name=[x509.UniformResourceIdentifier(URL)])
    assert state(load(tmp_path / "a", make_crl(CA, extra=point))) is Revocation.GOOD
    assert refusal(load(tmp_path / "b", make_crl(CA, [SEAL], extra=point))) == "cert.revoked"


def test_the_newest_crl_decides(tmp_path) -> None:
    older = make_crl(CA, [SEAL], this_update=AT - timedelta(days=3), next_update=AT + timedelta(days=3))
    newer = make_crl(CA, this_update=AT - timedelta(days=1))
    assert state(load(tmp_path / "a", older, newer)) is Revocation.GOOD
    assert state(load(tmp_path / "b", newer, older)) is Revocation.GOOD


def test_a_broken_crl_file_is_noted_and_does_not_stop_the_start(tmp_path) -> None:
    write_folder(tmp_path, {("fr", "hcp-signer"): [CA]}, {"fr": [make_crl(CA)]})
    (tmp_path / "fr" / "crl" / "error.crl").write_bytes(b"<html>502 Bad Gateway</html>")
    cut = make_crl(CA).public_bytes(Encoding.DER)[:-20]
    (tmp_path / "fr" / "crl" / "cut.crl").write_bytes(cut)
    trust = TrustStore.load(tmp_path)
    assert state(trust) is Revocation.GOOD
    assert sum("not a CRL" in note for note in trust.notes) == 2


# -- the port ---------------------------------------------------------------------------------------------------------


def test_another_checker_can_be_handed_in(tmp_path) -> None:
    asked = []

    class Checker:
        def check(self, facts, issuer, at):
            asked.append((facts.fingerprint, issuer, at))
            return Answer(Revocation.REVOKED)

    write_folder(tmp_path, {("fr", "hcp-signer"): [CA]})
    trust = TrustStore.load(tmp_path, revocation=Checker())
    assert refusal(trust) == "cert.revoked"
    assert asked == [(SEAL.fingerprint, CA.certificate, AT)]


def test_the_checker_is_not_asked_about_a_certificate_without_a_path(tmp_path) -> None:
    class Checker:
        def check(self, facts, issuer, at):
            raise AssertionError("asked before the path was valid")

    write_folder(tmp_path, {("fr", "hcp-signer"): [CA]})
    trust = TrustStore.load(tmp_path, revocation=Checker())
    assert refusal(trust, make_seal(FORGER)) == "cert.untrusted"


def test_the_worst_state_wins_for_as_long_as_every_answer_lasts() -> None:
    good = Answer(Revocation.GOOD, AT - HOUR, AT + HOUR)
    grace = Answer(Revocation.UNKNOWN_WITHIN_GRACE, AT - 2 * HOUR, AT + 2 * HOUR)
    assert worst([good, grace]) == Answer(Revocation.UNKNOWN_WITHIN_GRACE, AT - HOUR, AT + HOUR)
    assert worst([grace, Answer(Revocation.REVOKED)]).state is Revocation.REVOKED
