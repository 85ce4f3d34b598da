"""The workers of a service as one of them sees them: links to all others, who serves which call, shared sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from enum import IntEnum
from time import monotonic
from typing import Any, Protocol, TypeAlias

import structlog

from gateways.handoff.link import Link, Message
from gateways.handoff.shared_sockets import Place, SharedSockets
from gateways.handoff.sharing import Sharing

log = structlog.get_logger()

SILENCE = 2.5
"""Seconds. A worker that gave no sign for so long hangs: its calls are served by others until it gives one."""


class Kind(IntEnum):
    """What a message between workers is."""

    BEAT = 0
    LEAVING = 1
    NODE = 2
    DUE = 3
    NOTICE = 4
    NG_DATAGRAM = 5
    NG_MESSAGE = 6
    NG_REPLY = 7
    SIP_MESSAGE = 8
    SIP_SEND = 9
    SIP_UNSENT = 10
    SIP_CONNECTION = 11
    SIP_TAKEN = 12
    WATCH = 13
    HAPPENED = 14
    VANISHED = 15
    SIP_IDLE = 16


Take: TypeAlias = Callable[[int, list[Any]], None]
"""Takes the number of the worker that sent a message, and the message's fields."""


class Membership(Protocol):
    """Who wants to know which workers there are."""

    def joined(self, worker: int, *, is_new: bool) -> None:
        """Handle a worker that is at work; `is_new` says that it has just begun."""

    def left(self, worker: int) -> None:
        """Handle the end of a link: the other worker is gone."""


class Mesh:
    """The links of worker number `me` of `workers`, which count from 1. It lives on the event loop.

    is_new: whether the others have been at work before. silence: seconds without a sign of life after which a worker
    hangs; who is silent is seen by `gateways.handoff.beating`. held: the sockets that the supervisor holds for it.
    """

    def __init__(
        self,
        me: int,
        workers: int,
        *,
        is_new: bool = False,
        silence: float = SILENCE,
        held: Mapping[Place, socket.socket] | None = None,
    ) -> None:
        self.me, self.is_new, self._silence = me, is_new, silence
        self._loop = asyncio.get_running_loop()
        self.began_at = self._beat_at = self._loop.time()
        self._resumed_at = 0.0
        self.handed_over = 0
        """Requests and messages that came here and went to the workers that serve their calls."""
        self._sharing = Sharing(workers)
        self.sockets = SharedSockets(self._sharing, held or {}, is_new=is_new)
        self._links: dict[int, Link] = {}
        self._heard: dict[int, float] = {}
        self._starting: set[int] = set()
        self._leaving: set[int] = set()
        self._silent: frozenset[int] = frozenset()
        self._takers: dict[int, Take] = {Kind.BEAT: self._take_beat, Kind.LEAVING: self._take_leaving}
        self._members: list[Membership] = []
        self._count()

    # -- for those who use it --

    def on(self, kind: Kind, take: Take) -> None:
        """Set who takes messages of a kind."""
        self._takers[kind] = take

    def watch(self, member: Membership) -> None:
        """Add one that is told of workers that come and go, those that are there at once."""
        self._members.append(member)
        for worker in self._links.keys() - self._starting:
            member.joined(worker, is_new=False)

    def server(self, call_id: bytes) -> int | None:
        """Return the other worker that serves a call; None if this one does."""
        server = self._sharing.server(call_id)
        return None if server == self.me else server

    def stand_in(self, call_id: bytes) -> int | None:
        """Return the worker that served a call of this one's while this one was gone, as far as that is known."""
        return self._sharing.stand_in(call_id)

    def has(self, worker: int) -> bool:
        """Whether another worker is there: it may hang, or be about to end."""
        return worker in self._links and worker not in self._starting

    def send(self, worker: int, kind: Kind, *fields: Any) -> bool:
        """Send a message to a worker; return False if it cannot take any."""
        link = self._links.get(worker)
        return link is not None and link.send((int(kind), *fields))

    def hand_over(self, worker: int, kind: Kind, *fields: Any) -> bool:
        """Send what came here to the worker that is to serve it; return False if it cannot take any."""
        if not self.send(worker, kind, *fields):
            return False
        self.handed_over += 1
        return True

    def tell_all(self, kind: Kind, *fields: Any) -> None:
        """Send a message to all other workers."""
        message: Message = (int(kind), *fields)
        for worker, link in list(self._links.items()):
            if worker not in self._starting or kind is Kind.BEAT:
                link.send(message)

    # -- for who makes the links --

    def add(self, worker: int, sock: socket.socket, *, is_new: bool) -> None:
        """Add the link to a worker, in place of one that is there. One that is new gets nothing until it is at work."""
        self._drop(worker)

        def take(message: list[Any]) -> None:
            self._take(worker, message)

        def lost() -> None:
            if self._links.get(worker) is link:
                self._drop(worker)

        link = self._links[worker] = Link(sock, take, lost)
        self._heard[worker] = self._loop.time()
        if is_new:
            self._starting.add(worker)
            return
        self._count()
        for member in self._members:
            member.joined(worker, is_new=False)

    def beat(self) -> None:
        """Give the others a sign of life."""
        now = monotonic()
        self.resumed_at(now)
        self._beat_at = now
        self.tell_all(Kind.BEAT)

    def resumed_at(self, now: float) -> float:
        """Return when this worker was found last to have hung, so that others have served its calls; 0 for never.

        Times are monotonic. It is found before the others hear of this worker again.
        """
        if now - self._beat_at > self._silence:
            self._resumed_at = self._beat_at = now
        return self._resumed_at

    def leave(self) -> None:
        """Have the others serve the calls from here on; what is under way ends here."""
        self.tell_all(Kind.LEAVING)
        self._leaving.add(self.me)
        self._count()

    def look_who_is_silent(self, now: float) -> None:
        """Have others serve the calls of workers that gave no sign of life for long, at a time of the loop."""
        at_work = self._links.keys() - self._starting
        silent = frozenset(worker for worker in at_work if now - self._heard[worker] > self._silence)
        for worker in silent - self._silent:
            log.warning("a worker hangs: its calls are served by others meanwhile", worker=worker)
        if silent != self._silent:
            self._silent = silent
            self._count()

    def close(self) -> None:
        """Close all links; nobody is told."""
        self._members.clear()
        for link in self._links.values():
            link.close()
        self._links.clear()

    def _take(self, worker: int, message: list[Any]) -> None:
        self._heard[worker] = self._loop.time()
        if worker in self._silent:
            self.look_who_is_silent(self._heard[worker])
        self._takers[message[0]](worker, message[1:])

    def _drop(self, worker: int) -> None:
        link = self._links.pop(worker, None)
        if link is None:
            return
        link.close()
        was_starting = worker in self._starting
        self._starting.discard(worker)
        self._leaving.discard(worker)
        self._count()
        for member in () if was_starting else self._members:
            member.left(worker)

    def _count(self) -> None:
        self._silent &= frozenset(self._links)
        alive = {self.me, *self._links} - self._silent - self._starting - self._leaving
        self._sharing.set_alive(alive or {self.me})
        self.sockets.steer()

    def _take_beat(self, worker: int, _fields: list[Any]) -> None:
        """Take a sign of life; the first one says that a new worker is at work."""
        if worker not in self._starting:
            return
        self._starting.discard(worker)
        self._count()
        for member in self._members:
            member.joined(worker, is_new=True)

    def _take_leaving(self, worker: int, _fields: list[Any]) -> None:
        self._leaving.add(worker)
        self._count()
