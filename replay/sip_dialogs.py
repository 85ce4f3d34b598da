"""What is known of a call's SIP dialogs so that requests of our own can be sent in them.

To each party of a dialog, a request of ours looks as if its peer had sent it, with the CSeq after the peer's last. From
then on that peer's requests have to pass with higher CSeqs than it gave them, and the replies to them with lower ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile

from events.names import CALLEE, CALLER, Leg, Tag
from replay.offer_answer import SipMessage

OF_ANOTHER = ("ACK", "CANCEL")
"""Requests that have the CSeq of the INVITE that they belong to."""

NEGOTIATING = ("INVITE", "UPDATE", "PRACK")
"""Requests that offer and answer, so that another one may have to wait for their final response."""

WITH_TIMER = ("INVITE", "UPDATE")
"""Requests whose 2xx says after how long the session ends without a refresh (RFC 4028 7.2, 7.4)."""


@dataclass(frozen=True, slots=True)
class Party:
    """How a party is reached; the fields are those of PartyLearned."""

    uri: str
    contact: str = ""
    routes: tuple[str, ...] = ()
    local: str = ""
    source: str = ""
    takes_update: bool = False


@dataclass(frozen=True, slots=True)
class Ends:
    """The two parties of a dialog, with their tags."""

    caller_tag: Tag
    caller: Party
    callee_tag: Tag
    callee: Party


@dataclass(slots=True)
class CSeqs:
    """The CSeqs of the requests that a party sends in a dialog.

    last: the highest that it gave itself, -1 for none. insertions: where a request of ours went in: after which CSeq
    of the party's own, and what is added to those above it since.
    """

    last: int = -1
    insertions: list[tuple[int, int]] = field(default_factory=list)

    @property
    def next(self) -> int:
        """The CSeq that a request of ours has now; never 0, which a peer might take for none."""
        return max(self.last + self.shift(self.last + 1) + 1, 1)

    def copy(self) -> CSeqs:
        """Return one that can be changed without this one."""
        return CSeqs(self.last, self.insertions)

    def shift(self, cseq: int) -> int:
        """Return what is added to the CSeq of a request of the party's, and subtracted from those of its replies."""
        return max((shift for after, shift in self.insertions if after < cseq), default=0)

    def insert(self, cseq: int) -> None:
        """Record that a request of ours has this CSeq: the party's next one gets a higher one."""
        self.insertions = [
            *takewhile(lambda known: known[0] < self.last, self.insertions),
            (self.last, cseq - self.last),
        ]


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """A request of our own that has not ended. `ends` is None where its dialog was not known.

    leg: whom it goes to. tag: the callee's. at: when it was intended, ms since the epoch.
    """

    leg: Leg
    tag: Tag
    method: str
    cseq: int
    reason: str
    at: int
    ends: Ends | None


