"""The list of coded elements: every place of the network's list with its value sets, and lists of an operator."""

from __future__ import annotations

import pytest
from lxml import etree

from ncp.semantics.model import Level
from ncp.semantics.transform.elements import CodedElements, ListRefused, Usage, read_list, shipped
from ncp.semantics.transform.kinds import Kind
from ncp.semantics.transform.paths import PathRefused, Surroundings, parse_path

T = "1.3.6.1.4.1.12559.11.10.1.3.1.3."
SA = f"entry/substanceAdministration[{T}4]"
MM = f"{SA}/consumable/manufacturedProduct/manufacturedMaterial"
AL = f"entry/act[{T}16]/entryRelationship[typeCode=SUBJ]/observation[{T}17]"
PB = f"entry/act[{T}15]/entryRelationship[typeCode=SUBJ]/observation[{T}7]"

ROWS = [
    # place, value sets, level 3, level 1: the table of the network's list for patient summaries
    ("code", {32}, "R", "R"),
    ("confidentialityCode", {31}, "RNFA", "RNFA"),
    ("recordTarget/patientRole/patient/administrativeGenderCode", {34}, "RNFA", "RNFA"),
    ("participant/associatedEntity/code", {38}, "O", "O"),
    ("documentationOf/serviceEvent/performer/functionCode", {1}, "O", "O"),
    ("author/functionCode", {1}, "O", "O"),
    ("component/section/code", {26}, "O", "NA"),
    (f"{AL}/code", {18}, "RNFA", "NA"),
    (
        f"{AL}/participant[typeCode=CSM]/participantRole[classCode=MANU]/playingEntity[classCode=MMAT]/code",
        {24, 19},
        "RNFA",
        "NA",
    ),
    (f"{AL}/value", {47}, "O", "NA"),
    (f"{AL}/entryRelationship[typeCode=MFST]/observation[{T}44]/value", {5, 11}, "RNFA", "NA"),
    (f"{AL}/entryRelationship[typeCode=MFST]/observation[{T}44]/code", {23}, "RNFA", "NA"),
    (f"{AL}/entryRelationship[typeCode=SUBJ]/observation[{T}33]/value", {57}, "O", "NA"),
    (f"{AL}/entryRelationship[typeCode=SUBJ]/observation[{T}35]/value", {58}, "O", "NA"),
    (f"{AL}/entryRelationship[typeCode=REFR]/observation[{T}34]/value", {59}, "O", "NA"),
    ("observation/entryRelationship[typeCode=SUBJ]/observation/value", {13}, "O", "NA"),
    (f"{PB}/value", {5, 50, 63}, "RNFA", "NA"),
    (f"{PB}/code", {23}, "O", "NA"),
    (f"entryRelationship[typeCode=REFR]/observation[{T}9]/value", {15}, "O", "NA"),
    (f"entryRelationship[typeCode=REFR]/observation[{T}10]/value", {30}, "O", "NA"),
    (f"{SA}/code", {49}, "O", "NA"),
    (f"{SA}/routeCode", {12}, "O", "NA"),
    (f"{MM}/formCode", {2}, "O", "NA"),
    (f"{MM}/asSpecializedKind/generalizedMaterialKind/code", {24}, "RNFA", "NA"),
    (f"{MM}/ingredient[classCode=ACTI]/ingredientSubstance/code", {24, 61}, "RNFA", "NA"),
    (
        f"entry/substanceAdministration[2.16.840.1.113883.10.20.1.24][{T}19]/consumable/manufacturedProduct"
        "/manufacturedMaterial/code",
        {28},
        "O",
        "NA",
    ),
    (f"entry/procedure[{T}26]/code", {10, 51}, "O", "NA"),
    (f"entry/supply[{T}5]/participant[typeCode=DEV]/participantRole/playingDevice/code", {8, 48}, "O", "NA"),
    (f"entry/observation[{T}23]/code", {14}, "O", "NA"),
    ("entry/observation[code 34530-6]/value", {20}, "O", "NA"),
    (f"entry/observation[{T}45]/value", {60}, "O", "NA"),
    (f"entry/observation[{T}45]/entryRelationship/observation[{T}24]/code", {9}, "O", "NA"),
    (f"entry/observation[{T}46]/code", {62}, "O", "NA"),
    (f"entry/organizer[{T}21]/component/observation[{T}22]/code", {21}, "O", "NA"),
]


def element(place: str) -> etree._Element:
    """The last element of a document in which the place stands; steps of the header stand at its top."""
    node = etree.Element("{urn:hl7-org:v3}ClinicalDocument")
    for step in place.split("/"):
        name, *tests = step.replace("]", "").split("[")
        space = "urn:hl7-org:pharm" if name in ("asSpecializedKind", "formCode", "ingredient") else "urn:hl7-org:v3"
        node = etree.SubElement(node, f"{{{space}}}{name}")
        for test in tests:
            key, _, value = test.partition("=")
            if value:
                node.set(key, value)
            elif key.startswith("code "):
                etree.SubElement(node, "{urn:hl7-org:v3}code", code=key.partition(" ")[2])
            else:
                etree.SubElement(node, "{urn:hl7-org:v3}templateId", root=key)
    return node


