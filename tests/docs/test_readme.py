"""The consultation in the README runs, word for word, over mutual TLS; so do the names of its table."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest

from ncp.frontend.port import MaskForm
from ncp.wire.ids import CountryCode
from tests.support.docs import PAGES, ROOT, blocks, name, text
from tests.support.frontend import L3, PATIENT, SmallNcpB, front_end, make_certificates, portal, serve

README = ROOT / "README.md"


class OneNumber(SmallNcpB):
    """A country that asks for one number and nothing else, as in the README."""

    def search_mask(self, country: CountryCode, language: str) -> MaskForm:
        mask = super().search_mask(country, language)
        return replace(mask, fields=mask.fields[:1], groups=mask.groups[:1])


def test_the_consultation_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [block for language, block in blocks(README) if language == "python"]
    certificates = make_certificates(tmp_path)
    ncp_b = OneNumber(warnings=("match_quality.low",))
    app = front_end(ncp_b, portal(certificates.fingerprint("portal")))
    printed = io.StringIO()
    monkeypatch.chdir(tmp_path)
    assert {"https://localhost:8444", "999990011", "portal.pem", "portal.key", "ca.pem"} <= set(
        re.findall(r'"([^"]+)"', code)
    )
    with serve(app, certificates) as url, contextlib.redirect_stdout(printed):
        # Only the address and the number of the patient are those of the test.
        exec(code.replace("https://localhost:8444", url).replace("999990011", PATIENT.extension), {})
    steps = "issue_hcp search_mask find_patient notice confirm_treatment list_documents retrieve_document"
    assert [question for question, _ in ncp_b.asked] == steps.split()
    _, country, search = ncp_b.the("find_patient")
    assert (country, search.identifiers) == ("HR", (PATIENT,))
    _, treatment = ncp_b.the("confirm_treatment")
    assert (treatment.patient, treatment.purpose, treatment.consent.language) == (PATIENT, "TREATMENT", "fr")
    assert ncp_b.the("retrieve_document")[2].document_unique_id == L3.unique_id
    assert "text/xml" in printed.getvalue()


def test_the_consultation_is_ten_lines() -> None:
    (code,) = [block for language, block in blocks(README) if language == "python"]
    story = code.split("with Gateway")[1].splitlines()
    assert len(story) <= 11


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(kind == "python" for kind, _ in blocks(page))], ids=name
)
def test_python_on_a_page_is_python_and_imports_what_exists(page: Path) -> None:
    import ncp_client

    for language, block in blocks(page):
        if language != "python":
            continue
        compile(block, name(page), "exec")
        for imported in re.findall(r"from ncp_client import (.+)", block):
            assert all(hasattr(ncp_client, each.strip()) for each in imported.split(","))


def test_every_folder_of_the_project_stands_in_the_table() -> None:
    table = text(README).split("## What is where")[1].split("## Read on")[0]
    ours = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and any(path.rglob("*.*")) and not _is_made(path)
    }
    assert {each for each in ours if f"`{each}/" not in table} == set()
    inside = {path.name for path in (ROOT / "ncp").iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert {each for each in inside - {"wire"} if f"`ncp/{each}/`" not in table} == set()


def _is_made(path: Path) -> bool:
    """Folders that commands leave (``.gitignore``)."""
    ignored = (ROOT / ".gitignore").read_text().split()
    return any(path.match(pattern.rstrip("/")) for pattern in ignored)
