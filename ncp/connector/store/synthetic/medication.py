"""Medication and immunisations of an invented summary."""

from __future__ import annotations

from ncp.connector.store.synthetic.facts import Immunisation, Ingredient, Medication, SummaryFacts
from ncp.connector.store.synthetic.header import coded
from ncp.connector.store.synthetic.labels import Labels, shown_date
from ncp.connector.store.synthetic.markup import Markup, el
from ncp.connector.store.synthetic.section import (
    CCD,
    PCC,
    E,
    Section,
    absence_row,
    absent,
    completed,
    entry_id,
    loinc,
    observation,
    plain,
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
            plain(medication.dose),
            plain(medication.every),
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


def _strength(ingredient: Ingredient) -> str:
    return f"{ingredient.code.split(' ', 2)[2]} {plain(ingredient.strength)}/{plain(ingredient.per)}"


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