def value_sets(found: tuple[str, ...]) -> set[int]:
    return {int(oid.rpartition(".")[2]) for oid in found}


@pytest.mark.parametrize(("place", "sets", "level3", "level1"), ROWS)
def test_every_row_of_the_networks_list_is_found_with_its_value_sets(
    place: str, sets: set[int], level3: str, level1: str
) -> None:
    for level, usage in ((Level.L3, level3), (Level.L1, level1)):
        matcher = shipped().matcher(Kind.PATIENT_SUMMARY, level, True)
        rows, found = matcher.find(element(place), Surroundings())
        assert found.usage == Usage(usage)
        if usage != "NA":
            # Severity is so broad in that list that it is found with others.
            assert value_sets(found.value_sets) - (sets ^ {13}) <= sets and sets <= value_sets(found.value_sets)
            assert rows


@pytest.mark.parametrize(("place", "sets"), [(row[0], row[1]) for row in ROWS if 13 not in row[1]])
def test_our_own_list_has_them_too_and_nothing_too_broad(place: str, sets: set[int]) -> None:
    found = shipped().matcher(Kind.PATIENT_SUMMARY, Level.L3).find(element(place), Surroundings()).place
    assert sets <= value_sets(found.value_sets) and 13 not in value_sets(found.value_sets)


@pytest.mark.parametrize(
    ("place", "number"),
    [
        ("observation[code SEV]/value", 13),
        (f"procedure[{T}26]/targetSiteCode", 65),
        (f"observation[{T}49]/value", 64),
        (f"{MM}/asContent/containerPackagedProduct/formCode", 3),
        (f"{MM}/ingredient[classCode=ACTI]/ingredient/code", 61),
        (f"{MM}/asSpecializedKind/generalizedMedicineClass/code", 24),
        ("recordTarget/patientRole/patient/guardian/code", 38),
    ],
)
def test_places_that_the_networks_list_misses_are_in_ours(place: str, number: int) -> None:
    ours = shipped().matcher(Kind.PATIENT_SUMMARY, Level.L3).find(element(place), Surroundings())
    assert number in value_sets(ours.place.value_sets)


def test_a_template_of_another_entry_does_not_fit() -> None:
    matcher = shipped().matcher(Kind.PATIENT_SUMMARY, Level.L3)
    other = element(f"entry/act[{T}16]/entryRelationship[typeCode=SUBJ]/observation[{T}7]/value")
    assert matcher.find(other, Surroundings()).place.value_sets == ()


def test_only_the_code_of_the_document_itself_is_its_code() -> None:
    matcher = shipped().matcher(Kind.PATIENT_SUMMARY, Level.L3)
    assert matcher.find(element("component/act/code"), Surroundings()).rows == ()


def test_other_kinds_have_their_own_usage() -> None:
    place = "author/functionCode"
    usages = {
        (kind, level): shipped().matcher(kind, level).find(element(place), Surroundings()).place.usage
        for kind, level in ((Kind.EPRESCRIPTION, Level.L3), (Kind.EDISPENSATION, Level.L3), (Kind.MRO, Level.L3))
    }
    assert list(usages.values()) == [Usage.REQUIRED, Usage.OPTIONAL, Usage.NONE]


HEADER = "path,value_sets,name,ps3,ps1,ep3,ep1,ed3,hcer3,hcer1,mro3,mro1\n"


def own(row: str) -> CodedElements:
    return read_list((HEADER + row).encode())


def test_a_list_of_the_operator_is_read() -> None:
    listed = own("//act[@classCode='ACT' and code/@code = 'X']/value,1.2.3 1.2.4,Mine,R,,,,,,,,\n")
    matcher = listed.matcher(Kind.PATIENT_SUMMARY, Level.L3)
    node = element("act[classCode=ACT][code X]/value")
    assert matcher.find(node, Surroundings()).place.value_sets == ("1.2.3", "1.2.4")
    assert [row.name for row in matcher.required] == ["Mine"]


@pytest.mark.parametrize(
    "data",
    [
        b"path,value_sets\n",
        b"\xff\xfe",
        (HEADER + "code,1,x,R,,,,,,,,\n").encode(),
        (HEADER + "//code,1,x,MAYBE,,,,,,,,\n").encode(),
        (HEADER + "//code[position()=1],1,x,R,,,,,,,,\n").encode(),
        HEADER.encode() + b"//code,1,x,R,,,,,,,,\n" * 1001,
        b"x" * 1_100_000,
    ],
)
def test_a_list_that_cannot_be_used_is_refused(data: bytes) -> None:
    with pytest.raises(ListRefused):
        read_list(data)


@pytest.mark.attack
@pytest.mark.parametrize(
    "text", ["", "//", "/" * 50, "//a" * 40, "//a[" + "x" * 300 + "]", "//a[b//c]", "//*", "//a|//b", "//a[last()]"]
)
def test_other_xpath_is_not_taken_for_a_path(text: str) -> None:
    with pytest.raises(PathRefused):
        parse_path(text)
