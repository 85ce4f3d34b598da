"""The flows of deletes: a client's, and the teardown of a session that is to go, whoever asked for that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

from actors.commands.media import Delete
from actors.effects import AskNodes, Decide, Decision, Flow, Outcome, Persist, Read, Step
from actors.flows.media import sessions
from actors.flows.media.lateness import ends_noted, is_late
from actors.flows.media.node_request import teardown_of
from actors.flows.media.wording import asked
from actors.results import Done, NodeAnswered, Refused
from engines.kind import Operation
from engines.refusal import RefusalCode
from engines.registry import kind_of
from engines.reply import NOT_FOUND, NodeReply
from events.names import BranchId, NodeName, RelayId, Tag
from events.registry import BranchDeleted, Deleted, DeleteIntended, Event, RemovalProof, Scope
from events.values import value
from replay import session_dialogs
from replay.identity import is_party
from replay.state import CallState, CallStatus, Session, SessionDialog, SessionStatus

NOTHING_FOUND = Done(NOT_FOUND)
"""What a delete of what is not there comes to, unless it is one that insists."""


@value
class Removal:
    """One removal to be asked of a node.

    whole: False if it takes only a part of the session (a branch). also: asked after `operation` where that alone does
    not make it certain that nothing is left. early: asked while an operation was on its way, which can make the session
    anew: it confirms nothing.
    """

    node: NodeName
    relay_id: RelayId
    operation: Operation
    whole: bool = True
    also: Operation | None = None
    early: bool = False


IntendedDeletes: TypeAlias = tuple[Sequence[Removal], Delete]
"""Removals, and the delete that they belong to."""


def delete(command: Delete) -> Flow:
    """Carry a client's delete out: journal that it is intended, ask the nodes, journal what they confirmed.

    A node that does not answer leaves the delete due; the client is told ok with a warning, since it will happen.
    """
    removals = yield Persist(lambda state: _want_or_note(state, command))
    return (yield from _delete(removals, command))


def delete_of_party(command: Delete, tag: Tag) -> Flow:
    """Carry a delete out if it comes from one of the call's parties: another one's is of another call."""
    removals = yield Persist(partial(_want_of_party, command, tag))
    return (yield from _delete(removals, command))


def delete_unanswered(command: Delete, callers_tag: Tag) -> Flow:
    """End the call of this caller, if no dialog has come about in it. What others began under its Call-ID stays."""
    removals = yield Persist(partial(_want_unanswered, command, callers_tag))
    return (yield from _delete(removals, command))


def _want_of_party(command: Delete, tag: Tag, state: CallState) -> Decision:
    return intend_deletes(state, command) if is_party(state, tag) else Decision([], None)


def _want_unanswered(command: Delete, callers_tag: Tag, state: CallState) -> Decision:
    sip_dialogs, negotiation = state.sip_dialogs, state.negotiation
    is_answered = negotiation is not None and bool(negotiation.established())
    if sip_dialogs is None or sip_dialogs.over or sip_dialogs.callers_tag != callers_tag or is_answered:
        return Decision([], None)
    if state.status is CallStatus.NEW:  # it has no session, and its settings are to go
        return Decision([DeleteIntended(scope=Scope.CALL, sessions=(), reason=command.reason)], ())
    return intend_deletes(state, command)


def _delete(removals: Sequence[Removal] | None, command: Delete) -> Step[NodeAnswered | Done | Refused]:
    if removals is None:
        return Refused(RefusalCode.NOT_FOUND, NOT_FOUND) if command.fatal else NOTHING_FOUND
    if not removals:
        return Done()
    outcomes = yield from remove(removals, command)
    answered = [(removal, outcome) for removal, outcome in zip(removals, outcomes, strict=True) if outcome.reply]
    if not answered:
        return Done(f"Node {removals[0].node}: {outcomes[0].reason}; the delete stays due")
    removal, outcome = answered[-1]
    return NodeAnswered(outcome.agreed) if outcome.agreed else outcome.refused(removal.node)


def carry_out(intended: Sequence[IntendedDeletes]) -> Flow:
    """Ask for removals that stand in the journal as intended. Nobody waits for it: they stay due until confirmed."""
    for removals, command in intended:
        yield from remove(removals, command)
    return None


def teardown(node: NodeName, relay_id: RelayId) -> Flow:
    """Remove one session whose removal is intended, if it still is."""
    removal = yield Read(lambda state: _intended_removal(state, node, relay_id))
    if removal is not None:
        yield from remove([removal], None)
    return None


def removal_of(state: CallState, session: Session, *, alone: bool = False) -> Removal:
    """Return the removal of a whole session under exactly the id and the tags that it was created with.

    `alone` says that there is no other one on its way.
    """
    early = bool(session.operations)
    operation = replace(teardown_of(state, session), alone=alone and not early)
    return Removal(session.node, session.relay_id, operation, early=early)


def _intended_removal(state: CallState, node: NodeName, relay_id: RelayId) -> Removal | None:
    session = sessions.at(state, node, relay_id)
    return removal_of(state, session) if session.status is SessionStatus.CLOSING else None


def _want_or_note(state: CallState, command: Delete) -> Decision:
    """Decide what a client's delete takes away; where that is nothing, it still stops what was asked before it."""
    if command.in_clients_words and is_late(state, command):
        return Decision([], None)
    decision = intend_deletes(state, command)
    return decision if decision.events or decision.value is not None else Decision(ends_noted(state, command), None)


