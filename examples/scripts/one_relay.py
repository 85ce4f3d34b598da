"""One relay for all: every call's media go through the rtpengines of the set "default"."""

from __future__ import annotations

from rtp_relay.routing import Request, on_request


@on_request
def route(request: Request) -> None:
    """Engage the relay for each new call, and let each request go where its Request-URI or Route says."""
    if request.method == "INVITE" and not request.has_totag:
        request.rtp_relay_engage("rtpengine", "default")
        # What holds for the SDP of the caller, and for that of the callees, in the engine's own words.
        request.rtp_relay.flags = "trust-address replace-origin"
        request.rtp_relay_peer.flags = "trust-address replace-origin"
    # From here on nothing is left to do: what is in a dialog finds its way, and the relay is kept up with it.
    request.relay()
