"""PDFs: which may be shown, which are warned of, which are refused; and that no file harms who looks into it."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.frontend.pdf import gate, look, process, structure
from ncp.frontend.pdf.examiner import Examiner, ExaminerLimits
from ncp.frontend.pdf.names import PdfRefused
from ncp.wire.errors import DocumentError
from tests.shared import shared_files
from tests.support import pdf_files as files

JAVASCRIPT = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
WEB = b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (https://outside.example/) >> >>"


@dataclass
class OtherProcess:
    """An examiner that says yes to everything, for what the gateway's own process refuses."""

    seen: list[bytes] = field(default_factory=list)

    def examine(self, data: bytes) -> tuple[str, ...]:
        self.seen.append(data)
        return ()


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    made = Examiner()
    yield made
    made.close()


def level_1(content: bytes, *, encode: Callable[[bytes], bytes] = base64.encodebytes, media: str = gate.PDF) -> bytes:
    return (
        f"<ClinicalDocument xmlns='urn:hl7-org:v3'><component><nonXMLBody><text mediaType='{media}' "
        f"representation='B64'>{encode(content).decode()}</text></nonXMLBody></component></ClinicalDocument>"
    ).encode()


def reason_of(content: bytes, examiner: Examiner) -> str:
    try:
        gate.pdf_of(content, examiner)
    except DocumentError as error:
        return error.reason
    return ""


# --- the gateway's own process: the header --------------------------------------------------------------------------


def test_the_pdf_of_a_level_1_document_comes_out_as_it_is(examiner: Examiner) -> None:
    for written in (files.table(files.objects()), files.packed(files.objects())):
        assert gate.pdf_of(written, examiner) == (written, ())
        assert gate.pdf_of(level_1(written), examiner) == (written, ())


@pytest.mark.parametrize("before", [b"", b"\n", b"junk of a mail program\r\n", b"x" * 1019])
def test_the_mark_may_stand_anywhere_in_the_first_kilobyte(before: bytes) -> None:
    other = OtherProcess()
    assert gate.pdf_of(before + b"%PDF-1.7", other)[0] in other.seen  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content", [b"x" * 1020 + b"%PDF-1.7", b"MZ", b"<html><script>alert(1)</script>", b"%!PS", b""]
)
@pytest.mark.attack
def test_what_is_no_pdf_is_never_passed_on(content: bytes) -> None:
    other = OtherProcess()
    with pytest.raises(DocumentError):
        gate.pdf_of(level_1(content), other)  # type: ignore[arg-type]
    assert not other.seen


@pytest.mark.attack
def test_a_web_page_with_the_mark_of_a_pdf_is_none() -> None:
    with pytest.raises(DocumentError, match=r"pdf\.not_pdf"):
        gate.pdf_of(level_1(b"  <html>%PDF-1.7<script>alert(1)</script>"), OtherProcess())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "encode",
    [
        lambda data: base64.b64encode(data).rstrip(b"="),
        lambda data: b"\n  " + base64.b64encode(data).replace(b"J", b"\tJ\r\n") + b"===\n",
    ],
)
def test_blanks_and_padding_of_base64_do_not_matter(encode: Callable[[bytes], bytes]) -> None:
    for length in range(3):
        written = files.table(files.objects()) + b"\n" * length
        other = OtherProcess()
        assert gate.pdf_of(level_1(written, encode=encode), other)[0] == written  # type: ignore[arg-type]


def test_what_is_too_large_is_not_unpacked() -> None:
    with pytest.raises(DocumentError, match=r"pdf\.too_large"):
        gate.pdf_of(level_1(b"%PDF-1.7" + b"x" * 2000), OtherProcess(), size_max=1000)  # type: ignore[arg-type]
    with pytest.raises(DocumentError, match=r"pdf\.too_large"):
        gate.pdf_of(b"%PDF-1.7" + b"x" * 2000, OtherProcess(), size_max=1000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content", [level_1(b"%PDF-", media="text/html"), b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>", b"<a/>", b"\xff"]
)
def test_a_document_without_a_pdf_is_a_declared_error(content: bytes) -> None:
    with pytest.raises(DocumentError):
        gate.pdf_of(content, OtherProcess())  # type: ignore[arg-type]


