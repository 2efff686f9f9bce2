"""A question of a search, from the moment it is put until its end is shown: waiting, giving up, and what came of it.

Knows how long a form waits, what the waiting shows, and how an answer or a failure gets into the search: once, and only
if the search still waits for it. Leaves to ``journey`` and ``reading`` what is asked, to ``questions`` how it runs, to
``failures`` the words.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ncp_client import ConnectionFailed, GatewayError, InvalidTraits, PortalRefused
from ncp_client import Session as Asking
from ncp_portal import failures, searches
from ncp_portal.failure_kinds import Ending, Step
from ncp_portal.log import log, where
from ncp_portal.portal import Portal
from ncp_portal.questions import Busy, GivenUp, Question
from ncp_portal.searches import Ended, Search
from ncp_portal.sessions import Session

QUICK = 1.5
"""Seconds that a form waits for the answer before a page that shows the waiting."""
HELD = 8.0
"""Seconds that the progress of a question is held back for news; shorter than what proxies allow."""
REFRESH = 3
"""Seconds after which a browser without scripts looks again."""
_STEPS = {"find": Step.SEARCH, "consult": Step.CONSENT, "pdf": Step.DOCUMENT, "read": Step.DOCUMENT}
_STAGES = {
    "find": ("waiting.stage_send", "waiting.stage_find"),
    "consult": ("waiting.stage_confirm", "waiting.stage_list", "waiting.stage_fetch", "waiting.stage_show"),
    "pdf": ("waiting.stage_fetch", "waiting.stage_look"),
    "read": ("waiting.stage_fetch", "waiting.stage_show"),
}
FAILURES = (GatewayError, ConnectionFailed, PortalRefused, InvalidTraits)


async def ask(portal: Portal, request: Request, search: Search, kind: str, work: Any) -> Response:
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
        return to(search, settle(portal, request, search, question))
    return to(search, "waiting")


async def waiting(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/waiting, which browsers without scripts load again and again."""
    search = search_of(request, session)
    if search is None or search.question is None:
        return to(search, place(search))
    if search.question.is_over:
        return to(search, settle(portal, request, search, search.question))
    return portal.page(request, "waiting.html", refresh=REFRESH, **await _progress(portal, request, search))


async def progress(portal: Portal, request: Request, session: Session) -> Response:
    """GET /search/{id}/progress: held until there is news, so that the answer shows as soon as it is there."""
    search = search_of(request, session)
    question = search.question if search is not None else None
    if search is None or question is None:
        return go(search, place(search))
    before = [each.state for each in question.stages()]
    until = time.monotonic() + HELD
    while time.monotonic() < until:
        if await question.over_within(min(1.0, until - time.monotonic())):
            return go(search, settle(portal, request, search, question))
        if search.question is not question:
            return go(search, place(search))
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
    search = search_of(request, session)
    await portal.form(request, session)
    if search is None or search.question is None:
        return to(search, place(search))
    search.question.give_up()
    return to(search, settle(portal, request, search, search.question))


def settle(portal: Portal, request: Request, search: Search, question: Question[Any]) -> str:
    """Takes the answer of a question that is over into the search, once; the page that shows where that is now."""
    if search.question is not question:
        # Another tab has taken it, or something else was asked meanwhile.
        return place(search)
    search.question = None
    kind, step = question.kind, _STEPS[question.kind]
    seconds = time.monotonic() - question.began
    try:
        answer = question.answer()
    except GivenUp as given_up:
        ending = Ending.TOO_SLOW if given_up.too_slow else Ending.CANCELLED
        return end(portal, request, search, ending, kind, step, seconds)
    except FAILURES as error:
        return end(portal, request, search, error, kind, step, seconds)
    except NoDocuments:
        return end(portal, request, search, Ending.NO_DOCUMENTS, kind, Step.LIST, seconds)
    except Exception as error:
        log("question.failed", country=search.country.code, step=kind, exception=where(error))
        return end(portal, request, search, ConnectionFailed("unexpected"), kind, step, seconds)
    log("question.answered", country=search.country.code, step=kind, duration_ms=round(seconds * 1000, 1))
    if kind == "find":
        if len(answer) != 1:
            ending = Ending.SEVERAL_PERSONS if answer else Ending.NOBODY_FOUND
            return end(portal, request, search, ending, kind, step, seconds)
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


class NoDocuments(Exception):
    """The country has no summary of the patient."""


def end(
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
    search = search_of(request, session)
    if search is None or search.ended is None:
        return to(search, place(search))
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


# Where a search is


def search_of(request: Request, session: Session) -> Search | None:
    return session.searches.get(request.path_params["id"])


def session_of(session: Session) -> Asking:
    login = session.login
    if login is None or login.session is None:
        raise RuntimeError("nobody is logged in")
    return login.session


def place(search: Search | None) -> str:
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


def to(search: Search | None, page: str = "") -> Response:
    return RedirectResponse(f"/search/{search.id}/{page}" if search is not None else "/search", 303)


def go(search: Search | None, page: str) -> Response:
    """The same for a fragment that stands in a page (htmx: HX-Redirect)."""
    address = f"/search/{search.id}/{page}" if search is not None else "/search"
    return Response(status_code=200, headers={"HX-Redirect": address})
