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
from events.names import Leg, Tag
from events.values import value
from events.verb import ANSWER, OFFER
from replay.offer_answer import Verdict
from replay.state import Agreement, CallState


@value
class _Before:
    """What was agreed on in a session before an offer."""

    session: int
    agreement: Agreement


def let_hear(seen: ObserveSipMessage, nodes: NodeTable) -> Step[None]:
    """Repeat to the relay the answer of the party that is to be heard, if another's came after it."""
    overtaken = yield Read(lambda state: forks.answer_overtaken(state, seen.callers_tag))
    if overtaken is not None:
        yield from relay_media(_medias(seen, overtaken)[1], nodes)


def restore(seen: ObserveSipMessage, verdict: Verdict, nodes: NodeTable) -> Step[None]:
    """Bring the session of an offer that was rejected back to what was agreed before."""
    before: _Before | None = yield Read(lambda state: _before(state, seen.callers_tag, verdict))
    if before is None:
        return
    for media in _medias(seen, before.agreement):
        if media.verb is ANSWER and not media.sdp:
            return  # it was not answered yet when the rejected offer came
        once_more = replace(media, moves=False, session=before.session)
        if isinstance((yield from relay_media(once_more, nodes)), Refused):
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


def _before(state: CallState, callers_tag: Tag, verdict: Verdict) -> _Before | None:
    """Return what two parties had agreed on in a session that has been told something else since, in their last offer.

    That is where what they said last was given on: by now there may be a newer session, which knows nothing of it.
    """
    tags = (callers_tag, verdict.callee_tag)
    said = [leg for tag in tags if (leg := state.given.get((tag, verdict.branch))) is not None]
    for leg in sorted(said, key=lambda leg: leg.version, reverse=True):
        session = state.sessions.get(leg.session)
        if session is None or not session.usable or state.is_aside(session) or session.before is None:
            continue
        agreed = session.before
        was = agreed.offer if leg.tag == agreed.from_tag else agreed.answer
        if {agreed.from_tag, agreed.to_tag or verdict.callee_tag} == {*tags} and leg.sdp != was:
            return _Before(session.number, agreed)
    return None
