"""What a worker holds before it is asked anything: memory and the time to be ready are spent on imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def loaded(code: str) -> set[str]:
    """Packages in memory after ``code`` ran in a fresh process."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.partition(".")[0] for name in ran.stdout.split()}


def test_a_gateway_that_only_answers_loads_no_front_end_and_nothing_that_makes_or_asks() -> None:
    absent = {"spyne", "fpdf", "fontTools", "PIL", "babel", "zeep", "rich", "typer", "ncp_client", "structlog"}
    assert not loaded("import ncp.wiring") & absent


def test_a_front_end_loads_what_a_notice_needs_with_the_first_notice() -> None:
    absent = {"fpdf", "fontTools", "PIL", "babel", "zeep", "rich", "typer", "ncp_client"}
    assert not loaded("import ncp.wiring, ncp.consultation, ncp.frontend.app") & absent
