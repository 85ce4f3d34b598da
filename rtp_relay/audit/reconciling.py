"""Relays compared with the journal in the background, round by round.

Of the control nodes that share a journal one at a time does it: whoever gets the lease first. While a round goes on its
lease is short and renewed, so that another one begins anew where this one died; after it the lease stands until the
next round is due, whoever does that.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from actors.call_counters import MAX_NODES
from actors.commands.recovery import ProbeSessions
from actors.control.counters import Sample, samples_of
from actors.control.happenings import OrphanHappening
from actors.node_table import NodeTable
from actors.results import Done, Refused
from events.journal import Journal, JournalError
from events.names import NodeName, RelayId
from rtp_relay.assembly.errors import StartError
from rtp_relay.audit.findings import Ghost, Orphan, Ours
from rtp_relay.audit.reconciler import Reconciler
from rtp_relay.config.reconcile import ReconcileConfig

log = structlog.get_logger(bounded=True)

LOOK: Final = 5.0
"""Seconds between two looks whether a round is due, at most."""

LEASE: Final = 30.0
"""Seconds after which another control node may begin anew where nothing is heard of the one at work."""

_NAME: Final = "reconcile"


class LeaseLost(Exception):
    """Another control node is at work by now: this one stood still for too long."""


class Calls(Protocol):
    """Where commands about calls go: the directory."""

    async def ask(self, command: ProbeSessions) -> Done | Refused:
        """Submit a command to its call, and return the result."""


OpenNodes = Callable[[], AbstractAsyncContextManager[NodeTable]]
"""Opens the nodes for a round, beside those with which calls are served."""


@dataclass(slots=True)
class ReconcileCounters:
    """What was found here since the start, by node, each finding once; orphans are those that are ours.

    The nodes beyond MAX_NODES are counted together, as `other`.
    """

    rounds: int = 0
    orphans: Counter[tuple[str]] = field(default_factory=Counter)
    orphans_deleted: Counter[tuple[str]] = field(default_factory=Counter)
    ghosts: Counter[tuple[str]] = field(default_factory=Counter)
    ghosts_removed: Counter[tuple[str]] = field(default_factory=Counter)


_LABELS = dict.fromkeys(("orphans", "orphans_deleted", "ghosts", "ghosts_removed"), ("node",))


class Reconciling:
    """The task of one control node. `now` gives ms since the epoch; `tell` tells whoever wants to hear of orphans."""

    def __init__(
        self,
        name: str,
        journal: Journal,
        open_nodes: OpenNodes,
        calls: Calls,
        config: ReconcileConfig,
        *,
        now: Callable[[], int],
        tell: Callable[[OrphanHappening], None],
    ) -> None:
        self._name, self._journal, self._open_nodes, self._calls = name, journal, open_nodes, calls
        self._config, self._now, self._tell = config, now, tell
        self._loop = asyncio.get_running_loop()
        self._counters = ReconcileCounters()
        self._renewed = 0.0
        self._known: set[tuple[NodeName, RelayId]] = set()
        self._counted: set[NodeName] = set()

    def samples(self) -> Iterable[Sample]:
        """Return what was found."""
        return samples_of("reconcile", self._counters, _LABELS)

    async def run(self) -> None:
        """Do a round whenever one is due and nobody else does it, until cancelled."""
        while True:
            await asyncio.sleep(min(self._config.every, LOOK))
            try:
                await self._look()
            except (JournalError, StartError, LeaseLost) as error:
                log.warning("relays not compared with the journal", why=str(error))
            except Exception:  # it is no reason to end the service of calls
                log.exception("relays not compared with the journal")

    async def _look(self) -> None:
        token = f"{self._name} {uuid.uuid4().hex}"
        if not await self._lease(token, LEASE):
            return
        self._renewed = self._loop.time()
        await self._round(token)
        await self._lease(token, self._config.every)
        self._counters.rounds += 1

    async def _round(self, token: str) -> None:
        known, self._known = self._known, set()
        async with self._open_nodes() as nodes:
            reconciler = Reconciler(
                self._journal,
                nodes,
                Ours(self._config.prefixes),
                now=self._now,
                rate=self._config.rate,
                older_than=round(self._config.older_than * 1000),
                fix=self._config.fix,
                keep_on=lambda: self._keep_on(token),
            )
            async for found in reconciler.compare():
                place = found.node, found.relay_id
                self._known.add(place)
                if isinstance(found, Ghost):
                    await self._see_to(found, is_new=place not in known)
                elif found.ours:
                    self._note(found, nodes, is_new=place not in known)

    async def _lease(self, token: str, ttl: float) -> bool:
        return await self._journal.lease(_NAME, token, ttl, longest=max(LEASE, self._config.every))

    async def _keep_on(self, token: str) -> None:
        """Keep the lease. Raises LeaseLost."""
        if self._loop.time() - self._renewed < LEASE / 3:
            return
        if not await self._lease(token, LEASE):
            raise LeaseLost("it took so long that another control node has begun")
        self._renewed = self._loop.time()

    def _label(self, node: NodeName) -> tuple[str]:
        if len(self._counted) < MAX_NODES:
            self._counted.add(node)
        return (node,) if node in self._counted else ("other",)

    def _note(self, orphan: Orphan, nodes: NodeTable, *, is_new: bool) -> None:
        """Tell of an orphan that was not known, or is gone by now."""
        label = self._label(orphan.node)
        self._counters.orphans[label] += is_new
        self._counters.orphans_deleted[label] += orphan.fixed
        node = nodes.node(orphan.node)
        if node is None or not (is_new or orphan.fixed):
            return
        log.warning(
            "orphan on a relay",
            node=orphan.node,
            relay_id=orphan.relay_id,
            call_id=orphan.call_id,
            age=None if orphan.age is None else orphan.age / 1000,
            deleted=orphan.fixed,
        )
        happening = OrphanHappening(node.spec, orphan.relay_id, orphan.call_id, orphan.fixed)
        self._tell(happening)

    async def _see_to(self, ghost: Ghost, *, is_new: bool) -> None:
        """Have the call ask once more and journal what it hears."""
        label = self._label(ghost.node)
        self._counters.ghosts[label] += is_new
        result = await self._calls.ask(ProbeSessions(call_id=ghost.call_id, removes=self._config.fix))
        done = isinstance(result, Done)
        self._counters.ghosts_removed[label] += done and self._config.fix
        if is_new or self._config.fix:
            why = result.reason if isinstance(result, Refused) else ""
            log.warning("session missing on a relay", node=ghost.node, call_id=ghost.call_id, not_journalled=why)
