"""What this control node makes known about itself in the journal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

import structlog

from actors.node_table import Node, NodeTable
from events.journal import Journal, JournalError
from rtp_relay import __version__
from rtp_relay.status import ControlNodeStatus, NodeState, NodeStatus, encode_status

log = structlog.get_logger()

INTERVAL = 2.0
"""Seconds from one status to the next."""

TTL = 7.0
"""Seconds after which a status that was not renewed is gone."""


class StatusPublisher:
    """Publishes the control node's status, and knows by that whether the journal answers."""

    def __init__(self, name: str, journal: Journal, nodes: NodeTable, now: Callable[[], int]) -> None:
        self._name, self._journal, self._nodes, self._now = name, journal, nodes, now
        self._started_at = now()
        self._last = b""
        self.journal_answers = True

    async def run(self) -> None:
        """Publish until cancelled. The journal being away is no end: it may come back."""
        while True:
            try:
                await self.publish()
                self.journal_answers = True
            except JournalError as error:
                self.journal_answers = False
                log.warning("status not published", why=str(error))
            await asyncio.sleep(INTERVAL)

    async def publish(self) -> None:
        """Publish once. Raises JournalError."""
        calls = await self._journal.count_calls()
        status = ControlNodeStatus(
            name=self._name,
            started_at=self._started_at,
            seen_at=self._now(),
            version=__version__,
            nodes=tuple([await self._describe(node, calls) for node in self._nodes.all()]),
        )
        self._last = encode_status(status)
        await self._journal.publish(self._name, self._last, TTL)

    async def withdraw(self) -> None:
        """Let what was published run out at once, as far as the journal can be reached."""
        if self._last:
            with contextlib.suppress(JournalError):
                await self._journal.publish(self._name, self._last, 0.0)

    async def _describe(self, node: Node, calls: Mapping[str, int]) -> NodeStatus:
        spec, health = node.spec, node.health
        for_how_long = asyncio.get_running_loop().time() - health.since
        return NodeStatus(
            name=spec.name,
            engine=spec.engine,
            url=spec.url,
            set=spec.set,
            weight=spec.weight,
            state=NodeState(health.state),
            since=self._now() - round(for_how_long * 1000),
            in_flight=await node.actor.proxy().in_flight,
            last_failure=health.last_failure,
            calls=calls.get(spec.name, 0),
        )
