"""The door for timeout notices: a relay connects and says, a line each, which sessions it ended for want of media.

What an rtpproxy says is the notify tag that it was given with the session (its protocol's `n` of U); ours names the
call and the branch (`notice_tag`).
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from events.names import BranchId, CallId

log = structlog.get_logger(bounded=True)

MAX_LINE = 4096

_KEEP_FILE: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""Who made a UNIX socket's file removes it: other processes may listen there, too."""

TimedOut = Callable[[CallId, BranchId], None]
"""Takes the call-id and the branch whose session a relay has ended."""


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Have a socket that listens at tcp:HOST:PORT or unix:/PATH. Raises OSError if it cannot be had."""
    scheme, _, place = address.partition(":")
    if scheme == "unix":
        _remove(place)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with sock:
        host, _, port = place.rpartition(":")
        sock.bind(place if scheme == "unix" else (host, int(port)))
        sock.listen()
        try:
            yield sock
        finally:
            if scheme == "unix":
                _remove(place)


@asynccontextmanager
async def serving(sock: socket.socket, timed_out: TimedOut) -> AsyncIterator[asyncio.Server]:
    """Take the notices of those who connect to a listening socket, which several processes may have."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _read_notices(reader, timed_out)
        finally:
            writer.close()

    sock.setblocking(False)
    if sock.family is socket.AF_UNIX:
        server = await asyncio.start_unix_server(serve, sock=sock, limit=MAX_LINE, **_KEEP_FILE)
    else:
        server = await asyncio.start_server(serve, sock=sock, limit=MAX_LINE)
    try:
        yield server
    finally:
        server.close()


@asynccontextmanager
async def listen(address: str, timed_out: TimedOut) -> AsyncIterator[asyncio.Server]:
    """Listen at tcp:HOST:PORT or unix:/PATH. Raises OSError if it cannot be had."""
    with listening(address) as sock:
        async with serving(sock, timed_out) as server:
            yield server


def _remove(path: str) -> None:
    """Remove a socket's file, which may be left from a control node that died."""
    Path(path).unlink(missing_ok=True)


async def _read_notices(reader: asyncio.StreamReader, timed_out: TimedOut) -> None:
    """Read lines until the relay closes; one that is no notice of ours is logged, one without end closes."""
    with suppress(ConnectionError, ValueError):
        while line := await reader.readline():
            text = line.decode("utf-8", "replace").strip("\r\n")
            branch, space, call_id = text.partition(" ")
            if space and call_id:
                timed_out(CallId(call_id), BranchId(branch))
            else:
                log.warning("timeout notice not understood", notice=text[:200])
