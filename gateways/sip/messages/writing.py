"""Messages to bytes."""

from __future__ import annotations

from sipmessage import Request

from gateways.sip.messages.incoming import Message
from gateways.sip.messages.text import to_bytes


def write(message: Message) -> bytes:
    """Return the bytes of a message: what was read of another one comes out as it came in (RFC 3261 7)."""
    if isinstance(message, Request):
        start = f"{message.method} {message.uri} SIP/2.0"
    else:
        start = f"SIP/2.0 {message.code} {message.phrase}"
    return to_bytes(f"{start}\r\n{message.headers}") + message.body
