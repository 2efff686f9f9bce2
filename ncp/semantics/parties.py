"""Who: persons, organisations, devices and the part they take in a document or in an entry."""

from __future__ import annotations

from dataclasses import dataclass

from ncp.semantics.values import Coded, Datum, Identifier, Interval, Quantity, Text, Timing


@dataclass(frozen=True, slots=True, repr=False)
class Part(Datum):
    """One piece of a name or an address: ``family``, ``city``; ``delimiter`` or plain text between pieces: ``""``."""

    kind: str
    text: str
    qualifier: str = ""
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class _Composed(Datum):
    parts: tuple[Part, ...] = ()
    use: str = ""
    null_flavor: str = ""
    valid: Interval | None = None

    def of(self, kind: str) -> str:
        """All pieces of a kind, in the order of the document."""
        return " ".join(part.text for part in self.parts if part.kind == kind and part.text)

    @property
    def text(self) -> str:
        """The whole, in the order of the document."""
        return " ".join(part.text for part in self.parts if part.text)


@dataclass(frozen=True, slots=True, repr=False)
class Name(_Composed):
    """The name of a person or an organisation; without pieces, it is one part of no kind."""

    @property
    def family(self) -> str:
        return self.of("family")

    @property
    def given(self) -> str:
        return self.of("given")

    @property
    def prefix(self) -> str:
        return self.of("prefix")

    @property
    def suffix(self) -> str:
        return self.of("suffix")


@dataclass(frozen=True, slots=True, repr=False)
class Address(_Composed):
    @property
    def city(self) -> str:
        return self.of("city")

    @property
    def postal_code(self) -> str:
        return self.of("postalCode")

    @property
    def state(self) -> str:
        return self.of("state")

    @property
    def country(self) -> str:
        return self.of("country")

    @property
    def lines(self) -> tuple[str, ...]:
        """Street lines, or street and house number."""
        kinds = ("streetAddressLine", "streetName", "houseNumber", "additionalLocator", "precinct")
        return tuple(part.text for part in self.parts if part.kind in kinds and part.text)


@dataclass(frozen=True, slots=True, repr=False)
class Telecom(Datum):
    """``value`` is an address with its scheme (``tel:``, ``mailto:``) as written: check it before it is a link."""

    value: str
    use: str = ""
    null_flavor: str = ""
    valid: Interval | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Person(Datum):
    names: tuple[Name, ...] = ()
    gender: Coded | None = None
    birth: Timing | None = None
    null_flavor: str = ""

    @property
    def text(self) -> str:
        return next((name.text for name in self.names if name.text), "")


@dataclass(frozen=True, slots=True, repr=False)
class Device(Datum):
    """A program or an instrument; what is implanted in a patient is an ``entries.ImplantedDevice``."""

    code: Coded | None = None
    model: Text | None = None
    software: Text | None = None
    null_flavor: str = ""
    maintainer: tuple[Party, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Organisation(Datum):
    ids: tuple[Identifier, ...] = ()
    names: tuple[Name, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    addresses: tuple[Address, ...] = ()
    code: Coded | None = None
    part_of: Organisation | None = None
    relation: Coded | None = None
    null_flavor: str = ""

    @property
    def text(self) -> str:
        return next((name.text for name in self.names if name.text), "")


@dataclass(frozen=True, slots=True, repr=False)
class Substance(Datum):
    """What takes part without being a person or a device of the sender: an allergen, an implant, a disease aimed at."""

    kind: str = ""
    code: Coded | None = None
    names: tuple[Name, ...] = ()
    description: Text | None = None
    quantities: tuple[Quantity, ...] = ()
    model: Text | None = None
    software: Text | None = None
    birth: Timing | None = None
    null_flavor: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Party(Datum):
    """Somebody or something taking part.

    ``part`` how, in one word of the document (``author``, ``performer``, ``participant``, ``guardian``…);
    ``type_code`` and ``role_class`` the finer HL7 codes (``CSM``, ``DEV``, ``IND``; ``PRS``, ``ECON``, ``NOK``);
    ``function`` the function in this act; ``code`` the role, or the relation to the patient.
    """

    part: str
    type_code: str = ""
    role_class: str = ""
    profiles: tuple[str, ...] = ()
    function: Coded | None = None
    code: Coded | None = None
    time: Timing | None = None
    mode: Coded | None = None
    signature: Coded | None = None
    awareness: Coded | None = None
    ids: tuple[Identifier, ...] = ()
    addresses: tuple[Address, ...] = ()
    telecoms: tuple[Telecom, ...] = ()
    person: Person | None = None
    device: Device | None = None
    organisation: Organisation | None = None
    substance: Substance | None = None
    scope: Substance | None = None
    null_flavor: str = ""

    @property
    def text(self) -> str:
        """The person's, else the organisation's, else the device's name."""
        device = self.device
        named = (
            self.person.text if self.person else "",
            self.organisation.text if self.organisation else "",
            (device.software.text if device and device.software else ""),
            (device.model.text if device and device.model else ""),
        )
        return next((name for name in named if name), "")
