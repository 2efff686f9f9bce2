"""Several processes answer while the loader writes; large documents are copied once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from tests.support.connector import HOME, MBO, PS, REPOSITORY, Folder, cda, connector, mbo, query, retrieval
from xca.messages import DocumentEntry

ROOT = Path(__file__).resolve().parents[2]
ANA = mbo("999990000")

_READER = """
import asyncio, hashlib, json, sys
from pathlib import Path
from tests.support.connector import connector, mbo, query, retrieval

async def read(database, until):
    store, rounds, versions = connector(Path(database)), 0, set()
    print("ready", flush=True)
    while not Path(until).exists() or rounds == 0:
        entries = await store.find_documents(query(mbo("999990000")))
        assert len(entries) == 2, len(entries)
        assert entries[0].twin == entries[1].unique_id
        versions.add(entries[0].creation_time)
        try:
            content = await store.fetch_document(retrieval(entries[0]))
        except Exception as error:
            assert getattr(error, "reason", "") == "document.gone", error
        else:
            assert b"</ClinicalDocument>" in content
        rounds += 1
    await store.close()
    print(json.dumps([rounds, len(versions)]))

asyncio.run(read(*sys.argv[1:]))
"""


def test_readers_in_other_processes_always_see_a_whole_patient_while_she_is_loaded_again(
    folder: Folder, database: Path, tmp_path: Path
) -> None:
    place = folder.patient("1")

    def write(version: int) -> None:
        for name, body in (("l3", "structured"), ("l1", "pdf")):
            document = cda(
                f'root="1.2.3" extension="{name}-{version}"',
                body=body,
                created=f"2025031009{version:02d}00+0000",
                parent=f'root="1.2.9" extension="{version}"',
                padding=200_000,
            )
            (place / f"{name}.xml").write_bytes(document)

    write(0)
    assert folder.load(database).ok
    done = tmp_path / "done"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, str(database), str(done)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        for _ in range(3)
    ]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "ready\n"
        for version in range(1, 20):
            write(version)
            report = folder.load(database)
            assert (report.ok, report.replaced) == (True, 1)
    finally:
        done.touch()
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert reader.returncode == 0, err[-2000:]
        rounds, versions = json.loads(out)
        assert rounds > 1
        assert versions > 1, "the reader saw the patient change"


def test_two_loaders_at_once_both_succeed(folder: Folder, database: Path) -> None:
    for number in range(10):
        folder.patient(str(number), identifiers=f'[{{ root = "{MBO}", extension = "{number}" }}]')
    script = (
        "import sys; from pathlib import Path; from ncp.connector.store.load import load;"
        "r = load(Path(sys.argv[1]), Path(sys.argv[2])); sys.exit(0 if r.ok else 1)"
    )
    loaders = [
        subprocess.Popen([sys.executable, "-c", script, str(folder.path), str(database)], cwd=ROOT) for _ in range(2)
    ]
    assert [loader.wait(60) for loader in loaders] == [0, 0]


@pytest.mark.parametrize("megabytes", [5, 10])
def test_fetching_a_large_document_costs_one_copy_of_it(folder: Folder, database: Path, megabytes: int) -> None:
    place = folder.patient("1")
    size = megabytes * 1024 * 1024
    (place / "summary.xml").write_bytes(cda(padding=size))
    assert folder.load(database).ok
    store = connector(database)
    (entry,) = asyncio.run(store.find_documents(query(ANA)))

    async def fetch() -> int:
        tracemalloc.start()
        try:
            content = await store.fetch_document(retrieval(entry))
            return tracemalloc.get_traced_memory()[1] - len(content)
        finally:
            tracemalloc.stop()
            await store.close()

    assert asyncio.run(fetch()) < 512 * 1024


def test_the_process_grows_by_the_document_and_not_by_several(folder: Folder, database: Path) -> None:
    """The driver's own memory too, which Python's tracing does not see: the peak of a fresh process."""
    place = folder.patient("1")
    size = 10 * 1024 * 1024
    (place / "summary.xml").write_bytes(cda(padding=size))
    assert folder.load(database).ok
    script = """
import asyncio, resource, sys
from pathlib import Path
from tests.support.connector import connector, mbo, query, retrieval

async def grow(database):
    store = connector(Path(database))
    (entry,) = await store.find_documents(query(mbo("999990000")))
    permitted = retrieval(entry)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    content = await store.fetch_document(permitted)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 - len(content))

asyncio.run(grow(sys.argv[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(database)], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    assert int(done.stdout) < size // 2


def test_many_fetches_at_once_all_get_their_document(folder: Folder, database: Path) -> None:
    place = folder.patient("1")
    for number in range(8):
        (place / f"{number}.xml").write_bytes(cda(f'root="1.2.3" extension="{number}"', padding=100_000 + number))
    assert folder.load(database).ok
    store = connector(database)

    async def fetch_all() -> None:
        entries = await store.find_documents(query(ANA))
        contents = await asyncio.gather(*(store.fetch_document(retrieval(entry)) for entry in entries * 5))
        assert [len(content) for content in contents] == [entry.size for entry in entries * 5]
        await store.close()

    asyncio.run(fetch_all())


def test_an_entry_of_another_store_is_gone(database: Path, folder: Folder) -> None:
    folder.patient("1")
    assert folder.load(database).ok
    entry = DocumentEntry("1.2.3^D1", REPOSITORY, HOME, ANA, PS, "")
    with pytest.raises(Exception, match=r"document\.gone"):
        asyncio.run(connector(database).fetch_document(retrieval(entry)))
