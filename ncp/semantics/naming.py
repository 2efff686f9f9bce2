"""Names for the codes of a document in the reader's language, each with how good it is.

Knows which words of a code stand where in a document of any stage (national, pivot, translated) and asks one release of
the catalogue for the rest. Never answers with nothing: a code without any word is shown as code and system. Leaves
marks and layout to the display.
"""

from __future__ import annotations

from typing import NamedTuple

from ncp.semantics.coding import CodeState
from ncp.semantics.terminology import systems
from ncp.semantics.terminology.answers import Match
from ncp.semantics.terminology.release import Release
from ncp.semantics.values import Coded

ENGLISH = "en-GB"
"""Language of designations in the pivot."""

NULL_FLAVORS = "2.16.840.1.113883.5.1008"
ACT_STATUS = "2.16.840.1.113883.5.14"

_UNMAPPED = frozenset({"OTH", "UNC"})


class Named(NamedTuple):
    """The words to show for a code.

    ``text`` is never empty; ``language`` is its BCP 47 tag, empty where the document does not tell. ``words`` are the
    document's own beside a null flavour. ``retired``: the catalogue says the concept is no longer in use.
    """

    text: str
    language: str
    state: CodeState
    words: str = ""
    retired: bool = False

    def __repr__(self) -> str:
        return f"Named({self.state})"


class Origin(NamedTuple):
    """Where a name came from: the English of the pivot and what the country itself wrote; empty where there is none."""

    english: str
    national: str

    def __repr__(self) -> str:
        return "Origin(<redacted>)"


class Names:
    """The names of one language from one release; one per document, so that all its codes are read alike.

    ``language`` is the reader's (BCP 47), ``document_language`` that of the country's own words (``languageCode``).
    """

    def __init__(self, release: Release, language: str, document_language: str = "") -> None:
        self.release = release
        self.language = language
        self.document_language = document_language
        self._english = language.partition("-")[0].lower() == "en"
        self._known: dict[tuple[str, str, str], tuple[str, str, bool, bool]] = {}

    def of(self, coded: Coded, implied: str = "") -> Named:
        """The name of a coded element (``docs/display.md``, names).

        ``implied`` is the system of a code that names none because its place does (``statusCode``; HL7 v3 CS).
        """
        if coded.null_flavor and not (coded.code and coded.null_flavor not in _UNMAPPED):
            return self._without_code(coded)
        if not coded.code:
            words = coded.words
            state = CodeState.NOT_CODED if words else CodeState.NULL
            return Named(words or self.null_flavor("NI"), self.document_language if words else self.language, state)
        text, language, translated, retired = self._designation(coded, coded.system or implied)
        if text:
            state = CodeState.TRANSLATED if translated else CodeState.FALLBACK_ENGLISH
            return Named(text, language, state, retired=retired)
        words = coded.words
        if not words:
            system = coded.system_name or systems.NAMES.get(coded.system, "") or coded.system
            words = f"{coded.code} ({system})" if system else coded.code
            return Named(words, "", CodeState.UNKNOWN_CODE)
        if coded.display and coded.system in systems.NAMES:
            # An international code whose content was not imported. In a pivot its name is English, but a national
            # document looks the same: the language is not claimed, unless the whole document is English.
            own = self._english and self.document_language.partition("-")[0].lower() == "en"
            return Named(words, "", CodeState.SAME if own else CodeState.FALLBACK_ENGLISH)
        return Named(words, "", CodeState.UNKNOWN_CODE)

    def origin(self, coded: Coded) -> Origin:
        """The English and the national words behind a name, as the nesting of translations tells them."""
        found = self.release.lookup(coded.system, coded.code, ENGLISH) if coded.code and coded.system else None
        english = found.text if found is not None else _pivot(coded).display
        inner = coded
        while inner.translations:
            inner = inner.translations[0]
        national = inner.words if inner is not coded else (coded.original.text if coded.original else "")
        return Origin(english, national)

    def null_flavor(self, code: str) -> str:
        """Words for a null flavour; the code itself where the catalogue has none."""
        return self.designation(NULL_FLAVORS, code) or code

    def country(self, code: str) -> str:
        """Name of a country by its ISO 3166 code; the code itself where it is none."""
        return self.designation(systems.ISO_3166, code.upper()) or code

    def tongue(self, tag: str) -> str:
        """Name of a language by its tag, with its country where the tag has one; the tag itself where it is none."""
        named = self.designation(systems.LANGUAGE_TAGS, tag)
        if not named and tag.isalpha():
            # The value set has no tag without a country: the language's own one lends its name, not its country.
            named = self.designation(systems.LANGUAGE_TAGS, f"{tag.lower()}-{tag.upper()}").partition(" (")[0]
        return named or tag

    def designation(self, system: str, code: str) -> str:
        """The best name of a code that stands in no coded element; empty when there is none."""
        found = self.release.lookup(system, code, self.language)
        return found.text if found is not None else ""

    def _without_code(self, coded: Coded) -> Named:
        words = coded.words
        if not words and coded.code:
            words = f"{coded.code} ({coded.system_name or systems.NAMES.get(coded.system, '') or coded.system})"
        if coded.null_flavor in _UNMAPPED and words:
            original = coded.original.text if coded.original else ""
            return Named(words, self.document_language if words == original else "", CodeState.UNMAPPED)
        flavor = self.null_flavor(coded.null_flavor)
        return Named(flavor, self.language, CodeState.NULL, words=words if words != flavor else "")

    def _designation(self, coded: Coded, system: str) -> tuple[str, str, bool, bool]:
        key = (system, coded.code, coded.system_version)
        known = self._known.get(key)
        if known is None:
            found = self.release.lookup(*key[:2], self.language, key[2] or None)
            if found is None:
                known = ("", "", False, False)
            else:
                translated = found.match is not Match.ENGLISH or self._english
                known = (found.text, found.language, translated, found.concept_status != "current")
            self._known[key] = known
        return known


def _pivot(coded: Coded) -> Coded:
    """The element as the pivot had it: a translated one holds the same code again, in English."""
    first = coded.translations[0] if coded.translations else coded
    return first if (first.code, first.system) == (coded.code, coded.system) else coded
