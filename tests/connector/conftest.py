"""The demonstration store, loaded once per test process, and empty folders to build patients in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ncp.connector.store.connector import StoreConnector
from ncp.connector.store.load import load
from tests.support.connector import MADE, Folder, connector

DEMO = Path(__file__).resolve().parents[2] / "config/demo/patients"


@pytest.fixture(scope="session")
def demo_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("demo") / "documents.sqlite3"
    report = load(DEMO / "HR", database)
    assert report.ok, [str(problem) for problem in report.problems]
    return database


@pytest.fixture(autouse=True)
def _close_connectors() -> Iterator[None]:
    yield
    while MADE:
        asyncio.run(MADE.pop().close())


@pytest.fixture
def store(demo_database: Path) -> StoreConnector:
    """A connector over the demonstration patients of Croatia."""
    return connector(demo_database)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "patients").mkdir()
    return Folder(tmp_path / "patients")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "documents.sqlite3"
