"""What a node is asked: in a client's words, or as the settings in force say.

SDP that leg X sent, for its peer Y, goes with the context's flags, X's flags and Y's peer flags; Y's type and address;
X's and Y's interface; X's body, if one is set, in place of the SDP (replay/relay_settings.py).
"""

from __future__ import annotations

from actors.commands.media import DeleteBySettings, SdpBySettings, Wording
from actors.commands.relay import RelaySdp
from actors.flows.media.node_request import delete_request, engaged_branch, set_of, tags_in_force
from engines.kind import Untranslatable
from engines.media_request import MediaRequest
from engines.registry import kind_of
from engines.request import NodeRequest
from events.names import BranchId, CallId
from events.verb import DELETE, OFFER
from replay.relay_settings import CALLEE, CALLER, RelaySettings
from replay.state import CallState, Session


def asked(state: CallState, session: Session, request: Wording) -> NodeRequest:
    """Return what the node of a session is to be asked, with what it calls the session."""
    return worded(state, session.engine, request).with_handle(session.handle)


def delete_asked(state: CallState, session: Session, request: Wording) -> tuple[NodeRequest, str]:
    """Return the delete that the node of a session is to be asked, and why flags are left out of it; "" if none are."""
    if not isinstance(request, DeleteBySettings):
        return asked(state, session, request), ""
    said, left_out = _delete(state, session.engine, request)
    return said.with_handle(session.handle), left_out


def worded(state: CallState, engine: str, request: Wording) -> NodeRequest:
    """Return what a node of this kind is to be asked in a state of the call. Raises Untranslatable for an SDP."""
    if isinstance(request, NodeRequest):
        return request
    if isinstance(request, SdpBySettings):
        return kind_of(engine).request(media_request(state, request))
    return _delete(state, engine, request)[0]


def notice_tag(call_id: CallId, branch: BranchId) -> str:
    """Return what a relay is to say when a session's media time out; it is then of this call and branch."""
    return f"{branch} {call_id}"


def media_request(state: CallState, said: SdpBySettings) -> MediaRequest:
    """Return what is to be said about an SDP, by the settings in force."""
    media, relay = said.media, settings_for(state, said)
    sender = relay.in_force(media.leg, media.branch)
    peer = relay.in_force(CALLEE if media.leg == CALLER else CALLER, media.branch)
    body = relay.body(media.leg, media.branch)
    # An explicit body counts as it stands: its addresses are meant, whatever address the message came from. So do the
    # addresses that another node has learned.
    meant = body if body is not None else said.reached_at or None
    received_from = "" if meant is not None else media.received_from or relay.sources.get(_senders_tag(media), "")
    from_tag, to_tag = tags_in_force(relay, media.from_tag, media.to_tag, offered_by_caller=_offered_by_caller(media))
    return MediaRequest(
        verb=media.verb,
        from_tag=from_tag,
        to_tag=to_tag,
        branch=media.branch,
        sdp=media.sdp if meant is None else meant,
        received_from=received_from,
        cseq=media.cseq,
        notify_socket=said.notify_socket,
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


def settings_for(state: CallState, said: SdpBySettings) -> RelaySettings:
    """Return the settings by which an SDP is worded: those in force, with what changes for this one."""
    relay = state.relay or RelaySettings()
    if not said.changes:
        return relay
    changed = relay.copy()
    for change in said.changes:
        changed.apply(change)
    return changed


def _senders_tag(media: RelaySdp) -> str:
    return media.from_tag if media.verb is OFFER else media.to_tag


def _offered_by_caller(media: RelaySdp) -> bool:
    return (media.leg == CALLER) == (media.verb is OFFER)


def _delete(state: CallState, engine: str, said: DeleteBySettings) -> tuple[NodeRequest, str]:
    """Word a delete with the context's delete flags and those of both legs, each once; without those, if it must be.

    A call ends whatever its settings are. Beside the words it says why flags are left out.
    """
    relay, kind = state.relay or RelaySettings(), kind_of(engine)
    tags = tags_in_force(relay, said.from_tag, said.to_tag, offered_by_caller=said.by_caller)
    left_out = ""
    try:
        request = kind.request(delete_request(relay, *tags, said.branch))
    except Untranslatable as error:
        left_out = str(error)
        request = kind.request(MediaRequest(verb=DELETE, from_tag=tags[0], to_tag=tags[1], branch=said.branch))
    # Without a tag an rtpengine deletes the call all the same, but tells no statistics.
    return request.of_party(tags[0]), left_out
