"""The health of a node: a circuit breaker fed with what became of commands, and what an operator wants of the node.

Sans-IO; times are given, in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from events.node_events import AdminState

__all__ = ["AdminState", "Health", "NodeSnapshot", "NodeState"]


class NodeState(StrEnum):
    """What a node is good for.

    UP: everything. DOWN: nothing, until probes succeed. DRAINING: the calls it has, no new ones. DISABLED: the removal
    of what it has, and nothing else, until an operator says otherwise; it is not probed.
    """

    UP = "up"
    DOWN = "down"
    DRAINING = "draining"
    DISABLED = "disabled"


_ACTIVE: Final = AdminState.ACTIVE
_UP: Final = NodeState.UP


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSnapshot:
    """A node's health as it was told last.

    since: when it got into this state, on the clock of the event loop. last_failure: the last thing that went wrong
    with it, in words; "" if nothing did.
    """

    state: NodeState = NodeState.UP
    admin: AdminState = AdminState.ACTIVE
    since: float = 0.0
    last_failure: str = ""

    @property
    def takes_commands(self) -> bool:
        """Whether commands of calls that are on the node may be sent to it."""
        return self.state in (NodeState.UP, NodeState.DRAINING)

    @property
    def takes_new_calls(self) -> bool:
        """Whether the node may be chosen for a new session."""
        return self.state is _UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Hysteresis:
    """What a node that flaps has to do to be taken back.

    One that is down again within `window` seconds of its return flaps. It is down for `hold` seconds at least, and
    until it has given `answers` replies with no failure between them. Any other is taken back with its first reply.
    """

    window: float = 60.0
    answers: int = 5
    hold: float = 10.0


@dataclass(slots=True)
class Health:
    """A node's health, and the last thing that went wrong with it.

    down_after: so many failures in a row, without a success between them, open the circuit. answers: so many replies
    in a row it has given while it is down. `since` and `back_at` (of its last return) are on the caller's clock.
    """

    since: float
    down_after: int = 3
    hysteresis: Hysteresis = Hysteresis()
    admin: AdminState = AdminState.ACTIVE
    failures: int = 0
    is_down: bool = False
    is_flapping: bool = False
    answers: int = 0
    back_at: float = -math.inf
    last_failure: str = ""

    @property
    def state(self) -> NodeState:
        """The state now."""
        if self.admin is _ACTIVE and not self.is_down:  # it is asked for each command
            return _UP
        if self.admin is AdminState.DISABLED:
            return NodeState.DISABLED
        return NodeState.DOWN if self.is_down else NodeState.DRAINING

    @property
    def disabled(self) -> bool:
        """Whether an operator wants it left alone."""
        return self.admin is AdminState.DISABLED

    def snapshot(self) -> NodeSnapshot:
        """Return what there is to be told of it now."""
        return NodeSnapshot(state=self.state, admin=self.admin, since=self.since, last_failure=self.last_failure)

    def succeeded(self, now: float) -> bool:
        """Record a reply. Return whether that changed the state."""
        self.failures = 0
        if not self.is_down:
            return False
        self.answers += 1
        wanted = self.hysteresis
        if self.is_flapping and (self.answers < wanted.answers or now - self.since < wanted.hold):
            return False
        return self.told_up(now)

    def told_up(self, now: float) -> bool:
        """Record that the node is taken back. Return whether that changed the state."""
        if not self.is_down:
            return False
        self.failures = 0
        self.is_down, self.since, self.back_at = False, now, now
        return True

    def failed(self, now: float, why: str) -> bool:
        """Record that a command got no reply. Return whether that changed the state."""
        self.failures += 1
        self.answers = 0
        self.last_failure = why
        if self.is_down or self.failures < self.down_after:
            return False
        self._go_down(now)
        return True

    def told_down(self, now: float, why: str) -> bool:
        """Record that others have found the node down. Return whether that changed the state."""
        if self.is_down:
            return False
        self.failures = self.down_after
        self.last_failure = why
        self._go_down(now)
        return True

    def _go_down(self, now: float) -> None:
        self.is_down, self.since, self.answers = True, now, 0
        self.is_flapping = now - self.back_at <= self.hysteresis.window

    def set_admin(self, now: float, admin: AdminState) -> bool:
        """Set the administrative state. Return whether that changed anything."""
        before, changed = self.state, self.admin is not admin
        self.admin = admin
        if self.state is not before:
            self.since = now
        return changed
