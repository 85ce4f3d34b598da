"""Logs what goes wrong again and again for as long as it lasts, without a line for each time."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import structlog

log = structlog.get_logger()

AGAIN = 60.0
"""After so many seconds it is said once more that a trouble lasts."""


class LastingTrouble:
    """A trouble of one kind: said when it begins, once a minute while it lasts, and when it is over.

    what: the line's event while it lasts. over: that of the line after it. about: what else each line says.
    """

    def __init__(self, what: str, over: str, *, clock: Callable[[], float] = monotonic, **about: str) -> None:
        self._what, self._over, self._about, self._clock = what, over, about, clock
        self._times, self._began, self._said = 0, 0.0, 0.0

    def note(self, error: Exception) -> None:
        """Record that it went wrong."""
        now = self._clock()
        self._times += 1
        if self._times == 1:
            self._began = self._said = now
            log.warning(self._what, **self._about, why=str(error))
        elif now - self._said >= AGAIN:
            self._said = now
            self._log(self._what, why=str(error))

    def end(self) -> None:
        """Record that it went well."""
        if self._times:
            self._log(self._over)
            self._times = 0

    def _log(self, event: str, **more: str) -> None:
        seconds = round(self._clock() - self._began)
        log.warning(event, **self._about, **more, times=self._times, seconds=seconds)
