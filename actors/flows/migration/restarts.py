"""Whether the node that a call is to go to takes what parties with ICE and DTLS answer: new credentials.

Both begin anew between such a party and another node. An rtpengine 12.5 does not begin anew for what comes in an
answer (it logs "ICE restart detected, but reset not allowed at this point"): it goes on with checks that it has given
up, and the party is silent in one of two moves. For an offer it would, with new credentials of its own, of which the
party would have to be told again.
"""

from __future__ import annotations

from actors.effects import AskNodes, Outcome, Read, Step
from actors.results import Refused
from engines.kind import Operation
from engines.parties import takes_restarts
from engines.refusal import RefusalCode
from engines.registry import kind_of
from events.names import NodeName
from events.values import value
from replay.state import CallState, Session

SILENT = "node {} would not take the new keys of a party with ICE and DTLS: its rtpengine resets no ICE for an answer"


@value
class _Question:
    """What the nodes are asked that the call leaves, and that it goes to."""

    asked: tuple[tuple[NodeName, Operation], tuple[NodeName, Operation]]


def unable(number: int) -> Step[Refused | None]:
    """Say why parties are not to be told of a move, None if they can be; those of a dead node have nothing to lose.

    It is asked before the first of them is told, by whichever control node does that.
    """
    question: _Question | None = yield Read(lambda state: _question(state, number))
    if question is None:
        return None
    left, there = yield AskNodes(list(question.asked))
    return _refusal(left, there, question.asked[1][0])


def _refusal(left: Outcome, there: Outcome, node: NodeName) -> Refused | None:
    if left.agreed is None or there.agreed is None or takes_restarts(there.agreed):
        return None
    return Refused(RefusalCode.BAD_SETTINGS, SILENT.format(node))


def _begins_anew(sdp: bytes) -> bool:
    return b"\na=fingerprint:" in sdp and b"\na=ice-ufrag:" in sdp


def _question(state: CallState, number: int) -> _Question | None:
    """Return what is asked; None if a party may have been told already, or none has ICE and DTLS."""
    move = state.migration
    if move is None or move.number != number or move.asked:
        return None
    left, there = state.sessions.get(move.leaves), state.sessions.get(move.destination)
    if left is None or there is None or left.agreement is None:
        return None
    if not any(map(_begins_anew, (left.agreement.offer, left.agreement.answer))):
        return None
    return _Question((_asked(left), _asked(there)))


def _asked(session: Session) -> tuple[NodeName, Operation]:
    return session.node, kind_of(session.engine).knows(session.relay_id, session.from_tag, session.to_tag)
