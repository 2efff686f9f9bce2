"""Allergies, problems, past illnesses, procedures, devices: sections of what the patient has and had."""

from __future__ import annotations

from collections.abc import Sequence

from ncp.connector.store.synthetic.facts import Allergy, Condition, Reaction, SummaryFacts
from ncp.connector.store.synthetic.header import coded
from ncp.connector.store.synthetic.labels import Labels, shown_date
from ncp.connector.store.synthetic.markup import Markup, el
from ncp.connector.store.synthetic.section import (
    CCD,
    E,
    Section,
    absence_row,
    absent,
    completed,
    entry_id,
    loinc,
    low,
    observation,
    reference,
    related,
    rows_of,
    templates,
)
from ncp.wire.ids import II

_CRITICALITY = "2.16.840.1.113883.4.642.4.130"
_ALLERGY_CERTAINTY = "2.16.840.1.113883.4.642.4.1371"
_ALLERGY_STATUS = "2.16.840.1.113883.4.642.4.1373"
_CERTAINTY = "2.16.840.1.113883.4.642.4.1075"


def _concern(*content: str | None) -> Markup:
    return el("act", *content, classCode="ACT", moodCode="EVN")


def _concern_code() -> Markup:
    return el("code", code="CONC", codeSystem="2.16.840.1.113883.5.6", codeSystemName="ActClass", displayName="concern")


def _value(code: str, system: str) -> Markup:
    words = code.replace("-", " ").capitalize()
    return el("value", xsi_type="CE", code=code, codeSystem=system, displayName=words)


def _severity(code: str, row: str, inversion: str) -> Markup:
    return related(
        "SUBJ",
        observation(
            templates(f"{E}.3.8"),
            el(
                "code", code="SEV", codeSystem="2.16.840.1.113883.5.4", codeSystemName="ActCode", displayName="Severity"
            ),
            reference(row),
            completed(),
            coded("value", code, xsi_type="CD"),
        ),
        inversion,
    )


def allergies(facts: SummaryFacts, labels: Labels) -> Section:
    document = facts.id.as_ii()
    if not facts.allergies:
        note = absence_row("allergies", facts.absent.allergies, labels)
        entry = _concern(
            templates(f"{E}.3.16"),
            entry_id(document, "al0"),
            _concern_code(),
            el("statusCode", code="active"),
            low(None),
            related(
                "SUBJ",
                observation(
                    templates(f"{E}.3.17"),
                    entry_id(document, "al0o"),
                    coded("code", "sct 609328004 Allergic disposition"),
                    reference(note.id),
                    completed(),
                    low(None),
                    absent("value", facts.absent.allergies, "CD"),
                ),
                "false",
            ),
        )
        return Section("allergies", (), (), (entry,), note)
    cells = [
        (
            allergy.label,
            ", ".join(reaction.label for reaction in allergy.reactions),
            ", ".join(labels.word(reaction.severity) for reaction in allergy.reactions if reaction.severity),
            shown_date(allergy.since),
            labels.word(allergy.status),
            labels.word(allergy.criticality),
            labels.word(allergy.certainty),
        )
        for allergy in facts.allergies
    ]
    columns = ("agent", "reaction", "severity", "since", "status", "criticality", "certainty")
    rows = rows_of("allergies", cells)
    entries = (_allergy(document, a, row.id) for a, row in zip(facts.allergies, rows, strict=True))
    return Section("allergies", columns, rows, tuple(entries))


