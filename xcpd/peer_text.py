"""Makes a partner's text fit to be shown and logged.

Knows what peers put into ``text`` and ``location`` of an acknowledgementDetail: OpenNCP 7.1 and newer write
``description^message`` and a class, line or exception; Germany writes a constant into ``text`` and the sentence for
people into ``location``. Leaves to the caller which outcome the text belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

TEXT_MAX = 400
_INPUT_MAX = 2000

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_STACK_LINE = re.compile(r"\s*(?:at\s+[\w$.<>]+\(|Caused by\b|Traceback\b|File \"|\.\.\. \d+ (?:more|common))")
_CODE_WORDS = (
    re.compile(r"[A-Za-z_$][\w$]*(?:\.[\w$<>]+){2,}(?:[(:].*)?"),  # package.Class.method
    re.compile(r".*\w\.(?:java|kt|scala|groovy|py|cs)(?::\d+)?"),  # Class.java:12
    re.compile(r"[A-Z][\w$]*(?:Exception|Error)"),
    re.compile(r"/[\w.-]+/.*"),
)
_WORD_MAX = 60
"""Longest word that is shown; beyond it is code, data or an attempt to keep the patterns busy."""
_LONG_NUMBER = re.compile(r"\d(?:[ .\-/]?\d){5,}")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CONSTANTS = frozenset({"", "patient identification error", "nf", "ok", "ae", "xcpd"})
"""Texts that say nothing more than that there is an error."""


def clean(text: str, hide: Iterable[str] = ()) -> str:
    """One line, at most 400 characters, without class names, stack lines, paths, long numbers and the values ``hide``.

    Long numbers go because a partner's text may quote whom it was asked for.
    """
    text = text[:_INPUT_MAX]
    _, caret, after = text.rpartition("^")
    if caret and after.strip():
        text = after
    lines = [line for line in text.replace("^", " ").splitlines() if not _STACK_LINE.match(line)]
    line = _UNPRINTABLE.sub(" ", " ".join(lines))
    for value in hide:
        if len(value) >= 3:
            line = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", line, flags=re.IGNORECASE)
    line = " ".join(word for word in line.split() if not _is_code(word))
    return _LONG_NUMBER.sub("…", line).strip(" ,;:-")[:TEXT_MAX]


def _is_code(word: str) -> bool:
    if len(word) > _WORD_MAX:
        return True
    bare = word.strip("()[]{}<>\"',;:")
    return any(pattern.fullmatch(bare) for pattern in _CODE_WORDS)


def sentence_and_place(text: str, location: str, hide: Iterable[str] = ()) -> tuple[str, str]:
    """(message for people, technical place) of an acknowledgementDetail, both cleaned, either may be empty.

    The location is taken as the message where the text is a constant and the location a sentence.
    """
    hidden = tuple(hide)
    message, place = clean(text, hidden), clean(location, hidden)
    if message.lower() in _CONSTANTS and len(_WORD.findall(place)) >= 3:
        return place, message
    return message, place
