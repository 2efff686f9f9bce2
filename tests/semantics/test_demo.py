"""Our own documents say exactly the facts they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ncp.connector.store.synthetic.facts import SYSTEMS
from ncp.semantics.absence import AbsenceKind
from ncp.semantics.entries import (
    Allergy,
    Condition,
    Habit,
    Immunisation,
    ImplantedDevice,
    Measurements,
    Medication,
    PregnancyOutcome,
    PregnancyStatus,
    Procedure,
)
from ncp.semantics.model import Level, Nature, PatientSummary, SectionKind
from ncp.semantics.read_cda import read_cda
from ncp.semantics.values import Coded, Interval, Number, Periodic, Point, Quantity, QuantityRange
from tests.support.demo_summaries import Written


def code(written: str | None) -> tuple[str, str, str] | None:
    """``system code display`` of the facts as the document spells it."""
    if written is None:
        return None
    system, value, display = written.split(" ", 2)
    return SYSTEMS[system][0], value, display


def said(coded: Coded | None) -> tuple[str, str, str] | None:
    return None if coded is None else (coded.system, coded.code, coded.display)


def amount(quantity: object) -> str:
    assert isinstance(quantity, Quantity)
    return f"{quantity.value} {quantity.unit}"


def one(values: Sequence[Any]) -> Any:
    assert len(values) == 1
    return values[0]


def summaries(demo: list[Written], level: str) -> list[tuple[Written, PatientSummary]]:
    return [(w, read_cda(w.content)) for w in demo if w.level == level]


def entries(summary: PatientSummary, kind: SectionKind) -> list[Any]:
    found = [section for section in summary.sections if section.kind is kind]
    assert len(found) <= 1
    return [entry for section in found for entry in section.entries]


def test_the_header_is_that_of_the_facts(demo: list[Written]) -> None:
    for written, summary in summaries(demo, "L3") + summaries(demo, "L1"):
        header, facts, patient = summary.header, written.facts, written.patient
        assert summary.level is Level(written.level)
        assert header.title is not None and header.title.text == facts.title
        assert header.language is not None and header.language.code == facts.language
        assert isinstance(header.created, Point) and header.created.value == facts.created
        assert isinstance(header.last_update, Point) and header.last_update.value == facts.updated
        assert header.confidentiality is not None and header.confidentiality.code == facts.confidentiality
        assert header.nature is (Nature.MANUAL if facts.author else Nature.AUTOMATIC)
        assert header.patient is not None
        person, role = header.patient.person, header.patient.role
        assert (person.names[0].family, person.names[0].given) == (patient.family, patient.given)
        assert [(i.root, i.extension) for i in role.ids] == [(i.root, i.extension) for i in patient.identifiers]
        assert isinstance(person.birth, Point) and person.birth.value == patient.birth_date
        assert (person.gender.code if person.gender else "") == patient.gender
        assert (role.addresses[0].city, role.addresses[0].country) == (patient.address.city, patient.address.country)
        assert [c.text for c in header.contacts] == [f"{c.given} {c.family}" for c in facts.contacts]
        assert [c.role_class for c in header.contacts] == ["ECON"] * len(facts.contacts)
        assert [said(c.code) for c in header.contacts] == [code(c.relation) for c in facts.contacts]
        assert len(header.preferred_professionals) == 1
        assert header.custodian is not None and header.custodian.text == facts.organisation.name
        answers = facts.responsible
        assert answers is not None
        assert [p.text for p in header.legal_authenticators] == [f"{answers.given} {answers.family}"]
        assert [r.type_code for r in header.related] == ["XFRM"]


def test_a_level_1_document_has_its_pdf_and_no_sections(demo: list[Written]) -> None:
    found = summaries(demo, "L1")
    assert len(found) > 5
    for _, summary in found:
        assert summary.sections == () and summary.missing_sections == ()
        assert summary.attachment is not None and summary.attachment.media_type == "application/pdf"


def test_allergies_are_those_of_the_facts(demo: list[Written]) -> None:
    for written, summary in summaries(demo, "L3"):
        found: list[Allergy] = entries(summary, SectionKind.ALLERGIES)
        facts = written.facts
        if not facts.allergies:
            assert one(found).absence.statement.code == facts.absent.allergies
            continue
        assert [said(one(a.agents).code) for a in found] == [code(f.agent) for f in facts.allergies]
        assert [one(a.agents).names[0].text for a in found] == [f.label for f in facts.allergies]
        assert [said(a.type) for a in found] == [code(f.type) for f in facts.allergies]
        for allergy, fact in zip(found, facts.allergies, strict=True):
            assert allergy.absence is None and allergy.denied == (fact.certainty == "refuted")
            assert isinstance(allergy.time, Interval) and allergy.time.low is not None
            assert allergy.time.low.value == fact.since and allergy.time.high is None
            assert (allergy.criticality.code if allergy.criticality else "") == fact.criticality
            assert (allergy.certainty.code if allergy.certainty else "") == fact.certainty
            assert allergy.status is not None and allergy.status.code == fact.status
            assert [said(r.manifestation) for r in allergy.reactions] == [code(r.code) for r in fact.reactions]
            assert [said(r.severity) for r in allergy.reactions] == [code(r.severity) for r in fact.reactions]
            # The text is what the reference names: the row of the narrative.
            assert allergy.text is not None and fact.label in allergy.text.text


def test_problems_and_past_illnesses_are_those_of_the_facts(demo: list[Written]) -> None:
    for written, summary in summaries(demo, "L3"):
        for kind, facts in (
            (SectionKind.PROBLEMS, written.facts.problems),
            (SectionKind.PAST_ILLNESS, written.facts.past_illnesses),
        ):
            found: list[Condition] = entries(summary, kind)
            if not facts:
                assert all(c.absence is not None for c in found)
                continue
            assert [said(c.problem) for c in found] == [code(f.code) for f in facts]
            assert [said(c.status) for c in found] == [code(f.status) for f in facts]
            assert [said(c.severity) for c in found] == [code(f.severity) for f in facts]
            for condition, fact in zip(found, facts, strict=True):
                assert (condition.certainty.code if condition.certainty else "") == fact.certainty
                assert isinstance(condition.time, Interval) and condition.time.low is not None
                assert condition.time.low.value == fact.since
                assert (condition.time.high.value if condition.time.high else None) == fact.until


def test_medicines_are_those_of_the_facts(demo: list[Written]) -> None:
    for written, summary in summaries(demo, "L3"):
        found: list[Medication] = entries(summary, SectionKind.MEDICATION)
        facts = written.facts.medications
        if not facts:
            assert one(found).absence.statement.code == written.facts.absent.medications
            continue
        assert len(found) == len(facts)
        for medicine, fact in zip(found, facts, strict=True):
            product = medicine.product
            assert product is not None and product.text == fact.name
            assert said(product.form) == code(fact.form) and said(medicine.route) == code(fact.route)
            assert [said(i.code) for i in product.ingredients] == [code(i.code) for i in fact.ingredients]
            strengths = [i.strength for i in product.ingredients]
            assert [amount(s.numerator) for s in strengths if s] == [i.strength for i in fact.ingredients]  # type: ignore[union-attr]
            assert [amount(s.denominator) for s in strengths if s] == [i.per for i in fact.ingredients]  # type: ignore[union-attr]
            assert medicine.period is not None and medicine.period.low is not None
            assert medicine.period.low.value == fact.since
            assert medicine.period.high is not None
            assert (medicine.period.high.value or None) == fact.until
            frequency = one(medicine.frequencies)
            assert isinstance(frequency, Periodic) and amount(frequency.period) == fact.every
            assert isinstance(medicine.dose, QuantityRange)
            assert amount(medicine.dose.low) == amount(medicine.dose.high) == fact.dose
            if fact.package and fact.content:
                package = one(product.packages)
                assert said(package.form) == code(fact.package) and amount(package.content) == fact.content


def test_devices_procedures_and_vaccinations_are_those_of_the_facts(demo: list[Written]) -> None:
    for written, summary in summaries(demo, "L3"):
        facts = written.facts
        devices: list[ImplantedDevice] = entries(summary, SectionKind.DEVICES)
        if facts.devices:
            assert [said(d.device) for d in devices] == [code(f.code) for f in facts.devices]
            assert [d.time.low.value for d in devices] == [f.since for f in facts.devices]  # type: ignore[union-attr]
        else:
            assert one(devices).absence.statement.code == facts.absent.devices
        procedures: list[Procedure] = entries(summary, SectionKind.PROCEDURES)
        if facts.procedures:
            assert [said(p.procedure) for p in procedures] == [code(f.code) for f in facts.procedures]
            assert [p.time.value for p in procedures] == [f.on for f in facts.procedures]  # type: ignore[union-attr]
            assert not any(p.planned or p.denied for p in procedures)
        else:
            assert one(procedures).absence.statement.code == facts.absent.procedures
        given: list[Immunisation] = entries(summary, SectionKind.IMMUNISATIONS)
        assert [said(g.product.code) for g in given] == [code(f.vaccine) for f in facts.immunisations]  # type: ignore[union-attr]
        assert [g.product.text for g in given] == [f.brand for f in facts.immunisations]  # type: ignore[union-attr]
        assert [said(one(g.diseases)) for g in given] == [code(f.disease) for f in facts.immunisations]
        for vaccination, fact in zip(given, facts.immunisations, strict=True):
            assert isinstance(vaccination.dose_number, Number) and vaccination.dose_number.value == str(fact.number)
            assert vaccination.product is not None
            assert (vaccination.product.lot.text if vaccination.product.lot else "") == fact.lot
            assert not vaccination.denied


def test_measurements_habits_and_pregnancy_are_those_of_the_facts(demo: list[Written]) -> None:
    for written, summary in summaries(demo, "L3"):
        facts = written.facts
        signs: list[Measurements] = entries(summary, SectionKind.VITAL_SIGNS)
        for loinc, field in (("8480-6", "systolic"), ("8462-4", "diastolic")):
            read = [amount(one(one(group.measured(loinc)).values)) for group in signs]
            assert read == [f"{getattr(fact, field)} mm[Hg]" for fact in facts.blood_pressure]
        habits: list[Habit] = entries(summary, SectionKind.SOCIAL_HISTORY)
        assert [said(h.habit) for h in habits] == [code(f.code) for f in facts.social_history]
        assert [amount(one(h.values)) for h in habits] == [f.value for f in facts.social_history]
        results: list[Measurements] = entries(summary, SectionKind.RESULTS)
        groups = [one(r.measured("34530-6")).values for r in results if r.measured("34530-6")]
        assert [said(one(g)) for g in groups] == ([code(facts.blood_group.code)] if facts.blood_group else [])
        items = [item for r in results for item in r.items if item.code and item.code.code != "34530-6"]
        assert [said(i.code) for i in items] == [code(f.code) for f in facts.results]
        assert [amount(one(i.values)) for i in items] == [f.value for f in facts.results]
        expecting = [e for e in entries(summary, SectionKind.PREGNANCY) if isinstance(e, PregnancyStatus)]
        assert [said(p.status) for p in expecting] == ([code(facts.pregnancy.status)] if facts.pregnancy else [])
        dues = [one(due.values).value for p in expecting for due in p.due]
        assert dues == ([facts.pregnancy.due] if facts.pregnancy and facts.pregnancy.due else [])
        outcomes = [e for e in entries(summary, SectionKind.PREGNANCY) if isinstance(e, PregnancyOutcome)]
        assert [said(o.outcome) for o in outcomes] == [code(f.code) for f in facts.pregnancy_outcomes]
        assert [one(o.counts).value for o in outcomes] == [str(f.children) for f in facts.pregnancy_outcomes]
        assert [one(o.dates).value for o in outcomes] == [f.on for f in facts.pregnancy_outcomes]


def test_known_absence_and_no_information_are_kept_apart(demo: list[Written]) -> None:
    kinds = set()
    for _, summary in summaries(demo, "L3"):
        assert summary.missing_sections == ()
        for section in summary.sections:
            for absence in section.absences:
                if absence.kind is AbsenceKind.NONE_RECORDED:
                    assert section.entries == ()
                    continue
                assert absence.statement is not None
                known = absence.statement.code.startswith("no-known-")
                assert absence.kind is (AbsenceKind.KNOWN_ABSENCE if known else AbsenceKind.NO_INFORMATION)
                kinds.add(absence.kind)
            assert not section.contradictory
    assert kinds == {AbsenceKind.KNOWN_ABSENCE, AbsenceKind.NO_INFORMATION}
