"""What came of calls, read from what SIPp writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What came of the calls of one measurement. Set-up times are in ms, from the INVITE to its 200 at the caller.

    asked: calls that were to be placed. completed: those that went as they should, to the 200 of the BYE; refused:
    turned away by a 503; failed: all others. retransmissions: messages that caller or callee sent again for want of a
    reply.
    """

    asked: int
    completed: int
    refused: int
    failed: int
    retransmissions: int
    seconds: float
    p50: float
    p90: float
    p99: float
    max: float

    @property
    def rate(self) -> float:
        """Completed calls a second."""
        return self.completed / self.seconds if self.seconds else 0.0


Statistics = Mapping[str, str]
"""The last line of SIPp's statistics, by the names of its columns."""

_TIMES = 4
"""Seconds and microseconds of the INVITE and of its 200."""


def read_statistics(text: str) -> Statistics:
    """Read the file of -trace_stat. Raises ValueError if there is no line of figures in it."""
    head, *lines = text.splitlines()
    if not lines:
        raise ValueError("SIPp wrote no statistics")
    return dict(zip(head.split(";"), lines[-1].split(";"), strict=True))


def read_set_ups(text: str) -> list[float]:
    """Read the log of the caller's scenario: ms from the INVITE to its 200, of each call that was answered.

    SIPp loses a piece of its log now and then; the lines that it has torn are left out.
    """
    times = (tuple(map(float, words)) for line in text.splitlines() if len(words := line.split()) == _TIMES)
    return [(came - left) * 1e3 + (came_us - left_us) / 1e3 for left, left_us, came, came_us in times]


def sum_up(asked: int, caller: Statistics, callee: Statistics, set_ups: Sequence[float], seconds: float) -> Calls:
    """Sum up one measurement, which took so many `seconds`."""
    refused = int(caller["refused(C)"])
    completed = int(caller["SuccessfulCall(C)"]) - refused
    ordered = sorted(set_ups) or [0.0]
    p50, p90, p99 = (ordered[int((len(ordered) - 1) * part)] for part in (0.5, 0.9, 0.99))
    return Calls(
        asked=asked,
        completed=completed,
        refused=refused,
        failed=asked - completed - refused,
        retransmissions=sum(int(side["Retransmissions(C)"]) for side in (caller, callee)),
        seconds=seconds,
        p50=p50,
        p90=p90,
        p99=p99,
        max=ordered[-1],
    )
