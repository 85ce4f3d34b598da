"""The flows of copies (media forking): a call's media go to a recorder, too, as long as the session or the copy lives.

A copy is named by who wants it. The node's own name for it (its handle) comes with the offer. An offer that failed, or
whose control node died, ends the copy, also one that was to be changed: nobody knows then what the node copies.
"""

from __future__ import annotations

from actors import results
from actors.commands.copies import AnswerCopy, DeleteCopy, OfferCopy
from actors.effects import AskNodes, Decision, Flow, Outcome, Persist, Step
from actors.flows.media.copy_decisions import ended, find, intend, note_offer, want_end
from actors.flows.media.copy_location import CopyLocation, ending
from actors.flows.media.descriptions import unreadable
from actors.results import Refused
from engines.kind import Operation
from engines.refusal import RefusalCode
from events.registry import CopyAnswered, RemovalProof
from events.verb import Verb

NOT_OFFERED = "The copy was not offered: the node did not do it"


def copy_offer(wish: OfferCopy) -> Flow:
    """Begin a copy, or change one of that name; a change that fails ends the copy."""
    place = yield Persist(intend(wish))
    if isinstance(place, Refused):
        return place
    outcome = yield from _ask(place)
    if (reply := outcome.agreed) is None:
        yield from _take_back(wish.name, place, outcome)
        return outcome.refused(place.node)
    if (yield Persist(lambda state: note_offer(state, wish.name, reply))):
        return results.CopyOffered(reply.sdp)
    yield from _ask(ending(place, reply.copy_ctx))
    return Refused(RefusalCode.REFUSED, f"The copy {wish.name!r}, or the call, was ended meanwhile")


def copy_answer(command: AnswerCopy) -> Flow:
    """Tell the node the recorder's answer: the media flow to it from now on."""
    name, sdp = command.name, command.sdp
    fault = unreadable(sdp)
    if fault is not None:
        return fault
    place = yield Persist(lambda state: find(state, name, Verb.COPY_ANSWER, sdp))
    if isinstance(place, Refused):
        return place
    outcome = yield from _ask(place)
    if outcome.agreed is None:
        return outcome.refused(place.node)
    yield Persist(lambda state: Decision([CopyAnswered(copy=name, sdp=sdp)] if name in state.copies else []))
    return results.Done()


def copy_delete(command: DeleteCopy) -> Flow:
    """End a copy. A node that does not answer leaves it due."""
    name = command.name
    place = yield Persist(want_end(name, command.reason))
    if isinstance(place, Refused):
        return place
    outcome = yield from end_copy(name, place)
    if outcome.reply is None:
        return results.Done(f"Node {place.node}: {outcome.reason}; the delete stays due")
    return results.Done() if outcome.agreed else results.Done(f"Node {place.node}: {outcome.why}")


def end_copy(name: str, place: CopyLocation) -> Step[Outcome]:
    """Ask the node to end a copy, and journal that it did. Its not knowing the copy is as good."""
    outcome = yield from _ask(place)
    if outcome.reply is not None:
        proof = RemovalProof.CONFIRMED if outcome.agreed else RemovalProof.UNKNOWN
        yield Persist(lambda state: ended(state, name, proof))
    return outcome


def _ask(place: CopyLocation) -> Step[Outcome]:
    operation = Operation(verb=place.request.verb, relay_id=place.relay_id, request=place.request.request())
    outcomes: list[Outcome] = yield AskNodes([(place.node, operation)])
    return outcomes[0]


def _take_back(name: str, place: CopyLocation, outcome: Outcome) -> Step[None]:
    """End a copy whose offer failed. A node that was not reached has none, unless it was to be changed."""
    if not outcome.reached and not place.request.copy_ctx:
        yield Persist(lambda state: ended(state, name, RemovalProof.NEVER_SENT))
        return
    if not isinstance((yield Persist(want_end(name, NOT_OFFERED))), Refused):
        yield from end_copy(name, ending(place, place.request.copy_ctx))
