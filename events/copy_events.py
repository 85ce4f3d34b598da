"""The events of copies (media forking)."""

from __future__ import annotations

from typing import ClassVar

from events.event import Event, RemovalProof
from events.values import value


@value(kw_only=True)
class CopyIntended(Event):
    """A copy of the call's media is about to be asked of the session's node, under the copier's id for it."""

    name: ClassVar[str] = "copy intended"

    copy: str
    session: int
    flags: str = ""
    legs: tuple[str, ...] = ()
    streams: tuple[int, ...] = ()


@value(kw_only=True)
class CopyOffered(Event):
    """The node offers the copy with `sdp`. `handle` is the node's own name for it."""

    name: ClassVar[str] = "copy offered"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    copy: str
    handle: str = ""
    sdp: bytes


@value(kw_only=True)
class CopyAnswered(Event):
    """The copy flows to where `sdp`, the recorder's answer, says."""

    name: ClassVar[str] = "copy answered"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    copy: str
    sdp: bytes


@value(kw_only=True)
class CopyDeleteIntended(Event):
    """The copy is to end; it stays due until the node has confirmed it or has no session of the call any more."""

    name: ClassVar[str] = "copy delete wanted"

    copy: str
    reason: str


@value(kw_only=True)
class CopyDeleted(Event):
    """The copy has ended."""

    name: ClassVar[str] = "copy deleted"

    copy: str
    how: RemovalProof
