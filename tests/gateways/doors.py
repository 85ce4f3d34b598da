"""What the tests of the ng door share: a handler without sockets, and a directory that does what a test tells it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.commands.command import CallCommand
from actors.control.control import Control
from actors.results import MediaResult, NodeAnswered, Refused
from engines.ng.bencode import NgDict, encode
from engines.reply import NodeReply
from events.memory import MemoryJournal
from gateways.ng.cache import ReplyCache
from gateways.ng.counters import NgCounters
from gateways.ng.handler import Handler, NgBackend, Peer
from gateways.ng.limits import Clients
from gateways.ng.overview import Overview

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
QUERY = encode({b"command": b"query", b"call-id": b"a call"})


@dataclass
class FakeCalls:
    """Takes commands; a node replies at once with `reply`, or, while that is None, when the test says so."""

    reply: NgDict | Refused | None = None
    commands: list[Any] = field(default_factory=list)
    waiting: list[Callable[[NgDict], None]] = field(default_factory=list)
    error: Exception | None = None

    def submit(self, command: CallCommand[MediaResult], reply: Callable[[MediaResult], None]) -> None:
        if self.error is not None:
            raise self.error
        self.commands.append(command)
        if self.reply is None:
            self.waiting.append(lambda words: reply(NodeAnswered(NodeReply(words))))
        else:
            reply(self.reply if isinstance(self.reply, Refused) else NodeAnswered(NodeReply(self.reply)))


@dataclass
class Desk:
    """A handler with all around it under the test's control, and what it has sent."""

    max_queued: int = 10
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    calls: FakeCalls = field(default_factory=FakeCalls)
    counters: NgCounters = field(default_factory=NgCounters)
    sent: list[bytes] = field(default_factory=list)
    seconds: float = 1000.0
    is_ready: bool = True

    def __post_init__(self) -> None:
        self.clients = Clients(LOOPBACK, self.max_queued)
        self.cache = ReplyCache(60)
        self.overview = Overview(Control(self.journal))
        backend = NgBackend(
            calls=self.calls,
            overview=self.overview,
            now=lambda: 1_700_000_000_000,
            monotonic=lambda: self.seconds,
            ready=lambda: self.is_ready,
            set="edge",
        )
        self.handler = Handler(backend, self.clients, self.cache, self.counters)

    def peer(self, port: int = 5060, host: str = "127.0.0.1", room: int = 65_507) -> Peer:
        client = self.clients.find(host)
        assert client is not None
        return Peer(client, b"udp %b %d\0" % (host.encode(), port), room)

    def take(self, message: bytes, port: int = 5060) -> list[bytes]:
        """Hand a message over; return what was sent at once."""
        before = len(self.sent)
        self.handler.take(message, self.peer(port), self.sent.append)
        return self.sent[before:]
