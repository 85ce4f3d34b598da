"""Which worker a call is served by: the same one, whichever of them is asked.

Sans-IO. A call-id falls into one of 256 parts; each part has all workers in an order of its own, and the first of them
that lives serves its calls. So every worker has equally many, those of one that is gone are spread over the others, and
come back to it when it does.
"""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

PARTS = 256


def order_of(part: int, workers: int) -> list[int]:
    """Return all workers, numbered from 1, in the order in which they would serve a part."""
    first = part % workers
    others = [worker for worker in range(workers) if worker != first]
    turn = (part // workers) % max(1, len(others))
    return [worker + 1 for worker in (first, *others[turn:], *others[:turn])]


class Sharing:
    """Who serves which part, among the workers that live."""

    def __init__(self, workers: int) -> None:
        self._orders = [order_of(part, workers) for part in range(PARTS)]
        self._servers: list[tuple[int, ...]] = [()] * PARTS

    def set_alive(self, alive: Collection[int]) -> None:
        """Set which workers live."""
        self._servers = [tuple(worker for worker in order if worker in alive)[:2] for order in self._orders]

    def server(self, call_id: bytes) -> int:
        """Return the worker that serves a call."""
        return self._servers[crc32(call_id) % PARTS][0]

    def stand_in(self, call_id: bytes) -> int | None:
        """Return the worker that serves a call while its own is gone, None without another one."""
        servers = self._servers[crc32(call_id) % PARTS]
        return servers[1] if len(servers) > 1 else None
