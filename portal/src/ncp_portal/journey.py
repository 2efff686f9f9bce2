"""The story of a consultation, from the country to the summary. Every search takes these steps, in this order:

   1 country      where does the patient live?
   2 traits       who is it? asked as that country asks; nothing is sent before it is complete
   3 find         the country is asked (ITI-55) while the professional watches, may cancel and repeat
   4 identity     is this the patient? necessity and consent, or an emergency, are confirmed
   5 consult      treatment confirmed, documents listed (ITI-38), the summary fetched (ITI-39) and translated
   6 read         structured and translated, original text, original PDF, on paper

A step exists only on the result of the one before: whoever asks for a later page is brought to where the search is.
Knows the steps and what each page shows. Leaves to ``Portal`` who is logged in, to ``questions`` how waiting works,
and to the gateway everything that is decided.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ncp_client import (
    ConnectionFailed,
    Consent,
    Document,
    DocumentNotFound,
    DocumentPair,
    FetchedDocument,
    GatewayError,
    InvalidTraits,
    MaskField,
    Patient,
    PortalRefused,
    Rendered,
    Treatment,
    headers,
)
from ncp_client import Session as Asking
from ncp_portal import failures, searches
from ncp_portal.failure_kinds import Ending, Step
from ncp_portal.log import log, where
from ncp_portal.portal import VIEWS, Portal
from ncp_portal.questions import Advance, Busy, GivenUp, Question
from ncp_portal.searches import Ended, Search
from ncp_portal.security import same
from ncp_portal.sessions import Session

QUICK = 1.5
"""Seconds that a form waits for the answer before a page that shows the waiting."""
HELD = 8.0
"""Seconds that the progress of a question is held back for news; shorter than what proxies allow."""
REFRESH = 3
"""Seconds after which a browser without scripts looks again."""
VALUE_MAX = 256
CONSENT = "consent"
_DAY = re.compile(r"([0-9]{1,2})[./ -]([0-9]{1,2})[./ -]([0-9]{4})")
_STEPS = {"find": Step.SEARCH, "consult": Step.CONSENT, "pdf": Step.DOCUMENT, "read": Step.DOCUMENT}
_STAGES = {
    "find": ("waiting.stage_send", "waiting.stage_find"),
    "consult": ("waiting.stage_confirm", "waiting.stage_list", "waiting.stage_fetch", "waiting.stage_show"),
    "pdf": ("waiting.stage_fetch", "waiting.stage_look"),
    "read": ("waiting.stage_fetch", "waiting.stage_show"),
}
FAILURES = (GatewayError, ConnectionFailed, PortalRefused, InvalidTraits)

# 1 Country


async def country(portal: Portal, request: Request, session: Session) -> Response:
    """GET and POST /search."""
    offered = [each for each in await portal.directory.countries(portal.language(request)) if each.live]
    if request.method == "GET":
        return portal.page(request, "country.html", countries=offered, chosen=None, problem=None)
    form = await portal.form(request, session)
    chosen = next((each for each in offered if each.code == form.get("country")), None)
    if chosen is None:
        return portal.page(request, "country.html", 422, countries=offered, chosen=None, problem="choose")
    mask = await portal.directory.mask(chosen.code, portal.language(request))
    search = searches.begin(session.searches, chosen, mask, most=portal.settings.session.searches)
    return _to(search, "traits")


# 2 Traits


async def traits(portal: Portal, request: Request, session: Session) -> Response:
    """GET and POST /search/{id}/traits."""
    search = _search(request, session)
    if search is None:
        return _to(None)
    if request.method == "GET":
        return await _traits_page(portal, request, search, {})
    form = await portal.form(request, session)
    search.forget_patient()
    search.values, search.chosen = _typed(search, form)
    problems = await _problems(portal, request, search, complete=True)
    if problems:
        return await _traits_page(portal, request, search, problems)
    return await _find(portal, request, session, search)


async def check(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/check: what is wrong with the field that was just left; nothing is kept."""
    search = _search(request, session)
    form = await portal.form(request, session)
    name = request.headers.get("hx-trigger-name", "")
    if search is None or name not in {each.id for each in search.mask.fields}:
        return Response(status_code=204)
    values = {name: _iso(search, name, _text(form, name))}
    found: dict[str, str] = {}
    if values[name]:
        language = portal.language(request)
        told = await portal.desk.call(
            lambda: portal.gateway.check_traits(search.country.code, values, language, complete=False)
        )
        found = {key: problem.message for key, problem in told.items()}
    return portal.page(request, "_trait_problem.html", problem=found.get(name, ""))


