"""Copies: the media of a live call arrive at a recorder, too, as long as the copy and the call live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from actors.clock import now
from actors.directory import Directory
from actors.engine_actor import EngineActor
from actors.engine_settings import EngineSettings
from actors.node_table import Node, NodeTable
from engines.sdp.session import parse
from engines.sets import NodeSpec
from events.memory import MemoryJournal
from events.names import Leg, NodeName
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import Refused, UnknownCall
from tests.engines.test_copies_e2e import accept
from tests.peers.ports import HOST
from tests.peers.rtp import Parties, RtpEndpoint, converse
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

Relay = Rtpengine | Rtpproxy
ENGINES: dict[str, Callable[[], Relay]] = {"rtpengine": Rtpengine, "rtpproxy": Rtpproxy}
ENOUGH = 5


@dataclass
class LiveCall:
    """A call whose parties talk, on a real relay. streams: the two ends of each of its streams."""

    relay: Relay
    journal: MemoryJournal
    call: RelayCall
    streams: list[Parties]

    @property
    def callers(self) -> list[RtpEndpoint]:
        return [parties.caller for parties in self.streams]

    @property
    def callees(self) -> list[RtpEndpoint]:
        return [parties.callee for parties in self.streams]

    async def set_up(self, *, callee_offers: bool = False) -> None:
        """Have the call offered and answered, and the parties talk."""
        call, caller, callee = self.call, _sdp(self.callers), _sdp(self.callees)
        await call.engage(self.relay.name)
        if callee_offers:
            to_caller = await call.offer(callee, from_tag="tA", leg="callee")
            to_callee = await call.answer(caller, from_tag="tA", to_tag="tC", leg="caller")
            await call.establish(0, from_tag="tC", to_tag="tA")
        else:
            to_callee = await call.offer(caller, from_tag="tC")
            to_caller = await call.answer(callee, from_tag="tC", to_tag="tA")
        for parties, (to_one, to_other) in zip(self.streams, _media_lines(to_caller, to_callee), strict=True):
            await parties.talk(to_one, to_other)

    async def goes_on(self, count: int = ENOUGH) -> None:
        """Return when all parties have heard so many more packets of each other."""
        await asyncio.gather(*(converse(parties.caller, parties.callee, count) for parties in self.streams))

    async def is_not_copied_to(self, *recorders: RtpEndpoint) -> None:
        """Check that nothing of what the parties say from now on arrives there."""
        await self.goes_on(3)  # what was under way has arrived
        before = [recorder.received.qsize() for recorder in recorders]
        await self.goes_on(20)
        assert [recorder.received.qsize() for recorder in recorders] == before

    async def story(self) -> list[tuple[str, str]]:
        """Return what the journal tells of copies: the events and the names of the copies."""
        events = [record.event for record in await self.call.history()]
        return [(event.name, getattr(event, "copy", "")) for event in events if event.name.startswith("copy")]


def _sdp(ends: list[RtpEndpoint]) -> bytes:
    lines = ["v=0", f"o=- 1 1 IN IP4 {HOST}", "s=-", f"c=IN IP4 {HOST}", "t=0 0"]
    for end in ends:
        lines += [f"m=audio {end.address[1]} RTP/AVP 0", "a=sendrecv"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _media_lines(*bodies: bytes) -> list[tuple[str, ...]]:
    """Return for each stream what each body says of it, as a body of its own."""
    lines = [[f"m=audio {stream.port.text.decode()} RTP/AVP 0" for stream in parse(body).streams] for body in bodies]
    return [tuple(f"c=IN IP4 {HOST}\r\n{line}\r\n" for line in row) for row in zip(*lines, strict=True)]


@asynccontextmanager
async def control_node(relay: Relay, journal: MemoryJournal) -> AsyncIterator[RelayCall]:
    """Start a control node, and give the call as it has it."""
    spec = NodeSpec(name=NodeName("relay"), engine=relay.name, url=relay.url)
    node = Node(spec, EngineActor.start(spec, EngineSettings()))
    await (await node.actor.proxy().connect())
    table = NodeTable()
    table.add(node)
    directory = Directory(name="control", journal=journal, nodes=table, now=now)
    try:
        yield RelayCall("call", directory, journal)
        assert await directory.close(within=5), "something of the call still goes on"
    finally:
        node.actor.stop(block=False)


@asynccontextmanager
async def live_call(engine: str, *, streams: int = 1, callee_offers: bool = False) -> AsyncIterator[LiveCall]:
    """Set up a call. In the end nothing of it is left on the relay."""
    async with AsyncExitStack() as stack:
        relay = ENGINES[engine]()
        await stack.enter_async_context(relay)
        parties = [await stack.enter_async_context(Parties()) for _ in range(streams)]
        journal = MemoryJournal(now)
        call = await stack.enter_async_context(control_node(relay, journal))
        live = LiveCall(relay, journal, call, parties)
        await live.set_up(callee_offers=callee_offers)
        yield live
        await live.call.delete(from_tag="tC", to_tag="tA")
        assert not await relay.sessions()
        assert list((await live.call.state()).remaining_sessions()) == []


@pytest.fixture(params=sorted(ENGINES))
async def live(request: pytest.FixtureRequest) -> AsyncIterator[LiveCall]:
    """A call with one stream, on a relay of each kind in turn."""
    async with live_call(request.param) as call:
        yield call


@pytest.fixture
async def recorders() -> AsyncIterator[list[RtpEndpoint]]:
    """Addresses of recorders."""
    async with RtpEndpoint() as one, RtpEndpoint() as two, RtpEndpoint() as three, RtpEndpoint() as four:
        yield [one, two, three, four]


async def hears(recorder: RtpEndpoint, party: RtpEndpoint) -> None:
    """Await packets of a party, and check that no other's come there."""
    await recorder.wait_for(party.ssrc, recorder.heard(party.ssrc) + recorder.received.qsize() + ENOUGH)
    assert recorder.heard(party.ssrc) == len(recorder.packets)


