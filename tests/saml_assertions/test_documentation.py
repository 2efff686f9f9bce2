"""docs/assertions.md names every reason, note and option there is, and nothing is renamed behind its back."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import saml_assertions
from saml_assertions import facts
from saml_assertions.rules import VerificationRules
from saml_assertions.signature import SignatureProfile

PAGE = (Path(__file__).parents[2] / "docs" / "assertions.md").read_text()
SOURCE = {
    path.name: path.read_text() for path in Path(saml_assertions.__path__[0]).glob("*.py") if path.name != "sts.py"
}
REASON = re.compile(
    r'"((?:xml|header|assertion|hcp|trc|nok|id|schema|sig|cert|issuer|attr|time|audience|subject|authn|role'
    r'|facility|purpose|replay|verify)(?:\.[a-z_]+)?)"'
)
RAISED = sorted(
    {reason for text in SOURCE.values() for reason in REASON.findall(text) if "." in reason or reason == "replay"}
)
NOTES = sorted({note for text in SOURCE.values() for note in re.findall(r'\.warn\("([a-z_.]+)"\)', text)})


def test_reasons_and_notes_were_found() -> None:
    assert {"sig.value", "trc.subject", "replay", "schema.invalid"} <= set(RAISED)
    assert {"attr.unknown", "audience.missing"} <= set(NOTES)


@pytest.mark.parametrize("name", RAISED)
def test_every_reason_is_documented(name: str) -> None:
    short = name.removeprefix("trc.").removeprefix("nok.")
    assert f"`{name}`" in PAGE or f"`{short}`" in PAGE


@pytest.mark.parametrize("name", NOTES)
def test_every_note_is_documented(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_every_option_is_documented() -> None:
    options = {field.name for field in dataclasses.fields(VerificationRules)} - {"country", "signature"}
    assert all(f"`{name}`" in PAGE for name in options | {"accept_inclusive_c14n"})
    assert "accept_inclusive_c14n" in {field.name for field in dataclasses.fields(SignatureProfile)}


def test_every_role_is_documented() -> None:
    for code in facts.ROLES:
        assert re.search(rf"\b{code}\b", PAGE), code
