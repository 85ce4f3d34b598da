"""Where lanes of one kind meet: a request goes to the lane of the server that has its slot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic

from redis.exceptions import RedisClusterException

from events.journal import JournalUnavailable
from events.redis.connection import FAILURES, Connection
from events.redis.pipeline import Pipeline, R
from events.redis.topology import Topology

_REFRESH_SECONDS = 2.0


class Pipelines(Generic[R]):
    """The lanes of one kind, which `make` makes of a place, its connection, and the junction."""

    def __init__(self, servers: Topology, make: Callable[[str, Connection, Pipelines[R]], Pipeline[R]]) -> None:
        self._servers = servers
        self._make = make
        self._lanes: dict[str, Pipeline[R]] = {}
        self._closed = False

    def submit(self, request: R) -> None:
        """Send a request on its way; its future tells the end."""
        if self._closed:
            request.fail(JournalUnavailable("the journal is closed"))
            return
        try:
            place = self._servers.place(request.slot)
        except RedisClusterException as error:
            request.fail(JournalUnavailable(f"no server for slot {request.slot}: {error}"))
            return
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = self._make(place, Connection(self._servers, place), self)
        lane.submit(request)

    async def refresh(self) -> None:
        """Look again which place has which slots; without an answer everything stays as it was known."""
        try:
            async with asyncio.timeout(_REFRESH_SECONDS):
                await self._servers.refresh()
        except FAILURES:
            return

    def sort(self, place: str, requests: Sequence[R]) -> Sequence[R]:
        """Return the requests that belong to a place, and send the others to theirs."""
        mine = []
        for request in requests:
            if self._belongs(request, place):
                mine.append(request)
            else:
                self.submit(request)
        return mine

    def _belongs(self, request: R, place: str) -> bool:
        try:
            return self._servers.place(request.slot) == place
        except RedisClusterException:
            return True

    async def close(self) -> None:
        """Take nothing more, finish what is under way, close the connections."""
        self._closed = True
        for lane in list(self._lanes.values()):
            await lane.close()
