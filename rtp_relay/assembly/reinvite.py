"""Calls of the ng door that can move only with their next offer: their SIP server is asked to make one.

The control node that journals that such a call waits asks for it. Nothing depends on the answer: the call moves with
whatever offer comes next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from actors.observers import Observers
from events.names import CallId
from events.records import Recorded
from events.registry import Event, MigrationIntended, PartiesNotReached
from gateways.mi.client import MiClient, MiRefused
from rtp_relay.config.model import ReinviteConfig

log = structlog.get_logger()

METHOD = "rtp_relay_update_callid"
"""OpenSIPS' method that has the relay of a call's dialog renewed, by a re-INVITE to both its parties."""

AT_ONCE = 50
"""How many calls may be asked for at a time."""


class Reinviter:
    """Asks for offers of calls that wait for one."""

    def __init__(self, client: MiClient) -> None:
        self._client = client
        self._room = asyncio.Semaphore(AT_ONCE)
        self._asking: dict[CallId, asyncio.Task[None]] = {}

    def take(self, call_id: CallId, recorded: Recorded) -> None:
        """Look at an event that was journalled here."""
        event = recorded.event
        if _waits(event) and call_id not in self._asking:
            task = self._asking[call_id] = asyncio.get_running_loop().create_task(self._ask(call_id))
            task.add_done_callback(lambda _: self._asking.pop(call_id))

    async def _ask(self, call_id: CallId) -> None:
        async with self._room:
            try:
                result = await self._client.ask(METHOD, {"callid": call_id})
            except MiRefused as error:
                log.warning("call not re-invited by its SIP server", call_id=call_id, why=str(error))
            else:
                log.info("call re-invited by its SIP server", call_id=call_id, said=result)

    async def close(self) -> None:
        """Ask no more, and close the connections."""
        for task in list(self._asking.values()):
            task.cancel()
        await self._client.close()


def _waits(event: Event) -> bool:
    if isinstance(event, MigrationIntended):
        return event.waits and not event.early
    return isinstance(event, PartiesNotReached)


@asynccontextmanager
async def reinviting(config: ReinviteConfig, observers: Observers) -> AsyncIterator[None]:
    """Ask for offers while the block runs, if there is somebody to ask."""
    if not config.mi:
        yield
        return
    reinviter = Reinviter(MiClient(config.mi, config.timeout))
    observers.add(reinviter.take)
    try:
        yield
    finally:
        observers.remove(reinviter.take)
        await reinviter.close()
