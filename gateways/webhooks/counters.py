"""What of webhooks is counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actors.control.counters import Sample, samples_of


@dataclass(slots=True)
class WebhookCounters:
    """Counters of webhooks.

    posted: what was put into the outboxes. dropped: what had no room to wait for them. delivered: what a receiver took.
    failed: attempts that it did not. given_up: what it did not take in time.
    """

    posted: int = 0
    dropped: int = 0
    delivered: int = 0
    failed: int = 0
    given_up: int = 0

    def samples(self) -> Iterable[Sample]:
        """Return what was counted."""
        return samples_of("webhooks", self)
