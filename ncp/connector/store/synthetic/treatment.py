"""Medication, immunisations, habits, pregnancies, measurements and results; care plan and directives."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from ncp.connector.store.synthetic.facts import Immunisation, Ingredient, Medication, Pressure, Result, SummaryFacts
from ncp.connector.store.synthetic.header import coded
from ncp.connector.store.synthetic.labels import Labels, shown_date
from ncp.connector.store.synthetic.markup import Markup, el, join
from ncp.connector.store.synthetic.section import (
    CCD,
    PCC,
    E,
    Row,
    Section,
    absence_row,
    absent,
    completed,
    entry_id,
    loinc,
    low,
    observation,
    quantity,
    reference,
    related,
    rows_of,
    templates,
)
from ncp.wire.ids import II


def medications(facts: SummaryFacts, labels: Labels) -> Section:
    document = facts.id.as_ii()
    if not facts.medications:
        note = absence_row("medications", facts.absent.medications, labels)
        material = el(
            "manufacturedMaterial",
            templates(f"{E}.3.32"),
            el("code", nullFlavor="NA"),
            classCode="MMAT",
            determinerCode="KIND",
        )
        entry = el(
            "substanceAdministration",
            templates(f"{E}.3.4", f"{CCD}.24"),
            entry_id(document, "me0"),
            absent("code", facts.absent.medications),
            reference(note.id),
            el("statusCode", code="active"),
            el("effectiveTime", xsi_type="IVL_TS", nullFlavor="UNK"),
            el("effectiveTime", nullFlavor="NA"),
            _consumable(f"{E}.3.31", material),
            classCode="SBADM",
            moodCode="EVN",
        )
        return Section("medications", (), (), (entry,), note)
    cells = [
        (
            medication.name,
            "; ".join(_strength(ingredient) for ingredient in medication.ingredients),
            medication.form_label,
            medication.route_label,
            _plain(medication.dose),
            _plain(medication.every),
            shown_date(medication.since),
            shown_date(medication.until),
            medication.instructions,
        )
        for medication in facts.medications
    ]
    columns = ("medicine", "ingredient", "form", "route", "dose", "every", "since", "until", "instructions")
    rows = rows_of("medications", cells)
    entries = (_medication(document, m, row.id) for m, row in zip(facts.medications, rows, strict=True))
    return Section("medications", columns, rows, tuple(entries))


def _plain(text: str) -> str:
    """A quantity for people: without the brackets of UCUM annotations."""
    return text.removesuffix(" 1").translate(str.maketrans("", "", "{}[]"))


def _strength(ingredient: Ingredient) -> str:
    return f"{ingredient.code.split(' ', 2)[2]} {_plain(ingredient.strength)}/{_plain(ingredient.per)}"


def _consumable(template: str, material: Markup, *more: Markup | None) -> Markup:
    product = el("manufacturedProduct", templates(template), *more, material, classCode="MANU")
    return el("consumable", product, typeCode="CSM")


def _medication(document: II, medication: Medication, row: str) -> Markup:
    kinds = (
        el(
            "pharm:asSpecializedKind",
            el(
                "pharm:generalizedMaterialKind",
                coded("pharm:code", ingredient.code),
                classCode="MMAT",
                determinerCode="KIND",
            ),
            classCode="GRIC",
        )
        for ingredient in medication.ingredients[:1]
    )
    material = el(
        "manufacturedMaterial",
        templates(f"{E}.3.32"),
        el("name", medication.name),
        coded("pharm:formCode", medication.form),
        _package(medication),
        *kinds,
        *(_ingredient(ingredient) for ingredient in medication.ingredients),
        classCode="MMAT",
        determinerCode="KIND",
    )
    until = medication.until
    return el(
        "substanceAdministration",
        templates(f"{E}.3.4", f"{CCD}.24"),
        entry_id(document, row),
        el(
            "code",
            code="DRUG",
            codeSystem="2.16.840.1.113883.5.4",
            codeSystemName="ActCode",
            displayName="Drug therapy",
        ),
        reference(row),
        el("statusCode", code="active"),
        el(
            "effectiveTime",
            el("low", value=medication.since),
            el("high", value=until) if until else el("high", nullFlavor="UNK"),
            xsi_type="IVL_TS",
        ),
        el("effectiveTime", quantity("period", medication.every), xsi_type="PIVL_TS", operator="A"),
        coded("routeCode", medication.route),
        el("doseQuantity", quantity("low", medication.dose), quantity("high", medication.dose)),
        _consumable(f"{E}.3.31", material),
        classCode="SBADM",
        moodCode="INT",
    )


def _drug_code() -> Markup:
    system = "2.16.840.1.113883.5.4"
    return el("code", code="DRUG", codeSystem=system, codeSystemName="ActCode", displayName="Drug therapy")


def _package(medication: Medication) -> Markup | None:
    if not (medication.package and medication.content):
        return None
    return el(
        "pharm:asContent",
        quantity("pharm:quantity", medication.content, "PQ"),
        el(
            "pharm:containerPackagedProduct",
            coded("pharm:formCode", medication.package),
            classCode="CONT",
            determinerCode="KIND",
        ),
        classCode="CONT",
    )


def _ingredient(ingredient: Ingredient) -> Markup:
    return el(
        "pharm:ingredient",
        el(
            "pharm:quantity",
            quantity("numerator", ingredient.strength, "PQ"),
            quantity("denominator", ingredient.per, "PQ"),
        ),
        el(
            "pharm:ingredientSubstance",
            coded("pharm:code", ingredient.code),
            classCode="MMAT",
            determinerCode="KIND",
        ),
        classCode="ACTI",
    )


def immunisations(facts: SummaryFacts, labels: Labels) -> Section | None:
    if not facts.immunisations:
        return None
    cells = [
        (given.label, given.brand, given.disease_label, shown_date(given.on), str(given.number), given.lot)
        for given in facts.immunisations
    ]
    columns = ("vaccine", "medicine", "disease", "date", "dose_number", "lot")
    rows = rows_of("immunisations", cells)
    document = facts.id.as_ii()
    entries = (_immunisation(document, i, row.id) for i, row in zip(facts.immunisations, rows, strict=True))
    return Section("immunisations", columns, rows, tuple(entries))


def _immunisation(document: II, given: Immunisation, row: str) -> Markup:
    material = el(
        "manufacturedMaterial",
        coded("code", given.vaccine, el("originalText", el("reference", value=f"#{row}"))),
        el("name", given.brand),
        el("lotNumberText", given.lot) if given.lot else None,
        classCode="MMAT",
        determinerCode="KIND",
    )
    number = observation(
        templates(f"{E}.3.28", f"{CCD}.46"),
        loinc("code", "30973-2", "Dose number"),
        completed(),
        el("value", xsi_type="INT", value=str(given.number)),
    )
    disease = el(
        "participant",
        el("participantRole", coded("code", given.disease), el("playingEntity", classCode="ENT"), classCode="AGNT"),
        typeCode="IND",
    )
    product = el(
        "manufacturedProduct",
        templates(f"{E}.3.18", f"{PCC}.4.7.2", f"{CCD}.53"),
        material,
        classCode="MANU",
    )
    return el(
        "substanceAdministration",
        templates(f"{E}.3.19", f"{PCC}.4.12", f"{CCD}.24"),
        entry_id(document, row),
        # The code system is a slip of the published template; a document has to repeat it to be valid.
        el("code", code="IMMUNIZ", codeSystem="1.3.5.1.4.1.19376.1.5.3.2", displayName="Immunization"),
        reference(row),
        completed(),
        el("effectiveTime", value=given.on),
        el("consumable", product, typeCode="CSM"),
        disease,
        related("SUBJ", number),
        classCode="SBADM",
        moodCode="EVN",
        negationInd="false",
    )


def social_history(facts: SummaryFacts, labels: Labels) -> Section | None:
    if not facts.social_history:
        return None
    document = facts.id.as_ii()
    cells = [
        (habit.label, _plain(habit.value), shown_date(habit.since), shown_date(habit.until))
        for habit in facts.social_history
    ]
    rows = rows_of("social", cells)
    entries = tuple(
        observation(
            templates(f"{E}.3.23", f"{E}.3.20", f"{PCC}.4.13", f"{PCC}.4.13.4", f"{CCD}.33"),
            entry_id(document, row.id),
            coded("code", habit.code),
            reference(row.id),
            completed(),
            low(habit.since, habit.until),
            quantity("value", habit.value, "PQ"),
        )
        for habit, row in zip(facts.social_history, rows, strict=True)
    )
    return Section("social_history", ("habit", "value", "since", "until"), rows, entries)


def pregnancy(facts: SummaryFacts, labels: Labels) -> Section | None:
    document = facts.id.as_ii()
    rows: list[Row] = []
    entries: list[Markup] = []
    if facts.pregnancy is not None:
        now = facts.pregnancy
        row = Row("pregnancy-0", (now.label, shown_date(now.on), shown_date(now.due), ""))
        rows.append(row)
        due = observation(
            templates(f"{E}.3.24", f"{E}.3.20", f"{PCC}.4.13", f"{PCC}.4.13.5"),
            entry_id(document, "pregnancy-0.due"),
            loinc("code", "11778-8", "Delivery date Estimated"),
            reference(row.id),
            completed(),
            el("effectiveTime", value=now.on),
            el("value", xsi_type="TS", value=now.due),
        )
        entries.append(
            observation(
                templates(f"{E}.3.45"),
                entry_id(document, row.id),
                loinc("code", "82810-3", "Pregnancy status"),
                reference(row.id),
                completed(),
                el("effectiveTime", value=now.on),
                coded("value", now.status, xsi_type="CE"),
                related("COMP", due) if now.due else None,
            )
        )
    for number, outcome in enumerate(facts.pregnancy_outcomes, start=1):
        row = Row(f"pregnancy-{number}", (outcome.label, shown_date(outcome.on), "", str(outcome.children)))
        rows.append(row)
        date = observation(
            templates(f"{E}.3.47"),
            loinc("code", "93857-1", "Date and time of obstetric delivery"),
            reference(row.id),
            completed(),
            el("value", xsi_type="TS", value=outcome.on),
        )
        entries.append(
            observation(
                templates(f"{E}.3.46"),
                entry_id(document, row.id),
                coded("code", outcome.code),
                reference(row.id),
                completed(),
                el("value", xsi_type="INT", value=str(outcome.children)),
                related("COMP", date),
            )
        )
    if not rows:
        return None
    return Section("pregnancy", ("event", "date", "due", "children"), tuple(rows), tuple(entries))


def vital_signs(facts: SummaryFacts, labels: Labels) -> Section | None:
    if not facts.blood_pressure:
        return None
    document = facts.id.as_ii()
    cells = [(shown_date(read.on), f"{read.systolic} mmHg", f"{read.diastolic} mmHg") for read in facts.blood_pressure]
    rows = rows_of("pressure", cells)
    entries = (_pressure(document, read, row.id) for read, row in zip(facts.blood_pressure, rows, strict=True))
    return Section("vital_signs", ("date", "systolic", "diastolic"), rows, tuple(entries))


def _pressure(document: II, read: Pressure, row: str) -> Markup:
    measured = (
        ("8480-6", "Systolic blood pressure", read.systolic),
        ("8462-4", "Diastolic blood pressure", read.diastolic),
    )
    components = (
        el(
            "component",
            observation(
                templates(f"{E}.3.22", f"{E}.3.20", f"{PCC}.4.13", f"{PCC}.4.13.2", f"{CCD}.31"),
                entry_id(document, f"{row}.{code}"),
                loinc("code", code, name),
                reference(row),
                completed(),
                el("effectiveTime", value=read.on),
                el("value", xsi_type="PQ", value=str(value), unit="mm[Hg]"),
            ),
        )
        for code, name, value in measured
    )
    return el(
        "organizer",
        templates(f"{E}.3.21", f"{PCC}.4.13.1", f"{CCD}.32", f"{CCD}.35"),
        entry_id(document, row),
        coded("code", "sct 46680005 Vital signs"),
        completed(),
        el("effectiveTime", value=read.on),
        *components,
        classCode="CLUSTER",
        moodCode="EVN",
    )


def results(facts: SummaryFacts, labels: Labels) -> Section | None:
    document = facts.id.as_ii()
    rows: list[Row] = []
    entries: list[Markup] = []
    if facts.blood_group is not None:
        group = facts.blood_group
        row = Row("results-0", (group.label, shown_date(group.on), group.code.split(" ", 2)[2], "", ""))
        rows.append(row)
        entries.append(
            observation(
                templates(f"{E}.3.25", f"{E}.3.20", f"{PCC}.4.13", f"{PCC}.4.13.6"),
                entry_id(document, row.id),
                loinc("code", "34530-6", "ABO and Rh group"),
                reference(row.id),
                completed(),
                el("effectiveTime", value=group.on),
                coded("value", group.code, xsi_type="CE"),
            )
        )
    for number, (result, comment) in enumerate(_all_results(facts), start=1):
        bounds = f"{_plain(result.low or '')} - {_plain(result.high or '')}" if result.low or result.high else ""
        row = Row(f"results-{number}", (result.label, shown_date(result.on), _plain(result.value), bounds, comment))
        rows.append(row)
        entries.append(_result(document, result, row.id))
    if not rows:
        return None
    return Section("results", ("test", "date", "value", "range", "comment"), tuple(rows), tuple(entries))


def _result(document: II, result: Result, row: str) -> Markup:
    bounds = join(
        quantity("low", result.low) if result.low else None, quantity("high", result.high) if result.high else None
    )
    normal = el("observationRange", el("value", bounds, xsi_type="IVL_PQ"))
    return el(
        "organizer",
        templates(f"{E}.3.42"),
        entry_id(document, row),
        coded("code", result.code),
        completed(),
        el("effectiveTime", value=result.on),
        el(
            "component",
            observation(
                templates(f"{E}.3.43", f"{PCC}.4.13"),
                entry_id(document, f"{row}.o"),
                coded("code", result.code),
                reference(row),
                completed(),
                el("effectiveTime", value=result.on),
                quantity("value", result.value, "PQ"),
                el("referenceRange", normal) if bounds else None,
            ),
        ),
        classCode="BATTERY",
        moodCode="EVN",
    )


def _all_results(facts: SummaryFacts) -> Iterator[tuple[Result, str]]:
    yield from ((result, "") for result in facts.results)
    yield from _generated(facts.generated_results, facts.language)


_SENTENCES = (
    "Sample taken fasting; no haemolysis seen.",
    "Value confirmed by a second measurement on the same day.",
    "Compared with the previous result there is no clinically relevant change.",
    "Measured with the routine method of the laboratory; the reference interval is that of adults.",
    "The result was released by the physician on duty after the usual plausibility check.",
    "A repeat measurement is advised within six months, or earlier if symptoms appear.",
    "Interference by medication cannot be excluded; please compare with the current medication list.",
)


def _generated(count: int, language: str) -> Iterator[tuple[Result, str]]:
    """Made-up glucose and creatinine values with long comments; the same ones for the same count, every time."""
    numbers = random.Random(count)  # noqa: S311  nothing secret is drawn
    tests = (
        ("Glucose", "loinc 2345-7 Glucose [Mass/volume] in Serum or Plasma", 60, 140, "mg/dL", "70", "110"),
        ("Creatinine", "loinc 2160-0 Creatinine [Mass/volume] in Serum or Plasma", 0.5, 1.4, "mg/dL", "0.6", "1.2"),
    )
    for number in range(count):
        label, code, least, most, unit, lower, upper = tests[number % len(tests)]
        value = numbers.uniform(least, most)
        day = f"{2000 + number // 120 % 25}{number % 12 + 1:02d}{number % 28 + 1:02d}"
        result = Result(
            label=label,
            code=code,
            on=day,
            value=f"{value:.1f} {unit}",
            low=f"{lower} {unit}",
            high=f"{upper} {unit}",
        )
        yield result, " ".join(numbers.choices(_SENTENCES, k=18))


def care_plan(facts: SummaryFacts, labels: Labels) -> Section | None:
    return _narrative("care_plan", facts.care_plan)


def advance_directives(facts: SummaryFacts, labels: Labels) -> Section | None:
    return _narrative("advance_directives", facts.advance_directives)


def _narrative(key: str, texts: Sequence[str]) -> Section | None:
    return Section(key, ("comment",), rows_of(key, [(text,) for text in texts]), ()) if texts else None
