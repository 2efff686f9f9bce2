"""Our own keys from files: the forms that work, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.certificates import Made, ec_key, make_ca, make_seal, rsa_key
from trust_store.keys import KeyRefused, load_key_pair

ROOT = make_ca("root")
MIDDLE = make_ca("middle", issuer=ROOT)
ISSUING = make_ca("issuing", issuer=MIDDLE)
SEAL = make_seal(ISSUING, key=rsa_key("seal"))
PASSWORD = b"correct horse"


def write(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def encrypted(made: Made) -> bytes:
    return made.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD),
    )


def p12(
    made: Made, *chain: Made, password: bytes | None = PASSWORD, key: bool = True, certificate: bool = True
) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"seal",
        made.key if key else None,  # type: ignore[arg-type]
        made.certificate if certificate else None,
        [link.certificate for link in chain],
        serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption(),
    )


def test_pem_files_are_read_and_the_chain_is_put_in_order_without_the_root(tmp_path) -> None:
    certificate = write(tmp_path / "seal.pem", ROOT.pem + MIDDLE.pem + SEAL.pem + ISSUING.pem)
    pair = load_key_pair(certificate, write(tmp_path / "seal.key", SEAL.key_pem))
    assert pair.certificate == SEAL.certificate
    assert pair.chain == (ISSUING.certificate, MIDDLE.certificate)
    assert pair.warnings == ()


def test_certificate_and_key_may_share_a_file(tmp_path) -> None:
    both = write(tmp_path / "both.pem", SEAL.key_pem + SEAL.pem)
    assert load_key_pair(both).certificate == load_key_pair(both, both).certificate == SEAL.certificate


def test_an_encrypted_key_is_opened_with_its_password_file(tmp_path) -> None:
    certificate, key = write(tmp_path / "c.pem", SEAL.pem), write(tmp_path / "k.pem", encrypted(SEAL))
    for text in (PASSWORD, PASSWORD + b"\n", PASSWORD + b"\r\n"):
        assert load_key_pair(certificate, key, write(tmp_path / "pass", text)).certificate == SEAL.certificate


def test_pkcs12_gives_key_certificate_and_chain(tmp_path) -> None:
    file = write(tmp_path / "seal.p12", p12(SEAL, ROOT, MIDDLE, ISSUING))
    pair = load_key_pair(file, None, write(tmp_path / "pass", PASSWORD))
    assert (pair.certificate, pair.chain) == (SEAL.certificate, (ISSUING.certificate, MIDDLE.certificate))
    bare = load_key_pair(write(tmp_path / "bare.p12", p12(SEAL, password=None)))
    assert bare.certificate == SEAL.certificate


def test_the_signature_is_rsa_pkcs1_with_sha256(tmp_path) -> None:
    pair = load_key_pair(write(tmp_path / "both.pem", SEAL.key_pem + SEAL.pem))
    signature = pair.sign(b"data")
    SEAL.key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())  # type: ignore[call-arg,union-attr]


def test_an_ec_key_serves_for_tls_and_does_not_seal(tmp_path) -> None:
    made = make_seal(ISSUING, key=ec_key("own"))
    pair = load_key_pair(write(tmp_path / "both.pem", made.key_pem + made.pem))
    with pytest.raises(KeyRefused, match="RSA"):
        pair.sign(b"data")


def test_files_that_others_can_read_are_warned_of(tmp_path) -> None:
    certificate = write(tmp_path / "c.pem", SEAL.pem, 0o644)
    key = write(tmp_path / "k.pem", encrypted(SEAL), 0o640)
    password = write(tmp_path / "pass", PASSWORD, 0o604)
    warnings = load_key_pair(certificate, key, password).warnings
    assert len(warnings) == 2
    assert "k.pem" in warnings[0]
    assert "0640" in warnings[0]
    assert "chmod 600" in warnings[1]


def test_certificates_that_are_no_part_of_the_chain_are_warned_of_and_left_out(tmp_path) -> None:
    both = write(tmp_path / "both.pem", SEAL.key_pem + SEAL.pem + make_ca("unrelated").pem)
    pair = load_key_pair(both)
    assert pair.chain == ()
    assert "not sent" in pair.warnings[0]


def test_a_key_pair_never_shows_itself(tmp_path) -> None:
    pair = load_key_pair(write(tmp_path / "both.pem", SEAL.key_pem + SEAL.pem))
    assert repr(pair) == str(pair) == "KeyPair(<redacted>)"


OTHER = make_seal(ISSUING, key=rsa_key("other"))
ED25519 = ed25519.Ed25519PrivateKey.generate().private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


@pytest.mark.parametrize(
    ("certificate", "key", "password", "says"),
    [
        (SEAL.pem, OTHER.key_pem, None, "c.pem: does not belong to the private key"),
        (SEAL.pem, encrypted(SEAL), None, "k.pem: the private key is encrypted"),
        (SEAL.pem, encrypted(SEAL), b"wrong", "k.pem: no private key can be read from it; check the password"),
        (SEAL.pem, SEAL.key_pem, PASSWORD, "k.pem: the private key is not encrypted; remove key_password_file"),
        (SEAL.pem, encrypted(SEAL), b"\n", "pass: is empty"),
        (SEAL.pem, b"rubbish", None, "k.pem: no private key can be read"),
        (SEAL.pem, ED25519, None, "k.pem: the private key is neither RSA nor EC"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            SEAL.key_pem,
            None,
            "c.pem: no certificate",
        ),
        (SEAL.der, SEAL.key_pem, None, "c.pem: not PEM, so it has to be a PKCS #12"),
    ],
)
def test_every_mistake_names_the_file_and_the_remedy(tmp_path, certificate, key, password, says) -> None:
    files = write(tmp_path / "c.pem", certificate), write(tmp_path / "k.pem", key)
    password_file = write(tmp_path / "pass", password) if password else None
    with pytest.raises(KeyRefused) as caught:
        load_key_pair(*files, password_file)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("data", "password", "says"),
    [
        (p12(SEAL), b"wrong", "check the password"),
        (p12(SEAL), None, "check the password"),
        (b"rubbish", None, "cannot be opened as PKCS #12"),
        (p12(SEAL, key=False), PASSWORD, "lacks the private key"),
        (p12(SEAL, certificate=False), PASSWORD, "lacks the private key or its certificate"),
    ],
)
def test_every_mistake_with_pkcs12_too(tmp_path, data, password, says) -> None:
    password_file = write(tmp_path / "pass", password) if password else None
    with pytest.raises(KeyRefused, match=r"seal\.p12") as caught:
        load_key_pair(write(tmp_path / "seal.p12", data), None, password_file)
    assert says in str(caught.value)


@pytest.mark.parametrize("missing", ["c.pem", "k.pem", "pass"])
def test_a_missing_file_is_named(tmp_path, missing) -> None:
    write(tmp_path / "c.pem", SEAL.pem)
    write(tmp_path / "k.pem", encrypted(SEAL))
    write(tmp_path / "pass", PASSWORD)
    (tmp_path / missing).unlink()
    with pytest.raises(KeyRefused, match=f"{missing}: no such file"):
        load_key_pair(tmp_path / "c.pem", tmp_path / "k.pem", tmp_path / "pass")


def test_a_key_with_wrong_private_numbers_is_noticed_although_its_public_part_fits(tmp_path) -> None:
    """The library's own validation is skipped for its cost; the trial signature stands in for it."""
    right = rsa_key("seal").private_numbers()
    broken = rsa.RSAPrivateNumbers(
        p=right.p,
        q=right.q,
        d=right.d ^ 2,
        dmp1=right.dmp1 ^ 2,
        dmq1=right.dmq1 ^ 2,
        iqmp=right.iqmp,
        public_numbers=right.public_numbers,
    ).private_key(unsafe_skip_rsa_key_validation=True)
    key = broken.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(KeyRefused):
        load_key_pair(write(tmp_path / "c.pem", SEAL.pem), write(tmp_path / "k.pem", key))
