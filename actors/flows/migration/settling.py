"""The end of what a call has left: it goes when media of both parties have come to the new session, or after a bound.

Not before: a party may send to the old addresses until it has heard of the new ones, and media of it are on their way
(RFC 3264 8.3.1).
"""

from __future__ import annotations

from actors.effects import AskNodes, Flow, Outcome, Read, Sleep, Step
from actors.flows.media.delete import teardown
from actors.flows.media.waiting_move import SETTLES
from actors.flows.migration.conclusion import Left
from engines.kind import Operation
from engines.parties import packets_from
from engines.registry import kind_of
from events.names import NodeName, Tag
from events.values import value
from replay.state import CallState

PAUSE = 250
"""Ms between looks at the new session's counters."""


@value
class _Question:
    """What is asked of the new session's node, and of whom it is to have media."""

    node: NodeName
    operation: Operation
    tags: tuple[Tag, ...]


def settle(left: Left) -> Flow:
    """Wait for media in the new session, and then remove the old one; whoever finds that due removes it else."""
    for _ in range(SETTLES // PAUSE):
        yield Sleep(PAUSE)
        question: _Question | None = yield Read(lambda state: _question(state, left))
        if question is None or (yield from _has_media(question)):
            break
    yield from teardown(left.node, left.relay_id)
    return None


def _question(state: CallState, left: Left) -> _Question | None:
    session = state.sessions.get(left.session)
    if session is None or not session.usable or session.agreement is None:
        return None
    operation = kind_of(session.engine).knows(session.relay_id, session.from_tag, session.to_tag)
    return _Question(session.node, operation, (session.agreement.from_tag, session.agreement.to_tag))


def _has_media(question: _Question) -> Step[bool]:
    outcome: Outcome = (yield AskNodes([(question.node, question.operation)]))[0]
    reply = outcome.agreed
    return reply is not None and all(packets_from(reply, tag) > 0 for tag in question.tags)
