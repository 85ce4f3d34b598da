"""The decision of a delete: what it takes away, as events, and the removals that are to be asked of nodes."""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.media import Delete
from actors.effects import Decision
from actors.flows.media.named_sessions import branch_is_to_go, doubles_of, named_sessions
from actors.flows.media.removals import branch_deleted, branch_removals, removals_of
from engines.registry import kind_of
from events.registry import DeleteIntended, Event, Scope
from replay.state import CallState, CallStatus, Session


def intend_deletes(state: CallState, command: Delete) -> Decision:
    """Decide what a delete takes away. The value is the Removals to ask for, None if it names nothing that is there."""
    if state.status is not CallStatus.LIVE:
        return Decision([], None)
    if command.branch and not command.to_tag and branch_is_to_go(state, command.branch):
        return Decision([], None)
    named = named_sessions(state, command)
    if named.shared and not named.whole and not named.partly:
        return Decision(_left(named.shared, command), [])
    if not named.whole and not named.partly and command.from_tag:
        return Decision([], None)
    whole = [*named.whole, *doubles_of(state, command, named)]
    intention = _intention(state, command, whole, named.partly)
    return Decision([*intention.events, *_left(named.shared, command)], intention.value)


def _left(shared: Sequence[Session], command: Delete) -> list[Event]:
    """Return the events that dialogs have left their branches to others: no node is told of that."""
    events: list[Event] = []
    for session in shared:
        events.append(_intended(command, Scope.BRANCH, (session.number,)))
        events.append(branch_deleted(session, command))
    return events


def _intention(state: CallState, command: Delete, whole: Sequence[Session], partly: Sequence[Session]) -> Decision:
    not_before = _delayed_until(command, whole)
    events: list[Event] = []
    everything = not partly and len(whole) == len(state.usable_sessions())
    if whole or (everything and command.ends_call):
        numbers = tuple(session.number for session in whole)
        scope = Scope.CALL if everything and command.ends_call else Scope.SESSION
        events.append(_intended(command, scope, numbers, not_before))
    events += [_intended(command, Scope.BRANCH, (session.number,)) for session in partly]
    if not_before:
        return Decision(events, [])
    return Decision(events, [*removals_of(state, whole, command), *branch_removals(state, partly, command)])


def _intended(command: Delete, scope: Scope, numbers: tuple[int, ...], not_before: int = 0) -> DeleteIntended:
    return DeleteIntended(
        scope=scope,
        sessions=numbers,
        reason=command.reason,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
        not_before=not_before,
        asked_at=command.received_at,
    )


def _delayed_until(command: Delete, whole: Sequence[Session]) -> int:
    """Return when a node that knows no delays is to be asked, ms since the epoch; 0 for at once."""
    if command.delay <= 0 or any(kind_of(session.engine).native_branches for session in whole):
        return 0
    return command.received_at + command.delay * 1000