def test_the_gateway_itself_loads_no_parser() -> None:
    parsers = "{'pypdf', 'ncp.frontend.pdf.look'}"
    asked = f"import sys, ncp.frontend.pdf.gate; sys.exit(bool({parsers} & {{*sys.modules}}))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", asked], env=environment, check=False).returncode == 0


# --- what is inside -------------------------------------------------------------------------------------------------

_ACTIVE = {
    "JavaScript in the names": files.objects(
        catalog=b"/Names << /JavaScript << /Names [(a) 5 0 R] >> >>", more={5: JAVASCRIPT}
    ),
    "JS": files.objects(catalog=b"/X << /JS (app.alert\\(1\\)) >>"),
    "OpenAction": files.objects(catalog=b"/OpenAction << /S /Named /N /Print >>"),
    "OpenAction elsewhere": files.objects(catalog=b"/OpenAction 5 0 R", more={5: b"<< /S /Named /N /Print >>"}),
    "AA": files.objects(page=b"/AA << /O << /S /Named /N /Print >> >>"),
    "Launch": files.objects(page=b"/Annots [5 0 R]", more={5: b"<< /Subtype /Link /A << /S /Launch /F (x.exe) >> >>"}),
    "EmbeddedFiles": files.objects(catalog=b"/Names << /EmbeddedFiles << /Names [] >> >>"),
    "EmbeddedFile": files.objects(more={5: files.stream(b"MZ", b"/Type /EmbeddedFile")}),
    "RichMedia": files.objects(page=b"/Annots [5 0 R]", more={5: b"<< /Subtype /RichMedia /Rect [0 0 9 9] >>"}),
    "XFA": files.objects(catalog=b"/AcroForm << /Fields [] /XFA [] >>"),
    "Rendition": files.objects(page=b"/Annots [5 0 R]", more={5: b"<< /A << /S /Rendition /OP 0 >> >>"}),
}
_NAMES = (
    b"JavaScript",
    b"JS",
    b"OpenAction",
    b"AA",
    b"Launch",
    b"EmbeddedFiles",
    b"EmbeddedFile",
    b"RichMedia",
    b"XFA",
)


def _escaped(numbered: dict[int, bytes]) -> dict[int, bytes]:
    for name in (*_NAMES, b"Rendition"):
        numbered = {n: files.escaped(each, name) for n, each in numbered.items()}
    return numbered


def _twice(content: bytes) -> bytes:
    return zlib.compress(zlib.compress(content))


def _hex(content: bytes) -> bytes:
    return content.hex().encode() + b">"


def _old_revision(numbered: dict[int, bytes]) -> bytes:
    """The object was replaced later; a viewer that repairs the file may find it all the same."""
    return files.table(numbered) + files.table(files.objects())[9:]


_WAYS: dict[str, Callable[[dict[int, bytes]], bytes]] = {
    "plain": files.table,
    "escaped": lambda numbered: files.table(_escaped(numbered)),
    "packed": files.packed,
    "packed and escaped": lambda numbered: files.packed(_escaped(numbered)),
    "packed, type escaped": lambda numbered: files.packed(numbered, kind=b"/O#62jStm"),
    "packed twice": lambda numbered: files.packed(
        numbered, pack=_twice, entries=b"/Filter [/FlateDecode /FlateDecode]"
    ),
    "packed as hexadecimals": lambda numbered: files.packed(numbered, pack=_hex, entries=b"/Filter /ASCIIHexDecode"),
    "packed, filters elsewhere": lambda numbered: files.packed(
        numbered, pack=_twice, entries=b"/Filter 90 0 R", more={90: b"[/FlateDecode /FlateDecode]"}
    ),
    "packed, type elsewhere": lambda numbered: files.packed(
        numbered, pack=_hex, kind=b"90 0 R", entries=b"/Filter /ASCIIHexDecode", more={90: b"/ObjStm"}
    ),
    "packed, long dictionary": lambda numbered: files.packed(
        numbered, pack=_hex, entries=b"/Filter /ASCIIHexDecode" + b" " * 5000
    ),
    "packed, comment in the dictionary": lambda numbered: files.packed(
        numbered, pack=_hex, entries=b"/Filter /ASCIIHexDecode\n% 1 0 obj\n"
    ),
    "in an old revision": _old_revision,
}


