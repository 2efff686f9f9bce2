"""The patient information notice as a PDF, with the form that the patient signs.

Knows how the page looks; its words come from ``notice``. A module of its own because fpdf and the font tools behind it
are twice the size of the gateway: it is imported when the first notice is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime

from fpdf import FPDF

from ncp.frontend.notice import PLACEHOLDERS, Fonts, NoticeText, Parties

_FAMILY = "notice"
_MARGIN = 18.0
_LINE = 5.2
_FORM_HEIGHT = 92.0


def write_notice(notice: NoticeText, parties: Parties, fonts: Fonts, *, at: datetime) -> bytes:
    """The PDF: the notice, then the form on one page with its signature block. Same input, same bytes."""
    pdf = _Page(notice, fonts, at)
    filled = {name: getattr(parties, name) for name in PLACEHOLDERS}
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
