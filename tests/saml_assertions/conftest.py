"""Fixtures of the assertion tests: the seal of the asking country, and the valid pair every attack starts from."""

from __future__ import annotations

import pytest

from tests.support.assertions import Seal, seal, seal_of, unsigned_hcp, unsigned_trc


@pytest.fixture(scope="session")
def french() -> Seal:
    return seal_of("FR")


@pytest.fixture(scope="session")
def hcp(french: Seal) -> bytes:
    """H: a good HCP assertion of country X."""
    return seal(unsigned_hcp(), french)


@pytest.fixture(scope="session")
def trc(french: Seal) -> bytes:
    """T: a good TRC assertion for patient P."""
    return seal(unsigned_trc(), french)
