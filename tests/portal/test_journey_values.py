"""What is typed into the form of traits, and what the gateway tells everybody: read without a browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp_client import Country
from ncp_portal import directory as directories
from ncp_portal import trait_form
from ncp_portal.directory import Directory
from ncp_portal.questions import Desk
from ncp_portal.trait_form import VALUE_MAX

FIELDS = (
    SimpleNamespace(id="number", kind="text", group="ids", alternative="national"),
    SimpleNamespace(id="card", kind="text", group="ids", alternative="card"),
    SimpleNamespace(id="series", kind="text", group="ids", alternative="card"),
    SimpleNamespace(id="birth", kind="birthDate", group="", alternative=""),
)
GROUPS = (SimpleNamespace(id="ids", choice=True, alternatives={"national": "Number", "card": "Card"}),)
SEARCH: Any = SimpleNamespace(mask=SimpleNamespace(fields=FIELDS, groups=GROUPS))


@pytest.mark.parametrize(
    ("form", "values", "chosen"),
    [
        ({}, {}, ""),
        ({"number": " 12 "}, {"number": "12"}, "national"),
        ({"card": "7", "group.ids": "card"}, {"card": "7"}, "card"),
        ({"number": "12", "card": "7", "group.ids": "card"}, {"card": "7"}, "card"),
        ({"number": "12", "card": "7", "group.ids": "national"}, {"number": "12"}, "national"),
        ({"series": "7", "group.ids": "national"}, {"series": "7"}, "card"),
        ({"group.ids": "card"}, {}, "card"),
        ({"group.ids": "no such"}, {}, ""),
        ({"number": "  ", "card": "7"}, {"card": "7"}, "card"),
        ({"number": "\x0012\x1b\ud800\uffff\n"}, {"number": "12"}, "national"),
        ({"number": "\x01"}, {}, ""),
        ({"stranger": "x", "csrf": "y", "number": "1"}, {"number": "1"}, "national"),
    ],
)
def test_a_field_of_an_alternative_that_is_not_chosen_counts_for_nothing(
    form: dict[str, str], values: dict[str, str], chosen: str
) -> None:
    assert trait_form.typed(SEARCH.mask, form) == (values, {"ids": chosen})


@given(st.dictionaries(st.sampled_from(["number", "card", "series", "birth", "group.ids", "other"]), st.text()))
def test_whatever_is_typed_one_alternative_is_meant_and_values_are_bounded(form: dict[str, str]) -> None:
    values, chosen = trait_form.typed(SEARCH.mask, form)
    kinds = {each.id: each.alternative for each in FIELDS}
    assert set(values) <= set(kinds)
    assert {kinds[key] for key in values} <= {chosen["ids"], ""}
    assert all(text and text == text.strip() and len(text) <= VALUE_MAX for text in values.values())


@pytest.mark.parametrize(
    ("typed", "iso"),
    [
        ("23/04/1979", "1979-04-23"),
        ("3.4.1979", "1979-04-03"),
        ("3-4-1979", "1979-04-03"),
        ("3 4 1979", "1979-04-03"),
        ("1979-04-23", "1979-04-23"),
        ("31/02/1979", "1979-02-31"),
        ("04/1979", "04/1979"),
        ("23/04/79", "23/04/79"),
        ("yesterday", "yesterday"),
        ("٢٣/٠٤/١٩٧٩", "٢٣/٠٤/١٩٧٩"),
        ("23/04/1979\n", "23/04/1979\n"),
    ],
)
def test_a_date_becomes_what_the_gateway_wants_and_what_is_none_stays(typed: str, iso: str) -> None:
    assert trait_form.iso(SEARCH.mask, "birth", typed) == iso
    assert trait_form.iso(SEARCH.mask, "number", typed) == typed


# What is kept of the gateway's answers


def country(code: str, name: str) -> Country:
    return Country(code=code, name=name, state="green", services=(), live=True)  # type: ignore[call-arg]


@dataclass
class AskedGateway:
    """Counts what it is asked and answers when it is let."""

    go: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    fail: bool = False

    def countries(self, language: str) -> list[Any]:
        self.asked.append(language)
        self.go.wait(5)
        if self.fail:
            raise RuntimeError
        return [SimpleNamespace(code="MT", name="Malte"), SimpleNamespace(code="HR", name="Croatie")]


def with_directory(story: Callable[[Directory, AskedGateway], Any]) -> None:
    async def run() -> None:
        with ThreadPoolExecutor(4) as threads:
            gateway: Any = AskedGateway()
            await story(Directory(gateway, Desk(threads, most=2, patience=5)), gateway)

    asyncio.run(asyncio.wait_for(run(), 20))


def test_many_who_ask_the_same_at_once_make_one_call() -> None:
    async def story(directory: Directory, gateway: AskedGateway) -> None:
        asking = [asyncio.create_task(directory.countries("fr")) for _ in range(50)]
        await asyncio.sleep(0.05)
        gateway.go.set()
        answers = await asyncio.gather(*asking)
        assert gateway.asked == ["fr"]
        assert all([each.code for each in answer] == ["HR", "MT"] for answer in answers), "by name"
        await directory.countries("en")
        assert gateway.asked == ["fr", "en"]

    with_directory(story)


def test_an_answer_is_kept_for_its_time_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(directories, "time", SimpleNamespace(monotonic=lambda: now[0]))

    async def story(directory: Directory, gateway: AskedGateway) -> None:
        gateway.go.set()
        await directory.countries("fr")
        now[0] += directories.STATES_SECONDS - 0.1
        await directory.countries("fr")
        assert len(gateway.asked) == 1
        now[0] += 0.2
        await directory.countries("fr")
        assert len(gateway.asked) == 2

    with_directory(story)


def test_a_failure_is_not_kept() -> None:
    async def story(directory: Directory, gateway: AskedGateway) -> None:
        gateway.go.set()
        gateway.fail = True
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await directory.countries("fr")
        gateway.fail = False
        assert await directory.countries("fr")
        assert len(gateway.asked) == 3

    with_directory(story)


@pytest.mark.parametrize(
    ("code", "offered", "language"),
    [
        ("HR", ("en", "fr", "hr"), "hr"),
        ("EL", ("el", "en"), "el"),
        ("MT", ("en", "mt"), "mt"),
        ("IE", ("en", "fr"), "en"),
        ("HR", ("en", "fr"), "en"),
        ("HR", ("fr",), "fr"),
        ("HR", (), ""),
        ("XX", ("en", "fr"), "en"),
    ],
)
def test_the_notice_is_offered_first_in_the_patients_language(
    code: str, offered: tuple[str, ...], language: str
) -> None:
    assert Directory.language_of(code, offered) == language
