from __future__ import annotations

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.dialogs.hops import Hops, is_hidden, read_hop
from gateways.sip.messages.uris import read_uri
from tests.gateways.sip.dialogs.fakes import LOCAL, OTHER_LOCAL, TCP_LOCAL, FakeNetwork, asked, udp


async def hops(network: FakeNetwork, next_uri: str, source: str = "", local: str = str(LOCAL)) -> list[Hop]:
    return await Hops(network, network).towards(read_uri(next_uri), asked(source=source, local=local))


async def test_an_address_needs_no_looking_up() -> None:
    assert await hops(FakeNetwork(), "sip:bob@192.0.2.4:5070") == [udp("192.0.2.4", 5070)]


async def test_names_are_resolved_and_at_most_four_addresses_are_tried() -> None:
    network = FakeNetwork()
    network.names["example.com"] = [udp(f"192.0.2.{n}", local=None) for n in range(1, 7)]
    assert await hops(network, "sip:example.com") == [udp(f"192.0.2.{n}") for n in range(1, 5)]


async def test_it_leaves_from_the_listening_point_that_faces_the_party() -> None:
    (hop,) = await hops(FakeNetwork(), "sip:bob@192.0.2.4", local=str(OTHER_LOCAL))
    assert hop.local == OTHER_LOCAL


async def test_a_listening_point_of_another_control_node_does_not_matter() -> None:
    (hop,) = await hops(FakeNetwork(), "sip:bob@192.0.2.4", local="udp:192.0.2.99:5060")
    assert hop.local is None


async def test_the_source_is_the_last_resort() -> None:
    found = await hops(FakeNetwork(), "sip:bob@192.0.2.4", "udp:192.0.2.5:1024")
    assert found == [udp("192.0.2.4"), udp("192.0.2.5", 1024)]


async def test_a_source_that_is_the_target_is_tried_once() -> None:
    assert await hops(FakeNetwork(), "sip:bob@192.0.2.4", "udp:192.0.2.4:5060") == [udp("192.0.2.4")]


async def test_a_party_behind_a_nat_is_where_its_messages_come_from() -> None:
    assert await hops(FakeNetwork(), "sip:bob@192.168.1.4", "udp:9.9.9.9:1024") == [udp("9.9.9.9", 1024)]


async def test_a_name_that_leads_nowhere_leaves_the_source() -> None:
    assert await hops(FakeNetwork(), "sip:bob@bobs-laptop", "udp:192.0.2.5:1024") == [udp("192.0.2.5", 1024)]


@pytest.mark.parametrize("connected", [True, False])
async def test_a_connection_that_is_there_is_used_first(connected: bool) -> None:
    network = FakeNetwork(TCP_LOCAL)
    source = Hop(SipTransport.TCP, "192.0.2.4", 40000, TCP_LOCAL)
    target = Hop(SipTransport.TCP, "192.0.2.4", 5060, TCP_LOCAL)
    if connected:
        network.connections.add(str(source))
    found = await hops(network, "sip:bob@192.0.2.4;transport=tcp", str(source), str(TCP_LOCAL))
    assert found == ([source, target] if connected else [target, source])


async def test_addresses_that_no_listening_point_reaches_are_left_out() -> None:
    found = await hops(FakeNetwork(), "sip:bob@192.0.2.4;transport=tcp", "udp:192.0.2.5:1024")
    assert found == [udp("192.0.2.5", 1024)]


async def test_a_party_whose_uri_leads_nowhere_is_where_its_messages_come_from() -> None:
    assert await hops(FakeNetwork(), "mailto:bob@example.com", "udp:192.0.2.4:5060") == [udp("192.0.2.4")]


@pytest.mark.parametrize(
    "hop", [Hop(SipTransport.UDP, "192.0.2.1", 5060), Hop(SipTransport.TLS, "2001:db8::1", 5061)], ids=str
)
def test_a_hop_is_read_from_its_text(hop: Hop) -> None:
    assert read_hop(str(hop)) == hop


@pytest.mark.parametrize("text", ["", "udp", "udp:192.0.2.1", "udp:192.0.2.1:", "sctp:192.0.2.1:5060", "udp:a:b"])
def test_what_is_no_hop_is_none(text: str) -> None:
    assert read_hop(text) is None


@pytest.mark.parametrize(
    ("address", "source", "hidden"),
    [
        ("192.168.1.5", "9.9.9.9", True),
        ("100.64.0.1", "9.9.9.9", True),
        ("fd00::5", "2606:4700::1", True),
        ("192.168.1.5", "10.0.0.1", False),
        ("8.8.8.8", "9.9.9.9", False),
        ("8.8.8.8", "192.168.1.5", False),
    ],
)
def test_a_private_address_is_hidden_from_a_public_network(address: str, source: str, hidden: bool) -> None:
    assert is_hidden(Hop(SipTransport.UDP, address, 5060), Hop(SipTransport.UDP, source, 1024)) is hidden
