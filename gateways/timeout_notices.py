"""The door for timeout notices: a relay connects and says, a line each, which sessions it ended for want of media.

What an rtpproxy says is the notify tag that it was given with the session (its protocol's `n` of U); ours names the
call and the branch (`notice_tag`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

log = structlog.get_logger(bounded=True)

MAX_LINE = 4096

TimedOut = Callable[[str, str], None]
"""Takes the call-id and the branch whose session a relay has ended."""


@asynccontextmanager
async def listen(address: str, timed_out: TimedOut) -> AsyncIterator[asyncio.Server]:
    """Listen at tcp:HOST:PORT or unix:/PATH. Raises OSError if it cannot be had."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _read_notices(reader, timed_out)
        finally:
            writer.close()

    scheme, _, place = address.partition(":")
    if scheme == "unix":
        _remove(place)
        server = await asyncio.start_unix_server(serve, place, limit=MAX_LINE)
    else:
        host, _, port = place.rpartition(":")
        server = await asyncio.start_server(serve, host, int(port), limit=MAX_LINE)
    try:
        yield server
    finally:
        server.close()
        if scheme == "unix":
            _remove(place)


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
                timed_out(call_id, branch)
            else:
                log.warning("timeout notice not understood", notice=text[:200])
