"""The events of a call that moves to another node: wanted, told to its parties, done, or taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from events.event import Event
from events.names import NO_NODE, NO_TAG, Leg, NodeName, Tag
from events.values import value


@value(kw_only=True)
class MigrationIntended(Event):
    """A call is to move: to a session of its own elsewhere, of which its parties are told by requests of ours.

    migration: counts the moves of a call from 1. leaves: the session that it has, 0 where none is left. callee_tag:
    names the dialog whose parties are told. engine, set, node: where to; `node` is "" for any node of the set, and
    `engine` and `set` of an early move are where they stay those of the branch that is answered. avoid: the node that
    it is never to be on, "" for none. method: of the requests. caller, callee: settings of the legs that change with
    the move, by name. waits: it moves later, when the call is offered something next, since no dialog is
    known; or, if it is `early`, when the call is answered (MigrationBegun). asked_by, reason: for people. job: the one
    that wants it, "" for none.
    """

    name: ClassVar[str] = "migration intended"

    migration: int
    leaves: int = 0
    callee_tag: Tag = NO_TAG
    engine: str
    set: str
    node: NodeName = NO_NODE
    avoid: NodeName = NO_NODE
    method: str = "INVITE"
    caller: Mapping[str, str] = field(default_factory=dict)
    callee: Mapping[str, str] = field(default_factory=dict)
    waits: bool = False
    early: bool = False
    asked_by: str = ""
    reason: str = ""
    job: str = ""


@value(kw_only=True)
class MigrationBegun(Event):
    """A call that was to move when it is answered is: its parties are told in the dialog of `callee_tag`.

    leaves: the session that they have, 0 for none.
    """

    name: ClassVar[str] = "migration begun"

    migration: int
    leaves: int
    callee_tag: Tag


@value(kw_only=True)
class LegMoved(Event):
    """A party has taken what it was `given` of `session`.

    `answer` is what it said, where that is something else than it had agreed on before, apart from its `o=` line.
    """

    name: ClassVar[str] = "leg moved"
    secret: ClassVar[tuple[str, ...]] = ("given", "answer")

    migration: int
    session: int
    leg: Leg
    given: bytes
    answer: bytes = b""


@value(kw_only=True)
class MigrationTurnedBack(Event):
    """A party did not come along: both are brought back to the session that the call was to leave."""

    name: ClassVar[str] = "migration turned back"

    migration: int
    reason: str


@value(kw_only=True)
class MigrationCompleted(Event):
    """A call has moved. `left_out` is what the old session had and the new one has not: copies, a recording."""

    name: ClassVar[str] = "migration completed"

    migration: int
    session: int
    left_out: tuple[str, ...] = ()


@value(kw_only=True)
class MigrationFailed(Event):
    """A call has not moved, and why."""

    name: ClassVar[str] = "migration failed"

    migration: int
    reason: str
