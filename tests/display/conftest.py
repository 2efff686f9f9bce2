"""One catalogue with what the program brings, and one with nothing in it; one browser and one web server for all tests
of a worker (those that use them say ``xdist_group("browser")``)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.catalogue import Catalogue, ReleaseFolder
from ncp.semantics.terminology.importing import ensure_shipped
from ncp.semantics.terminology.release import Release
from tests.support.browser import Browser, Site, chromium
from tests.support.demo_summaries import Written, demo_summaries
from tests.support.terminology import build


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("shipped")
    ensure_shipped(ReleaseFolder(folder), datetime(2026, 5, 1, tzinfo=UTC))
    return Catalogue(folder).current()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return made(tmp_path_factory.mktemp("empty"), [rows.Designation("2.25.1", "nothing", "en-GB", "nothing")])


def made(folder: Path, content: list[rows.Row]) -> Release:
    report = build(folder, content)
    ReleaseFolder(folder).activate(report.manifest.release)
    return Catalogue(folder).current()


@pytest.fixture(scope="session")
def demo() -> list[Written]:
    return list(demo_summaries())


@pytest.fixture(scope="module")  # an idle browser takes a fifth of a core from the tests that follow
def browser() -> Iterator[Browser]:
    with Browser(chromium()) as running:
        yield running


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()
