"""What is to become of the calls of a set's nodes when one of them is down."""

from __future__ import annotations

from dataclasses import dataclass

from actors.commands.recovery import OnNodeDown


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDownPolicy:
    """What becomes of the calls of a node that is down, after `wait` seconds, and of how many a second (`pace`)."""

    action: OnNodeDown = OnNodeDown.LEAVE
    wait: float = 3.0
    pace: float = 200.0


LEAVE = NodeDownPolicy()
"""What holds for sets of which nothing else is said."""
