"""What is decided about nodes through MI: who asked for it, and what a refusal is there."""

from __future__ import annotations

from collections.abc import Awaitable

from actors.control.steering import Decided, NodeRefusal, NodeRefusalCode
from gateways.mi.jsonrpc import MiError
from gateways.mi.methods import Caller

_REFUSED = {
    NodeRefusalCode.UNKNOWN: (404, "node not found"),
    NodeRefusalCode.EXISTS: (409, "node exists"),
    NodeRefusalCode.INVALID: (400, "bad node"),
    NodeRefusalCode.HAS_CALLS: (409, "node has calls"),
    NodeRefusalCode.OVERTAKEN: (409, "node changed meanwhile"),
}


def asked_by(caller: Caller) -> str:
    """Return who asks, and by which way, for the journal."""
    return caller.name if "(" in caller.name else f"{caller.name} (MI)"


async def decide(work: Awaitable[Decided]) -> Decided:
    """Wait for a decision. Raises MiError if it is refused."""
    try:
        return await work
    except NodeRefusal as refusal:
        code, message = _REFUSED[refusal.code]
        raise MiError(code, message, str(refusal)) from refusal
