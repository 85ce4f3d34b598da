"""The events of copies (media forking)."""

from __future__ import annotations

from typing import ClassVar

from events.event import Event, RemovalProof
from events.values import value


@value(kw_only=True)
class CopyIntended(Event):
    """A copy of the call's media is about to be asked of the session's node, under the copier's id for it.

    migration: the call's move for which it is made beside the copy of that name that there is, 0 for none; so in the
    events of the next steps.
    """

    name: ClassVar[str] = "copy intended"

    copy: str
    session: int
    flags: str = ""
    legs: tuple[str, ...] = ()
    streams: tuple[int, ...] = ()
    migration: int = 0


@value(kw_only=True)
class CopyOffered(Event):
    """The node offers the copy with `sdp`. `handle` is the node's own name for it.

    layout: what is in each m= line, as `caller:1` for the caller's first stream; empty if the node did not tell.
    """

    name: ClassVar[str] = "copy offered"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    copy: str
    handle: str = ""
    sdp: bytes
    layout: tuple[str, ...] = ()
    migration: int = 0


@value(kw_only=True)
class CopyAnswered(Event):
    """The copy flows to where `sdp`, the recorder's answer, says."""

    name: ClassVar[str] = "copy answered"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    copy: str
    sdp: bytes
    migration: int = 0


@value(kw_only=True)
class CopyDeleteIntended(Event):
    """The copy is to end; it stays due until the node has confirmed it or has no session of the call any more."""

    name: ClassVar[str] = "copy delete wanted"

    copy: str
    reason: str
    migration: int = 0


@value(kw_only=True)
class CopyDeleted(Event):
    """The copy has ended."""

    name: ClassVar[str] = "copy deleted"

    copy: str
    how: RemovalProof


@value(kw_only=True)
class CopyMoved(Event):
    """The copy has moved with its call: it is made of that session, and `sdp` is what its recorder is to be offered.

    flows: whether the new node was told what the recorder answered last, so that its media go on to there already.
    """

    name: ClassVar[str] = "copy moved"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    copy: str
    session: int
    sdp: bytes
    flows: bool = False


@value(kw_only=True)
class CopyLeftBehind(Event):
    """The copy has not moved with its call, and ends with that session."""

    name: ClassVar[str] = "copy left behind"

    copy: str
    session: int
    reason: str
