"""The table of permissions, the binding to one patient, and that no proof can be made elsewhere."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import combinations
from typing import Any

import pytest

from ncp import access
from ncp.access import (
    CLASS_PERMISSIONS,
    AccessPolicy,
    PermittedDescription,
    PermittedDiscovery,
    PermittedPatient,
    PermittedQuery,
    PermittedRetrieve,
)
from ncp.wire.errors import AccessError, Code
from ncp.wire.ids import II
from saml_assertions import claims
from saml_assertions.claims import VerifiedCaller
from tests.support import connector
from tests.support.scripted_gateway import PERSON, entry
from xca.messages import CrossGatewayQuery
from xcpd.messages import PatientSearch

PATIENT = II("1.2.3", "PAT-0001")
POLICY = AccessPolicy()
# saml.md 7.5 of the profile, as docs/assertions.md has it: what each service asks for.
PERMISSIONS = {
    "60591-5": {"PRD-003", "PRD-005", "PRD-010", "PRD-016"},
    "57833-6": {"PRD-004", "PRD-010"},
    "34105-7": {"PRD-003", "PRD-005", "PRD-010", "PRD-016"},
    "11502-2": {"PRD-003", "PRD-005", "PRD-010", "PRD-016"},
    "18748-4": {"PRD-003", "PRD-005", "PRD-010", "PRD-016"},
    "x-clinical-image": {"PRD-003", "PRD-005", "PRD-010", "PRD-016"},
}
ALL = frozenset({"PRD-003", "PRD-004", "PRD-005", "PRD-006", "PRD-010", "PRD-016"})


def caller(*, patient: II | None = PATIENT, **hcp: Any) -> VerifiedCaller:
    good = connector.caller(patient=patient)
    return VerifiedCaller(
        country=good.country,
        peer=None,
        hcp=replace(good.hcp, **hcp),
        hcp_signer=good.hcp_signer,
        trc=good.trc,
        proof=claims._PROOF,
    )


def reason_of(call: Any, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(AccessError) as refused:
        call(*arguments)
    return refused.value.code, refused.value.reason


def test_every_class_that_can_be_asked_for_has_its_permissions() -> None:
    assert {str(code): set(needed) for code, needed in CLASS_PERMISSIONS.items()} == PERMISSIONS


@pytest.mark.parametrize("code", PERMISSIONS)
def test_a_class_is_open_to_exactly_those_who_hold_all_of_its_permissions(code: str) -> None:
    query = CrossGatewayQuery(PATIENT, (code,))
    for count in range(len(ALL) + 1):
        for held in combinations(sorted(ALL), count):
            who = caller(permissions=frozenset(held))
            if set(held) >= PERMISSIONS[code]:
                assert access.permit_query(query, who, POLICY).class_codes == (code,)
            else:
                assert reason_of(access.permit_query, query, who, POLICY) == ("4703", "permission.missing")


def test_identification_needs_its_one_permission() -> None:
    search = PatientSearch((PATIENT,))
    assert access.permit_discovery(search, caller(permissions=frozenset({"PRD-006"})), POLICY).search is search
    refused = reason_of(access.permit_discovery, search, caller(permissions=ALL - {"PRD-006"}), POLICY)
    assert refused == ("4703", "permission.missing")


def test_a_role_suffices_without_permissions_only_where_the_country_lists_it() -> None:
    query, policy = CrossGatewayQuery(PATIENT, ("60591-5",)), AccessPolicy(frozenset({"221"}))
    bare = caller(permissions=frozenset())
    assert reason_of(access.permit_query, query, bare, POLICY) == ("4703", "permission.missing")
    assert access.permit_query(query, bare, policy).patient == PATIENT
    # One listed role does not carry another, no role carries nothing, and a partial list of permissions is a list.
    assert reason_of(access.permit_query, query, caller(permissions=frozenset(), roles=("221", "2262")), policy)
    assert reason_of(access.permit_query, query, caller(permissions=frozenset(), roles=()), policy)
    assert reason_of(access.permit_query, query, caller(permissions=frozenset({"PRD-006"})), policy)


def test_a_refused_role_is_refused_whatever_it_holds() -> None:
    policy = AccessPolicy(frozenset({"221"}), frozenset({"221"}))
    for who in (caller(), caller(roles=("2262", "221"))):
        assert reason_of(access.permit_query, CrossGatewayQuery(PATIENT, ("60591-5",)), who, policy) == (
            "4703",
            "role.refused",
        )
        assert reason_of(access.permit_description, "1", "2", who, policy) == ("4703", "role.refused")


@pytest.mark.parametrize("code", ["56445-0", "60593-1", "", "60591-5 "])
def test_a_class_of_no_table_is_open_to_nobody(code: str) -> None:
    refused = reason_of(access.permit_query, CrossGatewayQuery(PATIENT, (code,)), caller(), POLICY)
    assert refused == ("4703", "permission.missing")


@pytest.mark.parametrize(
    "other",
    [
        II("1.2.3", "PAT-00011"),
        II("1.2.3", "PAT-000"),
        II("1.2.3", "pat-0001"),
        II("1.2.3.4", "PAT-0001"),
        II("", "PAT-0001"),
        II("1.2.3", "PAT-0001|CODE"),
    ],
)
def test_the_patient_is_the_one_of_the_treatment_and_nobody_like_her(other: II) -> None:
    query = CrossGatewayQuery(other, ("60591-5",))
    assert reason_of(access.permit_query, query, caller(), POLICY) == ("4206", "trc.patient")
    described = access.permit_description("1", "2", caller(), POLICY)
    document = entry("1", patient=(other.root, other.extension))
    assert reason_of(access.permit_document, document, described, POLICY) == (
        "ERROR_GENERIC_DOCUMENT_MISSING",
        "trc.patient",
    )


def test_without_a_treatment_there_is_no_patient() -> None:
    who = caller(patient=None)
    assert reason_of(access.permit_query, CrossGatewayQuery(PATIENT, ("60591-5",)), who, POLICY)[1] == "trc.missing"
    assert reason_of(access.permit_description, "1", "2", who, POLICY)[1] == "trc.missing"


def test_a_description_is_open_to_whoever_may_see_one_class() -> None:
    only_prescriptions = caller(permissions=frozenset({"PRD-004", "PRD-010"}))
    described = access.permit_description("1", "2", only_prescriptions, POLICY)
    assert (described.patient, described.document_unique_id, described.repository_unique_id) == (PATIENT, "1", "2")
    mine = (PATIENT.root, PATIENT.extension)
    assert access.permit_document(entry("1", "57833-6", patient=mine), described, POLICY).class_codes == ("57833-6",)
    refused = reason_of(access.permit_document, entry("1", patient=mine), described, POLICY)
    assert refused == ("4703", "permission.missing")


NO_CONSENT = {"60591-5": "ERROR_PS_NO_CONSENT", "57833-6": "ERROR_EP_NO_CONSENT", "11502-2": "4701", "34105-7": "4701"}


@pytest.mark.parametrize("code", NO_CONSENT)
def test_a_missing_consent_has_the_code_of_its_class(code: str) -> None:
    query = CrossGatewayQuery(PATIENT, (code,))
    patient = access.permit_query(query, caller(), POLICY)
    assert reason_of(access.consented_query, patient, query, False) == (NO_CONSENT[code], "consent")
    assert access.consented_query(patient, query, True).patient == PATIENT


def test_a_missing_consent_to_be_named_is_the_warning_of_identification() -> None:
    found = access.permit_person(access.permit_discovery(PatientSearch((PATIENT,)), caller(), POLICY), PERSON)
    assert (found.patient, found.class_codes) == (PERSON.id, ())
    assert reason_of(access.with_consent, found, False) == (Code.WARNING_PI_NO_CONSENT, "consent")


def test_the_consent_for_one_document_is_not_that_for_another() -> None:
    mine = (PATIENT.root, PATIENT.extension)
    described = access.permit_description("1", "2", caller(), POLICY)
    patient = access.permit_document(entry("1", patient=mine), described, POLICY)
    for other in (entry("1", "57833-6", patient=mine), entry("1", patient=("1.2.3", "PAT-0002"))):
        refused = reason_of(access.consented_retrieve, patient, other, True)
        assert refused == ("ERROR_GENERIC_DOCUMENT_MISSING", "trc.patient")


PROOFS: dict[type, tuple[Any, ...]] = {
    PermittedDiscovery: (PatientSearch(),),
    PermittedPatient: (PATIENT, ("60591-5",)),
    PermittedQuery: (CrossGatewayQuery(PATIENT, ()), PATIENT),
    PermittedDescription: (PATIENT, "1", "2"),
    PermittedRetrieve: (entry("1"),),
}


@pytest.mark.parametrize("kind", PROOFS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("proof", [None, True, object(), "proof"], ids=["none", "true", "an object", "a word"])
def test_a_permission_cannot_be_made_elsewhere(kind: Any, proof: object) -> None:
    with pytest.raises(TypeError):
        kind(caller(), *PROOFS[kind], proof=proof)
    with pytest.raises(TypeError):
        kind(caller(), *PROOFS[kind])


def permitted() -> list[Any]:
    query = CrossGatewayQuery(PATIENT, ("60591-5",))
    patient = access.permit_query(query, caller(), POLICY)
    discovery = access.permit_discovery(PatientSearch((PATIENT,)), caller(), POLICY)
    description = access.permit_description("1", "2", caller(), POLICY)
    document = entry("1", patient=(PATIENT.root, PATIENT.extension))
    of_document = access.permit_document(document, description, POLICY)
    return [
        patient,
        discovery,
        description,
        access.consented_query(patient, query, True),
        access.consented_retrieve(of_document, document, True),
    ]


def test_a_permission_cannot_be_changed_and_shows_nobody() -> None:
    for one in permitted():
        for field in fields(one):
            with pytest.raises(AttributeError):
                setattr(one, field.name, None)
        assert repr(one) == f"{type(one).__name__}(FR)"


def test_a_permission_cannot_be_carried_over_to_somebody_else() -> None:
    for one in permitted():
        with pytest.raises(TypeError):
            replace(one)
        with pytest.raises(TypeError):
            replace(one, caller=caller(patient=II("1.2.3", "PAT-0002")))


def test_a_verified_caller_cannot_be_made_elsewhere() -> None:
    good = connector.caller()
    with pytest.raises(TypeError):
        VerifiedCaller(country=good.country, peer=None, hcp=good.hcp, hcp_signer=good.hcp_signer, proof=object())
    with pytest.raises(TypeError):
        replace(good, hcp=replace(good.hcp, permissions=ALL))
