"""What can be changed by the page, and what the journal says of who did it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.control.bulk import BulkMoves
from actors.control.status import ControlNodeStatus, NodeStatus, encode_status
from engines.health import NodeState
from events.decisions import NODES
from events.memory import MemoryJournal
from events.names import NodeName
from gateways.mi.methods import Role
from replay.node_decisions import NodeDecisions
from replay.nodes import fold_nodes
from tests.rtp_relay.web.visitor import Visitor, visiting


@pytest.fixture
async def journal() -> AsyncIterator[MemoryJournal]:
    made = MemoryJournal()
    node = NodeStatus(
        name="relay-1", engine="rtpengine", url="udp:127.0.0.1:9", set="gold", weight=3, state=NodeState.UP, since=1
    )
    status = ControlNodeStatus(
        name="control-1", started_at=1, seen_at=1, version="1", nodes=(node, replace(node, name="relay-2"))
    )
    await made.publish("control-1", encode_status(status), 60)
    yield made
    await made.close()


@pytest.fixture
async def visitor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal: MemoryJournal) -> AsyncIterator[Visitor]:
    async with visiting(monkeypatch, tmp_path, journal) as one:
        await one.log_in(Role.OPERATE)
        assert await one.get("/node?name=relay-1") == 200
        yield one


async def decided(journal: MemoryJournal) -> NodeDecisions | None:
    return fold_nodes(await journal.read_decisions(NODES)).nodes.get(NodeName("relay-1"))


async def test_a_node_is_disabled_and_enabled(visitor: Visitor, journal: MemoryJournal) -> None:
    assert await visitor.send("/node/state", node="relay-1", state="disabled", reason="new <disk>") == 200
    now = await decided(journal)
    assert now is not None
    assert now.state == "disabled"
    assert (now.last_event.asked_by, now.last_event.reason) == ("olga (page)", "new <disk>")
    assert "relay-1 is disabled." in visitor.text
    assert "by olga (page)" in visitor.text
    assert "new <disk>" in visitor.text
    assert await visitor.send("/node/state", node="relay-1", state="active") == 200
    now = await decided(journal)
    assert now is not None
    assert now.state == "active"
    assert await visitor.send("/node/state", node="relay-1", state="active") == 200
    assert "Nothing to do" in visitor.text


async def test_a_node_is_drained_with_a_deadline(visitor: Visitor, journal: MemoryJournal) -> None:
    assert await visitor.send("/node/drain", node="relay-1", deadline="10m", reason="reboot") == 200
    now = await decided(journal)
    assert now is not None
    assert now.state == "draining"
    (job,) = await BulkMoves(journal, "test").going_on()
    assert (job.asked_by, job.reason, job.parts[0].node) == ("olga (page)", "reboot", "relay-1")
    assert f"Job {job.job}: asked for" in visitor.text


async def test_the_last_node_of_a_set_has_nowhere_to_be_drained_to(visitor: Visitor, journal: MemoryJournal) -> None:
    await visitor.send("/node/state", node="relay-2", state="disabled")
    await visitor.send("/node/drain", node="relay-1", deadline="10m")
    assert "no other rtpengine node of set 'gold' is to take calls" in visitor.text
    assert await decided(journal) is None


async def test_a_deadline_that_no_job_can_have_drains_nothing(visitor: Visitor, journal: MemoryJournal) -> None:
    await visitor.send("/node/drain", node="relay-1", deadline="300d")
    assert "Refused: Bad within" in visitor.text
    assert await decided(journal) is None


@pytest.mark.parametrize("deadline", ["soon", "-1s", "1 m"])
async def test_a_deadline_that_is_none_drains_nothing(visitor: Visitor, journal: MemoryJournal, deadline: str) -> None:
    assert await visitor.send("/node/drain", node="relay-1", deadline=deadline) == 400
    assert await decided(journal) is None


async def test_a_weight(visitor: Visitor, journal: MemoryJournal) -> None:
    assert await visitor.send("/node/weight", node="relay-1", weight="7") == 200
    now = await decided(journal)
    assert now is not None
    assert now.weight == 7
    assert await visitor.send("/node/weight", node="relay-1", weight="many") == 400


@pytest.mark.parametrize("path", ["/call/end?id=live-1", "/call/move?id=live-1"])
async def test_what_needs_a_service_says_so(visitor: Visitor, path: str) -> None:
    await visitor.send(path)
    assert "Refused:" in visitor.text


async def test_an_unknown_node_is_refused(visitor: Visitor) -> None:
    assert await visitor.send("/node/state", node="relay-9", state="disabled") == 404
    assert "Refused:" in visitor.text
    assert "relay-9" in visitor.text


async def test_a_job_is_watched_and_cancelled(visitor: Visitor, journal: MemoryJournal) -> None:
    await visitor.send("/node/drain", node="relay-1", deadline="10m", reason="<reboot>")
    (job,) = await BulkMoves(journal, "test").going_on()
    assert await visitor.get("/moves") == 200
    assert f"Job {job.job}: asked for, 0 of 0 calls done" in visitor.text
    assert "<reboot>" in visitor.text
    assert await visitor.send("/moves/cancel", job=job.job) == 200
    assert f"Job {job.job} moves no more calls." in visitor.text
    (job,) = await BulkMoves(journal, "test").going_on()
    assert job.state == "cancelled"
    assert await visitor.get(f"/moves?job={job.job}") == 200
    assert await visitor.get("/moves?job=none") == 404
    await visitor.get("/moves")
    assert await visitor.send("/moves/cancel", job="none") == 200
    assert "Refused: Job not found" in visitor.text


async def test_relays_that_do_not_answer_are_said_not_to_be_compared(visitor: Visitor) -> None:
    assert await visitor.get("/findings") == 200
    assert "Nothing was compared" in visitor.text
    assert await visitor.send("/findings/compare") == 200
    assert "The relays are compared with the journal." in visitor.text
    async with asyncio.timeout(30):
        while "Being compared" in visitor.text:
            await asyncio.sleep(0.1)
            await visitor.get("/findings/part")
    assert "for olga : 0 sessions that no call has, 0 ghosts" in visitor.text
    assert "relay-1 : not compared," in visitor.text
