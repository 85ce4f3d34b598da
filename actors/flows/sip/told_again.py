"""What a relay is told once more: the answer of who is to be heard, and what was agreed before a rejected offer."""

from __future__ import annotations

from dataclasses import replace

from actors.commands.relay import RelaySdp
from actors.commands.sip import ObserveSipMessage
from actors.effects import Read, Step
from actors.flows.sip import forks
from actors.flows.sip.relayed_media import relay_media
from actors.node_table import NodeTable
from actors.results import Refused
from events.names import Leg
from events.verb import ANSWER, OFFER
from replay.offer_answer import Verdict
from replay.state import Agreement, CallState


def let_hear(seen: ObserveSipMessage, nodes: NodeTable) -> Step[None]:
    """Repeat to the relay the answer of the party that is to be heard, if another's came after it."""
    overtaken = yield Read(lambda state: forks.answer_overtaken(state, seen.callers_tag))
    if overtaken is not None:
        yield from relay_media(_medias(seen, overtaken)[1], nodes)


def restore(seen: ObserveSipMessage, verdict: Verdict, nodes: NodeTable) -> Step[None]:
    """Bring the relay back to what was agreed before an offer that was rejected."""
    agreement = yield Read(lambda state: _agreement(state, seen.callers_tag, verdict.callee_tag))
    for media in _medias(seen, agreement) if agreement else ():
        if media.verb is ANSWER and not media.sdp:
            return  # it was not answered yet when the rejected offer came
        if isinstance((yield from relay_media(replace(media, moves=False), nodes)), Refused):
            return


def _medias(seen: ObserveSipMessage, agreement: Agreement) -> tuple[RelaySdp, RelaySdp]:
    """Return an offer and its answer, to be relayed once more."""
    from_caller = agreement.from_tag == seen.callers_tag
    offerer, answerer = (Leg.CALLER, Leg.CALLEE) if from_caller else (Leg.CALLEE, Leg.CALLER)
    offer = RelaySdp(
        verb=OFFER,
        call_id=seen.call_id,
        leg=offerer,
        branch=agreement.branch,
        from_tag=agreement.from_tag,
        to_tag=agreement.to_tag,
        sdp=agreement.offer,
        cseq=seen.message.cseq,
        at=seen.at,
    )
    return offer, replace(offer, verb=ANSWER, leg=answerer, sdp=agreement.answer)


def _agreement(state: CallState, one: str, other: str) -> Agreement | None:
    """Return what two parties agreed on before their last offer, if that has been relayed."""
    for session in state.usable_sessions():
        agreed = session.before
        if agreed and {agreed.from_tag, agreed.to_tag or other} == {one, other}:
            leg = state.legs.get(agreed.from_tag)
            answerer = state.legs.get(agreed.to_tag)
            changed = (leg and leg.sdp != agreed.offer) or (answerer and answerer.sdp != agreed.answer)
            return agreed if changed else None
    return None
