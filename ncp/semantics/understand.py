"""From the statements of a section to its typed entries.

A section is known by its code, an entry by its kind of statement, a nested observation by its code first and by its
template second (documents of two template generations are about). A statement that does not fit its section becomes an
``OtherEntry``: no entry is ever left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ncp.semantics.absence import Absence, nothing_but, stated
from ncp.semantics.entries import (
    Allergy,
    Comment,
    Condition,
    DueDate,
    Entry,
    Habit,
    Immunisation,
    ImplantedDevice,
    Measurement,
    Measurements,
    Medication,
    OtherEntry,
    PregnancyOutcome,
    PregnancyStatus,
    Procedure,
    Reaction,
)
from ncp.semantics.meaning import NOT_DONE, Standing, standing
from ncp.semantics.model import SectionKind
from ncp.semantics.parties import Party, Substance
from ncp.semantics.statements import Product, Statement
from ncp.semantics.values import Coded, Interval, Timing, Value

_E = "1.3.6.1.4.1.12559.11.10.1.3.1.3."
_PCC = "1.3.6.1.4.1.19376.1.5.3.1.4."
_DOSE_NUMBER = "2.16.840.1.113883.10.20.1.46"

SECTION_KINDS = {
    "48765-2": SectionKind.ALLERGIES,
    "11450-4": SectionKind.PROBLEMS,
    "10160-0": SectionKind.MEDICATION,
    "46264-8": SectionKind.DEVICES,
    "47519-4": SectionKind.PROCEDURES,
    "11348-0": SectionKind.PAST_ILLNESS,
    "11369-6": SectionKind.IMMUNISATIONS,
    "10162-6": SectionKind.PREGNANCY,
    "8716-3": SectionKind.VITAL_SIGNS,
    "30954-2": SectionKind.RESULTS,
    "47420-5": SectionKind.FUNCTIONAL_STATUS,
    "29762-2": SectionKind.SOCIAL_HISTORY,
    "18776-5": SectionKind.CARE_PLAN,
    "42348-3": SectionKind.ADVANCE_DIRECTIVES,
}
"""LOINC codes of the sections of a patient summary (eHDSI value set 26)."""


def section_kind(code: Coded | None) -> SectionKind:
    return SECTION_KINDS.get(code.code, SectionKind.OTHER) if code is not None else SectionKind.OTHER


def entries_of(kind: SectionKind, statements: Iterable[Statement]) -> tuple[Entry, ...]:
    """At least one entry for each statement, in their order."""
    understand = _READERS.get(kind)
    found: list[Entry] = []
    for statement in statements:
        made = list(understand(statement)) if understand is not None else []
        found += made or list(_by_shape(statement)) or [_other(statement)]
    return tuple(found)


def _by_shape(statement: Statement) -> Iterator[Entry]:
    """An entry in a section that is not for its kind, or that nobody knows: what it is about must still be seen."""
    if statement.kind == "act" and any(inner.kind == "observation" for inner in statement.of("SUBJ")):
        return _conditions(statement)
    understand = _SHAPES.get(statement.kind)
    return understand(statement) if understand is not None else iter(())


# Finding what belongs to a statement


def _is(statement: Statement, code: str, *templates: str) -> bool:
    if statement.code is not None and statement.code.code:
        return statement.code.code == code
    return any(template in statement.profiles for template in templates)


def _nested(statement: Statement, code: str, *templates: str) -> Iterator[Statement]:
    return (r.statement for r in statement.relations if _is(r.statement, code, *templates))


def _value_of(statement: Statement, code: str, *templates: str) -> Coded | None:
    # What is denied of a finding is in its details; it must not be read as said of it.
    values = (_coded(found) for found in _nested(statement, code, *templates) if not found.negated)
    return next((value for value in values if value is not None), None)


def _coded(statement: Statement) -> Coded | None:
    return next((value for value in statement.values if isinstance(value, Coded)), None)


def _severity(statement: Statement) -> Coded | None:
    """The gravest, where several are said."""
    said = [_coded(one) for one in _nested(statement, "SEV", f"{_E}8", f"{_PCC}1") if not one.negated]
    severities = [one for one in said if one is not None]
    return min(severities, key=lambda one: _GRAVEST.get(one.code, 2), default=None)


_GRAVEST = {"442452003": 0, "24484000": 1}
"""SNOMED CT life threatening, severe."""


def _status(statement: Statement) -> Coded | None:
    return _value_of(statement, "33999-4", f"{_E}9", f"{_E}34", f"{_PCC}1.1")


def _certainty(statement: Statement) -> Coded | None:
    return _value_of(statement, "66455-7", f"{_E}35", f"{_E}49")


def _criticality(statement: Statement) -> Coded | None:
    return _value_of(statement, "82606-5", f"{_E}33")


def _outcome(statement: Statement) -> Coded | None:
    return _value_of(statement, "11323-3", f"{_E}10", f"{_PCC}1.2")


def _time(statement: Statement) -> Timing | None:
    return statement.times[0] if statement.times else None


def _comments(*statements: Statement) -> tuple[Comment, ...]:
    return tuple(
        Comment(act.place, act.text, act.parties)
        for statement in statements
        for act in _acts(statement)
        if act.text is not None and _is(act, "48767-8", f"{_E}11", f"{_PCC}2")
    )


def _instructions(statement: Statement) -> tuple[Comment, ...]:
    return tuple(
        Comment(act.place, act.text, act.parties)
        for act in _acts(statement)
        if act.text is not None
        and (_is(act, "PINSTRUCT", f"{_E}13", f"{_PCC}3") or _is(act, "FINSTRUCT", f"{_PCC}3.1"))
    )


def _acts(statement: Statement) -> Iterator[Statement]:
    return (r.statement for r in statement.relations if r.statement.kind == "act")


def _absence(place_of: Statement, *codes: Coded | None, content: bool) -> Absence | None:
    """The absence that one of the codes states; or, without any content, the one of a null flavour."""
    for code in codes:
        if (found := stated(code)) is not None:
            return found
    if content:
        return None
    said = place_of.text is not None and bool(place_of.text.text)
    for code in codes:
        if code is not None and code.null_flavor and code.empty and code.null_flavor not in _UNCODED:
            return nothing_but(code.place, code.null_flavor, said=said, statement=code)
    if place_of.null_flavor:
        return nothing_but(place_of.place, place_of.null_flavor, said=said)
    return None


_UNCODED = frozenset({"OTH", "UNC"})
"""Null flavours of a thing that is there and has no code."""


def _says(values: Iterable[Value]) -> bool:
    """Whether any of the values holds more than a null flavour."""
    return any(not (isinstance(value, Coded) and value.empty) for value in values)


def _inside(concern: Statement) -> list[Statement]:
    """What a concern is about: its observations, or the observation itself where there is no concern around it."""
    if concern.kind == "observation":
        return [concern]
    inside = [s for s in concern.of("SUBJ") if s.kind == "observation"]
    inside = inside or [r.statement for r in concern.relations if r.statement.kind == "observation"]
    # Some documents say severity or status beside what the concern is about, not below it.
    return [s for s in inside if s.code is None or s.code.code not in _ABOUT] or inside


_ABOUT = frozenset({"SEV", "33999-4", "66455-7", "82606-5", "11323-3", "48766-0"})
"""Codes of what is said about a finding: severity, status, certainty, criticality, outcome, source."""


def _of_one(found: Statement, concern: Statement, read: Callable[[Statement], Coded | None]) -> Coded | None:
    """What is said about a finding, below it or beside it in a concern that has no other."""
    said = read(found)
    if said is None and concern is not found and len(_inside(concern)) == 1:
        said = read(concern)
    return said


# Allergies and problems


def _allergies(concern: Statement) -> Iterator[Entry]:
    if concern.kind not in ("act", "observation"):
        return
    for found in _inside(concern) or [concern]:
        outer = concern if concern is not found else None
        agents = tuple(
            party.substance
            for party in found.acting("participant")
            if party.substance is not None and party.type_code in ("CSM", "")
        )
        certainty, status = _of_one(found, concern, _certainty), _of_one(found, concern, _status)
        reactions = tuple(_reaction(s) for s in found.of("MFST"))
        content = _says(found.values) or any(map(_names_something, agents)) or bool(reactions)
        yield Allergy(
            place=found.place,
            source=concern,
            standing=standing(found.negated or concern.negated or _not_done(concern), certainty, status),
            absence=_absence(
                concern,
                *(value for value in found.values if isinstance(value, Coded)),
                found.code,
                content=content,
            ),
            text=found.text,
            type=found.code,
            agents=agents,
            values=found.values,
            time=_time(found),
            reactions=reactions,
            severity=_of_one(found, concern, _severity),
            criticality=_of_one(found, concern, _criticality),
            certainty=certainty,
            status=status,
            concern_status=outer.status if outer else None,
            concern_time=_time(outer) if outer else None,
            comments=_comments(concern, found) if outer else _comments(found),
        )


def _names_something(agent: Substance) -> bool:
    return (agent.code is not None and not agent.code.empty) or any(name.text for name in agent.names)


def _reaction(found: Statement) -> Reaction:
    return Reaction(
        place=found.place,
        source=found,
        manifestation=_coded(found),
        values=found.values,
        time=_time(found),
        severity=_severity(found),
        denied=found.negated,
        text=found.text,
    )


def _conditions(concern: Statement) -> Iterator[Entry]:
    if concern.kind not in ("act", "observation"):
        return
    for found in _inside(concern) or [concern]:
        outer = concern if concern is not found else None
        certainty, status = _of_one(found, concern, _certainty), _of_one(found, concern, _status)
        both = (concern, found) if outer else (found,)
        yield Condition(
            place=found.place,
            source=concern,
            standing=standing(found.negated or concern.negated or _not_done(concern), certainty, status),
            absence=_absence(
                concern,
                *(value for value in found.values if isinstance(value, Coded)),
                found.code,
                content=_says(found.values),
            ),
            text=found.text,
            problem=_coded(found),
            values=found.values,
            type=found.code,
            time=_time(found),
            severity=_of_one(found, concern, _severity),
            status=status,
            certainty=certainty,
            outcome=_of_one(found, concern, _outcome),
            concern_status=outer.status if outer else None,
            concern_time=_time(outer) if outer else None,
            professionals=tuple(
                party for s in both for act in _nested(s, "85847-2", f"{_E}48") for party in act.acting("performer")
            ),
            resources=tuple(r.statement for s in both for r in s.relations if r.kind == "reference"),
            information_sources=tuple(v for s in both for about in _nested(s, "48766-0") for v in about.values),
            comments=_comments(*both),
        )


# Medicines, devices, procedures


def _medication(found: Statement) -> Iterator[Entry]:
    if found.kind != "substanceAdministration":
        return
    period = next((time for time in found.times if isinstance(time, Interval)), None)
    product = found.product
    yield Medication(
        place=found.place,
        source=found,
        standing=standing(found.negated, found.status if _not_done(found) else None),
        absence=_absence(found, found.code, product.code if product else None, content=_is_named(product)),
        text=found.text,
        product=product,
        status=found.status,
        period=period,
        frequencies=tuple(time for time in found.times if time is not period),
        dose=found.dose,
        rate=found.rate,
        max_dose=found.max_dose,
        route=found.route,
        sites=(*found.approach_sites, *found.sites),
        reasons=tuple(found.of("RSON")),
        instructions=_instructions(found),
        sub_regimes=tuple(s for s in found.of("COMP") if s.kind == "substanceAdministration"),
        planned=found.mood == "INT",
    )


def _has_code(code: Coded | None) -> bool:
    return code is not None and not code.empty


def _not_done(found: Statement) -> bool:
    return found.status is not None and found.status.code in NOT_DONE


def _is_named(product: Product | None) -> bool:
    if product is None:
        return False
    codes = (product.code, *(part.code for part in product.ingredients), *(kind.code for kind in product.kinds))
    described = product.description is not None and bool(product.description.text)
    return (
        bool(product.text)
        or described
        or any(_is_named(part.product) for part in product.parts)
        or any(code is not None and not code.empty for code in codes)
    )


def _device(found: Statement) -> Iterator[Entry]:
    if found.kind != "supply":
        return
    # One supply may name several devices; without any, the entry still stands.
    parties: list[Party | None] = [p for p in found.acting("participant") if p.type_code in ("DEV", "")]
    for party in parties or [None]:
        substance = party.substance if party is not None else None
        code = substance.code if substance is not None else None
        names = tuple(
            text
            for text in ((substance.model, substance.software, substance.description) if substance else ())
            if text is not None
        )
        yield ImplantedDevice(
            place=party.place if party is not None and len(parties) > 1 else found.place,
            source=found,
            standing=Standing.DENIED if _not_done(found) else standing(found.negated),
            absence=_absence(found, code, content=bool(names) or (code is not None and not code.empty)),
            text=found.text,
            device=code,
            names=names,
            ids=party.ids if party is not None else (),
            time=_time(found),
        )


def _procedure(found: Statement) -> Iterator[Entry]:
    if found.kind not in ("procedure", "act", "observation"):
        return
    yield Procedure(
        place=found.place,
        source=found,
        standing=Standing.DENIED if _not_done(found) else standing(found.negated),
        absence=_absence(found, found.code, content=_has_code(found.code) or bool(found.sites)),
        text=found.text,
        procedure=found.code,
        time=_time(found),
        status=found.status,
        sites=(*found.sites, *found.approach_sites),
        reasons=tuple(found.of("RSON")),
        planned=found.mood not in ("", "EVN"),
    )


def _immunisation(found: Statement) -> Iterator[Entry]:
    if found.kind != "substanceAdministration":
        return
    numbers = (value for s in _nested(found, "30973-2", f"{_E}28", _DOSE_NUMBER) for value in s.values)
    product = found.product
    yield Immunisation(
        place=found.place,
        source=found,
        standing=Standing.DENIED if _not_done(found) else standing(found.negated),
        absence=_absence(found, found.code, content=True)
        or _absence(found, product.code if product else None, content=_is_named(product)),
        text=found.text,
        product=product,
        time=_time(found),
        status=found.status,
        dose_number=next(numbers, None),
        dose=found.dose,
        route=found.route,
        diseases=tuple(
            party.code for party in found.acting("participant") if party.code is not None and party.type_code == "IND"
        ),
        performers=found.acting("performer"),
    )


# Observations


def _habit(found: Statement) -> Iterator[Entry]:
    if found.kind != "observation":
        return
    yield Habit(
        place=found.place,
        source=found,
        standing=standing(found.negated),
        absence=_absence(found, found.code, content=_says(found.values)),
        text=found.text,
        habit=found.code,
        values=found.values,
        time=_time(found),
    )


_DUE = ("11778-8", "11779-6", "11780-4")
"""Expected date of delivery: estimated, from the last menstrual period, from ultrasound."""


def _pregnancy(found: Statement) -> Iterator[Entry]:
    if found.kind != "observation":
        return
    code = found.code.code if found.code is not None else ""
    due = tuple(DueDate(s.place, s.code, s.values) for s in found.of("COMP") if _is_due(s) and not s.negated)
    if code == "82810-3" or (not code and f"{_E}45" in found.profiles):
        yield PregnancyStatus(
            place=found.place,
            source=found,
            standing=standing(found.negated),
            absence=_absence(found, _coded(found), content=_says(found.values)),
            text=found.text,
            status=_coded(found),
            time=_time(found),
            due=due,
        )
    elif _is_due(found):
        # Before Wave 6 the expected date stood alone.
        yield PregnancyStatus(
            place=found.place,
            source=found,
            standing=standing(found.negated),
            absence=_absence(found, found.code, content=_says(found.values)),
            text=found.text,
            time=_time(found),
            due=(DueDate(found.place, found.code, found.values),),
        )
    elif f"{_E}46" in found.profiles:
        yield PregnancyOutcome(
            place=found.place,
            source=found,
            standing=standing(found.negated),
            absence=_absence(found, found.code, content=_says(found.values)),
            text=found.text,
            outcome=found.code,
            counts=found.values,
            time=_time(found),
            dates=tuple(value for s in _nested(found, "93857-1", f"{_E}47") for value in s.values),
        )
    elif _is(found, "93857-1", f"{_E}47"):
        # The date of a delivery as an entry of its own, as the OpenNCP documents of Waves 6 and 7 have it.
        yield PregnancyOutcome(
            place=found.place,
            source=found,
            standing=standing(found.negated),
            absence=_absence(found, content=_says(found.values)),
            text=found.text,
            time=_time(found),
            dates=found.values,
        )


def _is_due(statement: Statement) -> bool:
    return statement.code is not None and statement.code.code in _DUE


def _measurements(found: Statement) -> Iterator[Entry]:
    if found.kind == "observation":
        items: tuple[Statement, ...] = (found, *_observations(found))
    elif found.kind == "organizer":
        items = tuple(_observations(found))
    else:
        return
    yield Measurements(
        place=found.place,
        source=found,
        standing=standing(found.negated),
        absence=_absence(found, found.code, content=any(_says(item.values) for item in items)),
        text=found.text,
        code=found.code,
        time=_time(found),
        performers=found.acting("performer"),
        authors=found.acting("author"),
        items=tuple(_measurement(item) for item in items),
    )


def _observations(group: Statement) -> Iterator[Statement]:
    """What a group is made of, groups inside it too."""
    for part in group.of("COMP", ""):
        if part.kind == "observation":
            yield part
        if part.kind in ("observation", "organizer"):
            yield from _observations(part)


def _measurement(found: Statement) -> Measurement:
    return Measurement(
        place=found.place,
        source=found,
        code=found.code,
        values=found.values,
        time=_time(found),
        interpretations=found.interpretations,
        ranges=found.ranges,
        performers=found.acting("performer"),
        methods=found.methods,
        sites=found.sites,
        denied=found.negated or _not_done(found),
        text=found.text,
    )


def _other(found: Statement) -> OtherEntry:
    return OtherEntry(
        place=found.place,
        source=found,
        standing=Standing.DENIED if _not_done(found) else standing(found.negated),
        absence=_absence(found, found.code, *(v for v in found.values if isinstance(v, Coded)), content=True),
        text=found.text,
        code=found.code,
        values=found.values,
        time=_time(found),
    )


_READERS: dict[SectionKind, Callable[[Statement], Iterator[Entry]]] = {
    SectionKind.ALLERGIES: _allergies,
    SectionKind.PROBLEMS: _conditions,
    SectionKind.PAST_ILLNESS: _conditions,
    SectionKind.MEDICATION: _medication,
    SectionKind.DEVICES: _device,
    SectionKind.PROCEDURES: _procedure,
    SectionKind.IMMUNISATIONS: _immunisation,
    SectionKind.SOCIAL_HISTORY: _habit,
    SectionKind.PREGNANCY: _pregnancy,
    SectionKind.VITAL_SIGNS: _measurements,
    SectionKind.RESULTS: _measurements,
    SectionKind.FUNCTIONAL_STATUS: _measurements,
}

_SHAPES: dict[str, Callable[[Statement], Iterator[Entry]]] = {
    "substanceAdministration": _medication,
    "procedure": _procedure,
    "supply": _device,
    "organizer": _measurements,
}
