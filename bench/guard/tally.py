"""Counts what passes the borders between the parts of a control node that runs in this process.

The parts are not changed: their public methods are wrapped while something is counted. What the loop does by itself
meanwhile (pings, polls, clocks) is counted, too; who counts takes the median of several operations.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import partial
from types import CodeType, FrameType
from typing import Any, TypeVar
from unittest.mock import patch

import hiredis

from actors.runtime.inbox import LoopInbox
from actors.transports import DatagramTransport
from bench.children import ROOT
from events.answer import Answer
from events.names import CallId
from events.redis.journal import RedisJournal
from events.redis.scripts import APPEND
from events.redis.wire import RedisWire
from events.redis.writer import JournalWriter

_A = TypeVar("_A", "asyncio.Future[Any]", Answer)

_PACKAGES = tuple(f"{ROOT}/{name}/" for name in ("events", "replay", "engines", "actors", "gateways", "rtp_relay"))
_HEAD = 100
"""The name of a script is among so many first bytes of a command."""
_QUIET_TICKS = 20
"""So many rounds of the loop in which nothing waits for an answer end an operation: turns bring on turns."""


class Step(StrEnum):
    """What is counted."""

    ENTRIES = "entries"
    APPENDS = "appends"
    CHECKS = "checks"
    READS = "reads"
    REDIS_BYTES = "redis bytes"
    COMMANDS = "relay commands"
    RELAY_BYTES = "relay bytes"
    MESSAGES = "actor messages"
    TURNS = "actor turns"
    CALLS = "function calls"


class Tally:
    """Counts while `counting` lasts. `quiet` is for the loop's thread, `mark` and `since` for any."""

    def __init__(self) -> None:
        self._steps: Counter[Step] = Counter()
        self._functions = 0
        self._awaited = 0
        self._ours: dict[CodeType, bool] = {}

    def mark(self) -> Mapping[Step, int]:
        """Return what was counted so far."""
        return {step: self._functions if step is Step.CALLS else self._steps[step] for step in Step}

    def since(self, mark: Mapping[Step, int]) -> Mapping[Step, int]:
        """Return what was counted since a mark."""
        return {step: number - mark[step] for step, number in self.mark().items()}

    async def quiet(self) -> None:
        """Wait until neither the journal nor a relay is asked anything, and all turns have been taken."""
        ticks = 0
        while ticks < _QUIET_TICKS:
            await asyncio.sleep(0)
            ticks = 0 if self._awaited else ticks + 1

    @contextmanager
    def counting(self, *, functions: bool) -> Iterator[None]:
        """Count what the control nodes of this thread do that are started meanwhile; `functions` takes its time."""
        with ExitStack() as stack:
            for place, name, make in (
                (JournalWriter, "append", self._append),
                (JournalWriter, "check", partial(self._query, Step.CHECKS)),
                (RedisJournal, "read", partial(self._query, Step.READS)),
                (RedisWire, "send", self._send_to_redis),
                (DatagramTransport, "send", self._send),
                (DatagramTransport, "received", self._receive),
                (LoopInbox, "put", self._put),
                (LoopInbox, "tell", self._put),  # from the loop it does without `put`
                (LoopInbox, "tell_here", self._put),
                (LoopInbox, "take_turn", self._take_turn),
            ):
                stack.enter_context(patch.object(place, name, make(getattr(place, name))))
            if functions:
                sys.setprofile(self._profile)
                stack.callback(sys.setprofile, None)
            yield

    # -- functions --

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        ours = self._ours.get(code)
        if ours is None:
            # A comprehension is a function in some Pythons and none in others.
            ours = self._ours[code] = code.co_filename.startswith(_PACKAGES) and code.co_name[0] != "<"
        self._functions += ours

    # -- the journal --

    def _append(self, original: Callable[..., Answer]) -> Callable[..., Answer]:
        def append(
            journal: JournalWriter, call_id: CallId, expected: int, records: Sequence[Any], *tables: Any, **known: Any
        ) -> Answer:
            self._steps[Step.APPENDS] += 1
            self._steps[Step.ENTRIES] += len(records)
            return self._wait_for(original(journal, call_id, expected, records, *tables, **known))

        return append

    def _query(self, step: Step, original: Callable[..., asyncio.Future[Any]]) -> Callable[..., asyncio.Future[Any]]:
        def query(*arguments: Any, **known: Any) -> asyncio.Future[Any]:
            self._steps[step] += 1
            return self._wait_for(original(*arguments, **known))

        return query

    def _wait_for(self, answer: _A) -> _A:
        self._awaited += 1
        answer.add_done_callback(self._answered)
        return answer

    def _answered(self, _: object) -> None:
        self._awaited -= 1

    def _send_to_redis(self, original: Callable[..., None]) -> Callable[..., None]:
        def send(wire: RedisWire, commands: Sequence[bytes], *more: Any) -> None:
            for command in commands:
                if APPEND.sha in command[:_HEAD]:
                    self._steps[Step.REDIS_BYTES] += sum(map(len, _texts(command)))
            original(wire, commands, *more)

        return send

    # -- relays --

    def _send(self, original: Callable[..., None]) -> Callable[..., None]:
        def send(transport: DatagramTransport, cookie: bytes, command: bytes) -> None:
            self._awaited += 1
            self._steps[Step.COMMANDS] += 1
            self._steps[Step.RELAY_BYTES] += len(command)
            original(transport, cookie, command)

        return send

    def _receive(self, original: Callable[..., None]) -> Callable[..., None]:
        def receive(*arguments: Any) -> None:
            self._awaited -= 1
            original(*arguments)

        return receive

    # -- actors --

    def _put(self, original: Callable[..., None]) -> Callable[..., None]:
        def put(*arguments: Any) -> None:
            self._steps[Step.MESSAGES] += 1
            original(*arguments)

        return put

    def _take_turn(self, original: Callable[[LoopInbox], None]) -> Callable[[LoopInbox], None]:
        def take_turn(inbox: LoopInbox) -> None:
            self._steps[Step.TURNS] += 1
            original(inbox)

        return take_turn


def _texts(command: bytes) -> Iterator[bytes]:
    """Return the parts of a packed command that are no numbers."""
    reader = hiredis.Reader()
    reader.feed(command)
    parts: Any = reader.gets()
    return (part for part in parts if not part.isdigit())
