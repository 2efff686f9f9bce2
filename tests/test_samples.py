"""Every shared sample of XCPD, XCA and SAML through ``ncp read``: the table is in ``tests/samples.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples import EXPECTED, got, name_of, samples
from tests.shared import shared


def test_the_table_names_every_sample() -> None:
    shared("samples")
    assert {name_of(path) for path in samples()} == set(EXPECTED)


@pytest.mark.parametrize("path", samples(), ids=name_of)
def test_a_sample_is_read_as_the_table_says(path: Path, tmp_path: Path) -> None:
    assert got(path, tmp_path).startswith(EXPECTED[name_of(path)])
