"""Which flows of a call run when: those of one serial key one after the other, those of the key None alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from actors.commands.command import CallCommand
from actors.effects import Flow, to_its_end
from actors.messages import Reply

PENDING: Final = object()
"""Says that an effect's result comes later, as a message."""


class Run:
    """A flow that runs, and who waits for its reply.

    keys: its serial key, none if it was spawned by another flow. since: how much its call's actor had asked of the
    journal when the flow came, or last heard from outside. Only what the journal was asked later tells it where the
    call is. command: what the flow carries out, as long as it has but decided and can be begun anew; else None.
    """

    __slots__ = ("awaited", "command", "flow", "keys", "outcomes", "reply", "since")

    def __init__(
        self,
        flow: Flow,
        keys: frozenset[str | None],
        reply: Reply | None,
        since: int,
        command: CallCommand[Any] | None = None,
    ) -> None:
        self.keys, self.reply, self.since, self.command = keys, reply, since, command
        self.flow = to_its_end(flow)
        self.outcomes: list[Any] = []
        self.awaited = 0


class Scheduler:
    """Which flows of a call run, and which wait for them."""

    def __init__(self) -> None:
        self._waiting: list[Run] = []  # an empty deque is 760 bytes of each call in memory
        self._running: set[Run] = set()
        self._held: set[str | None] = set()

    def __iter__(self) -> Iterator[Run]:
        """Return all that run or wait."""
        yield from self._running
        yield from self._waiting

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not (self._running or self._waiting)

    @property
    def waiting(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    def add(self, run: Run) -> None:
        """Add a run, which waits until it may start."""
        self._waiting.append(run)

    def next(self) -> Run | None:
        """Remove and return the first that may start: its serial key is free, or it is None and nothing else runs."""
        if not self._waiting:
            return None
        if len(self._waiting) == 1 and not self._held:  # as it is mostly
            return self._waiting.pop()
        held = set(self._held)
        for run in self._waiting:
            if not (bool(held) if None in run.keys else None in held or run.keys & held):
                self._waiting.remove(run)
                return run
            held |= run.keys
        return None

    def begin(self, run: Run) -> None:
        """Record that a run starts."""
        self._running.add(run)
        self._held |= run.keys

    def end(self, run: Run) -> None:
        """Record that a run has ended."""
        self._running.discard(run)
        self._held -= run.keys

    def clear(self) -> None:
        """Forget all of them."""
        self._running.clear()
        self._waiting.clear()
