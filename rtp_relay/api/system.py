"""A relay system inside an application: the same journal, nodes and calls as behind the doors of the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from actors.control.control import Control
from engines.route.routes import Routes
from events.names import CallId, NodeName, Tag
from events.records import CallFilter, LiveCall, Recorded
from replay.identity import id_of_caller
from rtp_relay.api import given
from rtp_relay.api.call import RelayCall
from rtp_relay.config import Config, load
from rtp_relay.service import Service


class RelaySystem:
    """A control node without doors. Get one from `open_relay`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def call(self, call_id: str, *, callers_tag: str = "") -> RelayCall:
        """Return a call's relay, whether the call exists or is about to.

        With `callers_tag`, the From tag of its INVITE, the call is kept apart from all others that have this Call-ID,
        whoever began them; to be given in each message of the call, or in none. Raises BadValue for what is no text.
        """
        service = self._service
        name, tag = CallId(given.call_id(call_id)), Tag(given.text("callers_tag", callers_tag))
        if tag:
            name = id_of_caller(name, tag)
        return RelayCall(name, service.directory, service.journal, service.sets, service.control.numbers)

    @property
    def control(self) -> Control:
        """Lists and steers the whole: calls, histories, nodes and their states, counters."""
        return self._service.control

    def live_calls(self, node: str | None = None) -> AsyncIterator[LiveCall]:
        """Return the live calls of the whole cluster, in no order; with `node`, those that have a session there."""
        return self._service.control.calls(CallFilter(node=NodeName(node or "")))

    @asynccontextmanager
    async def events(self, most: int = 1000) -> AsyncIterator[AsyncIterator[tuple[str, Recorded]]]:
        """Subscribe to what this control node journals: pairs of call-id and event, from now on.

        Numbers of parties are as they may be shown (`[privacy]`). A subscriber that is more than `most` events behind
        misses the oldest ones.
        """
        queue: asyncio.Queue[tuple[str, Recorded]] = asyncio.Queue(most)
        numbers = self._service.control.numbers

        def put(call_id: str, record: Recorded) -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait((call_id, numbers.entry(record)))

        async def items() -> AsyncIterator[tuple[str, Recorded]]:
            while True:
                yield await queue.get()

        self._service.observers.add(put)
        try:
            yield items()
        finally:
            self._service.observers.remove(put)


@asynccontextmanager
async def open_relay(
    config: Config | Path | str | None = None, *, routes: Routes | None = None
) -> AsyncIterator[RelaySystem]:
    """Open a relay system from a configuration (or its file; None: everything embedded) for as long as the block runs.

    `routes` are the callables of the route engine, in place of a configured script.

    Raises ConfigError for a wrong configuration, StartError if Redis or a node's name cannot be reached.
    """
    loaded = config if isinstance(config, Config) else load(Path(config) if config is not None else None)
    service = Service(loaded, doors=False, routes=routes)
    await service.start()
    try:
        yield RelaySystem(service)
    finally:
        await service.stop()
