from __future__ import annotations

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.proxy.hooks import ProxyBranch
from gateways.sip.transactions.users import TransactionFailure
from tests.gateways.sip.proxy.world import TCP, UDP, World, request, settle, target

ONE, TWO = (Hop(SipTransport.UDP, f"203.0.113.{last}", 5060) for last in (51, 52))


async def test_the_copy_that_is_sent() -> None:
    world = World()
    world.forward(target("sip:bob@203.0.113.5:5066;x=1"))
    await world.take(request(headers=["X-Unknown: a, b", "X-Unknown: c", "Max-Forwards: 10"]))
    (client,) = world.clients
    assert str(client.request.uri) == "sip:bob@203.0.113.5:5066;x=1"
    assert client.header("X-Unknown") == ["a, b", "c"]
    assert client.header("Max-Forwards") == ["9"]
    assert client.hop == Hop(SipTransport.UDP, "203.0.113.5", 5066, UDP)
    ours, theirs = client.header("Via")
    assert ours.startswith("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK")
    assert ours.endswith(";rport")
    assert theirs == "SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-caller"


async def test_max_forwards_is_added_where_it_is_missing() -> None:
    world = World()
    world.forward()
    incoming = request()
    incoming.message.headers.remove("Max-Forwards")
    incoming.message.headers.remove("Content-Length")
    await world.take(incoming)
    assert world.clients[0].header("Max-Forwards") == ["70"]
    assert world.clients[0].header("Content-Length") == ["0"]


async def test_over_streams_the_via_says_so_and_asks_for_no_rport() -> None:
    world = World()
    world.forward(target("sip:bob@203.0.113.5;transport=tcp"))
    await world.take()
    assert world.clients[0].header("Via")[0].startswith("SIP/2.0/TCP 192.0.2.1:5060;branch=")
    assert "rport" not in world.clients[0].header("Via")[0]
    assert world.clients[0].hop.local == TCP


async def test_branches_differ_for_each_branch_and_repeat_nothing() -> None:
    world = World()
    await world.fork("sip:a@203.0.113.1", "sip:a@203.0.113.2")
    await world.take()
    vias = {client.header("Via")[0] for client in world.clients}
    assert len(vias) == len(world.clients) == 4


async def test_what_no_request_uri_may_have_is_left_out() -> None:
    world = World()
    world.forward(target("sip:bob@203.0.113.5;method=INVITE;x=1?Subject=hi"))
    await world.take()
    assert str(world.clients[0].request.uri) == "sip:bob@203.0.113.5;x=1"


@pytest.mark.parametrize(
    ("route", "next_hop", "uri", "left", "host"),
    [
        ("<sip:203.0.113.9;lr>", "", "sip:bob@203.0.113.5", ["<sip:203.0.113.9;lr>"], "203.0.113.9"),
        ("<sip:203.0.113.9>", "", "sip:203.0.113.9", ["<sip:bob@203.0.113.5>"], "203.0.113.9"),
        ("<sip:203.0.113.9;lr>", "sip:203.0.113.10", "sip:bob@203.0.113.5", ["<sip:203.0.113.9;lr>"], "203.0.113.10"),
        (
            "<sip:203.0.113.9>, <sip:203.0.113.8;lr>",
            "",
            "sip:203.0.113.9",
            ["<sip:203.0.113.8;lr>", "<sip:bob@203.0.113.5>"],
            "203.0.113.9",
        ),
    ],
)
async def test_the_next_hop(route: str, next_hop: str, uri: str, left: list[str], host: str) -> None:
    world = World()
    world.forward(target(next_hop=next_hop))
    await world.take(request(headers=[f"Route: {route}"]))
    (client,) = world.clients
    assert str(client.request.uri) == uri
    assert client.header("Route") == left
    assert client.hop.host == host


async def test_a_hook_may_aim_a_branch_anew() -> None:
    async def aim(branch: ProxyBranch) -> None:
        branch.target = target("sip:carol@203.0.113.6", next_hop="sip:203.0.113.7")
        branch.request.uri = branch.target.uri

    world = World()
    world.forward()
    world.passing.leaving = aim
    await world.take()
    assert str(world.clients[0].request.uri) == "sip:carol@203.0.113.6"
    assert world.clients[0].hop.host == "203.0.113.7"


# -- failover --


def world_of_two() -> World:
    world = World(names={"example.net": [ONE, TWO]})
    world.forward(target("sip:bob@example.net"))
    return world


@pytest.mark.parametrize("failure", [TransactionFailure.TRANSPORT, TransactionFailure.TIMEOUT])
async def test_silence_and_failed_transport_lead_to_the_next_address(failure: TransactionFailure) -> None:
    world = world_of_two()
    server = await world.take()
    world.clients[0].fail(failure)
    await settle()
    one, two = world.clients
    assert (one.hop.host, two.hop.host) == (ONE.host, TWO.host)
    assert len(two.header("Via")) == 2
    assert two.header("Via")[0] != one.header("Via")[0]
    assert one.header("Via")[0] == world.clients[0].header("Via")[0]
    two.answer(200)
    await settle()
    assert server.codes == [200]
    assert world.passing.log == [("leaves", 0), ("came", 0, 200)]
    assert world.proxy.counters.failovers == 1
    assert world.nothing_is_left()


async def test_503_leads_to_the_next_address() -> None:
    world = world_of_two()
    server = await world.take()
    world.clients[0].answer(503)
    await settle()
    world.clients[1].answer(486)
    await settle()
    assert server.codes == [486]
    assert world.passing.log == [("leaves", 0), ("came", 0, 486), ("failed", 486)]


async def test_no_failover_once_something_was_heard() -> None:
    world = world_of_two()
    server = await world.take()
    world.clients[0].answer(100)
    world.clients[0].fail(TransactionFailure.TIMEOUT)
    await settle()
    assert len(world.clients) == 1
    assert server.codes == [408]


async def test_when_the_last_address_fails_the_branch_does() -> None:
    world = world_of_two()
    world.unreachable = {ONE.host, TWO.host}
    server = await world.take()
    assert len(world.clients) == 2
    assert server.codes == [500]
    assert world.passing.log == [("leaves", 0), ("came", 0, 503), ("failed", 503)]
    assert world.nothing_is_left()


async def test_a_name_without_addresses_is_a_failed_transport() -> None:
    world = World()
    world.forward(target("sip:bob@nowhere.example"))
    server = await world.take()
    assert world.clients == []
    assert world.passing.log[1:] == [("came", 0, 503), ("failed", 503)]
    assert server.codes == [500]


async def test_addresses_that_we_cannot_reach_are_passed_over() -> None:
    world = World(listening=(UDP,), names={"example.net": [Hop(SipTransport.TCP, "203.0.113.50", 5060), TWO]})
    world.forward(target("sip:bob@example.net"))
    await world.take()
    assert [client.hop.host for client in world.clients] == [TWO.host]


async def test_the_request_of_a_branch_is_what_was_sent() -> None:
    seen: list[list[str]] = []

    async def look(branch: ProxyBranch, _: object) -> None:
        seen.append(list(branch.request.headers.getlist("Record-Route")))
        assert branch.source == world.clients[1].hop

    world = world_of_two()
    world.forward(target("sip:bob@example.net"), record_route={})
    world.passing.coming = look
    await world.take()
    world.clients[0].fail(TransactionFailure.TRANSPORT)
    await settle()
    world.clients[1].answer(180)
    await settle()
    assert seen == [["<sip:192.0.2.1:5060;lr>"]]
