"""The account of packets: what of that which was sent came, when, and in which order."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

LATE = 0.060
"""Seconds from sending to arrival after which a packet is late: what a usual jitter buffer holds, three packets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """One direction of a call in a window of time: packets, counted by their numbers. Times are in seconds.

    lost: they never came. late: they came after more than `LATE`. reordered: they came after one with a higher number
    (RFC 4737). twice: they came once more. silence: the longest time without a packet, of the edges of the window, too;
    silence_ended: when (since the epoch).
    """

    call: str
    speaker: str
    sent: int
    lost: int
    late: int
    reordered: int
    twice: int
    silence: float
    silence_ended: float


class PacketLog:
    """All packets of one direction of a call: number and time of those sent, and of those that came, in their order.

    Packets are numbered from 0 as they are sent. Times are in seconds since the epoch.
    """

    def __init__(self) -> None:
        self.sent = array("d")
        self._numbers = array("l")
        self._came = array("d")

    def note_sent(self, at: float) -> int:
        """Note that the next packet is sent, and return its number."""
        self.sent.append(at)
        return len(self.sent) - 1

    def note_heard(self, number: int, at: float) -> None:
        """Note that a packet came."""
        self._numbers.append(number)
        self._came.append(at)

    @property
    def last_heard(self) -> float:
        """When the newest packet came; 0 if none has."""
        return self._came[-1] if self._came else 0.0

    def account(self, begin: float, end: float, *, call: str, speaker: str) -> Direction:
        """Account for the packets that were sent in [begin, end); those on their way at its end have to have come."""
        first, after = bisect_left(self.sent, begin), bisect_left(self.sent, end)
        heard: set[int] = set()
        late = reordered = twice = 0
        highest = -1
        for number, came in zip(self._numbers, self._came, strict=True):
            if first <= number < after:
                if number in heard:
                    twice += 1
                else:
                    heard.add(number)
                    late += came - self.sent[number] > LATE
                    reordered += number < highest
            highest = max(highest, number)
        silence, silence_ended = self._longest_silence(begin, end)
        return Direction(
            call=call,
            speaker=speaker,
            sent=after - first,
            lost=after - first - len(heard),
            late=late,
            reordered=reordered,
            twice=twice,
            silence=silence,
            silence_ended=silence_ended,
        )

    def _longest_silence(self, begin: float, end: float) -> tuple[float, float]:
        points = [begin, *sorted(came for came in self._came if begin < came < end), end]
        return max((after - before, after) for before, after in pairwise(points))
