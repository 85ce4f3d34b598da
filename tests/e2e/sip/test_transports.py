"""Calls over all transports and both address families, from one to another; and by names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import pytest
import pytest_asyncio
from sipmessage import Request

from gateways.sip.transport.resolver import UriResolver
from tests.e2e.sip.calls import Call, Scene
from tests.e2e.sip.doors import (
    FAMILIES,
    BothFamilies,
    Doors,
    Rtpproxy6,
    Secure,
    between,
    both,
    contexts,
    listening,
    places,
)
from tests.e2e.sip.inside import Clock, inside
from tests.e2e.sip.stage import AGAIN, ENDED, PLAIN, Stage
from tests.e2e.stage import Relay
from tests.gateways.sip.transport.certificates import Authority
from tests.gateways.sip.transport.dns_server import DnsServer
from tests.peers.ports import HOST, HOST_6, PortBlock
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Service
from tests.peers.ua import Place, Tls, UserAgent
from tests.peers.ua_text import place_of, sent_by, uri_of, values

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])
EACH_ENGINE = pytest.mark.parametrize("doors", ["rtpengine", "rtpproxy"], indirect=True)
WAYS = [("udp", "tls", "caller"), ("tls", "udp", "callee"), ("tls", "tls", "caller"), ("tcp", "tls", "callee")]
PROXY = "proxy.test"
PROBE = 1800


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def own_redis() -> AsyncIterator[RedisServer]:
    async with RedisServer() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def own_relays() -> AsyncIterator[Mapping[str, Relay]]:
    async with BothFamilies() as rtpengine, Rtpproxy6() as rtpproxy:
        yield {"rtpengine": rtpengine, "rtpproxy": rtpproxy}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> Tls:
    return contexts(authority, authority.certify(HOST, HOST_6))


@pytest.fixture(scope="module")
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    block.reserve()
    yield block
    block.release()


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def all_doors(
    own_redis: RedisServer, own_relays: Mapping[str, Relay], authority: Authority, ports: PortBlock
) -> AsyncIterator[Doors]:
    doors = places(ports)
    sip = listening(doors, authority, authority.certify(HOST, HOST_6)) | {"script": str(FAMILIES)}
    nodes = [Node(f"{engine}-1", relay) for engine, relay in own_relays.items()]
    async with Service(own_redis.url, nodes, sip=sip) as service:
        yield Doors(service, own_relays, "rtpengine", doors)


@pytest_asyncio.fixture(loop_scope="package")
async def doors(request: pytest.FixtureRequest, all_doors: Doors) -> AsyncIterator[Doors]:
    engine = getattr(request, "param", "rtpengine")
    made = Doors(all_doors.service, all_doors.relays, engine, all_doors.doors)
    yield made
    await made.clear()


async def whole(call: Call, by: str) -> None:
    """Talk, offer again from both sides, talk, and hang up; then see that nothing is left."""
    call_id = call.caller.dialog.call_id
    await call.talk()
    await call.keeps_its_ports("caller")
    await call.keeps_its_ports("callee")
    await call.talk()
    await call.hang_up(by)
    await call.stage.nothing_is_left(call_id)
    assert await call.stage.told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


def each_has_its_own(scene: Scene, doors: Doors) -> None:
    """See that all that the parties got came over their own transports, from the door that they face."""
    for agent in (scene.caller, *scene.callees):
        here = doors.doors[agent.transport, agent.host]
        assert {(origin.transport, origin.host) for origin in agent.origins} == {(here.transport, here.host)}
        if agent.transport == "udp":
            assert agent.origins == {here}


def routes_of(agent: UserAgent, call_id: str) -> list[str]:
    """Return where a party sends what it has for the other one: each hop of its route set."""
    (dialog,) = agent.dialogs(call_id)
    return [str(place_of(uri_of(route))) for route in dialog.routes]


@BOTH
async def test_tcp_to_udp(doors: Doors, by: str) -> None:
    """Each party's nearest Route is the listening point that faces it (RFC 5658)."""
    async with between(doors, UserAgent("caller", "tcp"), UserAgent("callee")) as scene:
        call_id, call = await scene.establish()
        two = [str(doors.doors["tcp", HOST]), str(doors.doors["udp", HOST])]
        assert routes_of(scene.caller, call_id) == two
        assert routes_of(scene.callee, call_id) == two[::-1]
        await whole(call, by)
        each_has_its_own(scene, doors)


@pytest.mark.parametrize(("of_caller", "of_callee", "by"), WAYS)
async def test_over_tls(doors: Doors, tls: Tls, of_caller: str, of_callee: str, by: str) -> None:
    async with between(doors, *both((of_caller, of_callee), tls)) as scene:
        _, call = await scene.establish()
        await whole(call, by)
        each_has_its_own(scene, doors)


