from __future__ import annotations

import pytest

from events.names import Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.messages.uris import read_uri
from gateways.sip.proxy.forwarding import arrival_of
from gateways.sip.proxy.settings import ProxySettings
from gateways.sip.rules.own_routes import OwnAddresses, record_routes
from tests.gateways.sip.proxy.world import CALLER, TCP, TLS, UDP, UDP6, World, request, target

OWN = OwnAddresses((UDP, TLS, UDP6), ("sip.example.net", "other.example.net:5080", "[2001:db8::9]:5070"))


@pytest.mark.parametrize(
    "uri",
    [
        "sip:192.0.2.1",
        "sip:192.0.2.1:5060;transport=tcp",
        "sip:PROXY.example.com.:5061",
        "sips:proxy.example.com",
        "sip:proxy.example.com;transport=TLS",
        "sip:[2001:DB8:0::1]",
        "sip:sip.example.net:9999",
        "sip:other.example.net:5080",
        "sip:[2001:db8::9]:5070",
    ],
)
def test_these_are_ours(uri: str) -> None:
    assert OWN.match(read_uri(uri))


@pytest.mark.parametrize(
    "uri",
    ["sip:192.0.2.1:5070", "sip:192.0.2.2", "sip:proxy.example.com", "sip:other.example.net", "tel:+31", "sip:[::1]"],
)
def test_these_are_not(uri: str) -> None:
    assert not OWN.match(read_uri(uri))


def test_who_listens_everywhere_listens_on_the_loopback() -> None:
    own = OwnAddresses(
        [
            ListeningPoint(SipTransport.UDP, "0.0.0.0", 5062, "198.51.100.1", 5060),
            ListeningPoint(SipTransport.UDP, "::", 5062, "::", 5062),
        ],
        (),
    )
    for uri in ("sip:127.0.0.1:5062", "sip:localhost:5062", "sip:[::1]:5062", "sip:198.51.100.1"):
        assert own.match(read_uri(uri))
    assert not own.match(read_uri("sip:0.0.0.0:5062"))


@pytest.mark.parametrize(
    ("routes", "left", "ours"),
    [
        ([], [], None),
        (["<sip:192.0.2.1;lr>"], [], {"lr": None}),
        (["<sip:192.0.2.1;lr;x=1%3B>, <sip:192.0.2.1;transport=tcp;lr;x=2>"], [], {"lr": None, "x": "1;"}),
        (["<sip:192.0.2.1;lr>", "<sip:203.0.113.9;lr>"], ["<sip:203.0.113.9;lr>"], {"lr": None}),
        (["<sip:203.0.113.9;lr>, <sip:192.0.2.1;lr>"], ["<sip:203.0.113.9;lr>, <sip:192.0.2.1;lr>"], None),
        (
            ["<sip:192.0.2.1;lr>", "<sip:203.0.113.9;lr>", "<sip:192.0.2.1;lr>"],
            ["<sip:203.0.113.9;lr>", "<sip:192.0.2.1;lr>"],
            {"lr": None},
        ),
    ],
)
def test_our_routes_are_taken_off(routes: list[str], left: list[str], ours: dict[str, str | None] | None) -> None:
    incoming = request(headers=[f"Route: {route}" for route in routes])
    arrival = arrival_of(incoming, OWN)
    assert arrival.request.headers.getlist("Route") == left
    assert (None if arrival.ours is None else dict(arrival.ours)) == ours
    assert incoming.message.headers.getlist("Route") == routes


def test_what_a_strict_router_did_is_undone() -> None:
    incoming = request(
        uri="sip:192.0.2.1;lr;x=1",
        headers=["Route: <sip:proxy.example.com:5061;lr>, <sip:203.0.113.9;lr>, <sip:bob@203.0.113.5>"],
    )
    arrival = arrival_of(incoming, OWN)
    assert str(arrival.request.uri) == "sip:bob@203.0.113.5"
    assert arrival.request.headers.getlist("Route") == ["<sip:203.0.113.9;lr>"]
    assert dict(arrival.ours or {}) == {"lr": None, "x": "1"}


@pytest.mark.parametrize("uri", ["sip:192.0.2.1", "sip:bob@192.0.2.1;lr", "sip:192.0.2.1;lr"])
def test_a_request_to_us_is_no_strict_routers(uri: str) -> None:
    routes = [] if uri == "sip:192.0.2.1;lr" else ["Route: <sip:203.0.113.9;lr>"]
    arrival = arrival_of(request(uri=uri, headers=routes), OWN)
    assert str(arrival.request.uri) == uri
    assert arrival.ours is None


