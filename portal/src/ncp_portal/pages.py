"""Templates and what every one of them may use: texts, dates, addresses of static files, who is logged in.

Knows Jinja2 (autoescaping for all, an unknown name is an error) and static files, whose addresses carry their digest so
that browsers may keep them. Leaves to the handlers what a page is about.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from babel import Locale

from ncp_portal.settings import Settings
from ncp_portal.texts import Texts

_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")
_FLAG = {"EL": "gr", "UK": "gb"}
"""Codes of the network that are not those of ISO 3166."""
_MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class StaticFile:
    media_type: str
    content: bytes
    digest: str


class Pages:
    """Writes pages in the languages of ``texts``."""

    def __init__(self, settings: Settings, texts: Mapping[str, Texts]) -> None:
        self.texts = texts
        self.files = _static_files()
        if settings.brand.logo is not None:
            content = settings.brand.logo.read_bytes()
            media = mimetypes.guess_type(settings.brand.logo.name)[0] or "application/octet-stream"
            self.files["brand"] = StaticFile(media, content, _digest(content))
        self._brand = settings.brand
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("ncp_portal"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            auto_reload=False,
        )

    def write(self, template: str, language: str, shared: Mapping[str, Any], own: Mapping[str, Any]) -> str:
        """A page. ``shared`` is what ``Portal`` knows of the request, ``own`` what the page is about."""
        texts = self.texts[language]
        context = {
            "t": texts,
            "language": language,
            "languages": [
                {"code": each, "name": language_name(each, each), "current": each == language} for each in self.texts
            ],
            "brand": self.brand(texts),
            "asset": self.asset,
            "page": template.removesuffix(".html").lstrip("_"),
            "refresh": None,
            "faq_url": lambda anchor: f"/faq#{anchor}" if anchor else "/faq",
            "flag": self.flag,
            "date": day,
            "info": lambda value: value or texts("form.unavailable"),
        }
        return self._environment.get_template(template).render({**context, **shared, **own})

    def brand(self, texts: Texts) -> dict[str, Any]:
        brand = self._brand
        return {
            "name": brand.name,
            "tagline": texts.common["tagline"],
            "organisation": brand.organisation,
            "address": brand.address,
            "organisation_url": brand.organisation_url,
            "assistance_url": brand.assistance_url,
            "logo": self.asset("brand") if "brand" in self.files else None,
        }

    def asset(self, name: str) -> str:
        return f"/static/{name}?v={self.files[name].digest}"

    def flag(self, code: str) -> str:
        name = f"flags/{_FLAG.get(code.upper(), code.lower())}.svg"
        return self.asset(name if name in self.files else "flags/unknown.svg")


@cache
def _static_files() -> dict[str, StaticFile]:
    files: dict[str, StaticFile] = {}
    root = resources.files("ncp_portal") / "static"
    for folder, prefix in ((root, ""), (root / "flags", "flags/")):
        for file in folder.iterdir():
            ending = file.name[file.name.rfind(".") :]
            if file.is_file() and ending in _MEDIA:
                content = file.read_bytes()
                files[prefix + file.name] = StaticFile(_MEDIA[ending], content, _digest(content))
    return files


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def day(value: str) -> str:
    """``1985-03-19`` as ``19/03/1985``; year or month alone stay so; anything else as it is."""
    match = _DAY.fullmatch(value)
    return "/".join(filter(None, reversed(match.groups()))) if match else value


@cache
def language_name(code: str, language: str) -> str:
    """A language's name in another, from CLDR; the code where there is none."""
    name = Locale.parse(language).languages.get(code.partition("-")[0])
    return name[:1].upper() + name[1:] if name else code
