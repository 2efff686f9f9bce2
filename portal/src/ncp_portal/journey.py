"""The story of a consultation, from the country to the summary. Every search takes these steps, in this order:

   1 country      where does the patient live?
   2 traits       who is it? asked as that country asks; nothing is sent before it is complete
   3 find         the country is asked (ITI-55) while the professional watches, may cancel and repeat
   4 identity     is this the patient? necessity and consent, or an emergency, are confirmed
   5 consult      treatment confirmed, documents listed (ITI-38), the summary fetched (ITI-39) and translated
   6 read         structured and translated, original text, original PDF, on paper (``reading``)

A step exists only on the result of the one before: whoever asks for a later page is brought to where the search is.
Knows the steps and what their pages show. Leaves to ``Portal`` who is logged in, to ``asking`` how an answer is awaited
and how a question ends, and to the gateway everything that is decided.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ncp_client import Consent, DocumentNotFound, InvalidTraits, MaskField, Patient
from ncp_portal import searches, trait_form
from ncp_portal.asking import NoDocuments, ask, place, search_of, session_of, to
from ncp_portal.log import log
from ncp_portal.portal import Portal
from ncp_portal.questions import Advance
from ncp_portal.reading import made, read, read_again, shown_person, warnings_of
from ncp_portal.searches import Search
from ncp_portal.security import same
from ncp_portal.sessions import Session

CONSENT = "consent"

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
    return to(search, "traits")


# 2 Traits


async def traits(portal: Portal, request: Request, session: Session) -> Response:
    """GET and POST /search/{id}/traits."""
    search = search_of(request, session)
    if search is None:
        return to(None)
    if request.method == "GET":
        return await _traits_page(portal, request, search, {})
    form = await portal.form(request, session)
    search.forget_patient()
    search.values, search.chosen = trait_form.typed(search.mask, form)
    problems = await _problems(portal, request, search, complete=True)
    if problems:
        return await _traits_page(portal, request, search, problems)
    return await _find(portal, request, session, search)


async def check(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/check: what is wrong with the field that was just left; nothing is kept."""
    search = search_of(request, session)
    form = await portal.form(request, session)
    name = request.headers.get("hx-trigger-name", "")
    if search is None or name not in {each.id for each in search.mask.fields}:
        return Response(status_code=204)
    values = {name: trait_form.iso(search.mask, name, trait_form.text_of(form, name))}
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


async def _problems(portal: Portal, request: Request, search: Search, *, complete: bool) -> dict[str, str]:
    values = {key: trait_form.iso(search.mask, key, text) for key, text in search.values.items()}
    language = portal.language(request)
    told = await portal.desk.call(
        lambda: portal.gateway.check_traits(search.country.code, values, language, complete=complete)
    )
    found = {key: problem.message for key, problem in told.items()}
    if not found:
        try:
            trait_form.filled(search.mask, search.values)
        except InvalidTraits as error:
            texts = portal.texts(request)
            found = {key: texts(f"traits.problem_{kind}") for key, kind in error.problems.items()}
        except ValueError:
            texts = portal.texts(request)
            birth = next(each.id for each in search.mask.fields if each.kind == "birthDate")
            found = {birth: texts("traits.hint_date")}
    return found


# 3 Find


async def _find(portal: Portal, request: Request, session: Session, search: Search) -> Response:
    asking, filled, code = session_of(session), trait_form.filled(search.mask, search.values), search.country.code

    def work(advance: Advance) -> list[Patient]:
        advance(1)
        found: list[Patient] = asking.find_patient(code, filled)
        return found

    return await ask(portal, request, search, "find", work)


async def retry(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/retry: the same question once more, since the professional says so."""
    search = search_of(request, session)
    await portal.form(request, session)
    if search is None:
        return to(None)
    kind = search.ended.kind if search.ended is not None else ""
    if kind == "consult" and search.patient is not None and search.purpose:
        return await _consult(portal, request, session, search)
    is_gone = search.ended is not None and isinstance(search.ended.failure, DocumentNotFound)
    if kind in ("pdf", "read") and is_gone and search.patient is not None:
        # The country may have a newer one: the list is asked for again.
        return await _consult(portal, request, session, search)
    if kind == "pdf":
        return to(search, "pdf")
    if kind == "read" and search.pair is not None:
        return await read_again(portal, request, session, search)
    if kind == "show":
        search.ended = None
        return to(search, "summary")
    if search.patient is not None:
        return to(search, "identity")
    if await _problems(portal, request, search, complete=True):
        return to(search, "traits")
    return await _find(portal, request, session, search)


# 4 Identity


async def identity(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/identity."""
    search = search_of(request, session)
    if search is None or search.patient is None:
        return to(search, place(search))
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
        patient=shown_person(portal, request, patient),
        warnings=warnings_of(portal, request, patient.warnings),
        country=await portal.directory.named(search.country, language),
        notice_languages=portal.named_languages(request, offered, own),
        problems=problems,
        ticked=ticked,
        person=shown,
    )


async def notice(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/notice: the information that the patient reads and signs."""
    search = search_of(request, session)
    if search is None:
        return to(None)
    response = await portal.notice(request, search.country.code)
    language = request.query_params["language"]
    search.notice_version = await portal.directory.notice_version(search.country.code, language)
    search.notice_language = language
    return response


# 5 Consult


async def consult(portal: Portal, request: Request, session: Session) -> Response:
    """POST /search/{id}/consult."""
    search = search_of(request, session)
    form = await portal.form(request, session)
    patient = search.patient if search is not None else None
    if search is None or patient is None:
        return to(search, place(search))
    if not same(form.get("shown", ""), search.shown):
        # The page is about somebody else than the search is now, in another tab for example.
        return to(search, "identity")
    ticked = [name for name in ("necessary", CONSENT, "emergency") if form.get(name)]
    wanted = ["necessary"] if "emergency" in ticked else ["necessary", CONSENT]
    if problems := [name for name in wanted if name not in ticked]:
        return await _identity_page(portal, request, search, patient, problems, ticked)
    # Consent that was gathered counts, also in an emergency.
    purpose, consent = "EMERGENCY", None
    if CONSENT in ticked:
        purpose, consent = "TREATMENT", await _consent(portal, search, form.get("notice_language", ""))
    if search.patient is not patient:
        return to(search, place(search))
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
    patient, purpose, consent, asking = search.patient, search.purpose, search.consent, session_of(session)
    assert patient is not None  # noqa: S101 - whoever calls has looked
    language = portal.language(request)
    search.forget_documents()

    def work(advance: Advance) -> Any:
        treatment = asking.confirm_treatment(patient, purpose=purpose, consent=consent)
        advance(1)
        pairs = treatment.documents()
        if not pairs:
            raise NoDocuments
        newest_first = sorted(pairs, key=made, reverse=True)
        advance(2)
        structured, rendered = read(asking, treatment, newest_first[0], language, advance, 3)
        return treatment, newest_first, pairs.warnings, structured, rendered

    return await ask(portal, request, search, "consult", work)


async def where_it_is(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}."""
    search = search_of(request, session)
    return to(search, place(search))


async def sleepless(portal: Portal) -> None:
    """Ends sessions that are over, also when nobody asks any more: patients' data do not wait in memory."""
    while True:
        await asyncio.sleep(20)
        if ended := portal.sessions.sweep(time.monotonic()):
            log("sessions.ended", count=ended)
