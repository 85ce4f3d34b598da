"""The flows of deletes: a client's, and the teardown of a session that is to go, whoever asked for that."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from actors.adoption import Adoption
from actors.commands.media import Delete
from actors.effects import Decision, Flow, Persist, Read, Step
from actors.flows.media import sessions
from actors.flows.media.adoption import adopting, decided
from actors.flows.media.delete_intention import intend_deletes
from actors.flows.media.lateness import ends_noted, is_late
from actors.flows.media.removals import IntendedDeletes, Removal, remove, telling_removal_of
from actors.results import Done, NodeAnswered, Refused
from engines.refusal import RefusalCode
from engines.reply import NOT_FOUND
from events.names import NodeName, RelayId, Tag
from events.registry import DeleteIntended, Scope
from replay.identity import is_party
from replay.state import CallState, CallStatus, SessionStatus

NOTHING_FOUND = Done(NOT_FOUND)
"""What a delete of what is not there comes to, unless it is one that insists."""


def delete(command: Delete, adoption: Adoption | None = None) -> Flow:
    """Carry a client's delete out: journal that it is intended, ask the nodes, journal what they confirmed.

    A node that does not answer leaves the delete due; the client is told ok with a warning, since it will happen.
    """
    decide = partial(_want_or_note, command)
    removals = yield from decided(decide, command.call_id, adopting(command, adoption))
    if isinstance(removals, Refused):  # too many calls are asked for: clients delete what never had a relay, too
        removals = yield Persist(decide)
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
    is_answered = negotiation is not None and negotiation.is_established()
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


def _want_or_note(command: Delete, state: CallState) -> Decision:
    """Decide what a client's delete takes away; where that is nothing, it still stops what was asked before it."""
    if command.in_clients_words and is_late(state, command):
        return Decision([], None)
    decision = intend_deletes(state, command)
    return decision if decision.events or decision.value is not None else Decision(ends_noted(state, command), None)


def _intended_removal(state: CallState, node: NodeName, relay_id: RelayId) -> Removal | None:
    session = sessions.at(state, node, relay_id)
    return telling_removal_of(state, session) if session.status is SessionStatus.CLOSING else None