@BOTH
async def test_sips(doors: Doors, tls: Tls, by: str) -> None:
    """With SIPS URIs, all Record-Routes are SIPS URIs, too (RFC 3261 16.6 step 4)."""
    async with between(doors, Secure("caller", "tls", tls=tls), Secure("callee", "tls", tls=tls)) as scene:
        call_id, call = await scene.establish()
        recorded = [route for agent in (scene.caller, scene.callee) for route in agent.dialogs(call_id)[0].routes]
        assert len(recorded) == 2
        assert all(uri_of(route).startswith("sips:") for route in recorded)
        await whole(call, by)
        each_has_its_own(scene, doors)


@EACH_ENGINE
@pytest.mark.parametrize(("transport", "by"), [("udp", "caller"), ("tcp", "callee"), ("tls", "caller")])
async def test_over_ipv6(doors: Doors, tls: Tls, transport: str, by: str) -> None:
    async with between(doors, *both((transport, transport), tls, HOST_6)) as scene:
        _, call = await scene.establish()
        await whole(call, by)
        each_has_its_own(scene, doors)


@BOTH
@pytest.mark.parametrize("hosts", [(HOST, HOST_6), (HOST_6, HOST)], ids=["4 to 6", "6 to 4"])
async def test_from_one_family_to_the_other(doors: Doors, hosts: tuple[str, str], by: str) -> None:
    families = " ".join("IP6" if ":" in host else "IP4" for host in reversed(hosts))
    agents = [UserAgent(name, host=host) for name, host in zip(("caller", "callee"), hosts, strict=True)]
    async with between(doors, *agents) as scene:
        _, call = await scene.establish(headers=[("X-Families", families)])
        await whole(call, by)
        each_has_its_own(scene, doors)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def probing(
    own_redis: RedisServer, own_relays: Mapping[str, Relay], authority: Authority, ports: PortBlock
) -> AsyncIterator[tuple[Doors, Clock]]:
    doors = places(ports)
    sip = listening(doors, authority, authority.certify(HOST, HOST_6)) | {"script": str(FAMILIES)}
    async with inside(own_redis, 2, own_relays, dialog_probe=PROBE, **sip) as node:
        yield Doors(node, own_relays, "rtpengine", doors), node.clock


@BOTH
async def test_requests_of_our_own(probing: tuple[Doors, Clock], tls: Tls, by: str) -> None:
    """Each party gets them as it gets all else: over its transport, from the door that it faces."""
    stage, clock = probing
    async with between(stage, UserAgent("caller", "tls", tls=tls), UserAgent("callee", host=HOST_6)) as scene:
        call_id, call = await scene.establish(headers=[("X-Families", "IP6 IP4")])
        await call.keeps_its_ports("callee")
        (call.caller if by == "caller" else call.callee).agent.says_to_options = 481
        clock.put_forward(PROBE)
        for agent in (scene.caller, scene.callee):
            await agent.request("OPTIONS")
            agent.reply(await agent.request("BYE"), 200)
        await stage.nothing_is_left(call_id)
        each_has_its_own(scene, stage)


class Named(UserAgent):
    """One who knows the address of the proxy's name."""

    def _send(self, data: bytes, place: Place) -> None:
        super()._send(data, replace(place, host=HOST) if place.host == PROXY else place)


@asynccontextmanager
async def by_name(redis: RedisServer, relays: Mapping[str, Relay], *records: str) -> AsyncIterator[Stage]:
    """Return a stage whose door is told to others by a name, and asks a nameserver with these records."""
    async with DnsServer(*records) as dns:
        with patch("gateways.sip.door.UriResolver", partial(UriResolver, port=dns.port)):
            node = inside(redis, 1, relays, advertise=PROXY, nameservers=[HOST])
            async with node:
                yield Stage(node, relays, "rtpengine")


@BOTH
async def test_by_names(own_redis: RedisServer, own_relays: Mapping[str, Relay], by: str) -> None:
    """The callee is found by its SRV and address records; in Via and Record-Route the door has its name."""
    async with Named("caller") as caller, Named("callee") as callee:
        service = f"_sip._udp.phones.test 60 IN SRV 1 1 {callee.place.port} callee.test."
        async with by_name(own_redis, own_relays, service, f"callee.test 60 IN A {HOST}") as stage:
            engine = ("X-Engine", stage.engine)
            sent = caller.invite("sip:callee@phones.test", stage.place(), sdp=caller.sdp(), headers=[engine])
            arrived = await callee.request("INVITE")
            callee.reply(arrived, 200, sdp=callee.sdp())
            call = await Scene(stage, caller, [callee]).accepted(sent, arrived, callee)
            await whole(call, by)
        for side in (call.caller, call.callee):
            requests = [got for got in side.agent.received if isinstance(got, Request)]
            assert {sent_by(values(got.headers, "Via")[0]) for got in requests} == {(PROXY, stage.service.sip_port)}
            assert side.dialog.routes == [f"<sip:{PROXY}:{stage.service.sip_port};lr;rl>"]
