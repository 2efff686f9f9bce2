"""What the patient allowed: rules by asking country and document class. Pure.

The rule that says most decides: country and class, then country alone, then class alone, then neither. Where no rule
says anything the answer is no. A deceased patient allows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ANY = "*"


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """``country`` ISO 3166-1 alpha-2 or ``*``, ``class_code`` LOINC or ``*``."""

    country: str
    class_code: str
    allow: bool


def allows(rules: Sequence[ConsentRule], country: str, class_codes: Iterable[str]) -> bool:
    """Whether the patient allows this country every one of the classes.

    Without classes the question is whether she may be named to this country at all: yes when any class is allowed.
    """
    classes = tuple(class_codes)
    if classes:
        return all(_decide(rules, country, class_code) for class_code in classes)
    return any(_decide(rules, country, rule.class_code) for rule in rules)


def _decide(rules: Sequence[ConsentRule], country: str, class_code: str) -> bool:
    best = max(
        (rule for rule in rules if rule.country in (country, ANY) and rule.class_code in (class_code, ANY)),
        # A refusal beats a permission that says as much.
        key=lambda rule: (rule.country != ANY, rule.class_code != ANY, not rule.allow),
        default=None,
    )
    return best is not None and best.allow
