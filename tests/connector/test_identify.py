"""Who is found, by which traits, and what nobody can tell from the outside."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ncp.connector.store.connector import StoreConnector
from ncp.wire.errors import ConnectorError
from ncp.wire.ids import II
from tests.support.connector import MBO, Folder, about, connector, discovery, mbo, person_of
from xcpd.messages import Address, PatientSearch, Person

SIMIC = mbo("999990011")
HORVAT = mbo("999990033")
CARD = II("2.25.55370812054444987338823703851406647484", "80191-0003")


def found(store: StoreConnector, search: PatientSearch) -> tuple[Person, ...]:
    return asyncio.run(store.identify(discovery(search)))


def test_an_identifier_alone_finds_its_patient_with_everything_known_of_her(store: StoreConnector) -> None:
    (person,) = found(store, PatientSearch((SIMIC,)))
    assert (person.family, person.given, person.gender) == ("Šimić-Đurđević", "Željka Ana", "F")
    assert (person.id, person.birth_date, person.match_quality) == (SIMIC, "19790423", 100)
    assert person.address == Address("Trg žrtava 12", "Čakovec", "40000", "HR")


@pytest.mark.parametrize(
    "identifier",
    [mbo("999990012"), mbo("99999001"), mbo("9999900111"), II("2.16.840.1.113883.2.7.2", "999990011"), II(MBO, "")],
)
def test_an_identifier_that_is_not_exactly_hers_finds_nobody(store: StoreConnector, identifier: II) -> None:
    assert found(store, PatientSearch((identifier,))) == ()


def test_several_identifiers_must_all_be_of_one_person(store: StoreConnector) -> None:
    (person,) = found(store, PatientSearch((CARD, HORVAT)))
    assert person.id == HORVAT
    assert found(store, PatientSearch((HORVAT, SIMIC))) == ()
    assert found(store, PatientSearch((HORVAT, II(CARD.root, "80191-0004")))) == ()
    assert found(store, PatientSearch((II("1.2.3", "x"), HORVAT))) == ()


def test_more_identifiers_than_anybody_can_have_cost_nothing(store: StoreConnector) -> None:
    assert found(store, PatientSearch((SIMIC, *(mbo(str(number)) for number in range(100_000))))) == ()


def test_a_second_identifier_leads_to_the_first(store: StoreConnector) -> None:
    (person,) = found(store, PatientSearch((CARD,)))
    assert person.id == HORVAT


@pytest.mark.parametrize("birth_date", ["", "1979", "197904", "19790423", "197904230000", "19790423120000.000+0100"])
def test_a_birth_date_is_compared_as_far_as_it_is_given(store: StoreConnector, birth_date: str) -> None:
    assert found(store, PatientSearch((SIMIC,), birth_date=birth_date))


@pytest.mark.parametrize("birth_date", ["1978", "197905", "19790424", "197", "19790", "1979-04-23", "abc", "١٩٧٩"])
def test_a_birth_date_that_differs_or_is_none_finds_nobody(store: StoreConnector, birth_date: str) -> None:
    assert found(store, PatientSearch((SIMIC,), birth_date=birth_date)) == ()


def test_a_birth_date_the_country_knows_only_in_part_fits_every_day_of_that_part(store: StoreConnector) -> None:
    babić = mbo("999990119")
    assert found(store, PatientSearch((babić,), birth_date="19361121"))
    assert not found(store, PatientSearch((babić,), birth_date="19361221"))


@pytest.mark.parametrize(
    ("search", "is_found"),
    [
        ({"gender": "F"}, True),
        ({"gender": "M"}, False),
        ({"family": "SIMIC DURDEVIC"}, True),
        ({"family": "Đurđević"}, True),
        ({"family": "Šimić", "given": "Željka"}, True),
        ({"given": "Ana Zeljka"}, True),
        ({"given": "Marija"}, False),
        ({"family": "Horvat"}, False),
        ({"family": "Шимић"}, True),
        ({"address": Address(city="CAKOVEC", postal_code="40 000", country="hr")}, True),
        ({"address": Address(city="Zagreb")}, False),
        ({"address": Address(city="Čakovec", country="FR")}, False),
        ({"address": Address(street="Trg žrtava 12", country="FR")}, False),
        ({"address": Address(street="Some other street 1")}, True),
    ],
)
def test_traits_beside_the_identifier_must_not_contradict(
    store: StoreConnector, search: dict[str, object], is_found: bool
) -> None:
    assert bool(found(store, PatientSearch((SIMIC,), **search))) is is_found  # type: ignore[arg-type]


def test_a_country_alone_is_the_country_asked_and_no_trait(store: StoreConnector) -> None:
    """OpenNCP writes the country it asks into every question; this patient lives in another one."""
    for country in ("HR", "FR", "GR"):
        assert found(store, PatientSearch((mbo("999990022"),), address=Address(country=country)))


def test_other_spellings_of_a_name_are_the_persons_too(store: StoreConnector) -> None:
    greek = mbo("999990022")
    assert found(store, PatientSearch((greek,), family="Papadopoulou", given="Eleni"))
    assert found(store, PatientSearch((greek,), family="ΠΑΠΑΔΟΠΟΥΛΟΥ", given="Ελενη"))
    assert not found(store, PatientSearch((greek,), family="Papadakis", given="Eleni"))


def test_a_deceased_patient_is_not_found(store: StoreConnector) -> None:
    assert found(store, PatientSearch((mbo("999990088"),))) == ()


def test_a_patient_who_refused_is_found_and_her_consent_is_no(store: StoreConnector) -> None:
    asked = discovery(PatientSearch((mbo("999990099"),)))
    (person,) = asyncio.run(store.identify(asked))
    assert asyncio.run(store.consent(person_of(asked, person))) is False


def test_without_identifier_enough_must_be_given_and_everything_must_fit(store: StoreConnector) -> None:
    whole = PatientSearch(family="Horvat", given="Marko", birth_date="19550917")
    assert [person.id for person in found(store, whole)] == [HORVAT]
    assert not found(store, PatientSearch(family="Horvat", given="Marko", birth_date="19550917", gender="F"))
    assert not found(store, PatientSearch(family="Horvat", given="Ivan", birth_date="19550917"))
    for too_little in (
        PatientSearch(family="Horvat"),
        PatientSearch(family="Horvat", given="Marko"),
        PatientSearch(family="Horvat", given="Marko", birth_date="195509"),
        PatientSearch(birth_date="19550917"),
        PatientSearch(),
    ):
        with pytest.raises(ConnectorError, match=r"connector\.more_traits"):
            found(store, too_little)


def test_everybody_whom_the_traits_fit_is_told_so_that_nobody_is_guessed(folder: Folder, database: Path) -> None:
    for number in (1, 2):
        folder.patient(str(number), identifiers=f'[{{ root = "{MBO}", extension = "99999000{number}" }}]')
    folder.load(database)
    search = PatientSearch(family="Testić", given="Ana Marija", birth_date="19700409")
    assert len(found(connector(database), search)) == 2


def test_unknown_wrong_second_identifier_and_contradiction_take_the_statements_of_a_refusal(
    demo_database: Path,
) -> None:
    """Equal work, so that response times do not tell them apart (ITI-55, equal timing)."""

    def statements(search: PatientSearch) -> list[str]:
        store = connector(demo_database)
        seen: list[str] = []

        async def ask() -> None:
            await store.probe()
            assert store._loop_connection is not None
            store._loop_connection.set_trace_callback(seen.append)
            asked = discovery(search)
            for person in await store.identify(asked):
                await store.consent(person_of(asked, person))
            await store.close()

        asyncio.run(ask())
        # The trace shows bound values: only the shape of a statement is compared.
        return [" ".join(statement.split()[:6]) for statement in seen]

    second = II(CARD.root, "0")
    refused = statements(PatientSearch((mbo("999990099"), second)))
    unknown = statements(PatientSearch((mbo("123456789"), second)))
    wrong_second = statements(PatientSearch((SIMIC, second)))
    contradicting = statements(PatientSearch((HORVAT, CARD), birth_date="1950"))
    assert refused == unknown == wrong_second == contradicting
    assert len(refused) == 4, "two identifiers, the person, the consent"


DIGITS = st.text("0123456789", min_size=9, max_size=9)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    identifiers=st.lists(
        st.sampled_from([SIMIC, HORVAT, CARD, mbo("999990022"), II("1.2.3", "x")]), min_size=1, max_size=4
    ),
    birth_date=st.sampled_from(["", "1979", "1955", "19550917", "1986"]),
    gender=st.sampled_from(["", "F", "M", "UN"]),
)
def test_nobody_is_ever_found_who_has_not_all_the_traits(
    store: StoreConnector, identifiers: list[II], birth_date: str, gender: str
) -> None:
    known = {
        SIMIC: ({SIMIC}, "19790423", "F"),
        HORVAT: ({HORVAT, CARD}, "19550917", "M"),
        mbo("999990022"): ({mbo("999990022")}, "19861130", "F"),
    }
    expected = [
        primary
        for primary, (own, born, sex) in known.items()
        if set(identifiers) <= own and born.startswith(birth_date) and gender in ("", sex)
    ]
    persons = found(store, PatientSearch(tuple(identifiers), birth_date=birth_date, gender=gender))
    assert [person.id for person in persons] == expected


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        PatientSearch,
        identifiers=st.lists(st.builds(II, st.text(max_size=80), st.text(max_size=80)), max_size=3).map(tuple),
        family=st.text(max_size=60),
        given=st.text(max_size=60),
        gender=st.text(max_size=3),
        birth_date=st.text(max_size=20) | DIGITS,
        address=st.builds(
            Address, st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.text(max_size=3)
        ),
    )
)
def test_any_text_in_any_trait_is_answered_or_refused_as_declared(store: StoreConnector, search: PatientSearch) -> None:
    try:
        persons = found(store, search)
    except ConnectorError as error:
        assert error.reason == "connector.more_traits"
    else:
        assert persons == ()


def test_nothing_that_comes_back_shows_a_person_when_it_is_printed(store: StoreConnector) -> None:
    asked = discovery(PatientSearch((SIMIC,)))
    (person,) = asyncio.run(store.identify(asked))
    shown = f"{person!r} {person.id!r} {person.address!r} {asked!r} {about(SIMIC, '60591-5')!r}"
    for secret in ("Šimić", "999990011", "1979", "Čakovec", json.dumps("Šimić").strip('"')):
        assert secret not in shown
