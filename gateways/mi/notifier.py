"""Events told to their subscribers: JSON-RPC notifications, a datagram each, as OpenSIPS' event_datagram sends them.

Whoever knows of an event only puts it into a queue. What nobody can take, a full socket or queue, is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog

from actors.control.control import Control
from actors.control.happenings import (
    CALL_MOVED,
    COPY_LEFT_BEHIND,
    COPY_MOVED,
    DIGIT,
    MEDIA_TIMEOUT,
    MOVE_FAILED,
    NODE_STATE,
    ORPHAN,
    SESSION_MISSING,
    CallHappening,
    DigitHappening,
    Happening,
    NodeHappening,
    OrphanHappening,
    of_node,
)
from actors.node_table import Node
from engines.set_names import SetNames
from events.journal import JournalError
from gateways.mi.jsonrpc import Json, write_json
from gateways.mi.process import ENGINES
from gateways.mi.subscriptions import Address, Subscriber, Subscriptions

log = structlog.get_logger(bounded=True)

WAITING = 1000
"""So many events may wait to be told."""

Params = Mapping[str, Json]


def status_event(engine: str) -> str:
    """Return the name under which OpenSIPS tells that a node of an engine answers or does not."""
    return f"E_{engine.upper()}_STATUS"


EVENTS: Sequence[str] = (
    *(status_event(engine) for engine in ENGINES),
    NODE_STATE,
    CALL_MOVED,
    MOVE_FAILED,
    MEDIA_TIMEOUT,
    COPY_MOVED,
    COPY_LEFT_BEHIND,
    SESSION_MISSING,
    ORPHAN,
    DIGIT,
)
"""All events that there are; the place of each is its id."""


class Notifier:
    """Tells subscribers what happens. `wanted` is told whether there are any, whenever that may have changed."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Happening] = asyncio.Queue(WAITING)
        self._sockets: dict[int, socket.socket] = {}
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self.subscriptions = Subscriptions(EVENTS)
        self.wanted: Callable[[bool], None] = lambda wanted: None  # noqa: ARG005

    def subscribe(self, event: str, subscriber: Subscriber, expire: int) -> None:
        """Subscribe to an event for so many seconds; 0 ends it. Raises TooMany."""
        self.subscriptions.subscribe(event, subscriber, expire, self.now())
        self._look()

    def now(self) -> float:
        """Return the time by which subscriptions expire, in seconds."""
        return self._loop.time()

    def tell(self, happening: Happening) -> None:
        """Tell the subscribers, in a turn of its own."""
        if not self.subscriptions.any(self.now()):
            return
        self._task = self._task or self._loop.create_task(self._run())
        try:
            self._queue.put_nowait(happening)
        except asyncio.QueueFull:
            log.warning("event not told", why=f"{WAITING} are waiting")

    def node_changed(self, before: Node, after: Node, why: str) -> None:
        """Tell what became of a node."""
        happening = of_node(before, after, why)
        if happening is not None:
            self.tell(happening)

    async def close(self) -> None:
        """Tell nothing any more."""
        self._look_at(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for sock in self._sockets.values():
            sock.close()

    def _look(self) -> None:
        """Tell whether there are subscribers, and look again when the last one expires."""
        wanted = self.subscriptions.any(self.now())
        self._look_at(self.subscriptions.end() if wanted else None)
        self.wanted(wanted)

    def _look_at(self, when: float | None) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = None if when is None else self._loop.call_at(when, self._look)

    async def _run(self) -> None:
        while True:
            happening = await self._queue.get()
            if isinstance(happening, NodeHappening):
                for event, params in self._of_node(happening):
                    self._send(event, params)
            elif isinstance(happening, OrphanHappening):
                self._send(ORPHAN, self._of_orphan(happening))
            elif isinstance(happening, DigitHappening):
                self._send(DIGIT, _of_digit(happening))
            else:
                self._send(happening.name, await self._of_call(happening))

    def _of_node(self, happening: NodeHappening) -> Iterator[tuple[str, Params]]:
        spec, state = happening.node.spec, happening.node.health.state
        place: Params = {"socket": spec.url, "set": self._sets.number(spec.set)}
        if happening.was_active is not happening.is_active:
            status = "active" if happening.is_active else "inactive"
            yield status_event(spec.engine), {"socket": spec.url, "status": status, "set": place["set"]}
        yield NODE_STATE, {"node": spec.name, "relay": spec.engine, **place, "state": state, "reason": happening.why}

    def _of_orphan(self, happening: OrphanHappening) -> Params:
        spec = happening.node
        place: Params = {
            "node": spec.name,
            "relay": spec.engine,
            "socket": spec.url,
            "set": self._sets.number(spec.set),
        }
        known: Params = {"callid": happening.call_id} if happening.call_id else {}
        return {**place, "id": happening.relay_id, **known, "deleted": happening.deleted}

    async def _of_call(self, happening: CallHappening) -> Params:
        params: dict[str, Json] = {"callid": happening.call_id}
        if happening.copy:
            params["copy"] = happening.copy
        if happening.session:
            with contextlib.suppress(JournalError, KeyError):
                session = (await self._control.call(happening.call_id)).sessions[happening.session]
                url = next((spec.url for spec in self._control.specs() if spec.name == session.node), session.node)
                params |= {"relay": session.engine, "node": url, "set": self._sets.number(session.set)}
        return params | ({"reason": self._control.numbers.text(happening.reason)} if happening.reason else {})

    def _send(self, event: str, params: Params) -> None:
        subscribers = self.subscriptions.of(event, self.now())
        if not subscribers:
            return
        message = write_json({"jsonrpc": "2.0", "method": event, "params": params})
        for subscriber, _ in subscribers:
            try:
                self._socket(subscriber.address).sendto(message, subscriber.address)
            except OSError as error:
                log.warning("event not told", to=subscriber.socket, why=str(error))

    def _socket(self, address: Address) -> socket.socket:
        family = _family(address)
        if family not in self._sockets:
            sock = self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
            sock.setblocking(False)
        return self._sockets[family]


def _of_digit(happening: DigitHappening) -> Params:
    """Return what is told of a key: the members of rtpengine's own notice."""
    params: dict[str, Json] = {
        "callid": happening.call_id,
        "source_tag": happening.party,
        "tags": list(happening.parties),
        "type": "DTMF",
        "timestamp": happening.at,
        "source_ip": happening.source,
        "duration": happening.duration,
        "volume": happening.volume,
    }
    return params if happening.code is None else params | {"event": happening.code}


def _family(address: Address) -> int:
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET
