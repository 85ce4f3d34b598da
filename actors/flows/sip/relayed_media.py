"""The flow of an offer or answer that is relayed as the call's settings say.

What is said to a node is worked out from the settings in force (replay/relay_settings.py) when it is decided: SDP that
leg X sent, for its peer Y, goes with the context's flags, X's flags and Y's peer flags; Y's type and address; X's and
Y's interface; X's body, if one is set, in place of the SDP.
"""

from __future__ import annotations

from actors.command import Command, Wording
from actors.commands.relay import RelaySdp
from actors.effects import Flow, Read, Step
from actors.flows.media.answer import answer
from actors.flows.media.node_request import engaged_branch, set_of, tags_in_force
from actors.flows.media.offer import offer
from actors.node_table import NodeTable
from actors.results import UNKNOWN, Refused, Relayed
from engines.kind import Untranslatable
from engines.media_request import MediaRequest
from engines.refusal import RefusalCode
from engines.registry import kind_of
from engines.request import NodeRequest
from replay.relay_settings import CALLEE, CALLER, Engagement, RelaySettings
from replay.state import CallState, CallStatus

NOT_ENGAGED = "no relay is engaged for this branch"


def relay_sdp(media: RelaySdp, nodes: NodeTable) -> Flow:
    """Relay an offer or answer as the settings say. Where a leg disabled the relay, the SDP comes back as it is."""
    return (yield from relay_media(media, nodes))


def relay_media(media: RelaySdp, nodes: NodeTable) -> Step[Relayed | Refused]:
    """Do so as a part of another flow."""
    engagement = yield Read(lambda state: _engagement(state, media, nodes.notices))
    if isinstance(engagement, Refused):
        return engagement
    if engagement is None:
        return Relayed(media.sdp)
    command = _command(media, engagement, nodes.notices)
    result: Relayed | Refused = yield from (offer(command, nodes) if media.verb == "offer" else answer(command))
    return result


def notice_tag(call_id: str, branch: str) -> str:
    """Return what a relay is to say when a session's media time out; it is then of this call and branch."""
    return f"{branch} {call_id}"


def _engagement(state: CallState, media: RelaySdp, notify_socket: str) -> Engagement | Refused | None:
    """Return what is engaged, None if a leg disabled it; a refusal if nothing is, or the settings make no sense."""
    if state.status is CallStatus.ENDED and state.relay is None:
        return UNKNOWN
    relay = state.relay or RelaySettings()
    engagement = relay.engagement(media.branch)
    if engagement is None:
        return Refused(RefusalCode.NOT_ENGAGED, NOT_ENGAGED)
    if relay.disabled(media.branch):
        return None
    try:
        kind_of(engagement.engine).request(media_request(state, media, notify_socket))
    except (Untranslatable, LookupError) as error:
        return Refused(RefusalCode.BAD_SETTINGS, str(error))
    return engagement


def _command(media: RelaySdp, engagement: Engagement, notify_socket: str) -> Command:
    return Command(
        verb=media.verb,
        call_id=media.call_id,
        from_tag=media.from_tag,
        to_tag=media.to_tag,
        branch=media.branch,
        request=NodeRequest({b"sdp": media.sdp}),
        set=engagement.set,
        engine=engagement.engine,
        received_at=media.at,
        anew=media.anew,
        moves=media.moves,
        wording=_wording(media, notify_socket),
    )


def _wording(media: RelaySdp, notify_socket: str) -> Wording:
    def words(state: CallState, engine: str) -> NodeRequest:
        return kind_of(engine).request(media_request(state, media, notify_socket))

    return words


def media_request(state: CallState, media: RelaySdp, notify_socket: str) -> MediaRequest:
    """Return what is to be said about an SDP, by the settings in force."""
    relay = state.relay or RelaySettings()
    sender = relay.in_force(media.leg, media.branch)
    peer = relay.in_force(CALLEE if media.leg == CALLER else CALLER, media.branch)
    body = relay.body(media.leg, media.branch)
    # An explicit body counts as it stands: its addresses are meant, whatever address the message came from.
    received_from = "" if body is not None else media.received_from or relay.sources.get(_senders_tag(media), "")
    from_tag, to_tag = tags_in_force(relay, media.from_tag, media.to_tag, offered_by_caller=_offered_by_caller(media))
    return MediaRequest(
        verb=media.verb,
        from_tag=from_tag,
        to_tag=to_tag,
        branch=media.branch,
        sdp=media.sdp if body is None else body,
        received_from=received_from,
        cseq=media.cseq,
        notify_socket=notify_socket,
        notify_tag=notice_tag(media.call_id, media.branch),
        ctx_flags=relay.context.get("flags", ""),
        flags=sender.get("flags", ""),
        peer=peer.get("peer", ""),
        type=peer.get("type", ""),
        ip=peer.get("ip", ""),
        in_iface=sender.get("iface", ""),
        out_iface=peer.get("iface", ""),
        set=set_of(relay, media.branch),
        engaged_branch=engaged_branch(relay, media.branch),
    )


def _senders_tag(media: RelaySdp) -> str:
    return media.from_tag if media.verb == "offer" else media.to_tag


def _offered_by_caller(media: RelaySdp) -> bool:
    return (media.leg == CALLER) == (media.verb == "offer")
