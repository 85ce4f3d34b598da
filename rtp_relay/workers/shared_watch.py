"""What happens to calls, told to the worker that has the management interface, while it wants to hear of it."""

from __future__ import annotations

from actors.control.happenings import CallHappening, CallWatch, Happening, Tell
from actors.observers import Observers
from events.names import CallId
from gateways.handoff.mesh import Kind, Mesh

FIRST = 1
"""The worker that has the management interface."""


def tell_first(mesh: Mesh, observers: Observers) -> None:
    """Tell the first worker what happens here, from when it asks for that."""

    def tell(happening: Happening) -> None:
        if isinstance(happening, CallHappening):
            fields = (happening.name, happening.call_id, happening.session, happening.reason, happening.copy)
            mesh.send(FIRST, Kind.HAPPENED, *fields)

    watch = CallWatch(observers, tell)
    mesh.on(Kind.WATCH, lambda _worker, fields: watch.want(bool(fields[0])))


class HearsOthers:
    """The first worker: hears of all calls, whichever worker serves them."""

    def __init__(self, mesh: Mesh, own: CallWatch, tell: Tell) -> None:
        self._mesh, self._own = mesh, own
        self._wanted = False
        mesh.on(Kind.HAPPENED, lambda _worker, fields: tell(_read(*fields)))
        mesh.watch(self)

    def want(self, wanted: bool) -> None:
        """Ask all workers to tell, or not to any more."""
        self._wanted = wanted
        self._own.want(wanted)
        self._mesh.tell_all(Kind.WATCH, wanted)

    def joined(self, worker: int, *, is_new: bool) -> None:  # noqa: ARG002
        """Ask a worker that has come."""
        self._mesh.send(worker, Kind.WATCH, self._wanted)

    def left(self, worker: int) -> None:
        """Handle the end of a worker: it tells nothing any more."""


def _read(name: str, call_id: str, session: int, reason: str, copy: str) -> CallHappening:
    return CallHappening(name, CallId(call_id), session, reason, copy)
