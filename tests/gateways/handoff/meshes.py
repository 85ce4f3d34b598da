"""Several workers' meshes in one process."""

from __future__ import annotations

import socket

from gateways.handoff.mesh import Mesh


def connect(one: Mesh, other: Mesh, *, is_new: bool = False) -> None:
    """Link two workers; `is_new` says that the second one starts while the first is at work."""
    ends = socket.socketpair()
    one.add(other.me, ends[0], is_new=is_new)
    other.add(one.me, ends[1], is_new=False)


def meshes(workers: int) -> list[Mesh]:
    """Return all workers, linked."""
    made = [Mesh(number, workers) for number in range(1, workers + 1)]
    for place, one in enumerate(made):
        for other in made[:place]:
            connect(other, one)
    return made


def served_by(mesh: Mesh, worker: int, prefix: str = "call") -> str:
    """Return a call-id that a worker serves."""
    for number in range(1000):
        call_id = f"{prefix}-{number}"
        if (mesh.server(call_id.encode()) or mesh.me) == worker:
            return call_id
    raise LookupError(worker)
