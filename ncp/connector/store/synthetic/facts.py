"""The facts of an invented summary: what ``summary.toml`` holds. Format: ``docs/connector.md``.

A code is one string, ``system code display``: ``"sct 111088007 Latex"``. The display is plain English, the label beside
it is in the language of the document. Times are HL7 digits.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ncp.connector.store.patients import DateText, Identifier, OptionalText, Text
from ncp.connector.store.problems import Facts, Many

SYSTEMS: dict[str, tuple[str, str]] = {
    "sct": ("2.16.840.1.113883.6.96", "SNOMED CT"),
    "loinc": ("2.16.840.1.113883.6.1", "LOINC"),
    "atc": ("2.16.840.1.113883.6.73", "Anatomical Therapeutic Chemical"),
    "edqm": ("0.4.0.127.0.16.1.1.2.1", "EDQM"),
    "icd10": ("1.3.6.1.4.1.12559.11.10.1.3.1.44.2", "ICD-10"),
    "emdn": ("1.3.6.1.4.1.12559.11.10.1.3.1.44.6", "EMDN"),
    "orpha": ("1.3.6.1.4.1.12559.11.10.1.3.1.44.5", "Orphanet"),
    "isco": ("2.16.840.1.113883.2.9.6.2.7", "ISCO"),
    "role": ("2.16.840.1.113883.5.111", "RoleCode"),
}

_TIME = re.compile(r"\d{4}(\d\d){0,2}|\d{12}(\d\d)?[+-]\d{4}", re.ASCII)
_QUANTITY = re.compile(r"-?\d+(\.\d+)? \S+", re.ASCII)


def _check_code(text: str) -> str:
    parts = text.split(" ", 2)
    if len(parts) != 3 or parts[0] not in SYSTEMS or not parts[1] or not parts[2]:
        raise ValueError("not a code")
    return text


def _check_time(text: str) -> str:
    if not _TIME.fullmatch(text):
        raise ValueError("not a time")
    digits = text[:14].partition("+")[0].partition("-")[0]
    try:
        datetime.strptime(digits + "00000101000000"[len(digits) :], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("not a time of the calendar") from None
    return text


def _check_quantity(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise ValueError("not a quantity")
    return text


Code = Annotated[
    str,
    AfterValidator(_check_code),
    Field(description=f'Write system, code and English words, as in "sct 111088007 Latex"; systems {list(SYSTEMS)}'),
]
Time = Annotated[str, AfterValidator(_check_time), Field(description="Write HL7 digits, as in 20250310091500+0100")]
Date = Annotated[DateText, Field(description='Write the date in digits, as far as it is known: "197004"')]
Quantity = Annotated[
    str, AfterValidator(_check_quantity), Field(description='Write number and UCUM unit, as in "500 mg"')
]


class Organisation(Facts):
    extension: Text = "org"
    name: Text
    street: OptionalText = ""
    city: OptionalText = ""
    postal_code: OptionalText = ""
    country: Text
    telephone: Text


class Professional(Facts):
    extension: Text = "hp"
    family: Text
    given: Text
    role: Code = "isco 221 Medical doctors"


class Contact(Facts):
    family: Text
    given: Text
    telephone: Text
    relation: Code | None = None


class Reaction(Facts):
    label: Text
    code: Code
    since: Date
    severity: Code | None = None


class Allergy(Facts):
    label: Text
    type: Code
    agent: Code
    since: Date
    status: Literal["active", "inactive", "resolved"] = "active"
    criticality: Literal["low", "high", "unable-to-assess", ""] = ""
    certainty: Literal["unconfirmed", "confirmed", "refuted", ""] = ""
    reactions: Many[Reaction] = ()


class Condition(Facts):
    """An active problem or a past illness."""

    label: Text
    code: Code
    kind: Code = "sct 64572001 Disease"
    since: Date
    until: Date | None = None
    status: Code | None = None
    severity: Code | None = None
    certainty: Literal["unconfirmed", "provisional", "differential", "confirmed", "refuted", ""] = ""


class Ingredient(Facts):
    code: Code
    strength: Quantity
    per: Quantity


class Medication(Facts):
    name: Text
    form_label: Text
    form: Code
    route_label: Text
    route: Code
    package: Code | None = None
    content: Quantity | None = None
    ingredients: Many[Ingredient] = Field(min_length=1)
    since: Date
    until: Date | None = None
    every: Quantity
    dose: Quantity
    instructions: OptionalText = ""


class Device(Facts):
    label: Text
    code: Code
    since: Date


class Procedure(Facts):
    label: Text
    code: Code
    on: Date


class Immunisation(Facts):
    label: Text
    vaccine: Code
    brand: Text
    lot: OptionalText = ""
    on: Date
    disease: Code
    disease_label: Text
    number: int = Field(default=1, ge=1, le=99)


class Habit(Facts):
    label: Text
    code: Code
    since: Date
    until: Date | None = None
    value: Quantity


class Outcome(Facts):
    label: Text
    code: Code
    on: Date
    children: int = Field(ge=0, le=9)


class Pregnancy(Facts):
    label: Text
    status: Code
    on: Date
    due: Date | None = None


class Pressure(Facts):
    on: Date
    systolic: int
    diastolic: int


class BloodGroup(Facts):
    label: Text
    code: Code
    on: Date


class Result(Facts):
    label: Text
    code: Code
    on: Date
    value: Quantity
    low: Quantity | None = None
    high: Quantity | None = None


class Absent(Facts):
    """What is said of a section without entries; by default that nothing is known about it."""

    allergies: Literal[
        "no-known-allergies",
        "no-known-medication-allergies",
        "no-known-environmental-allergies",
        "no-known-food-allergies",
        "no-allergy-info",
    ] = "no-allergy-info"
    problems: Literal["no-known-problems", "no-problem-info"] = "no-problem-info"
    medications: Literal["no-known-medications", "no-medication-info"] = "no-medication-info"
    devices: Literal["no-known-devices", "no-device-info"] = "no-device-info"
    procedures: Literal["no-known-procedures", "no-procedure-info"] = "no-procedure-info"


class DocumentFacts(Facts):
    """What every document says about itself."""

    id: Identifier = Field(description="Write root and extension of the document's id")
    title: Text = Field(description="Write the document's title in its language")
    language: Text = Field(pattern=r"^[a-z]{2}-[A-Z]{2}$", description="Write a language tag, as in hr-HR")
    created: Time
    updated: Date
    confidentiality: Literal["N", "R", "V"] = "N"
    organisation: Organisation = Field(description="Describe the organisation the document is from")
    author: Professional | None = Field(default=None, description="Name the author; without one a device wrote it")
    legal_authenticator: Professional | None = Field(
        default=None, description="Name who answers for the document; the author when left out"
    )

    @model_validator(mode="after")
    def _somebody_answers(self) -> Self:
        if self.responsible is None:
            raise ValueError("neither author nor legal_authenticator")
        return self

    @property
    def responsible(self) -> Professional | None:
        return self.legal_authenticator or self.author


class SummaryFacts(DocumentFacts):
    """The whole of ``summary.toml``."""

    formats: Many[Literal["L3", "L1"]] = Field(default=("L3", "L1"), min_length=1)
    contacts: Many[Contact] = ()
    allergies: Many[Allergy] = ()
    problems: Many[Condition] = ()
    medications: Many[Medication] = ()
    devices: Many[Device] = ()
    procedures: Many[Procedure] = ()
    past_illnesses: Many[Condition] = ()
    immunisations: Many[Immunisation] = ()
    social_history: Many[Habit] = ()
    pregnancy: Pregnancy | None = None
    pregnancy_outcomes: Many[Outcome] = ()
    blood_pressure: Many[Pressure] = ()
    blood_group: BloodGroup | None = None
    results: Many[Result] = ()
    care_plan: Many[Text] = ()
    advance_directives: Many[Text] = ()
    absent: Absent = Absent()
    generated_results: int = Field(
        default=0, ge=0, le=20_000, description="Write how many laboratory results to make up, for a large document"
    )
