"""The flows of copies (media forking): a call's media go to a recorder, too, as long as the session or the copy lives.

A copy is named by who wants it. The node's own name for it (its handle) comes with the offer. An offer that failed, or
whose control node died, ends the copy, also one that was to be changed: nobody knows then what the node copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from actors import results
from actors.commands.copies import AnswerCopy, DeleteCopy, OfferCopy
from actors.effects import AskNodes, Decide, Decision, Flow, Outcome, Persist, Step
from actors.flows.media import sessions
from actors.flows.media.descriptions import unreadable
from actors.flows.media.node_request import engaged_branch
from actors.results import UNKNOWN, Refused
from engines.copy_request import LEGS, CopyRequest
from engines.kind import Operation
from engines.refusal import RefusalCode
from engines.registry import kind_of
from engines.reply import NodeReply
from events.names import NodeName, RelayId, Tag
from events.registry import (
    CopyAnswered,
    CopyDeleted,
    CopyDeleteIntended,
    CopyIntended,
    CopyOffered,
    Event,
    RemovalProof,
)
from events.verb import CopyVerb, Verb
from replay.relay_settings import Copy, RelaySettings
from replay.state import CallState, CallStatus, Session

SIPREC = "siprec"
INACTIVE = "inactive"
NO_COPY = Refused(RefusalCode.REFUSED, "There is no copy of that name")
NOT_YET = Refused(RefusalCode.REFUSED, "The call is not answered: there are no media to copy yet")
NOT_OFFERED = "The copy was not offered: the node did not do it"
UNRESOLVED = "its fate is unknown: the control node that offered it did not live to say"


@dataclass(frozen=True, slots=True)
class CopyLocation:
    """The session that is copied, and what is to be asked of its node."""

    node: NodeName
    relay_id: RelayId
    request: CopyRequest


def copy_offer(wish: OfferCopy) -> Flow:
    """Begin a copy, or change one of that name; a change that fails ends the copy."""
    place = yield Persist(_intend(wish))
    if isinstance(place, Refused):
        return place
    outcome = yield from _ask(place)
    if (reply := outcome.agreed) is None:
        yield from _take_back(wish.name, place, outcome)
        return outcome.refused(place.node)
    if (yield Persist(lambda state: _note_offer(state, wish.name, reply))):
        return results.CopyOffered(reply.sdp)
    yield from _ask(_ending(place, reply.copy_ctx))
    return Refused(RefusalCode.REFUSED, f"The copy {wish.name!r}, or the call, was ended meanwhile")


def copy_answer(command: AnswerCopy) -> Flow:
    """Tell the node the recorder's answer: the media flow to it from now on."""
    name, sdp = command.name, command.sdp
    fault = unreadable(sdp)
    if fault is not None:
        return fault
    place = yield Persist(lambda state: _find(state, name, Verb.COPY_ANSWER, sdp))
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
    place = yield Persist(_want_end(name, command.reason))
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
        yield Persist(lambda state: _end(state, name, proof))
    return outcome


def closing(state: CallState) -> list[tuple[str, CopyLocation]]:
    """Return the copies that are to end by themselves, and what to ask of their nodes."""
    return [(name, _place(state, name, copy, Verb.COPY_DELETE)) for name, copy in state.usable_copies() if copy.closing]


def forgotten(state: CallState, before: int) -> list[Event]:
    """End the copies that were intended before that time, and of which nobody knows what became."""
    return [
        CopyDeleteIntended(copy=name, reason=UNRESOLVED)
        for name, copy in state.usable_copies()
        if not copy.offered and not copy.closing and copy.intended_at <= before
    ]


def _ask(place: CopyLocation) -> Step[Outcome]:
    operation = Operation(verb=place.request.verb, relay_id=place.relay_id, request=place.request.request())
    outcomes: list[Outcome] = yield AskNodes([(place.node, operation)])
    return outcomes[0]


def _take_back(name: str, place: CopyLocation, outcome: Outcome) -> Step[None]:
    """End a copy whose offer failed. A node that was not reached has none, unless it was to be changed."""
    if not outcome.reached and not place.request.copy_ctx:
        yield Persist(lambda state: _end(state, name, RemovalProof.NEVER_SENT))
        return
    if not isinstance((yield Persist(_want_end(name, NOT_OFFERED))), Refused):
        yield from end_copy(name, _ending(place, place.request.copy_ctx))


def _ending(place: CopyLocation, handle: str) -> CopyLocation:
    return replace(place, request=replace(place.request, verb=Verb.COPY_DELETE, copy_ctx=handle))


