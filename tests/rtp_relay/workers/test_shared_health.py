"""A dead node is found out by one worker, and known to all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from actors.messages import HealthTold, SetAdminState
from actors.node_table import NodeTable
from engines.health import AdminState, NodeSnapshot, NodeState
from events.names import NodeName
from gateways.handoff.mesh import Kind, Mesh
from rtp_relay.assembly.nodes import open_nodes
from rtp_relay.config import EngineName, NodeConfig, SocketAddress
from rtp_relay.workers.shared_health import SharedHealth
from tests.gateways.handoff.meshes import connect, meshes
from tests.peers.peer import wait_until
from tests.peers.ports import HOST

NODE = NodeConfig(name=NodeName("n"), engine=EngineName.RTPPROXY, url=SocketAddress("udp", HOST, 9))
"""Nobody is there, and nobody asks within the time that a test takes."""


async def until(condition: Any, what: str) -> None:
    async def holds() -> bool:
        return bool(condition())

    await wait_until(holds, what)


def health(table: NodeTable) -> NodeSnapshot:
    node = table.node("n")
    assert node is not None
    return node.health


def tell(table: NodeTable, message: object) -> None:
    actor = table.actor("n")
    assert actor is not None
    actor.tell(message)


@asynccontextmanager
async def sharing(*workers: Mesh) -> AsyncIterator[list[NodeTable]]:
    async with AsyncExitStack() as stack:
        tables = [await stack.enter_async_context(open_nodes([NODE])) for _ in workers]
        for mesh, table in zip(workers, tables, strict=True):
            SharedHealth(mesh, table)
            stack.callback(mesh.close)
        yield tables


async def test_what_becomes_of_a_node_at_one_worker_is_known_to_the_others() -> None:
    async with sharing(*meshes(3)) as tables:
        tell(tables[0], HealthTold(True, "did not answer"))
        await until(lambda: all(health(table).state is NodeState.DOWN for table in tables), "all know that it is down")
        assert "did not answer" in health(tables[2]).last_failure
        tell(tables[1], HealthTold(False, "answers again"))
        await until(lambda: all(health(table).state is NodeState.UP for table in tables), "all know that it is up")


async def test_a_worker_that_starts_later_is_told() -> None:
    one, two = meshes(2)
    async with sharing(one, two) as tables:
        tell(tables[0], HealthTold(True, "did not answer"))
        await until(lambda: health(tables[1]).state is NodeState.DOWN, "the other worker knows")
        two.close()
        late = Mesh(2, 2, is_new=True)
        async with sharing(late) as (table,):
            connect(one, late, is_new=True)
            late.tell_all(Kind.BEAT)
            await until(lambda: health(table).state is NodeState.DOWN, "the new worker knows")


async def test_of_a_disabled_node_nothing_is_told() -> None:
    async with sharing(*meshes(2)) as tables:
        tell(tables[1], HealthTold(True, "did not answer"))
        await until(lambda: health(tables[0]).state is NodeState.DOWN, "the other worker knows")
        tell(tables[1], SetAdminState(AdminState.DISABLED, "to be replaced"))
        await until(lambda: health(tables[1]).state is NodeState.DISABLED, "it is disabled there")
        tell(tables[0], SetAdminState(AdminState.DRAINING))
        await until(lambda: health(tables[0]).admin is AdminState.DRAINING, "it is draining here")
        assert health(tables[0]).state is NodeState.DOWN, "what an operator wants says nothing of how it is"
        assert health(tables[1]).admin is AdminState.DISABLED, "and each control node has that from the journal"
