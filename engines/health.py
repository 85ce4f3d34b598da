"""The health of a node: a circuit breaker fed with what became of commands. Sans-IO; times are given, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NodeState(StrEnum):
    """What a node is good for.

    UP: everything. DOWN: nothing, until a probe succeeds. DRAINING: the calls it has, no new ones. DISABLED: nothing,
    until an operator says otherwise; it is not probed.
    """

    UP = "up"
    DOWN = "down"
    DRAINING = "draining"
    DISABLED = "disabled"


@dataclass(slots=True)
class Health:
    """A node's health, and the last thing that went wrong with it.

    down_after: so many failures in a row, without a success between them, open the circuit. `since` and
    `last_failure_at` are on the caller's clock.
    """

    since: float
    down_after: int = 3
    draining: bool = False
    disabled: bool = False
    failures: int = 0
    is_down: bool = False
    last_failure: str = ""
    last_failure_at: float = 0.0

    @property
    def state(self) -> NodeState:
        """The state now."""
        if self.disabled:
            return NodeState.DISABLED
        if self.is_down:
            return NodeState.DOWN
        return NodeState.DRAINING if self.draining else NodeState.UP

    @property
    def takes_commands(self) -> bool:
        """Whether commands of calls that are on the node may be sent to it."""
        return not (self.is_down or self.disabled)

    @property
    def takes_new_calls(self) -> bool:
        """Whether the node may be chosen for a new session."""
        return self.state is NodeState.UP

    def succeeded(self, now: float) -> bool:
        """Note a reply. Return whether that changed the state."""
        self.failures = 0
        if not self.is_down:
            return False
        self.is_down, self.since = False, now
        return True

    def failed(self, now: float, why: str) -> bool:
        """Note that a command got no reply. Return whether that changed the state."""
        self.failures += 1
        self.last_failure, self.last_failure_at = why, now
        if self.is_down or self.failures < self.down_after:
            return False
        self.is_down, self.since = True, now
        return True

    def set_wish(self, now: float, *, draining: bool, disabled: bool) -> bool:
        """Let an operator drain or disable the node, or take that back. Return whether that changed the state."""
        before = self.state
        self.draining, self.disabled = draining, disabled
        if self.state is before:
            return False
        self.since = now
        return True
