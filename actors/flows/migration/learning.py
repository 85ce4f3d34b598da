"""What the node that a call leaves has learned of its parties: where it sends their media."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from actors.effects import AskNodes, Outcome, Read, Step
from engines.kind import Operation
from engines.parties import learned_addresses
from engines.registry import kind_of
from engines.sdp.rewrite import MediaTarget
from events.names import NodeName, Tag
from events.values import value
from replay.state import Agreement, CallState

Learned: TypeAlias = Mapping[Tag, Mapping[MediaTarget, MediaTarget]]
"""By a party's tag, where a node sends its streams, by where the party has said that they are to go."""


@value
class _Question:
    node: NodeName
    operation: Operation
    agreement: Agreement


def learn(number: int) -> Step[Learned]:
    """Ask the node that the call is to leave where it sends the parties' media; it says nothing if it is dead."""
    question: _Question | None = yield Read(lambda state: _question(state, number))
    if question is None:
        return {}
    outcome: Outcome = (yield AskNodes([(question.node, question.operation)]))[0]
    reply, agreement = outcome.agreed, question.agreement
    if reply is None:
        return {}
    said = ((agreement.from_tag, agreement.offer), (agreement.to_tag, agreement.answer))
    return {tag: learned_addresses(reply, tag, sdp) for tag, sdp in said}


def _question(state: CallState, number: int) -> _Question | None:
    migration = state.migration
    session = state.sessions.get(migration.leaves) if migration is not None and migration.number == number else None
    if session is None or not session.usable or session.agreement is None:
        return None
    operation = kind_of(session.engine).knows(session.relay_id, session.from_tag, session.to_tag)
    return _Question(session.node, operation, session.agreement)
