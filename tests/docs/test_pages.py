"""Pages lead to each other, pages named in the code exist, and names of code on the pages exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.docs import PAGES, ROOT, anchors, files, links, name, python_files, quoted, text

_PLACE = re.compile(r"([\w./-]+\.py):([A-Za-z_][\w.]*)")
_PATH = re.compile(
    r"(?<![\w/…-])(?:ncp|xcpd|xca|saml_assertions|trust_store|ncp_client|config|tests|benchmarks|docs)/[\w./*-]+"
)
_PAGE_IN_CODE = re.compile(r"\bdocs/[\w./-]+\.(?:md|toml)\b")

# What must not appear anywhere in the project; written in parts, so that this file does not hold them itself.
_FORBIDDEN = re.compile(
    "|".join(
        (
            "/" + r"work/",
            r"\.\./" + r"shared\b",
            "/" + r"tmp/v\b",
            r"\b(?:py)?" + r"pi\." + r"python\.org|files\." + r"pythonhosted",
            r"localhost:\d+/" + r"simple",
            r"\bTO" + r"DO\b|\bFIX" + r"ME\b",
        )
    )
)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{name(page)} links to {link}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{name(page)} links to {link}; there is {sorted(anchors(file))}"


def test_the_map_names_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    pages = {page for page in (ROOT / "docs").glob("*.md") if page != index}
    assert pages <= linked, pages - linked


def test_the_list_of_decisions_is_complete_and_numbered() -> None:
    folder = ROOT / "docs" / "decisions"
    records = sorted(path.name for path in folder.glob("*.md") if path.name != "index.md")
    assert [record[:5] for record in records] == [f"{number:04d}-" for number in range(1, len(records) + 1)]
    assert links(folder / "index.md") == records
    for number, record in enumerate(records, start=1):
        title = text(folder / record).splitlines()[0]
        assert title.startswith(f"# {number}. ")
        assert f"[{title.removeprefix(f'# {number}. ')}]({record})" in text(folder / "index.md")


def test_every_page_named_in_the_code_exists() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {page}"
        for path in files()
        if path.suffix != ".md"
        for page in _PAGE_IN_CODE.findall(text(path))
        if not (ROOT / page).exists()
    }
    assert missing == set()


def test_some_pages_are_named_in_the_code() -> None:
    named = {page for path in python_files() for page in _PAGE_IN_CODE.findall(text(path))}
    assert {"docs/iti-39.md", "docs/assertions.md", "docs/interoperability.md"} <= named


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_named_on_a_page_exists(page: Path) -> None:
    for code in quoted(page):
        for path in _PATH.findall(code):
            wanted = path.rstrip(".:")
            found = list(ROOT.glob(wanted)) if "*" in wanted else [ROOT / wanted]
            assert any(one.exists() for one in found), f"{name(page)} names {wanted}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_name_in_a_file_of_ours_that_a_page_gives_is_defined_there(page: Path) -> None:
    for code in quoted(page):
        for file, defined in _PLACE.findall(code):
            path = ROOT / file
            if not path.exists():
                continue  # a file of another project; those of ours are checked above
            assert defined.rstrip(".") in _names(path), f"{name(page)} names {file}:{defined}"


def _names(path: Path) -> set[str]:
    """Names defined at the top of a module, and in its classes as ``Class.name``."""

    def defined(body: list[ast.stmt]) -> set[str]:
        found: set[str] = set()
        for node in body:
            if isinstance(node, ast.ClassDef):
                found |= {node.name} | {f"{node.name}.{inner}" for inner in defined(node.body)}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.AnnAssign | ast.Assign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    found |= {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}
        return found

    return defined(ast.parse(path.read_text(encoding="utf-8")).body)


def test_names_are_looked_up() -> None:
    assert {"respond", "NcpA", "NcpA.home", "REFUSAL_SECONDS"} <= _names(ROOT / "ncp" / "responding.py")


def test_nothing_tells_of_the_machine_it_was_written_on() -> None:
    told = {
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in files()
        if path != Path(__file__)
        for found in _FORBIDDEN.finditer(path.read_text(encoding="utf-8", errors="replace"))
    }
    assert told == set()
