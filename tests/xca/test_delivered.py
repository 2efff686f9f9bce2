"""What is inside a delivered document: level, patient, PDF; hostile documents."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ncp.storage.persons import Confirmed, ConfirmedPersons
from ncp.storage.state import State
from ncp.wire.errors import DocumentError
from ncp.wire.ids import II, CountryCode
from tests.shared import shared_files
from tests.support.xca import PATIENT, PDF, cda, level1, unhurried
from xca.delivered import check_patient, level, pdf_of
from xca.messages import DocumentRequest
from xca.outcomes import WARNING_TEXTS
from xcpd.messages import Person

REQUEST = DocumentRequest("1.2.3.4.88^PS-0001", "1.2.3.4.77")
ERIKA = Person(PATIENT, "Muster", "Erika", birth_date="19700409")
BASE64 = base64.b64encode(PDF).decode()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def refusal(check: object) -> DocumentError:
    with pytest.raises(DocumentError) as refused:
        check()  # type: ignore[operator]
    assert "Muster" not in f"{refused.value!r} {refused.value.message} {refused.value.context}"
    return refused.value


_persons: list[ConfirmedPersons] = []


@pytest.fixture(scope="module", autouse=True)
def persons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The gateway's own memory of persons: names and dates are compared by what it kept of them."""
    state = State(tmp_path_factory.mktemp("state"))
    _persons.append(ConfirmedPersons(state))
    yield
    _persons.clear()
    state.close()


def confirmed(person: Person) -> Confirmed:
    country, at = CountryCode("FR"), datetime(2026, 1, 1, tzinfo=UTC)
    _persons[0].remember(country, person, at)
    recalled = _persons[0].recall(country, person.id, at)
    assert recalled is not None
    return recalled


def checked(document: bytes, person: Person | None = ERIKA, patient: II = PATIENT) -> list[str]:
    warnings = check_patient(document, REQUEST, patient, None if person is None else confirmed(person))
    assert set(warnings) <= set(WARNING_TEXTS)
    return warnings


# Level


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (cda(), "L3"),
        (level1(BASE64), "L1"),
        (PDF, "PDF"),
        (b"\n\n" + PDF, "PDF"),
        (b"\xef\xbb\xbf" + cda(), "L3"),
        (b"\n  " + cda(), "L3"),
        (cda().replace(b"<component>", b"<component><!-- %PDF- -->"), "L3"),
        (b"<!-- %PDF-1.4 -->" + cda().partition(b"?>")[2], "L3"),
    ],
)
def test_the_bytes_tell_the_level(content: bytes, expected: str) -> None:
    assert level(content) == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "document.format"),
        (b"   ", "document.format"),
        (b"plain text", "document.format"),
        (b"\x89PNG\r\n\x1a\n", "document.format"),
        (b"\x00\x01\x02" * 500 + b"%PDF-", "document.format"),
        (b"<html><body>%PDF-</body></html>", "document.format"),
        (b"<ClinicalDocument/>", "document.format"),
        (b'<x:Other xmlns:x="urn:hl7-org:v3"/>', "document.format"),
        (cda(""), "document.body"),
        (cda("<otherBody/>"), "document.body"),
        (b"<ClinicalDocument", "xml.malformed"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "xml.dtd"),
        (b'<ClinicalDocument xmlns="urn:hl7-org:v3">&e;</ClinicalDocument>', "xml.malformed"),
        (b"<a>" * 200 + b"</a>" * 200, "xml.too_deep"),
        (cda().replace(b"UTF-8", b"UTF-7"), "xml.encoding"),
    ],
)
def test_what_is_no_document_is_refused(content: bytes, reason: str) -> None:
    for check in (lambda: level(content), lambda: checked(content), lambda: pdf_of(content)):
        assert refusal(check).reason == reason


# Patient


def test_a_document_that_names_the_patient_is_hers() -> None:
    assert checked(cda()) == []
    assert checked(cda(family="<family>Other</family>", birth="19000101")) == []


def test_one_of_several_ids_is_enough() -> None:
    ids = '<id nullFlavor="NI"/><id root="9.9" extension="X"/><id root="1.2.3.4.5" extension="PAT-0001"/>'
    assert checked(cda(patient=ids)) == []


def test_the_number_before_the_access_code_counts() -> None:
    asked = II("1.2.3.4.5", "PAT-0001|ABC123")
    assert checked(cda(), patient=asked) == []
    assert checked(cda(patient='<id root="1.2.3.4.5" extension="PAT-0001|ABC123"/>'), patient=asked) == []


