"""Which way each kind of event goes between the parties, the control nodes and the relays."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import singledispatch
from typing import Final

from events import registry as e
from events.names import Leg, NodeName
from events.values import value

CALLER: Final = "caller"
CONTROL: Final = "control"
CALLEE: Final = "callee"


class Direction(StrEnum):
    """From the source to the target, there and back, or nowhere: a note at the source."""

    THERE = "there"
    BOTH = "both"
    NOTE = "note"


@value
class Way:
    """From whom to whom an event went, and what it is called in a few words.

    failed: whether it tells of something that went wrong.
    """

    source: str
    target: str
    label: str
    direction: Direction = Direction.THERE
    failed: bool = False


@dataclass(slots=True)
class Known:
    """What earlier events of a call have told: the node of each session, the session of each copy, requests of ours."""

    nodes: dict[int, NodeName] = field(default_factory=dict)
    copies: dict[str, int] = field(default_factory=dict)
    requests: dict[int, tuple[Leg, str]] = field(default_factory=dict)

    def relays(self) -> list[str]:
        """Return the participants that are relays, in the order in which they came."""
        return list(dict.fromkeys(map(_relay, self.nodes.values())))

    def node(self, session: int) -> str:
        """Return the participant that has a session; the control node where that is not known."""
        node = self.nodes.get(session)
        return CONTROL if node is None else _relay(node)


def _relay(node: NodeName) -> str:
    return f"relay {node}"


@singledispatch
def way(event: e.Event, known: Known) -> Way:  # noqa: ARG001
    """Return which way an event went, and have `known` learn from it. What goes nowhere is a note."""
    return _note(event)


@way.register
def _(event: e.SipMessageSeen, known: Known) -> Way:  # noqa: ARG001
    name = f"{event.status} {event.method}" if event.status else event.method
    label = name if event.sdp is None else f"{name} SDP"
    return Way(CALLER if event.from_caller else CALLEE, CONTROL, label)


@way.register
def _(event: e.SipRequestIntended, known: Known) -> Way:
    known.requests[event.number] = event.leg, event.method
    return Way(CONTROL, event.leg, event.method)


@way.register
def _(event: e.SipRequestEnded, known: Known) -> Way:
    leg, method = known.requests.get(event.number, (Leg.CALLER, ""))
    label = f"{event.status or 'no answer'} {method}".rstrip()
    return Way(leg, CONTROL, label, failed=not 200 <= event.status < 300)


@way.register
def _(event: e.SessionIntended, known: Known) -> Way:
    known.nodes[event.session] = event.node
    return _to(event.session, event.verb, known)


@way.register
def _(event: e.SessionAdopted, known: Known) -> Way:
    known.nodes[event.session] = event.node
    return _from(event.session, event, known)


@way.register
def _(event: e.OfferIntended | e.AnswerIntended, known: Known) -> Way:
    return _to(event.session, event.name.removesuffix(" intended"), known)


@way.register
def _(event: e.Offered | e.MediaSeen | e.Deleted | e.BranchDeleted, known: Known) -> Way:
    return _from(event.session, event, known)


@way.register
def _(event: e.OfferFailed | e.AnswerFailed | e.MediaTimedOut | e.SessionMissing, known: Known) -> Way:
    return _from(event.session, event, known, failed=True)


@way.register
def _(event: e.MediaMeasured, known: Known) -> Way:
    return _from(event.session, event, known, failed=any(stream.one_way for stream in event.measured))


@way.register
def _(event: e.Answered, known: Known) -> Way:
    return _from(event.session, event, known) if event.operation else _both(event.session, "answer", known)


@way.register
def _(event: e.CommandForwarded, known: Known) -> Way:
    return _both(event.session, event.command, known, failed=event.result == "error")


@way.register
def _(event: e.CopyIntended, known: Known) -> Way:
    known.copies[event.copy] = event.session
    return _to(event.session, "copy", known)


@way.register
def _(event: e.CopyOffered | e.CopyDeleted, known: Known) -> Way:
    return _from(known.copies.get(event.copy, 0), event, known)


@way.register
def _(event: e.CopyAnswered, known: Known) -> Way:
    return _both(known.copies.get(event.copy, 0), event.name, known)


@way.register
def _(event: e.CopyDeleteIntended, known: Known) -> Way:
    return _to(known.copies.get(event.copy, 0), "copy delete", known)


@way.register
def _(
    event: e.MigrationFailed
    | e.MigrationTurnedBack
    | e.PartiesNotReached
    | e.CommandRefused
    | e.Quarantined
    | e.TailLost,
    known: Known,  # noqa: ARG001
) -> Way:
    return _note(event, failed=True)


def _note(event: e.Event, *, failed: bool = False) -> Way:
    return Way(CONTROL, CONTROL, event.name, Direction.NOTE, failed)


def _to(session: int, label: str, known: Known) -> Way:
    return Way(CONTROL, known.node(session), label)


def _from(session: int, event: e.Event, known: Known, *, failed: bool = False) -> Way:
    return Way(known.node(session), CONTROL, event.name, failed=failed)


def _both(session: int, label: str, known: Known, *, failed: bool = False) -> Way:
    return Way(CONTROL, known.node(session), label, Direction.BOTH, failed)
