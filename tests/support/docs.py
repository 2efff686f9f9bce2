"""The pages of the project as text: what they link to, name in backticks, and show in blocks."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "ncp_client" / "README.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)
_ANCHOR = re.compile(r'<a id="([^"]+)">')


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return _FENCE.sub("", text(page))


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and content of each block of code."""
    return _FENCE.findall(text(page))


def quoted(page: Path) -> list[str]:
    """What stands in backticks."""
    return _CODE.findall(prose(page))


def links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """What a link may name behind ``#``: headings as forges spell them, and anchors of their own."""
    headings = {_slug(heading) for heading in _HEADING.findall(prose(page))}
    return headings | set(_ANCHOR.findall(text(page)))


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def files() -> Iterator[Path]:
    """Every text file of the project that somebody wrote."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    names = listed.stdout.splitlines() if listed.returncode == 0 else [str(p) for p in ROOT.rglob("*")]
    for each in names:
        path = ROOT / each
        if (
            path.is_file()
            and path.suffix in (".py", ".md", ".toml", ".xml", ".css", ".wsdl", "")
            and ".venv" not in each
        ):
            yield path


def python_files() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]
