"""What comes with the program: open value sets and names, and the names of countries and languages (CLDR).

Files, provenance and licences: ``config/terminology/PROVENANCE.md``.
"""

from __future__ import annotations

import csv
import hashlib
import io
from importlib import metadata, resources

from babel import Locale

from ncp.semantics.terminology import csv_tables, rows, systems
from ncp.semantics.terminology.rows import Rows

FILES = ("valuesets.csv", "designations.csv", "demonstration.csv")
_COUNTRIES, _LANGUAGES = "countries.csv", "languages.csv"
_COUNTRY_SET, _LANGUAGE_SET = f"{systems.VALUE_SETS}.4", f"{systems.VALUE_SETS}.6"

EU_LANGUAGES = (
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "ga", "hr",
    "hu", "it", "lt", "lv", "mt", "nl", "pl", "pt", "ro", "sk", "sl", "sv",
)  # fmt: skip
_OWN_TAGS = {"en": "en-GB", "fr": "fr-FR"}
"""Tags that the network uses for the two languages in which all shipped names are."""


def version() -> str:
    """Changes exactly when the shipped content may have changed; twelve hexadecimal digits."""
    digest = hashlib.sha256(metadata.version("babel").encode())
    for name in (*FILES, _COUNTRIES, _LANGUAGES):
        digest.update(_bytes(name))
    return digest.hexdigest()[:12]


def read() -> Rows:
    """All shipped rows."""
    for name in FILES:
        yield from csv_tables.read(_bytes(name), name, kind="own")
    yield from _countries()
    yield from _languages()


def _bytes(name: str) -> bytes:
    return (resources.files("config") / "terminology" / name).read_bytes()


def _records(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_bytes(name).decode("utf-8"))))


def _countries() -> Rows:
    yield rows.System(systems.ISO_3166)
    yield rows.ValueSet(_COUNTRY_SET, systems.EXPECTED[_COUNTRY_SET])
    countries = _records(_COUNTRIES)
    for country in countries:
        yield rows.Member(_COUNTRY_SET, "", systems.ISO_3166, country["alpha2"])
    for language in EU_LANGUAGES:
        names = Locale.parse(language).territories
        for country in countries:
            name = names.get(country["alpha2"])
            if name:
                # Older documents and L1 headers carry the three letters.
                for code in filter(None, (country["alpha2"], country["alpha3"])):
                    yield _named(systems.ISO_3166, code, language, name)


def _languages() -> Rows:
    yield rows.System(systems.LANGUAGE_TAGS)
    yield rows.ValueSet(_LANGUAGE_SET, systems.EXPECTED[_LANGUAGE_SET])
    tags = [record["tag"] for record in _records(_LANGUAGES)]
    for tag in tags:
        yield rows.Member(_LANGUAGE_SET, "", systems.LANGUAGE_TAGS, tag)
    for language in EU_LANGUAGES:
        locale = Locale.parse(language)
        for tag in tags:
            base, _, country = tag.partition("-")
            name, home = locale.languages.get(base), locale.territories.get(country)
            if name and home:
                yield _named(systems.LANGUAGE_TAGS, tag, language, f"{name} ({home})")


def _named(system: str, code: str, language: str, name: str) -> rows.Designation:
    return rows.Designation(system, code, _OWN_TAGS.get(language, language), name)
