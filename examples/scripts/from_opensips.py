"""An OpenSIPS script's routes as functions: docs/from-opensips.md has both side by side.

New calls ring at the callee's desk and mobile phone at once, with other flags for each; where neither answers, voice
mail takes them. All media go through the rtpproxies of set 1.
"""

from __future__ import annotations

from rtp_relay.routing import Branch, Failure, Reply, Request, on_request

DESK = "sip:desk.example.org"
MOBILE = "sip:mobile.example.org"
VOICE_MAIL = "sip:voicemail.example.org"


@on_request
def route(request: Request) -> None:
    """Let what belongs to a dialog go its way, and relay new calls."""
    if request.has_totag:
        request.relay()
        return
    if request.method == "INVITE":
        new_call(request)
    request.relay()


def new_call(request: Request) -> None:
    """Engage the relay, and ring at both phones."""
    request.rtp_relay = "co"
    request.rtp_relay_peer = "co"
    request.rtp_relay_engage("rtpproxy", 1)

    request.append_branch(f"sip:{request.user}@desk.example.org", next_hop=DESK)
    request.append_branch(f"sip:{request.user}@mobile.example.org", next_hop=MOBILE)
    request.rtp_relay[1] = "cor"

    request.on_branch = leaves
    request.on_reply = answered
    request.on_failure = missed


def leaves(branch: Branch) -> None:
    """Change what is this branch's alone."""
    if branch.index == 1:
        branch.rtp_relay_peer.flags = "cow"
        branch.headers.set("Alert-Info", "<urn:alert:source:external>")


def answered(reply: Reply) -> None:
    """Reach a callee behind a NAT where its answers come from."""
    if reply.branch.index == 1:
        reply.fix_contact()


def missed(failure: Failure) -> None:
    """Let voice mail have the call, once; its own failure is the caller's answer."""
    if failure.status in (408, 480, 486) and 2 not in failure.statuses:
        failure.append_branch(f"sip:{failure.request.user}@voicemail.example.org", next_hop=VOICE_MAIL)
        failure.rtp_relay[2] = "cor"
        failure.relay()
