"""Habits, pregnancies, measurements and results; care plan and directives."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from ncp.connector.store.synthetic.facts import Pressure, Result, SummaryFacts
from ncp.connector.store.synthetic.header import coded
from ncp.connector.store.synthetic.labels import Labels, shown_date
from ncp.connector.store.synthetic.markup import Markup, el, join
from ncp.connector.store.synthetic.section import (
    CCD,
    PCC,
    E,
    Row,
    Section,
    completed,
    entry_id,
    loinc,
    low,
    observation,
    plain,
    quantity,
    reference,
    related,
    rows_of,
    templates,
)
from ncp.wire.ids import II


def social_history(facts: SummaryFacts, labels: Labels) -> Section | None:
    if not facts.social_history:
        return None
    document = facts.id.as_ii()
    cells = [
        (habit.label, plain(habit.value), shown_date(habit.since), shown_date(habit.until))
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
        bounds = f"{plain(result.low or '')} - {plain(result.high or '')}" if result.low or result.high else ""
        row = Row(f"results-{number}", (result.label, shown_date(result.on), plain(result.value), bounds, comment))
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
