"""Bytes that somebody changed give a value or a declared error, never anything else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ncp.wire.errors import NcpError
from ncp.wire.ids import II, CountryCode
from ncp.wire.xml import XmlRefused, parse
from tests.support.xcpd import HR, MBO, discovery, person
from xcpd.mask_formats import read_format
from xcpd.masks import IdentifierRules, MaskRefused, read_mask
from xcpd.outcomes import check_discovery, interpret, refusal_for
from xcpd.read import read_discovery, read_discovery_response
from xcpd.write import write_discovery, write_match, write_refusal

pytestmark = pytest.mark.attack

RULES = IdentifierRules(formats={MBO: (read_format(r"\d{9}")[0],)})
QUESTION = write_discovery(discovery())
ANSWER = write_match(discovery(), person(), id=II("1.2", "3"), created="20260101", home=HR)
MASK = (
    b'<searchFields xmlns="http://ec.europa.eu/sante/ehncp/ism"><country code="HR" label="label.ism.addressCountry">'
    b'<patientSearch scope="ALL"><identifier type="CHOICE"><ids display="a"><id domain="1.2.3" format="\\d{9}"'
    b' label="label.ism.passportNumber" contextualDescription="c" mandatory="true"/></ids></identifier>'
    b'<birthDate label="label.ism.birthDate" format="YYYY-MM-DD" contextualDescription="c"/>'
    b'<media label="label.ism.media"><mediaContent>iVBORw0KGgo=</mediaContent></media></patientSearch></country>'
    b"</searchFields>"
)


@st.composite
def mutated(draw: st.DrawFn, whole: bytes) -> bytes:
    """One to three places cut out, doubled or overwritten; often still well-formed, so that the readers are reached."""
    data = whole
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 60)))
        put = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=8),
                st.sampled_from(
                    [b'"', b"<", b"/>", b"<!-- -->", b"<?p?>", b"<x/>", b'a="b" ', b"&#0;", b"&amp;", b"0"]
                ),
                st.just(data[start:end] * 2),
            )
        )
        data = data[:start] + put + data[end:]
    return data


@settings(max_examples=400, deadline=None)
@given(mutated(QUESTION))
def test_a_changed_question_is_answered_or_refused(data: bytes) -> None:
    try:
        request = read_discovery(parse(data))
    except (XmlRefused, NcpError):
        return
    try:
        check_discovery(request, home=HR, mask_rules=RULES, demographics_allowed=False)
        answer = write_match(request, person(), id=II("1.2", "3"), created="20260101", home=HR)
    except NcpError as error:
        answer = write_refusal(request, refusal_for(error), id=II("1.2", "3"), created="20260101", home=HR)
    read = read_discovery_response(parse(answer))
    assert read.target_message == request.id


@settings(max_examples=400, deadline=None)
@given(mutated(ANSWER))
def test_a_changed_answer_is_understood_or_refused(data: bytes) -> None:
    try:
        match = interpret(discovery(), read_discovery_response(parse(data)), country=CountryCode("HR"))
    except (XmlRefused, NcpError):
        return
    assert match.person.id.extension and match.person.id.root


@settings(max_examples=400, deadline=None)
@given(mutated(MASK))
def test_a_changed_mask_is_read_or_refused(data: bytes) -> None:
    try:
        mask = read_mask(data, CountryCode("HR"))
    except MaskRefused:
        return
    assert mask.fields
    assert mask.check({}) is not None


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_no_mask(data: bytes) -> None:
    try:
        read_mask(data, CountryCode("HR"))
    except MaskRefused as refused:
        assert refused.reason