def test_an_maddr_that_led_to_us_is_taken_off() -> None:
    arrival = arrival_of(request(uri="sip:bob@example.com:5060;maddr=192.0.2.1;transport=udp;user=phone"), OWN)
    assert str(arrival.request.uri) == "sip:bob@example.com;user=phone"
    kept = "sip:bob@example.com;maddr=192.0.2.77"
    assert str(arrival_of(request(uri=kept), OWN).request.uri) == kept


async def test_a_route_that_cannot_be_read_gets_400() -> None:
    world = World()
    world.forward()
    assert (await world.take(request(headers=["Route: nonsense"]))).codes == [400]
    assert (await world.take(request(headers=["Route: <sip:192.0.2.1;lr>, <bad>"]))).codes == [400]
    assert world.nothing_is_left()


@pytest.mark.parametrize(
    ("incoming", "outgoing", "others", "expected"),
    [
        (UDP, UDP, (), ["<sip:192.0.2.1:5060;lr;rl;c=a%3Bb>"]),
        (None, UDP6, (), ["<sip:[2001:db8::1]:5060;lr;rl;c=a%3Bb>"]),
        (UDP, TCP, (), ["<sip:192.0.2.1:5060;transport=tcp;lr;rl;c=a%3Bb>", "<sip:192.0.2.1:5060;lr;rl;c=a%3Bb>"]),
        (
            TLS,
            UDP,
            (),
            ["<sip:192.0.2.1:5060;lr;rl;c=a%3Bb>", "<sip:proxy.example.com:5061;transport=tls;lr;rl;c=a%3Bb>"],
        ),
        (
            UDP,
            UDP,
            ("192.0.2.2:5060",),
            ["<sip:192.0.2.2:5060;lr;rl;c=a%3Bb>", "<sip:192.0.2.1:5060;lr;rl;c=a%3Bb>"],
        ),
    ],
)
def test_record_routes(
    incoming: ListeningPoint | None, outgoing: ListeningPoint, others: tuple[str, ...], expected: list[str]
) -> None:
    assert record_routes({"rl": None, "c": "a;b", "lr": None}, incoming, outgoing, others=others) == expected


def test_secure_record_routes() -> None:
    assert record_routes({}, TLS, TLS, secure=True) == ["<sips:proxy.example.com:5061;lr>"]


async def test_record_routes_stand_before_those_of_others() -> None:
    world = World()
    world.forward(target("sip:bob@203.0.113.5;transport=tcp"), record_route={"rl": None})
    await world.take(request(headers=["Record-Route: <sip:203.0.113.77;lr>"]))
    assert world.clients[0].header("Record-Route") == [
        "<sip:192.0.2.1:5060;transport=tcp;lr;rl>",
        "<sip:192.0.2.1:5060;lr;rl>",
        "<sip:203.0.113.77;lr>",
    ]


async def test_no_record_route_unless_the_router_wants_one() -> None:
    world = World()
    world.forward()
    await world.take()
    assert world.clients[0].header("Record-Route") == []


async def test_sips_requests_are_recorded_as_such() -> None:
    world = World()
    world.forward(target("sips:bob@203.0.113.5"), record_route={})
    await world.take(request(uri="sips:bob@203.0.113.5", hop=Hop(SipTransport.TLS, "198.51.100.7", 40000, TLS)))
    assert world.clients[0].header("Record-Route") == ["<sips:proxy.example.com:5061;lr>"]
    assert world.clients[0].hop.transport is SipTransport.TLS


async def test_requests_over_the_other_nodes_routes_are_taken() -> None:
    world = World(ProxySettings(second_record_routes=("192.0.2.2:5060",)))
    world.forward(target("sip:bob@203.0.113.5"))
    routes = "Route: <sip:192.0.2.2:5060;lr;rl>, <sip:192.0.2.1:5060;lr;rl>"
    await world.take(request("BYE", headers=[routes], to_tag=Tag("tB")))
    assert dict(world.arrivals[0].ours or {}) == {"lr": None, "rl": None}
    assert world.clients[0].header("Route") == []


async def test_requests_within_a_dialog_without_our_route_are_routed_too() -> None:
    world = World()
    world.forward()
    await world.take(request("BYE", to_tag=Tag("tB")))
    assert world.arrivals[0].ours is None
    assert len(world.clients) == 1
    assert world.arrivals[0].incoming.hop == CALLER
