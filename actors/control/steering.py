"""What operators decide about relay nodes, for all control nodes: into the journal, from which these take it.

Nothing here needs a control node to run: one that starts later follows what was decided.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from enum import StrEnum

from actors.control.behind import control_nodes_behind
from actors.control.known_nodes import known_nodes, no_such_node
from actors.control.status import ControlNodeStatus, read_status
from actors.node_table import NodeTable
from actors.roster import RosterNode
from engines.node_fault import node_fault, share_fault
from engines.sets import NodeSpec
from events.decisions import NODES
from events.journal import Conflict, CorruptEntry, Journal, JournalError, JournalUnavailable
from events.names import NodeName
from events.node_events import (
    AdminState,
    NodeAdded,
    NodeChanged,
    NodeEvent,
    NodeLeaving,
    NodeRemoved,
    NodeReset,
    NodeStateSet,
)
from events.readable import fault_of
from events.reading import SLICE
from events.records import Recorded
from events.values import value
from replay.node_decisions import NodeDecisions
from replay.nodes import NOTHING_DECIDED, DecidedNodes, fold_nodes

TRIES = 20
"""So often a decision is made anew when others were written before it, about other nodes."""


class NodeRefusalCode(StrEnum):
    """Why nothing was decided. UNKNOWN: no such node. EXISTS: there is one. INVALID: no node can be like that.

    HAS_CALLS: it cannot be removed. OVERTAKEN: somebody else decided something about the node at the same time.
    """

    UNKNOWN = "unknown"
    EXISTS = "exists"
    INVALID = "invalid"
    HAS_CALLS = "has calls"
    OVERTAKEN = "overtaken"


class NodeRefusal(Exception):
    """Nothing was decided about a node; the text says why."""

    def __init__(self, code: NodeRefusalCode, why: str) -> None:
        super().__init__(why)
        self.code = code


@value
class Wish:
    """Who wants something of a node, by which way, and why: for the journal."""

    asked_by: str
    reason: str = ""


@value
class Decided:
    """What came of a wish. version: as of which version of the decisions it holds. changed: whether it did not before.

    calls: how many live calls the node has.
    """

    version: int
    changed: bool = True
    calls: int = 0


Check = Callable[[Mapping[NodeName, RosterNode]], None]
"""Raises whatever its caller wants to have raised where a decision makes no sense with the nodes that there are."""

_Decide = Callable[[NodeDecisions | None], NodeEvent | None]
"""Makes the event of what is decided about the node so far, or None where that is as wanted. Raises NodeRefusal."""


class NodeSteering:
    """Decides about nodes. All methods raise NodeRefusal and JournalError.

    configured: the nodes that are known here beside those that control nodes and the journal tell of.
    """

    def __init__(self, journal: Journal, nodes: NodeTable, name: str, configured: Collection[NodeSpec] = ()) -> None:
        self._journal, self._nodes, self._name, self._configured = journal, nodes, name, configured
        self.put_in_force: Callable[[], Awaitable[None]] | None = None
        """What has this control node follow at once, where there is one."""

    async def decided(self) -> DecidedNodes:
        """Return what is decided about all nodes."""
        state, unreadable = await self._readable()
        if unreadable is not None:
            raise JournalUnavailable(f"the decisions about nodes cannot be read: {unreadable.why}") from unreadable
        return state

    async def _readable(self) -> tuple[DecidedNodes, CorruptEntry | None]:
        """Return what can be read of what is decided, and why the rest cannot."""
        state = NOTHING_DECIDED
        try:
            while entries := await self._journal.read_decisions(NODES, state.version, SLICE):
                state = fold_nodes(entries, state)
        except CorruptEntry as error:
            return fold_nodes(error.before, state), error
        return state, None

    async def behind(self, version: int) -> list[str]:
        """Return the control nodes that live and have not put a version of the decisions in force yet."""
        return await control_nodes_behind(self._journal, version)

    async def set_state(self, node: NodeName, state: AdminState, wish: Wish, check: Check | None = None) -> Decided:
        """Have a node active, draining or disabled. ACTIVE takes back that it is to leave.

        check: looks at the nodes as they are decided on just before, so that of two wishes at the same time which
        leave each other no sense the second is refused.
        """

        def decide(known: NodeDecisions | None) -> NodeEvent | None:
            stays = known is None or not known.leaving or state is not AdminState.ACTIVE
            if known is not None and known.state is state and stays:
                return None
            return NodeStateSet(node=node, state=state, asked_by=wish.asked_by, reason=wish.reason)

        return await self._decide_of_known(node, decide, check)

    async def change(
        self,
        node: NodeName,
        wish: Wish,
        *,
        weight: int | None = None,
        set_name: str | None = None,
        priority: int | None = None,
    ) -> Decided:
        """Give a node another weight, set or priority; None leaves each as it is."""
        fault = share_fault(set_name=set_name, weight=weight, priority=priority)
        if fault:
            raise NodeRefusal(NodeRefusalCode.INVALID, fault)

        def decide(known: NodeDecisions | None) -> NodeEvent | None:
            decided = (None, None, None) if known is None else (known.weight, known.set, known.priority)
            if all(new in (None, old) for new, old in zip((weight, set_name, priority), decided, strict=True)):
                return None
            return NodeChanged(
                node=node,
                asked_by=wish.asked_by,
                reason=wish.reason,
                weight=weight,
                set=set_name,
                priority=priority,
            )

        return await self._decide_of_known(node, decide)

    async def add(self, spec: NodeSpec, wish: Wish, *, patience: float = 1.5, max_in_flight: int = 1000) -> Decided:
        """Add a node. What was decided about one of its name before is over.

        patience: how many seconds a command to it may take.
        """
        fault = node_fault(spec)
        if fault or patience <= 0 or max_in_flight < 1:
            raise NodeRefusal(
                NodeRefusalCode.INVALID,
                fault or "how long a command may take, and how many may wait for a reply, is above 0",
            )
        known = await self.known()
        others = (one.spec for name, one in known.items() if name != spec.name)
        same_url = next((one.name for one in others if one.url == spec.url), None)
        if same_url is not None:
            raise NodeRefusal(NodeRefusalCode.EXISTS, f"node {same_url} has the url {spec.url}")
        event = NodeAdded(
            node=spec.name,
            asked_by=wish.asked_by,
            reason=wish.reason,
            engine=spec.engine,
            url=spec.url,
            set=spec.set,
            weight=spec.weight,
            priority=spec.priority,
            timeout=round(patience * 1000),
            max_in_flight=max_in_flight,
            tcp_streams=spec.tcp_streams.value,
        )

        def decide(decisions: NodeDecisions | None) -> NodeEvent:
            is_new = decisions is None or decisions.removed or decisions.added is None
            if spec.name in known or not is_new:
                raise NodeRefusal(NodeRefusalCode.EXISTS, f"there is a node {spec.name}")
            return event

        return await self._decide(spec.name, decide)

    async def remove(self, node: NodeName, wish: Wish, *, drain: bool = False) -> Decided:
        """Remove a node that has no calls; with `drain`, have it drained, and removed by itself when it has none."""
        calls = await self._count(node)

        def decide(known: NodeDecisions | None) -> NodeEvent | None:
            if drain:
                leaving = NodeLeaving(node=node, asked_by=wish.asked_by, reason=wish.reason)
                return None if known is not None and known.leaving else leaving
            if calls:
                raise NodeRefusal(NodeRefusalCode.HAS_CALLS, f"node {node} has {calls} call{'' if calls == 1 else 's'}")
            return NodeRemoved(node=node, asked_by=wish.asked_by, reason=wish.reason)

        return await self._decide_of_known(node, decide)

    async def reset(self, node: NodeName, wish: Wish) -> Decided:
        """Take back all that was decided about a node, its removal too: its description holds again."""

        def decide(known: NodeDecisions | None) -> NodeEvent | None:
            if known is None:
                return None
            return NodeReset(node=node, asked_by=wish.asked_by, reason=wish.reason)

        state = await self.decided()
        return await (self._decide if node in state.nodes else self._decide_of_known)(node, decide)

    async def known(self) -> Mapping[NodeName, RosterNode]:
        """Return the nodes that there are, with as much as is known of each here.

        What is decided counts as far as it can be read, as it is followed.
        """
        decided, _ = await self._readable()
        return self._known_as(decided, await self._statuses())

    def _known_as(self, decided: DecidedNodes, statuses: Sequence[ControlNodeStatus]) -> Mapping[NodeName, RosterNode]:
        return known_nodes(self._configured, statuses, self._nodes.all(), decided)

    async def _statuses(self) -> Sequence[ControlNodeStatus]:
        try:
            return await read_status(self._journal)
        except ValueError:
            return ()  # of a program that is no control node of ours

    async def _decide_of_known(self, node: NodeName, decide: _Decide, check: Check | None = None) -> Decided:
        """Decide about a node that there is."""
        statuses = await self._statuses()
        known = self._known_as((await self._readable())[0], statuses)

        def check_all(state: DecidedNodes) -> None:
            if check is not None:
                check(self._known_as(state, statuses))

        def decide_if_there(decisions: NodeDecisions | None) -> NodeEvent | None:
            if decisions is not None and decisions.removed:
                raise NodeRefusal(NodeRefusalCode.UNKNOWN, f"node {node} was removed by {_who(decisions)}")
            if node not in known:
                raise NodeRefusal(NodeRefusalCode.UNKNOWN, no_such_node(node, (one.spec for one in known.values())))
            return decide(decisions)

        return await self._decide(node, decide_if_there, check_all)

    async def _decide(
        self, node: NodeName, decide: _Decide, check: Callable[[DecidedNodes], None] = lambda _: None
    ) -> Decided:
        """Journal what is decided, unless others decided something about the node since it was looked at.

        check: raises what forbids it as of these decisions about all nodes, after which it is written, or none is.
        """
        state = await self.decided()
        known = state.nodes.get(node)
        for _ in range(TRIES):
            event = decide(known)
            check(state)
            if event is None:
                return Decided(state.version, changed=False, calls=await self._count(node))
            if fault := fault_of(event):
                raise NodeRefusal(NodeRefusalCode.INVALID, fault)
            record = Recorded(state.version + 1, round(await self._journal.time()), self._name, event)
            try:
                version = await self._journal.append_decisions(NODES, state.version, [record], known=state.newest)
            except Conflict:
                state = await self.decided()
            else:
                await self._follow()
                return Decided(version, calls=await self._count(node))
            newer = state.nodes.get(node)
            if newer is not None and newer != known:
                what = f"{_who(newer)} decided about node {node} at the same time: {newer.last_event.name}"
                raise NodeRefusal(NodeRefusalCode.OVERTAKEN, f"{what}; look, and ask again")
        raise JournalUnavailable("others decide about nodes all the time")

    async def _count(self, node: NodeName) -> int:
        return (await self._journal.count_calls()).get(node, 0)

    async def _follow(self) -> None:
        """Follow what was decided; if that cannot be read here, it will be as soon as it can."""
        if self.put_in_force is not None:
            with contextlib.suppress(JournalError):
                await self.put_in_force()


def _who(decisions: NodeDecisions) -> str:
    return decisions.last_event.asked_by
