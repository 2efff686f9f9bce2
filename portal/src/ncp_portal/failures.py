"""From a failure of the client to what the professional is told: what happened, what to do now, whom to ask.

Pure. Knows the catalogue of words (``texts/failures.*.toml``, checked here) and how a failure becomes an entry of it:
by its code, else by its type (``docs/portal-failures.md`` shows the result). Leaves to ``failure_kinds`` which codes
mean the same, to the templates how it looks. Nothing a peer wrote is shown, but the national message, made safe.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ncp_client.errors as client
from ncp_portal.failure_kinds import BY_CODE, BY_ENDING, BY_OWN_GATEWAY, BY_TYPE, KINDS, Ending, Step, Tone

Failure = client.GatewayError | client.ConnectionFailed | client.PortalRefused | client.InvalidTraits | Ending

NATIONAL_MESSAGE_MAX = 300
REFERENCE_MAX = 100
COUNTRY_MAX = 60
WARNING_NAME_MAX = 60
TEXT_MAX = 600
ADVICE_MAX = 6

_NAMED = " ({country})"
"""The one place where a country may stand: in brackets, so that no article, preposition or gender is needed. Where no
country is known the brackets go as well."""
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_CLASS_NAME = re.compile(r"\b\w+(?:\.\w+){2,}(?:\([^)]*\))?:?|\(\w+\.java:\d+\)")
"""A Java class with its package, or a line of a stack: OpenNCP puts them into its messages."""
_FALLBACK = "unknown"


class BadTexts(ValueError):
    """The catalogue of words is not complete or not well formed; the message names the key."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one kind of outcome; ``{country}`` not filled in yet."""

    title: str
    text: str
    todo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said of one warning."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class FailureTexts:
    """The words of one language. ``own`` and ``other`` tell whose gateway failed."""

    outcomes: Mapping[str, Words]
    own: str
    other: str
    warnings: Mapping[str, Notice]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a consultation ended, ready to be shown. ``code`` and ``reference`` are for support; ``failed_gateway`` is a
    sentence or empty; ``faq`` an anchor or empty; ``retry``, ``edit`` and ``log_in_again`` are the buttons on offer.
    ``national_message`` is the other country's own text, which may be in any language and may say anything."""

    kind: str
    title: str
    text: str
    todo: tuple[str, ...]
    tone: Tone
    code: str
    reference: str
    country: str
    failed_gateway: str
    faq: str
    retry: bool
    edit: bool
    log_in_again: bool
    national_message: str = field(default="", repr=False)


def load(texts: Mapping[str, Any]) -> FailureTexts:
    """The words of a parsed catalogue: tables ``outcome`` (``title``, ``text``, ``todo``), ``gateway`` (``own``,
    ``other``) and ``warning`` (``text``, ``tone``).

    Raises ``BadTexts`` for a kind without words, words without a kind, an empty or too long text, and any placeholder
    but `` ({country})``.
    """
    outcomes = _table(texts, "outcome")
    if surplus := sorted(outcomes.keys() - KINDS.keys()):
        raise BadTexts(f"outcome.{surplus[0]}: there is no such outcome")
    gateway = _table(texts, "gateway")
    warnings = _table(texts, "warning")
    if _FALLBACK not in warnings:
        raise BadTexts(f"warning.{_FALLBACK}: missing")
    return FailureTexts(
        outcomes={name: _words(outcomes, name) for name in KINDS},
        own=_sentence(gateway, "own", "gateway"),
        other=_sentence(gateway, "other", "gateway"),
        warnings={name: _notice(warnings, name) for name in warnings},
    )


def outcome_of(failure: Failure, *, step: Step, country: str, texts: FailureTexts) -> Outcome:
    """What to show for ``failure``.

    ``step`` is where it happened; ``country`` the name of the patient's country in the language of ``texts``, empty
    when none was chosen. Never raises: a code or type that nobody knows becomes the nearest thing that is known.
    """
    name = _kind_of(failure, step)
    kind = KINDS[name]
    words = texts.outcomes[name]
    named = _clean(country, COUNTRY_MAX)
    fill = _filler(named)
    declared = failure if isinstance(failure, client.GatewayError) else None
    outcome = Outcome(
        kind=name,
        title=fill(words.title),
        text=fill(words.text),
        todo=tuple(fill(each) for each in words.todo),
        tone=kind.tone,
        code=declared.code if declared and _CODE.fullmatch(declared.code) else "",
        reference=_clean(declared.reference, REFERENCE_MAX) if declared else "",
        country=named,
        failed_gateway=fill(_whose(failure, texts)),
        faq=str(kind.faq),
        retry=kind.retry,
        edit=kind.edit,
        log_in_again=kind.log_in_again,
        national_message=national_message(declared.national_message) if declared else "",
    )
    if step is Step.LOG_IN:
        # There is no search yet to repeat or to correct: what can be tried again is the login itself.
        return replace(outcome, retry=False, edit=False, log_in_again=kind.retry or kind.log_in_again)
    return outcome


