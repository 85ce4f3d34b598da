"""What the load generator is told to send, and what it tells when it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What to send. Times are in seconds.

    Each of `calls` goes through `verbs`, one after the other, each when the one before was answered. With `rate`
    (operations a second) calls begin on schedule, whatever came of the others; without it `window` calls are under way
    at any time. `step` is the distance from one call's number to the next one's. With several `sockets` each request of
    a call comes from another one, as those of a SIP server's processes do. A request without an answer for `timeout` is
    a timeout, and its call ends there. With `knock` the first request is sent again and again, so many seconds apart,
    until it is answered well; only then do the others begin.
    """

    host: str
    port: int
    prefix: str
    calls: int
    verbs: tuple[str, ...] = ("offer", "answer", "delete")
    window: int = 64
    rate: float = 0.0
    step: int = 1
    timeout: float = 3.0
    knock: float = 0.0
    sockets: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it. Latencies are in ms, from sending a request to its reply; `seconds` is the whole time.

    `operations` were answered, `errors` of them with an error; `timeouts` were not. `first` and `thousandth` are when
    (monotonic clock, the same for all processes) that answer came, the thousandth being the last of fewer.
    """

    operations: int
    errors: int
    timeouts: int
    seconds: float
    p50: float
    p90: float
    p99: float
    max: float
    first: float
    thousandth: float

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds if self.seconds else 0.0


def outcome(latencies: Sequence[float], times: Sequence[float], *, errors: int, timeouts: int, began: float) -> Outcome:
    """Sum up: `latencies` (s) and `times` of all answers in the order in which they came."""
    ordered = sorted(latencies) or [0.0]
    p50, p90, p99 = (ordered[int((len(ordered) - 1) * part)] * 1000 for part in (0.5, 0.9, 0.99))
    times = times or (began,)
    return Outcome(
        operations=len(latencies),
        errors=errors,
        timeouts=timeouts,
        seconds=times[-1] - began,
        p50=p50,
        p90=p90,
        p99=p99,
        max=ordered[-1] * 1000,
        first=times[0],
        thousandth=times[:1000][-1],
    )