@pytest.mark.attack
@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("what", _ACTIVE)
def test_a_pdf_that_may_run_something_is_refused(what: str, way: str, examiner: Examiner) -> None:
    reason = reason_of(level_1(_WAYS[way](_ACTIVE[what])), examiner)
    assert reason in ("pdf.active", "pdf.unreadable")
    if way in ("plain", "escaped", "packed", "packed and escaped", "packed twice", "in an old revision"):
        assert reason == "pdf.active" or way == "packed twice"


@pytest.mark.attack
@pytest.mark.parametrize("what", _ACTIVE)
def test_each_look_sees_it_without_the_other(what: str) -> None:
    for written in (files.table(_ACTIVE[what]), files.packed(_escaped(_ACTIVE[what]))):
        for each in (look.look, structure.look):
            with pytest.raises(PdfRefused, match=r"pdf\.active"):
                each(written)


def test_the_same_files_without_it_may_be_shown(examiner: Examiner) -> None:
    """What the attack tests refuse is the content, not the way the file is written."""
    for way in ("plain", "escaped", "packed", "packed and escaped", "packed, type escaped", "in an old revision"):
        assert reason_of(_WAYS[way](files.objects()), examiner) == ""


def test_an_open_action_that_only_names_a_page_is_harmless(examiner: Examiner) -> None:
    for write in (files.table, files.packed):
        assert gate.pdf_of(write(files.objects(catalog=b"/OpenAction [3 0 R /Fit]")), examiner)[1] == ()


@pytest.mark.parametrize("write", [files.table, files.packed, lambda each: files.packed(_escaped(each))])
@pytest.mark.parametrize(
    ("annotation", "warnings"),
    [
        (WEB, ("pdf.external_link",)),
        (b"<< /Subtype /Link /A << /S /GoToR /F (other.pdf) /D [0 /Fit] >> >>", ("pdf.external_file",)),
        (b"<< /Subtype /Link /A << /S /GoToE /D [0 /Fit] /T << /R /C >> >> >>", ("pdf.external_file",)),
        (b"<< /A << /S /SubmitForm /F << /FS /URL /F (https://outside.example/) >> >> >>", None),
        (b"<< /Subtype /Link /Dest [3 0 R /Fit] >>", ()),
    ],
)
def test_what_points_outside_is_shown_with_a_warning(
    annotation: bytes, warnings: tuple[str, ...] | None, write: Callable[..., bytes], examiner: Examiner
) -> None:
    written = write(files.objects(page=b"/Annots [5 0 R]", more={5: annotation}))
    expected = ("pdf.external_link", "pdf.form_submission") if warnings is None else warnings
    assert gate.pdf_of(level_1(written), examiner) == (written, expected)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (files.table(files.objects()).replace(b"/Root", b"/Encrypt 9 0 R /Root"), "pdf.encrypted"),
        (files.table(files.objects())[:-200], ""),
        (b"%PDF-1.7 and nothing else", "pdf.unreadable"),
        (b"%PDF-1.7\n7 0 obj (" + b"#41" * 200_000 + b") endobj", "pdf.unreadable"),
        (files.table(files.objects(more={5: files.stream(zlib.compress(bytes(140_000_000), 9))})), "pdf.too_large"),
    ],
)
def test_what_cannot_be_looked_through_is_refused(content: bytes, reason: str, examiner: Examiner) -> None:
    found = reason_of(content, examiner)
    assert found == reason or (not reason and found in ("", "pdf.unreadable"))


@pytest.mark.attack
def test_an_object_stream_that_breaks_off_is_refused_though_a_viewer_may_show_what_came_before(
    examiner: Examiner,
) -> None:
    written = files.packed(_ACTIVE["JS"], pack=lambda content: zlib.compress(content)[:-4] + b"\xff\xff\xff\xff")
    assert reason_of(written, examiner) in ("pdf.unreadable", "pdf.active")
    with pytest.raises(PdfRefused):
        look.look(written)


