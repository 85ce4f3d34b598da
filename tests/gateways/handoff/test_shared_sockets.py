"""Sockets that are held for workers: the kernel follows who lives, and nothing goes to one that does not read."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
from collections.abc import Callable, Iterator

import pytest

from gateways.handoff.calls import call_of_ng
from gateways.handoff.mesh import Mesh
from gateways.handoff.shared_sockets import SharedSockets
from gateways.handoff.sharing import Sharing
from gateways.handoff.steering.programs import of_ng
from gateways.handoff.steering.socket_filter import attach
from gateways.sockets import bind
from rtp_relay.config import SocketAddress
from tests.gateways.handoff.meshes import connect

HOST = "127.0.0.1"
WORKERS = (1, 2, 3)


class Place:
    """An address with a socket for each of three workers, and a client."""

    def __init__(self) -> None:
        first = bind(SocketAddress("udp", HOST, 0), shared=True)
        self.at: tuple[str, int] = first.getsockname()
        self.address = SocketAddress("udp", *self.at)
        self.sockets = [first, *(bind(self.address, shared=True) for _ in WORKERS[1:])]
        self.client = socket.socket(type=socket.SOCK_DGRAM)
        self._given: list[socket.socket] = []

    def worker(self, number: int, *, is_new: bool = False) -> Mesh:
        """Return a worker that reads at its socket."""
        held = self.sockets[number - 1].dup()
        self._given.append(held)
        mesh = Mesh(number, len(WORKERS), is_new=is_new, held={self.at: held})
        mesh.sockets.bind(self.address, of_ng)
        return mesh

    def send(self, request: bytes) -> None:
        self.client.sendto(request, self.at)

    def receiver(self, request: bytes) -> int:
        """Return the worker that gets a request."""
        self.send(request)
        (got,), _, _ = select.select(self.sockets, [], [], 10)
        assert got.recv(65_535) == request
        return self.sockets.index(got) + 1

    def receivers(self) -> list[int]:
        return [self.receiver(request) for request in REQUESTS]

    def close(self) -> None:
        for sock in (*self.sockets, *self._given, self.client):
            sock.close()


class Member:
    """Remembers which workers have gone."""

    def __init__(self) -> None:
        self.gone: list[int] = []

    def joined(self, worker: int, *, is_new: bool) -> None:
        pass

    def left(self, worker: int) -> None:
        self.gone.append(worker)


REQUESTS = [b"1_%d d7:call-id%d:call-%d8:from-tag1:a7:command5:offere" % (n, len(f"call-{n}"), n) for n in range(60)]


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    try:
        yield made
    finally:
        made.close()


def wanted(mesh: Mesh) -> list[int]:
    """Return who serves each request, as a worker sees it."""
    call_ids = [call_of_ng(request) or b"" for request in REQUESTS]
    return [mesh.server(call_id) or mesh.me for call_id in call_ids]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_the_kernel_follows_who_lives(place: Place) -> None:
    one, two, three = meshes = [place.worker(number) for number in WORKERS]
    for mesh, others in ((two, [one]), (three, [one, two])):
        for other in others:
            connect(mesh, other)
    assert place.receivers() == wanted(one)
    assert set(wanted(one)) == {1, 2, 3}
    two.close()
    await until(lambda: 2 not in wanted(one) + wanted(three))
    assert place.receivers() == wanted(one)
    assert set(wanted(one)) == {1, 3}
    one.leave()
    assert place.receivers() == wanted(one) == [3] * len(REQUESTS)
    for mesh in meshes:
        mesh.close()


async def test_what_waits_for_a_worker_that_died_is_not_served_by_the_next_one(place: Place) -> None:
    place.worker(1).close()
    place.send(REQUESTS[0])
    assert select.select(place.sockets[:1], [], [], 10)[0]
    again = place.worker(1, is_new=True)
    assert not select.select(place.sockets, [], [], 0)[0]
    assert place.receiver(REQUESTS[1]) == 1
    again.close()


async def test_where_the_kernel_refuses_the_program_requests_go_to_workers_that_live(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses_all = False

    def refuse(program: bytes, sock: socket.socket) -> None:
        if refuses_all or len(program) > 1000:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        attach(program, sock)

    monkeypatch.setattr("gateways.handoff.shared_sockets.attach", refuse)
    one, three = place.worker(1), place.worker(3)
    connect(three, one)
    assert set(place.receivers()) <= {1, 3}
    refuses_all = True
    member = Member()
    one.watch(member)
    three.close()
    await until(lambda: member.gone == [3])  # who is left goes on, whatever the kernel says
    assert set(wanted(one)) == {1}
    one.close()


def test_other_addresses_are_bound_as_ever() -> None:
    sockets = SharedSockets(Sharing(2), {}, is_new=False)
    for transport in ("udp", "tcp"):
        with sockets.bind(SocketAddress(transport, HOST, 0), of_ng) as sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
