"""The form of identity traits: from what was typed to what the gateway is asked.

Pure. Knows masks, alternatives of which one is meant, and days as people write them. Leaves to the gateway whether a
value is what the country expects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from ncp_client import SearchMask, Traits

VALUE_MAX = 256
"""Characters of one trait."""
_DAY = re.compile(r"([0-9]{1,2})[./ -]([0-9]{1,2})[./ -]([0-9]{4})")


def typed(mask: SearchMask, form: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Values by field and chosen alternatives by group. A field of an alternative that is not chosen counts for
    nothing; where none is chosen, the first one with a value is meant."""
    fields = {each.id: each for each in mask.fields}
    values = {key: text for key in fields if (text := text_of(form, key))}
    chosen: dict[str, str] = {}
    for group in mask.groups:
        if not group.choice:
            continue
        filled = [fields[key].alternative for key in values if fields[key].group == group.id]
        picked = form.get(f"group.{group.id}", "")
        if picked not in filled and filled:
            picked = filled[0]
        chosen[group.id] = picked if picked in group.alternatives else ""
        for key in list(values):
            if fields[key].group == group.id and fields[key].alternative != chosen[group.id]:
                del values[key]
    return values, chosen


def iso(mask: SearchMask, field: str, text: str) -> str:
    """A date as the gateway wants it; anything else, and what is no date, as it was typed."""
    kind = next(each.kind for each in mask.fields if each.id == field)
    match = _DAY.fullmatch(text) if kind == "birthDate" else None
    return f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}" if match else text


def filled(mask: SearchMask, given: Mapping[str, str]) -> Traits:
    """The traits to search with. Raises ``InvalidTraits`` for a form that is not complete, ``ValueError`` for a
    day that is none."""
    values: dict[str, str | date] = {}
    kinds = {each.id: each.kind for each in mask.fields}
    for key, text in given.items():
        values[key] = date.fromisoformat(iso(mask, key, text)) if kinds[key] == "birthDate" else text
    return mask.fill(values)


def text_of(form: Mapping[str, str], name: str) -> str:
    """What was typed, without what no keyboard writes and no message can carry (XML 1.0, 2.2)."""
    typed = form.get(name, "")[: 4 * VALUE_MAX]
    seen = (one for one in typed if unicodedata.category(one) not in ("Cc", "Cs") and one not in "\ufffe\uffff")
    return "".join(seen).strip()[:VALUE_MAX].rstrip()
