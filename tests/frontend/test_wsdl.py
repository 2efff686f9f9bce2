"""The WSDL we serve says the same as OpenNCP's, and the thin client carries the same texts."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest
import zeep
from lxml import etree

from ncp.frontend.contracts import OPENNCP_7, OPENNCP_9, OWN, Contract
from tests.shared import shared
from tests.support.portal import Caller

XS = "{http://www.w3.org/2001/XMLSchema}"
FILES = {
    OPENNCP_7: "schemas/client_connector/v7/ClientConnectorService",
    OPENNCP_9: "schemas/client_connector/v9/ClientService",
}
CONTRACTS = pytest.mark.parametrize("contract", [OPENNCP_7, OPENNCP_9], ids=["v7", "v9"])


@pytest.fixture
def wsdl_of(front_end_of: Callable[..., Caller]) -> Callable[[Contract], bytes]:
    caller = front_end_of()

    def fetched(contract: Contract) -> bytes:
        status, headers, content = caller.request("GET", contract.paths[0], query=b"wsdl")
        assert (status, headers["content-type"]) == (200, "text/xml; charset=UTF-8")
        return content

    return fetched


def schema_facts(root: etree._Element) -> dict[str, Any]:
    """Every element and type of a schema: names, types, occurrence, in order; prefixes and lay-out do not matter."""

    def told(element: etree._Element) -> tuple[str, ...]:
        kind = (element.get("type") or "").rpartition(":")[2]
        defaults = {"minOccurs": "1", "maxOccurs": "1", "nillable": "false", "default": ""}
        return (element.get("name", ""), kind, *(element.get(name, default) for name, default in defaults.items()))

    facts: dict[str, Any] = {}
    for child in root.iterchildren(f"{XS}element", f"{XS}complexType"):
        base = child.find(f".//{XS}extension")
        extends = "" if base is None else base.get("base", "").rpartition(":")[2]
        inner = [told(element) for element in child.iter(f"{XS}element") if element is not child]
        facts[f"{etree.QName(child).localname} {child.get('name')}"] = (told(child), extends, inner)
    return facts


@CONTRACTS
def test_our_types_are_openncps_types(contract: Contract, wsdl_of: Callable[[Contract], bytes]) -> None:
    theirs = etree.parse(str(shared(FILES[contract] + ".xsd"))).getroot()
    ours = etree.fromstring(wsdl_of(contract)).find(f".//{XS}schema")
    assert ours.get("targetNamespace") == theirs.get("targetNamespace")
    assert ours.get("elementFormDefault", "unqualified") == theirs.get("elementFormDefault", "unqualified")
    assert schema_facts(ours) == schema_facts(theirs)


@CONTRACTS
def test_our_operations_bindings_and_ports_are_openncps(
    contract: Contract, wsdl_of: Callable[[Contract], bytes]
) -> None:
    def told(client: zeep.Client) -> Any:
        return {
            (service.name, port.name, port.binding.name.text): {
                name: (operation.soapaction, operation.style, operation.input.body.qname.text)
                for name, operation in port.binding._operations.items()
            }
            for service in client.wsdl.services.values()
            for port in service.ports.values()
        }

    theirs = zeep.Client(str(shared(FILES[contract] + ".wsdl")))
    ours = zeep.Client(io.BytesIO(wsdl_of(contract)))
    assert told(ours) == told(theirs)


@pytest.mark.parametrize("contract", [OPENNCP_7, OPENNCP_9, OWN], ids=["v7", "v9", "own"])
def test_the_address_is_where_the_portal_came(contract: Contract, wsdl_of: Callable[[Contract], bytes]) -> None:
    root = etree.fromstring(wsdl_of(contract))
    (address,) = root.findall(".//{http://schemas.xmlsoap.org/wsdl/soap12/}address")
    assert address.get("location") == f"https://ncp.example{contract.paths[0]}"


def test_a_public_url_is_written_instead_of_the_host(front_end_of: Callable[..., Caller]) -> None:
    caller = front_end_of(public_url="https://public.example/")
    _, _, content = caller.request("GET", OWN.paths[0], query=b"wsdl", headers={"host": '"><evil'})
    assert b"https://public.example/ncp/services/FrontEnd" in content
    _, _, content = front_end_of().request("GET", OPENNCP_9.paths[0], query=b"wsdl", headers={"host": '"><evil'})
    etree.fromstring(content)


def test_the_client_carries_the_same_texts(wsdl_of: Callable[[Contract], bytes]) -> None:
    gateway = resources.files("ncp.frontend").joinpath("wsdl/client_connector.wsdl").read_bytes()
    client = resources.files("ncp_client").joinpath("wsdl/client_connector.wsdl").read_bytes()
    assert client == gateway

    def operations(data: bytes) -> Any:
        root = etree.fromstring(data)
        schema = schema_facts(root.find(f".//{XS}schema"))
        return schema, sorted(each.get("soapAction", "") for each in root.iter("{*}operation"))

    carried = resources.files("ncp_client").joinpath("wsdl/frontend.wsdl").read_bytes()
    assert operations(carried) == operations(wsdl_of(OWN))
