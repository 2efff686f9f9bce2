"""What the gateway tells everybody: countries and their state, search masks, notices. Kept for a short time.

Nothing here is about a patient. Calls run beside the event loop; while one is under way others wait for its answer
instead of asking too. Leaves to ``journey`` what is shown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from babel import languages as cldr

from ncp_client import ConnectionFailed, Country, Gateway, GatewayError, Notice, PortalRefused, SearchMask
from ncp_portal import waits
from ncp_portal.questions import Desk

T = TypeVar("T")

STATES_SECONDS = 5.0
MASKS_SECONDS = 60.0
NOTICES_SECONDS = 300.0
FAILED_SECONDS = 2.0
REACHED_SECONDS = 1.0
_MOST = 512
"""Answers that are kept; there are some thirty countries and two languages."""


class Directory:
    def __init__(self, gateway: Gateway, desk: Desk) -> None:
        self._gateway = gateway
        self._desk = desk
        self._kept: dict[tuple[str, ...], _Kept] = {}
        self._locks: dict[tuple[str, ...], asyncio.Lock] = {}

    async def countries(self, language: str) -> list[Country]:
        """The countries with their states, by name."""
        found = await self._once(("countries", language), STATES_SECONDS, lambda: self._gateway.countries(language))
        return sorted(found, key=lambda each: each.name)

    async def reached(self, language: str) -> None:
        """Whether the gateway answers: raises what the last question met, also where an older answer is still given."""
        await self._once(("reached", language), REACHED_SECONDS, lambda: self._gateway.countries(language))
        kept = self._kept.get(("reached", language))
        if kept is not None and kept.failed is not None:
            raise kept.failed

    async def named(self, country: Country, language: str) -> Country:
        """A country under its name in another language; as it is where the gateway cannot be asked."""
        try:
            offered = await self.countries(language)
        except (GatewayError, ConnectionFailed, PortalRefused):
            return country
        return next((each for each in offered if each.code == country.code), country)

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
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is None or now >= kept.until:
            with waits.for_others():
                kept = await self._asked(key, seconds, ask)
        if kept.error is not None:
            raise kept.error
        answer: T = kept.answer
        return answer

    async def _asked(self, key: tuple[str, ...], seconds: float, ask: Callable[[], T]) -> _Kept:
        """Whoever comes while the gateway is asked gets the same answer, also when it is a failure."""
        async with self._locks.setdefault(key, asyncio.Lock()):
            before = self._kept.get(key)
            if before is not None and time.monotonic() < before.until:
                return before
            try:
                kept = _Kept(time.monotonic() + seconds, await self._desk.call(ask))
            except (GatewayError, ConnectionFailed, PortalRefused) as error:
                # For a moment, so that those in line do not each wait for it. An older answer is better than none.
                error.__traceback__ = None
                old = before is not None and before.error is None
                kept = _Kept(time.monotonic() + FAILED_SECONDS, before.answer if old and before else None)
                kept.error, kept.failed = (None if old else error), error
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = kept
            return kept


@dataclass(slots=True)
class _Kept:
    """An answer, or a failure, and until when it is good."""

    until: float
    answer: Any
    error: Exception | None = None
    failed: Exception | None = None
    """Why the gateway could not be asked, where an older answer is given instead."""
