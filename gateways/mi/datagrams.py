"""MI over UDP and UNIX datagrams: one datagram each way, to the address that the request came from."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import structlog

from gateways.mi.access import Access
from gateways.mi.methods import Caller, Methods
from gateways.mi.replies import is_parse_error, whole

log = structlog.get_logger(bounded=True)

LARGEST = 65_457
"""Bytes of a datagram, at most (OpenSIPS' mi_datagram)."""

AT_ONCE = 100
"""So many requests of a socket are in work; others are dropped, as a full socket would."""

UNREADABLE = b"400 Parse_error"
"""What is said, in plain text as OpenSIPS does, to what is no JSON."""


class DatagramPort:
    """A socket that management requests come to. It takes the socket over."""

    def __init__(self, sock: socket.socket, methods: Methods, access: Access) -> None:
        self._socket, self._methods, self._access = sock, methods, access
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop.add_reader(sock.fileno(), self._receive)

    async def close(self) -> None:
        """Stop receiving, and end what is in work."""
        self._loop.remove_reader(self._socket.fileno())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    def _receive(self) -> None:
        try:
            data, source = self._socket.recvfrom(LARGEST + 1)
        except OSError:
            return
        caller = self._caller(source)
        if caller is None:
            log.warning("management request not allowed", source=str(source))
        elif len(self._tasks) < AT_ONCE:
            task = self._loop.create_task(self._answer(data, source, caller))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _caller(self, source: Any) -> Caller | None:
        if self._socket.family == socket.AF_UNIX:
            return self._access.of_unix()
        return self._access.of_datagram(source[0])

    async def _answer(self, data: bytes, source: Any, caller: Caller) -> None:
        outcome = await self._methods.outcome(data, caller)
        if not outcome.wants_reply or not source:  # one that asks from a UNIX socket without a name has no address
            return
        reply = UNREADABLE if is_parse_error(outcome) else await whole(outcome, caller, most=LARGEST)
        with contextlib.suppress(OSError):
            self._socket.sendto(reply, source)
