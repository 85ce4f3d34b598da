"""The 100 to an INVITE, made as cheaply as can be: each INVITE gets one at once."""

from __future__ import annotations

from sipmessage import Request

from gateways.sip.messages.text import to_bytes

_COPIED = ("Via", "From", "To", "Call-ID", "CSeq", "Timestamp")


def trying(invite: Request) -> bytes:
    """Return the 100 to an INVITE (RFC 3261 8.2.6, 17.2.1)."""
    headers = invite.headers
    lines = ["SIP/2.0 100 Trying"]
    for name in _COPIED:
        for value in headers.getlist(name):
            lines.append(f"{name}: {value}")  # noqa: PERF401 a comprehension in a loop costs more than it saves
    lines.append("Content-Length: 0\r\n\r\n")
    return to_bytes("\r\n".join(lines))
