"""One scripted gateway per session, as it was before each test; one real process for what only a process shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.scripted_gateway import ScriptedConnector, ScriptedGateway, scripted_gateway


@pytest.fixture(scope="session")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedGateway]:
    with scripted_gateway(tmp_path_factory.mktemp("ncp-a")) as gateway:
        yield gateway


@pytest.fixture
def ncp_a(_running: ScriptedGateway) -> Iterator[ScriptedGateway]:
    """Croatia's gateway. After every test its log names nobody."""
    _running.reset()
    yield _running
    _running.assert_log_is_clean()


@pytest.fixture
def country(ncp_a: ScriptedGateway) -> ScriptedConnector:
    """The national system behind it."""
    return ncp_a.connector