async def _traits_page(portal: Portal, request: Request, search: Search, problems: Mapping[str, str]) -> Response:
    mask = await portal.directory.mask(search.country.code, portal.language(request))
    named = await portal.directory.named(search.country, portal.language(request))
    offered = await portal.directory.notice_languages(search.country.code)
    spoken = portal.directory.language_of(search.country.code, offered)
    return portal.page(
        request,
        "traits.html",
        422 if problems else 200,
        country={"code": named.code, "name": named.name, "language": spoken},
        fields=[_field(portal, request, search, each, problems) for each in mask.fields],
        groups=[
            {
                "id": group.id,
                "choice": group.choice,
                "alternatives": [{"id": key, "name": name} for key, name in group.alternatives.items()],
                "chosen": search.chosen.get(group.id, ""),
            }
            for group in mask.groups
        ],
        images=[
            {
                "url": f"/pictures/{search.country.code}/{number}",
                "name": image.name or named.name,
                "alt": image.description or image.name,
            }
            for number, image in enumerate(mask.images)
        ],
        problems=[],
    )


def _field(
    portal: Portal, request: Request, search: Search, field: MaskField, problems: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "id": field.id,
        "kind": field.kind,
        "name": field.name,
        "description": field.description,
        "original_description": field.original_description,
        "mandatory": field.mandatory,
        "group": field.group,
        "alternative": field.alternative,
        "value": search.values.get(field.id, ""),
        "problem": problems.get(field.id),
        "hint": "",
    }


def _text(form: Mapping[str, str], name: str) -> str:
    """What was typed, without what no keyboard writes and no message can carry (XML 1.0, 2.2)."""
    typed = form.get(name, "")[: 4 * VALUE_MAX]
    seen = (one for one in typed if unicodedata.category(one) not in ("Cc", "Cs") and one not in "\ufffe\uffff")
    return "".join(seen).strip()[:VALUE_MAX].rstrip()


