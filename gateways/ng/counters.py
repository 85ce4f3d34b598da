"""What the ng door has seen, as plain numbers since its start."""

from __future__ import annotations

from dataclasses import dataclass, field

from events.histogram import Histogram
from events.tally import Tally, tally


@dataclass(slots=True)
class NgCounters:
    """Counters of the ng door.

    requests: those answered, by command and result ("other" for commands that do not exist; repeats not counted).
    garbage: messages without a cookie, which are dropped. unreadable: those answered with an error for what is behind
    the cookie. seconds: how long the reply took, by command. not_allowed: datagrams and connections of clients that are
    not on the list. repeats: requests answered from the cache, or together with the first of them. load_limited:
    refused for too much to do. unanswered: those that nothing inside gave a reply to in time. unsent: replies that the
    system did not take. streams_lost: connections closed because of what came on them. failures: faults of the door
    itself.
    """

    requests: Tally[tuple[str, str]] = field(default_factory=tally)
    seconds: dict[str, Histogram] = field(default_factory=dict)
    garbage: int = 0
    unreadable: int = 0
    not_allowed: int = 0
    repeats: int = 0
    load_limited: int = 0
    unanswered: int = 0
    unsent: int = 0
    streams_lost: int = 0
    failures: int = 0

    def answered(self, command: str, result: str, took: float) -> None:
        """Count a request that was answered after so many seconds."""
        self.requests[command, result] += 1
        seconds = self.seconds.get(command)
        if seconds is None:
            seconds = self.seconds[command] = Histogram()
        seconds.observe(took)
