"""The flow of a wish to move a call."""

from __future__ import annotations

from actors.commands.migration import Migrate
from actors.effects import Flow, Persist, Read, Sleep, Step
from actors.flows.migration.carrying_on import outcome_of
from actors.flows.migration.intention import MOVING, intend
from actors.flows.migration.steps import Next, Over, next_step
from actors.flows.migration.taking_up import hold_and_carry_on
from actors.node_table import NodeTable
from actors.results import Moved, Refused
from replay.projection import Deadlines

PAUSE = 500
"""Ms between looks at a move that another control node carries out."""

LOOKS = 240
"""How often it is looked; then (after two minutes) the asker is told that it goes on."""


def migrate(command: Migrate, nodes: NodeTable, deadlines: Deadlines, *, signals: bool) -> Flow:
    """Move a call, and come to where it is; or to why it is where it was.

    signals: whether SIP requests can be sent from here. If not, a control node carries the move out that can: it is due
    there.
    """
    begun: int | Moved | Refused = yield Persist(lambda state: intend(state, command, nodes))
    if not isinstance(begun, int):
        return begun
    if not signals:
        return (yield from _watch(begun))
    since: int = yield Read(lambda state: state.changed)
    return (yield from hold_and_carry_on(begun, nodes, deadlines, since))


def _watch(number: int) -> Step[Moved | Refused]:
    """Wait for the end of a move that another control node carries out."""
    for _ in range(LOOKS):
        yield Sleep(PAUSE)
        step: Next = yield Read(lambda state: next_step(state, number))
        if isinstance(step, Over):
            return outcome_of(step)
    return MOVING
