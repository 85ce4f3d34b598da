"""The flow of a wish to move a call."""

from __future__ import annotations

from actors.commands.migration import Migrate
from actors.effects import Flow, Persist, Read
from actors.flows.migration.intention import intend
from actors.flows.migration.taking_up import hold_and_carry_on
from actors.node_table import NodeTable
from actors.results import Moved, Refused
from replay.projection import Deadlines


def migrate(command: Migrate, nodes: NodeTable, deadlines: Deadlines) -> Flow:
    """Move a call, and come to where it is; or to why it is where it was."""
    begun: int | Moved | Refused = yield Persist(lambda state: intend(state, command, nodes))
    if not isinstance(begun, int):
        return begun
    since: int = yield Read(lambda state: state.changed)
    return (yield from hold_and_carry_on(begun, nodes, deadlines, since))
