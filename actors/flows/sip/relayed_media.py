"""The flows of a relay that is driven by its settings: engage, set, offer, answer, establish, delete.

What is said to a node is worked out from the settings in force (replay/relay_settings.py) when it is decided: SDP that
leg X sent, for its peer Y, goes with the context's flags, X's flags and Y's peer flags; Y's type and address; X's and
Y's interface; X's body, if one is set, in place of the SDP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from actors import replies
from actors.command import Command, Wording
from actors.effects import Decide, Decision, Flow, Persist, Read
from actors.flows.media.answer import answer
from actors.flows.media.delete import IntendedDeletes, carry_out, intend_deletes
from actors.flows.media.node_request import delete_request, engaged_branch, set_of, tags_in_force
from actors.flows.media.offer import offer
from actors.node_table import NodeTable
from engines.kind import Untranslatable
from engines.media_request import MediaRequest, to_bytes
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode
from engines.registry import kind_of
from events.registry import BranchEstablished, ContextSettingsChanged, Event, LegSettingsChanged, RelayEngaged
from replay.relay_settings import CALLEE, CALLER, Engagement, RelaySettings
from replay.state import CallState, CallStatus

log = structlog.get_logger()

LATE = "the call is established: engage a relay before it is answered"
NOT_ENGAGED = "no relay is engaged for this branch"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayedSdp:
    """An offer or answer to be relayed. `leg` (caller or callee) sent the SDP; tags as in MediaRequest.

    anew: whether an offer is to have a session of its own.
    """

    verb: Literal["offer", "answer"]
    call_id: str
    leg: str
    branch: str
    from_tag: str
    to_tag: str = ""
    sdp: bytes
    received_from: str = ""
    cseq: int = 0
    notify_socket: str = ""
    at: int = 0
    anew: bool = False


def engage(engine: str, set_name: str, branch: str) -> Flow:
    """Engage an engine and set, for all branches ("") or one. Refused for a call that is established."""

    def decide(state: CallState) -> Decision:
        if state.status is CallStatus.LIVE and state.relay and state.relay.established is not None:
            return Decision([], replies.Refusal(LATE, RefusalCode.TOO_LATE))
        return Decision([RelayEngaged(engine=engine, set=set_name, branch=branch)])

    return _said(decide)


def set_variables(leg: str, branch: str, values: Mapping[str, str], body: bytes | None = None) -> Flow:
    """Change settings of a leg, for all branches ("") or one."""
    return _said(lambda _: Decision([LegSettingsChanged(leg=leg, branch=branch, values=values, body=body)]))


def set_context(values: Mapping[str, str]) -> Flow:
    """Change settings of the context."""
    return _said(lambda _: Decision([ContextSettingsChanged(values=values)]))


def _said(decide: Decide) -> Flow:
    result = yield Persist(decide)
    return result.reply if isinstance(result, replies.Refusal) else replies.ok()


def relay_media(media: RelayedSdp, nodes: NodeTable, *, moves: bool = True) -> Flow:
    """Relay an offer or answer as the settings say. Where a leg disabled the relay, the SDP comes back as it is.

    moves: whether an offer may go to another node when that of its dialog does not take it.
    """
    media = replace(media, notify_socket=nodes.notices)
    engagement = yield Read(lambda state: _engagement(state, media))
    if isinstance(engagement, replies.Refusal):
        return engagement.reply
    if engagement is None:
        return {b"result": b"ok", b"sdp": media.sdp}
    command = replace(_command(media, engagement), moves=moves)
    return (yield from offer(command, nodes) if media.verb == "offer" else answer(command))


def notice_tag(call_id: str, branch: str) -> str:
    """Return what a relay is to say when a session's media time out; it is then of this call and branch."""
    return f"{branch} {call_id}"


def _engagement(state: CallState, media: RelayedSdp) -> Engagement | replies.Refusal | None:
    """Return what is engaged, None if a leg disabled it; a Refusal if nothing is, or the settings make no sense."""
    if state.status is CallStatus.ENDED and state.relay is None:
        return replies.UNKNOWN
    relay = state.relay or RelaySettings()
    engagement = relay.engagement(media.branch)
    if engagement is None:
        return replies.Refusal(NOT_ENGAGED, RefusalCode.NOT_ENGAGED)
    if relay.disabled(media.branch):
        return None
    try:
        kind_of(engagement.engine).request(media_request(state, media))
    except (Untranslatable, LookupError) as error:
        return replies.Refusal(str(error), RefusalCode.BAD_SETTINGS)
    return engagement


