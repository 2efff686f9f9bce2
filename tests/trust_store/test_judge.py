"""The verdict: rows A10 to A16, A20 and A21 of the attack list, and the profile table for every purpose."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ncp.wire.ids import CountryCode
from tests.support.certificates import (
    ANY_USAGE,
    AT,
    BEGIN,
    CLIENT_AUTH,
    EMAIL_PROTECTION,
    END,
    SERVER_AUTH,
    Made,
    ec_key,
    make,
    make_ca,
    make_seal,
    make_tls,
    make_version_1,
    name,
    rsa_key,
    write_folder,
)
from trust_store.store import TrustRules, TrustStore
from trust_store.types import CertificateRefused, Purpose

FR, HR, BE = CountryCode("FR"), CountryCode("HR"), CountryCode("BE")
SEALS = (Purpose.HCP_SIGNER, Purpose.TRC_SIGNER)
TLS = (Purpose.TLS_SERVER, Purpose.TLS_CLIENT)

SEAL_CA = make_ca("FR Seal CA")
TLS_CA = make_ca("FR TLS CA")
HR_CA = make_ca("HR CA", "HR")


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> TrustStore:
    trusted = {("fr", purpose.value): [SEAL_CA] for purpose in SEALS}
    trusted |= {("fr", purpose.value): [TLS_CA] for purpose in TLS}
    trusted |= {("hr", purpose.value): [HR_CA] for purpose in (*SEALS, *TLS)}
    return TrustStore.load(write_folder(tmp_path_factory.mktemp("trust"), trusted))


def load(folder: Path, trusted: dict[tuple[str, str], list[Made | bytes]], **rules: object) -> TrustStore:
    return TrustStore.load(write_folder(folder, trusted), rules=TrustRules(**rules))  # type: ignore[arg-type]


def refusal(trust: TrustStore, der: bytes, purpose: Purpose = Purpose.HCP_SIGNER, **more: object) -> str:
    with pytest.raises(CertificateRefused) as caught:
        trust.judge(der, purpose, more.pop("at", AT), **more)  # type: ignore[arg-type]
    return caught.value.reason


def issuer_for(purpose: Purpose) -> Made:
    return TLS_CA if purpose in TLS else SEAL_CA


# -- what passes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", SEALS)
def test_a_seal_of_the_acceptance_profile_is_trusted_with_its_country_and_fingerprint(trust, purpose) -> None:
    seal = make_seal(SEAL_CA)
    trusted = trust.judge(seal.der, purpose, AT)
    assert (trusted.country, trusted.purpose, trusted.fingerprint) == ("FR", purpose, seal.fingerprint)
    assert trusted.certificate == seal.certificate


@pytest.mark.parametrize("purpose", (*SEALS, *TLS))
def test_a_certificate_without_any_extension_is_trusted_as_the_test_pki_issues_such(trust, purpose) -> None:
    bare = make(name("be.ehealth.eu", "FR"), issuer=issuer_for(purpose), digest=hashes.SHA512())
    assert trust.judge(bare.der, purpose, AT).country == "FR"


@pytest.mark.parametrize("purpose", TLS)
@pytest.mark.parametrize("curve", ["secp256r1", "secp384r1"])
def test_tls_certificates_with_the_usual_ec_keys_are_trusted(trust, purpose, curve) -> None:
    assert trust.judge(make_tls(TLS_CA, key=ec_key(0, curve)).der, purpose, AT)


@pytest.mark.parametrize("purpose", (*SEALS, *TLS))
@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda digest: digest.name)
def test_every_accepted_signature_hash_is_trusted(trust, purpose, digest) -> None:
    made = (make_tls if purpose in TLS else make_seal)(issuer_for(purpose), digest=digest)
    assert trust.judge(made.der, purpose, AT)


def test_a_seal_with_nonrepudiation_only_is_trusted(trust) -> None:
    assert trust.judge(make_seal(SEAL_CA, bits=("content_commitment",)).der, Purpose.HCP_SIGNER, AT)


def test_extended_usage_of_seals_is_not_enforced_but_a_purely_tls_one_is_noted(trust) -> None:
    mail = make_seal(SEAL_CA, extended=(EMAIL_PROTECTION,))
    assert trust.judge(mail.der, Purpose.HCP_SIGNER, AT).warnings == ("revocation.not-checkable",)
    tls = make_seal(SEAL_CA, extended=(SERVER_AUTH, CLIENT_AUTH))
    assert "cert.eku.tls_only" in trust.judge(tls.der, Purpose.HCP_SIGNER, AT).warnings


def test_the_danish_tls_profile_of_2025_is_trusted(trust) -> None:
    made = make_tls(
        TLS_CA,
        bits=("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        extended=(CLIENT_AUTH, SERVER_AUTH, EMAIL_PROTECTION, x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.2")),
        alternative=None,
    )
    for purpose in TLS:
        assert trust.judge(made.der, purpose, AT)


# -- A10 to A16 -------------------------------------------------------------------------------------------------------


def test_a10_a_self_signed_copy_of_a_trusted_subject_is_untrusted(trust) -> None:
    genuine = make_seal(SEAL_CA)
    copy = make(
        genuine.certificate.subject,
        issuer_name=SEAL_CA.certificate.subject,
        key=rsa_key(7),
        bits=("digital_signature",),
    )
    assert refusal(trust, copy.der) == "cert.untrusted"
    own_ca = make_ca("FR Seal CA", key=ec_key(99))
    assert refusal(trust, make_seal(own_ca).der) == "cert.untrusted"
    assert refusal(trust, make(genuine.certificate.subject, key=rsa_key(7)).der) == "cert.untrusted"


@pytest.mark.parametrize(
    "der",
    [b"", b"garbage", make_seal(SEAL_CA).der[:-1], make_seal(SEAL_CA).der[:200], make_seal(SEAL_CA).der + b"\0"],
    ids=["empty", "garbage", "one byte short", "cut", "trailing byte"],
)
def test_a11_what_is_not_one_certificate_is_malformed(trust, der) -> None:
    assert refusal(trust, der) == "cert.malformed"


def test_a11_two_certificates_and_pem_are_malformed(trust) -> None:
    seal = make_seal(SEAL_CA)
    assert refusal(trust, seal.der + seal.der) == "cert.malformed"
    assert refusal(trust, seal.pem) == "cert.malformed"
    assert refusal(trust, seal.der + bytes(100_000)) == "cert.malformed"


def test_a12_dates_are_obeyed_with_five_minutes_of_skew(trust) -> None:
    der, skew, second = make_seal(SEAL_CA).der, timedelta(minutes=5), timedelta(seconds=1)
    assert trust.judge(der, Purpose.HCP_SIGNER, END + skew)
    assert trust.judge(der, Purpose.HCP_SIGNER, BEGIN - skew)
    assert refusal(trust, der, at=END + skew + second) == "cert.expired"
    assert refusal(trust, der, at=BEGIN - skew - second) == "cert.not_yet_valid"


def test_a12_dates_are_looked_at_again_when_the_verdict_is_remembered(trust) -> None:
    der = make_seal(SEAL_CA).der
    assert trust.judge(der, Purpose.HCP_SIGNER, AT)
    assert refusal(trust, der, at=END + timedelta(days=1)) == "cert.expired"
    assert refusal(trust, der, at=BEGIN - timedelta(days=1)) == "cert.not_yet_valid"
    assert trust.judge(der, Purpose.HCP_SIGNER, AT)


def test_a12_a_remembered_verdict_ends_with_the_validity_of_the_issuer(tmp_path) -> None:
    short = make_ca("short-lived", end=AT + timedelta(days=1))
    trust = load(tmp_path, {("fr", "hcp-signer"): [short]})
    der = make_seal(short).der
    assert trust.judge(der, Purpose.HCP_SIGNER, AT)
    assert refusal(trust, der, at=AT + timedelta(days=2)) == "cert.untrusted"


@pytest.mark.parametrize("purpose", (*SEALS, *TLS))
def test_a13_a_certificate_for_key_encipherment_only_is_refused_for_its_usage(trust, purpose) -> None:
    made = (make_tls if purpose in TLS else make_seal)(issuer_for(purpose), bits=("key_encipherment",))
    assert refusal(trust, made.der, purpose) == "cert.usage"


@pytest.mark.parametrize("purpose", (*SEALS, *TLS))
def test_a13_a_ca_certificate_cannot_stand_for_a_gateway(trust, purpose) -> None:
    made = make_ca("sub", issuer=issuer_for(purpose), bits=("digital_signature", "key_cert_sign"))
    assert refusal(trust, made.der, purpose) == "cert.usage"
    assert refusal(trust, issuer_for(purpose).der, purpose) == "cert.usage"


@pytest.mark.parametrize(
    ("purpose", "extended"),
    [
        (Purpose.TLS_SERVER, (CLIENT_AUTH,)),
        (Purpose.TLS_CLIENT, (SERVER_AUTH,)),
        (Purpose.TLS_SERVER, (EMAIL_PROTECTION,)),
        (Purpose.TLS_CLIENT, (EMAIL_PROTECTION,)),
        (Purpose.TLS_SERVER, (ANY_USAGE,)),
    ],
)
def test_a13_tls_certificates_without_the_extended_usage_of_their_role_are_refused(trust, purpose, extended) -> None:
    assert refusal(trust, make_tls(TLS_CA, extended=extended).der, purpose) == "cert.usage"


@pytest.mark.parametrize("bits", [("content_commitment",), ("key_agreement",), ("data_encipherment",)])
def test_a13_a_tls_certificate_has_to_be_allowed_to_sign(trust, bits) -> None:
    assert refusal(trust, make_tls(TLS_CA, bits=bits).der, Purpose.TLS_CLIENT) == "cert.usage"


@pytest.mark.parametrize("purpose", SEALS)
def test_a14_trust_for_tls_is_no_trust_for_seals_and_the_reverse(trust, purpose) -> None:
    assert refusal(trust, make_seal(TLS_CA).der, purpose) == "cert.untrusted"
    assert refusal(trust, make_tls(SEAL_CA).der, Purpose.TLS_CLIENT) == "cert.untrusted"


@pytest.mark.parametrize("purpose", (*SEALS, *TLS))
def test_a14_an_anchor_of_another_country_vouches_for_nobody_here(trust, purpose) -> None:
    made = (make_tls if purpose in TLS else make_seal)(HR_CA, "FR")
    assert refusal(trust, made.der, purpose) == "cert.untrusted"
    assert refusal(trust, made.der, purpose, country=FR) == "cert.untrusted"
    assert refusal(trust, made.der, purpose, country=HR) == "cert.country"


def test_a14_trust_of_one_purpose_is_remembered_for_that_purpose_only(trust) -> None:
    seal = make_seal(SEAL_CA)
    assert trust.judge(seal.der, Purpose.HCP_SIGNER, AT)
    assert refusal(trust, seal.der, Purpose.TLS_CLIENT) == "cert.untrusted"
    assert refusal(trust, seal.der, Purpose.HCP_SIGNER, country=HR) == "cert.country"


@pytest.mark.parametrize("ca", [False, None], ids=["CA:FALSE", "no BasicConstraints"])
def test_a15_an_end_entity_certificate_issues_nothing(trust, tmp_path, ca) -> None:
    leaf = make_ca("leaf as issuer", issuer=SEAL_CA, ca=ca)
    assert refusal(trust, make_seal(leaf).der) == "cert.untrusted"
    known = load(tmp_path, {("fr", "hcp-signer"): [SEAL_CA, leaf]})
    assert refusal(known, make_seal(leaf).der) == "cert.untrusted"


@pytest.mark.parametrize("purpose", (*SEALS, *TLS))
@pytest.mark.parametrize(
    "key",
    [rsa_key(0, 1024), rsa_key(0, 2048, 3), ec_key(0, "secp224r1"), ec_key(0, "secp256k1")],
    ids=["RSA 1024", "RSA e=3", "P-224", "secp256k1"],
)
def test_a16_weak_keys_are_refused(trust, purpose, key) -> None:
    made = (make_tls if purpose in TLS else make_seal)(issuer_for(purpose), key=key)
    assert refusal(trust, made.der, purpose) == "cert.weak_key"


def test_a16_an_rsa_key_with_exponent_one_is_refused(trust) -> None:
    three = make_seal(SEAL_CA, key=rsa_key(0, 2048, 3)).der
    assert three.count(b"\x02\x01\x03\xa3") == 1  # the exponent, last before the extensions
    assert refusal(trust, three.replace(b"\x02\x01\x03\xa3", b"\x02\x01\x01\xa3")) == "cert.weak_key"


def test_a16_p521_is_for_seals_only(trust) -> None:
    assert trust.judge(make_seal(SEAL_CA, key=ec_key(0, "secp521r1")).der, Purpose.TRC_SIGNER, AT)
    assert refusal(trust, make_tls(TLS_CA, key=ec_key(0, "secp521r1")).der, Purpose.TLS_CLIENT) == "cert.weak_key"


@pytest.mark.parametrize("digest", [hashes.SHA224(), hashes.SHA3_256()], ids=lambda digest: digest.name)
def test_a16_other_signature_hashes_are_refused(trust, digest) -> None:
    assert refusal(trust, make_seal(SEAL_CA, digest=digest).der) == "cert.weak_key"


# -- A20, A21 ---------------------------------------------------------------------------------------------------------


def test_a20_the_country_is_the_c_attribute_and_not_text_that_looks_like_it(trust) -> None:
    for common_name, organisation in (
        ("Test, C=DK", "NCPeH"),
        ("C=DK, Test", "NCPeH"),
        ("Test", "C=DK"),
        ("/C=DK", "x"),
    ):
        made = make(name(common_name, "FR", organisation=organisation), issuer=SEAL_CA, bits=("digital_signature",))
        assert trust.judge(made.der, Purpose.HCP_SIGNER, AT).country == "FR"
        assert refusal(trust, made.der, country=CountryCode("DK")) == "cert.country"


def test_a20_c_in_a_common_name_alone_is_no_country(trust) -> None:
    made = make(name("Test, C=FR"), issuer=SEAL_CA, bits=("digital_signature",))
    assert refusal(trust, made.der) == "cert.country"


@pytest.mark.filterwarnings("ignore:Attribute's length")
@pytest.mark.parametrize("countries", [(), ("FR", "HR"), ("FR", "FR"), ("F",), ("FRA",), ("F1",)])
def test_a21_no_country_two_countries_or_no_code_are_refused(trust, countries) -> None:
    made = make(name("seal", *countries), issuer=SEAL_CA, bits=("digital_signature",))
    assert refusal(trust, made.der) == "cert.country"
    assert refusal(trust, made.der, country=FR) == "cert.country"


def test_a21_two_countries_in_one_multivalued_rdn_are_refused(trust) -> None:
    attributes = [x509.NameAttribute(x509.NameOID.COUNTRY_NAME, code) for code in ("FR", "HR")]
    subject = x509.Name([x509.RelativeDistinguishedName(attributes)])
    assert refusal(trust, make(subject, issuer=SEAL_CA).der) == "cert.country"


def test_a21_a_country_in_lower_case_is_normalised(trust) -> None:
    made = make(name("seal", "fr"), issuer=SEAL_CA, bits=("digital_signature",))
    assert trust.judge(made.der, Purpose.HCP_SIGNER, AT).country == "FR"


# -- paths ------------------------------------------------------------------------------------------------------------


def test_a_path_over_configured_intermediates_is_found(tmp_path) -> None:
    root = make_ca("root")
    middle = make_ca("middle", issuer=root)
    issuing = make_ca("issuing", issuer=middle, path_length=0)
    trust = load(tmp_path, {("fr", "hcp-signer"): [issuing, root, middle]})
    assert [entry.role.value for entry in trust.entries] == ["intermediate", "anchor", "intermediate"]
    assert trust.judge(make_seal(issuing).der, Purpose.HCP_SIGNER, AT)


def test_a_missing_intermediate_breaks_the_path(tmp_path) -> None:
    root = make_ca("root")
    issuing = make_ca("issuing", issuer=make_ca("middle", issuer=root))
    assert refusal(load(tmp_path, {("fr", "hcp-signer"): [root]}), make_seal(issuing).der) == "cert.untrusted"


def test_a_sub_ca_without_its_root_is_an_anchor_and_its_siblings_are_not(tmp_path) -> None:
    root = make_ca("root")
    ours, sibling = make_ca("ours", issuer=root), make_ca("sibling", issuer=root)
    trust = load(tmp_path, {("fr", "hcp-signer"): [ours]})
    assert trust.judge(make_seal(ours).der, Purpose.HCP_SIGNER, AT)
    assert refusal(trust, make_seal(sibling).der) == "cert.untrusted"
    assert refusal(trust, make_seal(root).der) == "cert.untrusted"


def test_an_expired_intermediate_breaks_the_path(tmp_path) -> None:
    root = make_ca("root")
    expired = make_ca("expired", issuer=root, end=AT - timedelta(days=1))
    trust = load(tmp_path, {("fr", "hcp-signer"): [root, expired]})
    assert refusal(trust, make_seal(expired).der) == "cert.untrusted"


def test_path_length_is_obeyed(tmp_path) -> None:
    root = make_ca("root", path_length=0)
    below = make_ca("below", issuer=root)
    trust = load(tmp_path, {("fr", "hcp-signer"): [root, below]})
    assert trust.judge(make_seal(root).der, Purpose.HCP_SIGNER, AT)
    assert refusal(trust, make_seal(below).der) == "cert.untrusted"


def test_an_issuer_whose_key_usage_forbids_signing_certificates_is_no_issuer(tmp_path) -> None:
    ca = make_ca("no signing", bits=("crl_sign",))
    assert refusal(load(tmp_path, {("fr", "hcp-signer"): [ca]}), make_seal(ca).der) == "cert.untrusted"


def test_an_issuer_with_a_short_key_or_a_weak_hash_is_no_issuer(tmp_path) -> None:
    short = make_ca("1024", key=rsa_key(3, 1024))
    assert refusal(load(tmp_path / "a", {("fr", "hcp-signer"): [short]}), make_seal(short).der) == "cert.untrusted"
    root = make_ca("root", key=rsa_key(4))
    weak = make_ca("sha224", issuer=root, digest=hashes.SHA224())
    trust = load(tmp_path / "b", {("fr", "hcp-signer"): [root, weak]})
    assert refusal(trust, make_seal(weak).der) == "cert.untrusted"


def test_an_unknown_critical_extension_is_refused(trust) -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    assert refusal(trust, make_seal(SEAL_CA, extra=[(odd, True)]).der) == "cert.untrusted"
    assert trust.judge(make_seal(SEAL_CA, extra=[(odd, False)]).der, Purpose.HCP_SIGNER, AT)


def test_a_version_1_certificate_needs_a_pin(trust, tmp_path) -> None:
    der = make_version_1(name("old", "FR"), SEAL_CA)
    assert refusal(trust, der) == "cert.untrusted"
    assert load(tmp_path, {("fr", "hcp-signer"): [der]}).judge(der, Purpose.HCP_SIGNER, AT)


def test_more_intermediates_than_the_limit_are_refused(tmp_path) -> None:
    chain = [make_ca("root")]
    for number in range(6):
        chain.append(make_ca(f"level {number}", issuer=chain[-1]))
    trust = load(tmp_path, {("fr", "hcp-signer"): list(chain)})
    assert trust.judge(make_seal(chain[4]).der, Purpose.HCP_SIGNER, AT)
    assert refusal(trust, make_seal(chain[6]).der) == "cert.untrusted"


# -- name constraints -------------------------------------------------------------------------------------------------


def constrained(*permitted: x509.GeneralName, critical: bool = True) -> Made:
    constraint = x509.NameConstraints(permitted_subtrees=list(permitted), excluded_subtrees=None)
    return make_ca("constrained", extra=[(constraint, critical)])


def test_a_host_name_outside_the_constraints_of_its_issuer_is_refused(tmp_path) -> None:
    ca = constrained(x509.DNSName("fr.example"))
    trust = load(tmp_path, {("fr", "tls-server"): [ca]})
    assert trust.judge(make_tls(ca, host="ncp.fr.example").der, Purpose.TLS_SERVER, AT)
    assert refusal(trust, make_tls(ca, host="ncp.hr.example").der, Purpose.TLS_SERVER) == "cert.untrusted"


def test_a_constrained_issuer_cannot_be_escaped_by_leaving_the_alternative_name_out(tmp_path) -> None:
    ca = constrained(x509.DNSName("fr.example"))
    trust = load(tmp_path, {("fr", "tls-server"): [ca]})
    bare = make_tls(ca, host="ncp.hr.example", alternative=None)
    assert refusal(trust, bare.der, Purpose.TLS_SERVER) == "cert.untrusted"


def test_a_mail_address_in_the_subject_cannot_escape_a_constraint_either(tmp_path) -> None:
    ca = constrained(x509.RFC822Name("fr.example"))
    trust = load(tmp_path, {("fr", "hcp-signer"): [ca]})
    inside = make_seal(ca, alternative=("ncp@fr.example",))
    assert trust.judge(inside.der, Purpose.HCP_SIGNER, AT)
    assert refusal(trust, make_seal(ca, alternative=("ncp@hr.example",)).der) == "cert.untrusted"
    hidden = make(name("seal", "FR", email="ncp@hr.example"), issuer=ca, bits=("digital_signature",))
    assert refusal(trust, hidden.der) == "cert.untrusted"


@pytest.mark.parametrize("critical", [True, False])
def test_constraints_of_a_kind_that_cannot_be_applied_refuse_the_path(tmp_path, critical) -> None:
    ca = constrained(x509.DirectoryName(name("x", "FR")), critical=critical)
    assert refusal(load(tmp_path, {("fr", "hcp-signer"): [ca]}), make_seal(ca).der) == "cert.untrusted"


# -- pins -------------------------------------------------------------------------------------------------------------


def test_a_pinned_seal_is_trusted_without_any_issuer_and_only_itself(tmp_path) -> None:
    pinned = make_seal(None)
    trust = load(tmp_path, {("fr", "hcp-signer"): [pinned]})
    assert trust.judge(pinned.der, Purpose.HCP_SIGNER, AT).country == "FR"
    again = make_seal(None)  # the same subject and key, another certificate
    assert refusal(trust, again.der) == "cert.untrusted"
    assert refusal(trust, pinned.der, Purpose.TRC_SIGNER) == "cert.untrusted"


def test_a_pin_is_no_issuer(tmp_path) -> None:
    pinned = make_seal(None, bits=("digital_signature", "key_cert_sign"))
    trust = load(tmp_path, {("fr", "hcp-signer"): [pinned, SEAL_CA]})
    assert refusal(trust, make_seal(pinned, key=rsa_key(1)).der) == "cert.untrusted"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"end": AT - timedelta(days=1)}, "cert.expired"),
        ({"begin": AT + timedelta(days=1)}, "cert.not_yet_valid"),
        ({"bits": ("key_encipherment",)}, "cert.usage"),
        ({"key": rsa_key(0, 1024)}, "cert.weak_key"),
    ],
)
def test_a_pin_is_still_checked_for_dates_usage_and_key(tmp_path, changes, reason) -> None:
    pinned = make_seal(SEAL_CA, **changes)
    trust = load(tmp_path, {("fr", "hcp-signer"): [pinned]})
    assert refusal(trust, pinned.der) == reason


def test_a_pinned_seal_speaks_for_the_country_in_its_subject_only(tmp_path) -> None:
    belgian = make_seal(None, "BE")
    trust = load(tmp_path, {("fr", "hcp-signer"): [belgian]})
    assert refusal(trust, belgian.der) == "cert.untrusted"
    assert refusal(trust, belgian.der, country=FR) == "cert.country"
    assert any("cert.country" in note for note in trust.notes)


@pytest.mark.parametrize("purpose", TLS)
def test_a_pinned_tls_certificate_speaks_for_the_country_that_pinned_it(tmp_path, purpose) -> None:
    hosted = make_tls(None, "BE")
    trust = load(tmp_path, {("fr", purpose.value): [hosted]})
    assert trust.judge(hosted.der, purpose, AT).country == "FR"
    assert trust.judge(hosted.der, purpose, AT, FR).country == "FR"
    assert refusal(trust, hosted.der, purpose, country=BE) == "cert.country"


# -- TLS peers --------------------------------------------------------------------------------------------------------


def test_the_country_of_a_tls_client_is_the_c_of_its_subject(trust) -> None:
    client = make_tls(TLS_CA)
    peer = trust.tls_peer(client.der, AT)
    assert (peer.country, peer.subject, peer.fingerprint) == ("FR", "ncp.fr.example", client.fingerprint)


def test_the_allow_list_names_the_country_before_the_subject_does(tmp_path) -> None:
    shared = make_tls(TLS_CA, "BE")
    folder = {("fr", "tls-client"): [TLS_CA], ("be", "tls-client"): [HR_CA]}
    assert load(tmp_path, folder, tls_clients={shared.fingerprint: FR}).tls_peer(shared.der, AT).country == "FR"
    with pytest.raises(CertificateRefused, match=r"cert\.untrusted"):
        load(tmp_path, folder).tls_peer(shared.der, AT)


def test_the_allow_list_is_no_trust(tmp_path) -> None:
    stranger = make_tls(make_ca("unknown"))
    trust = load(tmp_path, {("fr", "tls-client"): [TLS_CA]}, tls_clients={stranger.fingerprint: FR})
    with pytest.raises(CertificateRefused, match=r"cert\.untrusted"):
        trust.tls_peer(stranger.der, AT)


def test_a_client_of_a_country_that_is_not_configured_is_refused_even_with_a_shared_ca(trust) -> None:
    with pytest.raises(CertificateRefused, match=r"cert\.untrusted"):
        trust.tls_peer(make_tls(TLS_CA, "DK").der, AT)


def test_a_shared_ca_does_not_let_one_country_speak_for_another(tmp_path) -> None:
    trust = load(tmp_path, {("fr", "tls-client"): [TLS_CA], ("hr", "tls-client"): [TLS_CA]})
    assert trust.tls_peer(make_tls(TLS_CA, "HR").der, AT).country == "HR"
    assert refusal(trust, make_tls(TLS_CA, "HR").der, Purpose.TLS_CLIENT, country=FR) == "cert.country"


def test_control_characters_of_a_subject_do_not_reach_the_audit_trail(trust) -> None:
    peer = trust.tls_peer(make(name("ncp\r\nforged line", "FR"), issuer=TLS_CA).der, AT)
    assert peer.subject == "ncp??forged line"


def test_the_smp_signer_is_that_of_the_trust_set_whatever_country_its_seat_is_in(tmp_path) -> None:
    ca = make_ca("SMP CA", "BE")
    signer = make_seal(ca, "BE")
    trust = load(tmp_path, {("eu", "smp-signer"): [ca]})
    assert trust.judge(signer.der, Purpose.SMP_SIGNER, AT, CountryCode("EU")).country == "EU"
    assert refusal(trust, signer.der, Purpose.HCP_SIGNER, country=CountryCode("EU")) == "cert.country"


# -- the snapshot -----------------------------------------------------------------------------------------------------


def test_the_memory_of_verdicts_is_bounded(tmp_path) -> None:
    trust = load(tmp_path, {("fr", "hcp-signer"): [SEAL_CA]}, verdicts=3)
    for _ in range(10):
        trust.judge(make_seal(SEAL_CA).der, Purpose.HCP_SIGNER, AT)
    assert len(trust._verdicts) == 3


def test_refusals_are_not_remembered(trust) -> None:
    before = len(trust._verdicts)
    refusal(trust, make_seal(HR_CA).der)
    assert len(trust._verdicts) == before


def test_many_threads_get_the_same_verdicts(tmp_path) -> None:
    trust = load(tmp_path, {("fr", "hcp-signer"): [SEAL_CA]}, verdicts=2)
    good, bad = [make_seal(SEAL_CA) for _ in range(4)], make_seal(HR_CA)
    wrong: list[object] = []

    def work() -> None:
        for _ in range(50):
            for made in good:
                if trust.judge(made.der, Purpose.HCP_SIGNER, AT).fingerprint != made.fingerprint:
                    wrong.append(made)
            with contextlib.suppress(CertificateRefused):
                wrong.append(trust.judge(bad.der, Purpose.HCP_SIGNER, AT))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_refusal_shows_nothing_of_the_certificate(trust) -> None:
    secret = make(name("Jane Patient", "FR", organisation="Secret Clinic"), issuer=HR_CA)
    with pytest.raises(CertificateRefused) as caught:
        trust.judge(secret.der, Purpose.HCP_SIGNER, AT)
    assert "Jane" not in f"{caught.value!r} {caught.value} {caught.value.detail}"


def test_a_naive_country_code_in_lower_case_folders_and_upper_case_certificates_meet(tmp_path) -> None:
    trust = load(tmp_path, {("FR", "hcp-signer"): [SEAL_CA]})
    assert trust.countries == {"FR"}
    assert trust.judge(make_seal(SEAL_CA).certificate.public_bytes(Encoding.DER), Purpose.HCP_SIGNER, AT)
