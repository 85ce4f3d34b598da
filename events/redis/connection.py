"""One connection to one Redis server, which sends several commands at once and reads all their replies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisClusterException, RedisError, ResponseError

from events.redis.scripts import SCRIPTS
from events.redis.topology import Topology

Command = tuple[bytes | int, ...]
FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What `exchange` raises when it is not known whether the commands were carried out."""


class RedisConnection:
    """A connection to the server at a place, made when it is needed."""

    def __init__(self, topology: Topology, place: str) -> None:
        self._topology = topology
        self._place = place
        self._connection: AbstractConnection | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send the commands in one piece and return their replies, errors among them as `ResponseError` values.

        After any of FAILURES, or a cancellation, the connection is dropped.
        """
        try:
            if self._connection is None:
                self._connection = await self._open()
            return await self._converse(self._connection, commands)
        except (*FAILURES, asyncio.CancelledError):
            await self.drop()
            raise

    async def drop(self) -> None:
        """Close the connection; the next exchange makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)

    async def _open(self) -> AbstractConnection:
        connection = await self._topology.connection(self._place)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            await self._converse(connection, [(b"SCRIPT", b"LOAD", script.text) for script in SCRIPTS])
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    @staticmethod
    async def _converse(connection: AbstractConnection, commands: Sequence[Command]) -> list[Any]:
        packed = b"".join(map(_packed, commands))
        await connection.send_packed_command(packed, check_health=False)
        replies: list[Any] = []
        for _ in commands:
            try:
                replies.append(await connection.read_response())
            except ResponseError as error:
                replies.append(error)
        return replies


# hiredis takes tuples of any length; its annotation says of one element.
_packed: Callable[[Command], bytes] = cast("Any", hiredis.pack_command)
