"""A parallel fork: the desk phone and the browser of each user ring together, with other flags for each.

The desk phone speaks plain RTP; the browser needs DTLS-SRTP and ICE. Who answers first has the call: the other branch
is cancelled, and what the relay had for it is freed at once.
"""

from __future__ import annotations

from rtp_relay.routing import Branch, Request, on_branch, on_request

DESK_PHONES = "sip:phones.example.org"
BROWSERS = "sip:browsers.example.org;transport=tls"


@on_request
def route(request: Request) -> None:
    """Fork new calls; what belongs to a dialog goes to whom it is for."""
    if request.method == "INVITE" and not request.has_totag:
        fork(request)
    request.relay()


def fork(request: Request) -> None:
    """Return both branches a relay, and each callee its flags."""
    request.rtp_relay_engage("rtpengine")
    # Inherited by all branches that have none of their own.
    request.rtp_relay_peer.flags = "trust-address"
    # What the relay adds to an SDP can change where the SDP itself does not: then it needs a new version.
    request.rtp_relay_ctx.flags = "replace-SDP-version"

    # The index that append_branch gives is the one of rtp_relay: $(rtp_relay[1]) of an OpenSIPS script.
    request.append_branch(f"sip:{request.user}@phones.example.org", next_hop=DESK_PHONES)
    browser = request.append_branch(f"sip:{request.user}@browsers.example.org", next_hop=BROWSERS)
    request.rtp_relay[browser].type = "UDP/TLS/RTP/SAVPF"
    request.rtp_relay[browser].peer = "ICE=force"


@on_branch
def leaves(branch: Branch) -> None:
    """Add the reason to this branch's request. What is changed here is changed in this branch alone."""
    if branch.index == 0 and not branch.request.has_totag:
        branch.headers.set("Alert-Info", "<urn:alert:source:internal>")
