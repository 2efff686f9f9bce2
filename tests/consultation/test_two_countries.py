"""Whole consultations between two real gateways, in both directions, for every invented patient of the demonstration.

Portal → NCP-B → NCP-A → store and back, over mutual TLS, by way of the thin client. What is expected of a patient is
read from her file under ``config/demo``.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ncp.cli.demo_files import DATA
from ncp_client import (
    LABORATORY,
    PATIENT_SUMMARY,
    Consent,
    ConsentMissing,
    Contract,
    DocumentNotFound,
    FetchedDocument,
    IdentificationError,
    NotPermitted,
    Patient,
    Session,
    TechnicalError,
    Treatment,
)
from tests.support.consultation import (
    CONTRACTS,
    World,
    next_of_kin_parameters,
    professional,
    token_of,
    treatment_parameters,
)

pytestmark = [pytest.mark.xdist_group("consultation"), pytest.mark.timeout(300)]

HL7 = {"h": "urn:hl7-org:v3"}
OTHER = {"HR": "FR", "FR": "HR"}


@dataclass(frozen=True)
class Invented:
    """A patient of ``config/demo``."""

    country: str
    folder: Path

    @property
    def facts(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "patient.toml").read_text(encoding="utf-8"))

    @property
    def summary(self) -> dict[str, Any]:
        file = self.folder / "summary.toml"
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    @property
    def number(self) -> str:
        return str(self.facts["identifiers"][0]["extension"])

    @property
    def root(self) -> str:
        return str(self.facts["identifiers"][0]["root"])

    @property
    def formats(self) -> list[str]:
        return list(self.summary.get("formats", ["L3", "L1"]))

    @property
    def name(self) -> str:
        return f"{self.country}-{self.folder.name}"


PATIENTS = [
    Invented(country, folder)
    for country in ("HR", "FR")
    for folder in sorted((DATA / "demo/patients" / country).iterdir())
]
NAMED = [one for one in PATIENTS if one.folder.name.split("-")[0] not in ("08", "09", "11")]


def patient_of(name: str) -> Invented:
    return next(one for one in PATIENTS if one.name == name)


@dataclass
class Desk:
    """A professional at a portal of one country, asking the other one."""

    world: World
    country: str
    contract: Contract
    session: Session

    @property
    def asked(self) -> str:
        return OTHER[self.country]

    def find(self, number: str) -> list[Patient]:
        mask = self.session._gateway.search_mask(self.asked, "en")
        (identifier,) = [one.id for one in mask.fields if one.kind == "identifier"]
        return self.session.find_patient(self.asked, mask.fill({identifier: number}))

    def consent(self) -> Consent:
        notice = self.session._gateway.notice(self.asked, "en")
        assert notice.content.startswith(b"%PDF-")
        return Consent(notice.version, notice.language, datetime.now(UTC))

    def treat(self, who: Invented) -> Treatment:
        (patient,) = self.find(who.number)
        return self.session.confirm_treatment(patient, consent=self.consent())


@pytest.fixture(scope="module")
def desks(world: World) -> dict[str, Desk]:
    """A desk in each country, each speaking another of OpenNCP's contracts."""
    made = {}
    for country, contract in zip(("FR", "HR"), CONTRACTS, strict=True):
        portal = world.portal(country, contract)
        made[country] = Desk(world, country, contract, portal.log_in(professional()))
    return made


def desk_for(who: Invented, desks: dict[str, Desk]) -> Desk:
    return desks[OTHER[who.country]]


def header_of(fetched: FetchedDocument) -> etree._Element:
    role = etree.fromstring(fetched.content).find("h:recordTarget/h:patientRole", HL7)
    assert role is not None
    return role


