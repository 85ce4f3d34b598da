"""What control nodes say of themselves, and which of them has a lease, in memory."""

from __future__ import annotations

from events.journal import LONGEST
from events.memory.clock import Clock


class Statuses:
    """Statuses and leases, each for the seconds that it is given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._statuses: dict[str, tuple[bytes, float]] = {}
        self._leases: dict[str, tuple[str, float]] = {}

    def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Keep a control node's status for `ttl` seconds."""
        self._statuses[name] = (status, self._clock() + ttl * 1000)

    def published(self) -> dict[str, bytes]:
        """Return the statuses that have not run out."""
        now = self._clock()
        return {name: status for name, (status, until) in self._statuses.items() if _lasts(until - now, LONGEST)}

    def lease(self, name: str, holder: str, ttl: float, longest: float) -> bool:
        """Give what is named to a holder for `ttl` seconds, unless another one has it."""
        now = self._clock()
        by, until = self._leases.get(name, (holder, now))
        if by != holder and _lasts(until - now, longest):
            return False
        self._leases[name] = (holder, now + ttl * 1000)
        return True


def _lasts(left: float, longest: float) -> bool:
    """Return whether something has not run out, and was not given before the clock was set back."""
    return 0 < left <= longest * 1000
