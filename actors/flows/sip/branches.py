"""The flows of a call's branches on its relays: one is established and the others go, one has failed, all end."""

from __future__ import annotations

from actors.commands.relay import EndRelay, EstablishBranch, FailBranch
from actors.commands.sip import EndUnanswered
from actors.effects import Decide, Decision, Flow, Persist
from actors.flows.media.delete import carry_out, delete, delete_of_party, delete_unanswered
from actors.flows.media.delete_intention import intend_deletes
from actors.flows.media.removals import IntendedDeletes
from actors.flows.sip.settings_deletes import branch_delete, call_delete
from actors.results import Done, NodeAnswered, Refused, RelayEnded
from engines.reply import done as without_node
from events.names import NO_TAG, BranchId, Tag
from events.registry import BranchEstablished, Event
from replay.state import CallState


def establish_branch(command: EstablishBranch) -> Flow:
    """Establish a branch, and tear the others down, each under its own id."""
    yield Persist(lambda state: Decision(established(state, command.branch, command.callees_tag)))
    yield from carry_out((yield Persist(without_spares(command.callers_tag, command.at))))
    return Done()


def established(state: CallState, branch: BranchId, to_tag: Tag) -> list[Event]:
    """Return the event that establishes a branch: the first one that is established stays so."""
    if state.relay and state.relay.established is not None:
        return []
    return [BranchEstablished(branch=branch, to_tag=to_tag)]


def without_spares(callers_tag: Tag, at: int) -> Decide:
    """Decide that all branches that were not answered while another was are to go. The value is the removals.

    callers_tag: "" if it is not known.
    """

    def decide(state: CallState) -> Decision:
        events: list[Event] = []
        wanted: list[IntendedDeletes] = []
        for branch, opener in state.spare_branches().items():
            command = branch_delete(state.call_id, callers_tag or opener, branch, "another branch was answered", at)
            decision = intend_deletes(state, command)
            events += decision.events
            wanted += [([removal], command) for removal in decision.value or ()]
        return Decision(events, wanted)

    return decide


def fail_branch(command: FailBranch) -> Flow:
    """Tear one branch down, if a party asks for it."""
    tag = command.callers_tag
    result = yield from delete_of_party(
        branch_delete(command.call_id, tag, command.branch, command.reason, command.at), tag
    )
    return done(result)


def end_relay(command: EndRelay) -> Flow:
    """End the call's relay; one that a tag asks for which is no party's stays."""
    wanted = call_delete(command.call_id, command.from_tag, command.to_tag, command.reason, command.at)
    flow = delete_of_party(wanted, command.from_tag) if command.from_tag else delete(wanted)
    result: NodeAnswered | Done | Refused = yield from flow
    if isinstance(result, Refused):
        return result
    return RelayEnded(result.reply if isinstance(result, NodeAnswered) else without_node(result.warning))


def end_unanswered(command: EndUnanswered) -> Flow:
    """End the call of this caller, if no dialog has come about in it. What others began under its Call-ID stays."""
    tag = command.callers_tag
    wanted = call_delete(command.call_id, tag, NO_TAG, command.reason, command.at)
    return done((yield from delete_unanswered(wanted, tag)))


def done(result: NodeAnswered | Done | Refused) -> Done | Refused:
    """Return what a delete came to for those who do not speak with nodes."""
    return Done(result.reply.reason) if isinstance(result, NodeAnswered) else result
