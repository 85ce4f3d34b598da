"""Branches of one call that are engaged with different engines and sets: each has its relay, whoever of them wins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import cycle, product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actors.commands.migration import MoveTarget
from actors.results import Moved
from tests.e2e.sip.calls import Call, Scene, Side, check_relayed, on_scene
from tests.e2e.sip.inside import MARKING, Inside
from tests.e2e.sip.own_requests import OTHER
from tests.e2e.sip.stage import SCRIPTS, Stage, database
from tests.e2e.sip.test_moves import begins, is_told
from tests.e2e.stage import Relay, held
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node
from tests.peers.ua import Arrived, Sent

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

HERE, WEST, EAST, ROUTE = "rtpengine default", "rtpengine west", "rtpproxy east", "route"


@dataclass(frozen=True, slots=True)
class Engaged:
    """What is engaged for all branches, and for each by itself, as ENGINE SET; "" for nothing."""

    for_all: str
    by_branch: tuple[str, str]

    @property
    def places(self) -> list[str]:
        """Where each branch is to be."""
        return [own or self.for_all for own in self.by_branch]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What asks the script for it."""
        return [(f"X-Engine-{index}", own) for index, own in enumerate(self.by_branch) if own]


TWO_RELAYS = [
    Engaged("", (WEST, EAST)),
    Engaged("", (EAST, WEST)),
    Engaged("", (HERE, WEST)),
    Engaged(HERE, ("", WEST)),
    Engaged(HERE, ("", EAST)),
    Engaged(EAST, ("", WEST)),
]
WITH_ROUTE = [Engaged("", (HERE, ROUTE)), Engaged("", (ROUTE, HERE)), Engaged(HERE, ("", ROUTE))]


def named(value: object) -> str | None:
    """Name a case."""
    return f"{value.for_all}:{','.join(value.by_branch)}".replace(" ", "-") if isinstance(value, Engaged) else None


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def places(relays: Mapping[str, Relay]) -> AsyncIterator[Mapping[str, Rtpengine | Rtpproxy]]:
    """The relays by what they are engaged as."""
    async with Rtpengine() as west:
        yield {HERE: relays["rtpengine"], WEST: west, EAST: relays["rtpproxy"]}


@pytest_asyncio.fixture(loop_scope="package")
async def node(
    own_redis: RedisServer, places: Mapping[str, Relay], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Inside]:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    nodes = [Node(place.replace(" ", "-"), relay, set=place.split()[1]) for place, relay in places.items()]
    settings = {"route": {"script": str(SCRIPTS / "routes.py")}}
    sip = {"script": str(MARKING)}
    async with Inside(database(own_redis, 7), nodes, name="inside", sip=sip, settings=settings) as started:
        yield started


@dataclass(slots=True)
class Fork:
    """A call that two callees are rung for."""

    node: Inside
    scene: Scene
    engaged: Engaged
    sent: Sent
    arrived: Sequence[Arrived]

    @property
    def call_id(self) -> str:
        return self.sent.request.call_id

    def at(self, place: str) -> Stage:
        """The stage, seen from one of the relays."""
        return replace(self.scene.stage, engine=place)

    def is_from(self, place: str, body: bytes) -> None:
        """See that a relay has given an SDP, or a function where that is engaged."""
        if place == ROUTE:
            assert b"\r\ns=routed\r\n" in body
        else:
            check_relayed(self.at(place), body)

    async def only_at(self, *wanted: str) -> None:
        """Wait until just these relays hold a session each; functions hold none."""

        async def there() -> bool:
            counts = {place: await held(relay) for place, relay in self.scene.stage.relays.items()}
            return counts == {place: wanted.count(place) for place in counts}

        await wait_until(there, f"sessions at {wanted} alone")

    async def answer(self, index: int) -> Call:
        """Let a callee answer, whose answer comes to the caller from the branch's relay."""
        callee, arrived, place = self.scene.callees[index], self.arrived[index], self.engaged.places[index]
        callee.reply(arrived, 200, sdp=callee.sdp())
        call = replace(await self.scene.accepted(self.sent, arrived, callee), stage=self.at(place))
        self.is_from(place, call.caller.hears)
        return call

    async def listed(self) -> list[tuple[str, int | str, str]]:
        """Return engine, set and branch of the sessions that the management interface lists."""
        rows: Sequence[Mapping[str, Any]] = await self.node.manage("rtp_relay:list")
        return [(row["relay"], row["set"], row.get("branch", "")) for row in rows]

    async def ends(self, call: Call, by: str = "caller") -> None:
        await call.hang_up(by)
        await self.scene.stage.nothing_is_left(self.call_id)


@pytest_asyncio.fixture(loop_scope="package")
async def fork(engaged: Engaged, node: Inside, places: Mapping[str, Relay]) -> AsyncIterator[Fork]:
    """A caller and two callees whose phones ring, each with an SDP from its branch's relay."""
    stage = Stage(node, places, engaged.for_all)
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(on_scene(stage, "A", "B"))
        sent, arrived = await scene.invite(headers=engaged.headers)
        made = Fork(node, scene, engaged, sent, arrived)
        for place, one in zip(engaged.places, arrived, strict=True):
            made.is_from(place, one.body)
        await made.only_at(*engaged.places)
        yield made
    await stage.clear()


@pytest.mark.parametrize(("engaged", "winner"), list(product(TWO_RELAYS + WITH_ROUTE, (0, 1))), ids=named)
async def test_the_winners_session_stays_and_the_others_goes(fork: Fork, winner: int) -> None:
    loser = 1 - winner
    won, lost = (fork.engaged.places[index] for index in (winner, loser))
    early = fork.scene.callees[loser]
    early.reply(fork.arrived[loser], 183, sdp=early.sdp())
    fork.is_from(lost, (await fork.sent.response(183)).body)
    call = await fork.answer(winner)
    await early.request("CANCEL")
    await fork.only_at(won)
    numbers = {"default": 0, "": 0}
    engine, _, set_name = won.partition(" ")
    branch = f"br{winner}" if fork.engaged.by_branch[winner] else ""
    assert await fork.listed() == [(engine, numbers.get(set_name, set_name), branch)]
    for by in OTHER:
        await call.keeps_its_ports(by)
    if won != ROUTE:
        await call.talk()
    await fork.ends(call, "callee")


@pytest.mark.parametrize(("engaged", "kept"), list(product(TWO_RELAYS, (0, 1))), ids=named)
async def test_both_answer_and_each_keeps_its_relay_until_its_dialog_ends(fork: Fork, kept: int) -> None:
    # B's answer is on its way when A's makes the relay cancel it: RFC 3261 9.2 lets it stand.
    for callee, arrived in zip(fork.scene.callees, fork.arrived, strict=True):
        callee.reply(arrived, 200, sdp=callee.sdp())
    calls = []
    for place, callee, arrived in zip(fork.engaged.places, fork.scene.callees, fork.arrived, strict=True):
        final = await fork.sent.response(200)
        fork.is_from(place, final.body)
        fork.scene.caller.ack(fork.sent, final)
        await callee.request("ACK")
        caller = Side(fork.scene.caller, fork.sent.dialog_of(final), final.body)
        calls.append(Call(fork.at(place), caller, Side(callee, arrived.in_dialog, arrived.body)))
    await fork.only_at(*fork.engaged.places)
    for call in calls:
        await call.keeps_its_ports("caller")
    await calls[1 - kept].hang_up("caller")
    await fork.only_at(fork.engaged.places[kept])
    await calls[kept].keeps_its_ports("callee")
    await calls[kept].talk()
    await fork.ends(calls[kept])


@pytest.mark.parametrize("engaged", TWO_RELAYS + WITH_ROUTE, ids=named)
async def test_nothing_is_left_when_all_refuse(fork: Fork) -> None:
    for callee, arrived in zip(fork.scene.callees, fork.arrived, strict=True):
        callee.reply(arrived, 486)
    await fork.sent.response(486)
    await fork.scene.stage.nothing_is_left(fork.call_id)


@pytest.mark.parametrize("engaged", TWO_RELAYS + WITH_ROUTE, ids=named)
async def test_nothing_is_left_when_the_caller_cancels(fork: Fork) -> None:
    for callee, arrived in zip(fork.scene.callees, fork.arrived, strict=True):
        callee.reply(arrived, 183, sdp=callee.sdp())
        await fork.sent.response(183)
    await fork.scene.caller.cancel(fork.sent).response(200)
    await fork.sent.response(487)
    for callee in fork.scene.callees:
        await callee.request("CANCEL")
    await fork.scene.stage.nothing_is_left(fork.call_id)


@pytest.mark.parametrize(("engaged", "winner"), list(zip(TWO_RELAYS, cycle((1, 0)), strict=False)), ids=named)
async def test_a_call_moves_from_its_branchs_relay_to_the_others(fork: Fork, winner: int) -> None:
    won, other = (fork.engaged.places[index] for index in (winner, 1 - winner))
    loser = fork.scene.callees[1 - winner]
    loser.reply(fork.arrived[1 - winner], 180)
    await fork.sent.response(180)
    call = await fork.answer(winner)
    await loser.request("CANCEL")
    await fork.only_at(won)
    await call.talk()
    engine, set_name = other.split()
    moving = asyncio.create_task(fork.node.move(fork.call_id, MoveTarget(engine=engine, set=set_name)))
    await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
    moved = await moving
    assert isinstance(moved, Moved), moved
    assert (moved.engine, moved.set) == (engine, set_name)
    await fork.only_at(other)
    for by in OTHER:
        await call.keeps_its_ports(by)
        fork.is_from(other, call.sides(by)[0].hears)
    await begins(call)
    await fork.ends(call)
