"""What is wrong with identity traits before anybody is asked, in words of the professional's language.

Knows which problem of a mask is which kind for a form, and how an expectation is put into words
(``config/mask_problems.toml``). Leaves the rules to ``xcpd.mask_fields``, formats to ``xcpd.mask_formats`` and what
they mean to ``xcpd.mask_shapes``. Typed values are identity traits: no text made here holds one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Container, Mapping
from datetime import date
from pathlib import Path

from ncp.frontend.port import ProblemKind, TraitProblem
from xcpd.facts import TRAIT_MAX
from xcpd.mask_fields import Clause, MaskField, SearchMask, Trait, is_clean
from xcpd.mask_shapes import CAPITALS, DIGITS, LETTERS, SMALL, Run, Shape, example_of, shape_of

_EARLIEST = 1850
"""Nobody alive was born before."""
_LISTED = 12
"""Most characters that are listed one by one."""
_FALLBACK = "en"

Name = Callable[[MaskField], str]
"""What a field is called in the language of the form."""


class ProblemTexts:
    """The sentences, by language; immutable."""

    def __init__(self, texts: Mapping[str, Mapping[str, str]]) -> None:
        self._texts = texts

    @classmethod
    def load(cls, file: Path) -> ProblemTexts:
        """Reads the file of texts (TOML)."""
        return cls(tomllib.loads(file.read_text("utf-8")))

    def say(self, language: str, key: str, **values: str | int) -> str:
        """One text, in English where the language has none."""
        own = self._texts.get(language.partition("-")[0].lower(), {})
        return (own.get(key) or self._texts[_FALLBACK][key]).format(**values)


def check_traits(
    mask: SearchMask,
    values: Mapping[str, str],
    *,
    language: str,
    complete: bool,
    today: date,
    name: Name,
    texts: ProblemTexts,
) -> tuple[TraitProblem, ...]:
    """The problems of ``values`` (by field id), at most one per field, in the order of the form, unknown fields last.

    What is missing is a problem only when the form is ``complete``: a form that is being filled has empty fields.
    """
    speaker = _Speaker(language, name, texts)
    filled = {key: value for key, value in values.items() if value.strip()}
    found: dict[str, TraitProblem] = {}
    for field in mask.fields:
        if field.key in filled:
            problem = _of_value(field, filled[field.key].strip(), today, speaker)
            if problem is not None:
                found[field.key] = problem
    if complete:
        for clause in mask.patient.clauses:
            if not any(option <= filled.keys() for option in clause):
                for problem in _of_clause(clause, mask.fields, filled.keys(), speaker):
                    found.setdefault(problem.id, problem)
    known = [field.key for field in mask.fields]
    unknown = [
        TraitProblem(key, ProblemKind.UNKNOWN, speaker.say("unknown")) for key in filled if key not in set(known)
    ]
    return (*(found[key] for key in known if key in found), *unknown)


class _Speaker:
    """The texts in one language, with the names of fields and the words for expectations."""

    def __init__(self, language: str, name: Name, texts: ProblemTexts) -> None:
        self._language = language
        self._texts = texts
        self.name = name

    def say(self, key: str, **values: str | int) -> str:
        return self._texts.say(self._language, key, **values)

    def expected(self, shape: Shape) -> str:
        """The runs of a shape, in words: 7 digits, then 1 capital letter."""
        return self.say("then").join(self._run(run) for run in shape.runs)

    def counted(self, what: str, least: int, most: int) -> str:
        """``what`` with its number: exactly, between, at least, at most."""
        if least == most:
            return self.say(f"{what}_1") if least == 1 else self.say(what, count=least)
        if most < 0:
            return self.say(f"{what}_least", least=least) if least > 1 else self.say(f"{what}_some")
        if least <= 1:
            return self.say(f"{what}_1_most" if most == 1 else f"{what}_most", most=most)
        return self.say(f"{what}_between", least=least, most=most)

    def _run(self, run: Run) -> str:
        characters = run.characters
        if len(characters) == 1 and run.most == 1:
            (character,) = characters
            key = "space" if character == " " else "sign"
            return self.say(key if run.least else f"{key}_if_any", sign=character)
        if characters <= DIGITS:
            return self.counted("digits", run.least, run.most)
        if characters <= CAPITALS:
            return self.counted("capitals", run.least, run.most)
        if characters <= SMALL:
            return self.counted("small", run.least, run.most)
        if characters <= LETTERS:
            return self.counted("letters", run.least, run.most)
        if characters <= LETTERS | DIGITS:
            return self.counted("mixed", run.least, run.most)
        if len(characters) <= _LISTED and run.least == run.most == 1:
            return self.say("one_of", signs=" ".join(sorted(characters - {" "})))
        return self.counted("characters", run.least, run.most)


def _of_value(field: MaskField, value: str, today: date, speaker: _Speaker) -> TraitProblem | None:
    if len(value) > TRAIT_MAX:
        text = speaker.say("length", name=speaker.name(field), expected=speaker.counted("characters", 0, TRAIT_MAX))
        return TraitProblem(field.key, ProblemKind.LENGTH, text)
    sent = field.to_send(value)
    if field.trait is Trait.BIRTH_DATE:
        if sent is None:
            return TraitProblem(field.key, ProblemKind.DATE, speaker.say("date"), _EXAMPLE_DATE)
        born = date(int(sent[:4]), int(sent[4:6]), int(sent[6:8]))
        if born > today:
            return TraitProblem(field.key, ProblemKind.DATE, speaker.say("date_future"))
        if born.year < _EARLIEST:
            return TraitProblem(field.key, ProblemKind.DATE, speaker.say("date_past"))
        return None
    if sent is not None:
        return None
    if not is_clean(value):
        return TraitProblem(field.key, ProblemKind.FORMAT, speaker.say("unprintable", name=speaker.name(field)))
    if field.trait is Trait.GENDER:
        return TraitProblem(field.key, ProblemKind.FORMAT, speaker.say("gender"), "F")
    if field.trait is Trait.COUNTRY:
        return TraitProblem(field.key, ProblemKind.FORMAT, speaker.say("country"), "FR")
    return _of_format(field, value, speaker)


_EXAMPLE_DATE = "1980-12-31"


def _of_format(field: MaskField, value: str, speaker: _Speaker) -> TraitProblem:
    """The value does not fit the country's format: what would, as far as that can be said."""
    if field.format.is_date:
        return TraitProblem(field.key, ProblemKind.DATE, speaker.say("date_format", pattern=field.format.source))
    bare = "".join(value.split())
    shape = shape_of(field.format)
    name = speaker.name(field)
    if shape is None:
        shortest, longest = field.format.shortest, field.format.longest
        if len(bare) < shortest or 0 <= longest < len(bare):
            expected = speaker.counted("characters", max(shortest, 0), longest)
            return TraitProblem(field.key, ProblemKind.LENGTH, speaker.say("length", name=name, expected=expected))
        text = speaker.say("format_hint" if field.description else "format_unclear", name=name, hint=field.description)
        return TraitProblem(field.key, ProblemKind.FORMAT, text)
    example = example_of(shape, field.format)
    kind = ProblemKind.LENGTH if shape.is_only_length(bare) else ProblemKind.FORMAT
    text = speaker.say(kind.value, name=name, expected=speaker.expected(shape))
    if example:
        text = f"{text} {speaker.say('example', example=example)}"
    return TraitProblem(field.key, kind, text, example)


def _of_clause(
    clause: Clause, fields: tuple[MaskField, ...], filled: Container[str], speaker: _Speaker
) -> list[TraitProblem]:
    """What is missing of one requirement: the rest of the alternative that was begun, else the choice itself."""
    given = {field.key for field in fields if field.key in filled}
    order = {field.key: place for place, field in enumerate(fields)}
    by_key = {field.key: field for field in fields}
    begun = max(clause, key=lambda option: len(option & given))
    if len(clause) == 1 or begun & given:
        missing = sorted(begun - given, key=order.__getitem__)
        return [
            TraitProblem(key, ProblemKind.MISSING, speaker.say("missing", name=speaker.name(by_key[key])))
            for key in missing
        ]
    ordered = [sorted(option, key=order.__getitem__) for option in clause]
    choices = speaker.say("or").join(" + ".join(speaker.name(by_key[key]) for key in option) for option in ordered)
    first = min((option[0] for option in ordered), key=order.__getitem__)
    return [TraitProblem(first, ProblemKind.CHOICE, speaker.say("choice", choices=choices))]
