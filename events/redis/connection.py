"""One connection to one Redis server, which sends several commands at once and reads all their replies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisClusterException, RedisError

from events.redis.scripts import SCRIPTS
from events.redis.topology import Topology
from events.redis.wire import Command, RedisWire

FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What an exchange fails with when it is not known whether the commands were carried out."""

PATIENCE: Final = 5.0
"""Seconds for which `exchange` waits."""


class RedisConnection:
    """A connection to the server at a place, made when it is needed.

    `wire` is there while it is: pipelines send by it themselves, and open and drop the connection when they have to.
    """

    def __init__(self, topology: Topology, place: str) -> None:
        self._topology = topology
        self._place = place
        self._connection: AbstractConnection | None = None
        self.wire: RedisWire | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands in one piece and return their replies, errors among them as `ResponseError` values.

        It waits for PATIENCE. After any of FAILURES, or a cancellation, the connection is dropped.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        wire = self.wire or await self.open(deadline)
        try:
            return await wire.exchange(commands, deadline)
        except (*FAILURES, asyncio.CancelledError):
            await self.drop()
            raise

    async def open(self, deadline: float) -> RedisWire:
        """Make the connection, by the deadline (the loop's time, in seconds). Raises one of FAILURES if it cannot."""
        try:
            async with asyncio.timeout_at(deadline):
                self._connection = await self._topology.connection(self._place)
                await self._connection.connect()  # type: ignore[no-untyped-call]
            self.wire = wire = RedisWire.take_over(self._connection)
            await wire.exchange([(b"SCRIPT", b"LOAD", script.text) for script in SCRIPTS], deadline)
        except (*FAILURES, asyncio.CancelledError):
            await self.drop()
            raise
        return wire

    async def drop(self) -> None:
        """Close the connection; the next exchange makes a new one."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
