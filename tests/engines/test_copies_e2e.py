"""Copies of a live call's media arrive at a third address, from the real relays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from engines.copy_request import CopyRequest
from engines.kind import Exchange, Operation, RelayKind
from engines.media_request import MediaRequest
from engines.ng.bencode import NgDict, NgValue
from engines.request import NodeRequest
from engines.rtpengine.kind import RtpengineKind
from engines.rtpproxy.kind import RtpproxyKind
from engines.sdp.session import parse
from events.names import Leg, RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told
from tests.peers.rtp import Parties, RtpEndpoint, converse
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

RELAY_ID = "call"
ENGINES = pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
BOTH = CopyRequest(verb=Verb.COPY_OFFER, from_tag=Tag("ft"), to_tag=Tag("tt"))


@dataclass
class LiveCall:
    """A call whose parties talk, on one relay. sdp: what each party was given of the other's."""

    kind: RelayKind
    relay: Rtpengine | Rtpproxy
    parties: Parties
    sdp: dict[Leg, bytes]

    async def perform(self, verb: Verb, request: NgDict) -> Told:
        """Have the relay do an operation that has to succeed."""
        reply = await self.run(
            self.kind.perform(Operation(verb=verb, relay_id=RelayId(RELAY_ID), request=NodeRequest(request)))
        )
        assert reply.ok, reply
        return reply

    async def run(self, exchange: Exchange) -> Told:
        """Have the relay answer all commands of an exchange."""
        try:
            commands = next(exchange)
            while True:
                commands = exchange.send([await self._ask(command) for command in commands])
        except StopIteration as stop:
            return Told(stop.value)

    async def _ask(self, command: bytes) -> bytes:
        if isinstance(self.relay, Rtpproxy):
            return (await self.relay.command_reply(command.decode())).encode()
        async with self.relay.client() as client:
            return await client.exchange(command)

    async def copy(self, copy: CopyRequest) -> Told:
        """Do one step of a copy that has to succeed."""
        return await self.perform(copy.verb, copy.request().words)

    async def start_copy(self, copy: CopyRequest, *recorders: RtpEndpoint) -> tuple[CopyRequest, list[NgValue]]:
        """Copy to a recorder with one address a stream; return the request that ends the copy, and the streams."""
        offered = await self.copy(replace(copy, caller_sdp=self.sdp[Leg.CALLEE], callee_sdp=self.sdp[Leg.CALLER]))
        ctx, streams = offered[b"copy-ctx"], offered.get(b"streams", [])
        assert isinstance(ctx, bytes)
        assert isinstance(streams, list)
        named = replace(copy, verb=Verb.COPY_ANSWER, copy_ctx=ctx.decode(), sdp=accept(offered[b"sdp"], *recorders))
        await self.copy(named)
        return replace(named, verb=Verb.COPY_DELETE), streams

    def party(self, leg: object) -> RtpEndpoint:
        """Return the party of a leg."""
        return self.parties.caller if leg in ("caller", b"caller") else self.parties.callee


