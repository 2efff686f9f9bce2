"""No user info makes anything but a declared outcome, in bounded time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.eligibility.bounded_json import JsonRefused, read_object
from ncp.eligibility.evaluation import USER_INFO_MAX, evaluate, read_user_info
from ncp.eligibility.refusals import NotEligible
from ncp.eligibility.rules import Rules, read_rules
from saml_assertions import facts
from tests.shared import shared_files
from tests.support.logins import PLACE, ROOT, exercice, user_info

pytestmark = pytest.mark.attack

RULES = {name: read_rules((ROOT / f"config/eligibility/{name}.toml").read_bytes()) for name in ("fr", "ie")}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CODES = st.sampled_from(
    ["", "10", "21", "93", "C", "E", "SA07", "SA23", "SA43", "sa01 ", "L", "X", "A", "FON-48", "00"]
)
VALUE = CODES | st.text(max_size=30) | ANYTHING
ACTIVITY = st.fixed_dictionaries({}, optional=dict.fromkeys(PLACE, VALUE))
EXERCICE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(exercice("10"), VALUE) | {"activities": st.lists(ACTIVITY, max_size=3) | ANYTHING}
)
CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(user_info(), ANYTHING),
        **dict.fromkeys(("hpi_profession", "hpi_organisation", "hpi_practices", "name"), ANYTHING),
        "SubjectRefPro": st.fixed_dictionaries({"exercices": st.lists(EXERCICE, max_size=3) | ANYTHING}) | ANYTHING,
    },
)


def outcome(data: bytes, rules: Rules) -> None:
    try:
        found = evaluate({}, read_user_info(data), rules).require()
    except NotEligible as refused:
        assert rules.message(refused.refusal, "en", refused.profession)[0]
        return
    assert found.situations and found.identifier
    for each in found.situations:
        assert each.role in facts.ROLES and each.facility_type in facts.FACILITY_TYPES
        assert each.name and 0 < len(each.locality) <= 250


@given(CLAIMS, st.sampled_from(sorted(RULES)))
@settings(max_examples=300, deadline=None)
def test_any_claims_have_a_declared_outcome(claims: dict[str, Any], name: str) -> None:
    outcome(json.dumps(claims).encode(), RULES[name])


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.sampled_from(sorted(RULES)))
@settings(max_examples=200, deadline=None)
def test_any_bytes_have_a_declared_outcome(data: bytes, name: str) -> None:
    outcome(data, RULES[name])


@pytest.mark.parametrize("path", shared_files("samples/saml/psc", "userinfo*.json"), ids=lambda path: path.stem)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_changed_samples_have_a_declared_outcome(path: Any, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    outcome(bytes(content), RULES["fr"])


BOMBS = {
    "brackets": b"[" * USER_INFO_MAX,
    "objects": b'{"a":' * (USER_INFO_MAX // 5),
    "too large": b" " * (USER_INFO_MAX + 1),
    "open text": b'{"a": "' + b"x" * (USER_INFO_MAX - 10),
    "escaped quotes": b'{"' + b'\\"' * (USER_INFO_MAX // 2 - 3) + b"\\",
    "digits": b'{"a": ' + b"9" * (USER_INFO_MAX - 10) + b"}",
    "many exercices": json.dumps({"SubjectRefPro": {"exercices": [{}] * 60_000}}).encode(),
    "exponent": b'{"a": 1e999999999}',
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_at_once(data: bytes) -> None:
    began = time.perf_counter()
    outcome(data, RULES["fr"])
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("data", [b'{"a": "' + b"[" * 100 + b'"}', b'{"a": "\\"[[[["}', b'{"a": [[[[1]]]]}'])
def test_depth_is_that_of_brackets_outside_of_texts(data: bytes) -> None:
    assert read_object(data, 1000)


def test_more_depth_than_is_read_is_refused() -> None:
    assert read_object(b'{"a":' * 20 + b"1" + b"}" * 20, 1000)
    with pytest.raises(JsonRefused):
        read_object(b'{"a":' * 21 + b"1" + b"}" * 21, 1000)
