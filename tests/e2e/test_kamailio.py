"""Kamailio with the configuration of `examples/`, SIPp as the parties, real media, and relays behind the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.stage import Relay as RelayNode
from tests.e2e.stage import Stage, deleted_once, held, names, on_stage
from tests.peers.kamailio import Kamailio
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties, converse, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service
from tests.peers.sipp import Sipp

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "examples" / "kamailio" / "kamailio.cfg"
SCENARIOS = Path(__file__).parent / "sipp"
CALL_ID = "kamailio-1@example.com"

RE_INVITED = ("offer intended", "offered", "answered")
ENDED = ("delete wanted", "deleted")


@dataclass(frozen=True, slots=True)
class Relay:
    """What Kamailio's rtpengine module points at, and, where that is the service, the whole stage."""

    url: str
    held: Callable[[], Awaitable[int]]
    stage: Stage | None = None

    async def nothing_is_left(self) -> None:
        """See that no relay holds a session any more."""
        if self.stage is None:
            assert await self.held() == 0
        else:
            await self.stage.nothing_is_left()

    async def told(self, *events: str) -> None:
        """See that the service's journal, where there is one, tells these events and no others."""
        assert self.stage is None or deleted_once(await self.stage.events(CALL_ID)) == list(events)


@asynccontextmanager
async def rtpengine_alone() -> AsyncIterator[Relay]:
    """Kamailio talks to an rtpengine: what the service must be able to take the place of."""
    async with Rtpengine() as rtpengine:

        async def calls() -> int:
            return await held(rtpengine)

        yield Relay(rtpengine.url, calls)


@asynccontextmanager
async def service_with_rtpengine() -> AsyncIterator[Relay]:
    """Kamailio talks to the service, and that to an rtpengine."""
    async with on_stage(Rtpengine()) as stage:
        yield Relay(stage.service.url, stage.held, stage)


@asynccontextmanager
async def service_with_rtpproxies() -> AsyncIterator[Relay]:
    """Kamailio talks to the service, and that to two rtpproxies."""
    async with on_stage(Rtpproxy(), Rtpproxy()) as stage:
        yield Relay(stage.service.url, stage.held, stage)


@pytest.fixture(
    params=[rtpengine_alone, service_with_rtpengine, service_with_rtpproxies], ids=lambda kind: kind.__name__
)
async def relay(request: pytest.FixtureRequest) -> AsyncIterator[Relay]:
    async with request.param() as started:
        yield started


@dataclass(frozen=True, slots=True)
class Call:
    """A call under way: the parties' SIP and media."""

    caller: Sipp
    callee: Sipp
    media: Parties

    async def talk(self, for_caller: str, for_callee: str) -> None:
        """Let both send to where these messages told them, until both hear each other, through the relay only."""
        await self.media.talk(for_caller, for_callee)
        assert self.media.caller.senders == {media_address(for_caller)}
        assert self.media.callee.senders == {media_address(for_callee)}
        assert not self.media.caller.senders & {self.media.callee.address}

    async def agree(self) -> None:
        """Talk after an offer in the INVITE and an answer in the 200."""
        await self.talk(await self.caller.received("SIP/2.0 200"), await self.callee.received("INVITE"))

    async def finish(self) -> None:
        """Wait until both scenarios have gone through without a fault."""
        assert await self.caller.finish() == 0, self.caller.describe("has failed")
        assert await self.callee.finish() == 0, self.callee.describe("has failed")


