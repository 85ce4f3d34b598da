"""The flow of a call that is due: whatever was left undone, by this control node or one that died, is taken up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from actors.effects import AskNodes, Decide, Decision, Flow, HoldOff, Outcome, Persist, Read, RetryAt, Step
from actors.flows.media import sessions
from actors.flows.media.copies import end_copy
from actors.flows.media.copy_decisions import closing, forgotten
from actors.flows.media.copy_location import CopyLocation
from actors.flows.media.measuring import measured
from actors.flows.media.offer import FAILURES
from actors.flows.media.removals import Removal, remove, telling_removal_of
from actors.flows.migration.taking_up import take_up
from actors.flows.recovery.missing import SessionCheck, check_of, lost_of, removal_of
from actors.flows.recovery.silence import end_unanswered
from actors.flows.sip import due_dialogs, forks
from actors.node_table import NodeTable
from engines.kind import Operation
from engines.reply import NodeReply
from engines.request import delete_of_branch
from events.names import NodeName, RelayId
from events.registry import BranchDeleted, Deleted, DeleteIntended, Event, RemovalProof, Scope
from events.verb import DELETE
from replay.projection import Deadlines, closes_at, due, falls_silent, measuring_due
from replay.reconcile import settled_sessions
from replay.state import BranchDelete, CallState, CallStatus, SessionStatus

UNRESOLVED = "its fate is unknown: the control node that sent it did not live to say"
UNANSWERED = "no reply came, and it cannot take effect any more"
NOTHING_LEFT = "no node has a session of it any more"


@dataclass(frozen=True, slots=True)
class BranchRemoval:
    """A part of a session that is still to be removed."""

    node: NodeName
    relay_id: RelayId
    wanted: BranchDelete


NoteMedia: TypeAlias = Callable[[Sequence[tuple[SessionCheck, NodeReply]]], Decide]
"""What makes of the replies to checks a decision to journal how the media are; it comes to whether there was any."""


@dataclass(frozen=True, slots=True)
class Agenda:
    """What there is to do for a call that is due. again: when, if it cannot be done; None if there is nothing.

    measures: whether the checks are to tell how the media are, too. asks_again: when to check again, if what they are
    told is nothing to journal; None if there are none.
    """

    removals: Sequence[Removal] = ()
    branch_removals: Sequence[BranchRemoval] = ()
    checks: Sequence[SessionCheck] = ()
    measures: bool = False
    copies: Sequence[tuple[str, CopyLocation]] = ()
    again: int | None = None
    asks_again: int | None = None


def process_due(now: int, deadlines: Deadlines, nodes: NodeTable, *, signals: bool = False) -> Flow:
    """Settle what is due at `now` (ms since the epoch); what cannot be settled yet becomes due again later.

    `signals` says whether SIP requests can be sent from here.
    """
    if deadlines.eras.past:
        first: int | None = yield Read(lambda state: due(state, deadlines))
        if first is not None and first > now:  # it was reckoned before the clock was set
            yield HoldOff(first)
            return None
    yield Persist(_settle(now, deadlines))
    unanswered_again = yield from end_unanswered(now, deadlines)
    yield from forks.free_overdue(now, deadlines)
    agenda: Agenda = yield Read(lambda state: _agenda(state, now, deadlines))
    if agenda.removals:
        yield from remove(agenda.removals, None)
    yield from _remove_branches(agenda.branch_removals)
    for name, place in agenda.copies:
        yield from end_copy(name, place)
    measured_now = yield from _check(agenda.checks, _note_media(now, deadlines) if agenda.measures else None)
    begun = yield from due_dialogs.watch(now, deadlines, signals=signals)
    begun = (yield from take_up(now, deadlines, nodes, signals=signals)) or begun
    asks_again = None if measured_now else agenda.asks_again
    again = [at for at in (agenda.again, asks_again, unanswered_again) if at is not None]
    if again and not begun:
        yield RetryAt(min(again), settled=now)
    return None


def _settle(now: int, deadlines: Deadlines) -> Decide:
    """Conclude what can be concluded without asking a node."""

    def decide(state: CallState) -> Decision:
        events = _unresolved(state, now, deadlines) + _given_up(state, now, deadlines)
        events += forgotten(state, now, deadlines) + due_dialogs.forgotten(state, now, deadlines)
        if state.status is CallStatus.LIVE and not events:
            events = _nothing_left(state, now, deadlines)
        return Decision(events)

    return decide


def _unresolved(state: CallState, now: int, deadlines: Deadlines) -> list[Event]:
    """Fail the operations whose fate is unknown and cannot change any more; sessions they were to create are to go."""
    events: list[Event] = []
    orphans: list[int] = []
    for session in state.remaining_sessions():
        old = {
            number: done
            for number, done in session.operations.items()
            if deadlines.after(done.at, deadlines.operation) <= now
        }
        events += [
            FAILURES[done.verb](
                session=session.number, operation=number, reason=UNANSWERED if done.over else UNRESOLVED, reached=True
            )
            for number, done in old.items()
        ]
        if session.status is SessionStatus.INTENDED and len(old) == len(session.operations):
            orphans.append(session.number)
    if orphans:
        alone = all(session.number in orphans for session in state.usable_sessions())
        ends = alone and state.status is CallStatus.LIVE and not state.has_dialog
        scope = Scope.CALL if ends else Scope.SESSION
        events.append(DeleteIntended(scope=scope, sessions=tuple(orphans), reason=UNRESOLVED))
    return events


def _given_up(state: CallState, now: int, deadlines: Deadlines) -> list[Event]:
    """Declare lost what no node has confirmed for very long."""
    return [
        Deleted(session=session.number, how=RemovalProof.LOST)
        for session in state.remaining_sessions()
        if session.status is SessionStatus.CLOSING
        and max(closes_at(session, deadlines), deadlines.after(session.intended_at, 0)) + deadlines.give_up <= now
    ]


def _nothing_left(state: CallState, now: int, deadlines: Deadlines) -> list[Event]:
    """End a call that is on no node any more; with a dialog it goes on."""
    goes_on = state.has_dialog and deadlines.after(state.changed, deadlines.give_up) > now
    if goes_on or any(state.usable_sessions()):
        return []
    return [DeleteIntended(scope=Scope.CALL, sessions=(), reason=NOTHING_LEFT)]


def _agenda(state: CallState, now: int, deadlines: Deadlines) -> Agenda:
    to_close = [
        session
        for session in state.remaining_sessions()
        if session.status is SessionStatus.CLOSING and closes_at(session, deadlines) <= now
    ]
    branches = [
        BranchRemoval(session.node, session.relay_id, wanted)
        for session in state.usable_sessions()
        for wanted in session.branch_deletes
    ]
    since = [session.intended_at for session in to_close] + [branch.wanted.intended_at for branch in branches]
    since += [copy.intended_at for _, copy in state.usable_copies() if copy.closing]
    measures = _is_to_be_measured(state, now, deadlines)
    quiet = _is_quiet(state, now, deadlines)
    asked = state.usable_sessions() if quiet else settled_sessions(state) if measures else ()
    checks = [check_of(state, session) for session in asked]
    return Agenda(
        removals=[
            telling_removal_of(state, session, alone=deadlines.after(session.intended_at, deadlines.operation) <= now)
            for session in to_close
        ],
        branch_removals=branches,
        checks=checks,
        measures=measures,
        copies=closing(state),
        again=deadlines.again(now, min(since)) if since else None,
        asks_again=now + (deadlines.quality if measures else deadlines.probe) if checks or measures else None,
    )


def _is_quiet(state: CallState, now: int, deadlines: Deadlines) -> bool:
    """Return whether nodes are to be asked for the call: when its parties are, too, for that is journalled."""
    if state.status is not CallStatus.LIVE or not state.answered:
        return False
    silent = falls_silent(state, deadlines)
    return deadlines.after(state.changed, deadlines.probe) <= now or (silent is not None and silent <= now)


def _is_to_be_measured(state: CallState, now: int, deadlines: Deadlines) -> bool:
    due = measuring_due(state, deadlines)
    return due is not None and due <= now


def _remove_branches(wishes: Sequence[BranchRemoval]) -> Step[None]:
    for wish in wishes:
        outcome: Outcome = (yield AskNodes([(wish.node, _branch_delete(wish))]))[0]
        if outcome.reply is not None:
            yield Persist(_conclude_branch(wish))


def _branch_delete(wish: BranchRemoval) -> Operation:
    wanted = wish.wanted
    request = delete_of_branch(wanted.from_tag, wanted.to_tag, wanted.branch)
    return Operation(verb=DELETE, relay_id=wish.relay_id, request=request)


def _conclude_branch(wish: BranchRemoval) -> Decide:
    def decide(state: CallState) -> Decision:
        session = sessions.at(state, wish.node, wish.relay_id)
        if wish.wanted not in session.branch_deletes:
            return Decision([])
        gone = BranchDeleted(
            session=session.number,
            from_tag=wish.wanted.from_tag,
            to_tag=wish.wanted.to_tag,
            branch=wish.wanted.branch,
        )
        return Decision([gone])

    return decide


def _check(checks: Sequence[SessionCheck], note: NoteMedia | None = None) -> Step[bool]:
    """Ask the nodes whether they still have sessions of a call. Comes to whether `note` had something to journal."""
    if not checks:
        return False
    outcomes: list[Outcome] = yield AskNodes([(check.node, check.question) for check in checks])
    replies = [
        (check, outcome.reply) for check, outcome in zip(checks, outcomes, strict=True) if outcome.reply is not None
    ]
    noted: bool = (yield Persist(note(replies))) if note is not None and replies else False
    gone = [check for check, reply in replies if reply.unknown]
    if gone:
        yield Persist(_conclude_gone(gone))
    return noted


def _note_media(now: int, deadlines: Deadlines) -> NoteMedia:
    """Return what journals how the media are, unless another control node has done so meanwhile."""

    def note(replies: Sequence[tuple[SessionCheck, NodeReply]]) -> Decide:
        def decide(state: CallState) -> Decision:
            events: list[Event] = []
            for check, reply in replies if _is_to_be_measured(state, now, deadlines) else ():
                session = sessions.at(state, check.node, check.relay_id)
                if session.usable and reply.ok and not reply.unknown:
                    events += measured(state, session, reply, final=False)
            return Decision(events, bool(events))

        return decide

    return note


def _conclude_gone(gone: Sequence[SessionCheck]) -> Decide:
    return lambda state: Decision(removal_of(state, lost_of(state, gone)))
