"""The route engine: functions of this file in place of a relay.

The same file is named twice in the configuration: as the routing script, and as the script of `[route]`. Here the
functions leave the media alone and only keep the caller's video out of calls to the gateway; a real one would speak to
a media server of its own (docs/route-engine.md).
"""

from __future__ import annotations

from rtp_relay import DeleteParameters, OfferParameters
from rtp_relay.routing import Request, on_request


@on_request
def route(request: Request) -> None:
    """Engage the route engine for each new call. Its flags are whatever the functions below make of them."""
    if request.method == "INVITE" and not request.has_totag:
        request.rtp_relay_engage("route")
        request.rtp_relay.flags = "no-video"
        request.rtp_relay_ctx.delete = f"call of {request.user}"
    request.relay()


async def rtp_relay_offer(call: OfferParameters) -> tuple[bytes, str]:
    """Return the SDP for the other side, and the name by which this session is known later."""
    body = call["body"]
    if "no-video" in call.get("flags", "").split():
        body = without_video(body)
    return body, f"{call['callid']} {call['from_tag']}"


async def rtp_relay_delete(call: DeleteParameters) -> None:
    """End the session. There is nothing to end here; a delete may come more than once."""


def without_video(sdp: bytes) -> bytes:
    """Return an SDP whose video streams are refused: port 0 (RFC 3264 6)."""
    lines = sdp.split(b"\r\n")
    for number, line in enumerate(lines):
        if line.startswith(b"m=video "):
            words = line.split(b" ")
            lines[number] = b" ".join([words[0], b"0", *words[2:]])
    return b"\r\n".join(lines)
