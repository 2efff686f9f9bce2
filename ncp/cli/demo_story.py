"""The consultation that the demonstration plays: a French doctor and a Croatian patient, step by step.

Speaks to the gateway of country B through ``ncp_client`` only, as any portal would. Everything a step needs comes from
the steps before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ncp.cli.demo_steps import Place, Rows, Step, Way
from ncp.wire.times import utc_now
from ncp_client import (
    Consent,
    ConsentMissing,
    Country,
    DocumentPair,
    FetchedDocument,
    Gateway,
    Notice,
    Patient,
    Professional,
    SearchMask,
    Session,
    Treatment,
)

Result = TypeVar("Result")

PATIENT = "999990011"
NOBODY = "999999999"
WITHOUT_CONSENT = "999990099"
LANGUAGE = "fr-FR"


@dataclass(frozen=True, slots=True)
class Scene:
    """Who plays, and where documents are left: ``documents`` is a folder inside ``folder``, where the report is."""

    asking: Place
    answering: Place
    professional: Professional
    folder: Path
    documents: Path

    def leave(self, name: str, content: bytes) -> tuple[str, str]:
        """Writes a document; gives its label and path for the report."""
        self.documents.mkdir(parents=True, exist_ok=True)
        path = self.documents / name
        path.write_bytes(content)
        return name, str(path.relative_to(self.folder))


Title = str
Play = Callable[[], Step]


def play(gateway: Gateway, scene: Scene) -> Iterator[tuple[Title, Play]]:
    """The steps in order: a title to show while the step runs, and the call that runs it.

    A step raises ``ncp_client.GatewayError`` when it goes wrong. Each must be played before the next one is taken.
    """
    country = scene.answering.code
    countries: list[Country] = []
    masks: list[SearchMask] = []
    sessions: list[Session] = []
    patients: list[Patient] = []

    yield "Which countries can be asked?", lambda: _countries(gateway, countries)
    yield f"What does {scene.answering.name} ask for?", lambda: _mask(gateway, scene, masks)
    yield "The professional logs in", lambda: _log_in(gateway, scene, sessions)
    (mask,), (session,) = masks, sessions
    yield "Who is the patient?", lambda: _find(session, mask, scene, patients)
    (patient,) = patients
    yield from _documents(gateway, session, scene, patient)
    yield "A number that nobody has", lambda: _nobody(session, mask, country)
    yield "A patient who did not allow it at home", lambda: _refused(session, mask, country)


def _documents(gateway: Gateway, session: Session, scene: Scene, patient: Patient) -> Iterator[tuple[Title, Play]]:
    def consent() -> Step:
        (notice, treatment), seconds = _timed(lambda: _confirmed(gateway, session, scene, patient))
        treatments.append(treatment)
        return Step(
            "The patient is told, and consents",
            Way.GATEWAY_B,
            (("notice", f"version {notice.version}, {notice.language}"), ("purpose", "TREATMENT")),
            (("TRC assertion", f"{len(treatment.trc_assertion)} bytes, valid until {treatment.expires:%H:%M} UTC"),),
            seconds,
            files=(scene.leave("patient-information-notice.pdf", notice.content),),
        )

    def listed() -> Step:
        found, seconds = _timed(lambda: treatments[0].documents())
        pairs.extend(found)
        return Step(
            "Which documents are there?",
            Way.COUNTRY_A,
            (("class", "60591-5, patient summary"), ("assertions", "HCP and TRC")),
            tuple(_listed(pair) for pair in found) or (("documents", "none"),),
            seconds,
            "ITI-38",
        )

    def structured() -> Step:
        return _fetched("The structured summary", "patient-summary", "translated", original=False)

    def original() -> Step:
        return _fetched("The summary as its author wrote it", "patient-summary-original", "pdf", original=True)

    def _fetched(title: str, name: str, view: str, *, original: bool) -> Step:
        chosen = pairs[0].original if original else pairs[0].structured
        wanted = chosen or pairs[0].best
        fetched, seconds = _timed(lambda: treatments[0].fetch(wanted, language=LANGUAGE))
        rendered = session.render(fetched, view=view, language=LANGUAGE)
        ending = "pdf" if rendered.media_type == "application/pdf" else "html"
        files = [scene.leave(f"{name}.{ending}", rendered.content)]
        if not original:
            files.append(scene.leave(f"{name}.xml", fetched.content))
        return Step(
            title,
            Way.COUNTRY_A,
            (("document", wanted.unique_id), ("language", LANGUAGE)),
            _received(fetched, rendered.media_type, len(rendered.content)),
            seconds,
            "ITI-39",
            files=tuple(files),
        )

    treatments: list[Treatment] = []
    pairs: list[DocumentPair] = []
    yield "The patient is told, and consents", consent
    yield "Which documents are there?", listed
    yield "The structured summary", structured
    yield "The summary as its author wrote it", original


def _countries(gateway: Gateway, found: list[Country]) -> Step:
    countries, seconds = _timed(lambda: gateway.countries(LANGUAGE))
    found.extend(countries)
    answered = tuple((one.code, f"{one.name}: {' '.join(one.services)}, {one.state}") for one in countries)
    return Step("Which countries can be asked?", Way.GATEWAY_B, (("language", LANGUAGE),), answered, seconds)


def _mask(gateway: Gateway, scene: Scene, found: list[SearchMask]) -> Step:
    mask, seconds = _timed(lambda: gateway.search_mask(scene.answering.code, LANGUAGE))
    found.append(mask)
    answered = tuple(
        (one.name, f"{one.format or 'any form'}{', mandatory' if one.mandatory else ''}") for one in mask.fields
    )
    title = f"What does {scene.answering.name} ask for?"
    return Step(title, Way.GATEWAY_B, (("country", scene.answering.code),), answered, seconds)


def _log_in(gateway: Gateway, scene: Scene, found: list[Session]) -> Step:
    who = scene.professional
    session, seconds = _timed(lambda: gateway.log_in(who))
    found.append(session)
    return Step(
        "The professional logs in",
        Way.GATEWAY_B,
        (("professional", f"{who.name}, role {who.role}"), ("place", who.locality)),
        (("HCP assertion", f"{len(session.hcp_assertion)} bytes, valid until {session.expires:%H:%M} UTC"),),
        seconds,
    )


def _find(session: Session, mask: SearchMask, scene: Scene, found: list[Patient]) -> Step:
    traits = mask.fill({_identifier(mask): PATIENT})
    patients, seconds = _timed(lambda: session.find_patient(scene.answering.code, traits))
    if len(patients) != 1:
        raise LookupError("the patient of the demonstration is not in the store")
    found.extend(patients)
    (patient,) = patients
    answered: Rows = (
        ("name", f"{patient.given} {patient.family}"),
        ("born", patient.birth_date),
        ("gender", patient.gender),
        ("address", ", ".join(part for part in (patient.street, patient.postal_code, patient.city) if part)),
        ("look at", ", ".join(patient.warnings) or "nothing"),
    )
    return Step("Who is the patient?", Way.COUNTRY_A, (("identifier", PATIENT),), answered, seconds, "ITI-55")


def _confirmed(gateway: Gateway, session: Session, scene: Scene, patient: Patient) -> tuple[Notice, Treatment]:
    notice = gateway.notice(scene.answering.code, LANGUAGE)
    consent = Consent(notice.version, notice.language, utc_now())
    return notice, session.confirm_treatment(patient, consent=consent)


def _nobody(session: Session, mask: SearchMask, country: str) -> Step:
    traits = mask.fill({_identifier(mask): NOBODY})
    patients, seconds = _timed(lambda: session.find_patient(country, traits))
    answered = (("found", f"{len(patients)} persons" if patients else "nobody: ERROR_PI_NO_MATCH"),)
    return Step(
        "A number that nobody has",
        Way.COUNTRY_A,
        (("identifier", NOBODY),),
        answered,
        seconds,
        "ITI-55",
        is_refusal=True,
    )


def _refused(session: Session, mask: SearchMask, country: str) -> Step:
    traits = mask.fill({_identifier(mask): WITHOUT_CONSENT})

    def ask() -> Rows:
        try:
            patients = session.find_patient(country, traits)
        except ConsentMissing as refused:
            return (("refused", refused.code), ("message", refused.message), ("reference", refused.reference))
        return (("found", f"{len(patients)} persons"),)

    answered, seconds = _timed(ask)
    title = "A patient who did not allow it at home"
    asked = (("identifier", WITHOUT_CONSENT),)
    return Step(title, Way.COUNTRY_A, asked, answered, seconds, "ITI-55", is_refusal=True)


def _identifier(mask: SearchMask) -> str:
    """The one identifier that the country asks for."""
    return next(field.id for field in mask.fields if field.kind == "identifier")


def _listed(pair: DocumentPair) -> tuple[str, str]:
    kinds = [kind for kind, one in (("structured", pair.structured), ("original", pair.original)) if one is not None]
    made = f", {pair.best.created:%Y-%m-%d}" if pair.best.created else ""
    return pair.best.title, f"{' and '.join(kinds)}{made}, {', '.join(pair.best.authors) or 'no author'}"


def _received(fetched: FetchedDocument, media_type: str, size: int) -> Rows:
    rows: Rows = (
        ("document", f"{fetched.mime_type}, {len(fetched.content)} bytes"),
        ("shown as", f"{media_type}, {size} bytes"),
    )
    if fetched.translation is not None:
        counts = ", ".join(f"{count} {state}" for state, count in fetched.translation.counts.items())
        rows = (*rows, (f"codes in {fetched.translation.language}", counts or "as they were sent"))
    return (*rows, ("look at", ", ".join(fetched.warnings))) if fetched.warnings else rows


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    begin = time.perf_counter()
    return call(), time.perf_counter() - begin
