"""What happens with a message of a client that may ask, until its reply is sent: the middle of the ng door.

It knows no sockets: a message comes with the name of its peer and a way to send the reply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from actors.commands.command import CallCommand
from actors.results import OVERLOADED, MediaResult, Refused
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode
from events.values import value
from events.verb import OFFER
from gateways.ng import message as messages
from gateways.ng import replies
from gateways.ng.cache import ReplyCache, RequestInProgress, Send, digest_of, key_of
from gateways.ng.counters import NgCounters
from gateways.ng.limits import Client, Clients
from gateways.ng.message import Encoder, UnreadableMessage
from gateways.ng.overview import Overview, TakesWords, limit_of
from gateways.ng.request import PER_CALL, RefusedRequest, command_of, name_of_command, supports_load_limit

log = structlog.get_logger(bounded=True)

PATIENCE = 30.0
"""Seconds after which a request that nothing inside has replied to is answered with an error."""

NOT_READY = "Not ready"

_OWN_COMMANDS = frozenset({"ping", "list", "statistics"})
_RESULTS = {result.encode(): result for result in ("ok", "error", "load limit", "pong")}
_EXPIRED_A_TICK = 5000


class Calls(Protocol):
    """Where commands about calls go: the directory."""

    def submit(self, command: CallCommand[MediaResult], reply: Callable[[MediaResult], None]) -> None:
        """Submit a command to its call; `reply` is called once with the result."""


@value
class Peer:
    """Who sent a message, and what a reply to it may be.

    client: the host. name: transport, host and port, ending in a NUL. room: the longest reply, in bytes.
    """

    client: Client
    name: bytes
    room: int


class TakesMessages(Protocol):
    """Where the doors' sockets bring what came."""

    def take(self, message: bytes, peer: Peer, send: Send, waited: float = 0.0) -> None:
        """Handle a message that came `waited` seconds ago; the reply goes by `send`."""


class _Work(RequestInProgress):
    """A request in work, with what its reply needs."""

    __slots__ = ("body", "client", "command", "cookie", "encode", "received_at", "request", "room")

    def __init__(self, key: bytes, began: float, send: Send, peer: Peer, cookie: bytes) -> None:
        super().__init__(key, began, send)
        self.client, self.room, self.cookie = peer.client, peer.room, cookie
        self.body: bytes
        self.received_at: int
        self.encode: Encoder
        self.request: NgDict
        self.command = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class NgBackend:
    """What is behind the door.

    calls: takes the commands about calls. overview: answers those about all. now: ms since the epoch. monotonic:
    seconds. ready: whether this control node can serve calls. set: the node set of new calls.
    """

    calls: Calls
    overview: Overview
    now: Callable[[], int]
    monotonic: Callable[[], float]
    ready: Callable[[], bool]
    set: str


