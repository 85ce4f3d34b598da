"""Whole calls through the route engine: real actors, a journal, and the user's callables."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from actors import results
from actors.commands.media import Offer
from actors.directory import Directory
from actors.node_table import NodeTable
from engines.refusal import RefusalCode
from engines.request import NodeRequest
from engines.route.routes import Routes
from events.memory import MemoryJournal
from events.names import CallId, Tag
from replay.projection import Deadlines
from replay.state import CallState
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import Refused
from rtp_relay.assembly.nodes import ROUTE_NODE, open_nodes
from tests.named_sdp import named

CALLER, CALLEE, AGAIN, EARLY, HELD, HOLD, RECORDERS = map(
    named, ("caller", "callee", "again", "early", "held", "hold", "recorder")
)
RELAYED = b"relayed "

PATIENCE = 10.0
HOUR = 3_600_000


class World:
    """Control nodes on one journal, whose clock a test moves, and what the callables were given."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self.now = 1_700_000_000_000
        self.journal = MemoryJournal(lambda: self.now)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.arrived = asyncio.Event()
        self.directory: Directory
        self.nodes: NodeTable

    async def control_node(self, routes: Routes | None = None, limit: float = PATIENCE) -> None:
        """Begin to talk to a new control node. What the one before has in hand comes to nothing."""
        for node in getattr(self, "nodes", NodeTable()).all():
            await node.actor.stop(block=False)
        self.nodes = await self._stack.enter_async_context(open_nodes((), routes or self.routes(), limit))
        self.directory = Directory(
            name="control", journal=self.journal, nodes=self.nodes, now=lambda: self.now, deadlines=Deadlines()
        )

    @property
    def call(self) -> RelayCall:
        return RelayCall("call", self.directory, self.journal)

    def routes(self, **others: Callable[[Any], object]) -> Routes:
        """Return callables that note what they get; the offer's returns the sender's tag and a count as `node`."""

        async def offer(call: Any) -> object:
            self.note("offer", call)
            return RELAYED + call["body"], f"node{len(self.of('offer'))}"

        def answer(call: Any) -> object:
            self.note("answer", call)
            return RELAYED + call["body"]

        async def delete(call: Any) -> None:
            self.note("delete", call)

        found: dict[str, Any] = {"offer": offer, "answer": answer, "delete": delete, **others}
        return Routes(**found)

    def note(self, route: str, call: dict[str, Any]) -> None:
        self.calls.append((route, call))
        self.arrived.set()

    def of(self, route: str) -> list[dict[str, Any]]:
        return [call for name, call in self.calls if name == route]

    async def attend(self, until: Callable[[], bool]) -> None:
        """Let the due call be attended, and wait until what is expected has been called."""
        self.directory.attend(CallId("call"))
        while not until():
            self.arrived.clear()
            await asyncio.wait_for(self.arrived.wait(), PATIENCE)

    async def nothing_left(self) -> CallState:
        """Wait until the journal says that no session is left."""
        for _ in range(10_000):
            state = await self.call.state()
            if not list(state.remaining_sessions()):
                return state
            await asyncio.sleep(0)
        raise AssertionError(f"left: {list(state.remaining_sessions())}")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(stack)


async def test_a_call_with_two_branches_from_offer_to_delete(world: World) -> None:
    await world.control_node()
    call = world.call
    await call.engage("route", "7")
    assert await call.offer(CALLER, from_tag="A", branch=0) == RELAYED + CALLER
    assert await call.offer(CALLER, from_tag="A", branch=1) == RELAYED + CALLER
    assert await call.answer(EARLY, from_tag="A", to_tag="B", branch=0) == RELAYED + EARLY
    assert await call.answer(CALLEE, from_tag="A", to_tag="C", branch=1) == RELAYED + CALLEE
    await call.establish(1, from_tag="A", to_tag="C")
    await call.delete(from_tag="A", to_tag="C")
    common = {"callid": "call", "from_tag": "A", "branch": -1, "set": "7"}
    assert world.calls == [
        ("offer", {**common, "body": CALLER}),
        ("offer", {**common, "body": CALLER}),
        ("answer", {**common, "to_tag": "B", "body": EARLY, "node": "node1"}),
        ("answer", {**common, "to_tag": "C", "body": CALLEE, "node": "node2"}),
        ("delete", {**common, "to_tag": "B", "node": "node1"}),
        ("delete", {**common, "to_tag": "C", "node": "node2"}),
    ]
    state = await world.nothing_left()
    assert [(session.handle, session.set) for session in state.sessions.values()] == [("node1", "7"), ("node2", "7")]


