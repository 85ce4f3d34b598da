"""Where a copy is, and what its session's node is asked about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.commands.copies import OfferCopy
from actors.flows.media.node_request import engaged_branch
from engines.copy_request import LEGS, CopyRequest
from events.names import Leg, NodeName, RelayId, Tag
from events.verb import CopyVerb, Verb
from replay.relay_settings import Copy, RelaySettings
from replay.state import CallState, Session


@dataclass(frozen=True, slots=True)
class CopyLocation:
    """The session that is copied, and what is to be asked of its node."""

    node: NodeName
    relay_id: RelayId
    request: CopyRequest


def offer_of(state: CallState, session: Session, wish: OfferCopy) -> CopyRequest:
    """Return what the node is asked that is to begin or change a copy."""
    before = state.copies.get(wish.name)
    caller, callee = parties_of(state, session)
    return CopyRequest(
        verb=Verb.COPY_OFFER,
        from_tag=caller,
        to_tag=callee,
        name=wish.name,
        copy_ctx=before.handle if before and before.session == session.number else "",
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


def location_of(state: CallState, name: str, copy: Copy, verb: CopyVerb, sdp: bytes = b"") -> CopyLocation:
    """Return where a copy is, and what is to be asked about it."""
    session = state.sessions[copy.session]
    caller, callee = parties_of(state, session)
    request = CopyRequest(
        verb=verb,
        from_tag=caller,
        to_tag=callee,
        name=name,
        copy_ctx=copy.handle,
        handle=session.handle,
        set=session.set,
        engaged_branch=engaged_branch(session.relay or state.relay or RelaySettings(), session.branch),
        legs=tuple(map(Leg, copy.legs)) or LEGS,
        sdp=sdp,
    )
    return CopyLocation(session.node, session.relay_id, request)


def ending(place: CopyLocation, handle: str) -> CopyLocation:
    """Return the end of a copy by what its node calls it."""
    return replace(place, request=replace(place.request, verb=Verb.COPY_DELETE, copy_ctx=handle))


def parties_of(state: CallState, session: Session) -> tuple[Tag, Tag]:
    """Return the caller's and the callee's tag of a session."""
    agreed = session.agreement
    one, other = (agreed.from_tag, agreed.to_tag) if agreed else (session.from_tag, session.to_tag)
    callees = state.relay.tags if state.relay else {}
    return (other, one) if one in callees else (one, other)


def _relayed(state: CallState, tag: Tag) -> bytes:
    leg = state.legs.get(tag)
    return leg.relayed if leg else b""