NOT_HERS = [
    '<id root="1.2.3.4.5" extension="PAT-0002"/>',
    '<id root="1.2.3.4.6" extension="PAT-0001"/>',
    '<id root="1.2.3.4.5" extension="pat-0001"/>',
    '<id root="1.2.3.4.5" extension="PAT-0001|ABC"/>',
    '<id root="1.2.3.4.5"/>',
    '<id nullFlavor="UNK"/>',
    "",
]


@pytest.mark.parametrize("patient", NOT_HERS)
def test_another_id_is_shown_with_a_warning_when_name_and_birth_date_agree(patient: str) -> None:
    assert checked(cda(patient=patient)) == ["document.patient_id_differs"]


@pytest.mark.parametrize("patient", NOT_HERS)
@pytest.mark.parametrize(
    "changes",
    [
        {"family": "<family>Anders</family>"},
        {"family": ""},
        {"family": "<family> </family>"},
        {"birth": "19700410"},
        {"birth": ""},
        {"birth": "1"},
        {"family": "<family>Anders</family>", "birth": "19990101"},
    ],
)
def test_another_id_and_another_or_unknown_person_is_refused(patient: str, changes: dict[str, str]) -> None:
    error = refusal(lambda: checked(cda(patient=patient, **changes)))
    assert error.reason == "document.other_patient"


@pytest.mark.parametrize(
    "person",
    [
        None,
        Person(PATIENT, "", "Erika", birth_date="19700409"),
        Person(PATIENT, "Muster", "Erika"),
        Person(PATIENT, "Muster", "Erika", birth_date="xx"),
    ],
    ids=["nobody confirmed", "no family name", "no birth date", "no date"],
)
def test_another_id_is_refused_when_there_is_nothing_to_compare(person: Person | None) -> None:
    assert refusal(lambda: checked(cda(patient=NOT_HERS[0]), person)).reason == "document.other_patient"


@pytest.mark.parametrize(
    ("in_document", "confirmed"),
    [
        ("<family>MUSTER</family>", "Muster"),
        ("<family>Müster</family>", "Muster"),
        ("<family>García Márquez</family>", "Garcia"),
        ("<family>García</family><family>Márquez</family>", "Garcia Marquez"),
        ("<family>Muster-Mann</family>", "Muster"),
        ("<family qualifier='BR'>Anders</family><family>Muster</family>", "Muster"),
        ("<family>O'Brien</family>", "O’Brien"),
        ("<family>Ma<!-- -->ier</family>", "Maier"),
        ("<family>Straße</family>", "STRASSE"),
    ],
)
def test_family_names_agree_by_their_words(in_document: str, confirmed: str) -> None:
    person = Person(PATIENT, confirmed, "Erika", birth_date="19700409")
    assert checked(cda(patient="", family=in_document), person) == ["document.patient_id_differs"]


@pytest.mark.parametrize(
    ("in_document", "confirmed", "agree"),
    [
        ("19700409", "19700409", True),
        ("19700409120000+0100", "19700409", True),
        ("1970", "19700409", True),
        ("197004", "19700409", True),
        ("19700409", "1970", True),
        ("1971", "19700409", False),
        ("197005", "19700409", False),
        ("197", "19700409", False),
    ],
)
def test_birth_dates_agree_as_far_as_both_are_known(in_document: str, confirmed: str, agree: bool) -> None:
    person = Person(PATIENT, "Muster", "Erika", birth_date=confirmed)
    document = cda(patient="", birth=in_document)
    if agree:
        assert checked(document, person) == ["document.patient_id_differs"]
    else:
        assert refusal(lambda: checked(document, person)).reason == "document.other_patient"


def test_an_id_elsewhere_in_the_document_proves_nothing() -> None:
    hidden = '<structuredBody><id root="1.2.3.4.5" extension="PAT-0001"/></structuredBody>'
    other = cda(hidden, patient=NOT_HERS[0], family="<family>Anders</family>")
    assert refusal(lambda: checked(other)).reason == "document.other_patient"


def test_another_document_id_inside_is_noted() -> None:
    assert checked(cda(extension="PS-0002")) == ["document.id_differs"]
    assert checked(cda(extension="PS-0002", patient="")) == ["document.patient_id_differs", "document.id_differs"]


def test_the_document_id_may_be_a_root_alone_or_the_id_of_a_document_made_on_demand() -> None:
    assert check_patient(cda(root="1.2.3", extension=""), DocumentRequest("1.2.3", "1"), PATIENT, None) == []
    fresh = cda(extension="NEW")
    assert check_patient(fresh, REQUEST, PATIENT, None, new_unique_id="1.2.3.4.88^NEW") == []


