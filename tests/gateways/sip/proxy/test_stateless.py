from __future__ import annotations

import asyncio

import pytest
from sipmessage import Request, Response
from structlog.testing import capture_logs

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.messages.reading import read
from gateways.sip.proxy.hooks import Forwarding, ProxyBranch, ReceivedRequest, RefusalError, StrayDecision
from gateways.sip.proxy.settings import ProxySettings
from tests.gateways.sip.proxy.world import CALLER, UDP, World, request, settle, target

CALLEE = Hop(SipTransport.UDP, "203.0.113.5", 5060, UDP)


async def acknowledge(world: World, **other: object) -> list[Request]:
    """Have an ACK come; return the requests that were sent."""
    before = len(world.sent)
    world.proxy.ack_came(request("ACK", to_tag="tB", **other))  # type: ignore[arg-type]
    await settle()
    return [message for message, _ in world.sent[before:] if isinstance(message, Request)]


async def test_an_ack_goes_to_the_first_target_through_the_hook() -> None:
    async def leave(branch: ProxyBranch) -> None:
        branch.request.headers.set("X-Hook", "1")

    world = World()
    world.forward(target("sip:bob@203.0.113.5"), target("sip:bob@203.0.113.6"), record_route={})
    world.passing.leaving = leave
    (ack,) = await acknowledge(world, headers=["Route: <sip:192.0.2.1;lr;rl>"])
    assert not world.arrivals[0].answerable
    assert dict(world.arrivals[0].ours or {}) == {"lr": None, "rl": None}
    assert world.sent[0][1] == CALLEE
    assert ack.headers.getlist("X-Hook") == ["1"]
    assert ack.headers.getlist("Max-Forwards") == ["69"]
    assert ack.headers.getlist("Route") == ack.headers.getlist("Record-Route") == []
    assert len(ack.headers.getlist("Via")) == 2
    assert world.clients == []
    assert world.proxy.counters.acks == 1
    assert world.nothing_is_left()


async def test_the_repeat_of_an_ack_has_the_same_branch() -> None:
    world = World()
    world.forward()
    (one,) = await acknowledge(world)
    (again,) = await acknowledge(world)
    (other,) = await acknowledge(world, branch="z9hG4bK-other")
    assert one.headers.get("Via") == again.headers.get("Via") != other.headers.get("Via")
    assert (one.headers.get("Via") or "").startswith("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK")


async def test_an_ack_that_loops_or_has_no_hops_left_is_dropped() -> None:
    world = World()
    world.forward()
    (ack,) = await acknowledge(world)
    assert await acknowledge(world, headers=[f"Via: {ack.headers.get('Via')}"]) == []
    assert await acknowledge(world, headers=["Max-Forwards: 0"]) == []
    assert world.proxy.counters.dropped == 2


@pytest.mark.parametrize("error", [RefusalError(403, "No"), RuntimeError("bug")])
@pytest.mark.parametrize("where", ["route", "branch_leaves"])
async def test_an_ack_is_never_answered(error: Exception, where: str) -> None:
    async def fail(_: object) -> None:
        raise error

    world = World()
    world.forward()
    if where == "route":
        world.decide = fail
    else:
        world.passing.leaving = fail
    with capture_logs() as logs:
        assert await acknowledge(world) == []
    assert world.sent == []
    assert len(logs) == isinstance(error, RuntimeError)
    assert world.proxy.counters.dropped == 1
    assert world.nothing_is_left()


async def test_an_ack_that_nobody_wants() -> None:
    world = World(decision=None)
    assert await acknowledge(world) == []
    world.forward(target("sip:bob@nowhere.example"))
    assert await acknowledge(world) == []
    assert await acknowledge(world, headers=["Route: <sip:192.0.2.1;lr>, <bad>"]) == []
    assert world.proxy.counters.dropped == 3


async def test_an_ack_passes_addresses_that_we_cannot_reach() -> None:
    hops = [Hop(SipTransport.TCP, "203.0.113.9", 5060), CALLEE]
    world = World(listening=(UDP,), names={"example.net": hops})
    world.forward(target("sip:bob@example.net"))
    await acknowledge(world)
    assert [hop for _, hop in world.sent] == [CALLEE]


async def test_there_are_not_too_many_in_work() -> None:
    gate = asyncio.Event()

    async def decide(_: ReceivedRequest) -> Forwarding:
        await gate.wait()
        return Forwarding([target()], world.passing)

    world = World(ProxySettings(max_loose=1), decide=decide)
    await acknowledge(world)
    await acknowledge(world)
    assert world.proxy.counters.dropped == 1
    gate.set()
    await settle()
    assert len(world.sent) == 1
    assert len(await acknowledge(world)) == 1


# -- responses --


def response(*vias: str) -> IncomingResponse:
    """Return a response as it came from the callee."""
    lines = [
        "SIP/2.0 200 OK",
        *(f"Via: {via}" for via in vias),
        *("From: <sip:a@example.com>;tag=tC", "To: <sip:b@example.com>;tag=tB", "Call-ID: a-call", "CSeq: 1 INVITE"),
        "Content-Length: 0",
    ]
    message = read(("\r\n".join(lines) + "\r\n\r\n").encode(), CALLEE)
    assert isinstance(message, IncomingResponse)
    return message


OURS = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-ours"
THEIRS = "SIP/2.0/UDP client.example.com;branch=z9hG4bK-theirs;received=198.51.100.7;rport=5060"


async def stray(world: World, *vias: str) -> list[tuple[Request | Response, Hop]]:
    world.proxy.stray_response_came(response(*vias))
    await settle()
    return world.sent


async def test_a_stray_response_goes_where_its_next_via_leads() -> None:
    world = World()
    ((message, hop),) = await stray(world, OURS, THEIRS)
    assert message.headers.getlist("Via") == [THEIRS]
    assert (hop.transport, hop.host, hop.port) == (CALLER.transport, CALLER.host, CALLER.port)
    assert world.proxy.counters.strays == 1


@pytest.mark.parametrize(
    "vias",
    [
        (OURS,),
        (THEIRS, OURS),
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK-x", THEIRS),
        (OURS, "SIP/2.0/UDP client.example.com;branch=z9hG4bK-theirs"),
        (OURS, "SIP/2.0/SCTP 198.51.100.7;branch=z9hG4bK-theirs"),
    ],
)
async def test_other_stray_responses_are_dropped(vias: tuple[str, ...]) -> None:
    world = World()
    assert await stray(world, *vias) == []
    assert world.proxy.counters.dropped == 1
    assert world.nothing_is_left()


async def test_a_stray_response_that_the_router_drops() -> None:
    world = World(stray_goes=lambda _: StrayDecision())
    assert await stray(world, OURS, THEIRS) == []
    assert (world.proxy.counters.strays, world.proxy.counters.dropped) == (0, 1)


@pytest.mark.parametrize(("cseq", "cancelled"), [(7, True), (8, False)])
async def test_a_stray_cancel_is_answered_by_what_the_router_makes_of_it(cseq: int, cancelled: bool) -> None:
    world = World()
    answers: list[bool] = []
    world.proxy.stray_cancel_came(request("CANCEL", cseq=cseq), answers.append)
    await settle()
    assert answers == [cancelled]
    assert world.nothing_is_left()
