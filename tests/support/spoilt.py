"""A correct document made wrong in one place at a time: one way for each of our own rules."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree
from lxml.etree import _Element

H = {"h": "urn:hl7-org:v3", "p": "urn:hl7-org:pharm", "xsi": "http://www.w3.org/2001/XMLSchema-instance"}
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

Spoil = Callable[[_Element], None]


def found(root: _Element, path: str) -> list[_Element]:
    elements = list(root.xpath(path, namespaces=H))
    assert elements, path
    return elements


def drop(path: str) -> Spoil:
    """Without these elements."""

    def spoil(root: _Element) -> None:
        for element in found(root, path):
            parent = element.getparent()
            assert parent is not None
            parent.remove(element)

    return spoil


def put(path: str, **attributes: str | None) -> Spoil:
    """With these attributes, or without those that are None; ``xsi_type`` stands for ``xsi:type``."""

    def spoil(root: _Element) -> None:
        for element in found(root, path):
            for name, value in attributes.items():
                name = f"{XSI}{name[4:]}" if name.startswith("xsi_") else name
                if value is None:
                    element.attrib.pop(name, None)
                else:
                    element.set(name, value)

    return spoil


def say(path: str, words: str) -> Spoil:
    """With this text and no child."""

    def spoil(root: _Element) -> None:
        for element in found(root, path):
            for child in list(element):
                element.remove(child)
            element.text = words

    return spoil


def add(path: str, content: str, *, first: bool = False) -> Spoil:
    """With one more child."""

    def spoil(root: _Element) -> None:
        for element in found(root, path):
            wrapped = etree.fromstring(
                f'<x xmlns="{H["h"]}" xmlns:p="{H["p"]}" xmlns:e="urn:epsos-org:ep:medication"'
                f' xmlns:xsi="{H["xsi"]}">{content}</x>'
            )
            for child in list(wrapped):
                if first:
                    element.insert(0, child)
                else:
                    element.append(child)

    return spoil


def twice(path: str) -> Spoil:
    """The element once more beside itself."""

    def spoil(root: _Element) -> None:
        element = found(root, path)[0]
        parent = element.getparent()
        assert parent is not None
        parent.append(etree.fromstring(etree.tostring(element, with_tail=False)))

    return spoil


def both(*spoils: Spoil) -> Spoil:
    def spoil(root: _Element) -> None:
        for one in spoils:
            one(root)

    return spoil


def section(code: str) -> str:
    return f"//h:section[h:code/@code='{code}']"


ALLERGIES, PROBLEMS, PAST, MEDICATION = map(section, ("48765-2", "11450-4", "11348-0", "10160-0"))
DEVICES, PROCEDURES, VACCINATIONS = map(section, ("46264-8", "47519-4", "11369-6"))
SOCIAL, PREGNANCY, VITAL, RESULTS = map(section, ("29762-2", "10162-6", "8716-3", "30954-2"))
FUNCTIONAL = section("47420-5")

_GROUP = (
    '<organizer classCode="BATTERY" moodCode="EVN"><code code="1" codeSystem="1.2" displayName="x"/>'
    '<effectiveTime value="2020"/><component><observation classCode="OBS" moodCode="EVN">'
    '<code code="2" codeSystem="1.2" displayName="y"/><value xsi:type="INT" value="3"/></observation></component>'
    "</organizer>"
)
_ONE = (
    '<observation classCode="OBS" moodCode="EVN"><code code="1" codeSystem="1.2" displayName="x"/>'
    '<effectiveTime value="2020"/><value xsi:type="INT" value="3"/></observation>'
)
FUNCTIONAL_SECTION = add(
    "/h:ClinicalDocument/h:component/h:structuredBody",
    '<component><section><templateId root="1.3.6.1.4.1.12559.11.10.1.3.1.2.14"/>'
    '<code code="47420-5" codeSystem="2.16.840.1.113883.6.1" displayName="Functional status"/><title>F</title>'
    f"<text>x</text><entry>{_GROUP}</entry><entry>{_ONE}</entry></section></component>",
)
"""The one section that the demonstration does not write; correct as it is."""

_GROUP_IN_RESULTS = add(f"{RESULTS}", f"<entry>{_GROUP}</entry>")

_DOCUMENT = "/h:ClinicalDocument"
_ROLE = "//h:patientRole"
_PATIENT = f"{_ROLE}/h:patient"
_AUTHOR = f"{_DOCUMENT}/h:author"
_CUSTODIAN = "//h:representedCustodianOrganization"
_SIGNER = f"{_DOCUMENT}/h:legalAuthenticator"
_PREFERRED = f"{_DOCUMENT}/h:participant[h:functionCode]"

HEADER: dict[str, Spoil] = {
    "header.type": drop(f"{_DOCUMENT}/h:typeId"),
    "header.id.missing": drop(f"{_DOCUMENT}/h:id"),
    "header.id.repeated": twice(f"{_DOCUMENT}/h:id"),
    "header.code.missing": put(f"{_DOCUMENT}/h:code", code=None),
    "header.code.system": put(f"{_DOCUMENT}/h:code", codeSystem="1.2.3"),
    "header.title.missing": say(f"{_DOCUMENT}/h:title", "  "),
    "header.time.missing": put(f"{_DOCUMENT}/h:effectiveTime", value=None),
    "header.time.precision": put(f"{_DOCUMENT}/h:effectiveTime", value="202503"),
    "header.time.zone": put(f"{_DOCUMENT}/h:effectiveTime", value="20250310091500"),
    "header.confidentiality.missing": drop(f"{_DOCUMENT}/h:confidentialityCode"),
    "header.confidentiality.code": put(f"{_DOCUMENT}/h:confidentialityCode", code="LM"),
    "header.language.missing": drop(f"{_DOCUMENT}/h:languageCode"),
    "header.patient.missing": drop(_PATIENT),
    "header.patient.several": twice("//h:recordTarget"),
    "header.patient.id": drop(f"{_ROLE}/h:id"),
    "header.patient.address": drop(f"{_ROLE}/h:addr"),
    "header.patient.telecom": drop(f"{_ROLE}/h:telecom"),
    "header.patient.family": drop(f"{_PATIENT}/h:name/h:family"),
    "header.patient.given": say(f"{_PATIENT}/h:name/h:given", ""),
    "header.patient.gender.missing": drop(f"{_PATIENT}/h:administrativeGenderCode"),
    "header.patient.gender.code": put(f"{_PATIENT}/h:administrativeGenderCode", code="W"),
    "header.patient.birth": put(f"{_PATIENT}/h:birthTime", value=None),
    "header.author.missing": drop(_AUTHOR),
    "header.author.time": drop(f"{_AUTHOR}/h:time"),
    "header.author.who": drop(f"{_AUTHOR}//h:assignedPerson"),
    "header.author.id": drop(f"{_AUTHOR}/h:assignedAuthor/h:id"),
    "header.author.name": drop(f"{_AUTHOR}//h:assignedPerson/h:name"),
    "header.author.organisation": drop(f"{_AUTHOR}//h:representedOrganization"),
    "header.custodian.missing": drop(_CUSTODIAN),
    "header.custodian.id": drop(f"{_CUSTODIAN}/h:id"),
    "header.custodian.name": drop(f"{_CUSTODIAN}/h:name"),
    "header.authenticator.missing": drop(_SIGNER),
    "header.authenticator.time": drop(f"{_SIGNER}/h:time"),
    "header.authenticator.signature": put(f"{_SIGNER}/h:signatureCode", code="X"),
    "header.authenticator.person": drop(f"{_SIGNER}//h:assignedPerson"),
    "header.authenticator.organisation": drop(f"{_SIGNER}//h:representedOrganization"),
    "header.preferred.missing": drop(f"{_PREFERRED}/h:functionCode"),
    "header.preferred.who": drop(f"{_PREFERRED}//h:associatedPerson"),
    "header.source.missing": drop(f"{_DOCUMENT}/h:relatedDocument"),
    "header.source.id": drop("//h:parentDocument/h:id"),
    "header.documentation.missing": drop(f"{_DOCUMENT}/h:documentationOf"),
    "header.updated.missing": drop("//h:serviceEvent/h:effectiveTime/h:high"),
    "header.schema-location": put(_DOCUMENT, xsi_schemaLocation="urn:hl7-org:v3 CDA.xsd"),
}

_BODY = f"{_DOCUMENT}/h:component/h:structuredBody"
_NONE_KNOWN = (
    '<entry><procedure classCode="PROC" moodCode="EVN"><code code="no-known-procedures"'
    ' codeSystem="2.16.840.1.113883.5.1150.1" displayName="x"/></procedure></entry>'
)

SECTIONS: dict[str, Spoil] = {
    "body.missing": drop(_BODY),
    "body.several": twice(_BODY),
    "body.sections.missing": drop(f"{_BODY}/h:component"),
    "section.code.missing": put(f"{PROCEDURES}/h:code", code=None),
    "section.code.system": put(f"{PROCEDURES}/h:code", codeSystem="1.2"),
    "section.title.missing": drop(f"{PROCEDURES}/h:title"),
    "section.text.missing": drop(f"{PROCEDURES}/h:text"),
    "section.text.empty": say(f"{PROCEDURES}/h:text", " "),
    "section.template.missing": drop(f"{PROCEDURES}/h:templateId"),
    "section.nested": add(PROCEDURES, "<component><section><title>x</title></section></component>"),
    "section.allergies.missing": drop(f"{ALLERGIES}/.."),
    "section.problems.missing": drop(f"{PROBLEMS}/.."),
    "section.medication.missing": drop(f"{MEDICATION}/.."),
    "section.devices.missing": drop(f"{DEVICES}/.."),
    "section.procedures.missing": drop(f"{PROCEDURES}/.."),
    "section.entry.missing": drop(f"{PROCEDURES}/h:entry"),
    "section.contradiction": add(PROCEDURES, _NONE_KNOWN),
    "section.repeated": twice(f"{PROCEDURES}/.."),
    "section.unknown": put(f"{PAST}/h:code", code="10164-2"),
    "entry.empty": add(PROCEDURES, "<entry/>"),
}


def _concern(name: str, where: str) -> dict[str, Spoil]:
    act = f"{where}/h:entry/h:act"
    inner = f"{act}/h:entryRelationship/h:observation"
    return {
        f"{name}.entry.kind": add(where, "<entry><encounter/></entry>"),
        f"{name}.concern.id": drop(f"{act}/h:id"),
        f"{name}.concern.status": put(f"{act}/h:statusCode", code="new"),
        f"{name}.concern.time": drop(f"{act}/h:effectiveTime"),
        f"{name}.concern.end": both(
            put(f"{act}/h:statusCode", code="completed"),
            add(act, '<effectiveTime><low value="2020"/></effectiveTime>'),
            drop(f"{act}/h:effectiveTime[not(h:low/@value='2020')] | {act}/h:effectiveTime/h:high"),
        ),
        f"{name}.concern.ended": both(
            put(f"{act}/h:statusCode", code="active"), add(f"{act}/h:effectiveTime", '<high value="2024"/>')
        ),
        f"{name}.missing": drop(f"{act}/h:entryRelationship"),
        f"{name}.id": drop(f"{inner}/h:id"),
        f"{name}.code": drop(f"{inner}/h:code"),
        f"{name}.status": drop(f"{inner}/h:statusCode"),
        f"{name}.time": drop(f"{inner}/h:effectiveTime"),
    }


def _nested(where: str, code: str) -> str:
    return f"{where}//h:observation[h:code/@code='{code}']"


def _without_value(where: str, code: str) -> Spoil:
    """A nested observation of this code that says nothing."""
    inner = f"{where}/h:entry/h:act/h:entryRelationship/h:observation"
    return add(
        inner,
        '<entryRelationship typeCode="SUBJ"><observation classCode="OBS" moodCode="EVN">'
        f'<code code="{code}" codeSystem="1.2" displayName="x"/></observation></entryRelationship>',
    )


_REACTION = f"{ALLERGIES}//h:entryRelationship[@typeCode='MFST']/h:observation"
_MEDICINE = f"{MEDICATION}/h:entry/h:substanceAdministration"
_MATERIAL = f"{_MEDICINE}//h:manufacturedMaterial"
_VACCINE = f"{VACCINATIONS}/h:entry/h:substanceAdministration"


def _observation(name: str, where: str, of: str = "") -> dict[str, Spoil]:
    return {
        f"{name}.code": drop(f"{where}/h:entry/h:observation/h:code"),
        f"{name}.value": drop(f"{where}/h:entry/h:observation/h:value"),
        f"{name}.time": drop(f"{where}/h:entry/h:observation{of}/h:effectiveTime"),
    }


def _group(name: str, where: str) -> dict[str, Spoil]:
    group = f"{where}/h:entry/h:organizer"
    return {
        f"{name}.group.empty": drop(f"{group}/h:component"),
        f"{name}.group.code": drop(f"{group}/h:code"),
        f"{name}.member.code": drop(f"{group}/h:component/h:observation/h:code"),
        f"{name}.member.value": drop(f"{group}/h:component/h:observation/h:value"),
        f"{name}.group.time": drop(f"{group}//h:effectiveTime"),
    }


ENTRIES: dict[str, Spoil] = {
    **_concern("allergy", ALLERGIES),
    "allergy.agent.missing": drop(f"{ALLERGIES}//h:participant"),
    "allergy.agent.code": drop(f"{ALLERGIES}//h:playingEntity/h:code"),
    "allergy.reaction.value": drop(f"{_REACTION}/h:value"),
    "allergy.reaction.code": drop(f"{_REACTION}/h:code"),
    "allergy.reaction.time": drop(f"{_REACTION}/h:effectiveTime"),
    "allergy.severity.value": drop(f"{_nested(ALLERGIES, 'SEV')}/h:value"),
    "allergy.criticality.value": drop(f"{_nested(ALLERGIES, '82606-5')}/h:value"),
    "allergy.certainty.value": drop(f"{_nested(ALLERGIES, '66455-7')}/h:value"),
    "allergy.clinical-status.value": drop(f"{_nested(ALLERGIES, '33999-4')}/h:value"),
    **_concern("problem", PROBLEMS),
    **_concern("illness", PAST),
    **{
        f"{name}.{rule}": spoil
        for name, where in (("problem", PROBLEMS), ("illness", PAST))
        for rule, spoil in (
            ("value", drop(f"{where}/h:entry/h:act/h:entryRelationship/h:observation/h:value")),
            ("severity.value", _without_value(where, "SEV")),
            ("certainty.value", _without_value(where, "66455-7")),
            ("clinical-status.value", _without_value(where, "33999-4")),
            ("outcome.value", _without_value(where, "11323-3")),
        )
    },
    "medication.entry.kind": add(MEDICATION, "<entry><act/></entry>"),
    "medication.id": drop(f"{_MEDICINE}/h:id"),
    "medication.status": drop(f"{_MEDICINE}/h:statusCode"),
    "medication.time": drop(f"{_MEDICINE}/h:effectiveTime"),
    "medication.product": drop(f"{_MEDICINE}/h:consumable"),
    "medication.name": drop(f"{_MATERIAL}/h:name | {_MATERIAL}/h:code | {_MATERIAL}/p:ingredient"),
    "medication.ingredient.missing": drop(f"{_MATERIAL}/p:ingredient"),
    "medication.ingredient.substance": drop(f"{_MATERIAL}/p:ingredient/p:ingredientSubstance/*"),
    "medication.strength": drop(f"{_MATERIAL}/p:ingredient/p:quantity"),
    "medication.form": drop(f"{_MATERIAL}/p:formCode"),
    "medication.dose": drop(f"{_MEDICINE}/h:doseQuantity"),
    "medication.period.type": both(
        drop(f"{_MEDICINE}/h:effectiveTime[1]/*"), put(f"{_MEDICINE}/h:effectiveTime[1]", xsi_type=None)
    ),
    "device.entry.kind": add(DEVICES, "<entry><act/></entry>"),
    "device.missing": drop(f"{DEVICES}//h:participant"),
    "device.code": drop(f"{DEVICES}//h:playingDevice/h:code"),
    "device.time": drop(f"{DEVICES}/h:entry/h:supply/h:effectiveTime/h:low"),
    "procedure.entry.kind": add(PROCEDURES, "<entry><act/></entry>"),
    "procedure.code": drop(f"{PROCEDURES}/h:entry/h:procedure/h:code"),
    "procedure.status": drop(f"{PROCEDURES}/h:entry/h:procedure/h:statusCode"),
    "procedure.time": drop(f"{PROCEDURES}/h:entry/h:procedure/h:effectiveTime"),
    "procedure.mood": put(f"{PROCEDURES}/h:entry/h:procedure", moodCode="RQO"),
    "immunisation.entry.kind": add(VACCINATIONS, "<entry><act/></entry>"),
    "immunisation.status": drop(f"{_VACCINE}/h:statusCode"),
    "immunisation.time": drop(f"{_VACCINE}/h:effectiveTime"),
    "immunisation.product": drop(f"{_VACCINE}/h:consumable"),
    "immunisation.vaccine": drop(f"{_VACCINE}//h:manufacturedMaterial/h:code"),
    "immunisation.number": drop(f"{_VACCINE}/h:entryRelationship/h:observation/h:value"),
    "social.entry.kind": add(SOCIAL, "<entry><act/></entry>"),
    **_observation("social", SOCIAL),
    "pregnancy.entry.kind": add(PREGNANCY, "<entry><act/></entry>"),
    **_observation("pregnancy", PREGNANCY, "[h:code/@code='82810-3']"),
    "pregnancy.due": put(
        f"{PREGNANCY}//h:observation[starts-with(h:code/@code, '1177') or h:code/@code='11780-4']/h:value", value=None
    ),
    "vital.entry.kind": add(VITAL, "<entry><act/></entry>"),
    **_group("vital", VITAL),
    "vital.pressure.unit": put(f"{VITAL}//h:value", unit="kPa"),
    "result.entry.kind": add(RESULTS, "<entry><act/></entry>"),
    **_observation("result", RESULTS),
    **{rule: both(_GROUP_IN_RESULTS, spoil) for rule, spoil in _group("result", RESULTS).items()},
    "functional.entry.kind": both(FUNCTIONAL_SECTION, add(FUNCTIONAL, "<entry><act/></entry>")),
    **{rule: both(FUNCTIONAL_SECTION, spoil) for rule, spoil in _observation("functional", FUNCTIONAL).items()},
    **{rule: both(FUNCTIONAL_SECTION, spoil) for rule, spoil in _group("functional", FUNCTIONAL).items()},
}

_SIGN = f"{VITAL}//h:value"
_PROBLEM = f"{PROBLEMS}/h:entry/h:act/h:entryRelationship/h:observation"

VALUES: dict[str, Spoil] = {
    "document.format": lambda root: setattr(root, "tag", "{urn:hl7-org:v3}Other"),
    "code.system.missing": put(f"{PROCEDURES}//h:procedure/h:code", codeSystem=None),
    "code.system.form": put(f"{PROCEDURES}//h:procedure/h:code", codeSystem="SNOMED"),
    "code.display.missing": put(f"{PROCEDURES}//h:procedure/h:code", displayName=None),
    "code.null": put(f"{PROCEDURES}//h:procedure/h:code", nullFlavor="UNK"),
    "null.unknown": add(f"{PROCEDURES}//h:procedure", '<targetSiteCode nullFlavor="NOTHING"/>'),
    "value.type.missing": put(_SIGN, xsi_type=None),
    "value.type.unknown": put(_SIGN, xsi_type="Quantity"),
    "time.form": put(f"{PROCEDURES}//h:effectiveTime", value="12.03.2020"),
    "time.order": add(f"{_PROBLEM}/h:effectiveTime[not(h:high)]", '<high value="1901"/>'),
    "quantity.number": put(_SIGN, value="120/80"),
    "quantity.order": put(f"{_MEDICINE}/h:doseQuantity/h:low", value="99"),
    "quantity.unit": put(_SIGN, unit="mm Hg"),
    "quantity.unit.missing": put(_SIGN, unit=None),
    "id.root.missing": put(f"{PROCEDURES}//h:procedure/h:id", root=None),
    "id.root.form": put(f"{PROCEDURES}//h:procedure/h:id", root="hospital"),
    "id.repeated": twice(f"{PROCEDURES}/h:entry"),
    "language.form": put(f"{_DOCUMENT}/h:languageCode", code="Croatian"),
    "telecom.form": put(f"{_ROLE}/h:telecom", value="112"),
    "reference.broken": put(f"{PROCEDURES}//h:procedure/h:text/h:reference", value="#nowhere"),
    "reference.outside": put(f"{PROCEDURES}//h:procedure/h:text/h:reference", value="https://example.eu/"),
    "reference.repeated": put(f"{PROCEDURES}//h:td", ID="again"),
    "medication.namespace": add(_MATERIAL, "<e:desc>x</e:desc>"),
}

_TEXT = "//h:nonXMLBody/h:text"

LEVEL_1: dict[str, Spoil] = {
    "body.text.missing": drop(_TEXT),
    "body.media-type": put(_TEXT, mediaType="text/plain"),
    "body.representation": put(_TEXT, representation=None),
    "body.reference": add(_TEXT, '<reference value="https://example.eu/a.pdf"/>'),
    "body.base64": say(_TEXT, "%PDF-1.4 not packed"),
    "body.pdf": say(_TEXT, "SGVsbG8gd29ybGQ="),
    "body.size": say(_TEXT, "JVBERi0xLjQK" + "AAAA" * (7 * 1024 * 1024)),
}

LEVEL_3: dict[str, Spoil] = {**HEADER, **SECTIONS, **ENTRIES, **VALUES}
