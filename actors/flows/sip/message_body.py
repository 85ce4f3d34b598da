"""What becomes of the session description in a SIP message: what a relay gives for it, or a remedy."""

from __future__ import annotations

from actors.commands.relay import RelaySdp
from actors.commands.sip import ObserveSipMessage
from actors.effects import Read, Step
from actors.flows.media.sessions import awaits_first_answer
from actors.flows.sip import forks
from actors.flows.sip.relayed_media import relay_media
from actors.node_table import NodeTable
from actors.results import Observed, Refused, Relayed
from engines.sdp.without_streams import rewritten
from events.names import CALLER, Leg, Tag
from events.verb import ANSWER, OFFER
from replay.offer_answer import Role, SipMessage, Verdict, remedy_for
from replay.state import CallState


def relay_body(
    seen: ObserveSipMessage, came: SipMessage, verdict: Verdict, shift: int, nodes: NodeTable
) -> Step[Observed]:
    """Relay a body that is an offer or answer; say of others what is to be done about them.

    seen: as it was in its first pass; came: as it is. shift: of the CSeq, for the result.
    """
    if seen.message.sdp is None:
        return Observed(verdict=verdict, shift=shift)
    given = yield Read(lambda state: _given(state, seen, verdict))
    if given:
        return Observed(verdict=verdict, shift=shift, sdp=given)
    late = yield Read(lambda state: forks.is_late(state, verdict.callee_tag))
    if late or _part(verdict) not in (Role.OFFER, Role.ANSWER):
        unspoken_for: Observed = yield Read(lambda state: _unspoken_for(state, came, verdict, shift))
        return unspoken_for
    relayed = yield from _relay(seen, verdict, nodes)
    if isinstance(relayed, Refused):
        return Observed(verdict=verdict, shift=shift, error=relayed)
    return Observed(verdict=verdict, shift=shift, sdp=relayed.sdp)


def remedied(message: SipMessage, verdict: Verdict, shift: int) -> Observed:
    """Return what is done about a body that is not to go on, as no relay speaks for it."""
    remedy, status = remedy_for(message, verdict.fault)
    return Observed(verdict=verdict, shift=shift, remedy=remedy, refuse_with=status)


def _relay(seen: ObserveSipMessage, verdict: Verdict, nodes: NodeTable) -> Step[Relayed | Refused]:
    if seen.message.sdp is not None and b"m=" not in seen.message.sdp:
        nothing_to_relay: Relayed | None = yield Read(lambda state: _without_streams(state, seen, verdict))
        if nothing_to_relay is not None:
            return nothing_to_relay
    media: RelaySdp = yield Read(lambda state: _media(state, seen, verdict))
    if media.verb is ANSWER and verdict.exchange == 1:
        before = yield Read(lambda state: forks.offer_before(state, media))
        if before is not None:
            offered = yield from relay_media(before, nodes)
            if isinstance(offered, Refused):
                return offered
    return (yield from relay_media(media, nodes))


def _without_streams(state: CallState, seen: ObserveSipMessage, verdict: Verdict) -> Relayed | None:
    """Return what goes on of an offer or answer without streams; None where it has to have some, or may have any.

    Two parties who have once offered streams to each other go on with these (RFC 3264 section 8).
    """
    parties = (seen.callers_tag, verdict.callee_tag)
    streams = any(tag in parties for tag, _ in state.given) or not state.speaks_for(verdict.branch)
    relay, branch = state.relay, verdict.branch
    if streams or relay is None or relay.disabled(branch) or relay.body(verdict.leg, branch) is not None:
        return None
    sdp = rewritten(seen.message.sdp or b"")
    return Relayed(sdp) if sdp else None


def _unspoken_for(state: CallState, message: SipMessage, verdict: Verdict, shift: int) -> Observed:
    """Return what is done about a body that is neither offer nor answer nor a copy of what was relayed.

    One that the call's own relay has given is no party's: its message comes by here again (actors/flows/sip/passes.py).
    """
    if not state.speaks_for(verdict.branch) or any(leg.relayed == message.sdp for leg in state.given.values()):
        return Observed(verdict=verdict, shift=shift)
    return remedied(message, verdict, shift)


def _part(verdict: Verdict) -> Role:
    """Return what the body is, or is a copy of."""
    return verdict.repeats if verdict.role is Role.REPEAT else verdict.role


def _given(state: CallState, seen: ObserveSipMessage, verdict: Verdict) -> bytes:
    """Return what stood in place of a body the last time; nothing if it is a new one, or was not relayed in the end."""
    leg = state.given.get((_tag_of(seen, verdict, verdict.leg), verdict.branch))
    return leg.relayed if leg and verdict.role is Role.REPEAT and leg.sdp == seen.message.sdp else b""


def _media(state: CallState, seen: ObserveSipMessage, verdict: Verdict) -> RelaySdp:
    is_offer = _part(verdict) is Role.OFFER
    offerer = verdict.leg if is_offer else verdict.leg.other
    from_tag = _tag_of(seen, verdict, offerer)
    first = is_offer and (verdict.exchange == 1 or awaits_first_answer(state, from_tag, verdict.branch))
    return RelaySdp(
        verb=OFFER if is_offer else ANSWER,
        call_id=seen.call_id,
        leg=verdict.leg,
        branch=verdict.branch,
        from_tag=from_tag,
        to_tag=Tag("" if first else _tag_of(seen, verdict, offerer.other)),
        sdp=seen.message.sdp or b"",
        received_from=seen.received_from,
        cseq=seen.message.cseq,
        at=seen.at,
    )


def _tag_of(seen: ObserveSipMessage, verdict: Verdict, leg: Leg) -> Tag:
    return seen.callers_tag if leg is CALLER else verdict.callee_tag
