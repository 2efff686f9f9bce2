"""What became of one coded element on its way to the reader, in one word (``docs/transformation.md``).

The transformation counts these words, the display shows them; neither has others.
"""

from __future__ import annotations

from enum import StrEnum


class CodeState(StrEnum):
    TRANSLATED = "translated"
    """Named in the language asked for."""
    SAME = "same"
    """Already what it should become: nothing was to be changed."""
    FALLBACK_ENGLISH = "fallback-english"
    """Known, without a name in the language asked for: the English of the pivot stands."""
    UNMAPPED = "unmapped"
    """``nullFlavor="OTH"``: a national concept without counterpart, shown by its own words."""
    UNKNOWN_CODE = "unknown-code"
    """The catalogue does not know the code or its system."""
    OUTSIDE_VALUE_SET = "outside-value-set"
    """Known, but not a member of the value set that belongs here."""
    NULL = "null"
    """A null flavour other than ``OTH``."""
    NOT_CODED = "not-coded"
    """Neither code nor null flavour: words at most."""
