"""A bound on how much is done in a second."""

from __future__ import annotations

import asyncio


class Pace:
    """Lets things begin at a rate (a second), 0 for as fast as they can."""

    def __init__(self, rate: float) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._next = 0.0

    async def take(self, number: int) -> None:
        """Wait until so many more may begin; what was not begun before is not made up for."""
        now = asyncio.get_running_loop().time()
        begins = max(now, self._next)
        self._next = begins + number * self._gap
        if begins > now:
            await asyncio.sleep(begins - now)