@asynccontextmanager
async def call(relay_url: str, caller: str, callee: str, fork_to: Sipp | None = None) -> AsyncIterator[Call]:
    """Place a call from SIPp's scenario `caller` through Kamailio to the scenario `callee`, and to `fork_to` too."""
    async with Parties() as media, Sipp(SCENARIOS / f"{callee}.xml", rtp_port=media.callee.address[1]) as called:
        defines = {"RTP_RELAY": f'"{relay_url}"', "NEXT_HOP": f'"sip:127.0.0.1:{called.port}"'}
        if relay_url.startswith("ws:"):
            defines["WITH_WEBSOCKET"] = "1"
        if fork_to is not None:
            defines["FORK_TO"] = f'"sip:127.0.0.1:{fork_to.port}"'
        async with (
            Kamailio(CONFIG, defines) as kamailio,
            Sipp(
                SCENARIOS / f"{caller}.xml",
                rtp_port=media.caller.address[1],
                call_id=CALL_ID,
                remote=kamailio.address,
            ) as calling,
        ):
            yield Call(calling, called, media)


async def test_the_caller_re_invites_and_hangs_up(relay: Relay) -> None:
    async with call(relay.url, "caller_leads", "callee_follows") as placed:
        await placed.agree()
        assert await relay.held() == 1
        await placed.caller.go_on(CALL_ID)
        await placed.callee.received("ACK", count=2)
        agreed = await placed.caller.received("SIP/2.0 200", count=2)
        assert {media_address(agreed)} == placed.media.caller.senders
        await converse(placed.media.caller, placed.media.callee)
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left()
    await relay.told("engaged", "offered", "answered", *RE_INVITED, *ENDED)


async def test_the_callee_re_invites_and_hangs_up(relay: Relay) -> None:
    async with call(relay.url, "caller_follows", "callee_leads") as placed:
        await placed.agree()
        assert await relay.held() == 1
        await placed.callee.go_on(CALL_ID)
        await placed.caller.received("ACK")
        agreed = await placed.callee.received("SIP/2.0 200")
        assert {media_address(agreed)} == placed.media.callee.senders
        await converse(placed.media.caller, placed.media.callee)
        await placed.callee.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left()
    await relay.told("engaged", "offered", "answered", *RE_INVITED, *ENDED)


async def test_the_caller_cancels(relay: Relay) -> None:
    async with call(relay.url, "caller_gives_up", "callee_rings") as placed:
        await placed.caller.received("SIP/2.0 180")
        assert await relay.held() == 1
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left()
    await relay.told("engaged", "offered", *ENDED)


async def test_the_callee_refuses(relay: Relay) -> None:
    async with call(relay.url, "caller_refused", "callee_refuses") as placed:
        invitation = await placed.callee.received("INVITE")
        assert media_address(invitation) != placed.media.caller.address
        await placed.finish()
    await relay.nothing_is_left()
    await relay.told("engaged", "offered", *ENDED)


async def test_the_offer_comes_with_the_200(relay: Relay) -> None:
    async with call(relay.url, "caller_answers_late", "callee_offers") as placed:
        for_caller = await placed.caller.received("SIP/2.0 200")
        for_callee = await placed.callee.received("ACK")
        await placed.talk(for_caller, for_callee)
        assert await relay.held() == 1
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left()
    await relay.told("engaged", "offered", "answered", *ENDED)


async def test_of_two_branches_one_answers_and_the_other_is_cancelled(relay: Relay) -> None:
    async with (
        Sipp(SCENARIOS / "callee_rings.xml", rtp_port=9) as loser,
        call(relay.url, "caller_leads", "callee_follows", fork_to=loser) as placed,
    ):
        await placed.agree()
        assert await loser.finish() == 0, loser.describe("has failed")
        assert await relay.held() == 1, "the loser's branch is gone, the call goes on"
        await placed.caller.go_on(CALL_ID)
        await placed.callee.received("ACK", count=2)
        await converse(placed.media.caller, placed.media.callee)
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left()


