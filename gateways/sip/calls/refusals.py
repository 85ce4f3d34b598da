"""What a SIP peer is told when a relay could not do what a message needs."""

from __future__ import annotations

import random

from actors import replies
from gateways.sip.proxy.hooks import RefusalError

RETRY_AFTER = (2, 10)
"""Seconds after which a caller may try again; each is told another number, lest they all come back at once."""

_UNAVAILABLE = (replies.LOAD_LIMIT, "Ran out of ports", "Parallel session limit reached", "No node of set", "Node ")


def refusal(reason: str) -> RefusalError:
    """Give the refusal for a relay's reason: 503 where another try may help, 481, or 500 for all else."""
    if reason.startswith(_UNAVAILABLE):
        return unavailable(f"Relay: {reason}")
    if reason.startswith(replies.UNKNOWN_CALL):
        return RefusalError(481, "Call/Transaction Does Not Exist")
    return RefusalError(500, _phrase(f"Relay: {reason}"))


def unavailable(why: str) -> RefusalError:
    """Give a 503 that says when to try again."""
    return RefusalError(503, _phrase(why), [("Retry-After", str(random.randint(*RETRY_AFTER)))])


def _phrase(text: str) -> str:
    """Make a reason phrase: one line, no longer than people read."""
    return " ".join(text.split())[:120]
