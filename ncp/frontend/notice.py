"""The patient information notice: from a country's texts to a PDF with the form that the patient signs.

Knows the shape of a notice file and how the page looks. Leaves to configuration every word of it
(``config/notices/<language>.toml``) and which fonts hold its letters.
"""

from __future__ import annotations

import io
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF

FILE_MAX = 256 * 1024
_FAMILY = "notice"
_MARGIN = 18.0
_LINE = 5.2
_FORM_HEIGHT = 92.0
_PLACEHOLDERS = frozenset(("treatment", "residence", "controller", "contact"))
_FORM = ("heading", "name", "given", "statement", "agreement", "place", "date", "signature")


class NoticeRefused(ValueError):
    """A notice file that cannot be used; the text says where."""


@dataclass(frozen=True, slots=True)
class Fonts:
    """Two TrueType files that hold every letter of the texts."""

    regular: Path
    bold: Path


@dataclass(frozen=True, slots=True)
class Parties:
    """What is filled into the texts: names of the countries in the language of the notice, who is responsible in the
    country of treatment, and whom to ask."""

    treatment: str
    residence: str
    controller: str
    contact: str


@dataclass(frozen=True, slots=True)
class NoticeText:
    """A notice in one language. ``form`` has the labels of the signature form by name."""

    language: str
    version: str
    title: str
    subtitle: str
    sections: tuple[tuple[str, str], ...]
    form: Mapping[str, str]


def read_notice(data: bytes, language: str) -> NoticeText:
    """A notice file (TOML). Raises ``NoticeRefused`` for a missing or unknown key or a placeholder that is none."""
    if len(data) > FILE_MAX:
        raise NoticeRefused(f"{language}: larger than {FILE_MAX} bytes")
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NoticeRefused(f"{language}: not TOML: {type(error).__name__}") from None
    _expect_keys(language, table, {"version", "title", "subtitle", "section", "form"})
    if not isinstance(table["section"], list) or not table["section"] or not isinstance(table["form"], dict):
        raise NoticeRefused(f"{language}: [[section]] and [form] are needed")
    sections = []
    for section in table["section"]:
        _expect_keys(language, section, {"heading", "text"})
        sections.append((_text(language, section["heading"]), _text(language, section["text"])))
    _expect_keys(language, table["form"], set(_FORM))
    return NoticeText(
        language=language,
        version=_text(language, table["version"]),
        title=_text(language, table["title"]),
        subtitle=_text(language, table["subtitle"]),
        sections=tuple(sections),
        form={key: _text(language, table["form"][key]) for key in _FORM},
    )


def load_notices(folder: Path) -> dict[str, NoticeText]:
    """Every ``<language>.toml`` of a folder, by language. Raises ``NoticeRefused`` when there is none."""
    notices = {file.stem.lower(): read_notice(file.read_bytes(), file.stem.lower()) for file in folder.glob("*.toml")}
    if not notices:
        raise NoticeRefused(f"no notice in {folder.name}")
    return notices


def choose(notices: Mapping[str, NoticeText], language: str) -> NoticeText:
    """The notice in the language asked for (BCP 47), else in English, else any: a notice is always better than none."""
    wanted = language.lower()
    for tag in (wanted, wanted.partition("-")[0], "en"):
        if tag in notices:
            return notices[tag]
    return notices[min(notices)]


def write_notice(notice: NoticeText, parties: Parties, fonts: Fonts, *, at: datetime) -> bytes:
    """The PDF: the notice, then the form on one page with its signature block. Same input, same bytes."""
    pdf = _Page(notice, fonts, at)
    filled = {name: getattr(parties, name) for name in _PLACEHOLDERS}
    pdf.add_page()
    pdf.set_font(_FAMILY, "B", 17)
    pdf.multi_cell(0, 8, notice.title, align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(_FAMILY, "", 10)
    pdf.multi_cell(0, _LINE, notice.subtitle.format(**filled), align="L", new_x="LMARGIN", new_y="NEXT")
    for heading, text in notice.sections:
        pdf.ln(2.5)
        pdf.set_font(_FAMILY, "B", 11)
        pdf.multi_cell(0, 6, heading.format(**filled), align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.set_font(_FAMILY, "", 10)
        pdf.multi_cell(0, _LINE, text.format(**filled), align="L", new_x="LMARGIN", new_y="NEXT")
    _write_form(pdf, {key: text.format(**filled) for key, text in notice.form.items()})
    written = io.BytesIO()
    pdf.output(written)
    return written.getvalue()


def _write_form(pdf: _Page, form: Mapping[str, str]) -> None:
    if pdf.get_y() + _FORM_HEIGHT > pdf.h - _MARGIN:
        pdf.add_page()
    pdf.ln(5)
    top = pdf.get_y()
    pdf.set_font(_FAMILY, "B", 13)
    pdf.cell(0, 9, form["heading"], align="C", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(_FAMILY, "", 10)
    for label in (form["name"], form["given"]):
        _blank_line(pdf, label, pdf.epw)
    pdf.ln(2)
    for text in (form["statement"], form["agreement"]):
        pdf.multi_cell(0, _LINE, text, align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(1.5)
    y = pdf.get_y()
    _blank_line(pdf, form["place"], pdf.epw * 0.55)
    pdf.set_xy(_MARGIN + pdf.epw * 0.6, y)
    _blank_line(pdf, form["date"], pdf.epw * 0.4)
    pdf.set_x(_MARGIN)
    pdf.cell(0, 8, form["signature"], align="L", new_x="LMARGIN", new_y="NEXT")
    pdf.rect(_MARGIN, pdf.get_y(), pdf.epw, 22)
    pdf.rect(_MARGIN - 3, top, pdf.epw + 6, pdf.get_y() + 25 - top)


def _blank_line(pdf: _Page, label: str, width: float) -> None:
    """A label and a line to write on, ``width`` millimetres from here."""
    x, y = pdf.get_x(), pdf.get_y()
    pdf.cell(width, 8, f"{label}:")
    start = x + pdf.get_string_width(f"{label}:") + 4
    pdf.set_draw_color(120)
    pdf.line(start, y + 6.5, x + width, y + 6.5)
    pdf.set_draw_color(0)
    pdf.set_xy(_MARGIN, y + 9)


class _Page(FPDF):
    """A4 with a footer that names the version, so that a signed sheet tells which text was signed."""

    def __init__(self, notice: NoticeText, fonts: Fonts, at: datetime) -> None:
        super().__init__(format="A4")
        self._footer = f"{notice.title} · {notice.version} · {notice.language}"
        self.add_font(_FAMILY, "", fonts.regular)
        self.add_font(_FAMILY, "B", fonts.bold)
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(True, _MARGIN)
        self.set_title(notice.title)
        self.set_lang(notice.language)
        self.set_creation_date(at)

    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(_FAMILY, "", 8)
        self.cell(0, 5, f"{self._footer} · {self.page_no()}", align="C")


def _expect_keys(language: str, table: Mapping[str, Any], expected: set[str]) -> None:
    missing, unknown = expected - table.keys(), table.keys() - expected
    if missing or unknown:
        raise NoticeRefused(f"{language}: missing {sorted(missing)}, unknown {sorted(unknown)}")


def _text(language: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise NoticeRefused(f"{language}: a text is empty")
    try:
        fields = list(string.Formatter().parse(value))
    except ValueError:
        raise NoticeRefused(f"{language}: a brace is not closed") from None
    for _, name, specification, conversion in fields:
        if name is not None and (name not in _PLACEHOLDERS or specification or conversion):
            raise NoticeRefused(f"{language}: a placeholder is not known")
    return value
