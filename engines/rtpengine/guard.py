"""What an rtpengine leaves as it is in a session description, kept from going past it (seen on 10.5.3).

It relays every UDP stream but `m=message`, and gives ICE candidates of its own. It knows nothing of TCP: such a stream
comes back with the party's own address and port, as do attributes that name alternative addresses, and those of ICE and
RTCP that are written in any other way than their RFCs have them. What else may be so, in whichever release, is found in
what it gives back.
"""

from __future__ import annotations

from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode
from engines.reply import NodeReply, refused
from engines.sdp.detours import ALTERNATIVES, detours, unfamiliar, without
from engines.sdp.glance import usual_hosts
from engines.sdp.lines import SdpError
from engines.sdp.passed import passed
from engines.sdp.rewrite import with_own_connections
from engines.sdp.session import parse
from engines.sdp.tcp import TcpStreams, is_tcp, without_tcp


def narrowed(request: NgDict, tcp_streams: TcpStreams, *, alone: bool) -> NgDict:
    """Return the request with an SDP in which only what the node relays is live, and what is to go past it.

    alone: whether there need be no other stream. Raises SdpError, and Untranslatable.
    """
    return request if usual_hosts(_sdp_of(request)) else narrowed_by_lines(request, tcp_streams, alone=alone)


def narrowed_by_lines(request: NgDict, tcp_streams: TcpStreams, *, alone: bool) -> NgDict:
    """Do what `narrowed` does, line by line."""
    told = parse(_sdp_of(request))
    sdp = parse(without(told, [*detours(told, ALTERNATIVES), *unfamiliar(told)]))
    kept = without_tcp(sdp, tcp_streams, alone=alone)
    over_tcp = {stream.number for stream in kept.streams if stream.is_live and is_tcp(stream)}
    # The node changes the session's c= line, which a stream that it leaves alone must not rely on.
    return {**request, b"sdp": with_own_connections(kept, over_tcp)}


def verified(request: NgDict, reply: NodeReply) -> NodeReply:
    """Return the reply; a refusal if the node gave a stream back as the party had it, and was not asked to."""
    flags = request.get(b"flags")
    if isinstance(flags, list) and b"loop-protect" in flags:
        return reply  # what the node has relayed before is to come back as it is
    hosts, given = usual_hosts(_sdp_of(request)), usual_hosts(reply.sdp)
    if hosts and given and hosts.isdisjoint(given):
        return reply
    return verified_by_lines(request, reply)


def verified_by_lines(request: NgDict, reply: NodeReply) -> NodeReply:
    """Do what `verified` does, line by line, where the node was not asked to give streams back."""
    try:
        numbers = passed(parse(_sdp_of(request)), parse(reply.sdp))
    except SdpError as error:
        return refused(f"What the node gave is no session description: {error}")
    if numbers:
        why = f"The node does not relay stream {numbers[0]}, and gave it back as it was"
        return refused(why, RefusalCode.NOT_ACCEPTABLE)
    return reply


def _sdp_of(message: NgDict) -> bytes:
    sdp = message.get(b"sdp")
    return sdp if isinstance(sdp, bytes) else b""
