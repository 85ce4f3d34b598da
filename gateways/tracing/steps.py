"""The steps behind the doors, as spans: commands of calls, what the journal is asked, what nodes are asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from actors.commands.command import CallCommand
from actors.directory import Directory
from actors.engine_actor import OpenWay
from actors.results import Refused
from actors.transports import Complaint, NodeTransport, Taker
from engines.ids import call_id_of
from events.answer import Answer
from events.journal import Journal
from events.names import CallId, NodeName, RelayId
from events.records import Index, Recorded
from gateways.handoff.calls import call_of_ng
from gateways.tracing.doors import verb_of
from gateways.tracing.spans import NODE, Spans, Unanswered

R = TypeVar("R")

MAX_UNANSWERED = 4096
"""So many commands to a node may wait for their replies; the span of the oldest is ended for a new one."""

_WORDS = re.compile(rb'[^\s";]+')


class TracedDirectory(Directory):
    """A directory whose commands are traced."""

    spans: Spans

    def submit(self, command: CallCommand[R], reply: Callable[[R | Refused], None]) -> None:
        """Submit a command to its call."""
        super().submit(command, self.spans.command(command, reply))


class _TracedJournal:
    """A journal whose answers about calls are traced."""

    def __init__(self, journal: Journal, spans: Spans) -> None:
        self._journal, self._spans = journal, spans

    def append(
        self,
        call_id: CallId,
        expected_version: int,
        records: Sequence[Recorded],
        before: Index,
        after: Index,
        *,
        known: Recorded | None = None,
    ) -> Answer:
        asked = self._journal.append(call_id, expected_version, records, before, after, known=known)
        return self._traced("append", call_id, asked)

    def check(self, call_id: CallId, version: int, *, known: Recorded | None = None) -> Answer:
        return self._traced("check", call_id, self._journal.check(call_id, version, known=known))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def _traced(self, what: str, call_id: CallId, asked: Answer) -> Answer:
        self._spans.step(f"journal {what}", call_id, asked)
        return asked


def traced_journal(journal: Journal, spans: Spans) -> Journal:
    """Return a journal that is traced."""
    return cast("Journal", _TracedJournal(journal, spans))


def traced_way(open_way: OpenWay, node: NodeName, spans: Spans) -> OpenWay:
    """Return what opens the way to a node so that what is asked of it is traced."""

    async def opened(url: str, take: Taker, complain: Complaint) -> NodeTransport:
        way = _TracedWay(node, spans, take)
        way.inner = await open_way(url, way.take, complain)
        way.repeats = way.inner.repeats
        return way

    return opened


class _TracedWay:
    """The way to one node. What is asked for no call, pings and the like, is left out."""

    inner: NodeTransport
    repeats = False

    def __init__(self, node: NodeName, spans: Spans, take: Taker) -> None:
        self._node, self._spans, self._take = node, spans, take
        self._asked: Unanswered[bytes] = Unanswered(spans, MAX_UNANSWERED)

    def send(self, cookie: bytes, command: bytes) -> None:
        call_id = self._call_of(command)
        if call_id and cookie not in self._asked:  # else it is sent again
            name = f"node {verb_of(command)}"
            self._asked.add(cookie, self._spans.asked(name, call_id, {NODE: self._node}), call_id)
        self.inner.send(cookie, command)

    def take(self, cookie: bytes, reply: bytes) -> None:
        self._asked.end(cookie)
        self._take(cookie, reply)

    def close(self) -> None:
        self.inner.close()

    def _call_of(self, command: bytes) -> str:
        """Return the call that a command is about, if something of it goes on; each kind of relay has its words."""
        named = call_of_ng(command)
        for name in (named,) if named is not None else _WORDS.findall(command):
            call_id = _of_relay(name)
            if self._spans.is_open(call_id):
                return call_id
        return ""


def _of_relay(name: bytes) -> str:
    try:
        return call_id_of(RelayId(name.decode("utf-8", "replace")))
    except ValueError:
        return ""
