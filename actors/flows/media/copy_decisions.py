"""The decisions about copies: whether one may begin, change or end, and what is journalled of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from actors.commands.copies import OfferCopy
from actors.effects import Decide, Decision
from actors.flows.media import sessions
from actors.flows.media.copy_location import CopyLocation, location_of, offer_of
from actors.results import UNKNOWN, Refused
from engines.copy_request import LEGS
from engines.refusal import RefusalCode
from engines.registry import kind_of
from engines.reply import NodeReply
from events.registry import CopyDeleted, CopyDeleteIntended, CopyIntended, CopyOffered, Event, RemovalProof
from events.verb import CopyVerb, Verb
from replay.projection import Deadlines
from replay.relay_settings import Copy
from replay.state import CallState, CallStatus, Session

SIPREC = "siprec"
INACTIVE = "inactive"
NO_COPY = Refused(RefusalCode.REFUSED, "There is no copy of that name")
NOT_YET = Refused(RefusalCode.REFUSED, "The call is not answered: there are no media to copy yet")
UNRESOLVED = "its fate is unknown: the control node that offered it did not live to say"


def intend(wish: OfferCopy) -> Decide:
    """Decide to begin or change a copy. The value is its CopyLocation, or a Refused."""

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
        return Decision([event], CopyLocation(session.node, session.relay_id, offer_of(state, session, wish)))

    return decide


def _flags(wish: OfferCopy) -> str:
    return " ".join(word for word, on in ((SIPREC, wish.siprec), (INACTIVE, wish.inactive)) if on)


def _obstacles(state: CallState, session: Session, wish: OfferCopy) -> Iterator[str]:
    """Return why a copy cannot be begun or changed now."""
    before = state.copies.get(wish.name)
    if before is not None and (before.closing or not before.offered):
        yield f"The copy {wish.name!r} is being changed or ended; try again"
    others = {name: other for name, other in state.copies.items() if other.session == session.number}
    yield from in_the_way(session, wish.name, wish, others)


def in_the_way(session: Session, name: str, choice: OfferCopy | Copy, others: Mapping[str, Copy]) -> Iterator[str]:
    """Return what keeps a session's node from a copy, besides the other copies there."""
    if kind_of(session.engine).several_copies:
        return
    if session.recorded:
        yield f"{session.engine} copies or records a stream once at a time: stop the recording first"
    for other_name, other in others.items():
        if other_name != name and _overlap(other, choice):
            yield f"{session.engine} copies or records a stream once at a time: end the copy {other_name!r} first"


def _overlap(one: Copy, other: OfferCopy | Copy) -> bool:
    """Return whether two copies have a stream in common. Also one that is to end may still be there."""
    legs = set(one.legs or LEGS) & set(other.legs or LEGS)
    return bool(legs) and (not one.streams or not other.streams or bool(set(one.streams) & set(other.streams)))


def copied_once(state: CallState, session: Session) -> bool:
    """Return whether a session's node copies it and so cannot record it, since its end of recording ends copies."""
    copied = any(copy.session == session.number for copy in state.copies.values())
    return copied and not kind_of(session.engine).several_copies


def note_offer(state: CallState, name: str, reply: NodeReply) -> Decision:
    """Journal what the node offers. The value is whether the copy is still wanted."""
    copy = state.copies.get(name)
    if copy is None:
        return Decision([], False)
    event = CopyOffered(copy=name, handle=reply.copy_ctx, sdp=reply.sdp, layout=reply.copy_layout)
    return Decision([event], not copy.closing)


def want_end(name: str, reason: str) -> Decide:
    """Decide to end a copy. The value is its CopyLocation, or a Refused."""

    def decide(state: CallState) -> Decision:
        copy = state.copies.get(name)
        if copy is None:
            return Decision([], NO_COPY)
        events = [] if copy.closing else [CopyDeleteIntended(copy=name, reason=reason)]
        return Decision(events, location_of(state, name, copy, Verb.COPY_DELETE))

    return decide


def find(state: CallState, name: str, verb: CopyVerb, sdp: bytes) -> Decision:
    """Return the CopyLocation of a copy that can be told something; a Refused if there is none."""
    copy = state.copies.get(name)
    if copy is None or copy.closing or not copy.offered:
        return Decision([], NO_COPY)
    return Decision([], location_of(state, name, copy, verb, sdp))


def ended(state: CallState, name: str, how: RemovalProof) -> Decision:
    """Decide that a copy is gone, and how that is known."""
    return Decision([CopyDeleted(copy=name, how=how)] if name in state.copies else [])


def closing(state: CallState) -> list[tuple[str, CopyLocation]]:
    """Return the copies that are to end by themselves, and what to ask of their nodes."""
    return [
        (name, location_of(state, name, copy, Verb.COPY_DELETE)) for name, copy in state.usable_copies() if copy.closing
    ]


def forgotten(state: CallState, now: int, deadlines: Deadlines) -> list[Event]:
    """End the copies that were intended too long ago for anything to become of them, and nobody knows what did."""
    return [
        CopyDeleteIntended(copy=name, reason=UNRESOLVED)
        for name, copy in state.usable_copies()
        if not copy.offered and not copy.closing and deadlines.after(copy.intended_at, deadlines.operation) <= now
    ]
