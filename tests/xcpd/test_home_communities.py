"""The table of home community ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from ncp.wire.ids import CountryCode
from xcpd.home_communities import TableRefused, country_of, read_home_communities

TABLE = Path(__file__).parents[2] / "config" / "home_communities.toml"


def test_the_table_we_ship_has_every_country_of_the_service() -> None:
    communities = read_home_communities(TABLE.read_text())
    expected = "AT BE BG CY CZ DE DK EE ES EU FI FR GR HR HU IE IS IT LT LU LV MT NL NO PL PT RO SE SI SK"
    assert " ".join(sorted(communities)) == expected
    assert len({entry.id for entry in communities.values()}) == len(communities)
    for country, community in (
        ("HR", "2.16.17.710.840.1000.990.1"),
        ("DK", "1.2.208"),
        ("DE", "1.2.276.0.76.4.291"),
        ("FR", "2.16.17.710.790.1000.990.1"),
        ("IE", "2.16.17.710.813.1000.990.1"),
    ):
        assert communities[CountryCode(country)].id == community


def test_an_id_is_found_present_or_former_with_or_without_its_prefix() -> None:
    communities = read_home_communities(TABLE.read_text())
    assert country_of("urn:oid:1.2.208", communities) == "DK"
    assert country_of("2.16.17.710.802.1000.990.1", communities) == "DK"
    assert country_of("1.2.3", communities) is None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[HR", "not TOML"),
        ("[HR]\n", "[HR]"),
        ('HR = "1.2.3"', "[HR]"),
        ('[HR]\nid = "x"', "[HR]"),
        ('[HRV]\nid = "1.2.3"', "[HRV]"),
        ('[HR]\nid = "1.2.3"\nformer = "1.2"', "[HR]"),
        ('[HR]\nid = "1.2.3"\nformer = [1]', "[HR]"),
        ('[HR]\nid = "1.2.3"\nother = 1', "[HR]"),
    ],
)
def test_a_wrong_table_is_refused_and_says_where(text: str, where: str) -> None:
    with pytest.raises(TableRefused) as refused:
        read_home_communities(text)
    assert where in str(refused.value)
