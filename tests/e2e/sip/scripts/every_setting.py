"""A routing script that gives each field of the legs' and the context's settings a value of its own.

Where the INVITE is forked (X-Fork), each branch has settings of its own by its index instead.
"""

from __future__ import annotations

from rtp_relay.routing import Request, on_request


@on_request
def route(request: Request) -> None:
    """Set everything for new calls, and engage the relay that the INVITE asks for."""
    if request.method == "INVITE" and not request.has_totag:
        engine = request.headers.get("X-Engine")
        if fork := request.headers.get("X-Fork"):
            set_by_index(request, fork)
        elif engine == "rtpproxy":
            set_letters(request)
        else:
            set_words(request)
        request.rtp_relay_engage(engine)
    request.relay()


def set_by_index(request: Request, fork: str) -> None:
    """Set something for all branches, and something else for the second one, both ways that the documentation has."""
    request.append_branch(request.uri)
    request.append_branch(fork)
    request.rtp_relay = "of-caller"
    request.rtp_relay_peer.peer = "of-all"
    request.rtp_relay[1] = "of-b"
    request.rtp_relay[1].peer = "of-branch-1"


def set_words(request: Request) -> None:
    """Set what an rtpengine understands."""
    request.rtp_relay_ctx.flags = "of-context"
    request.rtp_relay_ctx.delete = "context-delete"
    request.rtp_relay = "callers-flag"
    request.rtp_relay.set(peer="callers-peer", iface="priv", ip="198.51.100.1", delete="callers-delete")
    callee = request.rtp_relay_peer
    callee.flags, callee.peer, callee.iface = "callees-flag", "callees-peer", "pub"
    callee.ip, callee.type, callee.delete = "198.51.100.2", "RTP/AVP", "callees-delete"


def set_letters(request: Request) -> None:
    """Set what an rtpproxy understands."""
    request.rtp_relay_ctx.flags = "o"
    request.rtp_relay.set(flags="r", peer="z20", iface="internal", ip="198.51.100.1")
    request.rtp_relay_peer.set(flags="s", peer="a", iface="external", ip="198.51.100.2", type="z30")
