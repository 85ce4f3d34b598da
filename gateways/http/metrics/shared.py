"""A page that several can ask for at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class SharedPage:
    """A page that is made when it is asked for. Who asks while it is being made gets the same one."""

    def __init__(self, make: Callable[[], Awaitable[bytes]]) -> None:
        self._make = make
        self._making: asyncio.Future[bytes] | None = None

    async def get(self) -> bytes:
        """Return the page. Raises what making it raises. Who gives up takes nothing from the others."""
        if self._making is None:
            self._making = asyncio.ensure_future(self._make())
            self._making.add_done_callback(self._made)
        return await asyncio.shield(self._making)

    def _made(self, _: asyncio.Future[bytes]) -> None:
        self._making = None
