"""One of everything for the tests of this folder that need the whole: starting it takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.web import Stack, stack


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two gateways, the identity provider and the portal of the first country."""
    with stack(tmp_path_factory.mktemp("portal")) as found:
        yield found
