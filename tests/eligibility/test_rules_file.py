"""The rule file: what is misspelt is refused with its key."""

from __future__ import annotations

import pytest

from ncp.eligibility.refusals import Refusal
from ncp.eligibility.rules import RulesRefused, read_rules
from tests.support.logins import ROOT

FR = (ROOT / "config/eligibility/fr.toml").read_text(encoding="utf-8")
IE = (ROOT / "config/eligibility/ie.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [FR, IE], ids=["fr", "ie"])
def test_every_code_has_a_text_in_both_languages(text: str) -> None:
    messages = read_rules(text.encode()).messages
    assert set(messages) == {"fr", "en"}
    assert all(set(texts) == set(Refusal) for texts in messages.values())


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('kind = "practices"', 'kind = "guess"', "kind"),
        ('kind = "practices"', "", "kind"),
        ('country = "FR"', 'country = "FR"\ncolour = "blue"', "colour"),
        ('categories = ["E"]', "categories = 1", "students.categories"),
        ('function_missing = "allow"', 'function_missing = "perhaps"', "students.function_missing"),
        ('needs = ["name"', 'needs = ["colour"', "place.needs"),
        ('"X1", "situation"', '"X1"', "order"),
        ('"X1", "situation"', '"situation", "X9"', "order"),
        ('"X1", "situation", "X5"', '"X1", "X5", "situation"', "order"),
        ('"situation", "X5", "X2", "mode"', '"mode", "situation", "X5", "X2"', "order"),
        ('order = ["profession", "student"', 'order = ["student", "profession"', "order"),
        ('functions = ["FON-29"]', 'function = ["FON-29"]', "exclude[1]"),
        ('code = "PRIVATE_INSURANCE"', 'code = "INSURED"', "exclude[3].code"),
        ('scope = "exercice"', 'scope = "family"', "exclude[0].scope"),
        ('professions = ["10"]\ncategories = ["C", "M", "F"]', 'categories = ["C"]', "admit[0].professions"),
        ('professions = ["10"]', 'profession = ["10"]', "admit[0].professions"),
        ('10 = "221"', '10 = "999"', "roles.10"),
        ('10 = "221"\n', "", "roles"),
        ('SA01 = "Hospital"', 'SA01 = "Castle"', "facilities.SA01"),
        ('AUTH_LEVEL = "Le', 'AUTH_LEVELS = "Le', "messages.fr.AUTH_LEVEL"),
        ("({profession})", "({name})", "messages.fr.PROFESSION_NOT_ELIGIBLE"),
        ("({profession})", "({profession)", "messages.fr.PROFESSION_NOT_ELIGIBLE"),
        ('numbers = [\n    ["numeroFinessSite", "1"],', "numbers = [\n    [1],", "organisation.numbers"),
    ],
)
def test_what_is_wrong_is_said_with_its_key_and_a_remedy(old: str, new: str, key: str) -> None:
    assert old in FR
    with pytest.raises(RulesRefused) as refused:
        read_rules(FR.replace(old, new, 1).encode())
    assert refused.value.key == key and refused.value.problem and refused.value.remedy


@pytest.mark.parametrize("data", [b"kind = ", b"\xff", b"", b"#" * 600_000], ids=["syntax", "bytes", "empty", "large"])
def test_what_is_no_rule_file_is_refused(data: bytes) -> None:
    with pytest.raises(RulesRefused):
        read_rules(data)


def test_claims_need_their_places() -> None:
    with pytest.raises(RulesRefused) as refused:
        read_rules(IE.replace('role = ["profession"]', "role = []").encode())
    assert refused.value.key == "claims.role"


def test_the_page_has_every_code_with_the_texts_of_the_file() -> None:
    page = (ROOT / "docs/eligibility.md").read_text(encoding="utf-8")
    messages = read_rules(FR.encode()).messages
    rows = {row.split("|")[1].strip(" `"): row for row in page.splitlines() if row.startswith("| `")}
    for code in Refusal:
        assert rows[code].endswith(f"| {messages['fr'][code]} | {messages['en'][code]} |")
