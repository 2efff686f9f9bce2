"""Who and whence: the patient, the document, the people in it. From the header alone, in the reader's words."""

from __future__ import annotations

from ncp.semantics.display.details import Details
from ncp.semantics.display.pieces import Cell, Line, Piece, Tone
from ncp.semantics.display.view import Detail, Provenance
from ncp.semantics.display.wording import Wording
from ncp.semantics.model import Header, Patient
from ncp.semantics.parties import Address, Party, Person
from ncp.semantics.values import Interval, Point, Timing


class About:
    """The header of one document."""

    def __init__(self, wording: Wording, details: Details) -> None:
        self._say = wording
        self._page = wording.words.page
        self._details = details

    def banner(self, header: Header, about: Provenance) -> tuple[str, ...]:
        """Name, birth, sex, country: what stays in sight."""
        patient = header.patient
        person = patient.person if patient is not None else None
        country = self.country(header, about)
        return (
            (person.text if person else "") or self._page["unavailable"],
            f"{self._page['born']} {self._birth(person)}",
            self._sex(person),
            country or self._page["unavailable"],
            self._page["read_only"],
        )

    def country(self, header: Header, about: Provenance) -> str:
        """Name of the country: as the gateway knows it, else the custodian's address, else the language's region."""
        code = about.country
        custodian = header.custodian
        if not code and custodian is not None:
            organisation = custodian.organisation
            addresses = (*(organisation.addresses if organisation else ()), *custodian.addresses)
            code = next((address.country for address in addresses if address.country), "")
        if not code and header.language is not None:
            code = header.language.code.partition("-")[2]
        return self._say.names.country(code) if code else ""

    def patient(self, header: Header) -> tuple[Detail, ...]:
        """The patient's data; what is missing says so."""
        found: list[Detail] = []
        for patient in header.patients or (None,):
            found.extend(self._patient(patient))
        return tuple(found)

    def _patient(self, patient: Patient | None) -> list[Detail]:
        say, page = self._say, self._page
        person = patient.person if patient is not None else None
        names = person.names if person is not None else ()
        role = patient.role if patient is not None else None
        ids = role.ids if role is not None else ()
        rows = [
            self._fact("prefix", tuple((Piece(name.prefix),) for name in names if name.prefix), optional=True),
            self._fact("name", tuple((Piece(name.family or name.text),) for name in names if name.text)),
            self._fact("given", tuple((Piece(name.given),) for name in names if name.given)),
            self._fact("sex", say.coded(person.gender) if person is not None else ()),
            self._fact("identifier", say.plain(say.identifier(ids[0]) if ids else "")),
            self._fact("other_identifiers", tuple((Piece(say.identifier(one)),) for one in ids[1:]), optional=True),
            self._fact("born", say.plain(self._birth(person))),
            self._fact("address", self._addresses(role.addresses if role is not None else ())),
            self._fact("contact", self._telecoms(role), optional=True),
        ]
        if patient is not None:
            spoken = tuple(
                (Piece(say.names.tongue(skill.language.code)),)
                for skill in patient.languages
                if skill.language is not None and skill.language.code
            )
            rows.append(self._fact("spoken", spoken, optional=True))
            more = [
                *self._details.of(role if role is not None else patient.role),
                *self._details.of(patient.person),
                *(detail for one in patient.characteristics for detail in (Detail("", self._details.code(one)),)),
                *(self._details.of(patient.provider) if patient.provider is not None else ()),
                *((self._details.party(patient.birth_place),) if patient.birth_place is not None else ()),
            ]
            rows.append(Detail(page["more"], (), tuple(more)))
        return [row for row in rows if row is not None]

    def document(self, header: Header, about: Provenance) -> tuple[Detail, ...]:
        """Country, language, dates, nature, authors, custodian, release of the terminology."""
        say = self._say
        updated = self._timing(header.last_update)
        if updated and (ago := self._ago(header.last_update, about)):
            updated = (*updated, (Piece(ago, tone=Tone.UNSURE),))
        language = header.language.code if header.language is not None else ""
        document_id = say.identifier(header.id) if header.id is not None else ""
        if header.id is not None and header.id.extension:
            document_id = f"{header.id.root} {header.id.extension}"
        related = tuple(
            (Piece(f"{one.type_code}: {' '.join(filter(None, (each.root, each.extension)))}"),)
            for one in header.related
            for each in one.ids
            if each.root or each.extension
        )
        version = header.version
        rows = [
            self._fact("country", say.plain(self.country(header, about))),
            self._fact("original_language", say.plain(say.names.tongue(language) if language else "")),
            self._fact("created", self._timing(header.created)),
            self._fact("updated", updated),
            self._fact("nature", say.plain(say.words.nature[header.nature.value])),
            self._fact("authors", tuple(self._person(author) for author in header.authors if author.text)),
            self._fact(
                "custodian", tuple(self._person(one) for one in (header.custodian,) if one is not None and one.text)
            ),
            self._fact("authenticator", tuple(self._person(one) for one in header.legal_authenticators if one.text)),
            self._fact(
                "documented", tuple(line for event in header.events for line in self._timing(event.time)), optional=True
            ),
            self._fact("confidentiality", say.coded(header.confidentiality), optional=True),
            self._fact("document_id", say.plain(document_id)),
            self._fact("version", say.plain(version), optional=True),
            self._fact("related", related, optional=True),
            self._fact("terminology", say.plain(say.names.release.name)),
        ]
        if about.received is not None:
            rows.append(self._fact("received", say.plain(say.day(about.received.strftime("%Y%m%d%H%M%z")))))
        return tuple(row for row in rows if row is not None)

    def contacts(self, header: Header) -> tuple[Detail, ...]:
        """Everybody the header names, with all that is said of them."""
        page, details = self._page, self._details
        found = [details.party(one, page["guardian"]) for patient in header.patients for one in patient.guardians]
        found += [details.party(one, page["preferred"]) for one in header.preferred_professionals]
        found += [details.party(one, page["other_contact"]) for one in header.contacts]
        found += [details.party(one, page["performer"]) for event in header.events for one in event.performers]
        found += [details.party(one, page["authors"]) for one in header.authors]
        if header.custodian is not None:
            found.append(details.party(header.custodian, page["custodian"]))
        found += [details.party(one, page["authenticator"]) for one in header.legal_authenticators]
        found += [details.party(one) for one in header.others]
        found += [Detail(page["item"], (), details.of(act)) for act in header.acts]
        return tuple(found)

    # Parts

    def _fact(self, key: str, cell: Cell, *, optional: bool = False) -> Detail | None:
        if not cell and optional:
            return None
        return Detail(self._page[key], cell or self._say.plain(self._page["unavailable"]))

    def _sex(self, person: Person | None) -> str:
        gender = person.gender if person is not None else None
        if gender is None or (gender.empty and not gender.null_flavor):
            return self._page["unavailable"]
        return self._say.names.of(gender).text

    def _birth(self, person: Person | None) -> str:
        said = self._say.time(person.birth) if person is not None and person.birth is not None else ""
        return said or self._page["unavailable"]

    def _addresses(self, addresses: tuple[Address, ...]) -> Cell:
        return tuple((Piece(said),) for address in addresses if (said := self._say.address(address)))

    def _telecoms(self, role: Party | None) -> Cell:
        if role is None:
            return ()
        return tuple((Piece(said),) for telecom in role.telecoms if (said := self._say.telecom(telecom)))

    def _timing(self, timing: Timing | None) -> Cell:
        return self._say.timing(timing)

    def _person(self, party: Party) -> Line:
        """Name, function, organisation."""
        say = self._say
        organisation = party.organisation.text if party.organisation else ""
        function = say.names.of(party.function).text if party.function is not None and party.function.code else ""
        names = [party.text, function, organisation if organisation != party.text else ""]
        return (Piece(", ".join(filter(None, names))),)

    def _ago(self, timing: Timing | None, about: Provenance) -> str:
        """Words for a last update of more than a year ago; empty otherwise."""
        if timing is None:
            return ""
        digits = timing.value if isinstance(timing, Interval | Point) else ""
        if len(digits) < 4 or not (digits[:8].isascii() and digits[:8].isdigit()):
            return ""
        written = digits[:8].ljust(8, "9")
        years = about.shown.year - int(written[:4]) - (about.shown.strftime("%m%d") < written[4:8])
        if years < 1:
            return ""
        return self._page["years_ago_one"] if years == 1 else self._page["years_ago"].format(count=years)
