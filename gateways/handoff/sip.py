"""SIP messages handed to the worker whose transactions they belong to, and the connections that all workers use.

A response belongs to the worker that sent its request, which is in the branch of our Via (messages.ids). A request is
served by the worker of its Call-ID, so that retransmissions, CANCEL and ACK come to the one that had the INVITE. Only
what was begun at another one, while that worker was gone, needs to be asked for.

Datagrams are sent by whoever has something to send: all have the same address. A connection is one worker's; the others
know of it, and send through it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from enum import IntEnum
from time import monotonic
from typing import Any, TypeGuard

from gateways.handoff.calls import call_of_sip, is_response, top_branch
from gateways.handoff.mesh import Kind, Mesh
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.ids import worker_of
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transport.settings import Failed, Waited
from gateways.sip.transport.sharing import ConnectionKey
from gateways.sip.transport.transports import Transports

MAX_UNSURE = 4096
"""Of so many messages sent through other workers' connections it is known whom to tell if they do not leave."""


class _Asked(IntEnum):
    """What is asked of the worker that a message is handed to."""

    SERVE = 0  # it is yours
    IF_KNOWN = 1  # did you begin its transaction? It is mine otherwise
    AFTER_ALL = 2  # it is yours, I know nothing of it


class SipHandOff:
    """The SIP door's side of a mesh. It takes what the transports receive (transport.settings.Receive).

    remembers: for so many seconds a transaction may go on. Where others have filled this worker's place, because it has
    just begun or stood still, they may have such of its calls for so long.
    """

    def __init__(
        self, mesh: Mesh, transports: Transports, layer: TransactionLayer, note_wait: Waited, *, remembers: float
    ) -> None:
        self._mesh, self._transports, self._layer, self._note_wait = mesh, transports, layer, note_wait
        self._remembers = remembers
        self._asks_until = mesh.began_at + remembers if mesh.is_new else 0.0
        self._idle: set[int] = set()
        """Workers that had no transaction when this one began, and need not be asked of what came before it hung."""
        self._resumed_at = 0.0
        self._connections: dict[ConnectionKey, int] = {}
        self._unsure: OrderedDict[int, tuple[int, Failed]] = OrderedDict()
        self._kept: dict[int, deque[tuple[int, bytes, Hop]]] = {}
        self._last = 0
        mesh.on(Kind.SIP_MESSAGE, self._take_message)
        mesh.on(Kind.SIP_TAKEN, self._take_taken)
        mesh.on(Kind.SIP_SEND, self._take_send)
        mesh.on(Kind.SIP_UNSENT, self._take_unsent)
        mesh.on(Kind.SIP_CONNECTION, self._take_connection)
        mesh.on(Kind.SIP_IDLE, lambda worker, _fields: self._idle.add(worker))
        transports.share_connections(self)
        mesh.watch(self)

    # -- messages --

    def receive(self, data: bytes, hop: Hop) -> None:
        """Take a message that came to this worker, to the one that serves it."""
        call_id = call_of_sip(data)
        worker = self._server(data, call_id)
        if worker is None or not self._hand_to_serve(worker, data, hop):
            self._serve(data, hop, call_id)

    def _hand_to_serve(self, worker: int, data: bytes, hop: Hop) -> bool:
        """Hand a message over; what came on a stream, where nobody sends it again, is kept until it was taken."""
        if not hop.transport.reliable:
            return self._hand(worker, data, hop, _Asked.SERVE)
        self._last += 1
        if not self._hand(worker, data, hop, _Asked.SERVE, number=self._last):
            return False
        self._kept.setdefault(worker, deque()).append((self._last, data, hop))
        return True

    def _server(self, data: bytes, call_id: bytes | None) -> int | None:
        if is_response(data):
            sender = worker_of(top_branch(data))
            if sender == self._mesh.me:
                return None
            if sender is not None and self._mesh.has(sender):
                return sender
        return None if call_id is None else self._mesh.server(call_id)

    def _serve(self, data: bytes, hop: Hop, call_id: bytes | None) -> None:
        """Serve a message that is this worker's, unless another one has begun to."""
        if call_id is not None and not is_response(data) and self._asks():
            stand_in = self._mesh.stand_in(call_id)
            if self._is_to_be_asked(stand_in) and self._hand(stand_in, data, hop, _Asked.IF_KNOWN):
                return
        self._layer.receive(data, hop)

    def _asks(self) -> bool:
        """Whether others may have begun transactions of this worker's calls."""
        now = monotonic()
        resumed_at = self._mesh.resumed_at(now)
        if resumed_at != self._resumed_at:
            self._resumed_at, self._asks_until = resumed_at, resumed_at + self._remembers
            self._idle.clear()
        return now <= self._asks_until

    def _is_to_be_asked(self, stand_in: int | None) -> TypeGuard[int]:
        return stand_in is not None and stand_in not in self._idle

    def _hand(self, worker: int, data: bytes, hop: Hop, asked: _Asked, *, waited: float = 0.0, number: int = 0) -> bool:
        if hop.local not in self._transports.locals:
            return False
        local = self._transports.locals.index(hop.local)
        way = hop.transport.value, hop.host, hop.port, hop.name
        source = self._transports.source_of(hop)
        came_at = monotonic() - waited
        send = self._mesh.hand_over if asked is _Asked.SERVE else self._mesh.send
        return send(worker, Kind.SIP_MESSAGE, number, int(asked), data, local, way, source, came_at)

    def _take_message(self, worker: int, fields: list[Any]) -> None:
        number, asked, data, local, (transport, host, port, name), source, came_at = fields
        if number:
            self._mesh.send(worker, Kind.SIP_TAKEN, number)
        if local >= len(self._transports.locals):
            return
        hop = Hop(SipTransport(transport), host, port, self._transports.locals[local], name)
        waited = monotonic() - came_at
        self._transports.remember_source(hop, [(level, kind, bytes_) for level, kind, bytes_ in source])
        theirs = asked == _Asked.IF_KNOWN and not self._layer.knows(data, hop)
        if theirs and self._hand(worker, data, hop, _Asked.AFTER_ALL, waited=waited):
            return
        self._note_wait(waited)
        if asked == _Asked.SERVE:
            self._serve(data, hop, call_of_sip(data))
        else:
            self._layer.receive(data, hop)

    def _take_taken(self, worker: int, fields: list[Any]) -> None:
        """Keep nothing that a worker has taken: it takes all in their order, and had perhaps no room to say so."""
        kept = self._kept.get(worker)
        while kept and kept[0][0] <= fields[0]:
            kept.popleft()

    # -- connections --

    def has(self, key: ConnectionKey) -> bool:
        """Whether another worker has a connection."""
        return key in self._connections

    def send(self, key: ConnectionKey, data: bytes, failed: Failed) -> bool:
        """Send a message through another worker's connection; return False if none has it."""
        worker = self._connections.get(key)
        if worker is None:
            return False
        self._last += 1
        if not self._mesh.send(worker, Kind.SIP_SEND, self._last, key, data):
            return False
        self._unsure[self._last] = worker, failed
        if len(self._unsure) > MAX_UNSURE:
            self._unsure.popitem(last=False)
        return True

    def opened(self, key: ConnectionKey) -> None:
        """Tell the others of a connection that this worker has."""
        self._mesh.tell_all(Kind.SIP_CONNECTION, key, True)

    def closed(self, key: ConnectionKey) -> None:
        """Tell the others that it has it no more."""
        self._mesh.tell_all(Kind.SIP_CONNECTION, key, False)

    def joined(self, worker: int, *, is_new: bool) -> None:
        """Tell another worker of all connections; who was there before tells of its own as they open.

        One that has just begun is also told if no transaction of its calls can have begun here.
        """
        if is_new and not self._layer.transactions:
            self._mesh.send(worker, Kind.SIP_IDLE)
        for key in self._transports.own_connections():
            self._mesh.send(worker, Kind.SIP_CONNECTION, key, True)

    def left(self, worker: int) -> None:
        """Serve what a worker that is gone had not taken yet, and forget its connections."""
        for _, data, hop in self._kept.pop(worker, ()):
            self.receive(data, hop)
        self._idle.discard(worker)
        self._connections = {key: holder for key, holder in self._connections.items() if holder != worker}
        for number in [number for number, (holder, _) in self._unsure.items() if holder == worker]:
            _, failed = self._unsure.pop(number)
            failed("the worker that had the connection is gone")

    def _take_connection(self, worker: int, fields: list[Any]) -> None:
        (transport, host, port, name), is_open = fields
        key = SipTransport(transport), host, port, name
        if is_open:
            self._connections[key] = worker
        elif self._connections.get(key) == worker:
            del self._connections[key]

    def _take_send(self, worker: int, fields: list[Any]) -> None:
        number, (transport, host, port, name), data = fields

        def failed(why: str) -> None:
            self._mesh.send(worker, Kind.SIP_UNSENT, number, why)

        if not self._transports.send_through((SipTransport(transport), host, port, name), data, failed):
            failed("the connection was closed")

    def _take_unsent(self, _worker: int, fields: list[Any]) -> None:
        number, why = fields
        if number in self._unsure:
            _, failed = self._unsure.pop(number)
            failed(why)