async def test_settings_go_where_the_documentation_says(world: World) -> None:
    await world.control_node()
    call = world.call
    await call.engage("route", "7", branch=2)
    await call.rtp_relay().set(flags="f", iface="in", delete="ld")
    await call.rtp_relay_peer().set(peer="p", type="SRTP", ip="192.0.2.1", iface="out")
    await call.rtp_relay_ctx.set(flags="c", delete="cd", callid="other", from_tag="a", to_tag="b")
    await call.offer(CALLER, from_tag="A", branch=2)
    await call.answer(CALLEE, from_tag="A", to_tag="B", branch=2)
    await call.delete(from_tag="A", to_tag="B")
    common = {"callid": "other", "from_tag": "a", "branch": 2, "set": "7", "ctx-flags": "c"}
    interfaces = {"in-iface": "in", "out-iface": "out"}
    offered = {"flags": "f", "peer": "p", "type": "SRTP", "ip": "192.0.2.1", **interfaces}
    answered = {"in-iface": "out", "out-iface": "in"}
    assert world.calls == [
        ("offer", {**common, "body": CALLER, **offered}),
        ("answer", {**common, "to_tag": "b", "body": CALLEE, "node": "node1", **answered}),
        ("delete", {**common, "to_tag": "b", "node": "node1", "delete": "cd ld"}),
    ]


async def test_a_later_offer_carries_the_node_and_may_give_another(world: World) -> None:
    await world.control_node()
    call = world.call
    await call.engage("route")
    await call.offer(CALLER, from_tag="A")
    await call.answer(CALLEE, from_tag="A", to_tag="B")
    await call.offer(HOLD, from_tag="B", to_tag="A", leg="callee")
    await call.answer(HELD, from_tag="B", to_tag="A", leg="caller")
    assert [given.get("node") for _, given in world.calls] == [None, "node1", "node1", "node2"]


async def test_without_callables_the_sdp_stays_as_it_is(world: World) -> None:
    await world.control_node(Routes(answer=lambda _: None))
    call = world.call
    await call.engage("route")
    assert await call.offer(CALLER, from_tag="A") == CALLER
    assert await call.answer(CALLEE, from_tag="A", to_tag="B") == CALLEE
    await call.delete()
    await world.nothing_left()


async def test_a_copy_of_a_call(world: World) -> None:
    async def copy_offer(call: Any) -> object:
        world.note("copy_offer", call)
        return {"copy-ctx": "copy1", "body": b"to the recorder"}

    async def copy_answer(call: Any) -> None:
        world.note("copy_answer", call)

    async def copy_delete(call: Any) -> None:
        world.note("copy_delete", call)

    routes = world.routes(copy_offer=copy_offer, copy_answer=copy_answer, copy_delete=copy_delete)
    await world.control_node(routes)
    call = world.call
    await call.engage("route", "7", branch=0)
    await call.offer(CALLER, from_tag="A")
    await call.answer(CALLEE, from_tag="A", to_tag="B")
    assert await call.copy_offer("recorder", siprec=True) == b"to the recorder"
    await call.copy_answer("recorder", RECORDERS)
    await call.copy_delete("recorder", reason="done")
    common = {"callid": "call", "from_tag": "A", "to_tag": "B", "branch": 0, "set": "7", "node": "node1"}
    assert world.calls[2:] == [
        ("copy_offer", {**common, "flags": "siprec"}),
        ("copy_answer", {**common, "copy-ctx": "copy1", "body": RECORDERS}),
        ("copy_delete", {**common, "copy-ctx": "copy1"}),
    ]


def fails(_: Any) -> None:
    raise ValueError("no ports")


async def hangs(_: Any) -> None:
    await asyncio.get_running_loop().create_future()


def talks_nonsense(_: Any) -> object:
    return 3.5


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (fails, "fails raised ValueError: no ports"),
        (hangs, "hangs took longer than 0.05 s"),
        (talks_nonsense, "talks_nonsense returned float as the body"),
    ],
)
async def test_a_callable_that_fails_ends_its_request_alone(
    world: World, function: Callable[[Any], object], what: str
) -> None:
    await world.control_node(world.routes(answer=function), limit=0.05)
    call = world.call
    await call.engage("route")
    await call.offer(CALLER, from_tag="A")
    for _ in range(5):
        with pytest.raises(Refused, match=f"route answer: {what}"):
            await call.answer(CALLEE, from_tag="A", to_tag="B")
    (node,) = world.nodes.all()
    assert node.health.takes_new_calls
    assert await call.offer(AGAIN, from_tag="A") == RELAYED + AGAIN
    await call.delete()
    await world.nothing_left()
    assert [given["node"] for given in world.of("delete")] == ["node2"]