def test_the_pdf_of_every_sample_of_level_1_is_shown(examiner: Examiner) -> None:
    found = shared_files("samples/cda", "*L1.xml")
    if not found:
        pytest.skip("shared/samples/cda is not beside the project (set NCP_SHARED to its folder)")
    for path in found:
        assert gate._is_pdf(gate.pdf_of(path.read_bytes(), examiner)[0])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_bytes_are_judged_or_refused(data: st.DataObject) -> None:
    written = bytearray(data.draw(st.sampled_from([files.table(_ACTIVE["AA"]), files.packed(_ACTIVE["Launch"])])))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(written) - 1))
        written[at : at + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=5))
    line = process.judge(bytes(written))
    assert line.startswith((b"ok", b"refused pdf."))


# --- the process ----------------------------------------------------------------------------------------------------


def test_an_answer_costs_milliseconds(examiner: Examiner) -> None:
    written = files.packed(files.objects())
    examiner.examine(written)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        examiner.examine(written)
        times.append(time.perf_counter() - start)
    assert sorted(times)[10] < 0.25  # 4 ms where it was measured


def _child(examiner: Examiner) -> int:
    (idle,) = examiner._idle
    return idle._child.pid


@pytest.mark.attack
def test_a_file_that_takes_too_much_memory_is_refused_and_the_process_lives_on() -> None:
    examiner = Examiner(ExaminerLimits(memory=150 * 1024 * 1024))
    try:
        examiner.examine(files.table(files.objects()))
        child = _child(examiner)
        bomb = files.table(files.objects(more={5: files.stream(zlib.compress(bytes(120_000_000), 9))}))
        with pytest.raises(PdfRefused, match=r"pdf\.too_costly"):
            examiner.examine(bomb)
        assert examiner.examine(files.table(files.objects())) == ()
        assert _child(examiner) == child
    finally:
        examiner.close()


@pytest.mark.attack
def test_a_file_that_takes_too_long_is_refused_and_the_process_lives_on() -> None:
    examiner = Examiner(ExaminerLimits(cpu_seconds=1))
    try:
        nested = files.objects(more=dict.fromkeys(range(5, 12000), b"[" * 400 + b"]" * 400))
        with pytest.raises(PdfRefused, match=r"pdf\.too_costly"):
            examiner.examine(files.table(nested))
        assert examiner.examine(files.table(files.objects())) == ()
    finally:
        examiner.close()


def test_a_process_that_hangs_is_ended_and_replaced() -> None:
    examiner = Examiner(ExaminerLimits(cpu_seconds=1, patience=1.0))
    try:
        examiner.examine(files.table(files.objects()))
        child = _child(examiner)
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(PdfRefused, match=r"pdf\.too_costly"):
            examiner.examine(files.table(files.objects()))
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
        assert examiner.examine(files.table(files.objects())) == ()
    finally:
        examiner.close()


def test_a_process_that_was_killed_meanwhile_is_replaced(examiner: Examiner) -> None:
    examiner.examine(files.table(files.objects()))
    for idle in examiner._idle:
        os.kill(idle._child.pid, signal.SIGKILL)
        idle._child.wait()
    assert examiner.examine(files.table(files.objects())) == ()


def test_many_threads_share_few_processes() -> None:
    examiner = Examiner()
    found: list[object] = []

    def ask(number: int) -> None:
        written = files.table(_ACTIVE["JS"] if number % 2 else files.objects())
        try:
            found.append((number, examiner.examine(written)))
        except PdfRefused as refused:
            found.append((number, refused.reason))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    try:
        assert sorted(found, key=str) == sorted(((n, "pdf.active" if n % 2 else ()) for n in range(12)), key=str)
        assert len(examiner._idle) <= 2
    finally:
        examiner.close()


@pytest.mark.attack
def test_the_fork_that_looks_can_open_no_file_and_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    inlet, outlet = os.pipe()
    child = os.fork()
    if child == 0:

        def curious(data: bytes) -> bytes:
            for attempt in (lambda: os.open("/dev/null", os.O_RDONLY), socket.socket):
                with contextlib.suppress(OSError):
                    attempt()
                    return b"something"
            return b"nothing"

        monkeypatch.setattr(process, "judge", curious)
        process._judge_and_end(b"", outlet, 1024**3, 5)
    os.close(outlet)
    assert os.read(inlet, 100) == b"nothing"
    os.close(inlet)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("line", [b"", b"ok", b"ok rm\n", b"refused\n", b"refused ok\n", b"\xff\n", b"okpdf.active\n"])
def test_no_other_line_is_believed(line: bytes) -> None:
    assert not process.is_answer(line)