class Handler:
    """Reads requests, has each carried out once, and answers it and its repeats."""

    def __init__(self, backend: NgBackend, clients: Clients, cache: ReplyCache, counters: NgCounters) -> None:
        self._backend, self._clients, self._cache, self._counters = backend, clients, cache, counters
        self._closing = False
        self._when_idle: Callable[[], None] = _nothing

    def close(self, when_idle: Callable[[], None]) -> None:
        """Answer what is new from now on with the load limit; call `when_idle` once nothing is in work any more."""
        self._closing, self._when_idle = True, when_idle
        self._report_idle()

    def _report_idle(self) -> None:
        if self._closing and not self._cache.busy:
            self._when_idle()

    def take(self, message: bytes, peer: Peer, send: Send, waited: float = 0.0) -> None:
        """Handle a message that came `waited` seconds ago. Whatever is in it, this returns soon and raises nothing."""
        try:
            self._take(message, peer, send, waited)
        except Exception:
            self._counters.failures += 1
            log.exception("ng door failed on a message", client=peer.client.host)

    def tick(self) -> None:
        """Do what time brings, about once a second: forget old replies, answer what has waited for too long."""
        now = self._backend.monotonic()
        self._cache.expire(now, _EXPIRED_A_TICK)
        for work in self._cache.overdue(now - PATIENCE):
            if isinstance(work, _Work):
                self._counters.unanswered += 1
                log.error("ng request without a reply", verb=work.command, client=work.client.host)
                self._finish(work, replies.error(f"No reply within {PATIENCE:g} s"))

    # -- a message comes --

    def _take(self, message: bytes, peer: Peer, send: Send, waited: float) -> None:
        key = key_of(peer.name, message)
        reply = self._cache.reply(key)
        if reply is not None:
            self._counters.repeats += 1
            send(reply)
            return
        first = self._cache.in_work(key)
        if first is not None:
            self._counters.repeats += 1
            first.add(send)
            return
        self._take_first(key, message, peer, send, waited)

    def _take_first(self, key: bytes, message: bytes, peer: Peer, send: Send, waited: float) -> None:
        parts = messages.split(message)
        if parts is None:
            self._counters.garbage += 1
            log.warning("ng message without a cookie", client=peer.client.host, begin=message[:40])
            return
        cookie, body = parts
        work = _Work(key, self._backend.monotonic(), send, peer, cookie)
        work.body = body
        work.received_at = self._backend.now() - round(waited * 1000)
        try:
            work.request, work.encode = messages.read(body)
        except UnreadableMessage as error:
            self._counters.unreadable += 1
            log.warning("ng message unreadable", client=peer.client.host, why=error.why)
            send(messages.join(cookie, error.reply))
            return
        self._begin(work)

    def _begin(self, work: _Work) -> None:
        self._cache.begin(work)
        work.client.queued += 1
        try:
            if self._has_room_for(work):
                self._carry_out(work)
            else:
                self._conclude(work, OVERLOADED)
        except RefusedRequest as refused:
            log.warning("ng request refused", client=work.client.host, verb=work.command, why=str(refused))
            self._finish(work, replies.error(str(refused)))
        except Exception as error:
            self._counters.failures += 1
            log.exception("ng door failed on a request", client=work.client.host, verb=work.command)
            self._finish(work, replies.error(f"Internal error: {error!r}"))

    def _has_room_for(self, work: _Work) -> bool:
        return not self._closing and self._clients.has_room(work.client)

    def _carry_out(self, work: _Work) -> None:
        backend = self._backend
        name = name_of_command(work.request)
        verb = PER_CALL.get(name)
        if verb is not None:
            work.command = name
            digest = digest_of(work.body) if verb is OFFER else b""
            command = command_of(verb, work.request, backend.set, work.received_at, digest)
            backend.calls.submit(command, partial(self._conclude, work))
        elif name in _OWN_COMMANDS:
            work.command = name
            self._carry_out_own(work, partial(self._finish, work))
        else:
            raise RefusedRequest("Unrecognized command")

    def _carry_out_own(self, work: _Work, reply: TakesWords) -> None:
        if work.command == "list":
            self._backend.overview.list(limit_of(work.request), work.room, reply)
        elif work.command == "statistics":
            self._backend.overview.statistics(reply)
        else:
            reply({b"result": b"pong"} if self._backend.ready() else replies.error(NOT_READY))

    # -- its reply comes --

    def _conclude(self, work: _Work, result: MediaResult) -> None:
        if isinstance(result, Refused) and result.code is RefusalCode.FULL:
            self._counters.load_limited += 1
            self._finish(work, replies.words_of(result, load_limit=supports_load_limit(work.request)))
        else:
            self._finish(work, replies.words_of(result))

    def _finish(self, work: _Work, reply: NgDict) -> None:
        data = self._encoded(work, reply)
        now = self._backend.monotonic()
        if not self._cache.finish(work, data, now):
            return
        work.client.queued -= 1
        self._counters.answered(work.command, _outcome(reply), now - work.began)
        for send in work.waiting:
            send(data)
        self._report_idle()

    def _encoded(self, work: _Work, reply: NgDict) -> bytes:
        try:
            data = messages.join(work.cookie, work.encode(reply))
        except Exception as error:
            self._counters.failures += 1
            log.exception("ng door failed on a reply", client=work.client.host, verb=work.command)
            return messages.join(work.cookie, work.encode(replies.error(f"Internal error: {error!r}")))
        if len(data) <= work.room:
            return data
        reason = f"The reply of {len(data)} bytes is longer than the {work.room} that can be sent this way"
        return messages.join(work.cookie, work.encode(replies.error(reason)))


def _outcome(reply: NgDict) -> str:
    """Return the result of a reply; "other" for one that only a node may have made up."""
    result = reply.get(b"result")
    return _RESULTS.get(result, "other") if isinstance(result, bytes) else "other"


def _nothing() -> None:
    """Nobody waits for the door to be idle."""