def accept(offer: object, *recorders: RtpEndpoint) -> bytes:
    """Return a recorder's answer: each live stream of the offer is taken by the next of its addresses."""
    assert isinstance(offer, bytes)
    rest = iter(recorders)
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    for stream in parse(offer).streams:
        port = next(rest).address[1] if stream.is_live else 0
        lines += [f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=recvonly"]
    assert next(rest, None) is None
    return "".join(f"{line}\r\n" for line in lines).encode()


@asynccontextmanager
async def live_call(engine: str) -> AsyncIterator[LiveCall]:
    """Set up a call with media both ways."""
    kind: RelayKind = RtpengineKind() if engine == "rtpengine" else RtpproxyKind()
    async with Rtpengine() if engine == "rtpengine" else Rtpproxy() as relay, Parties() as parties:
        call = LiveCall(kind, relay, parties, {})
        offer = MediaRequest(verb=Verb.OFFER, from_tag=Tag("ft"), sdp=parties.caller.sdp().encode())
        answer = replace(offer, verb=Verb.ANSWER, to_tag=Tag("tt"), sdp=parties.callee.sdp().encode())
        for media, hearer in ((offer, Leg.CALLEE), (answer, Leg.CALLER)):
            sdp = (await call.perform(media.verb, kind.request(media).words))[b"sdp"]
            assert isinstance(sdp, bytes)
            call.sdp[hearer] = sdp
        await parties.talk(call.sdp[Leg.CALLER], call.sdp[Leg.CALLEE])
        yield call
        await call.perform(Verb.DELETE, kind.request(replace(answer, verb=Verb.DELETE)).words)
        assert not await relay.sessions()


@ENGINES
async def test_both_parties_are_copied_each_to_an_address_of_its_own(engine: str) -> None:
    async with live_call(engine) as call, RtpEndpoint() as first, RtpEndpoint() as second:
        _, streams = await call.start_copy(replace(BOTH, siprec=True), first, second)
        copies = [stream for stream in streams if isinstance(stream, dict)]
        assert {(copy[b"leg"], copy[b"stream"]) for copy in copies} == {(b"caller", 1), (b"callee", 1)}
        for recorder, copy in zip((first, second), copies, strict=True):
            source, other = call.party(copy[b"leg"]), call.party(b"callee" if copy[b"leg"] == b"caller" else b"caller")
            await recorder.wait_for(source.ssrc, 5)
            assert not recorder.heard(other.ssrc)


@ENGINES
@pytest.mark.parametrize("leg", ["caller", "callee"])
async def test_one_party_is_copied_until_the_copy_is_deleted(engine: str, leg: Leg) -> None:
    async with live_call(engine) as call, RtpEndpoint() as recorder:
        source = call.party(leg)
        end, _ = await call.start_copy(replace(BOTH, legs=(leg,)), recorder)
        await recorder.wait_for(source.ssrc, 5)

        await call.copy(end)
        await converse(call.parties.caller, call.parties.callee, 3)  # what was under way has arrived
        while not recorder.received.empty():
            recorder.received.get_nowait()
        await converse(call.parties.caller, call.parties.callee, 10)
        assert recorder.received.empty()
        await call.copy(end)  # again: gone is gone


@pytest.mark.parametrize("legs", [("caller",), ("caller", "callee")])
async def test_streams_that_were_not_chosen_are_switched_off_by_an_rtpengine(legs: tuple[Leg, ...]) -> None:
    async with live_call("rtpengine") as call:
        offered = await call.copy(replace(BOTH, legs=legs, streams=(2,)))
        assert isinstance(offered[b"sdp"], bytes)
        assert [stream.is_live for stream in parse(offered[b"sdp"]).streams] == [False] * len(legs)
        assert offered[b"streams"] == []


async def test_an_rtpengine_makes_several_copies_at_a_time() -> None:
    async with live_call("rtpengine") as call, RtpEndpoint() as first, RtpEndpoint() as second:
        end, _ = await call.start_copy(replace(BOTH, legs=(Leg.CALLER,)), first)
        await call.start_copy(replace(BOTH, legs=(Leg.CALLER,)), second)
        await first.wait_for(call.parties.caller.ssrc, 5)
        await second.wait_for(call.parties.caller.ssrc, 5)
        await call.copy(end)
        await second.wait_for(call.parties.caller.ssrc, second.heard(call.parties.caller.ssrc) + 5)


async def test_a_new_copy_takes_the_place_of_another_on_an_rtpproxy() -> None:
    async with live_call("rtpproxy") as call, RtpEndpoint() as first, RtpEndpoint() as second:
        await call.start_copy(replace(BOTH, legs=(Leg.CALLER,)), first)
        await first.wait_for(call.parties.caller.ssrc, 5)
        await call.start_copy(replace(BOTH, legs=(Leg.CALLER,)), second)
        await second.wait_for(call.parties.caller.ssrc, 5)