async def test_a_failed_offer_is_deleted(world: World) -> None:
    await world.control_node(world.routes(offer=fails))
    await world.call.engage("route", "7")
    with pytest.raises(Refused, match="route offer: fails raised ValueError: no ports"):
        await world.call.offer(CALLER, from_tag="A")
    await world.nothing_left()
    assert world.calls == [("delete", {"callid": "call", "from_tag": "A", "branch": -1, "set": "7"})]


async def test_the_delete_of_an_offer_that_blocks_comes_after_it(world: World) -> None:
    released = threading.Event()

    def blocks(call: Any) -> None:
        released.wait(PATIENCE)
        world.calls.append(("offer", call))

    await world.control_node(world.routes(offer=blocks), limit=0.05)
    await world.call.engage("route")
    with pytest.raises(Refused, match="blocks took longer"):
        await world.call.offer(CALLER, from_tag="A")
    assert world.calls == []
    released.set()
    world.now += HOUR
    await world.attend(lambda: bool(world.of("delete")))
    await world.nothing_left()
    assert [route for route, _ in world.calls][:2] == ["offer", "delete"]


async def test_a_delete_that_fails_is_repeated_with_all_it_had(world: World) -> None:
    def refuses(call: Any) -> None:
        world.note("refused", call)
        raise ValueError("not now")

    await world.control_node(world.routes(delete=refuses))
    call = world.call
    await call.engage("route", "7", branch=1)
    await call.rtp_relay_ctx.set(flags="c", delete="cd", callid="other")
    await call.offer(CALLER, from_tag="A", branch=1)
    await call.answer(CALLEE, from_tag="A", to_tag="B", branch=1)
    with pytest.raises(Refused, match="raised ValueError: not now"):
        await call.delete(from_tag="A", to_tag="B")
    await world.control_node()
    world.now += HOUR
    await world.attend(lambda: bool(world.of("delete")))
    await world.nothing_left()
    assert world.of("delete") == world.of("refused")
    assert world.of("delete")[0] == {
        "callid": "other",
        "from_tag": "A",
        "to_tag": "B",
        "branch": 1,
        "set": "7",
        "node": "node1",
        "ctx-flags": "c",
        "delete": "cd",
    }


async def test_an_offer_that_a_crash_cut_off_is_deleted_by_the_next_control_node(world: World) -> None:
    async def hangs(call: Any) -> None:
        world.note("offer", call)
        await asyncio.get_running_loop().create_future()

    await world.control_node(world.routes(offer=hangs))
    await world.call.engage("route")
    await world.call.rtp_relay_ctx.set(delete="cd")
    offering = asyncio.create_task(world.call.offer(CALLER, from_tag="A"))
    await asyncio.wait_for(world.arrived.wait(), PATIENCE)
    await world.control_node()
    world.now += HOUR
    await world.attend(lambda: bool(world.of("delete")))
    await world.nothing_left()
    offering.cancel()
    assert world.calls[1:] == [
        ("delete", {"callid": "call", "from_tag": "A", "branch": -1, "set": "default", "delete": "cd"})
    ]


async def test_a_call_goes_on_with_another_control_node(world: World) -> None:
    await world.control_node()
    await world.call.engage("route")
    await world.call.offer(CALLER, from_tag="A")
    await world.control_node()
    assert await world.call.answer(CALLEE, from_tag="A", to_tag="B") == RELAYED + CALLEE
    await world.control_node()
    await world.call.delete()
    assert [given.get("node") for _, given in world.calls] == [None, "node1", "node1"]


async def test_who_asks_for_no_engine_is_not_given_this_one(world: World) -> None:
    await world.control_node()
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    request = NodeRequest({b"sdp": CALLER})
    command = Offer(call_id=CallId("ng"), from_tag=Tag("A"), request=request, received_at=world.now)
    world.directory.submit(command, done.set_result)
    assert await done == results.Refused(RefusalCode.NO_NODE, "No node of set 'default' takes new calls")
    assert list(world.nodes.candidates("any", CallId("call"), "route")) == [ROUTE_NODE]
