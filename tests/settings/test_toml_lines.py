"""The locator tells on which line each key of a TOML file stands."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.settings.toml_lines import line_of, locate

TRICKY = '''\
top = 1            # [not.a.table]
a.b.c = "x = 1"
"quoted key"."with.dot" = 2
'lit\\eral' = 3

[server]  # comment
listen = "[::1]:8443"
text = """
[fake]
key = "value" \\""" still
"""
after = \'\'\'
it''s = "]"\'\'\'
tail = """""two quotes touch""""" # end

[peers.FR]
name = "France"
[peers . "HR"]
name = { first = "H", second.third = [1,
  2, # two ]
  [3, 4]] }

[[portals]]
name = "one"
[portals.inner]
deep = true
[[portals]]

name = "two"
[[portals.roles]]
code = "221"
when = 1979-05-27 07:32:00
date = 1979-05-27
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("a", "b", "c"), 2),
        (("quoted key", "with.dot"), 3),
        (("lit\\eral",), 4),
        (("server",), 6),
        (("server", "listen"), 7),
        (("server", "text"), 8),
        (("server", "after"), 12),
        (("server", "tail"), 14),
        (("peers", "FR", "name"), 17),
        (("peers", "HR"), 18),
        (("peers", "HR", "name", "first"), 19),
        (("peers", "HR", "name", "second", "third"), 19),
        (("peers", "HR", "name", "second", "third", 1), 20),
        (("peers", "HR", "name", "second", "third", 2, 1), 21),
        (("portals", 0), 23),
        (("portals", 0, "name"), 24),
        (("portals", 0, "inner", "deep"), 26),
        (("portals", 1), 27),
        (("portals", 1, "name"), 29),
        (("portals", 1, "roles", 0, "code"), 31),
        (("portals", 1, "roles", 0, "when"), 32),
        (("portals", 1, "roles", 0, "date"), 33),
    ],
)
def test_a_key_is_found_on_its_line(path: tuple[str | int, ...], line: int) -> None:
    tomllib.loads(TRICKY)
    assert locate(TRICKY)[path] == line


def test_text_that_looks_like_a_table_is_none() -> None:
    found = locate(TRICKY)
    assert not any("fake" in path or "not" in path for path in found)


def test_an_absent_key_has_the_line_of_what_is_around_it() -> None:
    found = locate(TRICKY)
    assert line_of(found, ("server", "absent")) == 6
    assert line_of(found, ("nowhere", "at", "all")) == 0


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _leaves(inner, (*path, name))] or [path]
    if isinstance(value, list):
        return [leaf for place, inner in enumerate(value) for leaf in _leaves(inner, (*path, place))] or [path]
    return [path]


_text = st.text(alphabet="ab1é🙂\"'\\#[]{}=,.- \t\n", max_size=8)
_names = _text
_scalars = st.one_of(st.integers(-(2**40), 2**40), st.booleans(), _text)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=6,
)


def _inline(value: Any, breaks: str) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(name)} = {_inline(inner, '')}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + breaks + ("," + breaks).join(_inline(inner, breaks) for inner in value) + breaks + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@given(st.dictionaries(_names, _values, max_size=5), st.sampled_from(["", "\n", " # ] } = \" '\n"]))
def test_every_key_of_any_document_is_found_and_none_is_invented(document: dict[str, Any], breaks: str) -> None:
    text = ""
    for name, value in document.items():
        text += f"{_quoted(name)} = {_inline(value, breaks)}\n"
    assert tomllib.loads(text) == document
    found = locate(text)
    assert {path for path in _leaves(document) if path} <= set(found)
    line = 1
    for name, value in document.items():
        assert found[(name,)] == line
        line += f"{_inline(value, breaks)}\n".count("\n")
