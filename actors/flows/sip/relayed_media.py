"""The flow of an offer or answer that is relayed as the call's settings say (actors/flows/media/wording.py)."""

from __future__ import annotations

from actors.commands.media import Answer, Offer, SdpBySettings
from actors.commands.relay import RelaySdp
from actors.effects import Flow, Read, Step
from actors.flows.media.answer import answer
from actors.flows.media.offer import offer
from actors.flows.media.wording import media_request
from actors.node_table import NodeTable
from actors.results import UNKNOWN, Refused, Relayed
from engines.kind import Untranslatable
from engines.refusal import RefusalCode
from engines.registry import kind_of
from events.verb import ANSWER
from replay.relay_settings import Engagement, RelaySettings
from replay.state import CallState, CallStatus

NOT_ENGAGED = "no relay is engaged for this branch"


def relay_sdp(media: RelaySdp, nodes: NodeTable) -> Flow:
    """Relay an offer or answer as the settings say. Where a leg disabled the relay, the SDP comes back as it is."""
    return (yield from relay_media(media, nodes))


def relay_media(media: RelaySdp, nodes: NodeTable) -> Step[Relayed | Refused]:
    """Do so as a part of another flow."""
    said = SdpBySettings(media, nodes.notices)
    engagement = yield Read(lambda state: _engagement(state, said))
    if isinstance(engagement, Refused):
        return engagement
    if engagement is None:
        return Relayed(media.sdp)
    command = _command(said, engagement)
    result: Relayed | Refused = yield from offer(command, nodes) if isinstance(command, Offer) else answer(command)
    return result


def _engagement(state: CallState, said: SdpBySettings) -> Engagement | Refused | None:
    """Return what is engaged, None if a leg disabled it; a refusal if nothing is, or the settings make no sense."""
    if state.status is CallStatus.ENDED and state.relay is None:
        return UNKNOWN
    relay, branch = state.relay or RelaySettings(), said.media.branch
    engagement = relay.engagement(branch)
    if engagement is None:
        return Refused(RefusalCode.NOT_ENGAGED, NOT_ENGAGED)
    if relay.disabled(branch):
        return None
    try:
        kind_of(engagement.engine).request(media_request(state, said))
    except (Untranslatable, LookupError) as error:
        return Refused(RefusalCode.BAD_SETTINGS, str(error))
    return engagement


def _command(said: SdpBySettings, engagement: Engagement) -> Offer | Answer:
    media = said.media
    if media.verb is ANSWER:
        return Answer(
            call_id=media.call_id,
            from_tag=media.from_tag,
            to_tag=media.to_tag,
            branch=media.branch,
            request=said,
            received_at=media.at,
            session=media.session,
        )
    return Offer(
        call_id=media.call_id,
        from_tag=media.from_tag,
        to_tag=media.to_tag,
        branch=media.branch,
        request=said,
        received_at=media.at,
        set=engagement.set,
        engine=engagement.engine,
        anew=media.anew,
        moves=media.moves,
        session=media.session,
    )
