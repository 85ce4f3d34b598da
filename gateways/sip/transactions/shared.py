"""What all transactions of a layer have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateways.sip.addresses import Hop
from gateways.sip.transactions.alarms import Alarms, Loop
from gateways.sip.transactions.counters import TransactionCounters
from gateways.sip.transactions.machine import Pacing, TransactionEvent, pacing
from gateways.sip.transactions.timers import Timers

_PROVISIONAL: Final = TransactionEvent.PROVISIONAL
_SUCCESS: Final = TransactionEvent.SUCCESS
_FAILURE: Final = TransactionEvent.FAILURE

Send: TypeAlias = Callable[[bytes, Hop, Callable[[str], None] | None], None]
"""Sends a message; calls what it is given, with the reason, if it finds that it cannot."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What transactions need of the world. lossy, reliable: how long timers run over the two kinds of transports."""

    send: Send
    loop: Loop
    alarms: Alarms
    counters: TransactionCounters
    lossy: Pacing
    reliable: Pacing

    def pacing(self, hop: Hop) -> Pacing:
        """Return how long timers run for messages that travel this hop."""
        return self.reliable if hop.transport.reliable else self.lossy


def shared(send: Send, timers: Timers, loop: Loop) -> Shared:
    """Make what transactions need of the world."""
    lossy, reliable = pacing(timers, reliable=False), pacing(timers, reliable=True)
    return Shared(send, loop, Alarms(loop, timers.grain), TransactionCounters(), lossy, reliable)


def event_of(status: int) -> TransactionEvent:
    """Return the event that a response is."""
    if status < 200:
        return _PROVISIONAL
    return _SUCCESS if status < 300 else _FAILURE
