"""What the transaction layer has seen, as plain numbers since its start."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from events.histogram import Histogram

_METHODS: Final = frozenset(
    {"INVITE", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "MESSAGE", "REFER"}
    | {"SUBSCRIBE", "NOTIFY", "PUBLISH"}
)


def counted_method(method: str) -> str:
    """Return a method as it is counted: those that nobody has heard of are one."""
    return method if method in _METHODS else "other"


@dataclass(slots=True)
class TransactionCounters:
    """Counters of the transaction layer.

    requests: new ones, ACKs not among them. repeats: requests that came again. sent: requests of ours. resent: messages
    that were sent again. stray_responses, stray_cancels: those that belong to no transaction. malformed: messages that
    could not be read. refused: requests answered with 503 because there were too many. unreachable: requests of ours
    that a transport could not send. unanswered: those that got no final answer in time. unsent: responses that a
    transport could not send. unacknowledged: failures of an INVITE whose ACK did not come. failures: faults of the
    door itself. answered: requests that got a final response, by method and the class of its status ("2xx"); seconds:
    how long that took, which is how long it rang, too.
    """

    requests: int = 0
    repeats: int = 0
    sent: int = 0
    resent: int = 0
    stray_responses: int = 0
    stray_cancels: int = 0
    malformed: int = 0
    refused: int = 0
    unreachable: int = 0
    unanswered: int = 0
    unsent: int = 0
    unacknowledged: int = 0
    failures: int = 0
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[str, Histogram] = field(default_factory=dict)

    def final(self, method: str, status: int, took: float) -> None:
        """Count a request that got its final response after so many seconds."""
        self.answered[method, f"{status // 100}xx"] += 1
        seconds = self.seconds.get(method)
        if seconds is None:
            seconds = self.seconds[method] = Histogram()
        seconds.observe(took)
