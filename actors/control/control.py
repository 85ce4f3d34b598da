"""What can be asked of the whole, and how it is steered."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence

from pykka import ActorDeadError

from actors.call_history import load
from actors.commands.migration import Migrate
from actors.control.bulk import BulkMoves
from actors.control.counters import CounterSource, Sample, total
from actors.control.status import ControlNodeStatus, NodeStatus, describe, read_status
from actors.control.steering import NodeSteering
from actors.control.survey import survey
from actors.directory import Directory
from actors.effects import Outcome
from actors.known_history import CallHistory
from actors.node_table import NodeTable
from actors.quarantine.release import want_release
from actors.results import Moved, Refused
from engines.kind import STATISTICS, Operation
from engines.refusal import RefusalCode
from engines.sets import NodeSpec
from events.journal import PAGE, CorruptEntry, Journal
from events.names import CallId
from events.reading import read_all
from events.records import EVERY_CALL, CallFilter, CallPage, LiveCall, Recorded
from replay.privacy.numbers import ALL_SHOWN, Numbers
from replay.state import CallState

NOT_SERVED = Refused(RefusalCode.INTERNAL, "No calls are served here")


class Control:
    """Lists and steers calls and nodes.

    What it reads of calls and control nodes is the whole cluster's, from the journal, and what it decides about nodes
    holds there. How nodes are, and the counters, are those of this control node; without a node table (in a command
    beside it) there are none. Methods that read the journal raise JournalError.
    """

    def __init__(
        self,
        journal: Journal,
        nodes: NodeTable | None = None,
        *,
        name: str = "",
        version: str = "",
        now: Callable[[], int] = lambda: 0,
        configured: Collection[NodeSpec] = (),
        numbers: Numbers = ALL_SHOWN,
    ) -> None:
        """Make the interface of a control node of this name and program version; `now` is in ms since the epoch.

        configured: nodes that are known to be beside those of the table. numbers: how those of parties are shown.
        """
        self.numbers = numbers
        self._journal, self._nodes = journal, nodes or NodeTable()
        self._name, self._version, self._now = name, version, now
        self._started_at = now()
        self._sources: list[CounterSource] = []
        self.steering = NodeSteering(journal, self._nodes, name, configured)
        """What is decided about nodes."""
        self.bulk = BulkMoves(journal, name)
        """Jobs that move many calls."""
        self.of_all: Callable[[], Awaitable[list[Sample]]] | None = None
        """Gives what all workers of this service have counted, if there are several; raises OSError, TimeoutError."""
        self.counted: Mapping[str, int] = {}
        """The number of live calls by node, as counted last."""
        self.directory: Directory | None = None
        """Where calls are asked; a command that only reads the journal has none."""

    # -- calls --

    async def calls(self, wanted: CallFilter = EVERY_CALL) -> AsyncIterator[LiveCall]:
        """Return the live calls of the whole cluster that are wanted, in no order; they are read page by page."""
        async for call in self._journal.live_calls(wanted):
            yield call

    async def calls_page(self, wanted: CallFilter = EVERY_CALL, cursor: str = "", count: int = PAGE) -> CallPage:
        """Return about `count` of these calls from the cursor of a page on; the last page's cursor is "".

        Raises ValueError for a cursor that is none.
        """
        return await self._journal.page(wanted, cursor, count)

    async def count_calls(self) -> Mapping[str, int]:
        """Return the number of live calls by node; under "" that of all."""
        self.counted = await self._journal.count_calls()
        return self.counted

    async def call(self, call_id: CallId) -> CallState:
        """Return the state of a call as its stream says; that of version 0 if there is no such call."""
        return (await load(self._journal, call_id, CallHistory(call_id))).state

    async def history(self, call_id: CallId, after: int = 0, count: int = 0) -> list[Recorded]:
        """Return the events of a call above a version, oldest first, at most `count` unless 0.

        There are none if there is no such call. Numbers are as they may be shown. Raises CorruptEntry, with what can be
        read, though it be without what is sealed.
        """
        try:
            if count:
                entries = await self._journal.read(call_id, after, count)
            else:
                entries = [entry for entry in await read_all(self._journal, call_id) if entry.version > after]
        except CorruptEntry as error:
            remains = max(await self._journal.remains(call_id), error.before, key=len)
            raise self.numbers.error(error, remains) from None
        return list(map(self.numbers.entry, entries))

    async def end_quarantined(self, call_id: CallId, reason: str) -> Sequence[tuple[str, str]]:
        """Have the sessions of a quarantined call removed by any control node; return (node, relay id) of each.

        It is tried until the nodes confirm it. Raises NotQuarantined.
        """
        now = round(await self._journal.time())
        return await want_release(self._journal, call_id, self._name, now, reason)

    async def move(self, command: Migrate) -> Moved | Refused:
        """Move a call to another node, and return where it is then. Only where calls are served."""
        if self.directory is None:
            return NOT_SERVED
        return await self.directory.ask(command)

    # -- nodes --

    async def control_nodes(self) -> list[ControlNodeStatus]:
        """Return what each control node that is alive says of itself and its nodes. Raises ValueError for garbage."""
        return await read_status(self._journal)

    async def nodes(self) -> list[NodeStatus]:
        """Return how this control node's nodes are, in the order of the configuration, then those that were added."""
        calls = await self.count_calls()
        now = self._now()
        statuses = []
        for node in self._nodes.all():
            with contextlib.suppress(ActorDeadError):  # removed since
                statuses.append(await describe(node, now, calls.get(node.spec.name, 0)))
        return statuses

    def specs(self) -> list[NodeSpec]:
        """Return the descriptions of this control node's nodes, in the order of the configuration."""
        return [node.spec for node in self._nodes.all()]

    async def status(self) -> ControlNodeStatus:
        """Return what this control node says of itself."""
        return ControlNodeStatus(
            name=self._name,
            started_at=self._started_at,
            seen_at=self._now(),
            version=self._version,
            nodes=tuple(await self.nodes()),
            decided=self._nodes.decided,
        )

    async def ask_nodes(self, operation: Operation = STATISTICS) -> Sequence[Outcome]:
        """Ask all nodes the same at once, and return what became of it in the order of the configuration."""
        return await survey(self._nodes.all(), operation)

    # -- counters --

    def count_with(self, source: CounterSource) -> None:
        """Add a part that counts."""
        self._sources.append(source)

    async def samples(self) -> list[Sample]:
        """Return what all parts of this service, in all its workers, have counted since its start.

        If the other workers' numbers cannot be had, it is what this one has counted.
        """
        if self.of_all is not None:
            with contextlib.suppress(OSError, TimeoutError):
                return await self.of_all()
        return self.own_samples()

    def own_samples(self) -> list[Sample]:
        """Return what all parts of this process have counted since its start."""
        return total(sample for source in self._sources for sample in source.samples())
