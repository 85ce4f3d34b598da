"""Who is at a move: the flow that is holds it, and another control node takes one up that nobody holds any more."""

from __future__ import annotations

from actors.effects import Decision, Flow, HoldOff, Persist, Read, RetryAt, Sleep, Spawn, Step
from actors.flows.media.delete import teardown
from actors.flows.migration.agreed import session_of
from actors.flows.migration.carrying_on import carry_on
from actors.flows.migration.conclusion import failed
from actors.flows.sip.due_dialogs import UNRESOLVED
from actors.flows.sip.intended_requests import pending
from actors.node_table import NodeTable
from actors.results import Moved, Refused
from events.registry import MigrationBegun, MigrationCompleted, SipRequestEnded
from replay.projection import Deadlines, migration_due
from replay.state import CallState, CallStatus

BEAT = 3_000
"""How often, in ms, a flow says that it is at a move."""

UNTOLD_FOR = 60_000
"""For how long, in ms, a move waits for a control node with a SIP door."""


def hold_and_carry_on(number: int, nodes: NodeTable, deadlines: Deadlines, since: int) -> Step[Moved | Refused]:
    """Go on with a move to its end, and say meanwhile that somebody is at it. since: when that began, as is known."""
    yield Spawn(_hold(number, deadlines, since))
    return (yield from carry_on(number, nodes))


def _hold(number: int, deadlines: Deadlines, since: int) -> Flow:
    passed = 0
    while (yield Read(lambda state: state.migration is not None and state.migration.number == number)):
        yield HoldOff(deadlines.after(since, passed + deadlines.move))
        yield Sleep(BEAT)
        passed += BEAT
    return None


def take_up(now: int, deadlines: Deadlines, nodes: NodeTable, *, signals: bool) -> Step[bool]:
    """Go on with the call's move, if it is due. Comes to whether it was: then the call is due again by itself.

    signals: whether SIP requests can be sent from here.
    """
    if not (yield Read(lambda state: _due(state, now, deadlines)[0])):
        return False
    number, tells = yield Persist(lambda state: _begun(state, now, deadlines))
    if not number:
        return False
    if signals or not tells:
        yield Persist(lambda state: _without_requests(state, now, deadlines))
        yield Spawn(hold_and_carry_on(number, nodes, deadlines, now))
    else:
        made = yield Persist(lambda state: _failed_untold(state, number, now, deadlines))
        if made is not None:
            yield Spawn(teardown(*made))
        yield RetryAt(now + deadlines.retry, settled=now)
    return True


def _failed_untold(state: CallState, number: int, now: int, deadlines: Deadlines) -> Decision:
    """Decide that a move has failed of which no control node could tell anybody for long."""
    move = state.migration
    if move is None or move.asked or deadlines.after(move.at, UNTOLD_FOR) > now:
        return Decision([], None)
    return failed(state, number, "no control node that runs can tell its parties")


def _due(state: CallState, now: int, deadlines: Deadlines) -> tuple[int, bool]:
    """Return the number of the move that is due, 0 for none, and whether parties may have to be told of it."""
    at = migration_due(state, deadlines)
    is_due = state.migration is not None and at is not None and at <= now
    return state.migration.number if state.migration is not None and is_due else 0, state.status is CallStatus.LIVE


def _begun(state: CallState, now: int, deadlines: Deadlines) -> Decision:
    """Let a move begin that has waited for the call's answer, if it is due. The value is that of `_due`.

    A call that has been answered elsewhere than on the node that it was to leave is where it is wanted.
    """
    due, move = _due(state, now, deadlines), state.migration
    if not due[0] or move is None or not move.waits or state.status is not CallStatus.LIVE:
        return Decision([], due)
    (tag,) = state.dialogs()
    session = session_of(state, tag)
    if session is not None and move.avoid not in ("", session.node):
        return Decision([MigrationCompleted(migration=move.number, session=session.number)], due)
    leaves = session.number if session is not None else 0
    return Decision([MigrationBegun(migration=move.number, leaves=leaves, callee_tag=tag)], due)


def _without_requests(state: CallState, now: int, deadlines: Deadlines) -> Decision:
    """End the requests that the move waits for: who sent them is not there to say what became of them."""
    if not _due(state, now, deadlines)[0]:
        return Decision([])
    stale = [number for number, request in pending(state) if request.method != "BYE"]
    return Decision([SipRequestEnded(number=number, status=0, reason=UNRESOLVED) for number in stale])
