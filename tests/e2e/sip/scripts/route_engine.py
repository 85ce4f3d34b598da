"""A routing script that engages the route engine, with each field set."""

from __future__ import annotations

from rtp_relay.routing import Request, on_request


@on_request
def route(request: Request) -> None:
    """Set everything for new calls, and engage."""
    if request.method == "INVITE" and not request.has_totag:
        request.rtp_relay_ctx.flags = "of-context"
        request.rtp_relay_ctx.delete = "context-delete"
        request.rtp_relay.set(
            flags="of-caller",
            peer="peer-of-caller",
            ip="198.51.100.1",
            type="RTP",
            iface="priv",
            delete="callers-delete",
        )
        request.rtp_relay_peer.set(
            flags="of-callee",
            peer="peer-of-callee",
            ip="198.51.100.2",
            type="SRTP",
            iface="pub",
            delete="callees-delete",
        )
        request.rtp_relay_engage("route", "own")
    request.relay()
