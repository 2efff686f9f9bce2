"""The architecture page draws the layers that are checked; the operator's page has every event and field of the log."""

from __future__ import annotations

import ast
import re
import tomllib

from ncp.observability.log import ALLOWED
from tests.support.docs import ROOT, blocks, python_files, quoted, text

ARCHITECTURE = ROOT / "docs" / "architecture.md"
OPERATOR = ROOT / "docs" / "operator.md"


def _checked_layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [re.split(r" [|:] ", layer) for layer in layers]


def _drawn_layers() -> list[list[str]]:
    drawing = next(block for _, block in blocks(ARCHITECTURE) if block.startswith("ncp.cli"))
    lines = drawing.split("\n\n")[0].splitlines()
    found = []
    for line in lines:
        modules = re.split(r" [·|] ", re.split(r"  +", line)[0])
        found.append([each if "." in each or each in _TOP else f"ncp.{each}" for each in modules])
    return found


_TOP = {"xcpd", "xca", "saml_assertions", "trust_store"}


def test_the_layers_of_the_page_are_those_that_are_checked() -> None:
    assert _drawn_layers() == _checked_layers()


def test_every_field_of_a_log_line_is_explained_and_no_other() -> None:
    table = text(OPERATOR).split("| field | holds |")[1].split("\n\n")[0]
    explained = {each for row in table.splitlines()[2:] for each in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    assert explained == ALLOWED | {"ts", "level", "event", "dropped"}


def test_fields_said_to_be_unused_are_unused() -> None:
    row = next(line for line in text(OPERATOR).splitlines() if "not written by any event at present" in line)
    unused = set(re.findall(r"`([a-z_]+)`", row))
    source = {path: path.read_text() for path in (ROOT / "ncp").rglob("*.py")}
    for field in unused:
        pattern = re.compile(
            rf'(?:_log|log|logger\(\))\.\w+\([^)]*\b{field}=|write\([^)]*\b{field}=|"{field}": exchange'
        )
        assert [path for path, code in source.items() if pattern.search(code)] == [], field


def _events() -> set[str]:
    """Names of the events that the code writes, from its calls."""
    found = set()
    for path in python_files():
        if not path.is_relative_to(ROOT / "ncp"):
            continue
        tree = ast.parse(path.read_text())
        standard = re.search(r'logging\.getLogger\("ncp\.(\w+)"\)', path.read_text())
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
                continue
            called = ast.unparse(node.func)
            value = node.args[0].value
            if not isinstance(value, str) or not re.fullmatch(r"_?log\.(debug|info|warning|error)|write", called):
                continue
            if standard is not None:
                found.add(f"{standard.group(1)}.{value}".replace(" ", "_"))
            elif re.fullmatch(r"[a-z_.]+", value):
                found.add(value)
    return found


def test_every_event_of_the_log_is_explained() -> None:
    events = _events()
    assert {"transaction", "server.serving", "http.request_refused", "trust.note"} <= events
    assert events - set(quoted(OPERATOR)) == set()


def test_every_event_that_is_explained_is_written() -> None:
    table = text(OPERATOR).split("| event | level | when |")[1].split("\n\n")[0]
    explained = {each for row in table.splitlines()[2:] for each in re.findall(r"`([a-z_.]+)`", row.split("|")[1])}
    source = (ROOT / "ncp" / "observability" / "log.py").read_text()
    assert {event for event in explained - _events() if f'"{event}"' not in source and event != "step"} == set()
