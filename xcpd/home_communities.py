"""The table of home community ids (``config/home_communities.toml``): which community is which country.

Pure: text in, table out. Leaves to the gateway's configuration which peers there are and which id of theirs counts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from ncp.wire.ids import CountryCode, Oid, country_code, oid


class TableRefused(ValueError):
    """The table cannot be read; the text says where."""


@dataclass(frozen=True, slots=True)
class HomeCommunity:
    """The id of a country's community now, and the ids it had."""

    country: CountryCode
    id: Oid
    former: tuple[Oid, ...] = ()


def read_home_communities(text: str) -> Mapping[CountryCode, HomeCommunity]:
    """The table by country. Raises ``TableRefused``."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableRefused(f"not TOML: {error}") from None
    communities: dict[CountryCode, HomeCommunity] = {}
    for name, table in tables.items():
        former = table.get("former", []) if isinstance(table, dict) else None
        if not isinstance(former, list) or not isinstance(table.get("id"), str) or table.keys() - {"id", "former"}:
            raise TableRefused(f"[{name}]: expected id = a text and, where known, former = a list of texts")
        try:
            country = country_code(name)
            communities[country] = HomeCommunity(country, oid(table["id"]), tuple(oid(str(each)) for each in former))
        except ValueError as error:
            raise TableRefused(f"[{name}]: {error}") from None
    return communities


def country_of(community: str, communities: Mapping[CountryCode, HomeCommunity]) -> CountryCode | None:
    """Whose id it is or was, with or without ``urn:oid:``; None for unknown. Present ids count before former ones."""
    bare = community.strip().removeprefix("urn:oid:")
    for entry in communities.values():
        if entry.id == bare:
            return entry.country
    for entry in communities.values():
        if bare in entry.former:
            return entry.country
    return None
