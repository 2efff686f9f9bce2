"""The pages a person sees: templates filled in, in French or English, with headers that let nothing else run.

Texts are in ``texts/``, looks in ``static/``; what to show is decided in ``app``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from identity_provider.people import LANGUAGES

COMMON_HEADERS = {
    "cache-control": "no-store",
    "pragma": "no-cache",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def read_texts() -> dict[str, dict[str, str]]:
    """The texts of every language."""
    folder = files("identity_provider") / "texts"
    return {language: tomllib.loads((folder / f"{language}.toml").read_text("utf-8")) for language in LANGUAGES}


class Pages:
    """Fills in templates."""

    def __init__(self) -> None:
        self._texts = read_texts()
        self._templates = Environment(
            loader=PackageLoader("identity_provider"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["moment"] = _moment

    def page(
        self,
        request: Request,
        template: str,
        *,
        heading: str,
        status: HTTPStatus = HTTPStatus.OK,
        leads_to: str | None = None,
        parameters: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page. ``leads_to`` is the client's address that a form of it may end up at; ``parameters`` those that
        show it again in the other language."""
        language = language_of(request, parameters)
        texts = self._texts[language]
        other = next(one for one in LANGUAGES if one != language)
        link = f"{request.url.path}?{urlencode({**(parameters or {}), 'ui_locales': other})}"

        def text(key: str, **filled: object) -> str:
            return texts[key].format(**filled) if filled else texts[key]

        body = self._templates.get_template(template).render(
            t=text,
            language=language,
            other_language=other,
            language_link=link if parameters is not None else None,
            heading=heading,
            **values,
        )
        headers = {**COMMON_HEADERS, "content-security-policy": policy(leads_to), "content-language": language}
        return HTMLResponse(body, status, headers)


def policy(leads_to: str | None) -> str:
    """The content security policy. Browsers apply ``form-action`` to redirects too, so the client's origin is in it."""
    target = ""
    if leads_to is not None:
        parts = urlsplit(leads_to)
        target = f" {parts.scheme}://{parts.netloc}"
    return f"default-src 'none'; style-src 'self'; form-action 'self'{target}; base-uri 'none'; frame-ancestors 'none'"


def language_of(request: Request, parameters: Mapping[str, str] | None = None) -> str:
    """``ui_locales`` of OpenID Connect, else what the browser prefers, else French."""
    wished = (parameters or {}).get("ui_locales") or request.query_params.get("ui_locales") or ""
    accepted = request.headers.get("accept-language", "")[:200].replace(",", " ")
    for tag in (*wished.split(), *accepted.split()):
        language = tag.partition(";")[0].partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
