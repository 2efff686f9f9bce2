"""The Commission's Central Terminology Server: the three calls of its synchronisation. Pure but for ``fetch``.

``POST /login`` (form; a redirect whose query is ``error`` refuses), ``GET /api/sync/valuesetcatalog``, and per version
of a value set ``GET /api/sync/valueset/{id}/valuesetdefinition/{version}/entries`` page by page, as OpenNCP's tsam-sync
asks (``ncp-docker-dev-AT/eHDSI_ehealth:tsam-sync``). Who calls hands in ``fetch``: it keeps the session's cookies,
follows no redirect, and bounds time and size.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from ncp.semantics.terminology import rows, systems
from ncp.semantics.terminology.bounded import fields, items, read_json
from ncp.semantics.terminology.rows import ImportRefused, RowRefused, Rows

PAGE_SIZE = 250
PAGES_MAX = 4000
"""Pages of one value set: a million concepts."""


class Answer(NamedTuple):
    """What ``fetch`` brings back. ``location`` is the header of that name."""

    status: int
    body: bytes
    location: str = ""


Fetch = Callable[[str, str, bytes | None], Answer]
"""(method, address, form body or None) -> answer."""


def read(
    address: str, user: str, password: str, fetch: Fetch, progress: Callable[[str], None] = lambda _: None
) -> Rows:
    """Log in and bring the whole catalogue of this account. Any failure is ``ImportRefused``: a catalogue with a
    value set missing is no catalogue."""
    base = address.rstrip("/")
    _log_in(base, user, password, fetch)
    catalogue = fields(_get(f"{base}/api/sync/valuesetcatalog", "catalogue", fetch))
    versions = items(catalogue.get("valueSetVersions"))
    if not versions:
        raise ImportRefused("catalogue", "the server lists no value sets for this account")
    for version in map(fields, versions):
        value_set = fields(version.get("valueSet"))
        try:
            oid = rows.system(value_set.get("id"))
        except RowRefused as refused:
            raise ImportRefused("catalogue", f"a value set without identifier ({refused})") from None
        label = _word(version.get("versionId"))
        name = rows.label(value_set.get("name"))
        progress(name or oid)
        yield rows.ValueSet(oid, name, label, rows.date(version.get("effectiveDate")))
        place = f"value set {oid}"
        pages = f"{base}/api/sync/valueset/{quote(oid, safe='')}/valuesetdefinition/{quote(label, safe='')}/entries"
        for page in range(PAGES_MAX):
            found = _get(f"{pages}?page={page}&maxtoreturn={PAGE_SIZE}", place, fetch)
            if not isinstance(found, list) or len(found) > PAGE_SIZE:
                raise ImportRefused(place, "the answer is not a page of concepts")
            for number, concept in enumerate(found, start=page * PAGE_SIZE + 1):
                yield from _concept(fields(concept), oid, label, place, number)
            if len(found) < PAGE_SIZE:
                break
        else:
            raise ImportRefused(place, f"more than {PAGES_MAX} pages")


def _word(value: object) -> str:
    """A label that may come as a number."""
    return rows.label(str(value) if isinstance(value, int) else value)


def _log_in(base: str, user: str, password: str, fetch: Fetch) -> None:
    answer = fetch("POST", f"{base}/login", urlencode({"username": user, "password": password}).encode())
    if answer.status >= 400 or "error" in urlsplit(answer.location).query.split("&"):
        raise ImportRefused("login", "the server refused user name or password")


def _get(address: str, place: str, fetch: Fetch) -> Any:
    answer = fetch("GET", address, None)
    if answer.status != 200:
        raise ImportRefused(place, f"the server answered with status {answer.status}")
    return read_json(answer.body, place)


def _concept(body: dict[str, Any], value_set: str, label: str, place: str, number: int) -> Rows:
    try:
        key = yield from _known(body)
        yield rows.Member(value_set, label, *key)
    except RowRefused as refused:
        yield rows.Refused(place, number, str(refused))
        return
    yield from _designations(body, key, place, number)
    for mapping in map(fields, items(body.get("mappings"))):
        try:
            source_body = fields(mapping.get("source"))
            source = yield from _known(source_body)
        except RowRefused as refused:
            yield rows.Refused(place, number, str(refused))
            continue
        yield from _designations(source_body, source, place, number)
        word = rows.status(mapping.get("status"))
        yield rows.Mapping(*source, *key, rows.VALID if word == rows.CURRENT else word)


def _known(body: dict[str, Any]) -> Generator[rows.Row, None, tuple[str, str]]:
    """Rows of a concept and its code system; returns (system, code)."""
    version = fields(body.get("codeSystemVersion"))
    home = fields(version.get("codeSystem"))
    system, code = rows.system(systems.oid_of(str(home.get("id") or ""))), rows.code(body.get("code"))
    label = _word(version.get("versionId"))
    yield rows.System(system, rows.label(home.get("name")), rows.label(home.get("url")))
    yield rows.Concept(system, code, label, rows.status(body.get("status")))
    return system, code


def _designations(body: dict[str, Any], key: tuple[str, str], place: str, number: int) -> Rows:
    for entry in map(fields, items(body.get("designations"))):
        try:
            yield rows.Designation(
                *key,
                rows.language(entry.get("language")),
                rows.text(entry.get("name")),
                use=rows.label(entry.get("type")),
            )
        except RowRefused as refused:
            yield rows.Refused(place, number, str(refused))
