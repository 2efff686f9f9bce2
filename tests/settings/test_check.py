"""The offline check looks at every file that the configuration names."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from ncp.settings import SettingsErrors
from ncp.settings.check import check, load_checked
from tests.support.settings import AT, CORRECT, write_correct, write_key_pair


def _problems(path: Path) -> dict[str, tuple[str, bool]]:
    return {problem.key: (problem.problem, problem.is_warning) for problem in check(path, AT, {}).problems}


def test_a_correct_configuration_has_no_problem(tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    assert check(path, AT, {}).problems == ()
    assert load_checked(path, AT, {}).country.code == "HR"


def _expired(folder: Path) -> None:
    write_key_pair(folder / "pki", "server", begin=AT - timedelta(days=9), end=AT)


def _early(folder: Path) -> None:
    write_key_pair(folder / "pki", "server", begin=AT + timedelta(seconds=1))


def _soon(folder: Path) -> None:
    write_key_pair(folder / "pki", "client", end=AT + timedelta(days=29, hours=1))


def _other_key(folder: Path) -> None:
    write_key_pair(folder / "pki", "other")
    (folder / "pki" / "other.key").replace(folder / "pki" / "seal.key")


def _encrypted(folder: Path) -> None:
    write_key_pair(folder / "pki", "seal", password=b"swordfish")


def _wrong_password(folder: Path) -> None:
    _encrypted(folder)
    _with_password(folder, "tuna\n")


def _needless_password(folder: Path) -> None:
    _with_password(folder, "tuna\n")


def _empty_password(folder: Path) -> None:
    _encrypted(folder)
    _with_password(folder, "\n")


def _with_password(folder: Path, text: str) -> None:
    (folder / "pki" / "password").write_text(text)
    (folder / "pki" / "password").chmod(0o600)
    toml = folder / "ncp.toml"
    toml.write_text(CORRECT.replace('key = "pki/seal.key"', 'key = "pki/seal.key"\nkey_password_file = "pki/password"'))


@pytest.mark.parametrize(
    ("damage", "key", "says", "is_warning"),
    [
        (lambda folder: (folder / "pki/server.pem").unlink(), "tls.server.certificate", "no such file", False),
        (lambda folder: (folder / "pki/seal.key").unlink(), "seal.key", "no such file", False),
        (lambda folder: (folder / "pki/seal.key").write_text("x"), "seal.key", "holds no private key", False),
        (lambda folder: (folder / "pki/seal.pem").write_text("x"), "seal.certificate", "no certificate", False),
        (_expired, "tls.server.certificate", "expired on 2026-07-01", False),
        (_early, "tls.server.certificate", "not valid before", False),
        (_soon, "tls.client.certificate", "expires in 29 days", True),
        (_other_key, "seal.key", "does not belong to the certificate", False),
        (_encrypted, "seal.key", "encrypted and there is no password", False),
        (_wrong_password, "seal.key_password_file", "not the password of the key", False),
        (_needless_password, "seal.key_password_file", "the key is not encrypted", False),
        (_empty_password, "seal.key_password_file", "is empty", False),
        (lambda folder: write_key_pair(folder / "pki", "seal", country="BE"), "seal.certificate", "country BE", False),
        (lambda folder: write_key_pair(folder / "pki", "seal", country=None), "seal.certificate", "no country", False),
        (lambda folder: (folder / "pki/seal.key").chmod(0o644), "seal.key", "readable by every user", True),
        (lambda folder: (folder / "masks/HR.xml").unlink(), "responding.search_mask", "no such file", False),
        (lambda folder: (folder / "masks/HR.xml").write_text("<a"), "responding.search_mask", "xml.malformed", False),
        (
            lambda folder: (folder / "masks/HR.xml").write_bytes((folder / "masks/FR.xml").read_bytes()),
            "responding.search_mask",
            "no search mask of HR (mask.country)",
            False,
        ),
        (lambda folder: (folder / "masks/FR.xml").unlink(), "initiating.search_masks", "no search mask of", True),
        (lambda folder: (folder / "masks/FR.xml").write_text("<a"), "initiating.search_masks", "FR.xml is no", False),
        (lambda folder: (folder / "state/documents.sqlite3").unlink(), "connector.database", "no such file", False),
        (lambda folder: (folder / "trust").rename(folder / "moved"), "trust.anchors", "no such folder", False),
        (lambda folder: (folder / "trust/fr").rename(folder / "trust/be"), "trust.anchors", "the peer FR", True),
        (
            lambda folder: (folder / "trust/fr/tls-client/ca.pem").write_text("x"),
            "trust.anchors",
            "fr/tls-client/ca.pem holds no certificate",
            False,
        ),
    ],
)
def test_a_damaged_file_is_named_by_its_key(
    tmp_path: Path, damage: Callable[[Path], object], key: str, says: str, is_warning: bool
) -> None:
    path = write_correct(tmp_path)
    damage(tmp_path)
    found = _problems(path)
    assert list(found) == [key]
    assert says in found[key][0]
    assert found[key][1] is is_warning


def test_an_open_key_file_is_an_error_in_production(tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    path.write_text(CORRECT.replace('"acceptance"', '"production"'))
    (tmp_path / "pki/seal.key").chmod(0o604)
    assert _problems(path) == {"seal.key": ("readable by every user of this machine", False)}


def test_a_key_with_its_password_is_accepted(tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    _encrypted(tmp_path)
    _with_password(tmp_path, "swordfish\n")
    assert _problems(path) == {}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    path.write_text(CORRECT.replace('state = "state"', 'state = "closed/state"'))
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "cannot be written to" in _problems(path)["state"][0]


def test_a_state_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    path.write_text(CORRECT.replace('state = "state"', 'state = "ncp.toml/state"'))
    assert "is a file" in _problems(path)["state"][0]


def test_files_are_looked_at_even_where_other_keys_are_wrong(tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    path.write_text(CORRECT.replace('"60s"', "60").replace("[log]", "[log]\nfoo = 1"))
    (tmp_path / "pki/seal.pem").unlink()
    found = _problems(path)
    assert set(found) == {"initiating.timeout", "log.foo", "seal.certificate"}


def test_start_up_gets_every_error_and_no_warning(tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    path.write_text(CORRECT.replace('"60s"', "60"))
    (tmp_path / "pki/seal.pem").unlink()
    (tmp_path / "masks/FR.xml").unlink()
    with pytest.raises(SettingsErrors) as caught:
        load_checked(path, AT, {})
    assert {problem.key for problem in caught.value.problems} == {"initiating.timeout", "seal.certificate"}
