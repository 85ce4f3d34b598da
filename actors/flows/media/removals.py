"""The removals that a delete comes to: what is asked of nodes, in which words, and what their replies confirm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeAlias

from actors.commands.media import Delete
from actors.effects import AskNodes, Decide, Decision, Outcome, Persist, Step, Warn
from actors.flows.media import sessions
from actors.flows.media.measuring import measured
from actors.flows.media.node_request import teardown_of
from actors.flows.media.wording import delete_asked
from engines.kind import Operation
from engines.registry import kind_of
from engines.reply import NodeReply
from engines.request import plain
from events.names import NodeName, RelayId
from events.registry import BranchDeleted, Deleted, Event, RemovalProof
from events.values import value
from events.verb import DELETE
from replay.state import CallState, Session, SessionStatus


@value
class Removal:
    """One removal to be asked of a node.

    whole: False if it takes only a part of the session (a branch). also: asked after `operation` to make certain that
    nothing is left. certain: whether that is so without it, if `operation` found what it names. early: asked while an
    operation was on its way, which can make the session anew: it confirms nothing. left_out: why the settings' flags
    are not in it, where its node's kind cannot say them.
    """

    node: NodeName
    relay_id: RelayId
    operation: Operation
    whole: bool = True
    also: Operation | None = None
    certain: bool = False
    early: bool = False
    left_out: str = ""


IntendedDeletes: TypeAlias = tuple[Sequence[Removal], Delete]
"""Removals, and the delete that they belong to."""


def removal_of(state: CallState, session: Session, *, alone: bool = False) -> Removal:
    """Return the removal of a whole session under exactly the id and the tags that it was created with.

    `alone` says that there is no other one on its way.
    """
    early = bool(session.operations)
    operation = teardown_of(state, session)
    if alone and not early:
        operation = operation.asked_alone()
    return Removal(session.node, session.relay_id, operation, early=early)


def telling_removal_of(state: CallState, session: Session, *, alone: bool = False) -> Removal:
    """Return the removal of a whole session in words that are answered with its statistics, where it may have some.

    An rtpengine tells them to who names a party; what that would leave, a plain removal takes after it. `alone` as in
    `removal_of`.
    """
    bare = removal_of(state, session, alone=alone)
    if bare.early or session.agreement is None or not kind_of(session.engine).native_branches:
        return bare
    words = plain(DELETE).taking_all(session.from_tag)
    telling = Operation(verb=DELETE, relay_id=session.relay_id, request=words, whole=True)
    return replace(bare, operation=telling, also=bare.operation, certain=_is_alone(session))


def removals_of(state: CallState, whole: Iterable[Session], command: Delete) -> list[Removal]:
    """Return what to ask for sessions that go whole: of a node that speaks ng, in the client's own words.

    Words that name a party leave the others if there are any, and another control node's answer may just be bringing
    one in. A plain removal follows them, so that nothing is left for certain; it would have no statistics on its own.
    Where all are tied to the party that began the session, also who is just coming, words that name that one do.
    """
    return [
        _in_own_words(state, session, command)
        if kind_of(session.engine).native_branches
        else removal_of(state, session, alone=True)
        for session in whole
    ]


def _in_own_words(state: CallState, session: Session, command: Delete) -> Removal:
    request, left_out = delete_asked(state, session, command.request)
    certain = request.names_party and _is_tied(session, command)
    words = request.taking_all(session.from_tag) if certain else request
    return Removal(
        session.node,
        session.relay_id,
        Operation(verb=DELETE, relay_id=session.relay_id, request=words, whole=certain),
        also=removal_of(state, session, alone=True).operation if request.names_party else None,
        certain=certain,
        early=bool(session.operations),
        left_out=left_out,
    )


def _is_tied(session: Session, command: Delete) -> bool:
    """Return whether a delete of the party that began a session leaves nobody of those whom this delete means."""
    return not (command.branch or command.to_tag) and _is_alone(session)


def _is_alone(session: Session) -> bool:
    """Return whether all who are in a session, or coming, are tied to the party that began it."""
    return not (session.others or session.operations or session.branch_deletes)


def branch_removals(state: CallState, partly: Iterable[Session], command: Delete) -> list[Removal]:
    """Return what to ask for sessions of which a delete takes but a part."""
    removals: list[Removal] = []
    for session in partly:
        request, left_out = delete_asked(state, session, command.request)
        if command.branch and not command.to_tag:
            request = request.naming_only_the_branch()
        operation = Operation(verb=DELETE, relay_id=session.relay_id, request=request)
        removals.append(Removal(session.node, session.relay_id, operation, whole=False, left_out=left_out))
    return removals


def branch_deleted(session: Session, command: Delete, statistics: Mapping[str, Any] = MappingProxyType({})) -> Event:
    """Return the event that what a delete names of a session is gone, while others stay."""
    return BranchDeleted(
        session=session.number,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
        statistics=statistics,
    )


def remove(removals: Sequence[Removal], command: Delete | None) -> Step[list[Outcome]]:
    """Ask for the removals and journal those that were confirmed. Comes to how each ended."""
    for removal in removals:
        if removal.left_out:
            yield Warn("delete flags left out", removal.left_out)
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
    doubtful = [
        (removal.node, removal.also)
        for removal, reply in answered
        if removal.also is not None and not (removal.certain and reply.ok and not reply.unknown)
    ]
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
        return [branch_deleted(session, command, reply.statistics)]
    # What was asked early may have come before an operation: the session stays due until none is on its way any more.
    if session.status is not SessionStatus.CLOSING or removal.early:
        return []
    if reply.unknown:
        return [Deleted(session=session.number, how=RemovalProof.UNKNOWN)]
    told = measured(state, session, reply)
    statistics = {} if told else reply.statistics
    return [*told, Deleted(session=session.number, how=RemovalProof.CONFIRMED, statistics=statistics)]
