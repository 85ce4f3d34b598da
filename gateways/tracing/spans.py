"""The spans of requests, and which of them belongs to which: found by the call.

A request at a door is the parent of the commands that it has a call carry out, and a command that of what is appended
and asked meanwhile. Commands of a call that run beside each other may so be given each other's steps.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from actors.commands.command import CallCommand
from actors.results import Refused
from events.answer import Answer

K = TypeVar("K")

MAX_COMMANDS = 10_000
"""So many commands of calls may go on; the span of the oldest is ended for a new one."""


class SpanKind(StrEnum):
    """What a span is of: a request that is served, a step within, a request to others."""

    SERVER = "server"
    INTERNAL = "internal"
    CLIENT = "client"


class Span(Protocol):
    """A span that goes on."""

    def fail(self, why: str) -> None:
        """Mark it as failed."""

    def end(self) -> None:
        """End it."""


Attributes: TypeAlias = Mapping[str, str | int]
Start: TypeAlias = Callable[[str, SpanKind, Span | None, Attributes], Span]
"""Starts a span: its name, its kind, its parent and its attributes."""

CALL, NODE = "rtp_relay.call_id", "rtp_relay.node"
"""The names of attributes."""


class Spans:
    """The spans that go on, by call. Who starts one ends it: each door bounds how many it has begun (Unanswered)."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._open: dict[str, list[Span]] = {}
        self._commands: Unanswered[Span] = Unanswered(self, MAX_COMMANDS)

    @property
    def open(self) -> int:
        """How many calls have spans that go on."""
        return len(self._open)

    def is_open(self, call_id: str) -> bool:
        """Whether anything of a call goes on."""
        return call_id in self._open

    def request(self, name: str, call_id: str, attributes: Attributes) -> Span:
        """Start the span of a request at a door."""
        return self._begin(name, SpanKind.SERVER, call_id, attributes)

    def command(self, command: CallCommand[Any], reply: Callable[[Any], None]) -> Callable[[Any], None]:
        """Start the span of a command; return what ends it with its result, and hands that on."""
        call_id = str(command.call_id)
        span = self._begin(type(command).__name__, SpanKind.INTERNAL, call_id, {})
        self._commands.add(span, span, call_id)

        def ended(result: Any) -> None:
            self._commands.end(span, result.reason if isinstance(result, Refused) else "")
            reply(result)

        return ended

    def step(self, name: str, call_id: str, answer: Answer) -> None:
        """Record what the journal is asked, which ends with its answer."""
        span = self._start(name, SpanKind.CLIENT, self._parent(call_id), {CALL: call_id})

        def ended(_: Answer) -> None:
            if (error := answer.exception()) is not None:
                span.fail(str(error))
            span.end()

        answer.add_done_callback(ended)

    def asked(self, name: str, call_id: str, attributes: Attributes) -> Span:
        """Start the span of what others are asked for a call."""
        return self._start(name, SpanKind.CLIENT, self._parent(call_id), {CALL: call_id, **attributes})

    def end(self, span: Span, call_id: str) -> None:
        """End a span that was started for a call."""
        span.end()
        going_on = self._open.get(call_id)
        if going_on is not None and span in going_on:
            going_on.remove(span)
            if not going_on:
                del self._open[call_id]

    def _begin(self, name: str, kind: SpanKind, call_id: str, attributes: Attributes) -> Span:
        span = self._start(name, kind, self._parent(call_id), {CALL: call_id, **attributes})
        self._open.setdefault(call_id, []).append(span)
        return span

    def _parent(self, call_id: str) -> Span | None:
        going_on = self._open.get(call_id)
        return going_on[-1] if going_on else None


class Unanswered(Generic[K]):
    """Spans of what waits for an answer, by what the answer is known by.

    There are `most`: the oldest is ended for a new one, since some answers never come.
    """

    def __init__(self, spans: Spans, most: int) -> None:
        self._spans, self._most = spans, most
        self._waiting: OrderedDict[K, tuple[Span, str]] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._waiting

    def add(self, key: K, span: Span, call_id: str) -> None:
        """Add a span that was started for a call."""
        self._waiting[key] = span, call_id
        if len(self._waiting) > self._most:
            self.end(next(iter(self._waiting)))

    def end(self, key: K, failed: str = "") -> None:
        """End a span, if it waits, and say why it failed."""
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            return
        if failed:
            waiting[0].fail(failed)
        self._spans.end(*waiting)
