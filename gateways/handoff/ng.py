"""ng requests handed to the worker that serves their call, and the replies brought back.

Datagrams go their own way (`ng_datagrams`). The reply to a request on a connection goes back to the worker that has the
connection, which serves what another one took to its grave itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any

from gateways.handoff.mesh import Kind, Mesh
from gateways.handoff.ng_datagrams import NgDatagrams, server_of
from gateways.ng.cache import Send
from gateways.ng.handler import Handler, Peer
from gateways.ng.limits import Clients

KEPT = 60.0
"""Seconds after which nobody waits for the reply to a request that was handed over any more."""

_EXPIRED_A_TURN = 4


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
        self.datagrams = NgDatagrams(mesh)
        self._handed: dict[int, _Handed] = {}
        self._last = 0
        self._waiting_for_idle: asyncio.Future[None] | None = None
        mesh.on(Kind.NG_MESSAGE, self._take_message)
        mesh.on(Kind.NG_REPLY, self._take_reply)
        mesh.watch(self)

    def take(self, message: bytes, peer: Peer, send: Send, waited: float = 0.0) -> None:
        """Handle a message of a connection, here or where its call is served."""
        worker = server_of(self._mesh, message)
        if worker is not None:
            came_at = monotonic() - waited
            self._expire(came_at - KEPT)
            self._last += 1
            if self._mesh.hand_over(
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
