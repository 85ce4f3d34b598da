"""What is known of one dialog: its INVITE under way, its open offer, what is agreed on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from events.names import BranchId, Leg, Tag
from events.verdict import Fault
from replay.offer_answer.message import SipMessage
from replay.offer_answer.place import Place


@dataclass(frozen=True, slots=True)
class OfferAnswerExchange:
    """An offer and its answer. `requester` and `cseq` name the transaction that the offer stands in.

    `leg` made the offer. `offer` and `answer` are digests of the bodies, `answer` is "" until there is one.
    """

    number: int
    place: Place
    requester: Leg
    cseq: int
    leg: Leg
    offer: str
    answer: str = ""

    def body_of(self, leg: Leg) -> str:
        """Return the digest of the body that the leg contributed, "" if none."""
        return self.offer if leg is self.leg else self.answer

    def answered(self, digest: str) -> OfferAnswerExchange:
        """Return it with this answer."""
        return OfferAnswerExchange(self.number, self.place, self.requester, self.cseq, self.leg, self.offer, digest)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "number": self.number,
            "place": self.place.value,
            "requester": self.requester.value,
            "cseq": self.cseq,
            "leg": self.leg.value,
            "offer": self.offer,
            "answer": self.answer,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> OfferAnswerExchange:
        """Read what `to_dict` returned."""
        names = {"place": Place(data["place"]), "requester": Leg(data["requester"]), "leg": Leg(data["leg"])}
        return cls(**{**data, **names})


@dataclass(frozen=True, slots=True)
class Invite:
    """The dialog's latest INVITE that was no mistake.

    `asks`: it came without SDP, and the offer that it asks for has not come; `shown` is a preview of that. `before`:
    what was agreed when it began, to which a failure leads back. `pending`: it has no final reply yet.
    """

    requester: Leg
    cseq: int
    asks: bool
    before: OfferAnswerExchange | None = None
    pending: bool = True
    shown: OfferAnswerExchange | None = None

    def has(self, event: SipMessage) -> bool:
        """Return whether the message is of this INVITE's transaction, or its ACK."""
        return (event.requester, event.cseq) == (self.requester, self.cseq)

    def concluded(self) -> Invite:
        """Return it with its final reply."""
        return Invite(self.requester, self.cseq, asks=False, pending=False)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "requester": self.requester.value,
            "cseq": self.cseq,
            "asks": self.asks,
            "before": _dump(self.before),
            "pending": self.pending,
            "shown": _dump(self.shown),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Invite:
        """Read what `to_dict` returned."""
        parts = {"before": _load(data["before"]), "shown": _load(data["shown"])}
        return cls(**{**data, "requester": Leg(data["requester"]), **parts})


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """The latest request of a sender and method: what tells a retransmission, and what was found of it.

    `digest` is that of its body, `exchange` the one it was a part of (0: none), `fault` what was wrong with it.
    """

    cseq: int
    digest: str
    exchange: int
    fault: Fault = Fault.NONE

    def to_list(self) -> list[int | str]:
        """Return it as plain values."""
        return [self.cseq, self.digest, self.exchange, self.fault.name]

    @classmethod
    def from_list(cls, data: list[Any]) -> SeenRequest:
        """Read what `to_list` returned."""
        cseq, digest, exchange, fault = data
        return cls(cseq, digest, exchange, Fault[fault])


@dataclass(slots=True)
class NegotiatedDialog:
    """One dialog of a call. `count` is how many offers it has seen, `seen` has the latest requests.

    `under`: the initial INVITE's offer, still without its answer, while one that was made beside it is open.
    """

    branch: BranchId
    callee_tag: Tag
    invite: Invite
    open: OfferAnswerExchange | None = None
    under: OfferAnswerExchange | None = None
    agreed: OfferAnswerExchange | None = None
    count: int = 0
    established: bool = False
    ended: bool = False
    seen: dict[str, SeenRequest] = field(default_factory=dict)

    def copy(self) -> NegotiatedDialog:
        """Return one that can be changed without this one."""
        return NegotiatedDialog(
            self.branch,
            self.callee_tag,
            self.invite,
            self.open,
            self.under,
            self.agreed,
            self.count,
            self.established,
            self.ended,
            dict(self.seen),
        )

    @property
    def in_force(self) -> int:
        """The number of the exchange that is agreed on, 0 if none is."""
        return self.agreed.number if self.agreed else 0

    @property
    def answered(self) -> int:
        """The number of the newest exchange that has an answer, be it a preview of it; 0 if none has."""
        return self.open.number if self.open and self.open.answer else self.in_force

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "branch": self.branch,
            "callee_tag": self.callee_tag,
            "invite": self.invite.to_dict(),
            "open": _dump(self.open),
            "under": _dump(self.under),
            "agreed": _dump(self.agreed),
            "count": self.count,
            "established": self.established,
            "ended": self.ended,
            "seen": {key: request.to_list() for key, request in self.seen.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NegotiatedDialog:
        """Read what `to_dict` returned."""
        parts = {
            "invite": Invite.from_dict(data["invite"]),
            "open": _load(data["open"]),
            "under": _load(data["under"]),
            "agreed": _load(data["agreed"]),
            "seen": {key: SeenRequest.from_list(request) for key, request in data["seen"].items()},
        }
        return cls(**{**data, **parts})


def _dump(exchange: OfferAnswerExchange | None) -> dict[str, Any] | None:
    return exchange.to_dict() if exchange else None


def _load(data: dict[str, Any] | None) -> OfferAnswerExchange | None:
    return OfferAnswerExchange.from_dict(data) if data else None
