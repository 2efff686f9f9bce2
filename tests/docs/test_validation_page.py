"""The page of validation has the rules that are in force."""

from __future__ import annotations

from ncp.cli.validate_commands import rules_table
from tests.support.docs import ROOT, text


def test_the_table_of_our_own_rules_is_the_one_in_force() -> None:
    assert text(ROOT / "docs" / "validation.md").endswith(rules_table()), "run: ncp validate rules --markdown"
