"""The events of how the media of a call were, as its nodes counted them."""

from __future__ import annotations

from typing import ClassVar

from events.event import Event
from events.names import CALLEE, CALLER, NO_TAG, Leg, NodeName, Tag
from events.values import value


@value
class MeasuredStream:
    """What a node counted of one stream of one party: a leg's audio, say. None and "" where the node does not tell.

    party: its tag. medium: which m= line it is, from 1. kind: its media type, such as "audio".
    packets, octets: RTP that came from the party. errors: packets of those that the node could not use.
    packets_sent, octets_sent: RTP that went to the party.
    lost: packets of the party's that did not reach the other one, by RTCP's cumulative count. jitter: ms, on average.
    mos: the mean opinion score in tenths (42 is 4.2), the lowest, the average and the highest. round_trip: us, on
    average, from one party to the other and back. ssrcs: the synchronisation sources of the packets that came from it.
    one_way: nothing came from this party, though it had agreed to send, and the other one was heard for long enough.
    """

    party: Tag
    packets: int
    octets: int | None = None
    ssrcs: tuple[int, ...] = ()
    medium: int = 1
    kind: str = "audio"
    errors: int = 0
    packets_sent: int | None = None
    octets_sent: int | None = None
    lost: int | None = None
    jitter: int | None = None
    mos: tuple[int, int, int] | None = None
    round_trip: int | None = None
    one_way: bool = False


@value(kw_only=True)
class MediaMeasured(Event):
    """A node told how the media of a session were, or are: each stream of each party's leg.

    from_tag: the caller's tag among those of `measured`; "" if none of them is known to be. final: it is the node's
    last word on them; otherwise they go on, and a later word counts in place of this one.
    """

    name: ClassVar[str] = "media measured"

    session: int
    node: NodeName
    from_tag: Tag = NO_TAG
    measured: tuple[MeasuredStream, ...]
    final: bool = True

    def leg(self, stream: MeasuredStream) -> Leg:
        """Return whose leg a stream is of."""
        return CALLER if stream.party == self.from_tag else CALLEE
