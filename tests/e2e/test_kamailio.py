"""Kamailio with the configuration of `examples/`, SIPp as the parties, real media, and relays behind the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.stage import Stage, held, on_stage
from tests.peers.kamailio import Kamailio
from tests.peers.rtp import Parties, converse, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
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

    async def nothing_is_left(self, *events: str) -> None:
        """Wait until no relay holds a session; the service's journal must then have told these events."""
        if self.stage is None:
            assert await self.held() == 0
            return
        await self.stage.nothing_is_left()
        assert await self.stage.events(CALL_ID) == list(events)


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


@pytest.fixture(params=[rtpengine_alone, service_with_rtpengine, service_with_rtpproxies], ids=lambda kind: kind.__name__)
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
async def call(relay: Relay, caller: str, callee: str) -> AsyncIterator[Call]:
    """Place a call from SIPp's scenario `caller` through Kamailio to the scenario `callee`."""
    async with Parties() as media, Sipp(SCENARIOS / f"{callee}.xml", rtp_port=media.callee.address[1]) as called:
        defines = {"RTP_RELAY": f'"{relay.url}"', "NEXT_HOP": f'"sip:127.0.0.1:{called.port}"'}
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
    async with call(relay, "caller_leads", "callee_follows") as placed:
        await placed.agree()
        assert await relay.held() == 1
        await placed.caller.go_on(CALL_ID)
        await placed.callee.received("ACK", count=2)
        agreed = await placed.caller.received("SIP/2.0 200", count=2)
        assert {media_address(agreed)} == placed.media.caller.senders
        await converse(placed.media.caller, placed.media.callee)
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left("engaged", "offered", "answered", *RE_INVITED, *ENDED)


async def test_the_callee_re_invites_and_hangs_up(relay: Relay) -> None:
    async with call(relay, "caller_follows", "callee_leads") as placed:
        await placed.agree()
        assert await relay.held() == 1
        await placed.callee.go_on(CALL_ID)
        await placed.caller.received("ACK")
        agreed = await placed.callee.received("SIP/2.0 200")
        assert {media_address(agreed)} == placed.media.callee.senders
        await converse(placed.media.caller, placed.media.callee)
        await placed.callee.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left("engaged", "offered", "answered", *RE_INVITED, *ENDED)


async def test_the_caller_cancels(relay: Relay) -> None:
    async with call(relay, "caller_gives_up", "callee_rings") as placed:
        await placed.caller.received("SIP/2.0 180")
        assert await relay.held() == 1
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left("engaged", "offered", *ENDED)


async def test_the_callee_refuses(relay: Relay) -> None:
    async with call(relay, "caller_refused", "callee_refuses") as placed:
        invitation = await placed.callee.received("INVITE")
        assert media_address(invitation) != placed.media.caller.address
        await placed.finish()
    await relay.nothing_is_left("engaged", "offered", *ENDED)


async def test_the_offer_comes_with_the_200(relay: Relay) -> None:
    async with call(relay, "caller_answers_late", "callee_offers") as placed:
        for_caller = await placed.caller.received("SIP/2.0 200")
        for_callee = await placed.callee.received("ACK")
        await placed.talk(for_caller, for_callee)
        assert await relay.held() == 1
        await placed.caller.go_on(CALL_ID)
        await placed.finish()
    await relay.nothing_is_left("engaged", "offered", "answered", *ENDED)
