"""For all tests: what a case is called."""

from __future__ import annotations

_LONG = 100


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A message or a key is no name: fresh ones differ in every process, and the workers of a run must agree."""
    return argname if isinstance(val, (bytes, str)) and len(val) > _LONG else None
