from __future__ import annotations

import pytest

from gateways.sip.proxy.settings import ProxySettings
from tests.gateways.sip.proxy.world import World, request, target


@pytest.mark.parametrize("none", ["0", "00"])
async def test_a_request_without_hops_left_gets_483(none: str) -> None:
    world = World()
    world.forward()
    server = await world.take(request(headers=[f"Max-Forwards: {none}"]))
    assert server.codes == [483]
    assert world.arrivals == []


async def test_options_without_hops_left_is_answered_here() -> None:
    server = await World().take(request("OPTIONS", headers=["Max-Forwards: 0"]))
    assert server.codes == [200]


async def test_more_hops_than_there_may_be_are_made_fewer() -> None:
    world = World()
    world.forward()
    await world.take(request(headers=["Max-Forwards: 70000"]))
    assert world.clients[0].header("Max-Forwards") == ["254"]


async def test_the_last_hop_is_used() -> None:
    world = World()
    world.forward()
    await world.take(request(headers=["Max-Forwards: 1"]))
    assert world.clients[0].header("Max-Forwards") == ["0"]


async def test_a_request_that_comes_back_unchanged_is_a_loop() -> None:
    world = World()
    world.forward()
    await world.take()
    ours = world.clients[0].header("Via")[0]
    again = await world.take(request(headers=[f"Via: {ours}", "Max-Forwards: 69"]))
    assert again.codes == [482]
    assert again.responses[0].headers.getlist("Reason")
    assert world.proxy.counters.refused == 1


@pytest.mark.parametrize(
    "other",
    [
        {"uri": "sip:carol@203.0.113.5"},
        {"headers": ["Route: <sip:203.0.113.9;lr>"]},
        {"cseq": 2},
        {"call_id": "another"},
        {"to_tag": "tB"},
    ],
)
async def test_a_request_that_comes_back_changed_is_a_spiral(other: dict[str, object]) -> None:
    world = World()
    world.forward()
    await world.take()
    ours = world.clients[0].header("Via")[0]
    headers = [f"Via: {ours}", *(other.pop("headers", ()))]  # type: ignore[misc]
    again = await world.take(request(**other, headers=headers))  # type: ignore[arg-type]
    assert again.codes == []
    assert len(world.clients) == 2


async def test_the_via_of_another_proxy_of_our_kind_is_no_loop() -> None:
    one, other = World(), World()
    for world in (one, other):
        world.forward()
    await one.take()
    server = await other.take(request(headers=[f"Via: {one.clients[0].header('Via')[0]}"]))
    assert server.codes == []


async def test_what_a_proxy_would_have_to_understand_is_refused_by_name() -> None:
    world = World(ProxySettings(supported=frozenset({"path"})))
    world.forward()
    server = await world.take(request(headers=["Proxy-Require: foo, Path", "Proxy-Require: bar"]))
    assert server.codes == [420]
    assert server.responses[0].headers.getlist("Unsupported") == ["foo, bar"]
    assert (await world.take(request(headers=["Proxy-Require: path"]))).codes == []


async def test_a_telephone_number_is_the_routers_to_resolve() -> None:
    world = World()
    world.forward(target("tel:+3112345", next_hop="sip:203.0.113.9"))
    await world.take(request(uri="tel:+3112345"))
    assert str(world.clients[0].request.uri) == "tel:+3112345"
    assert world.clients[0].hop.host == "203.0.113.9"


async def test_a_telephone_number_leads_nowhere_by_itself() -> None:
    world = World()
    world.forward(target("tel:+3112345"))
    server = await world.take(request(uri="tel:+3112345"))
    assert server.codes == [416]


async def test_a_service_goes_where_its_route_says() -> None:
    world = World()
    world.forward(target("urn:service:sos"))
    await world.take(request(uri="urn:service:sos", headers=["Route: <sip:203.0.113.9;lr>"]))
    assert str(world.clients[0].request.uri) == "urn:service:sos"
    assert world.clients[0].hop.host == "203.0.113.9"


async def test_a_uri_of_an_unknown_scheme_leads_nowhere_by_itself() -> None:
    world = World()
    world.forward(target("urn:service:sos"))
    assert (await world.take(request(uri="urn:service:sos"))).codes == [416]


async def test_a_cancel_of_nothing_gets_481() -> None:
    world = World()
    world.forward()
    assert (await world.take(request("CANCEL"))).codes == [481]
    assert world.arrivals == []
