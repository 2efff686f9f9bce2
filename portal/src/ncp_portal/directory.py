"""What the gateway tells everybody: countries and their state, search masks, notices. Kept for a short time.

Nothing here is about a patient. Calls run beside the event loop; while one is under way others wait for its answer
instead of asking too. Leaves to ``journey`` what is shown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from babel import languages as cldr

from ncp_client import Country, Gateway, Notice, SearchMask
from ncp_portal import waits
from ncp_portal.questions import Desk

T = TypeVar("T")

STATES_SECONDS = 5.0
MASKS_SECONDS = 60.0
NOTICES_SECONDS = 300.0
_MOST = 512
"""Answers that are kept; there are some thirty countries and two languages."""


class Directory:
    def __init__(self, gateway: Gateway, desk: Desk) -> None:
        self._gateway = gateway
        self._desk = desk
        self._kept: dict[tuple[str, ...], tuple[float, Any]] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = {}

    async def countries(self, language: str) -> list[Country]:
        """The countries with their states, by name."""
        found = await self._once(("countries", language), STATES_SECONDS, lambda: self._gateway.countries(language))
        return sorted(found, key=lambda each: each.name)

    async def named(self, country: Country, language: str) -> Country:
        """A country under its name in another language."""
        for each in await self.countries(language):
            if each.code == country.code:
                return each
        return replace(country)

    async def mask(self, country: str, language: str) -> SearchMask:
        return await self._once(
            ("mask", country, language), MASKS_SECONDS, lambda: self._gateway.search_mask(country, language)
        )

    async def notice_languages(self, country: str) -> tuple[str, ...]:
        return await self._once(
            ("languages", country), NOTICES_SECONDS, lambda: self._gateway.notice_languages(country)
        )

    async def notice(self, country: str, language: str) -> Notice:
        return await self._once(
            ("notice", country, language), NOTICES_SECONDS, lambda: self._gateway.notice(country, language)
        )

    async def notice_version(self, country: str, language: str) -> str:
        """The version of the notice that the patient was shown."""
        return (await self.notice(country, language)).version

    @staticmethod
    def language_of(country: str, offered: tuple[str, ...]) -> str:
        """The language that most people of a country read, of those that there is a notice in; English else."""
        official = cldr.get_official_languages("GR" if country == "EL" else country, regional=True, de_facto=True)
        for language in official:
            if language.partition("_")[0] in offered:
                return str(language).partition("_")[0]
        return "en" if "en" in offered else next(iter(offered), "")

    async def _once(self, key: tuple[str, ...], seconds: float, ask: Callable[[], T]) -> T:
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept[0]:
            answer: T = kept[1]
            return answer
        with waits.for_others():
            return await self._asked(key, seconds, ask)

    async def _asked(self, key: tuple[str, ...], seconds: float, ask: Callable[[], T]) -> T:
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            if kept is not None and time.monotonic() < kept[0]:
                return kept[1]  # type: ignore[no-any-return]
            answer = await self._desk.call(ask)
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = (time.monotonic() + seconds, answer)
            return answer
