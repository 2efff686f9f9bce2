"""The trust folder on disk: what is read, what is noted, and what stops the start."""

from __future__ import annotations

import pytest

from tests.support.certificates import AT, make_ca, make_seal, make_tls, write_folder
from trust_store.folder import Role, TrustFolderRefused
from trust_store.store import TrustStore
from trust_store.types import Purpose

CA = make_ca("CA")


def test_pem_bundles_and_der_files_are_read_whatever_their_order(tmp_path) -> None:
    folder = tmp_path / "fr" / "tls-server"
    folder.mkdir(parents=True)
    sub = make_ca("sub", issuer=CA)
    (folder / "bundle.pem").write_bytes(sub.pem + CA.pem)
    (folder / "pin.cer").write_bytes(make_tls(None).der)
    trust = TrustStore.load(tmp_path)
    assert [entry.role for entry in trust.entries] == [Role.INTERMEDIATE, Role.ANCHOR, Role.PIN]
    assert len(trust.authorities(Purpose.TLS_SERVER)) == 2
    assert len(trust.pins(Purpose.TLS_SERVER)) == 1
    assert trust.authorities(Purpose.TLS_CLIENT) == ()


def test_the_same_certificate_twice_counts_once(tmp_path) -> None:
    trust = TrustStore.load(write_folder(tmp_path, {("fr", "tls-server"): [CA, CA]}))
    assert len(trust.entries) == 1


def test_certificates_that_sign_each_other_make_no_anchor_and_are_noted(tmp_path) -> None:
    first = make_ca("first", issuer=make_ca("second"))
    second = make_ca("second", issuer=make_ca("first"))
    trust = TrustStore.load(write_folder(tmp_path, {("fr", "tls-server"): [first, second]}))
    assert any("no anchor" in note for note in trust.notes)


def test_a_cross_signed_root_stays_an_anchor(tmp_path) -> None:
    crossed = make_ca("CA", issuer=make_ca("other root"), key=CA.key)
    trust = TrustStore.load(write_folder(tmp_path, {("fr", "hcp-signer"): [CA, crossed]}))
    assert trust.judge(make_seal(CA).der, Purpose.HCP_SIGNER, AT)


def test_hidden_files_and_readme_files_do_no_harm(tmp_path) -> None:
    write_folder(tmp_path, {("fr", "tls-server"): [CA]})
    (tmp_path / "README.txt").write_text("whom to call")
    (tmp_path / "..data").mkdir()
    (tmp_path / "fr" / "tls-server" / "notes.txt").write_text("x")
    notes = TrustStore.load(tmp_path).notes
    assert len(notes) == 2
    assert all("not used" in note for note in notes)


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        (
            "fr/tls-server/broken.pem",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "export it again",
        ),
        ("fr/tls-server/broken.der", b"\x30\x03\x02\x01\x01", "export it again"),
        ("fr/tls-server/empty.pem", b"", "export it again"),
        ("fr/seals/x.pem", CA.pem, "not a purpose"),
        ("france/tls-server/x.pem", CA.pem, "not a country"),
        ("fr/loose.pem", CA.pem, "outside a folder"),
        ("loose.pem", CA.pem, "outside a folder"),
    ],
)
def test_what_cannot_be_used_stops_the_start_and_names_the_file(tmp_path, path, content, says) -> None:
    write_folder(tmp_path, {("hr", "tls-server"): [CA]})
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(TrustFolderRefused, match=says) as caught:
        TrustStore.load(tmp_path)
    assert str(tmp_path / path.split("/")[0]) in str(caught.value)


def test_a_file_with_a_private_key_stops_the_start(tmp_path) -> None:
    made = make_seal(CA)
    write_folder(tmp_path, {("fr", "hcp-signer"): [CA]})
    (tmp_path / "fr" / "hcp-signer" / "both.pem").write_bytes(made.pem + made.key_pem)
    with pytest.raises(TrustFolderRefused, match="private key"):
        TrustStore.load(tmp_path)


def test_a_missing_folder_and_an_empty_one_are_told_apart(tmp_path) -> None:
    with pytest.raises(TrustFolderRefused, match="no such folder"):
        TrustStore.load(tmp_path / "nowhere")
    with pytest.raises(TrustFolderRefused, match="holds no certificate"):
        TrustStore.load(tmp_path)
