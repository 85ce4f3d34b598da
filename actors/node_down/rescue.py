"""Calls leave a node that is down as the policy of its set says, and what it still holds of them goes on its return.

Every control node watches its nodes. Of those that find one down, the one with the lease on that works through its
calls; another takes over when it dies. What is done for a call, the call's own history decides: if two are at it all
the same, one of them acts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

import structlog

from actors.commands.command import CallCommand
from actors.commands.recovery import LeaveDeadNode, OnNodeDown
from actors.control.status import ControlNodeStatus, read_status
from actors.lasting_trouble import LastingTrouble
from actors.node_down.effort import Effort
from actors.node_down.pace import Pace
from actors.node_down.policy import LEAVE, NodeDownPolicy
from actors.node_table import Node, NodeTable
from actors.results import Refused
from engines.health import NodeState
from events.journal import Journal, JournalError
from events.names import CallId, NodeName
from events.records import CallFilter

log = structlog.get_logger()

R = TypeVar("R")

LOOK_EVERY = 1.0
"""Seconds between two looks at how the nodes are, where no node has told of another state."""

AGAIN = 1.0
"""Seconds between two looks at which calls a node that is down still has."""

LEASE = 5.0
"""Seconds that a control node has for itself to look after a node's calls, unless it goes on."""

AT_ONCE = 1000
"""How many calls may be leaving at a time; some wait for long for parties that do not answer."""

CLEANED = 500
"""Calls a second whose rests are deleted on a node that is back."""

_DONE: Mapping[OnNodeDown, str] = {OnNodeDown.MIGRATE: "gone meanwhile", OnNodeDown.END: "ended"}


class Calls(Protocol):
    """Where commands about calls go: the directory."""

    async def ask(self, command: CallCommand[R]) -> R | Refused:
        """Submit a command to its call, and return the result."""


class Rescue:
    """Looks after the calls of nodes that go down and come back. `attend` wakes a call for what is due of it."""

    def __init__(
        self,
        *,
        name: str,
        journal: Journal,
        nodes: NodeTable,
        calls: Calls,
        attend: Callable[[CallId], None],
        now: Callable[[], int],
        policies: Mapping[str, NodeDownPolicy],
    ) -> None:
        """Make that of the control node of this name. `policies` by set; `now` gives ms since the epoch."""
        self._name, self._journal, self._nodes, self._calls = name, journal, nodes, calls
        self._attend, self._now, self._policies = attend, now, policies
        self._loop = asyncio.get_running_loop()
        self._down: set[NodeName] = set()
        self._tasks: dict[NodeName, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Watch the nodes until cancelled."""
        self._nodes.watch(self._note)
        try:
            while True:
                self._news.clear()
                pause = min((self._look_at(node) for node in self._nodes.all()), default=LOOK_EVERY)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), pause)
        finally:
            for task in (*self._tasks.values(), *self._leaving):
                task.cancel()

    def _note(self, before: Node, after: Node, _why: str) -> None:
        if before.health.state is not after.health.state:
            self._news.set()

    def _look_at(self, node: Node) -> float:
        """Begin what there is to do about a node; return after how many seconds it is to be looked at again."""
        name = node.spec.name
        if name in self._tasks:
            return LOOK_EVERY
        if not self._is_down(name):
            if name in self._down:
                self._down.discard(name)
                self._begin(name, self._clean(name))
            return LOOK_EVERY
        self._down.add(name)
        policy = self._policies.get(node.spec.set, LEAVE)
        if policy.action is OnNodeDown.LEAVE:
            return LOOK_EVERY
        left = policy.wait - (self._loop.time() - node.health.since)
        if left <= 0:
            self._begin(name, self._look_after(name, policy))
        return min(max(left, 0.001), LOOK_EVERY)

    def _begin(self, name: NodeName, work: Coroutine[Any, Any, None]) -> None:
        task = self._tasks[name] = self._loop.create_task(work)
        task.add_done_callback(lambda _: self._done(name))

    def _done(self, name: NodeName) -> None:
        del self._tasks[name]
        self._news.set()

    def _is_down(self, name: NodeName) -> bool:
        node = self._nodes.node(name)
        return node is not None and node.health.state is NodeState.DOWN

    # -- down --

    async def _look_after(self, name: NodeName, policy: NodeDownPolicy) -> None:
        """Let a node's calls leave it, again and again while it is down: further ones may be put on it by others."""
        effort, pace = Effort(name), Pace(policy.pace, AT_ONCE)
        trouble = LastingTrouble(
            "calls of a node that is down not looked after",
            "calls of a node that is down looked after again",
            node=name,
        )
        while self._is_down(name):
            try:
                if await self._may_act(name):
                    await self._sweep(effort, policy.action, pace)
                trouble.end()
            except (JournalError, ValueError) as error:
                trouble.note(error)
            effort.report()
            await asyncio.sleep(AGAIN)
        effort.report()

    async def _may_act(self, name: NodeName) -> bool:
        """Return whether it is for this control node to act, and no other one has found the node up since."""
        if not await self._journal.lease(f"down:{name}", self._name, LEASE):
            return False
        up = [status.name for status in await read_status(self._journal) if self._contradicts(status, name)]
        if up:
            log.warning("node is down from here alone: its calls stay", node=name, up_for=up)
        return not up

    def _contradicts(self, status: ControlNodeStatus, name: NodeName) -> bool:
        """Return whether another control node has said, since the node is down here, that it is up."""
        node = self._nodes.node(name)
        if node is None or status.name == self._name:
            return False
        down_at = self._now() - round((self._loop.time() - node.health.since) * 1000)
        states = [one.state for one in status.nodes if one.name == name]
        return status.seen_at > down_at and states in ([NodeState.UP], [NodeState.DRAINING])

    async def _sweep(self, effort: Effort, action: OnNodeDown, pace: Pace) -> None:
        """Ask each call of the node to leave that has not been asked."""
        node = NodeName(effort.node)
        renewed = self._loop.time()
        async for call in self._journal.live_calls(CallFilter(node=node, status="live")):
            if not effort.wants(call.call_id):
                continue
            await pace.begin()
            if not self._is_down(node):
                pace.end()
                return
            if self._loop.time() - renewed > LEASE / 3:
                renewed = self._loop.time()
                if not await self._journal.lease(f"down:{node}", self._name, LEASE):
                    pace.end()
                    return
            effort.begin(call.call_id)
            task = self._loop.create_task(self._leave(effort, call.call_id, action, pace))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _leave(self, effort: Effort, call_id: CallId, action: OnNodeDown, pace: Pace) -> None:
        result = await self._calls.ask(LeaveDeadNode(call_id=call_id, node=NodeName(effort.node), action=action))
        pace.end()
        effort.end(call_id, result, _DONE[action])

    # -- back --

    async def _clean(self, name: NodeName) -> None:
        """Wake the calls that have a rest on a node that is back: it may still hold what they left there."""
        pace = Pace(CLEANED, AT_ONCE)
        try:
            if not await self._journal.lease(f"back:{name}", self._name, LEASE):
                return
            async for call in self._journal.live_calls(CallFilter(node=name)):
                if call.status == "closing" or len(call.sessions) > 1:
                    await pace.begin()
                    self._attend(call.call_id)
                    pace.end()
        except JournalError as error:
            log.warning("rests on a node that is back stay due", node=name, why=str(error))
