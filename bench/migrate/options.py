"""What the bench of moves is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Engine(StrEnum):
    """The kind of both relays."""

    RTPENGINE = "rtpengine"
    RTPPROXY = "rtpproxy"


class Media(StrEnum):
    """How media are carried: as they are, or as SRTP with keys in the SDP (RFC 4568)."""

    PLAIN = "plain"
    SDES = "sdes"


class Nat(StrEnum):
    """What stands between each party and the relays (RFC 4787).

    SYMMETRIC: each address that a party sends to sees it at another one, and nobody else reaches it there. CONE: all
    see it at the same address, and reach it there. With either the address in its SDP reaches nobody.
    """

    NONE = "none"
    CONE = "cone"
    SYMMETRIC = "symmetric"


class How(StrEnum):
    """How the planned moves are asked for: by a drain of the node, or each call by itself, to the other node."""

    DRAIN = "drain"
    SINGLY = "singly"


class Part(StrEnum):
    """The parts of a run, in their order: nothing moves; all move to the other node; that one is killed."""

    CONTROL = "control"
    PLANNED = "planned"
    KILLED = "killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """The command line.

    control: seconds in which nothing moves. rate: planned moves begun a second, of which `in_flight` are under way at
    most. pace: moves begun a second under the policy of a node that is down. ping_every: seconds between pings of one.
    """

    engines: tuple[Engine, ...] = tuple(Engine)
    media: tuple[Media, ...] = tuple(Media)
    nats: tuple[Nat, ...] = (Nat.NONE, Nat.SYMMETRIC)
    parts: tuple[Part, ...] = tuple(Part)
    how: How = How.DRAIN
    calls: int = 50
    control: float = 5.0
    rate: float = 100.0
    in_flight: int = 20
    pace: float = 200.0
    ping_every: float = 0.2
