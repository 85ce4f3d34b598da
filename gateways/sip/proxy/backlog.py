"""Whether more comes than can be done."""

from __future__ import annotations

from collections.abc import Callable

PATIENCE = 64
"""So many messages in a row have to be late: a pause, of the machine or of its disk, makes some late and is over."""


class Backlog:
    """Tells when messages pile up before they are taken, which no count of what is in work shows.

    Those of calls in progress wait behind those that would begin new ones. A request that is refused costs a twentieth
    of what a call costs: so it is enough to refuse new ones for the wait to become short again.

    stands: whether messages pile up on the way that the one which is being taken came.
    """

    def __init__(self, limit: float) -> None:
        """Begin. limit: the seconds that a message may have waited."""
        self.stands = False
        self._limit = limit

    def gauge(self) -> Callable[[float], None]:
        """Return what is to be told, for each message that comes one way (a socket), how many seconds it waited."""
        late = 0

        def waited(seconds: float) -> None:
            nonlocal late
            late = late + 1 if seconds > self._limit else 0
            self.stands = late >= PATIENCE

        return waited