def warning_text(name: str, texts: FailureTexts) -> Notice:
    """The words for a warning of a patient, a list, a document or a page; general ones for a name nobody knows."""
    return texts.warnings.get(name[:WARNING_NAME_MAX], texts.warnings[_FALLBACK])


def national_message(text: str) -> str:
    """Another country's message as it may be shown: one line, no control or direction characters, no names of classes,
    at most ``NATIONAL_MESSAGE_MAX`` characters."""
    return _clean(_CLASS_NAME.sub(" ", _clean(text, 4 * NATIONAL_MESSAGE_MAX)), NATIONAL_MESSAGE_MAX)


def _kind_of(failure: Failure, step: Step) -> str:
    if isinstance(failure, Ending):
        return BY_ENDING[failure]
    by_type = next((name for kind, name in BY_TYPE if isinstance(failure, kind)), "technical")
    if not isinstance(failure, client.GatewayError):
        return by_type
    name = BY_CODE.get(failure.code, by_type)
    if name == "nobody_found" and step in (Step.CONSENT, Step.LIST, Step.DOCUMENT):
        return "patient_not_recognised"
    if name in ("no_document", "no_summary", "no_prescription") and step is Step.DOCUMENT:
        return "document_gone"
    return name if failure.country else BY_OWN_GATEWAY.get(name, name)


def _whose(failure: Failure, texts: FailureTexts) -> str:
    """The sentence that tells whose gateway failed; empty where that is not known or does not matter."""
    if isinstance(failure, client.GatewayError):
        return texts.other if failure.country else texts.own
    if isinstance(failure, client.ConnectionFailed | client.PortalRefused):
        return texts.own
    if failure in (Ending.NOBODY_FOUND, Ending.SEVERAL_PERSONS, Ending.NO_DOCUMENTS):
        return texts.other
    return ""


def _filler(country: str) -> Callable[[str], str]:
    shown = f" ({country})" if country else ""
    return lambda text: text.replace(_NAMED, shown)


def _clean(text: str, longest: int) -> str:
    """One line of what can be seen, cut with an ellipsis. Characters of category C hide text or turn it round."""
    # Nobody reads beyond the limit: cut first, so that a very long text costs nothing.
    seen = "".join(" " if unicodedata.category(one)[0] in "CZ" else one for one in text[: 4 * longest])
    line = " ".join(seen.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _table(texts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = texts.get(name)
    if not isinstance(found, Mapping):
        raise BadTexts(f"{name}: missing")
    return found


def _words(outcomes: Mapping[str, Any], name: str) -> Words:
    place = f"outcome.{name}"
    entry = _table(outcomes, name) if name in outcomes else {}
    todo = entry.get("todo")
    if not isinstance(todo, list) or not 0 < len(todo) <= ADVICE_MAX:
        raise BadTexts(f"{place}.todo: from 1 to {ADVICE_MAX} texts are wanted")
    return Words(
        title=_sentence(entry, "title", place),
        text=_sentence(entry, "text", place),
        todo=tuple(_checked(each, f"{place}.todo") for each in todo),
    )


def _notice(warnings: Mapping[str, Any], name: str) -> Notice:
    entry = _table(warnings, name)
    try:
        tone = Tone(entry.get("tone", ""))
    except ValueError:
        raise BadTexts(f"warning.{name}.tone: one of {', '.join(Tone)} is wanted") from None
    text = _sentence(entry, "text", f"warning.{name}")
    if _NAMED in text:
        raise BadTexts(f"warning.{name}.text: a warning names no country")
    return Notice(text, tone)


def _sentence(entry: Mapping[str, Any], key: str, place: str) -> str:
    return _checked(entry.get(key), f"{place}.{key}")


def _checked(text: object, place: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise BadTexts(f"{place}: missing")
    if len(text) > TEXT_MAX:
        raise BadTexts(f"{place}: longer than {TEXT_MAX} characters")
    try:
        named = [name for _, name, _, _ in string.Formatter().parse(text.replace(_NAMED, "")) if name is not None]
    except ValueError:
        named = ["{"]
    if named:
        raise BadTexts(f"{place}: the only placeholder is '{_NAMED}', brackets and space included")
    return text
