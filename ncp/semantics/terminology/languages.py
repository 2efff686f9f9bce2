"""Which languages may stand in for the one that was asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ncp.semantics.terminology.answers import Match

ENGLISH = ("en-GB", "en")


def choices(asked: str, available: Iterable[str]) -> tuple[tuple[str, Match], ...]:
    """Languages to look into, the nearest first: ``fr-FR``, ``fr``, other ``fr-*``, then English.

    ``asked`` may be written in any case and with ``_``. What is not available is left out.
    """
    tags = {tag.lower(): tag for tag in available}
    wanted = asked.strip().replace("_", "-").lower()
    base = wanted.partition("-")[0]
    chosen: dict[str, Match] = {}

    def add(tag: str, match: Match) -> None:
        if tag in tags and tags[tag] not in chosen:
            chosen[tags[tag]] = match

    add(wanted, Match.EXACT)
    add(base, Match.EXACT)
    if wanted == base:
        add(f"{base}-{_home(base)}", Match.EXACT)
    for tag in sorted(tags):
        if tag.partition("-")[0] == base:
            add(tag, Match.REGION)
    for tag in (*(english.lower() for english in ENGLISH), *sorted(tags)):
        if tag.partition("-")[0] == "en":
            add(tag, Match.ENGLISH)
    return tuple(chosen.items())


def _home(base: str) -> str:
    """The country whose usage a bare language tag means, in lower case."""
    return {
        "cs": "cz",
        "da": "dk",
        "el": "gr",
        "en": "gb",
        "et": "ee",
        "ga": "ie",
        "sl": "si",
        "sv": "se",
    }.get(base, base)