@pytest.mark.parametrize("who", NAMED, ids=lambda who: who.name)
def test_a_patient_is_found_with_everything_her_country_knows_of_her(who: Invented, desks: dict[str, Desk]) -> None:
    (patient,) = desk_for(who, desks).find(who.number)
    facts = who.facts
    born = str(facts["birth_date"])
    assert (patient.root, patient.extension) == (who.root, who.number)
    assert (patient.family, patient.given, patient.gender) == (facts["family"], facts["given"], facts["gender"])
    assert patient.birth_date == f"{born[:4]}-{born[4:6]}-{born[6:]}"
    address = facts["address"]
    assert (patient.street, patient.city, patient.postal_code, patient.address_country) == (
        address["street"],
        address["city"],
        address["postal_code"],
        address["country"],
    )
    assert patient.warnings == ()


@pytest.mark.parametrize("who", NAMED, ids=lambda who: who.name)
def test_her_summary_arrives_is_hers_and_can_be_shown(who: Invented, desks: dict[str, Desk]) -> None:
    desk = desk_for(who, desks)
    treatment = desk.treat(who)
    (pair,) = treatment.documents()
    assert (pair.structured is not None, pair.original is not None) == ("L3" in who.formats, "L1" in who.formats)
    family = str(who.facts["family"])
    if pair.structured is not None:
        fetched = treatment.fetch(pair.structured, language="en-GB")
        assert fetched.warnings == ()
        identifiers = [one.get("extension") for one in header_of(fetched).findall("h:id", HL7)]
        assert who.number in identifiers
        assert family in fetched.content.decode()
        assert fetched.translation is not None and fetched.translation.status == "SUCCESS"
        shown = desk.session.render(fetched, view="original", language="en")
        assert shown.media_type.startswith("text/html")
        assert b"<script" not in shown.content.lower()
        entries = who.summary.get("problems", []) or who.summary.get("medications", [])
        for entry in entries[:1]:
            assert str(entry.get("label") or entry.get("name")) in shown.content.decode()
    if pair.original is not None:
        fetched = treatment.fetch(pair.original, language="en-GB")
        assert fetched.warnings == ()
        assert who.number in [one.get("extension") for one in header_of(fetched).findall("h:id", HL7)]
        assert desk.session.render(fetched, view="pdf", language="en").content.startswith(b"%PDF-")


def test_a_summary_is_translated_and_its_english_stays_inside(desks: dict[str, Desk]) -> None:
    """In the language of the portal, with what became of its codes; without a language as it was sent."""
    treatment = desks["FR"].treat(patient_of("HR-01-full-summary"))
    (pair,) = treatment.documents()
    assert pair.structured is not None
    fetched = treatment.fetch(pair.structured, language="fr-FR")
    assert fetched.warnings == ()
    translation = fetched.translation
    assert translation is not None and (translation.language, translation.code) == ("fr-FR", "")
    # The code of an immunisation is of a code system without names.
    assert set(translation.counts) <= {"translated", "same", "unknown-code", "null"}
    assert translation.counts["translated"] > 50
    coded = etree.fromstring(fetched.content).findall(".//h:section/h:code", HL7)
    assert {one.get("code"): one.get("displayName") for one in coded}["48765-2"].startswith("Allergies et")
    sent = etree.fromstring(treatment.fetch(pair.structured, language="").content)
    english = {one.get("code"): one.get("displayName") for one in sent.findall(".//h:section/h:code", HL7)}
    for one in coded:
        inside = one.find("h:translation", HL7)
        assert inside is not None and inside.get("displayName") == english[one.get("code")]


def test_a_summary_of_five_megabytes_arrives_whole(desks: dict[str, Desk]) -> None:
    who = patient_of("HR-07-large")
    treatment = desks["FR"].treat(who)
    (pair,) = treatment.documents()
    fetched = treatment.fetch(pair, language="fr-FR")
    assert 4_500_000 < len(fetched.content) < 6_000_000
    rows = etree.fromstring(fetched.content).findall(".//h:organizer/h:component", HL7)
    assert len(rows) >= int(who.summary["generated_results"])


