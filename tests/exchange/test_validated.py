"""Validation of what arrives: a warning for the professional, or a refusal that names the country."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ncp.consultation import _translated
from ncp.exchange import Exchange, Side
from ncp.frontend.port import FetchedDocument
from ncp.semantics.terminology.catalogue import Catalogue
from ncp.semantics.validation.policy import Mode, Modes, Policy
from ncp.semantics.validation.validator import Validator
from ncp.transforming import Transformer
from ncp.wire.errors import DocumentError
from ncp.wire.ids import CountryCode
from tests.support.demo_summaries import demo_summaries
from tests.support.summaries import document, section

HR = CountryCode("HR")
BROKEN = document(section("11450-4"))


def arrives(content: bytes, mode: Mode, folder: Path) -> tuple[FetchedDocument, Exchange]:
    exchange = Exchange("t", Side.NCP_B, datetime(2026, 5, 1, tzinfo=UTC))
    transformer = Transformer(Catalogue(folder), None, validator=Validator(Policy(Modes(own=mode))))
    fetched = FetchedDocument(content, "text/xml", None, ("document.several",))
    return _translated(fetched, "60591-5", HR, "fr-FR", transformer, exchange), exchange


def test_the_professional_is_told_beside_the_document(tmp_path: Path) -> None:
    shown, exchange = arrives(BROKEN, Mode.WARN, tmp_path)
    assert (shown.content, shown.warnings) == (BROKEN, ("document.several", "document.not_conforming"))
    assert any(note.startswith("validation.2403:") for note in exchange.notes)
    assert [step.name for step in exchange.steps] == ["validate", "translate"]


def test_a_refusal_names_the_country_whose_document_it_is(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as refused:
        arrives(BROKEN, Mode.REFUSE, tmp_path)
    assert (refused.value.code, refused.value.gateway) == ("ERROR_PS_MISSING_BASIC_SECTIONS", "HR")


@pytest.mark.parametrize("mode", [Mode.WARN, Mode.REFUSE])
def test_documents_that_keep_the_rules_come_without_a_word(mode: Mode, tmp_path: Path) -> None:
    written = next(demo_summaries())
    shown, exchange = arrives(written.content, mode, tmp_path)
    assert shown.warnings == ("document.several",)
    assert not [note for note in exchange.notes if note.startswith("validation")]


def test_bytes_that_are_no_xml_are_judged_by_nobody(tmp_path: Path) -> None:
    shown, _ = arrives(b"<x", Mode.REFUSE, tmp_path)
    assert shown.content == b"<x"
