"""A routing script for parties of different address families: X-Families names the callee's and the caller's."""

from __future__ import annotations

from rtp_relay.routing import Request, on_request


@on_request
def route(request: Request) -> None:
    """Engage the relay that a new call's INVITE asks for."""
    if request.method == "INVITE" and not request.has_totag:
        request.rtp_relay_engage(request.headers.get("X-Engine"))
        if families := request.headers.get("X-Families"):
            of_callee, of_caller = families.split()
            # What a leg sends is written for the other one.
            request.rtp_relay.flags = f"address-family={of_callee}"
            request.rtp_relay_peer.flags = f"address-family={of_caller}"
    request.relay()