async def copy(
    live: LiveCall,
    name: str,
    recorders: list[RtpEndpoint],
    *,
    legs: tuple[Leg, ...] = (),
    streams: tuple[int, ...] = (),
) -> bytes:
    """Copy to these addresses, one a stream. Give the offer."""
    offer = await live.call.copy_offer(name, legs=legs, streams=streams, siprec=True)
    await live.call.copy_answer(name, accept(offer, *recorders))
    return offer


@pytest.mark.parametrize("leg", ["caller", "callee"])
async def test_one_party_is_copied_and_no_more_after_the_copy_s_end(
    live: LiveCall, recorders: list[RtpEndpoint], leg: Leg
) -> None:
    recorder = recorders[0]
    await copy(live, "rec", [recorder], legs=(leg,))
    await hears(recorder, (live.callers if leg == "caller" else live.callees)[0])

    await live.call.copy_delete("rec")
    await live.is_not_copied_to(recorder)
    assert await live.story() == [
        ("copy intended", "rec"),
        ("copy offered", "rec"),
        ("copy answered", "rec"),
        ("copy delete wanted", "rec"),
        ("copy deleted", "rec"),
    ]


async def test_both_parties_are_copied_each_under_a_label_of_its_own(
    live: LiveCall, recorders: list[RtpEndpoint]
) -> None:
    offer = await copy(live, "rec", recorders[:2])
    labels = [line for line in offer.splitlines() if line.startswith(b"a=label:")]
    assert len(set(labels)) == len(labels) == 2
    await hears(recorders[0], live.callers[0])
    await hears(recorders[1], live.callees[0])


@pytest.mark.parametrize("engine", sorted(ENGINES))
async def test_it_is_the_callers_media_that_are_copied_also_if_the_callee_made_the_offer(
    recorders: list[RtpEndpoint], engine: str
) -> None:
    async with live_call(engine, callee_offers=True) as live:
        await copy(live, "rec", recorders[:1], legs=(Leg.CALLER,))
        await hears(recorders[0], live.callers[0])


@pytest.mark.parametrize("engine", sorted(ENGINES))
async def test_only_chosen_streams_are_copied(recorders: list[RtpEndpoint], engine: str) -> None:
    async with live_call(engine, streams=2) as live:
        await copy(live, "rec", recorders[:2], streams=(2,))
        await hears(recorders[0], live.callers[1])
        await hears(recorders[1], live.callees[1])


async def test_a_copy_is_changed_by_offering_it_again(live: LiveCall, recorders: list[RtpEndpoint]) -> None:
    one, two, three, _ = recorders
    await copy(live, "rec", [one, two])
    await hears(one, live.callers[0])

    await copy(live, "rec", [three], legs=(Leg.CALLEE,))
    await hears(three, live.callees[0])
    await live.is_not_copied_to(one, two)
    await live.call.copy_delete("rec")
    await live.is_not_copied_to(one, two, three)


async def test_an_rtpengine_makes_several_copies_at_a_time(recorders: list[RtpEndpoint]) -> None:
    async with live_call("rtpengine") as live:
        await copy(live, "first", recorders[:2])
        await copy(live, "second", recorders[2:])
        for recorder, party in zip(recorders, (live.callers + live.callees) * 2, strict=True):
            await hears(recorder, party)

        await live.call.copy_delete("first")
        await live.is_not_copied_to(*recorders[:2])
        await hears(recorders[2], live.callers[0])
        assert list((await live.call.state()).copies) == ["second"]


async def test_a_copy_of_an_rtpproxy_is_not_taken_over_by_another(recorders: list[RtpEndpoint]) -> None:
    async with live_call("rtpproxy") as live:
        await copy(live, "first", recorders[:1], legs=(Leg.CALLER,))
        with pytest.raises(Refused, match="once at a time: end the copy 'first' first"):
            await live.call.copy_offer("second")
        await copy(live, "second", recorders[1:2], legs=(Leg.CALLEE,))
        await hears(recorders[0], live.callers[0])
        await hears(recorders[1], live.callees[0])


async def test_the_call_s_end_ends_its_copies(live: LiveCall, recorders: list[RtpEndpoint]) -> None:
    await copy(live, "rec", recorders[:2])
    await hears(recorders[0], live.callers[0])
    await live.call.delete(from_tag="tC", to_tag="tA")
    assert not await live.relay.sessions()
    assert (await live.call.state()).copies == {}
    with pytest.raises(UnknownCall):
        await live.call.copy_offer("rec")


async def test_a_control_node_that_is_started_in_mid_copy_can_answer_and_end_it(
    live: LiveCall, recorders: list[RtpEndpoint]
) -> None:
    offer = await live.call.copy_offer("rec", legs=(Leg.CALLER,))
    async with control_node(live.relay, live.journal) as after_one_restart:
        await after_one_restart.copy_answer("rec", accept(offer, recorders[0]))
        await hears(recorders[0], live.callers[0])
    async with control_node(live.relay, live.journal) as after_another:
        await after_another.copy_delete("rec")
        await live.is_not_copied_to(recorders[0])
        assert (await after_another.state()).copies == {}