def intend_deletes(state: CallState, command: Delete) -> Decision:
    """Decide what a delete takes away. The value is the Removals to ask for, None if it names nothing that is there."""
    if state.status is not CallStatus.LIVE:
        return Decision([], None)
    if command.branch and not command.to_tag and _branch_is_to_go(state, command.branch):
        return Decision([], None)
    whole: list[Session] = []
    partly: list[Session] = []
    shared: list[Session] = []
    for session in _concerned(state, command):
        named = session_dialogs.named_by_delete(session.dialogs, command.from_tag, command.to_tag, command.branch)
        if len(named) == len(session.dialogs) and _is_about(session, command):
            whole.append(session)
        elif named and not command.ends_call and _share(session, named):
            shared.append(session)
        elif named:
            partly.append(session)
    if shared and not whole and not partly:
        return Decision(_left(shared, command), [])
    if not whole and not partly and command.from_tag:
        return Decision([], None)
    whole += _doubles(state, command, [*whole, *partly, *shared])
    intention = _intention(state, command, whole, partly)
    return Decision([*intention.events, *_left(shared, command)], intention.value)


def _share(session: Session, named: Sequence[SessionDialog]) -> bool:
    """Return whether others on the same branches stay: a node has a branch but once, by the tag it heard last."""
    staying = {dialog.branch for dialog in session.dialogs if dialog not in named}
    return all(dialog.branch in staying for dialog in named)


def _left(shared: Sequence[Session], command: Delete) -> list[Event]:
    """Return the events that dialogs have left their branches to others: no node is told of that."""
    events: list[Event] = []
    for session in shared:
        events.append(_intended(command, Scope.BRANCH, (session.number,)))
        events.append(_branch_deleted(session, command))
    return events


def _branch_deleted(session: Session, command: Delete, statistics: Mapping[str, Any] = MappingProxyType({})) -> Event:
    return BranchDeleted(
        session=session.number,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
        statistics=statistics,
    )


def _doubles(state: CallState, command: Delete, named: Sequence[Session]) -> list[Session]:
    """Return the other sessions that were made for the same offers as what a delete names, and that nobody answered.

    Control nodes that do not reach the same relays can make several for one.
    """
    gone = [
        dialog
        for session in named
        for dialog in session_dialogs.named_by_delete(session.dialogs, command.from_tag, command.to_tag, command.branch)
    ]
    openers = {(dialog.from_tag, dialog.branch) for dialog in gone}
    others = [session for session in state.usable_sessions() if session not in named]
    return [
        session
        for session in others
        if session_dialogs.only_offered(session.dialogs, openers)
        and (session.dialogs or (session.from_tag, session.branch) in openers)
    ]


def _concerned(state: CallState, command: Delete) -> list[Session]:
    """Return the sessions that a delete can be about: those of the branch that it names, if any of them ever had it."""
    usable = list(state.usable_sessions())
    if not command.branch or command.to_tag:
        return usable
    of_branch = [session for session in state.sessions.values() if _ever_had(session, command.branch)]
    return [session for session in of_branch if session.usable] if of_branch else usable


def _ever_had(session: Session, branch: BranchId) -> bool:
    return session.branch == branch or any(dialog.branch == branch for dialog in session.dialogs)


def _branch_is_to_go(state: CallState, branch: BranchId) -> bool:
    return any(session.gives_up(branch) for session in state.usable_sessions())


