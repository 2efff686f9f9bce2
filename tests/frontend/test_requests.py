"""Who may call, what is let in, and what hostile messages meet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ncp.frontend.contracts import OPENNCP_7, OPENNCP_9, OWN
from ncp.wire.xml import XmlLimits
from tests.support.frontend import HCP, TRC, SmallNcpB
from tests.support.portal import ENV, Caller, envelope

pytestmark = pytest.mark.attack

E = f"{{{ENV}}}"
WSA = "http://www.w3.org/2005/08/addressing"
PATHS = [*OPENNCP_7.paths, *OPENNCP_9.paths, *OWN.paths, "/TRC-STS/STSServiceService"]
SEARCH = (
    f'<q:queryPatient xmlns:q="{OPENNCP_9.namespace}"><arg0><countryCode>HR</countryCode><patientDemographics>'
    "<familyName>Novak</familyName></patientDemographics></arg0></q:queryPatient>"
)


@pytest.fixture
def caller(front_end_of: Callable[..., Caller]) -> Caller:
    return front_end_of()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_certificate_meets_403_in_plain_text(
    path: str, method: str, caller: Caller, ncp_b: SmallNcpB
) -> None:
    for certificate, tls in (
        (b"certificate of somebody", True),
        (None, True),
        (b"", True),
        (caller.certificate, False),
    ):
        stranger = Caller(caller.app, certificate)
        status, headers, content = stranger.request(method, path, envelope(SEARCH, HCP), query=b"wsdl", tls=tls)
        assert (status, headers["content-type"]) == (403, "text/plain; charset=UTF-8")
        assert b"<" not in content
    assert ncp_b.asked == []


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("POST", "/nowhere", {}, 404),
        ("PUT", OWN.paths[0], {}, 405),
        ("GET", OWN.paths[0], {}, 405),
        ("GET", "/TRC-STS/STSServiceService", {}, 405),
        ("POST", OWN.paths[0], {"content-type": "application/json"}, 415),
        ("POST", OWN.paths[0], {"content-type": 'multipart/related; type="application/xop+xml"; boundary=x'}, 415),
        ("POST", OWN.paths[0], {"content-type": ""}, 415),
        ("POST", OPENNCP_9.paths[0], {"content-length": str(3 * 1024 * 1024)}, 413),
        ("POST", OPENNCP_9.paths[0], {"content-encoding": "br"}, 415),
    ],
)
def test_http_is_refused_as_http(
    method: str, path: str, headers: dict[str, str], expected: int, caller: Caller
) -> None:
    status, _, content = caller.request(method, path, envelope(SEARCH, HCP), headers=headers)
    assert status == expected
    assert b"<" not in content


def test_a_body_beyond_the_limit_is_refused_while_it_arrives(
    front_end_of: Callable[..., Caller], ncp_b: SmallNcpB
) -> None:
    caller = front_end_of(limits=XmlLimits(size=1000))
    status, _, _ = caller.request("POST", OPENNCP_9.paths[0], envelope(SEARCH + " " * 1000, HCP))
    assert status == 413
    assert ncp_b.asked == []


@pytest.mark.parametrize("suffix", ["", "/", ".ClientServiceHttpsSoap12Endpoint", ".ClientServiceHttpsSoap12Endpoint/"])
def test_the_address_forms_of_axis2_are_known(suffix: str, caller: Caller) -> None:
    status, _ = caller.post(OPENNCP_9.paths[0] + suffix, envelope(SEARCH, HCP))
    assert status == 200


HOSTILE = {
    "not xml": b"Novak",
    "nothing": b"",
    "dtd": b'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + envelope(SEARCH, HCP),
    "entity bomb": b'<!DOCTYPE e [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><e>&b;</e>',
    "utf-16": envelope(SEARCH, HCP).decode().encode("utf-16"),
    "too deep": envelope("<a>" * 150 + "</a>" * 150, HCP),
    "too many": envelope("<a/>" * 60_000, HCP),
    "soap 1.1": envelope(SEARCH, HCP).replace(ENV.encode(), b"http://schemas.xmlsoap.org/soap/envelope/"),
    "no envelope": SEARCH.encode(),
    "empty body": envelope("", HCP),
    "two bodies": envelope(SEARCH, HCP).replace(b"</e:Envelope>", b"<e:Body><a/></e:Body></e:Envelope>"),
    "two questions": envelope(SEARCH + SEARCH, HCP),
    "processing instruction": envelope("<?php echo 1?>" + SEARCH, HCP),
    "unknown operation": envelope(f'<q:dropPatient xmlns:q="{OPENNCP_9.namespace}"/>', HCP),
    "foreign namespace": envelope(SEARCH.replace(OPENNCP_9.namespace, "urn:other"), HCP),
    "a fault": envelope("<e:Fault/>", HCP),
    "must understand": envelope(SEARCH, HCP, header='<x:a xmlns:x="urn:x" e:mustUnderstand="1"/>'),
    "reply elsewhere": envelope(
        SEARCH,
        HCP,
        header=f'<a:ReplyTo xmlns:a="{WSA}"><a:Address>http://evil.example/</a:Address></a:ReplyTo>',
    ),
    "two actions": envelope(SEARCH, HCP, header=2 * f'<a:Action xmlns:a="{WSA}">urn:x</a:Action>'),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", [OPENNCP_7.paths[0], OPENNCP_9.paths[0], OWN.paths[0], "/TRC-STS/STSServiceService"])
def test_hostile_messages_meet_a_fault_and_nothing_is_asked(
    name: str, path: str, caller: Caller, ncp_b: SmallNcpB
) -> None:
    status, root = caller.post(path, HOSTILE[name])
    assert status in (400, 413, 500)
    assert root.find(f"{E}Body/{E}Fault") is not None
    assert b"Novak" not in etree.tostring(root)
    assert ncp_b.asked == []


def test_an_xsi_type_of_the_caller_chooses_nothing(caller: Caller, ncp_b: SmallNcpB) -> None:
    typed = SEARCH.replace(
        "<arg0>",
        '<arg0 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:q2="urn:x" xsi:type="q2:epsosDocument">',
    )
    status, _ = caller.post(OPENNCP_9.paths[0], envelope(typed, HCP))
    assert status == 200
    assert ncp_b.the("find_patient")[2].family == "Novak"


def test_comments_do_not_cut_a_value(caller: Caller, ncp_b: SmallNcpB) -> None:
    commented = SEARCH.replace("Novak", "No<!-- cut here -->vak").replace("<familyName>", "<!-- a --><familyName>")
    status, _ = caller.post(OPENNCP_9.paths[0], envelope(commented, HCP))
    assert status == 200
    assert ncp_b.the("find_patient")[2].family == "Novak"


def test_the_envelope_is_handed_on_as_it_came(caller: Caller, ncp_b: SmallNcpB) -> None:
    commented = HCP.replace(b"countryB<", b"country<!-- signed? -->B<")
    caller.post(OPENNCP_9.paths[0], envelope(SEARCH, TRC, commented))
    call = ncp_b.the("find_patient")[0]
    (security,) = call.security
    assert security.getroottree().getroot() is call.root
    assert etree.tostring(security[1], with_tail=False, method="c14n", exclusive=True, with_comments=True) == (
        etree.tostring(etree.fromstring(commented), method="c14n", exclusive=True, with_comments=True)
    )


def test_every_security_block_is_handed_on(caller: Caller, ncp_b: SmallNcpB) -> None:
    second = envelope(SEARCH, HCP).partition(b"<e:Header>")[2].partition(b"</e:Header>")[0].decode()
    caller.post(OPENNCP_9.paths[0], envelope(SEARCH, HCP, header=second))
    assert len(ncp_b.the("find_patient")[0].security) == 2


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    path=st.sampled_from([OPENNCP_9.paths[0], OWN.paths[0], "/TRC-STS/NextOfKinService"]),
)
def test_changed_bytes_meet_an_answer_or_a_fault(data: st.DataObject, path: str, caller: Caller) -> None:
    message = bytearray(envelope(SEARCH, HCP))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(message) - 1))
        message[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=6))
    status, root = caller.post(path, bytes(message))
    assert status in (200, 400, 413, 500)
    assert root.tag == f"{E}Envelope"


def test_more_calls_than_workers_and_places_to_wait_are_told_to_come_again(
    front_end_of: Callable[..., Caller], ncp_b: SmallNcpB
) -> None:
    caller = front_end_of(threads=1, waiting=1)
    started, release = threading.Semaphore(0), threading.Event()

    def before() -> None:
        started.release()
        release.wait(20)

    ncp_b.before = before
    with ThreadPoolExecutor(3) as portals:
        running = [portals.submit(caller.post, OPENNCP_9.paths[0], envelope(SEARCH, HCP)) for _ in range(2)]
        assert started.acquire(timeout=20)
        while caller.app._running < 2:
            pass
        status, headers, _ = caller.request("POST", OPENNCP_9.paths[0], envelope(SEARCH, HCP))
        release.set()
        assert (status, headers["retry-after"]) == (503, "5")
        assert [each.result()[0] for each in running] == [200, 200]


def test_calls_at_the_same_time_do_not_mix(caller: Caller, ncp_b: SmallNcpB) -> None:
    def ask(number: int) -> bool:
        body = SEARCH.replace("</familyName>", f"</familyName><givenName>{number}</givenName>")
        message = envelope(body, HCP, header=f'<a:MessageID xmlns:a="{WSA}">urn:{number}</a:MessageID>')
        _, root = caller.post(OPENNCP_9.paths[0], message)
        return root.findtext(f".//{{{WSA}}}RelatesTo") == f"urn:{number}"

    with ThreadPoolExecutor(6) as portals:
        assert all(portals.map(ask, range(40)))
    assert sorted(int(values[2].given) for _, values in ncp_b.asked) == list(range(40))
    assert len({values[0].reference for _, values in ncp_b.asked}) == 40