def _intend(wish: OfferCopy) -> Decide:
    def decide(state: CallState) -> Decision:
        session = next((session for session in sessions.newest_first(state) if session.agreement), None)
        if state.status is not CallStatus.LIVE or session is None:
            return Decision([], NOT_YET if state.status is CallStatus.LIVE else UNKNOWN)
        why = next(_obstacles(state, session, wish), None)
        if why is not None:
            return Decision([], Refused(RefusalCode.REFUSED, why))
        event = CopyIntended(
            copy=wish.name, session=session.number, flags=_flags(wish), legs=wish.legs, streams=wish.streams
        )
        return Decision([event], CopyLocation(session.node, session.relay_id, _offer(state, session, wish)))

    return decide


def _flags(wish: OfferCopy) -> str:
    return " ".join(word for word, on in ((SIPREC, wish.siprec), (INACTIVE, wish.inactive)) if on)


def _obstacles(state: CallState, session: Session, wish: OfferCopy) -> Iterator[str]:
    """Return why a copy cannot be begun or changed now."""
    before = state.copies.get(wish.name)
    if before is not None and (before.closing or not before.offered):
        yield f"The copy {wish.name!r} is being changed or ended; try again"
    if kind_of(session.engine).several_copies:
        return
    if session.recorded:
        yield f"{session.engine} copies or records a stream once at a time: stop the recording first"
    for name, other in state.copies.items():
        if name != wish.name and other.session == session.number and _overlap(other, wish):
            yield f"{session.engine} copies or records a stream once at a time: end the copy {name!r} first"


def copied_once(state: CallState, session: Session) -> bool:
    """Return whether a session's node copies it and so cannot record it, since its end of recording ends copies."""
    copied = any(copy.session == session.number for copy in state.copies.values())
    return copied and not kind_of(session.engine).several_copies


def _overlap(one: Copy, other: OfferCopy) -> bool:
    """Return whether two copies have a stream in common. Also one that is to end may still be there."""
    legs = set(one.legs or LEGS) & set(other.legs or LEGS)
    return bool(legs) and (not one.streams or not other.streams or bool(set(one.streams) & set(other.streams)))


def _offer(state: CallState, session: Session, wish: OfferCopy) -> CopyRequest:
    before = state.copies.get(wish.name)
    caller, callee = _parties(state, session)
    return CopyRequest(
        verb=Verb.COPY_OFFER,
        from_tag=caller,
        to_tag=callee,
        name=wish.name,
        copy_ctx=before.handle if before else "",
        handle=session.handle,
        set=session.set,
        engaged_branch=engaged_branch(state.relay or RelaySettings(), session.branch),
        legs=wish.legs or LEGS,
        streams=wish.streams,
        siprec=wish.siprec,
        inactive=wish.inactive,
        caller_sdp=_relayed(state, caller),
        callee_sdp=_relayed(state, callee),
        version=before.version + 1 if before else 1,
    )


def _want_end(name: str, reason: str) -> Decide:
    def decide(state: CallState) -> Decision:
        copy = state.copies.get(name)
        if copy is None:
            return Decision([], NO_COPY)
        events = [] if copy.closing else [CopyDeleteIntended(copy=name, reason=reason)]
        return Decision(events, _place(state, name, copy, Verb.COPY_DELETE))

    return decide


def _find(state: CallState, name: str, verb: CopyVerb, sdp: bytes) -> Decision:
    copy = state.copies.get(name)
    if copy is None or copy.closing or not copy.offered:
        return Decision([], NO_COPY)
    return Decision([], _place(state, name, copy, verb, sdp))


def _place(state: CallState, name: str, copy: Copy, verb: CopyVerb, sdp: bytes = b"") -> CopyLocation:
    session = state.sessions[copy.session]
    caller, callee = _parties(state, session)
    request = CopyRequest(
        verb=verb,
        from_tag=caller,
        to_tag=callee,
        name=name,
        copy_ctx=copy.handle,
        handle=session.handle,
        set=session.set,
        engaged_branch=engaged_branch(session.relay or state.relay or RelaySettings(), session.branch),
        sdp=sdp,
    )
    return CopyLocation(session.node, session.relay_id, request)


def _note_offer(state: CallState, name: str, reply: NodeReply) -> Decision:
    """Journal what the node offers. The value is whether the copy is still wanted."""
    copy = state.copies.get(name)
    if copy is None:
        return Decision([], False)
    event = CopyOffered(copy=name, handle=reply.copy_ctx, sdp=reply.sdp)
    return Decision([event], not copy.closing)


def _end(state: CallState, name: str, how: RemovalProof) -> Decision:
    return Decision([CopyDeleted(copy=name, how=how)] if name in state.copies else [])


def _parties(state: CallState, session: Session) -> tuple[Tag, Tag]:
    """Return the caller's and the callee's tag of a session."""
    agreed = session.agreement
    one, other = (agreed.from_tag, agreed.to_tag) if agreed else (session.from_tag, session.to_tag)
    callees = state.relay.tags if state.relay else {}
    return (other, one) if one in callees else (one, other)


def _relayed(state: CallState, tag: Tag) -> bytes:
    leg = state.legs.get(tag)
    return leg.relayed if leg else b""