def _is_about(session: Session, command: Delete) -> bool:
    """Return whether a session is the delete's to take whole; one without dialogs goes by the tag it was made with."""
    return bool(session.dialogs) or not command.from_tag or session.from_tag in (command.from_tag, command.to_tag)


def _intention(state: CallState, command: Delete, whole: Sequence[Session], partly: Sequence[Session]) -> Decision:
    not_before = _delayed_until(command, whole)
    events: list[Event] = []
    everything = not partly and len(whole) == len(list(state.usable_sessions()))
    if whole or (everything and command.ends_call):
        numbers = tuple(session.number for session in whole)
        scope = Scope.CALL if everything and command.ends_call else Scope.SESSION
        events.append(_intended(command, scope, numbers, not_before))
    events += [_intended(command, Scope.BRANCH, (session.number,)) for session in partly]
    if not_before:
        return Decision(events, [])
    return Decision(events, [*_removals(state, whole, command), *_branch_removals(state, partly, command)])


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


def _removals(state: CallState, whole: Iterable[Session], command: Delete) -> list[Removal]:
    """Return what to ask for sessions that go whole: of a node that speaks ng, in the client's own words.

    Words that name a party leave the others if there are any, and another control node's answer may just be bringing
    one in. A plain removal follows them, so that nothing is left for certain; it would have no statistics on its own.
    """
    removals: list[Removal] = []
    for session in whole:
        plain = removal_of(state, session, alone=True)
        if kind_of(session.engine).native_branches:
            request = asked(state, session, command.request)
            own_words = Operation(verb="delete", relay_id=session.relay_id, request=request)
            also = plain.operation if request.names_party else None
            removals.append(replace(plain, operation=own_words, also=also))
        else:
            removals.append(plain)
    return removals


def _branch_removals(state: CallState, partly: Iterable[Session], command: Delete) -> list[Removal]:
    removals: list[Removal] = []
    for session in partly:
        request = asked(state, session, command.request)
        if command.branch and not command.to_tag:
            request = request.naming_only_the_branch()
        operation = Operation(verb="delete", relay_id=session.relay_id, request=request)
        removals.append(Removal(session.node, session.relay_id, operation, whole=False))
    return removals


def remove(removals: Sequence[Removal], command: Delete | None) -> Step[list[Outcome]]:
    """Ask for the removals and journal those that were confirmed. Comes to how each ended."""
    outcomes: list[Outcome] = yield AskNodes([(removal.node, removal.operation) for removal in removals])
    answered = [
        (removal, outcome.reply)
        for removal, outcome in zip(removals, outcomes, strict=True)
        if outcome.reply is not None
    ]
    confirmed = yield from _make_certain(answered)
    yield Persist(_conclude(confirmed, command))
    return outcomes


def _make_certain(answered: Sequence[tuple[Removal, NodeReply]]) -> Step[list[tuple[Removal, NodeReply]]]:
    """Ask what is to be asked after a removal; leave out those of which the node did not answer that too."""
    doubtful = [(removal.node, removal.also) for removal, _ in answered if removal.also is not None]
    if not doubtful:
        return list(answered)
    outcomes: list[Outcome] = yield AskNodes(doubtful)
    unsure = [also for (_, also), outcome in zip(doubtful, outcomes, strict=True) if outcome.reply is None]
    return [(removal, reply) for removal, reply in answered if not any(removal.also is also for also in unsure)]


def _conclude(answered: Sequence[tuple[Removal, NodeReply]], command: Delete | None) -> Decide:
    def decide(state: CallState) -> Decision:
        events: list[Event] = []
        for removal, reply in answered:
            if reply.ok or reply.unknown:
                events += _confirmed(state, removal, reply, command)
        return Decision(events)

    return decide


def _confirmed(state: CallState, removal: Removal, reply: NodeReply, command: Delete | None) -> Iterable[Event]:
    session = sessions.at(state, removal.node, removal.relay_id)
    if not removal.whole and command is not None:
        if not session.usable:
            return []
        return [_branch_deleted(session, command, reply.statistics)]
    # What was asked early may have come before an operation: the session stays due until none is on its way any more.
    if session.status is not SessionStatus.CLOSING or removal.early:
        return []
    how = RemovalProof.UNKNOWN if reply.unknown else RemovalProof.CONFIRMED
    return [Deleted(session=session.number, how=how, statistics=reply.statistics)]