def _allergy(document: II, allergy: Allergy, row: str) -> Markup:
    substance = el(
        "participant",
        el(
            "participantRole",
            el("playingEntity", coded("code", allergy.agent), el("name", allergy.label), classCode="MMAT"),
            classCode="MANU",
        ),
        typeCode="CSM",
    )
    return _concern(
        templates(f"{E}.3.16"),
        entry_id(document, row),
        _concern_code(),
        el("statusCode", code="active" if allergy.status == "active" else "completed"),
        low(allergy.since) if allergy.status == "active" else _ended(allergy.since),
        related(
            "SUBJ",
            observation(
                templates(f"{E}.3.17"),
                entry_id(document, f"{row}.o"),
                coded("code", allergy.type),
                reference(row),
                completed(),
                low(allergy.since),
                substance,
                *(_reaction(document, reaction, row, n) for n, reaction in enumerate(allergy.reactions, start=1)),
                _criticality(allergy, row),
                _allergy_certainty(allergy, row),
                related(
                    "REFR",
                    observation(
                        templates(f"{E}.3.34"),
                        loinc("code", "33999-4", "Status"),
                        reference(row),
                        completed(),
                        _value(allergy.status, _ALLERGY_STATUS),
                    ),
                ),
            ),
            "false",
        ),
    )


def _ended(since: str) -> Markup:
    return el("effectiveTime", el("low", value=since), el("high", nullFlavor="UNK"))


def _criticality(allergy: Allergy, row: str) -> Markup | None:
    if not allergy.criticality:
        return None
    content = observation(
        templates(f"{E}.3.33"),
        loinc("code", "82606-5", "Allergy or intolerance criticality"),
        reference(row),
        completed(),
        _value(allergy.criticality, _CRITICALITY),
    )
    return related("SUBJ", content)


def _allergy_certainty(allergy: Allergy, row: str) -> Markup | None:
    if not allergy.certainty:
        return None
    content = observation(
        templates(f"{E}.3.35"),
        loinc("code", "66455-7", "Condition status"),
        reference(row),
        completed(),
        _value(allergy.certainty, _ALLERGY_CERTAINTY),
    )
    return related("SUBJ", content)


def _reaction(document: II, reaction: Reaction, row: str, number: int) -> Markup:
    content = observation(
        templates(f"{E}.3.44"),
        entry_id(document, f"{row}.r{number}"),
        coded("code", "sct 404684003 Clinical finding"),
        reference(row),
        completed(),
        low(reaction.since),
        coded("value", reaction.code, xsi_type="CD"),
        _severity(reaction.severity, row, "true") if reaction.severity else None,
    )
    return related("MFST", content, "true")


def problems(facts: SummaryFacts, labels: Labels) -> Section:
    document = facts.id.as_ii()
    if not facts.problems:
        note = absence_row("problems", facts.absent.problems, labels)
        entry = _concern(
            templates(f"{E}.3.15", f"{CCD}.27"),
            entry_id(document, "pr0"),
            _concern_code(),
            el("statusCode", code="active"),
            low(None),
            related(
                "SUBJ",
                observation(
                    templates(f"{E}.3.7"),
                    entry_id(document, "pr0o"),
                    coded("code", "sct 64572001 Disease"),
                    reference(note.id),
                    completed(),
                    low(None),
                    absent("value", facts.absent.problems, "CD"),
                ),
                "false",
            ),
        )
        return Section("problems", (), (), (entry,), note)
    return _conditions("problems", facts.problems, document, labels, "active")


def past_illnesses(facts: SummaryFacts, labels: Labels) -> Section | None:
    if not facts.past_illnesses:
        return None
    return _conditions("past_illnesses", facts.past_illnesses, facts.id.as_ii(), labels, "completed")


def _conditions(key: str, conditions: Sequence[Condition], document: II, labels: Labels, status: str) -> Section:
    cells = [
        (
            condition.label,
            shown_date(condition.since),
            shown_date(condition.until),
            labels.word(condition.status or ""),
            labels.word(condition.severity or ""),
            labels.word(condition.certainty),
        )
        for condition in conditions
    ]
    columns = ("problem", "since", "until", "status", "severity", "certainty")
    rows = rows_of(key, cells)
    entries = (_condition(document, c, row.id, status) for c, row in zip(conditions, rows, strict=True))
    return Section(key, columns, rows, tuple(entries))


