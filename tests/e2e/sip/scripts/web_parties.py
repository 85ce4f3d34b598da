"""A routing script that engages a relay between parties of which X-Web names those with ICE, and X-Profile theirs."""

from __future__ import annotations

from rtp_relay.routing import Request, on_request


@on_request
def route(request: Request) -> None:
    """Engage rtpengine, and say what each party wants."""
    if request.method == "INVITE" and not request.has_totag:
        request.rtp_relay_engage("rtpengine")
        for leg, settings in (("caller", request.rtp_relay), ("callee", request.rtp_relay_peer)):
            has_ice = leg in request.headers.get("X-Web", "").split()
            settings.type = request.headers.get("X-Profile", "") if has_ice else "RTP/AVP"
            settings.peer = "ICE=force rtcp-mux-offer" if has_ice else "ICE=remove rtcp-mux-demux"
    request.relay()