def test_known_absences_arrive_as_known_absences(desks: dict[str, Desk]) -> None:
    treatment = desks["FR"].treat(patient_of("HR-06-no-known-allergies"))
    (pair,) = treatment.documents()
    content = treatment.fetch(pair, language="fr-FR").content.decode()
    for absence in ("no-known-allergies", "no-known-problems", "no-known-medications"):
        assert f'code="{absence}"' in content


def test_a_document_without_an_author_is_listed_without_one(desks: dict[str, Desk]) -> None:
    treatment = desks["FR"].treat(patient_of("HR-04-no-pdf"))
    (pair,) = treatment.documents()
    assert pair.original is None
    assert all(author.strip() for author in pair.best.authors)


def test_a_laboratory_report_beside_the_summary_is_found_by_its_own_class(desks: dict[str, Desk]) -> None:
    treatment = desks["FR"].treat(patient_of("HR-03-two-identifiers"))
    assert len(treatment.documents(PATIENT_SUMMARY)) == 1
    (report,) = treatment.documents(LABORATORY)
    assert report.best.title == "OrCD Laboratory Report"
    assert treatment.fetch(report, language="fr-FR").content


# --- whom nobody is told of ------------------------------------------------------------------------------------------


def test_the_deceased_and_the_unknown_are_nobody(desks: dict[str, Desk]) -> None:
    assert desks["FR"].find(patient_of("HR-08-deceased").number) == []
    assert desks["FR"].find("999999999") == []
    assert desks["HR"].find("285030000000999") == []


def test_who_refused_is_named_to_nobody(desks: dict[str, Desk]) -> None:
    with pytest.raises(ConsentMissing) as raised:
        desks["FR"].find(patient_of("HR-09-consent-refused").number)
    assert (raised.value.code, raised.value.country) == ("WARNING_PI_NO_CONSENT", "HR")


def test_a_birth_date_that_is_known_in_part_names_nobody(desks: dict[str, Desk]) -> None:
    with pytest.raises((IdentificationError, TechnicalError)) as raised:
        desks["FR"].find(patient_of("HR-11-partial-birth-date").number)
    assert raised.value.country == "HR"


def test_who_allowed_one_country_her_summary_shows_nothing_else(desks: dict[str, Desk]) -> None:
    treatment = desks["FR"].treat(patient_of("HR-10-consent-by-country"))
    assert len(treatment.documents(PATIENT_SUMMARY)) == 1
    with pytest.raises(ConsentMissing) as raised:
        treatment.documents(LABORATORY)
    assert (raised.value.code, raised.value.country) == ("4701", "HR")


def test_a_treatment_opens_no_other_patients_document(desks: dict[str, Desk]) -> None:
    """The document of one patient under the confirmed treatment of another looks as if it were not there."""
    desk = desks["FR"]
    (pair,) = desk.treat(patient_of("HR-01-full-summary")).documents()
    other = desk.treat(patient_of("HR-02-greek-script"))
    with pytest.raises(DocumentNotFound) as raised:
        other.fetch(pair, language="fr-FR")
    assert raised.value.country == "HR"


# --- roles, grounds, token service -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "facility", "finds", "lists"),
    [("2221", "Hospital", True, True), ("2262", "Pharmacy", True, False), ("44", "Hospital", True, False)],
)
def test_a_role_may_do_what_its_permissions_say(
    role: str, facility: str, finds: bool, lists: bool, world: World, desks: dict[str, Desk]
) -> None:
    with world.portal("FR") as portal:
        session = portal.log_in(professional(role=role, facility_type=facility))
        desk = Desk(world, "FR", Contract.OPENNCP_9, session)
        who = patient_of("HR-01-full-summary")
        assert bool(desk.find(who.number)) is finds
        treatment = desk.treat(who)
        if lists:
            assert treatment.documents()
        else:
            with pytest.raises(NotPermitted) as raised:
                treatment.documents()
            assert (raised.value.code, raised.value.country) == ("4703", "HR")


