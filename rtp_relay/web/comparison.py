"""Relays compared with the journal, because somebody on the page wants it: one comparison at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import structlog

from actors.control.control import Control
from actors.roster import RosterNode
from engines.registry import EngineName
from events.journal import Journal, JournalError
from events.names import NodeName
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.nodes import configured_nodes, nodes_beside
from rtp_relay.audit.findings import Findings, Ours
from rtp_relay.audit.reconciler import Reconciler
from rtp_relay.config import Config, NodeConfig
from rtp_relay.config.addresses import node_address
from rtp_relay.config.problems import Wrong
from rtp_relay.web.reading import cluster_of

RATE: Final = 50.0
"""Sessions that relays are asked for by name in a second, at most."""

log = structlog.get_logger()


class Comparison:
    """The newest comparison: begun and ended at these times (ms since the epoch), wanted by whom, and what it found.

    why_not: why it could not be made, "" if it could.
    """

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.by = self.why_not = ""
        self.fix = False
        self.findings: Findings | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended yet."""
        return self._work is not None and not self._work.done()

    def begin(self, config: Config, journal: Journal, control: Control, by: str, *, fix: bool) -> bool:
        """Begin one, unless one goes on; with `fix`, orphans that are ours are deleted. Return whether it was begun."""
        if self.goes_on:
            return False
        self.begun, self.ended, self.by, self.fix = _now(), 0, by, fix
        self.findings, self.why_not = None, ""
        self._work = asyncio.create_task(self._compare(config, journal, control))
        return True

    async def close(self) -> None:
        """End it."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    async def _compare(self, config: Config, journal: Journal, control: Control) -> None:
        try:
            nodes = await _nodes(config, control)
            async with nodes_beside(journal, nodes, f"{config.service.name} (page)", _now) as opened:
                ours = Ours(config.reconcile.prefixes)
                reconciler = Reconciler(journal, opened, ours, now=_now, rate=RATE, fix=self.fix)
                self.findings = await reconciler.run()
        except (JournalError, StartError) as error:
            self.why_not = str(error)
        except Exception as error:
            log.exception("relays not compared with the journal")
            self.why_not = f"it has failed: {type(error).__name__}"
        finally:
            self.ended = _now()


async def _nodes(config: Config, control: Control) -> Sequence[RosterNode]:
    """Return the nodes to compare: those that are configured, or else those that control nodes run themselves."""
    if config.nodes:
        return configured_nodes(config.nodes)
    found: list[NodeConfig] = []
    for node in (await cluster_of(control)).nodes:
        try:
            url, engine = node_address(node.url), EngineName(node.engine)
        except (Wrong, ValueError):
            continue  # the route engine has no address
        found.append(NodeConfig(name=NodeName(node.name), engine=engine, url=url, set=node.set))
    return configured_nodes(found)


def _now() -> int:
    return time.time_ns() // 1_000_000
