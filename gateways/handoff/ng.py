"""ng requests handed to the worker that serves their call, and the replies brought back.

A datagram's reply leaves from the worker that served it: all of them have the same address. That of a request on a
connection goes back to the worker that has the connection, which serves what another one took to its grave itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any, Protocol

from gateways.datagrams import Control
from gateways.handoff.calls import call_of_ng
from gateways.handoff.mesh import Kind, Mesh
from gateways.ng.cache import Send
from gateways.ng.handler import Handler, Peer
from gateways.ng.limits import Clients

KEPT = 60.0
"""Seconds after which nobody waits for the reply to a request that was handed over any more."""

_EXPIRED_A_TURN = 4


class Port(Protocol):
    """A listening address for datagrams."""

    def serve(self, datagram: bytes, address: Any, source: Control, waited: float) -> None:
        """Serve a request that came to this address, and answer from `source`."""


@dataclass(slots=True)
class _Handed:
    """A request of a connection that another worker serves."""

    worker: int
    message: bytes
    peer: Peer
    send: Send
    came_at: float


class NgHandOff:
    """The ng door's side of a mesh. It takes requests as the handler does, and hands over those that are others'."""

    def __init__(self, mesh: Mesh, handler: Handler, clients: Clients) -> None:
        self._mesh, self._handler, self._clients = mesh, handler, clients
        self._ports: list[Port] = []
        self._handed: dict[int, _Handed] = {}
        self._last = 0
        self._waiting_for_idle: asyncio.Future[None] | None = None
        mesh.on(Kind.NG_DATAGRAM, self._take_datagram)
        mesh.on(Kind.NG_MESSAGE, self._take_message)
        mesh.on(Kind.NG_REPLY, self._take_reply)
        mesh.watch(self)

    def add(self, port: Port) -> int:
        """Add a listening address; return its number, which is the same at all workers."""
        self._ports.append(port)
        return len(self._ports) - 1

    def hands_over(self, port: int, datagram: bytes, address: Any, source: Control, waited: float) -> bool:
        """Hand a datagram over; return False if it is this worker's."""
        worker = self._server(datagram)
        if worker is None:
            return False
        return self._mesh.send(worker, Kind.NG_DATAGRAM, port, datagram, address, source, monotonic() - waited)

    def take(self, message: bytes, peer: Peer, send: Send, waited: float = 0.0) -> None:
        """Handle a message of a connection, here or where its call is served."""
        worker = self._server(message)
        if worker is not None:
            came_at = monotonic() - waited
            self._expire(came_at - KEPT)
            self._last += 1
            if self._mesh.send(
                worker, Kind.NG_MESSAGE, self._last, message, peer.client.host, peer.name, peer.room, came_at
            ):
                self._handed[self._last] = _Handed(worker, message, peer, send, came_at)
                return
        self._handler.take(message, peer, send, waited)

    async def idle(self) -> None:
        """Wait until the connections of this worker have all replies that others owe them."""
        while self._handed:
            self._waiting_for_idle = asyncio.get_running_loop().create_future()
            await self._waiting_for_idle

    def joined(self, worker: int, *, is_new: bool) -> None:
        """Handle a new worker: what is handed to it comes of itself."""

    def left(self, worker: int) -> None:
        """Serve what a worker that is gone owes to connections of this one."""
        lost = [token for token, handed in self._handed.items() if handed.worker == worker]
        for token in lost:
            handed = self._handed.pop(token)
            self.take(handed.message, handed.peer, handed.send, monotonic() - handed.came_at)

    def _expire(self, before: float) -> None:
        """Forget a few of those that had no reply for long: what has no cookie gets none."""
        for token, handed in list(islice(self._handed.items(), _EXPIRED_A_TURN)):
            if handed.came_at < before:
                del self._handed[token]

    def _server(self, message: bytes) -> int | None:
        call_id = call_of_ng(message)
        return None if call_id is None else self._mesh.server(call_id)

    def _take_datagram(self, _worker: int, fields: list[Any]) -> None:
        port, datagram, address, source, came_at = fields
        control = [(level, kind, data) for level, kind, data in source]
        self._ports[port].serve(datagram, tuple(address), control, monotonic() - came_at)

    def _take_message(self, worker: int, fields: list[Any]) -> None:
        token, message, host, name, room, came_at = fields
        client = self._clients.find(host)
        if client is None:
            return

        def send(reply: bytes) -> None:
            self._mesh.send(worker, Kind.NG_REPLY, token, reply)

        self._handler.take(message, Peer(client, name, room), send, monotonic() - came_at)

    def _take_reply(self, _worker: int, fields: list[Any]) -> None:
        token, reply = fields
        handed = self._handed.pop(token, None)
        if handed is None:
            return
        handed.send(reply)
        if not self._handed and self._waiting_for_idle is not None and not self._waiting_for_idle.done():
            self._waiting_for_idle.set_result(None)