def test_in_an_emergency_no_consent_is_needed_here(desks: dict[str, Desk]) -> None:
    desk = desks["FR"]
    (patient,) = desk.find(patient_of("HR-01-full-summary").number)
    assert desk.session.confirm_treatment(patient, purpose="EMERGENCY").documents()


@pytest.mark.parametrize("name", ["HR-01-full-summary", "FR-01-full-summary"])
def test_assertions_of_the_token_service_open_the_summary_too(name: str, world: World, desks: dict[str, Desk]) -> None:
    """The way of a portal made for OpenNCP: WS-Trust, and somebody who accompanies the patient."""
    who = patient_of(name)
    desk = desk_for(who, desks)
    (patient,) = desk.find(who.number)
    hcp = desk.session.hcp_assertion

    def token(path: str, parameters: str) -> bytes:
        return token_of(world, f"/TRC-STS/{path}", parameters, hcp, code=desk.country)

    treated = treatment_parameters(who.root, who.number)
    accompanied = next_of_kin_parameters(who.root, who.number)
    ways = (("STSServiceService", "NextOfKinService"), ("SecurityTokenService", "NextOfKinTokenService"))
    for treatment_path, next_of_kin_path in ways:
        treatment = desk.session.treatment(
            patient, token(treatment_path, treated), token(next_of_kin_path, accompanied)
        )
        (pair,) = treatment.documents()
        assert treatment.fetch(pair, language="en-GB").content


# --- what is left behind ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def after(world: World, desks: dict[str, Desk]) -> World:
    """At least one whole consultation in each direction has taken place."""
    for name in ("HR-01-full-summary", "FR-02-older-patient"):
        who = patient_of(name)
        treatment = desk_for(who, desks).treat(who)
        (pair,) = treatment.documents()
        treatment.fetch(pair, language="en-GB")
    return world


@pytest.mark.parametrize("country", ["HR", "FR"])
def test_the_log_of_both_sides_names_nobody(country: str, after: World) -> None:
    log = after.log(country)
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    told = {(line["side"], line["service"]) for line in lines if line["event"] == "transaction"}
    assert told >= {(side, service) for side in ("NCP-A", "NCP-B") for service in ("ITI-55", "ITI-38", "ITI-39")}
    assert not any("dropped" in line for line in lines)
    personal = {"Exemplaire", "899700209937", "Pratnja", "KIN-1"}
    for who in PATIENTS:
        facts = who.facts
        born = str(facts["birth_date"])
        personal |= {who.number, born, f"{born[:4]}-{born[4:6]}-{born[6:]}"} if len(born) == 8 else {who.number}
        personal |= {str(facts["family"]), str(facts["address"]["street"]), str(facts["telephone"])}
        personal |= {word for word in re.split(r"[\s-]", f"{facts['family']} {facts['given']}") if len(word) > 4}
        if who.summary:
            personal.add(str(who.summary["id"]["extension"]))
    assert [word for word in sorted(personal) if word in log or json.dumps(word)[1:-1] in log] == []


def test_every_question_that_left_one_gateway_reached_the_other_as_it_was(after: World) -> None:
    for country, other in OTHER.items():
        sent = _messages(after, country, "outgoing-request")
        received = _messages(after, other, "request")
        assert sent
        assert sent == received
        assert len(_messages(after, country, "incoming-answer")) == len(_messages(after, other, "answer"))


def _messages(world: World, country: str, what: str) -> list[bytes]:
    """The bodies of the messages of one kind, sorted; a multipart one without the lines that capturing adds."""
    found = []
    for path in world.country(country).messages.iterdir():
        if re.fullmatch(rf"\d+-\d+-ITI-\d\d-{what}\.(xml|mime)", path.name):
            data = path.read_bytes()
            found.append(data.partition(b"\r\n\r\n")[2] if path.suffix == ".mime" else data)
    return sorted(found)
