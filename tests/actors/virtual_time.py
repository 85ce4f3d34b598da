"""An event loop whose clock jumps to the next timer when there is nothing else to do: hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: what would have been waited is added to the loop's clock."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self.elapsed += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs as asyncio's own loop does, on a clock of its own that starts at 1000 s.

    ahead: by how much the wall clock was set forward, ms.
    """

    ahead = 0

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1000.0 + self._jumping.elapsed

    def now_ms(self) -> int:
        """Return the wall clock that goes with it, ms since the epoch."""
        return 1_700_000_000_000 + self.ahead + round(self._jumping.elapsed * 1000)
