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
"""What `exchange` raises when it is not known whether the commands were carried out."""

PATIENCE: Final = 5.0
"""Seconds for which an exchange waits that is given no deadline."""


class RedisConnection:
    """A connection to the server at a place, made when it is needed."""

    def __init__(self, topology: Topology, place: str) -> None:
        self._topology = topology
        self._place = place
        self._connection: AbstractConnection | None = None
        self._wire: RedisWire | None = None

    async def exchange(self, commands: Sequence[Command], deadline: float | None = None) -> list[Any]:
        """Send the commands in one piece and return their replies, errors among them as `ResponseError` values.

        It waits until the deadline (the loop's time, in seconds). After any of FAILURES, or a cancellation, the
        connection is dropped.
        """
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + PATIENCE
        try:
            wire = self._wire or await self._open(deadline)
            return await wire.exchange(commands, deadline)
        except (*FAILURES, asyncio.CancelledError):
            await self.drop()
            raise

    async def drop(self) -> None:
        """Close the connection; the next exchange makes a new one."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _open(self, deadline: float) -> RedisWire:
        async with asyncio.timeout_at(deadline):
            self._connection = await self._topology.connection(self._place)
            await self._connection.connect()  # type: ignore[no-untyped-call]
        self._wire = wire = RedisWire.take_over(self._connection)
        await wire.exchange([(b"SCRIPT", b"LOAD", script.text) for script in SCRIPTS], deadline)
        return wire
