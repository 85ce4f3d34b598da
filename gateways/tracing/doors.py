"""Requests at the doors, as spans: from when they came until they were answered."""

from __future__ import annotations

import re
from collections.abc import Callable

from gateways.handoff.calls import call_of_ng, call_of_sip, is_response, top_branch
from gateways.ng import message as messages
from gateways.ng.cache import key_of
from gateways.sip.addresses import SipTransport
from gateways.tracing.spans import Attributes, Span, Spans, Unanswered

MAX_OPEN = 10_000
"""So many requests at a door may wait for their answers; the span of the oldest is ended for a new one."""

_BENCODED = re.compile(rb"7:command(\d{1,2}):")
_JSON = re.compile(rb'"command"\s*:\s*"([^"\\]{1,40})"')
_CSEQ = re.compile(rb"\ncseq[ \t]*:[ \t]*\d+[ \t]+([A-Z]+)", re.IGNORECASE)
_FAILED = 400

Address = tuple[str, int]
Send = Callable[[bytes], None]
Transaction = tuple[bytes, bytes, bool]
"""A branch, a method, and whether its request left here."""


class NgRequests:
    """Traces the requests about calls at the ng door (gateways.ng.tap.Tap).

    A request that is sent again while it is in work has one span, which ends with the first reply. One without a
    cookie has none, since nobody replies to it.
    """

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._open: Unanswered[bytes] = Unanswered(spans, MAX_OPEN)

    def __call__(self, message: bytes, transport: str, client: Address, door: Address, send: Send) -> Send:
        """Start a span; return what ends it with the reply."""
        del door
        found = call_of_ng(message)
        if found is None or messages.split(message) is None:
            return send
        key = key_of(b"%b %b %d\0" % (transport.encode(), client[0].encode(), client[1]), message)
        if key not in self._open:
            call_id = found.decode("utf-8", "replace")
            attributes = {"transport": transport, "remote": client[0]}
            self._open.add(key, self._spans.request(f"ng {verb_of(message)}", call_id, attributes), call_id)

        def reply(data: bytes) -> None:
            failed = b"12:error-reason" in data or b'"error-reason"' in data
            self._open.end(key, "an error was replied" if failed else "")
            send(data)

        return reply


class SipRequests:
    """Traces the requests that come to the SIP door and that leave it (gateways.sip.transport.settings.Tap).

    What belongs together has one branch in its topmost Via (RFC 3261 17.1.3, 17.2.3).
    """

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._open: Unanswered[Transaction] = Unanswered(spans, MAX_OPEN)

    def __call__(
        self, data: bytes, transport: SipTransport, source: Address, destination: Address, leaves: bool
    ) -> None:
        """Start a span with a request, end it with the final response."""
        method = _method_of(data)
        if not method or method == b"ACK":
            return
        remote = destination if leaves else source
        if is_response(data):
            self._answered((top_branch(data), method, not leaves), data)
            return
        key = top_branch(data), method, leaves
        if key not in self._open:  # else it is sent again
            self._open.add(key, *self._started(key, data, {"transport": transport.value, "remote": remote[0]}))

    def _started(self, key: Transaction, data: bytes, attributes: Attributes) -> tuple[Span, str]:
        _, method, leaves = key
        name, call_id = f"sip {method.decode()}", (call_of_sip(data) or b"").decode("utf-8", "replace")
        start = self._spans.asked if leaves else self._spans.request
        return start(name, call_id, attributes), call_id

    def _answered(self, key: Transaction, data: bytes) -> None:
        status = int(data[8:11]) if data[8:11].isdigit() else 0
        if status >= 200:
            first = data[8:].split(b"\r\n", 1)[0].decode("utf-8", "replace")
            self._open.end(key, first if status >= _FAILED else "")


def verb_of(message: bytes) -> str:
    """Return the command that an ng message asks for, by its bytes; "request" where that cannot be seen."""
    found = _BENCODED.search(message)
    if found is not None:
        return message[found.end() : found.end() + int(found[1])].decode("utf-8", "replace")
    found = _JSON.search(message)
    return found[1].decode("utf-8", "replace") if found is not None else "request"


def _method_of(data: bytes) -> bytes:
    found = _CSEQ.search(data)
    return found[1].upper() if found is not None else b""
