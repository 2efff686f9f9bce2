"""Reading, the last step of a consultation: the summary structured and translated, its original text, the original PDF,
and on paper.

Knows the views that the gateway makes of a document and what each page of them shows. Leaves to ``journey`` how the
documents were found, to ``asking`` the waiting for one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ncp_client import Document, DocumentPair, FetchedDocument, Patient, Rendered, Treatment, headers
from ncp_client import Session as Asking
from ncp_portal import failures, searches
from ncp_portal.asking import FAILURES, ask, end, place, search_of, session_of, to
from ncp_portal.failure_kinds import Step
from ncp_portal.portal import VIEWS, Portal
from ncp_portal.questions import Advance
from ncp_portal.searches import Search
from ncp_portal.security import same
from ncp_portal.sessions import Session


async def summary(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/summary: the summary within a page of the portal."""
    search = search_of(request, session)
    pair = search.pair if search is not None else None
    if search is None or pair is None:
        return to(search, place(search))
    _make_room(portal, session, search)
    structured, list_warnings = search.structured, search.list_warnings
    if structured is None and pair.structured is None:
        return await _without_structure(portal, request, search, pair)
    if structured is None:
        if search.question is not None or search.ended is not None:
            return to(search, place(search))
        return await read_again(portal, request, session, search)
    view = request.query_params.get("view", "")
    view = view if view in VIEWS else "translated"
    try:
        rendered = await _rendered(portal, request, session, search, structured, view)
    except FAILURES as error:
        return to(search, end(portal, request, search, error, "show", Step.DOCUMENT, 0.0))
    parts = await portal.desk.call(rendered.embedded)
    if search.structured is not structured:
        return to(search, place(search))
    warnings = (*list_warnings, *structured.warnings, *rendered.warnings)
    return portal.page(
        request,
        "summary.html",
        patient=None,
        document=None,
        warnings=warnings_of(portal, request, warnings),
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
        patient=shown_person(portal, request, patient) if patient is not None else None,
        document=_about(pair.best, (await portal.directory.named(search.country, portal.language(request))).name),
        warnings=warnings_of(portal, request, search.list_warnings),
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
    search = search_of(request, session)
    form = await portal.form(request, session)
    number = form.get("number", "")
    numbers = {str(each) for each in range(len(search.pairs))} if search is not None else set()
    if search is None or search.treatment is None or number not in numbers:
        return to(search, place(search))
    if not same(form.get("shown", ""), search.shown):
        return to(search, place(search))
    search.current = int(number)
    return await read_again(portal, request, session, search)


async def read_again(portal: Portal, request: Request, session: Session, search: Search) -> Response:
    search.forget_reading()
    treatment, pair, language = search.treatment, search.pairs[search.current], portal.language(request)
    asking = session_of(session)
    if treatment is None:
        return to(search, place(search))
    return await ask(
        portal, request, search, "read", lambda advance: read(asking, treatment, pair, language, advance, 1)
    )


async def _rendered(
    portal: Portal, request: Request, session: Session, search: Search, fetched: FetchedDocument, view: str
) -> Rendered:
    """A view of the summary, made by the gateway when it is looked at for the first time."""
    asking, language = session_of(session), portal.language(request)
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
    search = search_of(request, session)
    if search is None or search.structured is None:
        return to(search, place(search))
    try:
        structured = search.structured
        rendered = await _rendered(portal, request, session, search, structured, "print")
    except FAILURES as error:
        return to(search, end(portal, request, search, error, "show", Step.DOCUMENT, 0.0))
    if search.structured is not structured:
        return to(search, place(search))
    return Response(rendered.content, headers=headers.page())


async def pdf(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/pdf: the original, fetched when somebody wants to see it."""
    search = search_of(request, session)
    pair = search.pair if search is not None else None
    if search is None or pair is None or search.treatment is None:
        return to(search, place(search))
    if pair.original is None:
        return to(search, "summary")
    if (rendered := search.rendered.get(("pdf", ""))) is None:
        if search.question is not None:
            return to(search, "waiting")
        treatment, wanted, asking = search.treatment, pair.original, session_of(session)
        language = portal.language(request)

        def work(advance: Advance) -> tuple[FetchedDocument, Rendered]:
            fetched = treatment.fetch(wanted, language="")
            advance(1)
            return fetched, asking.render(fetched, view="pdf", language=language)

        return await ask(portal, request, search, "pdf", work)
    _make_room(portal, session, search)
    warnings = (*(search.original.warnings if search.original else ()), *rendered.warnings)
    return portal.page(
        request,
        "document_pdf.html",
        warnings=warnings_of(portal, request, warnings),
        has_structured=pair.structured is not None,
    )


async def pdf_file(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/document.pdf: the file in the frame, or to be kept."""
    search = search_of(request, session)
    rendered = search.rendered.get(("pdf", "")) if search is not None else None
    if rendered is None:
        return portal.problem(request, 404)
    inline = "download" not in request.query_params
    return Response(
        rendered.content, headers={**headers.pdf(["'self'"], inline=inline), "X-Frame-Options": "SAMEORIGIN"}
    )


def read(
    asking: Asking, treatment: Treatment, pair: DocumentPair, language: str, advance: Advance, stage: int
) -> tuple[FetchedDocument | None, Rendered | None]:
    """The structured document and its page; nothing where the country has a PDF alone."""
    if pair.structured is None:
        return None, None
    fetched = treatment.fetch(pair.structured, language=language)
    advance(stage)
    return fetched, asking.render(fetched, view="translated", language=language)


def made(pair: DocumentPair) -> datetime:
    return pair.best.created or datetime.min.replace(tzinfo=UTC)


def shown_person(portal: Portal, request: Request, patient: Patient) -> dict[str, str]:
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


def warnings_of(portal: Portal, request: Request, names: tuple[str, ...]) -> list[str]:
    texts = portal.failure_texts(request)
    return list(dict.fromkeys(failures.warning_text(name, texts).text for name in names))


def _make_room(portal: Portal, session: Session, search: Search) -> None:
    bounds = portal.settings.session
    searches.make_room(session.searches, search, bounds.documents << 20)
    portal.sessions.make_room(session, bounds.all_documents << 20)