def test_a_document_without_an_id_is_noted() -> None:
    document = cda().replace(b'<id root="1.2.3.4.88" extension="PS-0001"/>', b"")
    assert checked(document) == ["document.id_differs"]


def test_a_bare_pdf_names_nobody_and_says_so() -> None:
    assert checked(PDF) == ["document.patient_not_named"]


class Listener:
    """A person who agrees and tells what she was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def agrees(self, family: str, birth_date: str) -> bool:
        self.asked.append((family, birth_date))
        return True


def test_a_person_is_asked_about_the_whole_family_name_and_the_digits_of_the_date() -> None:
    listener = Listener()
    document = cda(patient="", family="<family>García</family><family>Márquez</family>", birth=" 19700409120000+0100")
    assert check_patient(document, REQUEST, PATIENT, listener) == ["document.patient_id_differs"]
    assert listener.asked == [("García Márquez", "19700409")]


def test_a_person_is_not_asked_when_the_id_fits() -> None:
    listener = Listener()
    assert check_patient(cda(), REQUEST, PATIENT, listener) == []
    assert listener.asked == []


# PDF


def test_a_bare_pdf_is_its_own_pdf() -> None:
    assert pdf_of(PDF) == PDF


def test_the_pdf_of_a_level_1_document_is_taken_out() -> None:
    assert pdf_of(level1(BASE64)) == PDF
    assert pdf_of(level1(f"\r\n  {BASE64[:20]}\n\t{BASE64[20:]} ")) == PDF
    assert pdf_of(level1(f"{BASE64[:20]}<!-- x -->{BASE64[20:]}")) == PDF
    behind_some_bytes = b"x" * 1000 + PDF
    assert pdf_of(level1(base64.b64encode(behind_some_bytes).decode())) == behind_some_bytes


def test_a_structured_document_and_an_image_have_no_pdf() -> None:
    assert pdf_of(cda()) is None
    assert pdf_of(level1(PNG, media_type="image/png")) is None


@pytest.mark.parametrize(
    "document",
    [
        level1(""),
        level1("no base64!"),
        level1(PNG),
        level1(base64.b64encode(b"x" * 1100 + PDF).decode()),
        level1(BASE64, media_type="text/html"),
        level1(BASE64, media_type=""),
        level1(BASE64, representation="TXT"),
        level1('<reference value="http://example.org/x.pdf"/>'),
        level1(f'{BASE64}<reference value="#x"/>'),
        level1("é"),
        cda("<nonXMLBody/>"),
    ],
)
def test_a_level_1_document_without_a_pdf_in_it_is_refused(document: bytes) -> None:
    assert refusal(lambda: pdf_of(document)).reason == "document.pdf"


def test_a_pdf_beyond_the_limit_is_refused() -> None:
    for document in (PDF, level1(BASE64)):
        assert (
            refusal(lambda document=document: pdf_of(document, max_bytes=len(PDF) - 1)).reason == "document.too_large"
        )
        assert pdf_of(document, max_bytes=len(PDF)) == PDF


# Other people's documents


def samples() -> list[object]:
    return [pytest.param(path, id=path.stem) for path in shared_files("samples/cda", "*.xml")]


@pytest.mark.skipif(not samples(), reason="shared/samples/cda is not beside the project")
@pytest.mark.parametrize("path", samples() or [None])
def test_every_shared_document_has_a_level_and_level_1_has_its_pdf(path: object) -> None:
    content = path.read_bytes()  # type: ignore[attr-defined]
    is_level_1 = b"<nonXMLBody" in content or b":nonXMLBody" in content
    assert level(content) == ("L1" if is_level_1 else "L3")
    pdf = pdf_of(content)
    assert (pdf is not None) == is_level_1
    assert pdf is None or b"%PDF-" in pdf[:1024]


# Hostile bytes


@unhurried
@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused_and_nothing_else(content: bytes) -> None:
    for check in (level, pdf_of, checked):
        with contextlib.suppress(DocumentError):
            check(content)  # type: ignore[operator]


@unhurried
@given(st.data())
def test_mutated_documents_are_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([cda(), cda(patient=""), level1(BASE64), PDF])))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5)) or b"x"
    for check in (level, pdf_of, checked):
        with contextlib.suppress(DocumentError):
            check(bytes(content))  # type: ignore[operator]
