"""What is captured, on its way to the collectors: a bounded queue, emptied beside the calls' work.

Whoever captures something only puts it into the queue. It is masked, encoded and sent in turns of its own, a little at
a time; what has no room in the queue is dropped and counted. Nobody waits for a collector.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from actors.control.counters import Sample, samples_of
from gateways.hep.mask import mask
from gateways.hep.packet import Address, Agent, Captured, encode

MAX_WAITING_BYTES = 16 * 1024 * 1024
"""Bytes of payloads that may wait, whatever their number."""

_SECONDS_A_TURN = 0.002

Late = Callable[[], Captured]
"""Makes what is captured of something when its turn comes."""


class Collector(Protocol):
    """Where packets go."""

    @property
    def here(self) -> str:
        """This machine's address on the way there, "" while that is not known."""

    def send(self, packet: bytes) -> bool:
        """Send a packet, at once or not at all; return whether it was."""

    def close(self) -> None:
        """Send nothing any more."""


@dataclass(slots=True)
class HepCounters:
    """Counters of what is captured.

    captured: what came into the queue. dropped: what found it full. sent: packets that a collector's socket took.
    lost: those that it did not take, since the collector is gone or slow. cut: payloads whose end had no room in a
    packet. failures: what could not be made a packet, by a fault here.
    """

    captured: int = 0
    dropped: int = 0
    sent: int = 0
    lost: int = 0
    cut: int = 0
    failures: int = 0


class Capture:
    """The queue. max_waiting: how many things may wait in it. masks: whether keys in payloads are masked."""

    def __init__(
        self, agent: Agent, collectors: Sequence[Collector], *, max_waiting: int = 1000, masks: bool = True
    ) -> None:
        self._agent, self._collectors = agent, tuple(collectors)
        self._max_waiting, self._masks = max_waiting, masks
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Late, int]] = deque()
        self._bytes = 0
        self._next: asyncio.Handle | None = None
        self._closed = False
        self.counters = HepCounters()

    def samples(self) -> Iterable[Sample]:
        """Return what was counted."""
        return samples_of("hep", self.counters)

    @property
    def here(self) -> Address:
        """The address of this control node as its collectors see it, for what went over no network."""
        return next((one.here for one in self._collectors if one.here), "0.0.0.0"), 0

    def put(self, late: Late, size: int) -> None:
        """Put something into the queue, of about so many bytes."""
        counters = self.counters
        if len(self._waiting) >= self._max_waiting or self._bytes + size > MAX_WAITING_BYTES or self._closed:
            counters.dropped += 1
            return
        counters.captured += 1
        self._waiting.append((late, size))
        self._bytes += size
        if self._next is None:
            self._next = self._loop.call_soon(self._send_some)

    def close(self) -> None:
        """Send what waits, and close the collectors."""
        self._closed = True
        if self._next is not None:
            self._next.cancel()
        while self._waiting:
            self._send_next()
        for collector in self._collectors:
            collector.close()

    def _send_some(self) -> None:
        """Send a little of what waits; the loop's other work goes on."""
        stop_at = monotonic() + _SECONDS_A_TURN
        while self._waiting:
            self._send_next()
            if monotonic() > stop_at:
                break
        self._next = self._loop.call_soon(self._send_some) if self._waiting else None

    def _send_next(self) -> None:
        late, size = self._waiting.popleft()
        self._bytes -= size
        try:
            captured = late()
            if self._masks:
                captured = captured._replace(payload=mask(captured.payload))
            packet, left_out = encode(captured, self._agent)
        except Exception:
            self.counters.failures += 1
            return
        self.counters.cut += left_out > 0
        for collector in self._collectors:
            if collector.send(packet):
                self.counters.sent += 1
            else:
                self.counters.lost += 1
