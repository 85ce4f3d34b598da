"""The spans of requests, and which of them belongs to which: found by the call.

A request at a door is the parent of the commands that it has a call carry out, and a command that of what is appended
and asked meanwhile. Commands of a call that run beside each other may so be given each other's steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from actors.commands.command import CallCommand
from actors.results import Refused
from events.answer import Answer


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
    """The spans that go on, by call."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._open: dict[str, list[Span]] = {}

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

        def ended(result: Any) -> None:
            if isinstance(result, Refused):
                span.fail(result.reason)
            self.end(span, call_id)
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
