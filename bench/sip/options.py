"""What the SIP bench is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bench.options import DeleteReply, Durability, Relays


class Way(StrEnum):
    """What the calls go through; `DIRECT` is nothing: what SIPp itself takes."""

    DIRECT = "direct"
    DOOR = "door"
    KAMAILIO = "kamailio"


@dataclass(frozen=True, slots=True, kw_only=True)
class SipOptions:
    """The command line.

    rates: calls a second, one after the other. seconds: for how long calls are placed at each. hold: ms from the ACK
    to the BYE. warm_up: seconds of calls at the rate, before each measurement, which do not count. workers: how many
    the service has.
    """

    ways: tuple[Way, ...] = tuple(Way)
    relays: tuple[Relays, ...] = tuple(Relays)
    rates: tuple[int, ...] = (25, 50, 100, 200, 400)
    seconds: float = 10.0
    hold: int = 0
    warm_up: float = 1.0
    delete_reply: DeleteReply = DeleteReply.FULL
    durability: Durability = Durability.MEMORY
    workers: int = 1
