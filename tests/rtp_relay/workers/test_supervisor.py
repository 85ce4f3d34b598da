"""The supervisor, with workers that are none: what each is told."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from engines.registry import EngineName
from events.names import NodeName
from rtp_relay.config import Config, NodeConfig
from rtp_relay.config.addresses import SocketAddress
from rtp_relay.workers.messages import Assignment, Failed, Order, Ready, Reload, Report
from rtp_relay.workers.supervisor import Supervisor

ONE, OTHER = (
    NodeConfig(name=NodeName(name), engine=EngineName.RTPPROXY, url=SocketAddress("udp", "127.0.0.1", port))
    for name, port in (("a", 1), ("b", 2))
)


class Worker:
    """A worker that is ready at once, and remembers what it was told."""

    def __init__(self, assignment: Assignment) -> None:
        self.number, self.nodes = assignment.number, assignment.config.nodes
        self.ready = self.started = False
        self.running = True
        self.failed: Failed | None = None
        self.started_at = self.heard_at = asyncio.get_running_loop().time()
        self.pid = 0
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def listen(self, take: Callable[[Report, socket.socket | None], None]) -> None:
        asyncio.get_running_loop().call_soon(take, Ready(), None)

    def tell(self, order: Order, sock: socket.socket | None = None) -> None:  # noqa: ARG002
        if isinstance(order, Reload) and order.nodes is not None:
            self.nodes = order.nodes

    def kill(self) -> None:
        self.running = False
        if not self._ended.done():
            self._ended.set_result("killed")

    async def end(self) -> str:
        return await self._ended


async def test_a_worker_that_is_just_being_begun_takes_other_nodes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Worker] = []
    supervisor = Supervisor(Config(nodes=(ONE,)), None)

    async def begin(assignment: Assignment) -> Worker:
        supervisor.reload((ONE, OTHER))
        begun.append(Worker(assignment))
        return begun[-1]

    monkeypatch.setattr("rtp_relay.workers.supervisor.begin", begin)
    await supervisor.start()
    try:
        assert [worker.nodes for worker in begun] == [(ONE, OTHER)]
    finally:
        supervisor.kill()
        await supervisor.stop()
