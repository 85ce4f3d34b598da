"""`rtp_relay_update` and its own methods: which job each form asks for, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from actors.control.control import Control
from actors.control.status import NodeStatus
from engines.health import NodeState
from engines.set_names import BY_NAME
from engines.sets import NodeSpec
from events.bulk_parts import BulkPart
from events.memory import MemoryJournal
from events.names import NodeName
from gateways.mi.bulk import BulkMethods
from gateways.mi.jsonrpc import MiError, MiRequest
from gateways.mi.methods import Caller, Methods, Role

OPERATOR = Caller("root", Role.OPERATE)
RP1, RP2 = NodeName("rp1"), NodeName("rp2")
NODES = [
    NodeSpec(name=RP1, engine="rtpproxy", url="udp:127.0.0.1:2222", set="1"),
    NodeSpec(name=RP2, engine="rtpproxy", url="udp:127.0.0.1:2223", set="1"),
]


class Nodes(Control):
    """A control interface that knows two nodes."""

    def __init__(self) -> None:
        super().__init__(MemoryJournal(), name="control-1", configured=NODES)

    def specs(self) -> list[NodeSpec]:
        return NODES


@pytest.fixture
async def control() -> Nodes:
    return Nodes()


async def ask(control: Control, method: str, params: Any, caller: Caller = OPERATOR) -> Any:
    methods = Methods()
    BulkMethods(control, BY_NAME).add_to(methods)
    return await methods.call(MiRequest(method, params, 1, wants_reply=True), caller)


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ([], BulkPart()),
        ({}, BulkPart()),
        (["rtpproxy"], BulkPart(engine="rtpproxy")),
        (["rtpproxy", 1], BulkPart(engine="rtpproxy", set="1")),
        (["rtpproxy", NODES[0].url], BulkPart(engine="rtpproxy", node=RP1)),
        (["rtpproxy", "1", NODES[0].url], BulkPart(engine="rtpproxy", set="1", node=RP1)),
        ({"node": "rp1", "new_node": NODES[1].url}, BulkPart(node=RP1, new_node=RP2)),
        ({"set": 1, "new_node": "rp1"}, BulkPart(set="1", new_node=RP1)),
        ({"new_engine": "route", "new_set": "2"}, BulkPart(new_engine="route", new_set="2")),
        ({"node": "rp1", "elsewhere": 1}, BulkPart(node=RP1, elsewhere=True)),
    ],
)
async def test_each_documented_form_asks_for_what_it_says(control: Nodes, params: Any, part: BulkPart) -> None:
    accepted = await ask(control, "rtp_relay_update", params)
    assert accepted["status"] == "Accepted"
    progress = await control.bulk.progress(accepted["job"])
    assert progress.parts == (part,)
    assert (progress.state, progress.asked_by, progress.reason) == ("asked for", "root", "rtp_relay_update")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (["nonsense"], 404),
        ({"engine": "nonsense"}, 404),
        ({"node": "rp9"}, 404),
        ({"new_node": "rp9"}, 404),
        ({"new_set": "2"}, 404),
        ({"set": 2}, 404),
        ({"new_engine": "nonsense"}, 404),
        ({"new_engine": "mediaproxy"}, 404),
        ({"rate": 0}, 400),
        ({"in_flight": -1}, 400),
        ({"elsewhere": 1}, 400),
        ({"nonsense": 1}, -32602),
        (["rtpproxy", 1, "rp1", 1, "rp2"], -32602),
        (["rtpproxy", 1, NODES[0].url, 1], -32602),
    ],
)
async def test_what_makes_no_sense_asks_for_nothing(control: Nodes, params: Any, code: int) -> None:
    with pytest.raises(MiError) as caught:
        await ask(control, "rtp_relay_update", params)
    assert caught.value.code == code
    assert await ask(control, "rtp_relay:update_status", []) == []


async def test_by_position_it_takes_the_filters_alone_and_which_says_so(control: Nodes) -> None:
    forms = await ask(control, "which", ["rtp_relay_update"])
    filters = [[], ["engine"], ["engine", "set"], ["engine", "node"], ["engine", "set", "node"]]
    assert forms[:-1] == filters
    assert {"engine", "set", "node", "new_engine", "new_set", "new_node", "reason"} < set(forms[-1])


async def test_a_job_is_told_of_and_cancelled(control: Nodes) -> None:
    job = (await ask(control, "rtp_relay:update", {"node": "rp1", "within": 60, "reason": "kernel"}))["job"]
    told = await ask(control, "rtp_relay:update_status", [job])
    assert (told["job"], told["state"], told["reason"], told["parts"]) == (
        job,
        "asked for",
        "kernel",
        [{"node": "rp1"}],
    )
    assert [one["job"] for one in await ask(control, "rtp_relay:update_status", [])] == [job]
    cancelled = await ask(control, "rtp_relay:update_cancel", {"job": job, "reason": "later"})
    assert cancelled["state"] == "cancelled"
    assert (await ask(control, "rtp_relay:update_cancel", [job]))["state"] == "cancelled", "once more is no harm"
    with pytest.raises(MiError) as caught:
        await ask(control, "rtp_relay:update_status", ["nothing"])
    assert caught.value.code == 404


async def test_who_may_only_look_moves_nothing(control: Nodes) -> None:
    reader = Caller("nobody", Role.READ)
    for method, params in (("update", []), ("update_cancel", ["x"]), ("rebalance", ["1"])):
        with pytest.raises(MiError) as caught:
            await ask(control, f"rtp_relay:{method}", params, reader)
        assert caught.value.code == 403
    assert await ask(control, "rtp_relay:update_status", [], reader) == []


async def test_a_set_is_balanced_by_the_calls_of_nodes_that_take_any(
    control: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(spec: NodeSpec, calls: int, state: NodeState = NodeState.UP) -> NodeStatus:
        return NodeStatus(
            name=spec.name, engine=spec.engine, url=spec.url, set="1", weight=1, state=state, since=0, calls=calls
        )

    nodes = [status(NODES[0], 9), status(NODES[1], 1)]

    async def here() -> list[NodeStatus]:
        return nodes

    monkeypatch.setattr(control, "nodes", here)
    monkeypatch.setattr(control, "directory", object())
    told = await ask(control, "rtp_relay:rebalance", [1])
    assert told["moves"] == [{"node": "rp1", "new_node": "rp2", "calls": 4}]
    assert (await control.bulk.progress(told["job"])).parts == (BulkPart(node=RP1, new_node=RP2, most=4),)
    nodes[1] = status(NODES[1], 1, NodeState.DRAINING)
    assert (await ask(control, "rtp_relay:rebalance", [1]))["status"] == "Balanced"
    with pytest.raises(MiError) as caught:
        await ask(control, "rtp_relay:rebalance", ["nowhere"])
    assert caught.value.code == 404
