"""`rtp_relay:node_drain`, and where calls may be sent by it and by moves: what makes no sense changes nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from actors.control.control import Control
from actors.control.status import ControlNodeStatus, NodeStatus, encode_status
from actors.control.steering import Wish
from engines.health import AdminState, NodeState
from engines.set_names import BY_NAME
from engines.sets import NodeSpec
from events.bulk_parts import BulkPart
from events.decisions import NODES
from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from events.names import NodeName, StreamName
from events.node_events import NodeStateSet
from gateways.mi.door import methods_of
from gateways.mi.jsonrpc import MiError, MiRequest
from gateways.mi.methods import Caller, Role

OPERATOR = Caller("root", Role.OPERATE)
WISH = Wish("test")
A1, A2, GOLD, OTHER_KIND, WEIGHTLESS = (NodeName(name) for name in ("a1", "a2", "gold-1", "silver-1", "weightless"))


def node(name: NodeName, port: int, set_name: str = "default", engine: str = "rtpproxy", weight: int = 1) -> NodeSpec:
    return NodeSpec(name=name, engine=engine, url=f"udp:127.0.0.1:{port}", set=set_name, weight=weight)


NODE_LIST = [
    node(A1, 1),
    node(A2, 2),
    node(GOLD, 3, "gold"),
    node(OTHER_KIND, 4, "silver", "rtpengine"),
    node(WEIGHTLESS, 5, "bronze", weight=0),
]


@pytest.fixture
async def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
async def control(journal: MemoryJournal) -> Control:
    return Control(journal, name="control-1", configured=NODE_LIST)


async def ask(control: Control, method: str, caller: Caller = OPERATOR, **params: Any) -> Any:
    return await methods_of(control, BY_NAME).call(MiRequest(method, params, 1, wants_reply=True), caller)


async def outcome(control: Control, method: str, **params: Any) -> Any:
    """Return what is answered, as a door does: MiError for what fails, too."""
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    came = (await methods_of(control, BY_NAME).outcome(request, OPERATOR)).result
    if isinstance(came, MiError):
        raise came
    return came


async def refused(control: Control, method: str, **params: Any) -> MiError:
    """See that something is refused, and nothing changed by it."""
    before = await control.steering.decided()
    with pytest.raises(MiError) as caught:
        await ask(control, method, **params)
    assert await control.steering.decided() == before
    assert await control.bulk.going_on() == []
    return caught.value


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"within": 60}, BulkPart(node=A1, elsewhere=True)),
        ({"new_node": "a2"}, BulkPart(node=A1, new_node=A2)),
        ({"new_node": "udp:127.0.0.1:3"}, BulkPart(node=A1, new_node=GOLD)),
        ({"new_node": "silver-1"}, BulkPart(node=A1, new_node=OTHER_KIND)),
        ({"new_node": "gold-1", "new_set": "gold"}, BulkPart(node=A1, new_node=GOLD, new_set="gold")),
        ({"new_set": "gold"}, BulkPart(node=A1, new_set="gold")),
    ],
)
async def test_a_node_is_drained_and_its_calls_are_moved(control: Control, given: Any, part: BulkPart) -> None:
    told = await ask(control, "rtp_relay:node_drain", node="a1", **given)
    assert (told["changed"], told["calls"]) == (True, 0)
    progress = await control.bulk.progress(told["job"])
    assert (progress.parts, progress.reason) == ((part,), "drain of node a1")
    assert (await control.steering.decided()).nodes[A1].state is AdminState.DRAINING
    again = await ask(control, "rtp_relay:node_drain", node="a1", reason="kernel", **given)
    assert not again["changed"]
    assert (await control.bulk.progress(again["job"])).reason == "kernel"


async def test_a_node_whose_job_could_not_be_written_is_draining_and_gets_it_when_it_is_asked_for_again(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as lost:
        lost.setattr(control.bulk, "ask", AsyncMock(side_effect=JournalUnavailable("gone")))
        with pytest.raises(MiError, match="Journal unavailable"):
            await outcome(control, "rtp_relay:node_drain", node="a1", new_node="a2")
    assert (await control.steering.decided()).nodes[A1].state is AdminState.DRAINING
    assert await control.bulk.going_on() == []
    again = await outcome(control, "rtp_relay:node_drain", node="a1", new_node="a2")
    assert not again["changed"]
    assert (await control.bulk.progress(again["job"])).parts == (BulkPart(node=A1, new_node=A2),)


async def test_without_a_place_or_a_time_it_gets_no_new_calls_and_keeps_those_that_it_has(
    journal: MemoryJournal, control: Control
) -> None:
    assert await ask(control, "rtp_relay:node_drain", node="a1", reason="kernel") == {
        "version": 1,
        "changed": True,
        "calls": 0,
    }
    (entry,) = await journal.read_decisions(NODES)
    assert isinstance(entry.event, NodeStateSet)
    assert (entry.event.node, entry.event.state, entry.event.reason) == (A1, AdminState.DRAINING, "kernel")
    assert entry.event.asked_by == "root (MI)"
    assert await control.bulk.going_on() == []


@pytest.mark.parametrize(
    ("given", "code", "why"),
    [
        ({"new_node": "a9"}, 404, "there is no node 'a9'; known ones: a1 (udp:127.0.0.1:1), "),
        ({"new_node": ""}, 404, "there is no node ''"),
        ({"new_node": "a1"}, 400, "its calls are to go to another one"),
        ({"new_node": "udp:127.0.0.1:1"}, 400, "its calls are to go to another one"),
        ({"new_node": "a2", "new_set": "gold"}, 400, "node a2 is in set 'default', and not in 'gold'"),
        ({"new_node": "weightless"}, 409, "node weightless takes no calls: its weight is 0"),
        ({"new_set": "nowhere"}, 404, "no node is in set 'nowhere'"),
        ({"new_set": "silver"}, 409, "no other rtpproxy node of set 'silver' is to take calls"),
        ({"new_set": "bronze"}, 409, "no other rtpproxy node of set 'bronze' is to take calls"),
        ({"new_set": -1}, 400, "expected its name, or its number"),
        ({"within": 0}, 400, "expected 1 to 1000000"),
        ({"within": 1_000_001}, 400, "expected 1 to 1000000"),
    ],
)
async def test_what_makes_no_sense_drains_nothing(control: Control, given: Any, code: int, why: str) -> None:
    error = await refused(control, "rtp_relay:node_drain", node="a1", **given)
    assert error.code == code
    assert why in str(error.data)


async def test_a_node_that_there_is_not_is_not_drained(control: Control) -> None:
    for given in ({}, {"new_node": "a2"}, {"within": 9}):
        assert (await refused(control, "rtp_relay:node_drain", node="a9", **given)).code == 404


@pytest.mark.parametrize("state", [AdminState.DRAINING, AdminState.DISABLED])
async def test_calls_are_sent_to_no_node_that_is_to_have_none(control: Control, state: AdminState) -> None:
    await control.steering.set_state(A2, state, WISH)
    for method, given in (
        ("rtp_relay:node_drain", {"node": "a1", "new_node": "a2"}),
        ("rtp_relay:node_drain", {"node": "a1", "new_set": "default"}),
        ("rtp_relay:update", {"node": "a1", "new_node": "a2"}),
        ("rtp_relay:move", {"callid": "c", "node": "a2"}),
    ):
        error = await refused(control, method, **given)
        assert error.code == 409
        assert "new_set" in given or f"a2 takes no calls: it is {state}" in str(error.data)
    await control.steering.set_state(A2, AdminState.ACTIVE, WISH)
    assert (await ask(control, "rtp_relay:node_drain", node="a1", new_node="a2"))["job"]


async def test_calls_are_sent_to_no_node_that_leaves_or_is_removed(control: Control) -> None:
    await control.steering.remove(A2, WISH, drain=True)
    assert (await refused(control, "rtp_relay:node_drain", node="a1", new_node="a2")).code == 409
    await control.steering.remove(A2, WISH)
    assert (await refused(control, "rtp_relay:node_drain", node="a1", new_node="a2")).code == 404


@pytest.mark.parametrize("move", [("rtp_relay:update", "new_", {}), ("rtp_relay:move", "", {"callid": "c"})])
@pytest.mark.parametrize(
    ("place", "code"),
    [
        ({"node": "a9"}, 404),
        ({"node": "a2", "set": "gold"}, 400),
        ({"node": "a2", "engine": "rtpengine"}, 400),
        ({"node": "weightless"}, 409),
    ],
)
async def test_calls_are_moved_to_no_place_that_makes_no_sense(
    control: Control, move: Any, place: Any, code: int
) -> None:
    method, prefix, origin = move
    where = {f"{prefix}{name}": value for name, value in place.items()}
    assert (await refused(control, method, **origin, **where)).code == code


async def test_what_other_control_nodes_say_of_their_nodes_is_known_too(
    journal: MemoryJournal, control: Control
) -> None:
    """As where the command line asks the journal, since no service runs there."""
    there = NodeStatus(
        name="b1",
        engine="rtpproxy",
        url="udp:127.0.0.1:9",
        set="default",
        weight=1,
        state=NodeState.DRAINING,
        since=0,
        admin=AdminState.DRAINING,
    )
    status = ControlNodeStatus(name="c2", started_at=0, seen_at=0, version="1", nodes=(there,))
    await journal.publish("c2", encode_status(status), 60)
    error = await refused(control, "rtp_relay:node_drain", node="a1", new_node="b1")
    assert (error.code, error.data) == (409, "node b1 takes no calls: it is draining")
    await control.steering.set_state(NodeName("b1"), AdminState.ACTIVE, WISH)
    assert (await ask(control, "rtp_relay:node_drain", node="a1", new_node="b1"))["job"]


async def test_calls_are_moved_though_decisions_cannot_be_read(journal: MemoryJournal, control: Control) -> None:
    await control.steering.set_state(A2, AdminState.DRAINING, WISH)
    entries = journal._decisions.streams[NODES].entries
    entries.append(replace(entries[0], payload=b"\xc1"))
    assert (await ask(control, "rtp_relay:update", node="a1", new_node="gold-1"))["job"]
    for method, node, code in (("update", "a2", 409), ("node_drain", "gold-1", 503)):
        with pytest.raises(MiError) as caught:
            await outcome(control, f"rtp_relay:{method}", node="a1", new_node=node)
        assert caught.value.code == code


@pytest.mark.parametrize("given", ["nan", "inf", "9" * 400, 10**400, 1e308, True, [], "-inf", 700_000])
async def test_a_node_is_not_added_with_a_timeout_that_is_none(control: Control, given: Any) -> None:
    node = {"node": "a9", "engine": "rtpproxy", "url": "udp:127.0.0.1:9"}
    assert (await refused(control, "rtp_relay:node_add", **node, timeout=given)).code == -32602


@pytest.mark.parametrize("what", ["weight", "priority"])
async def test_a_number_that_no_event_can_hold_is_none(control: Control, what: str) -> None:
    assert (await refused(control, "rtp_relay:node_change", node="a1", **{what: 10**400})).code == -32602


async def test_calls_are_moved_once_no_control_node_places_any_there(journal: MemoryJournal, control: Control) -> None:
    async def publish(decided: int) -> None:
        status = ControlNodeStatus(name="c2", started_at=0, seen_at=0, version="1", decided=decided)
        await journal.publish("c2", encode_status(status), 60)

    await publish(0)
    draining = asyncio.create_task(ask(control, "rtp_relay:node_drain", node="a1", new_node="a2"))
    await asyncio.sleep(0.3)
    assert (await control.steering.decided()).nodes[A1].state is AdminState.DRAINING
    assert await control.bulk.going_on() == []
    await publish(1)
    assert (await draining)["job"]


async def test_a_control_node_that_does_not_follow_is_not_waited_for_for_ever(
    journal: MemoryJournal, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateways.mi.draining.PATIENCE", 0.05)
    status = ControlNodeStatus(name="c2", started_at=0, seen_at=0, version="1")
    await journal.publish("c2", encode_status(status), 60)
    assert (await ask(control, "rtp_relay:node_drain", node="a1", within=60))["job"]


@pytest.mark.parametrize("second", [{"new_node": "a1"}, {"new_set": "default"}])
async def test_of_two_nodes_that_are_drained_into_each_other_at_the_same_time_one_is(
    journal: MemoryJournal, control: Control, second: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whichever control nodes: what was decided first, stands, and the other one is told of it."""
    both, append = asyncio.Barrier(2), journal.append_decisions
    looks = iter((both.wait, both.wait))

    async def append_when_both_have_looked(stream: StreamName, version: int, records: Any, **more: Any) -> int:
        if stream == NODES and (look := next(looks, None)):
            await look()
        return await append(stream, version, records, **more)

    monkeypatch.setattr(journal, "append_decisions", append_when_both_have_looked)
    other = Control(journal, name="control-2", configured=NODE_LIST)
    came = await asyncio.gather(
        outcome(control, "rtp_relay:node_drain", node="a1", new_node="a2"),
        outcome(other, "rtp_relay:node_drain", node="a2", **second),
        return_exceptions=True,
    )
    (error,) = [one for one in came if isinstance(one, MiError)]
    assert error.code == 409
    assert "takes no calls: it is draining" in str(error.data) or "is to take calls" in str(error.data)
    assert [one.state for one in (await control.steering.decided()).nodes.values()] == [AdminState.DRAINING]
    assert len(await control.bulk.going_on()) == 1


async def test_who_may_only_look_drains_nothing(control: Control) -> None:
    with pytest.raises(MiError) as caught:
        await ask(control, "rtp_relay:node_drain", Caller("guest", Role.READ), node="a1", new_node="a2")
    assert caught.value.code == 403
    assert not (await control.steering.decided()).nodes
