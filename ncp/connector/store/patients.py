"""``patient.toml``: who a patient is and what she allowed. Format: ``docs/connector.md``."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from ncp.connector.store.consent import ANY, ConsentRule
from ncp.connector.store.problems import Facts, Many
from ncp.connector.store.traits import MAXIMUM_IDENTIFIERS, birth_digits
from ncp.wire.ids import II, oid
from xca.facts import ORIGINAL_CLINICAL_DOCUMENTS, ClassCode
from xcpd.messages import Address, Person

SERVED = (ClassCode.PATIENT_SUMMARY, *ORIGINAL_CLINICAL_DOCUMENTS)
"""Document classes this store holds."""

_COUNTRY = re.compile(r"[A-Z]{2}|\*", re.ASCII)


def _check_oid(text: str) -> str:
    try:
        oid(text)
    except ValueError:
        raise ValueError("not an object identifier") from None
    return text


def _check_date(text: str) -> str:
    if birth_digits(text) != text:
        raise ValueError("not a date in digits")
    month, day = text[4:6] or "01", text[6:8] or "01"
    if not ("01" <= month <= "12" and "01" <= day <= "31"):
        raise ValueError("not a date of the calendar")
    return text


def _check_optional_date(text: str) -> str:
    return _check_date(text) if text else text


def _check_country(text: str) -> str:
    if not _COUNTRY.fullmatch(text):
        raise ValueError("not a country code")
    return text


def _check_class(text: str) -> str:
    if text != ANY and text not in SERVED:
        raise ValueError("not a document class of this store")
    return text


OidText = Annotated[str, AfterValidator(_check_oid)]
DateText = Annotated[str, AfterValidator(_check_date)]
OptionalDate = Annotated[str, AfterValidator(_check_optional_date)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=256)]
OptionalText = Annotated[str, StringConstraints(max_length=256)]
_DATE_REMEDY = 'Write the date in digits, as far as it is known: "19680527", "196805" or "1968"'
_OID_REMEDY = 'Write the object identifier in numbers and dots, as in "2.16.840.1.113883.2.7.2.2"'


class Identifier(Facts):
    """One instance identifier."""

    root: OidText = Field(description=_OID_REMEDY)
    extension: Text = Field(description="Write the identifier itself, as it stands on the card")

    def as_ii(self) -> II:
        return II(self.root, self.extension)


class Name(Facts):
    family: Text = Field(description="Write the family name")
    given: Text = Field(description="Write the given names, separated by blanks")


class PostalAddress(Facts):
    street: OptionalText = ""
    city: OptionalText = ""
    postal_code: OptionalText = ""
    country: Annotated[str, AfterValidator(_check_country)] = Field(
        default="", description='Write the country in two capital letters, as in "HR"'
    )

    def as_address(self) -> Address:
        return Address(self.street, self.city, self.postal_code, self.country)


class Consent(Facts):
    """One rule; the rule that says most decides (``consent``)."""

    countries: Many[Annotated[str, AfterValidator(_check_country)]] = Field(
        default=(ANY,), min_length=1, description='List countries in two capital letters, or "*" for all'
    )
    classes: Many[Annotated[str, AfterValidator(_check_class)]] = Field(
        default=(ANY,), min_length=1, description=f'List LOINC codes out of {", ".join(SERVED)}, or "*" for all'
    )
    allow: bool = Field(description="Write true or false")


class PatientFile(Facts):
    """The whole of ``patient.toml``. The first identifier is the one that other countries get to know."""

    identifiers: Many[Identifier] = Field(
        min_length=1, max_length=MAXIMUM_IDENTIFIERS, description=f"List one to {MAXIMUM_IDENTIFIERS} identifiers"
    )
    family: Text = Field(description="Write the family name")
    given: Text = Field(description="Write the given names, separated by blanks")
    prefix: OptionalText = ""
    other_names: Many[Name] = Field(default=(), max_length=20)
    gender: Literal["F", "M", "UN", ""] = Field(default="", description='Write "F", "M" or "UN", or leave the key out')
    birth_date: DateText = Field(description=_DATE_REMEDY)
    address: PostalAddress = PostalAddress()
    telephone: OptionalText = ""
    email: OptionalText = ""
    deceased: OptionalDate = Field(default="", description=_DATE_REMEDY)
    test: bool = Field(default=False, description="Write true for an invented patient, else leave the key out")
    consent: Many[Consent] = Field(default=(), max_length=1000)

    def person(self) -> Person:
        return Person(
            id=self.identifiers[0].as_ii(),
            family=self.family,
            given=self.given,
            prefix=self.prefix,
            gender=self.gender,
            birth_date=self.birth_date,
            address=self.address.as_address(),
            telephone=self.telephone,
            email=self.email,
        )

    def names(self) -> list[tuple[str, str]]:
        """The names beside the official one: other scripts, transliterations, names at birth."""
        return [(name.family, name.given) for name in self.other_names]

    def rules(self) -> list[ConsentRule]:
        """One rule per country and class; of two for the same pair the refusal stays."""
        rules: dict[tuple[str, str], bool] = {}
        for consent in self.consent:
            for country in consent.countries:
                for class_code in consent.classes:
                    pair = (country, class_code)
                    rules[pair] = rules.get(pair, True) and consent.allow
        return [ConsentRule(country, class_code, allow) for (country, class_code), allow in rules.items()]
