"""SRTP to RTP by `type`: callers over TLS use SRTP, the gateway behind us does not; the relay turns one into the other.

`type` says which transport a leg uses, so it is what the SDP for this leg is made to be, offer or answer.
"""

from __future__ import annotations

from rtp_relay.routing import Request, on_request

GATEWAY = "sip:gateway.example.org"


@on_request
def route(request: Request) -> None:
    """Encrypt on the side of who came over TLS, and nowhere else."""
    if request.method != "INVITE" or request.has_totag:
        request.relay()
        return
    if request.source.transport != "tls":
        request.reply(403, "Calls Come Over TLS Here")
        return
    request.rtp_relay_engage("rtpengine")
    request.rtp_relay.type = "RTP/SAVP"
    request.rtp_relay_peer.type = "RTP/AVP"
    # Keys in the SDP (SDES), not DTLS: the phones know nothing else.
    request.rtp_relay.peer = "DTLS=off"
    # What the relay adds to an SDP can change where the SDP itself does not: then it needs a new version.
    request.rtp_relay_ctx.flags = "replace-SDP-version"
    request.relay(GATEWAY)
