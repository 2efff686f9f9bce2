"""The catalogue answers by OID and code, nearest language first, and follows every activation at once."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from ncp.semantics.terminology import rows
from ncp.semantics.terminology.answers import Match
from ncp.semantics.terminology.catalogue import RECHECK, Catalogue, CatalogueError, ReleaseFolder
from ncp.semantics.terminology.compare import compare
from tests.support.terminology import NATIONAL, SYSTEM, VALUE_SET, build, small


def opened(folder: Path, content: list[rows.Row]) -> Catalogue:
    ReleaseFolder(folder).activate(build(folder, content, name="one").manifest.release)
    return Catalogue(folder)


def test_a_name_is_found_by_oid_code_and_language(tmp_path: Path) -> None:
    found = opened(tmp_path, small()).lookup(SYSTEM, "C1", "fr-FR")
    assert found is not None
    assert (found.text, found.match, found.is_current, found.version_loaded) == ("nom 1", Match.EXACT, True, True)


@pytest.mark.parametrize(
    ("asked", "text", "match"),
    [
        ("fr-FR", "français de France", Match.EXACT),
        ("FR_fr", "français de France", Match.EXACT),
        ("fr", "français de France", Match.EXACT),
        ("fr-CA", "français de France", Match.REGION),
        ("fr-BE", "français de Belgique", Match.EXACT),
        ("de-DE", "English", Match.ENGLISH),
        ("en-US", "English", Match.REGION),
    ],
)
def test_the_nearest_language_answers_and_says_how_near_it_is(
    tmp_path: Path, asked: str, text: str, match: Match
) -> None:
    names = {"fr-FR": "français de France", "fr-BE": "français de Belgique", "en-GB": "English"}
    found = opened(tmp_path, [rows.Designation(SYSTEM, "A", tag, name) for tag, name in names.items()]).lookup(
        SYSTEM, "A", asked
    )
    assert found is not None
    # Both regions are as near to fr-CA; the first in order of tags is taken.
    if asked == "fr-CA":
        assert found.match is Match.REGION and found.text.startswith("français")
    else:
        assert (found.text, found.match) == (text, match)


def test_an_official_name_goes_before_one_of_our_own_and_a_current_one_before_a_retired_one(tmp_path: Path) -> None:
    catalogue = opened(
        tmp_path,
        [
            rows.Designation(SYSTEM, "A", "fr-FR", "le nôtre", kind="own"),
            rows.Designation(SYSTEM, "A", "fr", "l'officiel"),
            rows.Designation(SYSTEM, "B", "fr-FR", "ancien", status="retired"),
            rows.Designation(SYSTEM, "B", "fr-FR", "nouveau", is_preferred=False),
        ],
    )
    first, second = catalogue.lookup(SYSTEM, "A", "fr-FR"), catalogue.lookup(SYSTEM, "B", "fr-FR")
    assert first is not None and first.text == "l'officiel"
    assert second is not None and second.text == "nouveau"


def test_what_is_not_there_is_none_and_never_an_error(tmp_path: Path) -> None:
    catalogue = opened(tmp_path, [*small(), rows.Designation(SYSTEM, "X", "hu", "csak magyarul")])
    assert catalogue.lookup("9.9.9", "C1", "fr-FR") is None
    assert catalogue.lookup(SYSTEM, "none", "fr-FR") is None
    assert catalogue.lookup(SYSTEM, "X", "fr-FR") is None
    assert catalogue.concept(SYSTEM, "none") is None
    assert catalogue.map(SYSTEM, "none") is None
    assert catalogue.value_set("9.9.9") is None
    assert catalogue.contains("9.9.9", SYSTEM, "C1") is None
    assert catalogue.lookup(SYSTEM, "C1", "not a language at all") is not None  # English


def test_a_version_that_is_not_loaded_is_told_and_hides_nothing(tmp_path: Path) -> None:
    catalogue = opened(tmp_path, small())
    for version, loaded in (("2026", True), ("2019", False)):
        found, concept = catalogue.lookup(SYSTEM, "C1", "fr", version), catalogue.concept(SYSTEM, "C1", version)
        assert found is not None and found.version_loaded is loaded and found.text == "nom 1"
        assert concept is not None and concept.version_loaded is loaded and concept.versions == ("2026",)


def test_icd_10_is_found_under_both_oids_with_and_without_the_dot_but_only_for_display(tmp_path: Path) -> None:
    selection, who = "1.3.6.1.4.1.12559.11.10.1.3.1.44.2", "2.16.840.1.113883.6.3"
    catalogue = opened(tmp_path, [rows.Designation(selection, "E03.9", "fr", "inventé")])
    for system, code in ((who, "E03.9"), (who, "E039"), (selection, "E039")):
        found = catalogue.lookup(system, code, "fr")
        assert found is not None and found.is_alias and (found.system, found.code) == (selection, "E03.9")
        assert catalogue.concept(system, code) is None


def test_a_code_system_answers_to_its_fhir_address_too(tmp_path: Path) -> None:
    catalogue = opened(tmp_path, [rows.Designation("2.16.840.1.113883.6.96", "1", "en", "invented")])
    assert catalogue.lookup("http://snomed.info/sct", "1", "en") == catalogue.lookup(
        "2.16.840.1.113883.6.96", "1", "en"
    )


def test_mappings_go_valid_ones_first_then_by_priority_and_into_the_value_set_asked(tmp_path: Path) -> None:
    catalogue = opened(
        tmp_path,
        [
            *small(),
            rows.Concept(SYSTEM, "outside"),
            rows.Mapping(NATIONAL, "N2", SYSTEM, "outside", priority=0),
            rows.Mapping(NATIONAL, "N2", SYSTEM, "C0", status="invalid", priority=0),
            rows.Mapping(NATIONAL, "N2", SYSTEM, "C2", priority=3),
        ],
    )
    found = catalogue.current().mappings(NATIONAL, "N2")
    assert [one.target_code for one in found] == ["outside", "C2", "C0"]
    assert [one.is_valid for one in found] == [True, True, False]
    inside = catalogue.map(NATIONAL, "N2", VALUE_SET)
    assert inside is not None and inside.target_code == "C2"


def test_a_value_set_answers_with_its_newest_version_and_knows_its_members(tmp_path: Path) -> None:
    newer = [rows.ValueSet(VALUE_SET, "eInvented", "2", "2026-05-01"), rows.Member(VALUE_SET, "2", SYSTEM, "C0")]
    catalogue = opened(tmp_path, [*small(), *newer])
    newest, older = catalogue.value_set(VALUE_SET), catalogue.value_set(VALUE_SET, "1")
    assert newest is not None and (newest.version, newest.size) == ("2", 1)
    assert older is not None and (older.version, older.size) == ("1", 3)
    assert catalogue.contains(VALUE_SET, SYSTEM, "C1") is False
    assert catalogue.contains(VALUE_SET, SYSTEM, "C1", "1") is True
    assert set(catalogue.current().members(VALUE_SET, "1")) == {(SYSTEM, f"C{n}") for n in range(3)}


def test_without_any_release_reading_is_refused_in_one_declared_way(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"terminology\.no_release"):
        Catalogue(tmp_path).lookup(SYSTEM, "C1", "fr")


def test_activation_is_followed_without_a_restart_and_a_document_keeps_its_release(tmp_path: Path) -> None:
    now = [0.0]
    folder = ReleaseFolder(tmp_path)
    for name, word in (("one", ""), ("two", " nouveau")):
        build(tmp_path, small(word), name=name)
    folder.activate("one")
    catalogue = Catalogue(tmp_path, clock=lambda: now[0])
    document = catalogue.current()
    folder.activate("two")
    now[0] += RECHECK
    assert [catalogue.current().name, document.name] == ["two", "one"]
    pinned, fresh = document.lookup(SYSTEM, "C1", "fr"), catalogue.lookup(SYSTEM, "C1", "fr")
    assert pinned is not None and pinned.text == "nom 1"
    assert fresh is not None and fresh.text == "nom nouveau 1"
    folder.activate("one")
    now[0] += RECHECK
    assert catalogue.current().name == "one"


def test_a_release_that_is_damaged_is_not_activated_and_a_damaged_active_one_leaves_the_old_in_use(
    tmp_path: Path,
) -> None:
    now = [0.0]
    folder = ReleaseFolder(tmp_path)
    build(tmp_path, small(), name="good")
    build(tmp_path, small(" neuf"), name="bad")
    folder.activate("good")
    catalogue = Catalogue(tmp_path, clock=lambda: now[0])
    assert catalogue.current().name == "good"
    path = folder.path("bad")
    path.chmod(0o644)
    data = path.read_bytes()
    # One changed letter of one name: the database stays sound, the content is another.
    assert data.count(b"nom neuf 1") == 1
    path.write_bytes(data.replace(b"nom neuf 1", b"nom neuf 7"))
    with pytest.raises(CatalogueError, match=r"terminology\.damaged_release"):
        folder.activate("bad")
    assert folder.active() == "good"
    path.write_bytes(b"not a database")
    folder._point_to("bad", "")
    now[0] += RECHECK
    assert catalogue.current().name == "good"
    assert catalogue.problem == "terminology.damaged_release"


@pytest.mark.parametrize("name", ["../etc/passwd", "", ".hidden", "a/b", "x" * 200])
def test_a_name_that_could_leave_the_folder_is_no_release(tmp_path: Path, name: str) -> None:
    with pytest.raises(CatalogueError):
        ReleaseFolder(tmp_path).activate(name)


def test_the_same_content_has_the_same_digest_whatever_the_order(tmp_path: Path) -> None:
    content = small()
    mixed = [content[0], content[1], *reversed(content[2:])]
    assert build(tmp_path, content, name="a").manifest.digest == build(tmp_path, mixed, name="b").manifest.digest
    assert build(tmp_path, small("x"), name="c").manifest.digest != build(tmp_path, content, name="d").manifest.digest


def test_nobody_can_write_to_a_release(tmp_path: Path) -> None:
    opened(tmp_path, small())
    assert ReleaseFolder(tmp_path).path("one").stat().st_mode & 0o222 == 0


def _read_all_the_time(folder: str, stop: str, results: multiprocessing.Queue) -> None:  # type: ignore[type-arg]
    """Reads whole "documents" until told to stop; reports the releases seen and every inconsistency."""
    catalogue = Catalogue(Path(folder))
    seen, wrong, rounds = set(), 0, 0
    while not os.path.exists(stop):
        release = catalogue.current()
        word = release.name
        for number in range(20):
            found = release.lookup(SYSTEM, f"C{number}", "fr-FR")
            wrong += found is None or found.text != f"nom{word} {number}"
        wrong += catalogue.lookup(SYSTEM, "C1", "fr-FR") is None
        seen.add(word)
        rounds += 1
        time.sleep(0.001)
    results.put((seen, wrong, rounds))


def test_readers_in_several_processes_never_see_a_gap_or_half_a_release(tmp_path: Path) -> None:
    folder = ReleaseFolder(tmp_path / "catalogue")
    names = ["a", "b", "c"]
    for name in names:
        build(folder.folder, small(name, codes=20), name=name)
    folder.activate("a")
    stop = tmp_path / "stop"
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    readers = [
        context.Process(target=_read_all_the_time, args=(str(folder.folder), str(stop), results)) for _ in range(2)
    ]
    for reader in readers:
        reader.start()
    try:
        for turn in range(12):
            folder.activate(names[turn % 3])
            build(folder.folder, small("noise", codes=50), name=f"noise{turn}")
            time.sleep(RECHECK)
    finally:
        stop.touch()
    answers = [results.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(timeout=60)
    assert [wrong for _, wrong, _ in answers] == [0, 0]
    assert any(len(seen) > 1 for seen, _, _ in answers)


def test_threads_share_one_catalogue(tmp_path: Path) -> None:
    catalogue = opened(tmp_path, small(codes=500))
    wrong: list[str] = []

    def read() -> None:
        for number in range(500):
            found = catalogue.lookup(SYSTEM, f"C{number}", "fr-FR")
            if found is None or found.text != f"nom {number}":
                wrong.append(f"C{number}")

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_after_a_fork_the_child_opens_the_release_itself(tmp_path: Path) -> None:
    catalogue = opened(tmp_path, small())
    before = catalogue.current()
    child = os.fork()
    if child == 0:
        try:
            fresh = catalogue.current()
            found = fresh.lookup(SYSTEM, "C1", "fr")
            os._exit(0 if fresh is not before and found is not None else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_import_on_top_of_a_release_replaces_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    build(tmp_path, small(), name="base")
    content = [
        rows.Designation(SYSTEM, "C1", "fr-FR", "le nouveau nom"),
        rows.ValueSet(VALUE_SET, "", "1"),
        rows.Member(VALUE_SET, "1", SYSTEM, "C2"),
        rows.Designation(SYSTEM, "C9", "en-GB", "new"),
    ]
    report = build(tmp_path, content, base="base", name="next")
    difference = compare(ReleaseFolder(tmp_path).path("base"), ReleaseFolder(tmp_path).path("next"))
    assert report.manifest.base == "base"
    assert [one.examples for one in (difference.renamed, difference.added_concepts, difference.removed_concepts)] == [
        ((SYSTEM, "C1", "fr-FR", "nom 1", "le nouveau nom"),),
        ((SYSTEM, "C9"),),
        (),
    ]
    assert [(one.added, one.removed, one.before, one.is_loss) for one in difference.value_sets] == [(0, 2, 3, True)]
    assert len(difference.losses) == 2
    same = compare(ReleaseFolder(tmp_path).path("base"), ReleaseFolder(tmp_path).path("base"))
    assert same.is_empty and not same.losses
