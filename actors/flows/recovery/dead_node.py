"""The flow by which a call leaves a node that is down: it moves, or it ends for its parties.

Several control nodes may want it of the same call. What the journal has of it decides: the first one that intends a
move, or the end, is the one that acts.
"""

from __future__ import annotations

from actors.commands.migration import Migrate, MoveTarget
from actors.commands.recovery import LeaveDeadNode, OnNodeDown
from actors.effects import Decision, Flow, Persist, Spawn, Step
from actors.flows.media.delete import carry_out
from actors.flows.migration.intention import EARLY
from actors.flows.migration.migrate import migrate
from actors.flows.sip.farewell import Farewell, farewell
from actors.flows.sip.own_requests import exchange
from actors.node_table import NodeTable
from actors.results import Done, Refused
from actors.sip_requests import SipOutcome
from engines.refusal import RefusalCode
from events.registry import PartiesNotReached
from replay.projection import Deadlines
from replay.state import CallState, CallStatus, Session

UNTOLD = "no dialog of the call is known here: it goes on elsewhere with its next offer"


def leave_dead_node(command: LeaveDeadNode, nodes: NodeTable, deadlines: Deadlines, *, signals: bool) -> Flow:
    """Let a call leave a node that is down. See `LeaveDeadNode` for what it comes to; `signals` as for `migrate`."""
    result = yield Persist(lambda state: _look(state, command))
    if result is not None:
        return result
    reason = f"node {command.node} is down"
    if command.action is OnNodeDown.MIGRATE:
        away = MoveTarget(avoid=command.node)
        wish = Migrate(call_id=command.call_id, target=away, asked_by="on_node_down", reason=reason)
        return (yield from migrate(wish, nodes, deadlines, signals=signals))
    return (yield from _end(reason))


def _end(reason: str) -> Step[Done]:
    """End the call for its parties, and come to who of them does not answer."""
    goodbye: Farewell | None = yield Persist(lambda state: Decision(*farewell(state, reason)))
    if goodbye is None:
        return Done()
    if goodbye.wanted:
        yield Spawn(carry_out(goodbye.wanted))
    outcomes: list[SipOutcome] = yield from exchange(goodbye.byes)
    silent = [outcome.reason for outcome in outcomes if not outcome.status]
    return Done(f"{len(silent)} of its parties not reached: {silent[0]}" if silent else "")


def _look(state: CallState, command: LeaveDeadNode) -> Decision:
    """Decide whether there is something to do for the call: then the value is None."""
    session = next((one for one in state.usable_sessions() if one.node == command.node), None)
    if state.status is not CallStatus.LIVE or session is None or command.action is OnNodeDown.LEAVE:
        return Decision([], Done())
    if command.action is OnNodeDown.MIGRATE:
        return Decision([])
    if not state.answered:
        return Decision([], EARLY)
    return Decision([]) if state.dialogs() else _untold(session)


def _untold(session: Session) -> Decision:
    """Decide to report that the call's parties cannot be told, unless that has been reported."""
    event = PartiesNotReached(session=session.number, node=session.node, reason=UNTOLD)
    return Decision([event] if session.reason != UNTOLD else [], Refused(RefusalCode.NOT_ENGAGED, UNTOLD, session.node))
