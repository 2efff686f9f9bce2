"""The portal's configuration file: what is wrong is told by file, line and key; nothing of a secret is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ncp_portal.settings import FILE_MAX, Settings, SettingsRefused, load

SECRET = "hush-this-is-the-secret"
GOOD = """\
mode = "development"
country = "FR"

[server]
public_url = "http://localhost:8500"

[gateway]
url = "https://gateway.example:8443"
certificate = "portal.pem"
key = "portal.key.pem"
trust = "ca.pem"

[login]
metadata_url = "https://provider.example/.well-known/openid-configuration"
client_id = "portal"
client_secret_file = "secret"

[brand]
organisation = "Agency"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("portal.pem", "portal.key.pem", "ca.pem"):
        (tmp_path / name).write_text("PEM", encoding="utf-8")
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    return tmp_path


def read(folder: Path, text: str) -> Settings:
    file = folder / "portal.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def problems(folder: Path, text: str) -> str:
    with pytest.raises(SettingsRefused) as refused:
        read(folder, text)
    assert refused.value.problems and SECRET not in str(refused.value)
    return str(refused.value)


def changed(before: str, after: str) -> str:
    assert before in GOOD
    return GOOD.replace(before, after)


def test_paths_are_relative_to_the_file_and_the_rest_has_defaults(folder: Path) -> None:
    found = read(folder, GOOD)
    assert found.gateway.key == folder / "portal.key.pem"
    assert found.login.client_secret_file == folder / "secret"
    assert found.session.idle.total_seconds() == 900 and found.session.absolute.total_seconds() == 4 * 3600
    assert found.language.offered == ("fr", "en") and not found.server.is_secure


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (changed('client_id = "portal"', 'client_id = ""'), 15, "login.client_id"),
        (changed('client_id = "portal"', "client_id = 5"), 15, "login.client_id"),
        (changed('url = "https://gateway', 'url = "http://gateway'), 8, "gateway.url"),
        (changed('url = "https://gateway', 'url = "ftp://gateway'), 8, "gateway.url"),
        (changed('metadata_url = "https://', 'metadata_url = "http://'), 14, "login.metadata_url"),
        (changed('country = "FR"', 'country = "France"'), 2, "country"),
        (changed('mode = "development"', 'mode = "test"'), 1, "mode"),
        (GOOD + '[session]\nidle = "15 minutes"\n', 21, "session.idle"),
        (GOOD + "[session]\nidle = 15\n", 21, "session.idle"),
        (GOOD + "[session]\nmost = 0\n", 21, "session.most"),
        (GOOD + "[session]\nmosst = 5\n", 21, "session.mosst"),
        (GOOD + "[session]\ndocuments = 100000\n", 21, "session.documents"),
        (GOOD + '[language]\noffered = ["fr", "english"]\n', 21, "language.offered"),
        (GOOD + "[language]\noffered = []\n", 21, "language.offered"),
        (changed('public_url = "http://localhost:8500"', 'public_url = "http://localhost:8500/portal"'), 5, "public"),
        (changed('public_url = "http://localhost:8500"', 'public_url = "http://Localhost:8500"'), 5, "public_url"),
        (changed('public_url = "http://localhost:8500"', 'public_url = "https://a:b@portal.example"'), 5, "public_url"),
        (changed("[server]", '[server]\nlisten = "8500"'), 5, "server.listen"),
        (changed("[server]", '[server]\nlisten = "127.0.0.1:99999"'), 5, "server.listen"),
        (changed("[server]", "[server]\nconnections = 1"), 5, "server.connections"),
    ],
)
def test_what_is_wrong_is_told_by_its_line_and_key(folder: Path, text: str, line: int, key: str) -> None:
    told = problems(folder, text)
    assert f"line {line}: " in told and key in told and "portal.toml" in told


@pytest.mark.parametrize("key", ["url", "certificate", "key", "trust", "metadata_url", "client_id", "organisation"])
def test_what_is_missing_is_told_by_its_key(folder: Path, key: str) -> None:
    text = "\n".join(line for line in GOOD.splitlines() if not line.startswith(f"{key} ="))
    told = problems(folder, text)
    assert f".{key}: is missing" in told


@pytest.mark.parametrize("name", ["portal.pem", "portal.key.pem", "ca.pem", "secret"])
def test_a_file_that_is_not_there_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert str(folder / name) in problems(folder, GOOD)


def test_a_folder_of_texts_that_is_not_there_is_named(folder: Path) -> None:
    told = problems(folder, 'texts = "nowhere"\n' + GOOD)
    assert str(folder / "nowhere") in told


def test_a_language_that_is_the_default_is_offered(folder: Path) -> None:
    assert "language" in problems(folder, GOOD + '[language]\ndefault = "de"\noffered = ["fr", "en"]\n')


def test_nothing_is_served_without_tls_in_production(folder: Path) -> None:
    told = problems(folder, changed('mode = "development"', 'mode = "production"'))
    assert "https://" in told and "production" in told
    good = changed("http://localhost:8500", "https://portal.example").replace('mode = "development"\n', "")
    assert read(folder, good).server.is_secure, "production is the default"


def test_a_certificate_comes_with_its_key(folder: Path) -> None:
    assert "come together" in problems(folder, changed("[server]", '[server]\ncertificate = "portal.pem"'))


def test_every_problem_is_told_at_once(folder: Path) -> None:
    text = changed('client_id = "portal"', "client_id = 5").replace('country = "FR"', 'country = "fr"')
    told = problems(folder, text)
    assert "login.client_id" in told and "country" in told


@pytest.mark.attack
def test_a_file_that_is_none_or_too_large_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsRefused, match="no such file"):
        load(folder / "nowhere.toml")
    assert "larger" in problems(folder, GOOD + "#" * FILE_MAX)
    (folder / "portal.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsRefused):
        load(folder / "portal.toml")


@pytest.mark.attack
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(data=st.data())
def test_a_spoilt_file_is_refused_or_read_and_nothing_else(folder: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    put = data.draw(st.text(st.characters(codec="utf-8"), max_size=5))
    try:
        read(folder, GOOD[:at] + put + GOOD[at + data.draw(st.integers(0, 3)) :])
    except SettingsRefused as refused:
        assert SECRET not in str(refused)
