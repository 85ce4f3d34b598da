"""What the SIP bench is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bench.options import DeleteReply, Durability, Relays


class Way(StrEnum):
    """What the calls go through; `DIRECT` is nothing: what SIPp itself takes.

    `FLOOR` is woken as the door is, and does nothing else (bench/sip/floor); the others are the same without some of
    these wake-ups, to tell what they take.
    """

    DIRECT = "direct"
    DOOR = "door"
    KAMAILIO = "kamailio"
    FLOOR = "floor"
    FLOOR_WITHOUT_REDIS = "floor-without-redis"
    FLOOR_WITHOUT_RELAY = "floor-without-relay"
    FLOOR_WITHOUT_BOTH = "floor-without-both"


@dataclass(frozen=True, slots=True, kw_only=True)
class SipOptions:
    """The command line.

    rates: calls a second, one after the other. seconds: for how long calls are placed at each. hold: ms from the ACK
    to the BYE. warm_up: seconds of calls at the rate, before each measurement, which do not count. workers: how many
    the service has.
    """

    ways: tuple[Way, ...] = (Way.DIRECT, Way.DOOR, Way.KAMAILIO, Way.FLOOR)
    relays: tuple[Relays, ...] = tuple(Relays)
    rates: tuple[int, ...] = (25, 50, 100, 200, 400)
    seconds: float = 10.0
    hold: int = 0
    warm_up: float = 1.0
    delete_reply: DeleteReply = DeleteReply.FULL
    durability: Durability = Durability.MEMORY
    workers: int = 1
