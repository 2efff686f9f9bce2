"""Transcoding and translating as country A and country B do it, code by code: what is written, and what is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from ncp.semantics.coding import CodeState
from ncp.semantics.terminology import rows
from ncp.semantics.transform.result import Status, Transformation
from tests.support.transform import (
    LOINC,
    NATIONAL,
    SNOMED,
    TEMPLATE,
    allergy,
    document,
    found,
    member,
    names,
    plain,
    problem,
    release,
    shown,
    transcoded,
    translated,
)

KIND = "//h:act//h:observation/h:code"
VALUE = "//h:act//h:observation/h:value"
ICD = "1.3.6.1.4.1.12559.11.10.1.3.1.44.2"

PORTUGAL: list[rows.Row] = [
    rows.System("1.2.999.7", "CPARA"),
    rows.SystemVersion(SNOMED, "2023-01", "2023-01-01"),
    rows.Concept(SNOMED, "609328004", "2023-01"),
    *names(SNOMED, "609328004", en="Allergic disposition", fr="Disposition allergique", de="Allergische Disposition"),
    *member(18, SNOMED, "609328004"),
    rows.Mapping("1.2.999.7", "0001", SNOMED, "609328004"),
]
FRIENDLY_A = '<code code="0001" codeSystem="1.2.999.7" codeSystemName="CPARA" displayName="ALERGIA MEDICAMENTOSA"/>'
PIVOT = """<code code="609328004" codeSystem="2.16.840.1.113883.6.96" codeSystemName="SNOMED CT"
    codeSystemVersion="2023-01" displayName="Allergic disposition">
  <translation code="0001" codeSystem="1.2.999.7" codeSystemName="CPARA" displayName="ALERGIA MEDICAMENTOSA"/></code>"""
FRIENDLY_B = """<code code="609328004" codeSystem="2.16.840.1.113883.6.96" codeSystemName="SNOMED CT"
    codeSystemVersion="2023-01" displayName="Disposition allergique">
  <translation code="609328004" codeSystem="2.16.840.1.113883.6.96" codeSystemName="SNOMED CT"
      displayName="Allergic disposition">
    <translation code="0001" codeSystem="1.2.999.7" codeSystemName="CPARA" displayName="ALERGIA MEDICAMENTOSA"/>
  </translation></code>"""


def state(result: Transformation, end: str) -> CodeState:
    """What became of the one element whose place ends so."""
    (one,) = [element for element in result.elements if element.place.endswith(end)]
    return one.state


def codes_with(result: Transformation) -> set[tuple[str, str]]:
    return {(problem.wire_class, problem.code) for problem in (*result.errors, *result.warnings)}


@pytest.mark.parametrize("strict", [False, True])
def test_a_national_code_travels_from_country_to_country_as_the_network_writes_it(tmp_path: Path, strict: bool) -> None:
    catalogue = release(tmp_path, PORTUGAL)
    left = transcoded(allergy(FRIENDLY_A), catalogue, strict=strict)
    assert shown(found(left.content, KIND)) == plain(PIVOT)
    assert (state(left, "observation/code"), left.errors, left.release) == (CodeState.TRANSLATED, (), "invented")
    arrived = translated(left.content, catalogue, strict=strict)
    assert shown(found(arrived.content, KIND)) == plain(FRIENDLY_B)
    assert state(arrived, "observation/code") is CodeState.TRANSLATED


def test_translating_again_changes_nothing_and_another_language_changes_the_name_alone(tmp_path: Path) -> None:
    catalogue = release(tmp_path, PORTUGAL)
    french = translated(transcoded(allergy(FRIENDLY_A), catalogue).content, catalogue)
    again = translated(french.content, catalogue)
    assert (again.content, again.changed, state(again, "observation/code")) == (french.content, False, CodeState.SAME)
    german = translated(french.content, catalogue, "de-DE")
    assert shown(found(german.content, KIND)) == plain(
        FRIENDLY_B.replace("Disposition allergique", "Allergische Disposition")
    )
    none = translated(german.content, catalogue, "cs-CZ")
    assert found(none.content, KIND).get("displayName") == "Allergic disposition"
    assert state(none, "observation/code") is CodeState.FALLBACK_ENGLISH
    assert ("TMError", "2505") in codes_with(none)


def test_transcoding_again_changes_nothing(tmp_path: Path) -> None:
    catalogue = release(tmp_path, PORTUGAL)
    once = transcoded(allergy(FRIENDLY_A), catalogue)
    twice = transcoded(once.content, catalogue)
    assert (twice.content, twice.changed, state(twice, "observation/code")) == (once.content, False, CodeState.SAME)


def test_the_english_of_a_pivot_that_kept_its_code_is_not_taken_for_the_english_of_a_translation(
    tmp_path: Path,
) -> None:
    """Country A replaced the name only; the translation inside has the same code and the national name."""
    catalogue = release(tmp_path, PORTUGAL)
    national = '<code code="609328004" codeSystem="2.16.840.1.113883.6.96" displayName="Alergia"/>'
    arrived = translated(transcoded(allergy(national), catalogue).content, catalogue)
    code = found(arrived.content, KIND)
    levels = [code.get("displayName"), code[0].get("displayName"), code[0][0].get("displayName")]
    assert levels == ["Disposition allergique", "Allergic disposition", "Alergia"]


def test_a_concept_without_counterpart_is_sent_with_its_own_code_inside(tmp_path: Path) -> None:
    catalogue = release(
        tmp_path,
        [
            *names(ICD, "I10", en="Hypertension"),
            *member(5, ICD, "I10"),
            *member(50, ICD, "I10"),
            *member(63, ICD, "I10"),
        ],
    )
    national = (
        f'<value xsi:type="CD" code="Z-771" codeSystem="{NATIONAL}" codeSystemName="Nat-Diag" displayName="épaule">'
        '<originalText><reference value="#prob-3"/></originalText></value>'
    )
    sent = transcoded(problem(national), catalogue)
    value = found(sent.content, VALUE)
    assert dict(value.attrib) == {
        "{http://www.w3.org/2001/XMLSchema-instance}type": "CD",
        "nullFlavor": "OTH",
        "codeSystem": ICD,
    }
    assert [child.tag.rpartition("}")[2] for child in value] == ["originalText", "translation"]
    assert dict(value[1].attrib) == {
        "code": "Z-771",
        "codeSystem": NATIONAL,
        "codeSystemName": "Nat-Diag",
        "displayName": "épaule",
    }
    assert (state(sent, "observation/value"), sent.status) == (CodeState.UNMAPPED, Status.WARNING)
    assert codes_with(sent) == {("TSAMErrorCtx", "4503")}
    assert transcoded(sent.content, catalogue).content == sent.content


def test_a_concept_without_counterpart_is_named_in_english_where_the_catalogue_can(tmp_path: Path) -> None:
    catalogue = release(tmp_path, names(NATIONAL, "Z-771", en="Recurrent shoulder instability, national class"))
    sent = transcoded(
        problem(f'<value xsi:type="CD" code="Z-771" codeSystem="{NATIONAL}" displayName="épaule"/>'), catalogue
    )
    value = found(sent.content, VALUE)
    assert value[0].get("displayName") == "Recurrent shoulder instability, national class"
    assert (value[0][0].get("displayName"), value[0][0].get("code")) == ("épaule", "Z-771")


def test_a_code_of_the_network_is_never_taken_away(tmp_path: Path) -> None:
    """Not known here: it is sent as it is, with a warning."""
    unknown = f'<value xsi:type="CD" code="I10" codeSystem="{ICD}" displayName="Hypertension"/>'
    sent = transcoded(problem(unknown), release(tmp_path, []))
    assert dict(found(sent.content, VALUE).attrib)["code"] == "I10"
    assert (state(sent, "observation/value"), sent.errors) == (CodeState.UNKNOWN_CODE, ())
    assert ("TSAMErrorCtx", "4501") in codes_with(sent)


def test_a_code_outside_the_value_set_is_named_all_the_same_and_said_so(tmp_path: Path) -> None:
    catalogue = release(
        tmp_path,
        [*names(SNOMED, "1001", en="one", fr="un"), *names(SNOMED, "1002", en="two"), *member(18, SNOMED, "1002")],
    )
    code = f'<code code="1001" codeSystem="{SNOMED}" displayName="one"/>'
    for result, name in ((translated(allergy(code), catalogue), "un"), (transcoded(allergy(code), catalogue), "one")):
        assert state(result, "observation/code") is CodeState.OUTSIDE_VALUE_SET
        assert ("TSAMErrorCtx", "2507") in codes_with(result)
        assert found(result.content, KIND).get("displayName") == name


def test_another_version_of_the_code_system_hides_no_name(tmp_path: Path) -> None:
    code = f'<code code="609328004" codeSystem="{SNOMED}" codeSystemVersion="2099" displayName="Allergic disposition"/>'
    result = translated(allergy(code), release(tmp_path, PORTUGAL))
    element = found(result.content, KIND)
    assert (element.get("displayName"), element.get("codeSystemVersion")) == ("Disposition allergique", "2099")
    (one,) = [one for one in result.elements if one.place.endswith("observation/code")]
    assert not one.version_loaded and result.warnings == ()


def test_a_retired_concept_is_named_with_a_warning(tmp_path: Path) -> None:
    content = [*names(SNOMED, "1001", en="one", fr="un"), rows.Concept(SNOMED, "1001", "", "retired")]
    result = translated(
        allergy(f'<code code="1001" codeSystem="{SNOMED}" displayName="one"/>'), release(tmp_path, content)
    )
    assert found(result.content, KIND).get("displayName") == "un"
    assert ("TSAMErrorCtx", "2509") in codes_with(result)


@pytest.mark.parametrize(
    ("value", "became"),
    [
        ('<value xsi:type="CD" nullFlavor="UNK"/>', CodeState.NULL),
        ('<value xsi:type="CD" nullFlavor="OTH"><originalText>words</originalText></value>', CodeState.UNMAPPED),
        ('<value xsi:type="CD"><originalText>words</originalText></value>', CodeState.NOT_CODED),
    ],
)
def test_what_is_no_code_stays_as_it_is(tmp_path: Path, value: str, became: CodeState) -> None:
    catalogue, content = release(tmp_path, []), problem(value)
    for result in (transcoded(content, catalogue), translated(content, catalogue)):
        assert shown(found(result.content, VALUE)) == shown(found(content, VALUE))
        assert state(result, "observation/value") is became
        assert not {code for code in codes_with(result) if code[1] != "4503"}


def test_a_code_without_its_system_is_told_and_left(tmp_path: Path) -> None:
    result = transcoded(problem('<value xsi:type="CD" code="I10"/>'), release(tmp_path, []))
    assert ("TMErrorCtx", "2508") in codes_with(result)


def test_a_type_that_admits_no_translation_is_told_and_left(tmp_path: Path) -> None:
    value = f'<value xsi:type="CS" code="609328004" codeSystem="{SNOMED}"/>'
    result = translated(problem(value), release(tmp_path, PORTUGAL))
    assert ("TMErrorCtx", "2507") in codes_with(result)
    assert shown(found(result.content, VALUE)) == shown(found(problem(value), VALUE))


def test_a_mapping_leads_into_a_value_set_of_the_place(tmp_path: Path) -> None:
    """The first one by priority leads elsewhere; the second one fits."""
    catalogue = release(
        tmp_path,
        [
            *names(SNOMED, "1001", en="elsewhere"),
            *names(SNOMED, "1002", en="here"),
            *member(18, SNOMED, "1002"),
            rows.Mapping(NATIONAL, "N", SNOMED, "1001", "valid", 0),
            rows.Mapping(NATIONAL, "N", SNOMED, "1002", "valid", 1),
        ],
    )
    code = f'<code code="N" codeSystem="{NATIONAL}" codeSystemVersion="7" displayName="nat"/>'
    element = found(transcoded(allergy(code), catalogue).content, KIND)
    assert (element.get("code"), element.get("displayName"), element.get("codeSystemVersion")) == ("1002", "here", None)
    assert element[0].get("codeSystemVersion") == "7"


def test_the_first_translation_moves_inside_and_its_white_space_stays(tmp_path: Path) -> None:
    code = (
        '<code code="0001" codeSystem="1.2.999.7" displayName="X">\n  <originalText>o</originalText>\n'
        '  <translation displayName="old"/>\n  <translation displayName="other"/>\n</code>'
    )
    element = found(transcoded(allergy(code), release(tmp_path, PORTUGAL)).content, KIND)
    assert [child.get("displayName") for child in element] == [None, "other", "X"]
    assert element[2][0].get("displayName") == "old" and "".join(element.xpath("text()")).count("\n") == 4


def test_codes_of_both_medication_extensions_are_found_and_prefixes_are_kept(tmp_path: Path) -> None:
    atc = "2.16.840.1.113883.6.73"
    catalogue = release(tmp_path, [*names(atc, "A1", en="one", fr="un")])
    for namespace, prefix, inside in (
        ("urn:hl7-org:pharm", "p", "h"),
        ("urn:epsos-org:ep:medication", "e", "e"),
    ):
        kind = f'<q:code xmlns:q="{namespace}" code="A1" codeSystem="{atc}" displayName="one"/>'
        result = translated(document(f"<section><entry>{kind}</entry></section>"), catalogue)
        element = found(result.content, f"//{prefix}:code[@code]")
        assert (element.prefix, element.get("displayName")) == ("q", "un")
        assert found(result.content, f"//{prefix}:code/{inside}:translation").get("displayName") == "one"


def test_a_prefix_of_hl7_is_the_prefix_of_the_translation(tmp_path: Path) -> None:
    catalogue = release(tmp_path, names(SNOMED, "1", en="one", fr="un"))
    inner = f'<n:code xmlns:n="urn:hl7-org:v3" code="1" codeSystem="{SNOMED}" displayName="one"/>'
    result = translated(document(f"<section><entry>{inner}</entry></section>"), catalogue)
    assert found(result.content, "//h:entry//h:translation").prefix == "n"


def test_an_alias_of_icd_10_serves_for_showing_and_never_for_sending(tmp_path: Path) -> None:
    catalogue = release(
        tmp_path, [*names(ICD, "I10", en="Hypertension", fr="Hypertension (fr)"), *member(5, ICD, "I10")]
    )
    value = '<value xsi:type="CD" code="I10" codeSystem="2.16.840.1.113883.6.3" displayName="HTA"/>'
    assert found(translated(problem(value), catalogue).content, VALUE).get("displayName") == "Hypertension (fr)"
    assert found(transcoded(problem(value), catalogue).content, VALUE).get("displayName") == "HTA"


def test_a_required_code_that_cannot_be_sent_refuses_the_document(tmp_path: Path) -> None:
    """The role of who prescribes is required in a prescription."""
    header = f'<author><functionCode code="9" codeSystem="{NATIONAL}"/></author>'
    prescription = f'<code code="57833-6" codeSystem="{LOINC}"/>'
    result = transcoded(document(header=header, code=prescription), release(tmp_path, []))
    assert result.status is Status.ERROR
    assert [(one.wire_class, one.code) for one in result.errors if "section" not in one.context][:2] == [
        ("TSAMErrorCtx", "4503"),
        ("TMErrorCtx", "4505"),
    ]
    assert ("TMErrorCtx", "4511") in codes_with(result), "the dose form is missing altogether"


def test_the_same_failures_where_the_document_arrives_are_warnings(tmp_path: Path) -> None:
    header = f'<author><functionCode code="9" codeSystem="{NATIONAL}"/></author>'
    content = document(header=header, code=f'<code code="57833-6" codeSystem="{LOINC}"/>')
    result = translated(content, release(tmp_path, []))
    assert (result.status, result.errors) == (Status.WARNING, ())


@pytest.mark.parametrize(
    ("code", "expected"),
    [("", ("TMError", "4509")), ('<code code="1-8" codeSystem="2.16.840.1.113883.6.1"/>', ("TMErrorCtx", "4510"))],
)
def test_a_document_of_no_kind_is_not_transformed(tmp_path: Path, code: str, expected: tuple[str, str]) -> None:
    catalogue, content = release(tmp_path, []), document(code=code)
    for result in (transcoded(content, catalogue), translated(content, catalogue)):
        assert (result.status, codes_with(result), result.content) == (Status.ERROR, {expected}, content)


@pytest.mark.parametrize("code", ["11502-2", "34105-7", "18748-4"])
def test_an_original_clinical_document_passes_untouched(tmp_path: Path, code: str) -> None:
    catalogue = release(tmp_path, names(LOINC, code, en="one", fr="un"))
    content = document(code=f'<code code="{code}" codeSystem="{LOINC}" displayName="x"/>')
    for result in (transcoded(content, catalogue), translated(content, catalogue)):
        assert (result.status, result.content, result.elements) == (Status.SUCCESS, content, ())


def test_of_a_pdf_document_only_the_listed_codes_of_the_header_are_touched(tmp_path: Path) -> None:
    catalogue = release(tmp_path, [*names(SNOMED, "1", en="one", fr="un")])
    content = (
        document(header=f'<x><code code="1" codeSystem="{SNOMED}" displayName="one"/></x>')
        .replace(b"<structuredBody>", b"<nonXMLBody><text>")
        .replace(b"</structuredBody>", b"</text></nonXMLBody>")
    )
    result = translated(content, catalogue)
    assert [one.place for one in result.elements] == ["code"]
    assert found(result.content, "/h:ClinicalDocument/h:code").get("displayName") == "Résumé du patient"


def test_the_facts_of_the_header_are_told_and_nothing_of_them_changes(tmp_path: Path) -> None:
    header = (
        "<author><assignedAuthor><assignedAuthoringDevice/></assignedAuthor></author>"
        '<relatedDocument typeCode="XFRM"><parentDocument><id root="1.2.4" extension="p"/></parentDocument>'
        '</relatedDocument><relatedDocument typeCode="APND"><parentDocument><id root="9"/></parentDocument>'
        "</relatedDocument>"
    )
    facts = translated(document(header=header), release(tmp_path, [])).facts
    assert (str(facts.id), [str(one) for one in facts.parents], facts.has_device) == ("1.2.3^doc", ["1.2.4^p"], True)


def test_the_fixed_code_of_a_medication_is_no_code_outside_a_value_set(tmp_path: Path) -> None:
    absent = "2.16.840.1.113883.5.1150.1"
    catalogue = release(
        tmp_path,
        [
            *names("2.16.840.1.113883.5.4", "DRUG", en="Drug therapy"),
            *names(absent, "no-medication-info", en="none"),
            *member(49, absent, "no-medication-info"),
        ],
    )
    entry = (
        f'<entry><substanceAdministration><templateId root="{TEMPLATE}.4"/>'
        '<code code="DRUG" codeSystem="2.16.840.1.113883.5.4" displayName="Drug therapy"/>'
        "</substanceAdministration></entry>"
    )
    result = transcoded(document(f"<section>{entry}</section>"), catalogue)
    assert state(result, "substanceAdministration/code") is CodeState.SAME and not result.warnings


def test_words_of_our_own_replace_no_english_of_the_country(tmp_path: Path) -> None:
    """They do replace what is known to be in another language, and whatever has no name."""
    catalogue = release(
        tmp_path,
        [
            rows.Designation(SNOMED, "1", "en-GB", "by mouth", True, "own"),
            rows.Designation(SNOMED, "1", "fr-FR", "par la bouche", True, "own"),
            rows.Designation(SNOMED, "1", "pt-PT", "oral (pt)", True, "own"),
        ],
    )
    for named, sent in (("Oral use", "Oral use"), ("oral (pt)", "by mouth"), ("", "by mouth")):
        content = allergy(f'<code code="1" codeSystem="{SNOMED}" displayName="{named}"/>')
        assert found(transcoded(content, catalogue).content, KIND).get("displayName") == sent
    pivot = allergy(f'<code code="1" codeSystem="{SNOMED}" displayName="Oral use"/>')
    english = translated(pivot, catalogue, "en-GB")
    assert (found(english.content, KIND).get("displayName"), state(english, "observation/code")) == (
        "Oral use",
        CodeState.SAME,
    )
    french = translated(pivot, catalogue)
    back = translated(french.content, catalogue, "en-GB")
    assert [found(one.content, KIND).get("displayName") for one in (french, back)] == ["par la bouche", "Oral use"]
