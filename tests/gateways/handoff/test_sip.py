"""SIP messages between workers, at the border: what the transactions get, and what leaves through whose connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from gateways.handoff.mesh import Kind, Mesh
from gateways.handoff.sip import SipHandOff
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transport.settings import Listen, TransportSettings
from gateways.sip.transport.transports import Transports
from tests.gateways.handoff.meshes import connect, meshes, served_by
from tests.peers.peer import wait_until
from tests.peers.ports import HOST


@dataclass
class Layer:
    """Takes what comes; knows the calls that it is told."""

    came: list[tuple[bytes, Hop]] = field(default_factory=list)
    transactions: int = 0
    asked: int = 0

    def receive(self, data: bytes, hop: Hop) -> None:
        self.came.append((data, hop))

    def knows(self, data: bytes, hop: Hop) -> bool:
        del data, hop
        self.asked += 1
        return False


@dataclass
class Worker:
    mesh: Mesh
    transports: Transports
    layer: Layer

    @property
    def tcp(self) -> int:
        return next(local.port for local in self.transports.locals if local.transport is SipTransport.TCP)


@asynccontextmanager
async def worker(mesh: Mesh) -> AsyncIterator[Worker]:
    listen = [Listen(SipTransport.UDP, HOST, 0), Listen(SipTransport.TCP, HOST, 0)]
    layer = Layer()

    def receive(data: bytes, hop: Hop) -> None:
        hand_off.receive(data, hop)

    transports = Transports(TransportSettings(listen=listen), receive)
    hand_off = SipHandOff(mesh, transports, cast("TransactionLayer", layer), lambda _seconds: None, remembers=240)
    await transports.open()
    try:
        yield Worker(mesh, transports, layer)
    finally:
        mesh.close()
        await transports.close()


@pytest.fixture
async def two() -> AsyncIterator[tuple[Worker, Worker]]:
    """Return two workers; connections are accepted by the first one, since the second has other ports."""
    async with AsyncExitStack() as stack:
        one, other = meshes(2)
        yield await stack.enter_async_context(worker(one)), await stack.enter_async_context(worker(other))


async def until(condition: Any, what: str) -> None:
    async def holds() -> bool:
        return bool(condition())

    await wait_until(holds, what)


def options(call_id: str) -> bytes:
    return f"OPTIONS sip:x SIP/2.0\r\nCall-ID: {call_id}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_a_message_on_a_connection_is_served_elsewhere_and_answered_through_it(
    two: tuple[Worker, Worker],
) -> None:
    one, other = two
    reader, writer = await asyncio.open_connection(HOST, one.tcp)
    message = options(served_by(one.mesh, 2))
    writer.write(message)
    await until(lambda: other.layer.came, "the other worker has it")
    ((data, hop),) = other.layer.came
    assert (data, one.layer.came) == (message, [])
    assert (hop.host, hop.port) == writer.get_extra_info("sockname")
    assert other.transports.connected(hop)
    other.transports.send(b"reply", hop)
    assert await reader.readexactly(5) == b"reply"
    writer.close()
    await until(lambda: not other.transports.connected(hop), "the other worker knows that it is closed")


async def test_what_cannot_leave_through_anothers_connection_is_told_to_who_sent_it(two: tuple[Worker, Worker]) -> None:
    one, other = two
    _, writer = await asyncio.open_connection(HOST, one.tcp)
    writer.write(options(served_by(one.mesh, 2)))
    await until(lambda: other.layer.came, "the other worker has it")
    hop = other.layer.came[0][1]
    failures: list[str] = []
    one.mesh.close()  # it dies before it has sent
    other.transports.send(b"reply", hop, failures.append)
    await until(lambda: failures, "it is told")
    writer.close()


async def test_what_a_worker_had_not_taken_when_it_died_is_served_by_who_has_the_connection(
    two: tuple[Worker, Worker],
) -> None:
    one, other = two
    _, writer = await asyncio.open_connection(HOST, one.tcp)
    call_id = served_by(one.mesh, 2)
    other.mesh._links[1]._loop.remove_reader(other.mesh._links[1]._sock)  # it reads nothing any more
    writer.write(options(call_id))
    await until(lambda: one.mesh._links[2]._sock and _kept(one), "it was handed over")
    assert one.layer.came == []
    other.mesh.close()
    await until(lambda: [data for data, _ in one.layer.came] == [options(call_id)], "it is served after all")
    writer.close()


@pytest.mark.sources
async def test_what_was_taken_is_not_kept_though_the_word_of_it_was_lost(
    two: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker has no room for an answer while this one stands still."""
    one, other = two
    really, lost = other.mesh.send, 0

    def send(worker: int, kind: Kind, *fields: Any) -> bool:
        nonlocal lost
        if kind is Kind.SIP_TAKEN and lost < 20:
            lost += 1
            return False
        return really(worker, kind, *fields)

    monkeypatch.setattr(other.mesh, "send", send)
    _, writer = await asyncio.open_connection(HOST, one.tcp)
    for number in range(21):
        writer.write(options(served_by(one.mesh, 2, f"{number}-")))
    await until(lambda: len(other.layer.came) == 21, "the other worker has them")
    await until(lambda: not _kept(one), "none is kept")
    assert lost == 20
    other.mesh.close()
    await asyncio.sleep(0.05)
    assert one.layer.came == [], "none is served twice"
    writer.close()


def _kept(one: Worker) -> int:
    shared = one.transports._connections.others
    assert isinstance(shared, SipHandOff)
    return sum(map(len, shared._kept.values()))


@pytest.mark.parametrize("transactions", [0, 1])
async def test_a_new_worker_asks_those_that_may_have_begun_what_is_its_own(transactions: int) -> None:
    first, second = Mesh(1, 2), Mesh(2, 2, is_new=True)
    connect(first, second, is_new=True)
    async with worker(first) as one, worker(second) as new:
        one.layer.transactions = transactions
        second.tell_all(Kind.BEAT)  # it is at work
        await until(lambda: first.server(served_by(second, 2).encode()) == 2, "the other worker knows that")
        messages = [options(served_by(second, 2, prefix)) for prefix in "abc"]
        _, writer = await asyncio.open_connection(HOST, new.tcp)
        for message in messages:
            writer.write(message)
        await until(lambda: len(new.layer.came) == len(messages), "they are served")
        assert [data for data, _ in new.layer.came] == messages
        assert (one.layer.asked, one.layer.came) == (len(messages) * transactions, [])
        writer.close()


@pytest.mark.parametrize("notices", ["by its own clock", "by a message"])
async def test_a_worker_that_hung_asks_those_that_may_have_begun_what_is_its_own(notices: str) -> None:
    first, second = Mesh(1, 2), Mesh(2, 2, is_new=True, silence=0.2)
    connect(first, second, is_new=True)
    async with worker(first) as one, worker(second) as new:
        second.beat()
        await until(lambda: first.server(served_by(second, 2).encode()) == 2, "the other worker knows that")
        time.sleep(0.3)  # noqa: ASYNC251 it hangs
        if notices == "by its own clock":
            second.beat()
        _, writer = await asyncio.open_connection(HOST, new.tcp)
        writer.write(options(served_by(second, 2)))
        await until(lambda: len(new.layer.came) == 1, "it is served")
        assert one.layer.asked == 1
        writer.close()