@dataclass(slots=True)
class SipDialogs:
    """The SIP side of a call. Times are ms since the epoch.

    parties: by leg and own tag, the last one learned at the end. sequences: by the leg that sends the requests and the
    callee's tag. callers_tag: that of who began the call, None where no INVITE told. requests: those of ours that have
    not ended. expires_at: when the session ends without a refresh, 0 for never; refreshed_at: when it had its last one.
    heard_at: when one of the parties was last heard of. awaiting: requests that negotiate and have no final response,
    by leg, callee's tag and method: the CSeq, and since when. unacknowledged: since when the ACK of a dialog's 2xx is
    missing, by the callee's tag; only of those that came about while another dialog was there (RFC 3261 13.2.2.4).
    variables: the routing script's. over: the call has ended; a Call-ID that comes back begins anew. former: the
    callers' tags of the calls before this one.
    origins: the version (`o=`) of the session description that a request of ours had last, by leg and callee's tag.
    uris: of the party of each leg that was learned last, also after the end.
    """

    parties: dict[tuple[Leg, Tag], Party] = field(default_factory=dict)
    sequences: dict[tuple[Leg, Tag], CSeqs] = field(default_factory=dict)
    requests: dict[int, OwnRequest] = field(default_factory=dict)
    last_request: int = 0
    expires_at: int = 0
    refreshed_at: int = 0
    heard_at: int = 0
    awaiting: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    over: bool = False
    callers_tag: Tag | None = None
    unacknowledged: dict[str, int] = field(default_factory=dict)
    former: frozenset[Tag] = frozenset()
    origins: dict[tuple[Leg, Tag], int] = field(default_factory=dict)
    uris: dict[Leg, str] = field(default_factory=dict)

    def shift(self, leg: Leg, callee_tag: Tag, cseq: int) -> int:
        """Return what is added to the CSeq of a request that this leg sends in the dialog of this callee.

        It is subtracted from the CSeq of the replies.
        """
        sequence = self.sequences.get((leg, callee_tag))
        return sequence.shift(cseq) if sequence else 0

    def next_cseq(self, to_leg: str, callee_tag: Tag) -> int:
        """Return the CSeq that a request of ours to this leg has now: the next one of its peer's."""
        pending = [one.cseq for one in self.requests.values() if (one.leg, one.tag) == (to_leg, callee_tag)]
        following = self.sequences.get((other(Leg(to_leg)), callee_tag), CSeqs()).next
        return max([following, *(cseq + 1 for cseq in pending)])  # a call anew has only the requests of the one before

    def ends(self, callee_tag: Tag) -> Ends | None:
        """Return the two parties of a callee's dialog; None unless both can be reached."""
        callers = [(tag, party) for (leg, tag), party in self.parties.items() if leg == CALLER]
        callee = self.parties.get((CALLEE, callee_tag))
        if not callers or callee is None or not (callers[-1][1].contact and callee.contact):
            return None
        return Ends(*callers[-1], callee_tag, callee)

    def ends_of_requests(self, callee_tag: Tag) -> Ends | None:
        """Return the two parties of a dialog in which a request of ours has not ended, as they were then."""
        return next((request.ends for request in self.requests.values() if request.tag == callee_tag), None)

    def begun_anew(self) -> SipDialogs:
        """Return the signalling of a new call with the same Call-ID, the requests of the old one still to be ended."""
        former = self.former if self.callers_tag is None else self.former | {self.callers_tag}
        return SipDialogs(requests=dict(self.requests), last_request=self.last_request, former=former)

    def learn(self, leg: Leg, tag: Tag, party: Party) -> None:
        """Record how a party is reached."""
        self.parties.pop((leg, tag), None)
        self.parties[leg, tag] = party
        self.uris[leg] = party.uri

    def hear(self, message: SipMessage, at: int, expires: int) -> None:
        """Record a party's message, with the CSeq that its sender, or the one whom it replies to, gave it."""
        if self.over:
            return
        if message.begins_call and message.from_caller and self.callers_tag is None:
            self.callers_tag = message.from_tag
        self._count(message)
        self.heard_at = at
        if message.status is None and message.from_caller:
            self.unacknowledged.pop(message.callee_tag, None)
        if message.method in WITH_TIMER and message.status is not None and 200 <= message.status < 300:
            self.expires_at, self.refreshed_at = at + expires * 1000 if expires else 0, at

    def track(self, message: SipMessage, at: int) -> None:
        """Record that a dialog's request awaits its final response, or has it. Not for one that is refused at once."""
        key = (message.requester, message.callee_tag, message.method)
        if message.method not in NEGOTIATING or not message.callee_tag:
            return
        if message.status is None:
            self.awaiting[key] = (message.cseq, at)
        elif message.status >= 200 and key in self.awaiting and self.awaiting[key][0] == message.cseq:
            del self.awaiting[key]

    def _count(self, message: SipMessage) -> None:
        key = (message.requester, message.callee_tag)
        if not message.callee_tag or message.method in OF_ANOTHER:
            return
        if message.status is None:
            sequence = self.sequences.setdefault(key, CSeqs())
            sequence.last = max(sequence.last, message.cseq)
        elif not message.failed and message.requester is CALLER and message.method == "INVITE":
            self.sequences.setdefault(key, CSeqs(message.cseq))  # that of the initial INVITE, which had no tag yet

    def intend(self, number: int, request: OwnRequest) -> None:
        """Record that a request of our own is about to be sent."""
        self.requests[number] = request
        self.last_request = number
        self.sequences.setdefault((other(request.leg), request.tag), CSeqs()).insert(request.cseq)

    def conclude(self, number: int, status: int, at: int) -> None:
        """Record that a request of our own has ended; a response shows that its party is there."""
        self.requests.pop(number, None)
        if self.over:
            self.end()
        elif status:
            self.heard_at = at

    def end(self) -> None:
        """Record that the call has ended: nothing stays but what its last messages need.

        These are requests of ours that have not ended, and a BYE that comes again, if it needs another CSeq.
        """
        self.over = True
        self.expires_at = self.refreshed_at = 0
        self.awaiting, self.unacknowledged = {}, {}
        self.variables = {}
        if not self.requests and not any(sequence.insertions for sequence in self.sequences.values()):
            self.parties, self.sequences = {}, {}


def other(leg: Leg) -> Leg:
    """Return the other leg."""
    return CALLEE if leg == CALLER else CALLER
