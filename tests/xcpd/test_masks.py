"""Search masks of all generations, what they ask for and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.wire.errors import Code, RequestError
from ncp.wire.ids import II, CountryCode
from tests.shared import shared, shared_files
from tests.support.xcpd import schema
from xcpd.mask_fields import FieldProblem
from xcpd.masks import MaskRefused, SearchMask, Trait, identifier_rules, read_mask
from xcpd.messages import Address, PatientSearch
from xcpd.outcomes import check_search

pytestmark = pytest.mark.attack


def sample(path: str, country: str) -> SearchMask:
    return read_mask(shared(f"samples/{path}.xml").read_bytes(), CountryCode(country))


# Country: file, then the identifiers as the table of the specification (section 10) has them.
PUBLISHED = {
    "BE": ("xcpd/masks/BE-2024", [("nationalPersonIdentifier", "1.3.6.1.4.1.48336", "")]),
    "CY": ("xcpd/masks/CY-ppt", [("nationalIdentityCardNumber", "2.16.840.1.113883.3.9143.1.1", "[0-9]+")]),
    "CZ": (
        "xcpd/masks/CZ-ppt-media-replaced",
        [("nationalIdentityCardNumber", "2.16.17.710.804.1000.990.1", r"[a-zA-Z|\d]{7,12}")],
    ),
    "DK": ("xcpd/masks/DK-current", [("nationalIdentityCardNumber", "1.2.208.176.1.2", r"^\d{6}-?\d{4}$")]),
    "EE": ("xcpd/masks/EE-ppt", [("nationalPersonIdentifier", "1.3.6.1.4.1.28284.6.2.2.1", "([0-9]{11})")]),
    "ES": (
        "xcpd/masks/ES-ppt",
        [
            ("regionalPatientIdentifier", "2.16.724.4.41", "[A-Z0-9]+"),
            ("regionIdentifier", "2.16.724.4.42", r"\d{6}"),
            ("nationalPersonIdentifier", "2.16.724.4.40", "[A-Z0-9]+"),
        ],
    ),
    "FI": ("xcpd/masks/FI-ppt", [("nationalSocialSecurityNumber", "1.2.246.21", r"\d{6}[-+A]\d{3}[\d|A-Z]")]),
    "GR": ("xcpd/masks/GR-ppt", [("nationalSocialSecurityNumber", "2.16.840.1.113883.2.25.3.4.1.1.2", r"\d{11}")]),
    "HR": ("xcpd/masks/HR-ppt", [("nationalSocialSecurityNumber", "2.16.840.1.113883.2.7.2.2", r"\d{9}")]),
    "HU": (
        "xcpd/masks/HU-ppt-media-replaced",
        [
            ("nationalSocialSecurityNumber", "0.2.216.1.200.2100.10.2.1.1.1", r"\d{9}"),
            ("nationalIdentityCardNumber", "0.2.216.1.200.2100.10.2.1.1.2", r"\d{6}[A-Z]{2}"),
        ],
    ),
    "IE": ("xcpd/masks/IE-ppt", [("nationalPersonIdentifier", "1.2.372.980010.1.2", r"\d{18}")]),
    "IS": ("xcpd/masks/IS-2024", [("nationalPersonIdentifier", "2.16.17.710.860.1000.990.1", "^.{1,}$")]),
    "LT": ("xcpd/masks/LT-2024", [("nationalPersonIdentifier", "2.16.17.710.817.1000.990.1", "[0-9]{11}")]),
    "LU": ("xcpd/masks/LU-ppt", [("nationalSocialSecurityNumber", "1.3.182.4.4", r"\d{13}")]),
    "LV": ("xcpd/masks/LV-2024", [("nationalPersonIdentifier", "2.16.17.710.816.1000.990.1", "[0-9]{6}-[0-9]{5}")]),
    "MT": ("xcpd/masks/MT-ppt", [("nationalIdentityCardNumber", "2.16.470.1.100.1.1.1000.990.1", "[0-9]{7}[A-Z]")]),
    "PL": (
        "xcpd/masks/PL-ppt-media-replaced",
        [("nationalPersonIdentifier", "2.16.840.1.113883.3.4424.1.1.616", "[0-9]{11}")],
    ),
    "PT": ("xcpd/masks/PT-ppt-media-replaced", [("healthCardNumber", "2.16.620.1.101.10.1.1", "[0-9]{9}")]),
    "SE": ("xcpd/masks/SE-ppt", [("nationalSocialSecurityNumber", "1.2.752.129.2.1.3.1", "[0-9]{12}")]),
    "SI": ("xcpd/masks/SI-ppt", [("nationalSocialSecurityNumber", "2.16.17.710.822.1000.990.1", r"\d{13}")]),
    # before 2020
    "AT": ("smp/masks/InternationalSearch_AT", [("nationalPersonIdentifier", "2.16.17.710.780.1000.990.1", "")]),
    "CH": (
        "smp/masks/InternationalSearch_CH",
        [
            ("birthDate", "2.16.17.710.814.1000.990.1.1", "NNNN.NN.NN"),
            ("nationalPersonIdentifier", "2.16.17.710.814.1000.990.1.2", "N" * 20),
        ],
    ),
    "DE": (
        "xcpd/masks/DE-old-format",
        [
            ("nationalPersonIdentifier", "2.16.17.710.790.1000.990.1", ""),
            ("accessCode", "2.16.17.710.790.1000.990.1", ""),
        ],
    ),
    "IT": (
        "xcpd/masks/IT-old-format",
        [
            ("nationalPersonIdentifier", "2.16.840.1.113883.2.9.4.3.2", "LLLLLLNNLNNLNNNL"),
            ("healthCardNumber", "2.16.840.1.113883.2.9.4.1.4", "NNNNN"),
        ],
    ),
    "FR": ("xcpd/masks/FR-ppt", [("nationalPersonIdentifier", "2.16.17.710.790.1000.990.1", "")]),
}
DIRECTORY = {
    "CH": [("nationalPersonIdentifier", "2.16.17.710.814.1000.990.1.2", "")],
    "CY": [
        ("nationalIdentityCardNumber", "2.16.17.710.860.1000.990.1", ""),
        ("birthDate", "2.16.17.710.860.1000.990.2", "NNNN-NN-NN"),
    ],
    "CZ": [("nationalPersonIdentifier", "2.16.17.710.804.1000.990.1", "")],
    "ES": [
        ("regionalPatientIdentifier", "2.16.724.4.41", ""),
        ("regionIdentifier", "2.16.724.4.42", ""),
        ("nationalPersonIdentifier", "2.16.724.4.40", ""),
    ],
    "FI": [("Personal-number-Henkil-tunnus", "1.2.246.556.12001.4.1000.990.1", "NNNNNNLNNNL")],
    "FR": [("nationalPersonIdentifier", "2.16.17.710.790.1000.990.1", "")],
    "GR": [("nationalIdentityCardNumber", "2.16.17.710.808.1000.990.1", "")],
    "HR": [("nationalPersonIdentifier", "2.16.840.1.113883.2.7.2.2", "")],
    "IE": [("ID-Card-Number", "2.16.17.710.813.1000.990.1", "")],
    "LU": [("nationalPersonIdentifier", "1.3.182.4.4", "")],
}


def identifiers_of(mask: SearchMask) -> list[tuple[str, str, str]]:
    return [(item.key, item.domain, item.format.source) for item in mask.fields if item.trait.is_identifier]


@pytest.mark.parametrize("country", PUBLISHED)
def test_the_identifiers_of_every_published_mask_are_read(country: str) -> None:
    path, expected = PUBLISHED[country]
    assert identifiers_of(sample(path, country)) == expected


@pytest.mark.parametrize("country", DIRECTORY)
def test_the_mask_inside_a_directory_answer_of_2018_is_read(country: str) -> None:
    assert identifiers_of(sample(f"smp/live/signed/ism_{country.lower()}", country)) == DIRECTORY[country]


def test_the_mask_inside_a_directory_answer_of_today_is_read() -> None:
    mask = sample("smp/synthetic/ism_published", "EU")
    assert identifiers_of(mask) == [("nationalPersonIdentifier", "1.2.3.4.5.6", r"^\d{10}$")]
    assert mask.patient.required == {"nationalPersonIdentifier"}
    assert (
        mask.to_search({"nationalPersonIdentifier": "0123456789", "birthDate": "1970-04-09"}).birth_date == "19700409"
    )


@pytest.mark.parametrize(
    "path", [*shared_files("samples/xcpd/masks", "*.xml"), *shared_files("samples/smp/masks", "*.xml")], ids=str
)
def test_no_mask_of_any_country_is_refused_nor_one_of_its_formats(path: Path) -> None:
    name = path.stem.removeprefix("InternationalSearch_")
    if "country" in name or name == "IHE":
        pytest.skip("no mask, or the code of no country")
    mask = read_mask(path.read_bytes(), CountryCode(name[:2].upper()))
    # The one mask whose validation names a field that it does not have.
    assert mask.warnings == (("validation.unknown_field",) if name.startswith("IT") else ())


@pytest.mark.parametrize("path", ["xcpd/masks/country-list", "smp/masks/country_list_openncp71"])
def test_a_list_of_countries_is_no_mask(path: str) -> None:
    with pytest.raises(MaskRefused) as refused:
        sample(path, "BE")
    assert refused.value.reason == "mask.empty"


def test_the_fullest_mask_is_read_with_all_its_parts() -> None:
    mask = sample("xcpd/masks/AT-2024", "AT")
    assert [item.key for item in mask.fields] == [
        "healthCardNumber", "regionalPatientIdentifier", "regionIdentifier", "passportNumber", "firstName",
        "familyName", "addressStreet", "addressPostalCode", "addressCity", "addressCountry", "birthDate", "gender",
    ]  # fmt: skip
    normal, choice = mask.groups
    assert (normal.choice, choice.choice) == (False, True)
    assert [(option.display, option.keys) for option in choice.options] == [
        ("Regional Information", ("regionalPatientIdentifier", "regionIdentifier")),
        ("National Information", ("passportNumber",)),
    ]
    assert mask.patient.required == {"addressStreet", "addressPostalCode", "addressCity", "addressCountry"}
    (documents,) = mask.documents
    assert documents.scope == "EP"
    assert [(item.trait, item.domain, item.mandatory) for item in documents.fields] == [
        (Trait.PRESCRIPTION_ID, "2.16.17.710.780.1000.990.1.1000.1", True),
        (Trait.DISPENSATION_PIN, "2.16.17.710.780.1000.990.1.1000.2", True),
    ]
    assert mask.next_of_kin is not None and len(mask.next_of_kin.fields) == 12


def test_scope_says_which_service_can_be_searched_for() -> None:
    finland = sample("xcpd/masks/FI-ppt", "FI")
    assert (finland.scope, finland.offers("EP"), finland.offers("PS")) == ("EP", True, False)
    assert sample("xcpd/masks/HR-ppt", "HR").offers("PS")


def test_descriptions_in_english_and_in_the_own_language_are_read() -> None:
    field = sample("xcpd/masks/PT-ppt-media-replaced", "PT").fields[0]
    assert (field.description, field.original_description) == ("Patient Identifier", "Número de utente de Saúde")


def test_a_picture_is_what_its_bytes_are_and_not_what_the_mask_calls_it() -> None:
    (picture,) = sample("xcpd/masks/HU-ppt-media-replaced", "HU").media
    assert (picture.media_type, picture.width, picture.height, picture.name) == ("image/png", 1, 1, "HU_CITIZEN_ID")


# Required fields


def problems(path: str, country: str, **values: str) -> list[FieldProblem]:
    return sample(path, country).check(values)


def test_a_marked_field_is_required() -> None:
    assert problems("xcpd/masks/CY-ppt", "CY", nationalIdentityCardNumber="7") == [
        FieldProblem("required", ("birthDate",))
    ]
    assert problems("xcpd/masks/CY-ppt", "CY", nationalIdentityCardNumber="7", birthDate="1970-04-09") == []


def test_where_nothing_is_marked_one_identifier_is_required() -> None:
    assert problems("xcpd/masks/EE-ppt", "EE") == [FieldProblem("required", ("nationalPersonIdentifier",))]
    assert problems("xcpd/masks/EE-ppt", "EE", nationalPersonIdentifier="38001085718") == []


def test_of_a_choice_one_group_has_to_be_complete() -> None:
    everything = ("regionalPatientIdentifier", "regionIdentifier", "nationalPersonIdentifier")
    assert problems("xcpd/masks/ES-ppt", "ES") == [FieldProblem("choice", everything)]
    assert problems("xcpd/masks/ES-ppt", "ES", regionIdentifier="123456") == [FieldProblem("choice", everything)]
    assert problems("xcpd/masks/ES-ppt", "ES", nationalPersonIdentifier="AB1") == []
    both = {"regionalPatientIdentifier": "AB1", "regionIdentifier": "123456"}
    assert problems("xcpd/masks/ES-ppt", "ES", **both) == []


def test_validation_groups_of_old_masks_are_alternatives() -> None:
    path = "xcpd/masks/AT-old-format"
    assert problems(path, "AT") == [FieldProblem("choice", ("familyName", "firstName"))]
    assert problems(path, "AT", familyName="Mustermann") == []
    assert problems(path, "AT", familyName="Mu") == [FieldProblem("format", ("familyName",))]
    one = problems("xcpd/masks/DE-old-format", "DE", accessCode="A2C4E6")
    assert one == [FieldProblem("required", ("nationalPersonIdentifier",))]


def test_a_field_that_the_mask_does_not_have_is_a_problem() -> None:
    assert FieldProblem("unknown", ("passport",)) in problems("xcpd/masks/HR-ppt", "HR", passport="1")


# From values to a search


def test_values_become_traits_with_the_domain_of_their_field() -> None:
    mask = sample("xcpd/masks/AT-2024", "AT")
    search = mask.to_search(
        {
            "passportNumber": "P 123",
            "familyName": " Muster ",
            "firstName": "Eva",
            "addressStreet": "Gasse7",
            "addressPostalCode": "1010",
            "addressCity": "Wien",
            "addressCountry": "at",
            "birthDate": "1970-04-09",
            "gender": "female",
        }
    )
    assert search == PatientSearch(
        identifiers=(II("2.16.17.710.780.1000.990.1.150", "P 123"),),
        family="Muster",
        given="Eva",
        gender="F",
        birth_date="19700409",
        address=Address("Gasse7", "Wien", "1010", "AT"),
    )


def test_the_destination_is_the_country_of_the_address_where_none_is_asked() -> None:
    search = sample("xcpd/masks/HR-ppt", "HR").to_search({"nationalSocialSecurityNumber": "123456789"})
    assert search.address == Address(country="HR")


def test_a_number_typed_in_groups_is_sent_without_blanks_and_otherwise_as_typed() -> None:
    croatia = sample("xcpd/masks/HR-ppt", "HR")
    assert croatia.to_search({"nationalSocialSecurityNumber": "012 345 678"}).identifiers[0].extension == "012345678"
    denmark = sample("xcpd/masks/DK-current", "DK")
    assert denmark.to_search({"nationalIdentityCardNumber": "041000-9234"}).identifiers[0].extension == "041000-9234"


@pytest.mark.parametrize(
    ("values", "reason", "code"),
    [
        ({}, "mask.required", Code.PI_MISSING_REQUIRED_FIELDS),
        ({"nationalSocialSecurityNumber": " "}, "mask.required", Code.PI_MISSING_REQUIRED_FIELDS),
        ({"nationalSocialSecurityNumber": "12345678"}, "mask.format", Code.PI_INCORRECT_FORMATTING),
        ({"nationalSocialSecurityNumber": "12345678٩"}, "mask.format", Code.PI_INCORRECT_FORMATTING),
        ({"nationalSocialSecurityNumber": "123456789\x00"}, "mask.format", Code.PI_INCORRECT_FORMATTING),
        ({"nationalSocialSecurityNumber": "123456789", "x": "1"}, "mask.unknown", Code.PI_INCORRECT_FORMATTING),
    ],
)
def test_values_that_break_the_mask_are_not_sent(values: dict[str, str], reason: str, code: Code) -> None:
    with pytest.raises(RequestError) as refused:
        sample("xcpd/masks/HR-ppt", "HR").to_search(values)
    assert (refused.value.reason, refused.value.code) == (reason, code)


def test_a_format_may_be_overridden_where_the_operator_allows_it_and_nothing_else_may() -> None:
    finland = sample("xcpd/masks/FI-ppt", "FI")
    value = {"nationalSocialSecurityNumber": "131052B308T"}  # a century sign that the pattern does not know
    assert finland.to_search(value, ignore_format=True).identifiers[0].extension == "131052B308T"
    cyprus = sample("xcpd/masks/CY-ppt", "CY")
    for birth_date in ("9.4.1970", "1970-02-31"):
        with pytest.raises(RequestError):
            cyprus.to_search({"nationalIdentityCardNumber": "7", "birthDate": birth_date}, ignore_format=True)


def test_document_fields_never_go_into_the_search() -> None:
    portugal = sample("xcpd/masks/PT-ppt-media-replaced", "PT")
    with pytest.raises(RequestError):
        portugal.to_search({"healthCardNumber": "123456789", "ePrescriptionId": "1" * 19})
    czech = sample("smp/live/signed/ism_cz", "CZ")
    assert [item.key for form in czech.documents for item in form.fields] == ["ePrescriptionId"]


def test_demographics_that_the_country_does_not_ask_for_can_be_left_out() -> None:
    search = PatientSearch((II("1.2", "7"),), "Primjer", "Ana", "F", "19700409", Address("U 1", "Zagreb", "1", "HR"))
    cyprus = sample("xcpd/masks/CY-ppt", "CY")
    assert cyprus.asked(search) == PatientSearch(
        (II("1.2", "7"),), birth_date="19700409", address=Address(country="CY")
    )


def test_the_own_mask_is_the_rule_for_questions_that_come_in() -> None:
    rules = identifier_rules(sample("xcpd/masks/CY-ppt", "CY"))
    root = "2.16.840.1.113883.3.9143.1.1"
    check_search(PatientSearch((II(root, "7"),), birth_date="19700409"), rules, demographics_allowed=False)
    for identifier, birth_date, reason in (
        (II(root, "7"), "", "trait.missing"),
        (II(root, "x"), "19700409", "identifier.format"),
        (II("1.2.3", "7"), "19700409", "identifier.root"),
    ):
        with pytest.raises(RequestError) as refused:
            check_search(PatientSearch((identifier,), birth_date=birth_date), rules, demographics_allowed=False)
        assert refused.value.reason == reason


# Hostile and odd input

FORM = (
    '<searchFields xmlns="http://ec.europa.eu/sante/ehncp/ism"><country code="HR"><patientSearch {scope}>{inside}'
    "</patientSearch></country></searchFields>"
)
ID = '<id domain="1.2.3" label="label.ism.passportNumber" format="{format}" contextualDescription="c"/>'


def mask_of(inside: str, scope: str = "", country: str = "HR") -> SearchMask:
    return read_mask(FORM.format(inside=inside, scope=scope).encode(), CountryCode(country))


def normal(inside: str) -> str:
    return f'<identifier type="NORMAL">{inside}</identifier>'


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "xml.malformed"),
        (b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><searchFields>&e;</searchFields>", "xml.dtd"),
        (b"<other/>", "mask.root"),
        (b'<searchFields xmlns="urn:other"/>', "mask.root"),
        (b'<ServiceMetadata xmlns="http://docs.oasis-open.org/bdxr/ns/SMP/2016/05"/>', "mask.root"),
        (b"<searchFields/>", "mask.empty"),
        (b"<patientSearch><country code='HR'/></patientSearch>", "mask.empty"),
        (b"<patientSearch><country code='FR'/></patientSearch>", "mask.country"),
        (b"<patientSearch>" + b" " * (5 * 1024 * 1024) + b"</patientSearch>", "xml.too_large"),
        (FORM.format(scope="", inside=normal(ID.format(format="")) * 61).encode(), "mask.too_large"),
        (FORM.format(scope="", inside=normal(ID.format(format="") * 61)).encode(), "mask.too_large"),
        (FORM.format(scope="", inside="<media/>" * 7 + normal(ID.format(format=""))).encode(), "mask.too_large"),
        (FORM.format(scope="", inside=normal('<id domain="../x" label="y"/>')).encode(), "mask.empty"),
    ],
)
def test_what_is_no_mask_of_this_country_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(MaskRefused) as refused:
        read_mask(data, CountryCode("HR"))
    assert refused.value.reason == reason


def test_greece_may_call_itself_by_either_code() -> None:
    assert read_mask(FORM.format(scope="", inside=normal(ID.format(format=""))).replace("HR", "EL").encode(), "GR")  # type: ignore[arg-type]


def test_without_a_country_the_one_that_was_asked_counts() -> None:
    data = b'<searchFields><id domain="1.2" label="patient.data.ins"/></searchFields>'
    assert read_mask(data, CountryCode("FR")).country == "FR"


@pytest.mark.parametrize(
    ("inside", "warning"),
    [
        (normal(ID.format(format="(?=a)b")), "format.not_compiled:passportNumber"),
        (normal(ID.format(format="a" * 501)), "format.too_long:passportNumber"),
        (normal(ID.format(format="/a/s")), "format.flags:passportNumber"),
        (normal(ID.format(format="")) + '<accessCode label="label.ism.accessCode"/>', "access_code.without_domain"),
        (normal(ID.format(format="") + '<id domain="x" label="y"/>'), "field.domain"),
        (normal(ID.format(format="")) + '<textField label="label.ism.shoeSize"/>', "field.label"),
        (normal(ID.format(format="")) + "<media><mediaContent>####</mediaContent></media>", "picture.malformed"),
        (normal(ID.format(format="")) + "<media><mediaContent>PHN2Zy8+</mediaContent></media>", "picture.kind"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_told_to_the_operator(inside: str, warning: str) -> None:
    mask = mask_of(inside)
    assert mask.warnings == (warning,)
    assert [item.key for item in mask.fields] == ["passportNumber"]
    assert mask.media == ()


def test_a_pattern_that_does_not_compile_checks_nothing_and_blocks_nobody() -> None:
    mask = mask_of(normal(ID.format(format="(?=a)b")))
    assert mask.to_search({"passportNumber": "anything"}).identifiers == (II("1.2.3", "anything"),)


def test_an_unknown_scope_is_taken_for_all() -> None:
    mask = mask_of(normal(ID.format(format="")), scope='scope="X"')
    assert (mask.scope, mask.warnings) == ("ALL", ("scope.unknown",))


def test_keys_are_unique_and_texts_are_cut_and_folded() -> None:
    mask = mask_of(normal(ID.format(format="") * 2).replace('"c"', '"' + "a&#10;b " * 400 + '"'))
    assert [item.key for item in mask.fields] == ["passportNumber", "passportNumber-2"]
    assert all(len(item.description) == 500 and "\n" not in item.description for item in mask.fields)


def test_a_choice_of_which_one_part_cannot_be_sent_is_not_offered() -> None:
    group = '<ids display="g"><id domain="1.2" label="l.a"/><id domain="none" label="l.b"/></ids>'
    mask = mask_of(f'<identifier type="CHOICE">{group}<ids display="h">{ID.format(format="")}</ids></identifier>')
    assert [item.key for item in mask.fields] == ["passportNumber"]
    assert [option.keys for option in mask.groups[0].options] == [("passportNumber",)]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_value_makes_a_check_fail_in_another_way(value: str) -> None:
    mask = mask_of(normal(ID.format(format=r"\d{3}")) + '<birthDate label="label.ism.birthDate" format="YYYY-MM-DD"/>')
    values = {"passportNumber": value, "birthDate": value}
    try:
        search = mask.to_search(values)
    except RequestError as refused:
        assert value not in str(refused) or len(value) < 10
    else:
        assert search.identifiers and len(search.birth_date) in (0, 8)


# Our own masks

OWN = sorted((Path(__file__).parents[2] / "config" / "search_masks").glob("*.xml"))


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_a_mask_of_ours_validates_and_reads_without_a_warning(path: Path) -> None:
    mask = read_mask(path.read_bytes(), CountryCode(path.stem))
    assert mask.warnings == ()
    assert mask.offers("PS")
    assert all(item.description and item.original_description for item in mask.fields)
    validator = schema("smp/ehdsi-ism-2023.xsd")
    assert validator.validate(etree.parse(path)), validator.error_log


@pytest.mark.parametrize(
    ("country", "root", "good", "bad"),
    [
        ("HR", "2.16.840.1.113883.2.7.2.2", "123456789", "12345678"),
        ("MT", "2.16.470.1.100.1.1.1000.990.1", "0123456M", "0123456m"),
        ("PT", "2.16.620.1.101.10.1.1", "123456789", "12345678A"),
        ("CZ", "2.16.17.710.804.1000.990.1", "123456789", "123456"),
        ("FR", "1.2.250.1.213.1.4.8", "279035121518989", "27903512151898"),
        ("FR", "1.2.250.1.213.1.4.8", "279032A21518989", "279032C21518989"),
    ],
)
def test_the_masks_we_ship_ask_for_the_number_of_their_country(country: str, root: str, good: str, bad: str) -> None:
    path = next(path for path in OWN if path.stem == country)
    mask = read_mask(path.read_bytes(), CountryCode(country))
    (field,) = mask.fields
    assert mask.to_search({field.key: good}).identifiers == (II(root, good),)
    with pytest.raises(RequestError):
        mask.to_search({field.key: bad})


def test_our_masks_agree_with_the_published_ones_on_the_identifier() -> None:
    for country in ("HR", "MT", "PT", "CZ"):
        published, _ = PUBLISHED[country]
        ours = read_mask(next(path for path in OWN if path.stem == country).read_bytes(), CountryCode(country))
        assert {(item.label, item.domain) for item in ours.fields} == {
            (item.label, item.domain) for item in sample(published, country).fields
        }
