"""Taking over a call that others made: the journal does not know it, and a node of the set does.

A command that is not the beginning of a call is about something that is there. Where the journal has never heard of it,
the nodes are asked, and what one tells becomes the first event of the call: from then on it is one like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from actors.adoption import Adoption
from actors.commands.media import AnyMediaCommand
from actors.effects import AskNodes, Decide, Decision, Lends, Outcome, Persist, Step
from actors.results import OVERLOADED, UNKNOWN, Refused
from engines.held import HeldSession
from engines.registry import kind_of
from engines.sets import NodeSpec
from events.names import NO_TAG, CallId, RelayId
from events.registry import Event, SessionAdopted
from events.values import value
from replay.state import CallState, CallStatus


@value
class _Unheard:
    """The journal knows nothing of the call."""


@value
class Found:
    """What a node has of a call."""

    node: NodeSpec
    session: HeldSession


def adopting(command: AnyMediaCommand, adoption: Adoption | None) -> Adoption | None:
    """Return the adoption if the command may take a call over: a client says it of a call that it says is there."""
    return adoption if command.in_clients_words and not command.opens_call else None


def decided(decide: Decide, call_id: CallId, adoption: Adoption | None) -> Step[Any]:
    """Decide as `Persist` does, after taking the call over if the journal has never heard of it and a node has it.

    Comes to the decision's value, or to the refusal to ask so many nodes.
    """
    if adoption is not None:
        result = yield Persist(lambda state: Decision([], _Unheard()) if _is_unheard_of(state) else decide(state))
        if not isinstance(result, _Unheard):
            return result
        refusal = yield from _adopt(call_id, adoption)
        if refusal is not None:
            return refusal
    return (yield Persist(decide))


def _is_unheard_of(state: CallState) -> bool:
    return state.status is CallStatus.NEW and not state.version


def _adopt(call_id: CallId, adoption: Adoption) -> Step[Refused | None]:
    """Ask the nodes for the call, and journal what they have of it.

    What they have may be a session of another call of ours, whose settings name it so. That is journalled before the
    session can be there, so it is known by now, and refused: even an offer would go to that session.
    """
    nodes = adoption.nodes_to_ask(call_id)
    if nodes is None:
        return OVERLOADED
    relay_id = RelayId(call_id)
    questions = [(node.name, kind_of(node.engine).knows(relay_id, NO_TAG, NO_TAG)) for node in nodes]
    outcomes: list[Outcome] = (yield AskNodes(questions)) if questions else []
    found = [told for node, outcome in zip(nodes, outcomes, strict=True) if (told := _found(node, outcome))]
    if found:
        lent: bool | Refused = yield Lends(call_id)
        if lent:
            return UNKNOWN if lent is True else lent
        if (yield Persist(partial(_take_over, relay_id, sorted(found, key=_last_signalled)))):
            adoption.found()
    elif all(outcome.reply is not None for outcome in outcomes):
        adoption.not_found(call_id)
    return None


def _found(node: NodeSpec, outcome: Outcome) -> Found | None:
    session = kind_of(node.engine).held(outcome.agreed) if outcome.agreed is not None else None
    return Found(node, session) if session is not None else None


def _last_signalled(found: Found) -> int:
    return found.session.signalled


def _take_over(relay_id: RelayId, found: Sequence[Found], state: CallState) -> Decision:
    """Decide to take the call over, unless another control node has heard of it meanwhile.

    Where several nodes have it, that which was told of it last is the newest: the dialog goes on there, and what the
    others have goes with its next answer, or with the call. The value is whether it was taken over.
    """
    if not _is_unheard_of(state):
        return Decision([], False)
    return Decision([_adopted(number, relay_id, one) for number, one in enumerate(found, 1)], True)


def _adopted(number: int, relay_id: RelayId, found: Found) -> Event:
    first = found.session.dialogs[0]
    return SessionAdopted(
        session=number,
        engine=found.node.engine,
        set=found.node.set,
        node=found.node.name,
        relay_id=relay_id,
        from_tag=first.from_tag,
        to_tag=first.to_tag,
        branch=first.branch,
        dialogs=tuple((dialog.from_tag, dialog.to_tag, dialog.branch) for dialog in found.session.dialogs),
        created=found.session.created,
    )
