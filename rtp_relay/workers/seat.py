"""What a control node has as one of several workers: its part of the calls, and what it shares with the others."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from actors.control.control import Control
from actors.control.counters import Sample
from actors.control.happenings import CallWatch, Tell
from actors.directory import Directory
from actors.node_table import NodeTable
from actors.observers import Observers
from events.names import BranchId, CallId, RelayId
from gateways.handoff.calls import call_of_stream
from gateways.handoff.mesh import Kind, Mesh
from gateways.timeout_notices import TimedOut
from rtp_relay.workers.messages import Wanted
from rtp_relay.workers.shared_health import SharedHealth
from rtp_relay.workers.shared_watch import HearsOthers, tell_first
from rtp_relay.workers.totals import unpacked


class Seat:
    """The place of one worker among the others. notices: the listening socket for timeout notices, which all have."""

    def __init__(self, mesh: Mesh, notices: socket.socket | None, asks: Callable[[Wanted], Awaitable[bytes]]) -> None:
        """Make the seat. `asks` asks the supervisor for what all have counted. Raises OSError and TimeoutError."""
        self.mesh, self.notices, self._asks = mesh, notices, asks
        self.workers: Mapping[int, int] = {mesh.me: os.getpid()}
        """The process ids of the workers that run, by their numbers, as the supervisor told last."""

    @property
    def is_first(self) -> bool:
        """Whether it is the worker that does what one alone has to."""
        return self.mesh.me == 1

    @property
    def process(self) -> str:
        """What its process is called."""
        return f"worker {self.mesh.me}"

    def processes(self) -> Sequence[tuple[int, str]]:
        """Return the ids of all processes of the service, and what each is, that which takes signals first."""
        workers = [(pid, f"worker {number}") for number, pid in sorted(self.workers.items())]
        return [(os.getppid(), "control node"), *workers]

    def take(self, directory: Directory, nodes: NodeTable, control: Control) -> Callable[[CallId], None]:
        """Take the seat; return what wakes a call that is due, at the worker that serves it."""
        control.of_all = self._samples
        control.count_with(self)
        SharedHealth(self.mesh, nodes)
        self.mesh.on(Kind.DUE, lambda _worker, fields: directory.attend(*fields))

        def attend(call_id: CallId) -> None:
            if not self._hands_over(call_id, Kind.DUE, call_id):
                directory.attend(call_id)

        return attend

    def samples(self) -> Iterable[Sample]:
        """Return what it has counted of the worker's dealings with the others."""
        yield Sample("service", "handed_over", self.mesh.handed_over)

    async def metrics(self, open_metrics: bool) -> bytes:
        """Return the page of metrics of all workers. Raises OSError and TimeoutError."""
        return await self._asks(Wanted.OPEN_METRICS if open_metrics else Wanted.TEXT)

    async def _samples(self) -> list[Sample]:
        return unpacked(await self._asks(Wanted.SAMPLES))

    def tells_first(self, observers: Observers) -> None:
        """Tell the first worker, if this is another one, what happens to the calls here that it wants to hear of."""
        if not self.is_first:
            tell_first(self.mesh, observers)

    def hears_others(self, own: CallWatch, tell: Tell) -> Callable[[bool], None]:
        """Return what has all workers tell the first one, which this is, what happens to calls, or end it."""
        return HearsOthers(self.mesh, own, tell).want

    def hands_notices_to(self, end: TimedOut) -> TimedOut:
        """Return what takes a timeout notice to the worker that serves the call, which is done with it by `end`."""
        self.mesh.on(Kind.NOTICE, lambda _worker, fields: end(*fields))

        def timed_out(call_id: CallId, branch: BranchId) -> None:
            if not self._hands_over(call_id, Kind.NOTICE, call_id, branch):
                end(call_id, branch)

        return timed_out

    def hands_vanished_to(self, end: Callable[[CallId, RelayId], None]) -> Callable[[CallId, RelayId], None]:
        """Return what takes a session that may be gone to the worker of its call, which sees to it by `end`."""
        self.mesh.on(Kind.VANISHED, lambda _worker, fields: end(*fields))

        def vanished(call_id: CallId, relay_id: RelayId) -> None:
            if not self._hands_over(call_id, Kind.VANISHED, call_id, relay_id):
                end(call_id, relay_id)

        return vanished

    async def leave(self) -> None:
        """Share nothing any more."""
        self.mesh.close()

    def _hands_over(self, call_id: CallId, kind: Kind, *fields: Any) -> bool:
        worker = self.mesh.server(call_of_stream(call_id))
        return worker is not None and self.mesh.send(worker, kind, *fields)
