"""One search for one patient, from the country to the summary, as far as it has come.

Each browser tab works on a search of its own, named by an opaque id in the address: two tabs, or two patients, cannot
mix. Everything about the patient is here, in memory, and gone with ``drop``. Leaves the steps to ``journey``.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from ncp_client import Consent, Country, DocumentPair, FetchedDocument, Patient, Rendered, SearchMask, Treatment
from ncp_portal.failure_kinds import Step
from ncp_portal.failures import Failure
from ncp_portal.questions import Question

ID_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class Ended:
    """How the last question ended when it brought nothing: ``kind`` of the question, and what is to be told."""

    kind: str
    failure: Failure
    step: Step


@dataclass(slots=True, repr=False, eq=False)
class Search:
    """``patient`` was found and is shown for confirmation; ``treatment`` exists once necessity and consent are
    confirmed; documents only after that."""

    id: str
    country: Country
    mask: SearchMask
    values: dict[str, str] = field(default_factory=dict)
    chosen: dict[str, str] = field(default_factory=dict)
    """The alternative chosen, by group."""
    question: Question[Any] | None = None
    ended: Ended | None = None
    patient: Patient | None = None
    shown: str = ""
    """Names the person that is shown for confirmation: what is confirmed on a page is this person and nobody else."""
    purpose: str = ""
    """``TREATMENT`` or ``EMERGENCY``, once it is confirmed."""
    consent: Consent | None = None
    notice_language: str = ""
    notice_version: str = ""
    """Of the notice that was opened for the patient."""
    treatment: Treatment | None = None
    pairs: list[DocumentPair] = field(default_factory=list)
    list_warnings: tuple[str, ...] = ()
    current: int = 0
    """Which of ``pairs`` is read."""
    structured: FetchedDocument | None = None
    original: FetchedDocument | None = None
    language: str = ""
    """The reader's language when the document was asked for."""
    rendered: dict[tuple[str, str], Rendered] = field(default_factory=dict)
    """By view and language; the view ``pdf`` is the original."""

    def __repr__(self) -> str:
        return "Search(<redacted>)"

    @property
    def size(self) -> int:
        """Bytes of documents that are kept."""
        fetched = sum(len(each.content) for each in (self.structured, self.original) if each is not None)
        return fetched + sum(len(each.content) for each in self.rendered.values())

    @property
    def pair(self) -> DocumentPair | None:
        return self.pairs[self.current] if self.current < len(self.pairs) else None

    def drop(self) -> None:
        """Forgets the patient."""
        self.forget_patient()
        self.values.clear()
        self.chosen.clear()

    def forget_patient(self) -> None:
        """Back to the traits: who was found, the confirmation and the documents are gone."""
        if self.question is not None:
            self.question.give_up()
        self.question = self.ended = self.patient = self.consent = self.treatment = None
        self.purpose = self.notice_language = self.notice_version = self.shown = ""
        self.forget_documents()

    def give_back(self) -> None:
        """Makes room: the documents, and the confirmation that they were asked for with, are asked for anew."""
        if self.question is None:
            self.forget_documents()
            self.treatment = None

    def forget_documents(self) -> None:
        self.pairs, self.list_warnings, self.current = [], (), 0
        self.forget_reading()

    def forget_reading(self) -> None:
        """The document that is read, not the list."""
        self.structured = self.original = None
        self.rendered.clear()


def begin(searches: OrderedDict[str, Search], country: Country, mask: SearchMask, *, most: int) -> Search:
    """A new search of a session; the oldest one makes place."""
    search = Search(secrets.token_urlsafe(ID_BYTES), country, mask)
    searches[search.id] = search
    while len(searches) > most:
        _, oldest = searches.popitem(last=False)
        oldest.drop()
    return search


def make_room(searches: OrderedDict[str, Search], keep: Search, most: int) -> None:
    """Forgets the documents of other searches, oldest first, until all of them fit into ``most`` bytes."""
    for search in list(searches.values()):
        if sum(each.size for each in searches.values()) <= most:
            return
        if search is not keep:
            search.give_back()
