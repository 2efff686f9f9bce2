"""The portal's pages for tests: every template with contexts as its handler gives them.

Knows the contexts of the pages and the functions that every template may call; people and countries are made up.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

PACKAGE = Path(__file__).resolve().parents[2] / "portal" / "src" / "ncp_portal"
LANGUAGES = {"fr": "Français", "en": "English"}
BRAND = {
    "name": "Sesali",
    "tagline": "Service européen de santé en ligne",
    "organisation": "Agence du numérique",
    "address": ["9 rue de l'Exemple", "75015 Paris"],
    "organisation_url": "https://agency.example/",
    "assistance_url": "https://assistance.example/",
    "logo": None,
}
_SITUATIONS = [
    {
        "id": "0.0",
        "profession": "Médecin généraliste",
        "place": "CABINET DU DR CYRIL",
        "address": "695 avenue de Paris, 75014 Paris",
    },
    {
        "id": "0.1",
        "profession": "Médecin généraliste",
        "place": "CENTRE HOSPITALIER DE L'EXEMPLE",
        "address": "1 rue Longue, 33000 Bordeaux",
    },
]
PROFESSIONAL = {
    "name": "CYRIL TOUBIB",
    "identifier": "899700000001",
    "situation": _SITUATIONS[0],
    "situations": _SITUATIONS,
}
_STATES = [
    ("HR", "Croatie", "green"),
    ("MT", "Malte", "yellow"),
    ("PT", "Portugal", "green"),
    ("CZ", "Tchéquie", "red"),
]
COUNTRIES = [
    {"code": code, "name": name, "state": state, "services": ["PS"], "live": True} for code, name, state in _STATES
] + [{"code": "EE", "name": "Estonie", "state": "green", "services": [], "live": False}]
_CROATIA = {"code": "HR", "name": "Croatie"}
_NOTICES = [
    {"code": "fr", "name": "français", "current": False},
    {"code": "hr", "name": "croate", "current": True},
]
_PATIENT = {
    "name": "MARIJA BOŽIČEVIĆ",
    "family": "BOŽIČEVIĆ",
    "given": "MARIJA",
    "sex_text": "Femme",
    "birth_date": "1985-03-19",
    "address": "",
    "identifier": "157601853",
}


def _field(id: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"description": "", "original_description": "", "mandatory": False, "group": "", "hint": ""}
    return {"id": id, "kind": kind, "name": name, "alternative": "", "value": "", "problem": None} | plain | more


_FIELDS = [
    _field(
        "f1",
        "identifier",
        "Numéro d'identification",
        group="g",
        alternative="a",
        mandatory=True,
        hint="9 chiffres",
        description="Au dos de la carte.",
        original_description="Na poleđini iskaznice.",
        problem="9 chiffres attendus",
    ),
    _field("f2", "identifier", "Numéro de carte", group="g", alternative="b"),
    _field("f3", "family", "Nom", mandatory=True),
    _field("f4", "birthDate", "Date de naissance", mandatory=True, problem="Date attendue : JJ/MM/AAAA", value="1985"),
    _field("f5", "gender", "Sexe", value="F"),
]
_GROUPS = [
    {
        "id": "g",
        "choice": True,
        "chosen": "a",
        "alternatives": [
            {"id": "a", "name": "Par numéro d'identification"},
            {"id": "b", "name": "Par carte d'assurance"},
        ],
    }
]
_STEPS = [
    {"name": "Préparation de la demande", "state": "done"},
    {"name": "Recherche du patient en Croatie", "state": "running"},
    {"name": "Lecture de la réponse", "state": "todo"},
]
_BANNER = '<header class="banner"><h1>MARIJA BOŽIČEVIĆ</h1><span class="fact">19/03/1985</span></header>'
_MAIN = '<section class="box" id="alerts"><h2>Alertes</h2><p>Allergie : pénicilline</p></section>'
_OUTCOME = {
    "title": "Le patient n'a pas été trouvé",
    "text": "Le pays ne connaît pas de patient avec ces traits d'identité.",
    "todo": ["Vérifiez chaque trait sur un document officiel.", "Demandez au patient s'il a activé le service."],
    "tone": "warning",
    "code": "ERROR_PI_NO_MATCH",
    "reference": "7f3a-22",
    "country": _CROATIA,
    "failed_gateway": "",
    "faq": "not-found",
    "retry": True,
    "edit": True,
    "national_message": "Pacijent nije pronađen",
}

_AT = "/search/q7Xk2m"
# Name of the case: template, path, signed in, own context.
CASES: dict[str, tuple[str, str, bool, dict[str, Any]]] = {
    "home": (
        "home.html",
        "/",
        False,
        {"countries": COUNTRIES, "terms_version": "2026-1", "problem": None, "notice_languages": _NOTICES},
    ),
    "home-problem": (
        "home.html",
        "/",
        False,
        {"countries": [], "terms_version": "2026-1", "problem": "terms", "notice_languages": []},
    ),
    "home-signed-in": (
        "home.html",
        "/",
        True,
        {"countries": COUNTRIES, "terms_version": "2026-1", "problem": None, "notice_languages": _NOTICES},
    ),
    **{
        name: (f"{name}.html", f"/{name}", True, {"terms_version": "2026-1"})
        for name in ("terms", "privacy", "guide", "faq", "accessibility")
    },
    "place": ("place.html", "/place", True, {"situations": _SITUATIONS, "problem": None}),
    "place-problem": (
        "place.html",
        "/place",
        True,
        {"situations": _SITUATIONS, "problem": "choose", "professional": None},
    ),
    "refused": (
        "refused.html",
        "/refused",
        False,
        {
            "code": "PRIVATE_INSURANCE",
            "message": "Exercice pour une assurance privée.",
            "name": "Cyril Toubib",
            "identifier": "",
            "faq": "eligibility",
            "directory_url": "https://directory.example/",
            "assistance_url": "https://assistance.example/",
        },
    ),
    "country": ("country.html", "/search", True, {"countries": COUNTRIES, "chosen": "HR", "problem": None}),
    "country-problem": ("country.html", "/search", True, {"countries": COUNTRIES, "chosen": None, "problem": "choose"}),
    "country-none": ("country.html", "/search", True, {"countries": [], "chosen": None, "problem": None}),
    "traits": (
        "traits.html",
        f"{_AT}/traits",
        True,
        {
            "country": _CROATIA,
            "fields": _FIELDS,
            "groups": _GROUPS,
            "problems": [],
            "images": [{"url": "/static/flags/hr.svg", "name": "Carte d'identité", "alt": "Le numéro est au dos"}],
        },
    ),
    "traits-plain": (
        "traits.html",
        f"{_AT}/traits",
        True,
        {
            "country": _CROATIA,
            "fields": _FIELDS[2:3],
            "groups": [],
            "images": [],
            "problems": ["Saisissez au moins un identifiant."],
        },
    ),
    "waiting": (
        "waiting.html",
        f"{_AT}/waiting",
        True,
        {"country": _CROATIA, "title": "Recherche en cours", "steps": _STEPS, "seconds": 3, "refresh": 3},
    ),
    "identity": (
        "identity.html",
        f"{_AT}/identity",
        True,
        {"patient": _PATIENT, "warnings": [], "country": _CROATIA, "notice_languages": _NOTICES, "problems": []},
    ),
    "identity-problem": (
        "identity.html",
        f"{_AT}/identity",
        True,
        {
            "patient": _PATIENT,
            "warnings": ["Le prénom diffère de celui saisi.", "Autre"],
            "country": _CROATIA,
            "notice_languages": [],
            "problems": ["necessary", "consent"],
            "ticked": ["emergency"],
        },
    ),
    "outcome": ("outcome.html", f"{_AT}/outcome", True, _OUTCOME),
    "outcome-error": (
        "outcome.html",
        f"{_AT}/outcome",
        True,
        _OUTCOME | {"tone": "error", "todo": [], "edit": False, "country": None, "national_message": ""},
    ),
    "outcome-info": (
        "outcome.html",
        f"{_AT}/outcome",
        True,
        _OUTCOME | {"tone": "info", "retry": False, "edit": False},
    ),
    "summary": (
        "summary.html",
        f"{_AT}/summary",
        True,
        {
            "patient": None,
            "document": None,
            "warnings": [],
            "view": "translated",
            "has_structured": True,
            "has_pdf": True,
            "why_not": "",
            "embedded": {"banner": _BANNER, "main": _MAIN, "layout": "translated"},
        },
    ),
    "summary-none": (
        "summary.html",
        f"{_AT}/summary",
        True,
        {
            "patient": _PATIENT,
            "warnings": ["À lire avec prudence."],
            "view": "translated",
            "has_structured": False,
            "document": {
                "country": "Croatie",
                "language": "croate",
                "created": "2020-03-19",
                "updated": "",
                "nature": "Automatique",
                "author": "",
            },
            "has_pdf": True,
            "why_not": "Le pays n'a transmis que le fichier d'origine.",
            "embedded": None,
        },
    ),
    "document_pdf": ("document_pdf.html", f"{_AT}/pdf", True, {"warnings": [], "has_structured": True}),
    "signed_out": ("signed_out.html", "/signed-out", False, {}),
    **{
        f"session_ended-{why}": ("session_ended.html", "/session-ended", False, {"why": why})
        for why in ("idle", "absolute", "provider", "unknown")
    },
    "problem": (
        "problem.html",
        "/nowhere",
        False,
        {"status": 404, "title": "Page introuvable", "text": "Cette adresse ne mène à rien.", "reference": "7f3a"},
    ),
}


@cache
def catalogue(language: str) -> dict[str, str]:
    """The texts of a language by dotted key."""

    def flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
        found: dict[str, str] = {}
        for key, value in table.items():
            found |= {prefix + key: value} if isinstance(value, str) else flat(value, f"{prefix}{key}.")
        return found

    return flat(tomllib.loads((PACKAGE / "texts" / f"{language}.toml").read_text(encoding="utf-8")))


@cache
def environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(PACKAGE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )


def render(case: str, language: str) -> str:
    """A page of ``CASES`` in a language."""
    template, here, signed_in, own = CASES[case]
    texts = catalogue(language)
    named = {key: BRAND[key] for key in ("name", "tagline", "organisation")}

    def flag(code: str) -> str:
        known = (PACKAGE / "static" / "flags" / f"{code.lower()}.svg").exists()
        return f"/static/flags/{code.lower() if known else 'unknown'}.svg"

    shared: dict[str, Any] = {
        "t": lambda key, **values: texts[key].format(**(named | values)),
        "language": language,
        "languages": [{"code": code, "name": name, "current": code == language} for code, name in LANGUAGES.items()],
        "here": here,
        "csrf": "token",
        "brand": BRAND,
        "asset": lambda name: f"/static/{name}",
        "signed_in": signed_in,
        "professional": PROFESSIONAL if signed_in else None,
        "page": template.removesuffix(".html"),
        "session": {"idle_seconds": 1200, "ends_seconds": 28800} if signed_in else None,
        "refresh": None,
        "faq_url": lambda anchor: f"/faq#{anchor}",
        "flag": flag,
        "date": lambda value: "/".join(reversed(value.split("-"))),
        "info": lambda value: value or "Information indisponible",
    }
    return environment().get_template(template).render(shared | own)
