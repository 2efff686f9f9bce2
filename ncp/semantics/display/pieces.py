"""The smallest things on the page: words with their language, how good they are, and marks that turn a meaning.

Page and plain text are both written from these, so that neither says more than the other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from ncp.semantics.coding import CodeState


class Tone(StrEnum):
    """What a mark is about, never told by colour alone: each has words of its own."""

    DENIED = "denied"
    """It is not so: refuted, absent, not done."""
    UNSURE = "unsure"
    """Suspected, not confirmed."""
    OVER = "over"
    """Resolved, inactive, completed, stopped."""
    GRAVE = "grave"
    """Severe, life threatening, high risk, contradiction."""
    PLAIN = "plain"


class Piece(NamedTuple):
    """Words, or a mark when ``tone`` is set. ``state`` of a code that is to carry a badge; ``language`` a BCP 47 tag,
    empty for words of the page."""

    text: str
    language: str = ""
    state: CodeState | None = None
    tone: Tone | None = None

    def __repr__(self) -> str:
        return "Piece(<redacted>)"


Line: TypeAlias = tuple[Piece, ...]
"""Pieces read one after the other."""

Cell: TypeAlias = tuple[Line, ...]
"""Lines below each other; empty for nothing."""

MARKED = frozenset(
    {
        CodeState.FALLBACK_ENGLISH,
        CodeState.UNMAPPED,
        CodeState.UNKNOWN_CODE,
        CodeState.OUTSIDE_VALUE_SET,
    }
)
"""States that the reader has to see: the words are not a translation that somebody made and checked."""


def badge_of(piece: Piece) -> str:
    """Key of the badge that a piece carries; empty for none."""
    if piece.state is None or piece.state not in MARKED:
        return ""
    # "English" is said only of words that the catalogue says are English.
    english = piece.state is CodeState.FALLBACK_ENGLISH and not piece.language
    return "not-translated" if english else piece.state.value
