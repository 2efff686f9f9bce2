"""Reads International Search Masks of every generation: what a country asks for to find one of its patients.

A mask is foreign input that is signed elsewhere (``docs/search-masks.md``): one hardened parse, limits on size and
number of fields, patterns compiled with a linear-time engine, pictures taken apart and written anew. Reads the mask
alone or inside the answer of a service metadata publisher, whose signatures are not looked at here.

Generations: before 2016 ``patientSearch`` without namespace; 2016 to 2018 the same in the ISM namespace; 2019
``searchFields`` with bare ``id``; since 2020 the present schema.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from lxml.etree import _Element

from ncp.wire.ids import CountryCode, oid
from ncp.wire.xml import XmlLimits, XmlRefused, children, local_name, parse, text_of
from xcpd.mask_fields import (
    Clause,
    DocumentSearch,
    FieldGroup,
    FieldOption,
    FieldProblem,
    IdentifierRules,
    MaskField,
    PersonSearch,
    SearchMask,
    Trait,
    identifier_rules,
)
from xcpd.mask_formats import read_format, read_letters
from xcpd.mask_pictures import Picture, PictureRefused, clean_picture

__all__ = [
    "FieldProblem",
    "IdentifierRules",
    "MaskField",
    "MaskRefused",
    "SearchMask",
    "Trait",
    "identifier_rules",
    "read_mask",
]

NS_ISM = "http://ec.europa.eu/sante/ehncp/ism"
_NAMESPACES = ("", NS_ISM)
MASK_LIMITS = XmlLimits(size=5 * 1024 * 1024, depth=40, elements=4000, attributes=40_000)
FIELDS_MAX = 60
"""Most fields of one form; the fullest mask seen has nine."""
FORMS_MAX = 10
PICTURES_MAX = 6
TEXT_MAX = 500

_ROOTS = frozenset({"searchFields", "patientSearch"})
_DIRECTORY = frozenset({"SignedServiceMetadata", "ServiceMetadata"})
_LABEL = "label.ism."
_CURRENT = frozenset(
    {
        "healthCardNumber",
        "nationalIdentityCardNumber",
        "nationalPersonIdentifier",
        "nationalSocialSecurityNumber",
        "passportNumber",
        "regionalPatientIdentifier",
        "regionIdentifier",
        "accessCode",
    }
)
"""Labels of ``id``, without their prefix."""

_OLD_LABELS = {
    "patient.data.unique.identifier": "nationalPersonIdentifier",
    "patient.search.patient.id": "nationalPersonIdentifier",
    "patient.data.national.identifier": "nationalPersonIdentifier",
    "patient.data.ins": "nationalPersonIdentifier",
    "patient.data.pseudonym": "nationalPersonIdentifier",
    "patient.search.fiscal.code": "nationalPersonIdentifier",
    "patient.data.id.code": "nationalIdentityCardNumber",
    "patient.search.serial": "healthCardNumber",
    "patient.data.regional.identifier": "regionalPatientIdentifier",
    "patient.data.region": "regionIdentifier",
    "patient.data.tan.code": "accessCode",
    "patient.prescription.unique.identifier": "ePrescriptionId",
    "patient.data.surname": "familyName",
    "patient.data.givenname": "firstName",
    "patient.data.birth.date": "birthDate",
    "patient.data.dateOfBirth": "birthDate",
    "patient.data.sex": "gender",
    "patient.data.street.address": "addressStreet",
    "patient.data.code": "addressPostalCode",
    "patient.data.city": "addressCity",
    "patient.data.country": "addressCountry",
}
"""Labels of masks before 2020 and what they are called now."""

_TEXT_TRAITS = {
    trait.value: trait
    for trait in (Trait.FAMILY, Trait.GIVEN, Trait.STREET, Trait.POSTAL_CODE, Trait.CITY, Trait.COUNTRY)
}
_DOCUMENT_TRAITS = {"prescriptionId": Trait.PRESCRIPTION_ID, "dispensationPINCode": Trait.DISPENSATION_PIN}
_NOT_A_KEY = re.compile(r"[^A-Za-z0-9]+")
_UNPRINTABLE = re.compile("[\x00-\x20\x7f-\x9f]+")
_SAME_COUNTRY = {"EL": "GR"}


class MaskRefused(ValueError):
    """Not a mask to work with. ``reason``: ``xml.*``, ``mask.root``, ``mask.country`` (another country's),
    ``mask.empty`` (nothing to ask for) or ``mask.too_large`` (fields, forms or pictures)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_mask(data: bytes, country: CountryCode) -> SearchMask:
    """The mask of ``country``. Raises ``MaskRefused``, and nothing else, for whatever is wrong with the bytes.

    A field, pattern or picture that cannot be used is left out or left unchecked and named in ``warnings``.
    """
    try:
        root = parse(data, MASK_LIMITS)
    except XmlRefused as refused:
        raise MaskRefused(refused.reason) from None
    mask = _mask_of(root)
    container = _first(mask, "country")
    if container is None:
        container = mask
    else:
        code = (container.get("code") or "").strip().upper()
        if code and _SAME_COUNTRY.get(code, code) != _SAME_COUNTRY.get(country, country):
            raise MaskRefused("mask.country")
    reader = _Reader()
    current = _first(container, "patientSearch")
    if current is not None:
        patient = reader.person(current)
        documents = [reader.document(form) for form in _limited(container, "documentSearch", FORMS_MAX)]
        kin = _first(container, "nextOfKinSearch")
        next_of_kin = reader.person(kin) if kin is not None else None
    else:
        patient, documents = reader.old_form(container)
        next_of_kin = None
    if not patient.fields:
        raise MaskRefused("mask.empty")
    return SearchMask(
        country=country,
        patient=patient,
        documents=tuple(form for form in documents if form.fields),
        next_of_kin=next_of_kin if next_of_kin is not None and next_of_kin.fields else None,
        warnings=tuple(dict.fromkeys(reader.warnings)),
    )


def _mask_of(root: _Element) -> _Element:
    if _is(root, _ROOTS):
        return root
    if local_name(root) in _DIRECTORY:
        for extension in root.iter("{*}Extension"):
            parent = extension.getparent()
            if parent is not None and local_name(parent) == "Endpoint":
                for inside in children(extension):
                    if _is(inside, _ROOTS):
                        return inside
    raise MaskRefused("mask.root")


class _Reader:
    """Reads forms and gathers warnings on the way."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def person(self, form: _Element) -> PersonSearch:
        """patientSearch or nextOfKinSearch of the present schema."""
        fields: list[MaskField] = []
        groups: list[FieldGroup] = []
        clauses: list[Clause] = []
        some_id_needed = False
        for block in _limited(form, "identifier", FIELDS_MAX):
            choice = (block.get("type") or "").strip().upper() == "CHOICE"
            options = self._options(block, fields, choice)
            if not options:
                continue
            groups.append(FieldGroup(choice, tuple(options)))
            if choice:
                clauses.append(tuple(frozenset(option.keys) for option in options))
                continue
            mandatory = [item.key for item in fields if item.mandatory and item.key in options[0].keys]
            clauses += [(frozenset({key}),) for key in mandatory]
            some_id_needed = some_id_needed or not mandatory
        stray = [self._identifier(element, fields) for element in _limited(form, "id", FIELDS_MAX)]
        bare = tuple(item.key for item in stray if item is not None)
        if bare:
            groups.append(FieldGroup(False, (FieldOption("", bare),)))
            some_id_needed = True
        if some_id_needed:
            clauses.append(_any_identifier(fields))
        for element in children(form):
            other = self._other(element, fields)
            if other is not None and other.mandatory:
                clauses.append((frozenset({other.key}),))
        return PersonSearch(
            fields=tuple(fields),
            groups=tuple(groups),
            clauses=tuple(dict.fromkeys(clauses)),
            scope=self._scope(form),
            friendly_name=_words(form.get("friendlyName")),
            pictures=self._pictures(form),
        )

    def document(self, form: _Element) -> DocumentSearch:
        fields: list[MaskField] = []
        for name, trait in _DOCUMENT_TRAITS.items():
            element = _first(form, name)
            domain = "" if element is None else self._domain(element)
            if element is not None and domain:
                self._add(element, trait, trait.value, fields, domain)
        return DocumentSearch(tuple(fields), self._scope(form), _words(form.get("friendlyName")), self._pictures(form))

    def old_form(self, container: _Element) -> tuple[PersonSearch, list[DocumentSearch]]:
        """Masks before 2020: fields with min, max and letters, and ``validation`` groups as alternatives."""
        inside = _first(container, "searchFields")
        form = container if inside is None else inside
        fields: list[MaskField] = []
        documents: list[MaskField] = []
        for element in children(form):
            if _is(element, {"id"}):
                if _current_name(element) == Trait.PRESCRIPTION_ID.value:
                    domain = self._domain(element)
                    if domain:
                        self._add(element, Trait.PRESCRIPTION_ID, Trait.PRESCRIPTION_ID.value, documents, domain, True)
                else:
                    self._identifier(element, fields, old=True)
            else:
                self._other(element, fields, old=True)
        keys = tuple(item.key for item in fields if item.trait.is_identifier)
        clauses = self._validations(container, fields)
        if not clauses and keys:
            clauses = [_any_identifier(fields)]
        person = PersonSearch(
            fields=tuple(fields),
            groups=(FieldGroup(False, (FieldOption("", keys),)),) if keys else (),
            clauses=tuple(clauses),
        )
        return person, [DocumentSearch(tuple(documents))]

    def _validations(self, container: _Element, fields: list[MaskField]) -> list[Clause]:
        """Several validation elements are alternatives; the fields inside one belong together."""
        alternatives = []
        for validation in _limited(container, "validation", FORMS_MAX):
            keys = set()
            for named in _limited(validation, "field", FIELDS_MAX):
                label = _words(named.get("label"))
                matching = [item.key for item in fields if item.label == label]
                if not matching:
                    self.warnings.append("validation.unknown_field")
                keys.update(matching)
            if keys:
                alternatives.append(frozenset(keys))
        return [tuple(alternatives)] if alternatives else []

    def _options(self, block: _Element, fields: list[MaskField], choice: bool) -> list[FieldOption]:
        options: list[FieldOption] = []
        for element in children(block):
            if _is(element, {"ids"}):
                read = [self._identifier(inside, fields) for inside in _limited(element, "id", FIELDS_MAX)]
                keys = tuple(item.key for item in read if item is not None)
                if keys and len(keys) == len(read):
                    options.append(FieldOption(_words(element.get("display")), keys))
                elif keys and not choice:
                    options.append(FieldOption("", keys))
                # A choice of which one part cannot be sent could never be complete: it is not offered.
                elif keys:
                    fields[:] = [item for item in fields if item.key not in keys]
            elif _is(element, {"id"}):
                item = self._identifier(element, fields)
                if item is not None:
                    options.append(FieldOption("", (item.key,)))
        if choice or not options:
            return options
        return [FieldOption(options[0].display, tuple(key for option in options for key in option.keys))]

    def _identifier(self, element: _Element, fields: list[MaskField], old: bool = False) -> MaskField | None:
        domain = self._domain(element)
        if not domain:
            return None
        name = _current_name(element)
        trait = Trait.ACCESS_CODE if name == Trait.ACCESS_CODE.value else Trait.IDENTIFIER
        return self._add(element, trait, name, fields, domain, old)

    def _other(self, element: _Element, fields: list[MaskField], old: bool = False) -> MaskField | None:
        """textField, birthDate, gender; an accessCode element says no domain and so cannot be sent."""
        if _is(element, {"textField"}):
            name = _current_name(element)
            trait = _TEXT_TRAITS.get(name)
            if trait is None:
                self.warnings.append("field.label")
                return None
            return self._add(element, trait, name, fields, "", old)
        if _is(element, {"birthDate"}):
            return self._add(element, Trait.BIRTH_DATE, Trait.BIRTH_DATE.value, fields, "", old)
        if _is(element, {"gender", "sex"}):
            return self._add(element, Trait.GENDER, Trait.GENDER.value, fields, "", old)
        if _is(element, {"accessCode"}):
            self.warnings.append("access_code.without_domain")
        return None

    def _add(
        self, element: _Element, trait: Trait, name: str, fields: list[MaskField], domain: str = "", old: bool = False
    ) -> MaskField:
        if len(fields) >= FIELDS_MAX:
            raise MaskRefused("mask.too_large")
        label = _words(element.get("label"))
        key = _key(name or label, fields)
        source = element.get("format") or ""
        if old:
            checked, warning = read_letters(source, _bound(element.get("min")), _bound(element.get("max")))
        else:
            checked, warning = read_format(source)
        if warning:
            self.warnings.append(f"{warning}:{key}")
        item = MaskField(
            key=key,
            trait=trait,
            label=label,
            format=checked,
            domain=domain,
            mandatory=(element.get("mandatory") or "").strip() in ("true", "1"),
            # An old label that is no key of any list is a text for people.
            description=_words(element.get("contextualDescription")) or ("" if name or not old else label),
            original_description=_words(element.get("originalContextualDescription")),
        )
        fields.append(item)
        return item

    def _domain(self, element: _Element) -> str:
        try:
            return oid(element.get("domain") or "")
        except ValueError:
            self.warnings.append("field.domain")
            return ""

    def _scope(self, form: _Element) -> str:
        scope = (form.get("scope") or "ALL").strip().upper()
        if scope not in ("ALL", "PS", "EP"):
            self.warnings.append("scope.unknown")
            return "ALL"
        return scope

    def _pictures(self, form: _Element) -> tuple[Picture, ...]:
        pictures = []
        for media in _limited(form, "media", PICTURES_MAX):
            encoded = "".join(text_of(_first(media, "mediaContent")).split())
            try:
                content = base64.b64decode(encoded, validate=True)
                pictures.append(
                    clean_picture(content, _words(media.get("mediaName")), _words(media.get("description")))
                )
            except (binascii.Error, ValueError) as error:
                refused = error.reason if isinstance(error, PictureRefused) else "picture.malformed"
                self.warnings.append(refused)
        return tuple(pictures)


def _any_identifier(fields: list[MaskField]) -> Clause:
    """At least one identifier, whichever: many masks forget ``mandatory``. An access code alone is none."""
    return tuple(frozenset({item.key}) for item in fields if item.trait is Trait.IDENTIFIER) or tuple(
        frozenset({item.key}) for item in fields if item.trait.is_identifier
    )


def _current_name(element: _Element) -> str:
    """The label without its prefix, old ones by their new name; empty for a label of no list."""
    label = (element.get("label") or "").strip()
    if label.startswith(_LABEL):
        name = label.removeprefix(_LABEL)
        return name if name in _CURRENT or name in _TEXT_TRAITS or name in _OLD_LABELS.values() else ""
    return _OLD_LABELS.get(label, "")


def _key(name: str, fields: list[MaskField]) -> str:
    base = _NOT_A_KEY.sub("-", name).strip("-")[:60] or "field"
    taken = {item.key for item in fields}
    key, count = base, 2
    while key in taken:
        key, count = f"{base}-{count}", count + 1
    return key


def _bound(text: str | None) -> int:
    """A length of an old mask; -1 (no check) for anything that is none."""
    cleaned = (text or "").strip()
    return int(cleaned) if cleaned.isascii() and cleaned.isdigit() and len(cleaned) <= 4 else -1


def _words(text: str | None) -> str:
    """Text for people: blanks folded, control characters gone, cut at a length that fits a form."""
    return _UNPRINTABLE.sub(" ", text or "").strip()[:TEXT_MAX]


def _is(element: _Element, names: frozenset[str] | set[str]) -> bool:
    """Whether the element has one of the names, in the namespace of masks or in none."""
    namespace, _, name = element.tag.rpartition("}") if isinstance(element.tag, str) else ("", "", "")
    return name in names and namespace.lstrip("{") in _NAMESPACES


def _first(parent: _Element, name: str) -> _Element | None:
    return next((element for element in children(parent) if _is(element, {name})), None)


def _limited(parent: _Element, name: str, most: int) -> Iterator[_Element]:
    """Children of that name; ``MaskRefused`` for more than any country needs."""
    count = 0
    for element in children(parent):
        if _is(element, {name}):
            count += 1
            if count > most:
                raise MaskRefused("mask.too_large")
            yield element
