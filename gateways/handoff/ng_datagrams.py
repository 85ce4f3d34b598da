"""ng datagrams handed to the worker that serves their call; the reply leaves from there: all have the same address."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final, Protocol

from actors.sockets.reading import Control
from gateways.handoff.calls import call_of_ng
from gateways.handoff.mesh import Kind, Mesh

_DATAGRAM: Final = Kind.NG_DATAGRAM


class Port(Protocol):
    """A listening address for datagrams."""

    def serve(self, datagram: bytes, address: Any, source: Control, waited: float) -> None:
        """Serve a request that came to this address, and answer from `source`."""


class NgDatagrams:
    """The datagrams of the ng door's side of a mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._ports: list[Port] = []
        mesh.on(_DATAGRAM, self._take)

    def add(self, port: Port) -> int:
        """Add a listening address; return its number, which is the same at all workers."""
        self._ports.append(port)
        return len(self._ports) - 1

    def hands_over(self, port: int, datagram: bytes, address: Any, source: Control, waited: float) -> bool:
        """Hand a datagram over; return False if it is this worker's."""
        worker = server_of(self._mesh, datagram)
        if worker is None:
            return False
        return self._mesh.hand_over(worker, _DATAGRAM, port, datagram, address, source, monotonic() - waited)

    def _take(self, _worker: int, fields: list[Any]) -> None:
        port, datagram, address, source, came_at = fields
        control = [(level, kind, data) for level, kind, data in source]
        self._ports[port].serve(datagram, tuple(address), control, monotonic() - came_at)


def server_of(mesh: Mesh, message: bytes) -> int | None:
    """Return the other worker that serves an ng request; None if this one does."""
    call_id = call_of_ng(message)
    return None if call_id is None else mesh.server(call_id)