def _command(media: RelayedSdp, engagement: Engagement) -> Command:
    return Command(
        verb=media.verb,
        call_id=media.call_id,
        from_tag=media.from_tag,
        to_tag=media.to_tag,
        branch=media.branch,
        request={b"sdp": media.sdp},
        set=engagement.set,
        engine=engagement.engine,
        received_at=media.at,
        anew=media.anew,
        wording=_wording(media),
    )


def _wording(media: RelayedSdp) -> Wording:
    def words(state: CallState, engine: str) -> NgDict:
        return kind_of(engine).request(media_request(state, media))

    return words


def media_request(state: CallState, media: RelayedSdp) -> MediaRequest:
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
        notify_socket=media.notify_socket,
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


def _senders_tag(media: RelayedSdp) -> str:
    return media.from_tag if media.verb == "offer" else media.to_tag


def _offered_by_caller(media: RelayedSdp) -> bool:
    return (media.leg == CALLER) == (media.verb == "offer")


def establish(branch: str, callers_tag: str, to_tag: str, at: int) -> Flow:
    """Establish a branch, and tear the others down, each under its own id."""
    yield Persist(lambda state: Decision(established(state, branch, to_tag)))
    yield from carry_out((yield Persist(without_spares(callers_tag, at))))
    return replies.ok()


def established(state: CallState, branch: str, to_tag: str) -> list[Event]:
    """Return the event that establishes a branch: the first one that is established stays so."""
    if state.relay and state.relay.established is not None:
        return []
    return [BranchEstablished(branch=branch, to_tag=to_tag)]


def without_spares(callers_tag: str, at: int) -> Decide:
    """Decide that all branches that were not answered while another was are to go. The value is what is Wanted.

    callers_tag: "" if it is not known.
    """

    def decide(state: CallState) -> Decision:
        events: list[Event] = []
        wanted: list[IntendedDeletes] = []
        for branch, opener in state.spare_branches().items():
            command = branch_delete(state.call_id, callers_tag or opener, branch, "another branch was answered", at)
            decision = intend_deletes(state, command)
            events += decision.events
            wanted += [([removal], command) for removal in decision.value or ()]
        return Decision(events, wanted)

    return decide


def branch_delete(call_id: str, callers_tag: str, branch: str, reason: str, at: int) -> Command:
    """Return the delete of one branch; the call goes on, even if no other branch is left, for one may yet be made."""
    command = _delete(call_id, reason, at, ends_call=False)
    return replace(
        command, from_tag=callers_tag, branch=branch, wording=_delete_wording(callers_tag, "", branch=branch)
    )


def dialog_delete(call_id: str, callees_tag: str, reason: str, at: int) -> Command:
    """Return the delete of one callee's dialog among several."""
    command = _delete(call_id, reason, at, ends_call=False)
    return replace(command, from_tag=callees_tag, wording=_delete_wording(callees_tag, "", by_caller=False))


def call_delete(call_id: str, callers_tag: str, callees_tag: str, reason: str, at: int) -> Command:
    """Return the delete of the whole call."""
    command = _delete(call_id, reason, at, ends_call=True)
    return replace(command, wording=_delete_wording(callers_tag, callees_tag))


def _delete(call_id: str, reason: str, at: int, *, ends_call: bool) -> Command:
    return Command(verb="delete", call_id=call_id, request={}, received_at=at, ends_call=ends_call, reason=reason)


def _delete_wording(from_tag: str, to_tag: str, *, branch: str = "", by_caller: bool = True) -> Wording:
    """Word a delete with the context's delete flags and those of both legs, each once."""

    def words(state: CallState, engine: str) -> NgDict:
        relay = state.relay or RelaySettings()
        tags = tags_in_force(relay, from_tag, to_tag, offered_by_caller=by_caller)
        plain = MediaRequest(verb="delete", from_tag=tags[0], to_tag=tags[1], branch=branch)
        kind = kind_of(engine)
        try:
            request = kind.request(delete_request(relay, *tags, branch))
        except Untranslatable as error:
            log.warning("delete flags left out", call_id=state.call_id, why=str(error))
            request = kind.request(plain)
        # Without a tag an rtpengine deletes the call all the same, but tells no statistics.
        return {b"from-tag": to_bytes(tags[0]), **request} if tags[0] else request

    return words
