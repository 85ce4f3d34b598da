"""Which worker a call is served by: the same one, whichever of them is asked.

Sans-IO. A call-id falls into one of 256 parts, by a sum that the kernel can reckon, too (`gateways.handoff.steering`);
each part has all workers in an order of its own, and the first of them that lives serves its calls. So every worker has
equally many, those of one that is gone are spread over the others, and come back to it when it does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

PARTS = 256

READ = 32
"""So many bytes of a call-id count, those at its beginning."""

MODULUS = 65_521
"""The greatest prime of 16 bits: sums taken by it lose no bit of a word."""

MIXED_BY = 40_503
"""65536 by the golden ratio, which puts sums that follow each other into parts that do not."""


def part_of(call_id: bytes) -> int:
    """Return the part that a call-id falls into: of its bytes as one number, in whole words of four bytes."""
    read = call_id[:READ]
    number = int.from_bytes(read + bytes(-len(read) % 4), "big")
    return (number % MODULUS * MIXED_BY >> 8) % PARTS


def order_of(part: int, workers: int) -> list[int]:
    """Return all workers, numbered from 1, in the order in which they would serve a part."""
    first = part % workers
    others = [worker for worker in range(workers) if worker != first]
    turn = (part // workers) % max(1, len(others))
    return [worker + 1 for worker in (first, *others[turn:], *others[:turn])]


class Sharing:
    """Who serves which part, among the workers that live."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.period = min(PARTS, workers * max(1, workers - 1))
        """Parts that differ by this have the workers in the same order."""
        self._orders = [order_of(part, workers) for part in range(PARTS)]
        self._servers: list[tuple[int, ...]] = [()] * PARTS

    def set_alive(self, alive: Collection[int]) -> None:
        """Set which workers live."""
        self._servers = [tuple(worker for worker in order if worker in alive)[:2] for order in self._orders]

    @property
    def servers(self) -> Sequence[int]:
        """The worker that serves each part."""
        return [servers[0] for servers in self._servers]

    def server(self, call_id: bytes) -> int:
        """Return the worker that serves a call."""
        return self._servers[part_of(call_id)][0]

    def stand_in(self, call_id: bytes) -> int | None:
        """Return the worker that serves a call while its own is gone, None without another one."""
        servers = self._servers[part_of(call_id)]
        return servers[1] if len(servers) > 1 else None
