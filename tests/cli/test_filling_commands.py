"""``ncp pki dev``, ``ncp store load`` and ``ncp serve`` do their work or say in one line why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ncp.cli.main import app
from ncp.settings import load
from tests.support.settings import CORRECT, write_correct

PATIENTS = Path(__file__).resolve().parents[2] / "config" / "demo" / "patients"
runner = CliRunner()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    done = runner.invoke(app, ["pki", "dev", str(folder), "--countries", "mt", "--hosts", "ncp.example.eu", "--json"])
    assert done.exit_code == 0, done.output
    assert list(json.loads(done.stdout)) == ["MT"]
    return folder


def test_a_development_pki_has_keys_for_every_purpose_and_a_trust_folder(pki: Path) -> None:
    for name in ("tls-server", "tls-client", "seal", "portal"):
        assert (pki / "mt" / f"{name}.pem").is_file()
        assert (pki / "mt" / f"{name}.key.pem").stat().st_mode & 0o077 == 0
    assert (pki / "mt" / "trust" / "mt" / "hcp-signer").is_dir()


def test_certificates_are_not_overwritten_without_force(pki: Path) -> None:
    seal = (pki / "mt" / "seal.pem").read_bytes()
    done = runner.invoke(app, ["pki", "dev", str(pki), "--countries", "MT"])
    assert done.exit_code == 1
    assert "--force" in done.stderr
    assert (pki / "mt" / "seal.pem").read_bytes() == seal


def test_what_is_no_country_gets_no_certificates(tmp_path: Path) -> None:
    done = runner.invoke(app, ["pki", "dev", str(tmp_path), "--countries", "HR,Atlantis"])
    assert done.exit_code == 2
    assert "HR,FR" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_production_refuses_development_certificates(pki: Path, tmp_path: Path) -> None:
    path = write_correct(tmp_path)
    for name in ("server", "client", "seal"):
        kind = name if name == "seal" else f"tls-{name}"
        for old, new in ((f"{kind}.pem", f"{name}.pem"), (f"{kind}.key.pem", f"{name}.key")):
            shutil.copy(pki / "mt" / old, tmp_path / "pki" / new)
    path.write_text(CORRECT.replace('"acceptance"', '"production"'))
    done = runner.invoke(app, ["config", "check", "--config", str(path)])
    assert done.exit_code == 1
    assert done.stderr.count("made by ncp pki dev, not allowed in production mode") == 3


@pytest.fixture
def one_patient(tmp_path: Path) -> Path:
    shutil.copytree(PATIENTS / "HR" / "04-no-pdf", tmp_path / "patients" / "04-no-pdf")
    return tmp_path / "patients"


def test_patients_are_loaded_into_the_store_of_the_configuration(tmp_path: Path, one_patient: Path) -> None:
    config = write_correct(tmp_path)
    connector = load(config, {}).connector
    assert connector is not None
    connector.database.unlink()
    done = runner.invoke(app, ["store", "load", str(one_patient), "--config", str(config)])
    assert done.exit_code == 0, done.output
    assert "1 added" in done.stdout
    assert connector.database.is_file()
    again = runner.invoke(app, ["store", "load", str(one_patient), "--config", str(config), "--json"])
    assert json.loads(again.stdout)["report"]["unchanged"] == 1


def test_a_patient_that_cannot_be_loaded_is_named_by_folder_and_field_only(tmp_path: Path, one_patient: Path) -> None:
    file = one_patient / "04-no-pdf" / "patient.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('gender = "M"', 'gender = "Novak"'), encoding="utf-8")
    done = runner.invoke(app, ["store", "load", str(one_patient), "--database", str(tmp_path / "new.sqlite3")])
    assert done.exit_code == 1
    assert "04-no-pdf/patient.toml: gender" in done.stderr
    assert "1 refused" in done.stdout
    assert "Novak" not in done.output


@pytest.mark.parametrize("folder", ["absent", "empty"])
def test_a_folder_without_patients_is_said_so(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    done = runner.invoke(app, ["store", "load", str(tmp_path / folder), "--database", str(tmp_path / "new.sqlite3")])
    assert done.exit_code == 1
    assert "error:" in done.stderr


def test_a_gateway_does_not_start_with_an_error_and_says_all_of_them(tmp_path: Path) -> None:
    config = write_correct(tmp_path)
    config.write_text(CORRECT.replace('"60s"', "60"))
    (tmp_path / "pki" / "seal.key").unlink()
    done = runner.invoke(app, ["serve", "--config", str(config)])
    assert done.exit_code == 1
    for expected in ("initiating.timeout", "seal.key", "ncp config check"):
        assert expected in done.stderr
