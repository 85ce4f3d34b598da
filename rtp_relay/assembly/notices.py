"""The door for timeout notices as configured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from actors.commands.recovery import EndSilentSession
from actors.directory import Directory
from actors.results import Done, Refused
from events.names import BranchId, CallId
from gateways.timeout_notices import listen, serving
from rtp_relay.assembly.errors import StartError
from rtp_relay.config import CallsConfig
from rtp_relay.config.model import OnMediaTimeout
from rtp_relay.workers.seat import Seat

log = structlog.get_logger()


@asynccontextmanager
async def listen_for_notices(
    config: CallsConfig, directory: Directory, seat: Seat | None = None
) -> AsyncIterator[asyncio.Server]:
    """Receive notices while the block runs. Raises StartError for an address that cannot be used.

    With a `seat` the socket is that of all workers, and a notice goes to the one that serves its call.
    """
    ends_call = config.on_media_timeout is OnMediaTimeout.END

    def end(call_id: CallId, branch: BranchId) -> None:
        def done(result: Done | Refused) -> None:
            why = result.reason if isinstance(result, Refused) else result.warning
            log.info("media timed out", call_id=call_id, branch=branch, ended=isinstance(result, Done), why=why)

        directory.submit(
            EndSilentSession(call_id=call_id, branch=branch, ends_call=ends_call, at=directory.now()), done
        )

    if seat is not None and seat.notices is not None:
        async with serving(seat.notices, seat.hands_notices_to(end)) as server:
            yield server
        return
    try:
        async with listen(config.notices, end) as server:
            yield server
    except OSError as error:
        raise StartError(f"timeout notices cannot be listened for at {config.notices}: {error}") from error
