"""The table [eligibility] and what portals need for logins: addresses, keys, rules, the directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from ncp.settings.check import check
from ncp.settings.types import AUTHENTICATION_CLASSES
from saml_assertions.facts import AUTHENTICATION_CLASS, TWO_FACTOR_CLASSES
from tests.support.settings import AT, CORRECT, write_correct

RULES = Path(__file__).resolve().parents[2] / "config" / "eligibility" / "fr.toml"
TABLE = f"""
[eligibility]
rules = "{RULES}"
issuer = "https://login.example/realms/x"
jwks_url = "https://login.example/certs"
"""


def test_the_authentication_classes_are_those_of_assertions() -> None:
    assert {AUTHENTICATION_CLASS + name for name in AUTHENTICATION_CLASSES} == TWO_FACTOR_CLASSES


def problems(
    folder: Path, table: str, *, mode: str = "acceptance", portal: str = ""
) -> dict[str, tuple[str, str, bool]]:
    path = write_correct(folder)
    text = CORRECT.replace('mode = "acceptance"', f'mode = "{mode}"')
    keys = portal or 'may_issue_hcp = true\naudience = ["sesali"]'
    text = text.replace('certificate = "pki/portal.pem"', f'certificate = "pki/portal.pem"\n{keys}')
    path.write_text(f"{text}\n{table}", encoding="utf-8")
    return {one.key: (one.problem, one.remedy, one.is_warning) for one in check(path, AT, {}).problems}


def test_a_complete_table_is_right(tmp_path: Path) -> None:
    assert problems(tmp_path, TABLE) == {}


def test_addresses_of_this_machine_are_for_development(tmp_path: Path) -> None:
    local = TABLE.replace("https://login.example", "http://127.0.0.1:8099")
    assert problems(tmp_path / "a", local) == {}
    found = problems(tmp_path / "b", local, mode="production")
    assert "without TLS" in found["eligibility.issuer"][0] and "without TLS" in found["eligibility.jwks_url"][0]
    directory = f'{TABLE}[eligibility.directory]\nurl = "http://localhost:1/fhir"\n'
    assert "eligibility.directory.url" in problems(tmp_path / "c", directory, mode="production")


@pytest.mark.parametrize(
    "url",
    ["http://login.example", "http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example", "file:///etc/x", ""],
)
def test_an_address_elsewhere_needs_tls(tmp_path: Path, url: str) -> None:
    found = problems(tmp_path, TABLE.replace("https://login.example/certs", url))
    problem, remedy, is_warning = found["eligibility.jwks_url"]
    assert problem and remedy and not is_warning


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ('jwks_url = "https://login.example/certs"', "", "eligibility", "one of jwks_url and jwks_file"),
        ("[eligibility]", '[eligibility]\njwks_file = "k.json"', "eligibility", "one of jwks_url and jwks_file"),
        ('jwks_url = "https://login.example/certs"', 'jwks_file = "gone"', "eligibility.jwks_file", "no such file"),
        ("[eligibility]", "[eligibility]\nacr_values = []", "eligibility.acr_values", "empty"),
        ("[eligibility]", '[eligibility]\ntimeout = "0s"', "eligibility.timeout", "more than nothing"),
        ("[eligibility]", '[eligibility]\ntrust = "gone.pem"', "eligibility.trust", "no such file"),
        (
            "[eligibility]",
            '[eligibility]\nauthentication_missing = "Password"',
            "eligibility.authentication_missing",
            "two factors",
        ),
        (f'rules = "{RULES}"', 'rules = "gone.toml"', "eligibility.rules", "no such file"),
        (f'rules = "{RULES}"', 'rules = "ncp.toml"', "eligibility.rules", "kind: missing"),
        (f'rules = "{RULES}"', "", "eligibility.rules", "no rules ship for HR"),
        ("issuer =", "issuers =", "eligibility.issuer", "missing"),
    ],
)
def test_what_is_wrong_is_said_with_its_key_and_a_remedy(
    tmp_path: Path, old: str, new: str, key: str, said: str
) -> None:
    problem, remedy, is_warning = problems(tmp_path, TABLE.replace(old, new))[key]
    assert said in problem and remedy and not is_warning


def test_a_key_of_the_directory_is_a_file_with_something_in_it(tmp_path: Path) -> None:
    directory = f'{TABLE}[eligibility.directory]\nurl = "https://directory.example/fhir"\nkey_file = "gone"\n'
    assert "no such file" in problems(tmp_path, directory)["eligibility.directory.key_file"][0]


@pytest.mark.parametrize(
    ("portal", "table", "key", "is_warning"),
    [
        ('audience = ["sesali"]', TABLE, "frontend.portals[0].audience", True),
        ("may_issue_hcp = true", TABLE, "eligibility", True),
        (
            'may_issue_hcp = true\nlogins_only = true\naudience = ["a"]',
            "",
            "frontend.portals[0].logins_only",
            False,
        ),
        ("may_issue_hcp = true\nlogins_only = true", TABLE, "frontend.portals[0].logins_only", False),
    ],
)
def test_a_portal_that_cannot_log_in_is_said(
    tmp_path: Path, portal: str, table: str, key: str, is_warning: bool
) -> None:
    problem, remedy, warns = problems(tmp_path, table, portal=portal)[key]
    assert problem and remedy and warns == is_warning
