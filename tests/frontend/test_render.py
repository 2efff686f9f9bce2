"""Documents for display: which views there are, and what becomes of bytes that are no summary."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.frontend import render
from ncp.frontend.port import View
from ncp.semantics.display.view import Provenance
from ncp.semantics.model import Header
from ncp.wire.errors import DocumentError
from tests.support.pages import shipped
from tests.support.summaries import ICD, Shown, code, document, problem, section

CDA = document(
    section(
        "11450-4",
        problem(code("value", "J45.8", ICD, "Astma", kind="CD")),
        text="<table><tr><td>astma od djetinjstva</td></tr></table>",
    )
)


def about(header: Header) -> Provenance:
    return Provenance(datetime(2026, 5, 1, tzinfo=UTC), differs=("name",) if header.patient else ())


def shown(content: bytes = CDA, view: View = View.TRANSLATED, language: str = "fr-FR") -> tuple[str, bytes]:
    return render.shown(content, view, language, shipped(), about)


@pytest.mark.parametrize("view", [View.TRANSLATED, View.ORIGINAL, View.BOTH, View.PRINT])
def test_every_view_is_a_page_with_both_the_words_and_the_codes(view: View) -> None:
    kind, content = shown(view=view)
    assert kind == "text/html; charset=utf-8"
    words = Shown(content).words()
    assert (
        "astma od djetinjstva" in words
        and "Astma" in words
        and "diffère de l'identité confirmée lors de la recherche (nom)" in words
    )


def test_what_is_open_is_what_was_asked_for() -> None:
    def opened(view: View) -> list[bool]:
        parts = [one for one in Shown(shown(view=view)[1]).root.iter("details") if "half" in (one.get("class") or "")]
        return [one.get("open") is not None for one in parts]

    assert opened(View.TRANSLATED) == [True, False]
    assert opened(View.ORIGINAL) == [False, True]
    assert opened(View.BOTH) == opened(View.PRINT) == [True, True]


def test_a_terminal_gets_text() -> None:
    kind, content = shown(view=View.TEXT, language="en-GB")
    assert kind == "text/plain; charset=utf-8"
    assert "Active problems (1 item)" in content.decode() and b"<" not in content


def test_an_unknown_language_is_read_in_english() -> None:
    assert "Active problems" in Shown(shown(language="xx")[1]).words()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "xml.malformed"),
        (b"%PDF-1.4", "xml.malformed"),
        (b"<a/>", "document.format"),
        (b"<!DOCTYPE a><a/>", "xml.dtd"),
        (b"\xff\xfe", "xml.encoding"),
        (b"<ClinicalDocument/>", "document.format"),
        (b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>", "document.body"),
        (
            b"<ClinicalDocument xmlns='urn:hl7-org:v3'><component><nonXMLBody><text/></nonXMLBody></component>"
            b"</ClinicalDocument>",
            "view.not_structured",
        ),
        (b" " * (render.DOCUMENT_MAX + 1), "xml.too_large"),
    ],
)
def test_what_is_no_coded_document_is_a_declared_error(content: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as refused:
        shown(content)
    assert (refused.value.code, refused.value.reason) == ("ERROR_UI_TRANSFORMATION", reason)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_bytes_give_a_page_or_a_declared_error(data: st.DataObject) -> None:
    message = bytearray(CDA)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=5))
    with contextlib.suppress(DocumentError):
        assert Shown(shown(bytes(message))[1]).errors == []
