"""Facts about relay nodes: each is pinged, and asked for a session that is removed at once."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from actors.control.survey import ask_each
from actors.effects import Outcome
from actors.node_table import Node
from engines.health import AdminState
from engines.kind import STATISTICS, Operation, Untranslatable
from engines.media_request import MediaRequest
from engines.registry import EngineName, kind_at
from engines.sdp.lines import SdpError
from engines.sdp.session import parse
from events.names import RelayId, Tag
from events.verb import OFFER
from rtp_relay.doctor.facts import NodeFacts

_TAG: Final = Tag("doctor")
_TRIES: Final = 3

SDP: Final = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
"""What is offered: audio that nobody will send."""


async def node_facts(node: Node, *, trial: bool) -> NodeFacts:
    """Return whether a node answers, unless it is disabled; with `trial` also where it takes media."""
    spec = node.spec
    facts = NodeFacts(name=spec.name, engine=spec.engine, url=spec.url)
    if node.health.admin is AdminState.DISABLED:
        return replace(facts, disabled=True)
    if not trial or spec.engine == EngineName.MEDIAPROXY:  # whose sessions are made by a call's first party alone
        outcome = await _ask(node, STATISTICS)
        return replace(facts, silence="" if outcome.reply is not None else outcome.reason)
    return await _tried(node, facts)


async def _tried(node: Node, facts: NodeFacts) -> NodeFacts:
    kind, relay_id = kind_at(node.spec), RelayId(f"rtp-relay-doctor-{secrets.token_hex(8)}")
    try:
        request = kind.request(MediaRequest(verb=OFFER, from_tag=_TAG, sdp=SDP))
    except Untranslatable as error:
        return replace(facts, refusal=str(error))
    outcome = await _ask(node, Operation(verb=OFFER, relay_id=relay_id, request=request))
    if outcome.reply is None:
        return replace(facts, silence=outcome.reason)
    left = not await _removed(node, relay_id)
    if outcome.agreed is None:
        return replace(facts, refusal=outcome.why or "it does not say why", left=left)
    try:
        sdp = parse(outcome.agreed.sdp)
        hosts = tuple(sdp.address_of(stream).host.decode("ascii", "replace") for stream in sdp.streams)
    except SdpError as error:
        return replace(facts, refusal=f"what it gives is no SDP: {error}", left=left)
    return replace(facts, media=hosts, ports=tuple(int(stream.port.text) for stream in sdp.streams), left=left)


async def _removed(node: Node, relay_id: RelayId) -> bool:
    for _ in range(_TRIES):
        reply = (await _ask(node, kind_at(node.spec).teardown(relay_id, _TAG, Tag("")))).reply
        if reply is not None and (reply.ok or reply.unknown):
            return True
    return False


async def _ask(node: Node, operation: Operation) -> Outcome:
    (outcome,) = await ask_each([(node, operation)])
    return outcome