def _typed(search: Search, form: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Values by field and chosen alternatives by group. A field of an alternative that is not chosen counts for
    nothing; where none is chosen, the first one with a value is meant."""
    fields = {each.id: each for each in search.mask.fields}
    values = {key: text for key in fields if (text := _text(form, key))}
    chosen: dict[str, str] = {}
    for group in search.mask.groups:
        if not group.choice:
            continue
        filled = [fields[key].alternative for key in values if fields[key].group == group.id]
        picked = form.get(f"group.{group.id}", "")
        if picked not in filled and filled:
            picked = filled[0]
        chosen[group.id] = picked if picked in group.alternatives else ""
        for key in list(values):
            if fields[key].group == group.id and fields[key].alternative != chosen[group.id]:
                del values[key]
    return values, chosen


def _iso(search: Search, field: str, text: str) -> str:
    """A date as the gateway wants it; anything else, and what is no date, as it was typed."""
    kind = next(each.kind for each in search.mask.fields if each.id == field)
    match = _DAY.fullmatch(text) if kind == "birthDate" else None
    return f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}" if match else text


async def _problems(portal: Portal, request: Request, search: Search, *, complete: bool) -> dict[str, str]:
    values = {key: _iso(search, key, text) for key, text in search.values.items()}
    language = portal.language(request)
    told = await portal.desk.call(
        lambda: portal.gateway.check_traits(search.country.code, values, language, complete=complete)
    )
    found = {key: problem.message for key, problem in told.items()}
    if not found:
        try:
            _filled(search)
        except InvalidTraits as error:
            texts = portal.texts(request)
            found = {key: texts(f"traits.problem_{kind}") for key, kind in error.problems.items()}
        except ValueError:
            texts = portal.texts(request)
            birth = next(each.id for each in search.mask.fields if each.kind == "birthDate")
            found = {birth: texts("traits.hint_date")}
    return found


def _filled(search: Search) -> Any:
    values: dict[str, str | date] = {}
    kinds = {each.id: each.kind for each in search.mask.fields}
    for key, text in search.values.items():
        iso = _iso(search, key, text)
        values[key] = date.fromisoformat(iso) if kinds[key] == "birthDate" else text
    return search.mask.fill(values)


# 3 Find


async def _find(portal: Portal, request: Request, session: Session, search: Search) -> Response:
    asking, filled, code = _session(session), _filled(search), search.country.code

    def work(advance: Advance) -> list[Patient]:
        advance(1)
        found: list[Patient] = asking.find_patient(code, filled)
        return found

    return await _ask(portal, request, search, "find", work)


async def _ask(portal: Portal, request: Request, search: Search, kind: str, work: Any) -> Response:
    """Puts a question and shows its answer if that comes at once, else the waiting."""
    if search.question is not None:
        search.question.give_up()
    search.ended = None
    search.language = portal.language(request)
    question = search.question = Question(kind, _STAGES[kind], time.monotonic())
    try:
        portal.desk.ask(question, work)
    except Busy:
        search.question = None
        log("question.busy", country=search.country.code, step=kind)
        return portal.problem(request, 503)
    if await question.over_within(QUICK):
        return _to(search, _settle(portal, request, search, question))
    return _to(search, "waiting")


async def waiting(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/waiting, which browsers without scripts load again and again."""
    search = _search(request, session)
    if search is None or search.question is None:
        return _to(search, _place(search))
    if search.question.is_over:
        return _to(search, _settle(portal, request, search, search.question))
    return portal.page(request, "waiting.html", refresh=REFRESH, **await _progress(portal, request, search))


async def progress(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/progress: held until there is news, so that the answer shows as soon as it is there."""
    search = _search(request, session)
    question = search.question if search is not None else None
    if search is None or question is None:
        return _go(search, _place(search))
    before = [each.state for each in question.stages()]
    until = time.monotonic() + HELD
    while time.monotonic() < until:
        if await question.over_within(min(1.0, until - time.monotonic())):
            return _go(search, _settle(portal, request, search, question))
        if search.question is not question:
            return _go(search, _place(search))
        if [each.state for each in question.stages()] != before or until - time.monotonic() < HELD - 1:
            break
    return portal.page(request, "_progress.html", **await _progress(portal, request, search))


async def _progress(portal: Portal, request: Request, search: Search) -> dict[str, Any]:
    texts = portal.texts(request)
    question = search.question
    assert question is not None  # noqa: S101 - whoever calls has looked
    return {
        "country": await portal.directory.named(search.country, portal.language(request)),
        "title": texts(f"waiting.{question.kind}"),
        "steps": [{"name": texts(each.name), "state": each.state} for each in question.stages()],
        "seconds": int(time.monotonic() - question.began),
    }


async def cancel(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/cancel. What the country still answers is thrown away."""
    search = _search(request, session)
    await portal.form(request, session)
    if search is None or search.question is None:
        return _to(search, _place(search))
    search.question.give_up()
    return _to(search, _settle(portal, request, search, search.question))


async def retry(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/retry: the same question once more, since the professional says so."""
    search = _search(request, session)
    await portal.form(request, session)
    if search is None:
        return _to(None)
    kind = search.ended.kind if search.ended is not None else ""
    if kind == "consult" and search.patient is not None and search.purpose:
        return await _consult(portal, request, session, search)
    is_gone = search.ended is not None and isinstance(search.ended.failure, DocumentNotFound)
    if kind in ("pdf", "read") and is_gone and search.patient is not None:
        # The country may have a newer one: the list is asked for again.
        return await _consult(portal, request, session, search)
    if kind == "pdf":
        return _to(search, "pdf")
    if kind == "read" and search.pair is not None:
        return await _read_again(portal, request, session, search)
    if kind == "show":
        search.ended = None
        return _to(search, "summary")
    if search.patient is not None:
        return _to(search, "identity")
    if await _problems(portal, request, search, complete=True):
        return _to(search, "traits")
    return await _find(portal, request, session, search)


def _settle(portal: Portal, request: Request, search: Search, question: Question[Any]) -> str:
    """Takes the answer of a question that is over into the search, once; the page that shows where that is now."""
    if search.question is not question:
        # Another tab has taken it, or something else was asked meanwhile.
        return _place(search)
    search.question = None
    kind, step = question.kind, _STEPS[question.kind]
    seconds = time.monotonic() - question.began
    try:
        answer = question.answer()
    except GivenUp as given_up:
        ending = Ending.TOO_SLOW if given_up.too_slow else Ending.CANCELLED
        return _end(portal, request, search, ending, kind, step, seconds)
    except FAILURES as error:
        return _end(portal, request, search, error, kind, step, seconds)
    except _NoDocuments:
        return _end(portal, request, search, Ending.NO_DOCUMENTS, kind, Step.LIST, seconds)
    except Exception as error:
        log("question.failed", country=search.country.code, step=kind, exception=where(error))
        return _end(portal, request, search, ConnectionFailed("unexpected"), kind, step, seconds)
    log("question.answered", country=search.country.code, step=kind, duration_ms=round(seconds * 1000, 1))
    if kind == "find":
        if len(answer) != 1:
            ending = Ending.SEVERAL_PERSONS if answer else Ending.NOBODY_FOUND
            return _end(portal, request, search, ending, kind, step, seconds)
        search.patient, search.shown = answer[0], secrets.token_urlsafe(searches.ID_BYTES)
        return "identity"
    if kind == "pdf":
        search.original, search.rendered["pdf", ""] = answer
        return "pdf"
    if kind == "consult":
        search.treatment, search.pairs, search.list_warnings, structured, rendered = answer
    else:
        structured, rendered = answer
    search.structured = structured
    if rendered is not None:
        search.rendered["translated", search.language] = rendered
    return "summary" if structured is not None else "pdf"


class _NoDocuments(Exception):
    """The country has no summary of the patient."""


def _end(
    portal: Portal, request: Request, search: Search, failure: failures.Failure, kind: str, step: Step, seconds: float
) -> str:
    if isinstance(failure, BaseException):
        # What was asked hangs on the frames of the thread.
        failure.__traceback__ = failure.__context__ = None
    search.ended = Ended(kind, failure, step)
    told = _told(portal, request, search, search.ended)
    log(
        "question.ended",
        country=search.country.code,
        step=kind,
        outcome=told.kind,
        code=told.code,
        reference=told.reference,
        duration_ms=round(seconds * 1000, 1),
    )
    return "outcome"


def _told(portal: Portal, request: Request, search: Search, ended: Ended) -> failures.Outcome:
    texts = portal.failure_texts(request)
    return failures.outcome_of(ended.failure, step=ended.step, country=search.country.name, texts=texts)


async def outcome(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/outcome: nobody, several, or what went wrong, in plain words."""
    search = _search(request, session)
    if search is None or search.ended is None:
        return _to(search, _place(search))
    search.country = await portal.directory.named(search.country, portal.language(request))
    told = _told(portal, request, search, search.ended)
    return portal.page(
        request,
        "outcome.html",
        country=search.country,
        **{
            name: getattr(told, name)
            for name in (
                *("title", "text", "todo", "tone", "code", "reference", "failed_gateway"),
                *("faq", "retry", "edit", "log_in_again", "national_message"),
            )
        },
    )


# 4 Identity


async def identity(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/identity."""
    search = _search(request, session)
    if search is None or search.patient is None:
        return _to(search, _place(search))
    return await _identity_page(portal, request, search, search.patient, [], [])


async def _identity_page(
    portal: Portal, request: Request, search: Search, patient: Patient, problems: list[str], ticked: list[str]
) -> Response:
    language, shown = portal.language(request), search.shown
    offered = await portal.directory.notice_languages(search.country.code)
    own = search.notice_language or portal.directory.language_of(search.country.code, offered)
    return portal.page(
        request,
        "identity.html",
        422 if problems else 200,
        patient=_shown(portal, request, patient),
        warnings=_warnings(portal, request, patient.warnings),
        country=await portal.directory.named(search.country, language),
        notice_languages=portal.named_languages(request, offered, own),
        problems=problems,
        ticked=ticked,
        person=shown,
    )


def _shown(portal: Portal, request: Request, patient: Patient) -> dict[str, str]:
    texts = portal.texts(request)
    place = " ".join(filter(None, (patient.postal_code, patient.city)))
    return {
        "name": " ".join(filter(None, (patient.given, patient.family))),
        "family": patient.family,
        "given": patient.given,
        "sex_text": texts(f"sex.{patient.gender}") if texts.has(f"sex.{patient.gender}") else "",
        "birth_date": patient.birth_date,
        "address": ", ".join(filter(None, (patient.street, place, patient.address_country))),
        "identifier": patient.extension,
    }


def _warnings(portal: Portal, request: Request, names: tuple[str, ...]) -> list[str]:
    texts = portal.failure_texts(request)
    return list(dict.fromkeys(failures.warning_text(name, texts).text for name in names))


async def notice(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/notice: the information that the patient reads and signs."""
    search = _search(request, session)
    if search is None:
        return _to(None)
    response = await portal.notice(request, search.country.code)
    language = request.query_params["language"]
    search.notice_version = await portal.directory.notice_version(search.country.code, language)
    search.notice_language = language
    return response


# 5 Consult


async def consult(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/consult."""
    search = _search(request, session)
    form = await portal.form(request, session)
    patient = search.patient if search is not None else None
    if search is None or patient is None:
        return _to(search, _place(search))
    if not same(form.get("shown", ""), search.shown):
        # The page is about somebody else than the search is now, in another tab for example.
        return _to(search, "identity")
    ticked = [name for name in ("necessary", CONSENT, "emergency") if form.get(name)]
    wanted = ["necessary"] if "emergency" in ticked else ["necessary", CONSENT]
    if problems := [name for name in wanted if name not in ticked]:
        return await _identity_page(portal, request, search, patient, problems, ticked)
    # Consent that was gathered counts, also in an emergency.
    purpose, consent = "EMERGENCY", None
    if CONSENT in ticked:
        purpose, consent = "TREATMENT", await _consent(portal, search, form.get("notice_language", ""))
    if search.patient is not patient:
        return _to(search, _place(search))
    search.purpose, search.consent = purpose, consent
    return await _consult(portal, request, session, search)


async def _consent(portal: Portal, search: Search, language: str) -> Consent:
    """What the professional says: on the notice in which language the patient consented."""
    offered = await portal.directory.notice_languages(search.country.code)
    if language not in offered:
        language = search.notice_language or portal.directory.language_of(search.country.code, offered)
    version = search.notice_version if language == search.notice_language else ""
    version = version or await portal.directory.notice_version(search.country.code, language)
    return Consent(version, language, given_at=datetime.now(UTC))


async def _consult(portal: Portal, request: Request, session: Session, search: Search) -> Response:
    patient, purpose, consent, asking = search.patient, search.purpose, search.consent, _session(session)
    assert patient is not None  # noqa: S101 - whoever calls has looked
    language = portal.language(request)
    search.forget_documents()

    def work(advance: Advance) -> Any:
        treatment = asking.confirm_treatment(patient, purpose=purpose, consent=consent)
        advance(1)
        pairs = treatment.documents()
        if not pairs:
            raise _NoDocuments
        newest_first = sorted(pairs, key=_made, reverse=True)
        advance(2)
        structured, rendered = _read(asking, treatment, newest_first[0], language, advance, 3)
        return treatment, newest_first, pairs.warnings, structured, rendered

    return await _ask(portal, request, search, "consult", work)


def _made(pair: DocumentPair) -> datetime:
    return pair.best.created or datetime.min.replace(tzinfo=UTC)


def _read(
    asking: Asking, treatment: Treatment, pair: DocumentPair, language: str, advance: Advance, stage: int
) -> tuple[FetchedDocument | None, Rendered | None]:
    """The structured document and its page; nothing where the country has a PDF alone."""
    if pair.structured is None:
        return None, None
    fetched = treatment.fetch(pair.structured, language=language)
    advance(stage)
    return fetched, asking.render(fetched, view="translated", language=language)


# 6 Read


async def summary(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/summary: the summary within a page of the portal."""
    search = _search(request, session)
    pair = search.pair if search is not None else None
    if search is None or pair is None:
        return _to(search, _place(search))
    _make_room(portal, session, search)
    structured, list_warnings = search.structured, search.list_warnings
    if structured is None and pair.structured is None:
        return await _without_structure(portal, request, search, pair)
    if structured is None:
        if search.question is not None or search.ended is not None:
            return _to(search, _place(search))
        return await _read_again(portal, request, session, search)
    view = request.query_params.get("view", "")
    view = view if view in VIEWS else "translated"
    try:
        rendered = await _rendered(portal, request, session, search, structured, view)
    except FAILURES as error:
        return _to(search, _end(portal, request, search, error, "show", Step.DOCUMENT, 0.0))
    parts = await portal.desk.call(rendered.embedded)
    if search.structured is not structured:
        return _to(search, _place(search))
    warnings = (*list_warnings, *structured.warnings, *rendered.warnings)
    return portal.page(
        request,
        "summary.html",
        patient=None,
        document=None,
        warnings=_warnings(portal, request, warnings),
        view=view,
        has_structured=True,
        has_pdf=pair.original is not None,
        why_not="",
        embedded={"banner": parts.banner, "main": parts.main, "layout": view, "footer": parts.footer},
        others=_others(search),
        person=search.shown,
        summary_style=parts.style,
        style_source=parts.style_source,
    )


async def _without_structure(portal: Portal, request: Request, search: Search, pair: DocumentPair) -> Response:
    patient = search.patient
    return portal.page(
        request,
        "summary.html",
        patient=_shown(portal, request, patient) if patient is not None else None,
        document=_about(pair.best, (await portal.directory.named(search.country, portal.language(request))).name),
        warnings=_warnings(portal, request, search.list_warnings),
        view="translated",
        has_structured=False,
        has_pdf=pair.original is not None,
        why_not=portal.texts(request)("summary.structured_why"),
        embedded=None,
        others=_others(search),
        person=search.shown,
    )


def _about(document: Document, country: str) -> dict[str, str]:
    return {
        "country": country,
        "language": "",
        "created": document.created.date().isoformat() if document.created else "",
        "updated": "",
        "nature": "",
        "author": ", ".join(document.authors),
    }


def _others(search: Search) -> list[dict[str, Any]]:
    """The documents to choose from, where there are several."""
    if len(search.pairs) < 2:
        return []
    return [
        {
            "number": number,
            "title": pair.best.title,
            "created": pair.best.created.date().isoformat() if pair.best.created else "",
            "current": number == search.current,
        }
        for number, pair in enumerate(search.pairs)
    ]


async def document(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/document: another document of the list."""
    search = _search(request, session)
    form = await portal.form(request, session)
    number = form.get("number", "")
    numbers = {str(each) for each in range(len(search.pairs))} if search is not None else set()
    if search is None or search.treatment is None or number not in numbers:
        return _to(search, _place(search))
    if not same(form.get("shown", ""), search.shown):
        return _to(search, _place(search))
    search.current = int(number)
    return await _read_again(portal, request, session, search)


async def _read_again(portal: Portal, request: Request, session: Session, search: Search) -> Response:
    search.forget_reading()
    treatment, pair, language = search.treatment, search.pairs[search.current], portal.language(request)
    asking = _session(session)
    if treatment is None:
        return _to(search, _place(search))
    return await _ask(
        portal, request, search, "read", lambda advance: _read(asking, treatment, pair, language, advance, 1)
    )


async def _rendered(
    portal: Portal, request: Request, session: Session, search: Search, fetched: FetchedDocument, view: str
) -> Rendered:
    """A view of the summary, made by the gateway when it is looked at for the first time."""
    asking, language = _session(session), portal.language(request)
    found = search.rendered.get((view, language))
    if found is not None:
        return found
    rendered: Rendered = await portal.desk.call(lambda: asking.render(fetched, view=view, language=language))
    if search.structured is fetched:
        # Else the search is about something else by now.
        search.rendered[view, language] = rendered
    return rendered


async def on_paper(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/print: the whole summary as the gateway wrote it, to be printed."""
    search = _search(request, session)
    if search is None or search.structured is None:
        return _to(search, _place(search))
    try:
        structured = search.structured
        rendered = await _rendered(portal, request, session, search, structured, "print")
    except FAILURES as error:
        return _to(search, _end(portal, request, search, error, "show", Step.DOCUMENT, 0.0))
    if search.structured is not structured:
        return _to(search, _place(search))
    return Response(rendered.content, headers=headers.page())


async def pdf(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/pdf: the original, fetched when somebody wants to see it."""
    search = _search(request, session)
    pair = search.pair if search is not None else None
    if search is None or pair is None or search.treatment is None:
        return _to(search, _place(search))
    if pair.original is None:
        return _to(search, "summary")
    if (rendered := search.rendered.get(("pdf", ""))) is None:
        if search.question is not None:
            return _to(search, "waiting")
        treatment, wanted, asking = search.treatment, pair.original, _session(session)
        language = portal.language(request)

        def work(advance: Advance) -> tuple[FetchedDocument, Rendered]:
            fetched = treatment.fetch(wanted, language="")
            advance(1)
            return fetched, asking.render(fetched, view="pdf", language=language)

        return await _ask(portal, request, search, "pdf", work)
    _make_room(portal, session, search)
    warnings = (*(search.original.warnings if search.original else ()), *rendered.warnings)
    return portal.page(
        request,
        "document_pdf.html",
        warnings=_warnings(portal, request, warnings),
        has_structured=pair.structured is not None,
    )


async def pdf_file(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/document.pdf: the file in the frame, or to be kept."""
    search = _search(request, session)
    rendered = search.rendered.get(("pdf", "")) if search is not None else None
    if rendered is None:
        return portal.problem(request, 404)
    inline = "download" not in request.query_params
    return Response(
        rendered.content, headers={**headers.pdf(["'self'"], inline=inline), "X-Frame-Options": "SAMEORIGIN"}
    )


# Where a search is


def _make_room(portal: Portal, session: Session, search: Search) -> None:
    bounds = portal.settings.session
    searches.make_room(session.searches, search, bounds.documents << 20)
    portal.sessions.make_room(session, bounds.all_documents << 20)


async def where_it_is(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}."""
    search = _search(request, session)
    return _to(search, _place(search))


def _search(request: Request, session: Session) -> Search | None:
    return session.searches.get(request.path_params["id"])


def _session(session: Session) -> Asking:
    login = session.login
    if login is None or login.session is None:
        raise RuntimeError("nobody is logged in")
    return login.session


def _place(search: Search | None) -> str:
    """The page that shows where a search is."""
    if search is None:
        return ""
    if search.question is not None:
        return "waiting"
    if search.ended is not None:
        return "outcome"
    if search.pairs:
        return "summary" if search.structured is not None else "pdf"
    return "identity" if search.patient is not None else "traits"


def _to(search: Search | None, page: str = "") -> Response:
    return RedirectResponse(f"/search/{search.id}/{page}" if search is not None else "/search", 303)


def _go(search: Search | None, page: str) -> Response:
    """The same for a fragment that stands in a page (htmx: HX-Redirect)."""
    address = f"/search/{search.id}/{page}" if search is not None else "/search"
    return Response(status_code=200, headers={"HX-Redirect": address})


async def sleepless(portal: Portal) -> None:
    """Ends sessions that are over, also when nobody asks any more: patients' data do not wait in memory."""
    while True:
        await asyncio.sleep(20)
        if ended := portal.sessions.sweep(time.monotonic()):
            log("sessions.ended", count=ended)