def _condition(document: II, condition: Condition, row: str, status: str) -> Markup:
    until = condition.until
    period = low(condition.since, until) if until or status == "active" else _ended(condition.since)
    return _concern(
        templates(f"{E}.3.15", f"{CCD}.27"),
        entry_id(document, row),
        _concern_code(),
        el("statusCode", code=status),
        period,
        related(
            "SUBJ",
            observation(
                templates(f"{E}.3.7"),
                entry_id(document, f"{row}.o"),
                coded("code", condition.kind),
                reference(row),
                completed(),
                low(condition.since, until),
                coded("value", condition.code, xsi_type="CD"),
                _severity(condition.severity, row, "true") if condition.severity else None,
                _status(condition.status, row) if condition.status else None,
                _certainty(condition.certainty, row) if condition.certainty else None,
            ),
            "false",
        ),
    )


def _status(code: str, row: str) -> Markup:
    content = observation(
        templates(f"{E}.3.9", f"{CCD}.50", f"{CCD}.57"),
        loinc("code", "33999-4", "Status"),
        reference(row),
        completed(),
        coded("value", code, xsi_type="CE"),
    )
    return related("REFR", content)


def _certainty(code: str, row: str) -> Markup:
    content = observation(
        templates(f"{E}.3.49"),
        loinc("code", "66455-7", "Condition status"),
        reference(row),
        completed(),
        _value(code, _CERTAINTY),
    )
    return related("SUBJ", content, "true")


def procedures(facts: SummaryFacts, labels: Labels) -> Section:
    document = facts.id.as_ii()
    if not facts.procedures:
        note = absence_row("procedures", facts.absent.procedures, labels)
        entry = el(
            "procedure",
            templates(f"{E}.3.26", f"{CCD}.29"),
            entry_id(document, "op0"),
            absent("code", facts.absent.procedures),
            reference(note.id),
            completed(),
            el("effectiveTime", nullFlavor="NA"),
            classCode="PROC",
            moodCode="EVN",
        )
        return Section("procedures", (), (), (entry,), note)
    rows = rows_of("procedures", [(done.label, shown_date(done.on)) for done in facts.procedures])
    entries = tuple(
        el(
            "procedure",
            templates(f"{E}.3.26", f"{CCD}.29"),
            entry_id(document, row.id),
            coded("code", done.code),
            reference(row.id),
            completed(),
            el("effectiveTime", value=done.on),
            classCode="PROC",
            moodCode="EVN",
        )
        for done, row in zip(facts.procedures, rows, strict=True)
    )
    return Section("procedures", ("procedure", "date"), rows, entries)


def devices(facts: SummaryFacts, labels: Labels) -> Section:
    document = facts.id.as_ii()
    if not facts.devices:
        note = absence_row("devices", facts.absent.devices, labels)
        entry = _device(document, note.id, None, absent("code", facts.absent.devices))
        return Section("devices", (), (), (entry,), note)
    rows = rows_of("devices", [(device.label, shown_date(device.since)) for device in facts.devices])
    entries = tuple(
        _device(document, row.id, device.since, coded("code", device.code))
        for device, row in zip(facts.devices, rows, strict=True)
    )
    return Section("devices", ("device", "since"), rows, entries)


def _device(document: II, row: str, since: str | None, code: Markup) -> Markup:
    implanted = el("low", value=since) if since else el("low", nullFlavor="NA")
    return el(
        "supply",
        templates(f"{E}.3.5"),
        entry_id(document, row),
        reference(row),
        el("effectiveTime", implanted, xsi_type="IVL_TS"),
        el(
            "participant",
            el(
                "participantRole",
                el("playingDevice", code, classCode="DEV", determinerCode="INSTANCE"),
                classCode="MANU",
            ),
            typeCode="DEV",
        ),
        classCode="SPLY",
        moodCode="EVN",
    )
