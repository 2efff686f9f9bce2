"""The demonstration's documents, written once per process."""

from __future__ import annotations

import pytest

from tests.support.demo_summaries import Written, demo_summaries


@pytest.fixture(scope="session")
def demo() -> list[Written]:
    return list(demo_summaries())