async def test_each_branch_is_journalled_where_the_relay_knows_branches() -> None:
    async with (
        on_stage(Rtpengine()) as stage,
        Sipp(SCENARIOS / "callee_rings.xml", rtp_port=9) as loser,
        call(stage.service.url, "caller_leads", "callee_follows", fork_to=loser) as placed,
    ):
        await end_after_a_re_invite(placed, loser)
        await stage.nothing_is_left()
        events = await stage.events(CALL_ID)
        assert events[:4] == ["engaged", "offered", "offer intended", "offered"]
        assert sorted(events[4:7]) == ["answered", "branch deleted", "delete wanted"]
        assert events[7:] == [*RE_INVITED, *ENDED]
        recorded = [record.event.name for record in await stage.service.events(CALL_ID)]
        assert await stage.service.history(CALL_ID) == recorded


async def test_each_branch_is_a_session_where_the_relay_knows_no_branches() -> None:
    async with (
        on_stage(Rtpproxy(), Rtpproxy()) as stage,
        Sipp(SCENARIOS / "callee_rings.xml", rtp_port=9) as loser,
        call(stage.service.url, "caller_leads", "callee_follows", fork_to=loser) as placed,
    ):
        await end_after_a_re_invite(placed, loser)
        await stage.nothing_is_left()
        events = await stage.events(CALL_ID)
        assert events[:4] == ["engaged", "offered", "engaged", "offered"]
        assert sorted(events[4:7]) == ["answered", "delete wanted", "deleted"]
        assert events[7:] == [*RE_INVITED, *ENDED]


async def end_after_a_re_invite(placed: Call, loser: Sipp) -> None:
    await placed.agree()
    assert await loser.finish() == 0, loser.describe("has failed")
    await placed.caller.go_on(CALL_ID)
    await placed.callee.received("ACK", count=2)
    await placed.caller.go_on(CALL_ID)
    await placed.finish()


async def test_the_next_node_gets_a_call_whose_node_has_died() -> None:
    async with on_stage(Rtpengine(), Rtpengine()) as stage:
        first, second = stage.preferred(CALL_ID)
        first.kill()
        await place_on(second, stage)
        events = await stage.events(CALL_ID)
        assert events[:2] == ["engaged", "offer failed"]


async def test_the_next_node_gets_a_call_whose_node_is_silent_within_kamailios_patience() -> None:
    async with on_stage(Rtpengine(), Rtpengine()) as stage:
        first, second = stage.preferred(CALL_ID)
        first.pause()
        await place_on(second, stage)
        first.resume()
        await stage.nothing_is_left()
        events = await stage.events(CALL_ID)
        assert events[:2] == ["engaged", "offer failed"]
        assert events.count("engaged") == events.count("deleted") == 2


async def test_a_call_over_websockets() -> None:
    async with (
        RedisServer() as redis,
        Rtpengine() as relay,
        Service(redis.url, [Node("relay-1", relay)], ng_http=True) as service,
    ):
        async with call(f"ws://127.0.0.1:{service.ng_http_port}", "caller_leads", "callee_follows") as placed:
            await placed.agree()
            assert await held(relay) == 1
            await placed.caller.go_on(CALL_ID)
            await placed.callee.received("ACK", count=2)
            await placed.caller.go_on(CALL_ID)
            await placed.finish()
        assert await held(relay) == 0
        told = names(await service.events(CALL_ID))
        assert deleted_once(told) == ["engaged", "offered", "answered", *RE_INVITED, *ENDED]


async def place_on(node: RelayNode, stage: Stage) -> None:
    """Place a call that `node` has to take, and end it."""
    async with call(stage.service.url, "caller_leads", "callee_follows") as placed:
        await placed.agree()
        assert await held(node) == 1
        await placed.caller.go_on(CALL_ID)
        await placed.callee.received("ACK", count=2)
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    assert await held(node) == 0


async def test_a_call_that_no_node_takes_is_refused_with_503() -> None:
    async with on_stage(Rtpengine()) as stage:
        stage.relays[0].kill()
        async with call(stage.service.url, "caller_turned_away", "callee_refuses") as placed:
            assert await placed.caller.finish() == 0, placed.caller.describe("has failed")
            assert placed.callee.messages() == []
        assert (await stage.events(CALL_ID))[:3] == ["engaged", "offer failed", "delete wanted"]
