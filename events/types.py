"""The events of a call's media.

Each event is a frozen dataclass with a stable `name` (it stands in the stream) and a `schema` version. Fields named in
`secret` hold session descriptions, which can carry keys (SDES, ICE passwords); the codec encrypts them at rest when a
key is configured.

Words used by all events:

session
    What a call has on one node under one id. Sessions of a call are numbered from 1; a number is never used again.
operation
    One offer on its way to a node. It is journalled before it is sent (`Engaged`, `OfferIntended`) and concluded by
    `Offered` or `OfferFailed`. Numbered from 1 in each call.
from_tag, to_tag, branch
    As in the ng protocol: the tag of the party that made the offer, of the other one, and the via-branch; empty where
    the command had none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar


class Scope(StrEnum):
    """How much of a call a delete takes away."""

    CALL = "call"
    SESSION = "session"
    BRANCH = "branch"


class How(StrEnum):
    """How it became known that a session is no longer on its node."""

    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    LOST = "lost"
    NEVER_SENT = "never sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    name: ClassVar[str]
    schema: ClassVar[int] = 1
    secret: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Engaged(Event):
    """A node was chosen for a new session, and the offer that creates it is about to be sent."""

    name: ClassVar[str] = "engaged"

    session: int
    operation: int
    engine: str
    set: str
    node: str
    relay_id: str
    from_tag: str
    to_tag: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferIntended(Event):
    """Another offer is about to be sent to a session that exists."""

    name: ClassVar[str] = "offer intended"

    session: int
    operation: int
    from_tag: str
    to_tag: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered(Event):
    """The node took the offer: `sdp` went in, `relayed` came back.

    `handle` is what the node calls it, where it said so (the route engine's `node`).
    """

    name: ClassVar[str] = "offered"
    secret: ClassVar[tuple[str, ...]] = ("sdp", "relayed")

    session: int
    operation: int
    from_tag: str
    to_tag: str = ""
    branch: str = ""
    sdp: bytes
    relayed: bytes
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFailed(Event):
    """The offer did not succeed. `reached` says whether the node may have acted on it all the same.

    Not `settled`: no reply came, so the offer may still be on its way and take effect later.
    """

    name: ClassVar[str] = "offer failed"

    session: int
    operation: int
    reason: str
    reached: bool
    settled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """The node took the answer: `sdp` went in, `relayed` came back."""

    name: ClassVar[str] = "answered"
    secret: ClassVar[tuple[str, ...]] = ("sdp", "relayed")

    session: int
    from_tag: str
    to_tag: str = ""
    branch: str = ""
    sdp: bytes
    relayed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Event):
    """A command was not carried out and changed nothing."""

    name: ClassVar[str] = "refused"

    command: str
    reason: str
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteWanted(Event):
    """Something of the call is to be removed from its nodes; it stays due until that is confirmed.

    Scope `CALL` ends the call and removes `sessions`, which are all it has; `SESSION` removes `sessions` and the call
    goes on; `BRANCH` removes what the tags and the branch name from the one session in `sessions`, which stays.
    `not_before` (ms since the epoch, 0 for at once) delays the removal, as ng's delete-delay does.
    """

    name: ClassVar[str] = "delete wanted"

    scope: Scope
    sessions: tuple[int, ...]
    reason: str
    from_tag: str = ""
    to_tag: str = ""
    branch: str = ""
    not_before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(Event):
    """A session is no longer on its node. `statistics` are the node's last word on it (packets, bytes, streams)."""

    name: ClassVar[str] = "deleted"

    session: int
    how: How
    statistics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchDeleted(Event):
    """A part of a session is no longer on its node; the session itself is."""

    name: ClassVar[str] = "branch deleted"

    session: int
    from_tag: str = ""
    to_tag: str = ""
    branch: str = ""
    statistics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded(Event):
    """Another command (recording, media playing, DTMF, ...) was passed to the call's node, and ended with `result`."""

    name: ClassVar[str] = "commanded"

    command: str
    session: int
    result: str
    reason: str = ""
    from_tag: str = ""
    to_tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailLost(Event):
    """The journal had lost its newest entries, up to version `known`, which the writer of this event remembers.

    `sessions` are the sessions it remembers and the journal does not: each a map with the fields of `Engaged`.
    """

    name: ClassVar[str] = "tail lost"

    known: int
    sessions: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined(Event):
    """The call failed again and again, or its stream cannot be read: it is left alone until an operator looks at it."""

    name: ClassVar[str] = "quarantined"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayEngaged(Event):
    """The call's media are to go through relays of this engine and set; `branch` "" for all branches, else for one."""

    name: ClassVar[str] = "relay engaged"

    engine: str
    set: str
    branch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariablesSet(Event):
    """Settings of a leg (rtp_relay, rtp_relay_peer), for all branches (`branch` "") or for one.

    `values` has those that were set now, by name (flags, peer, ip, type, iface, delete, disabled); `body` is a session
    description to be used in place of the leg's own, None where it was not set now.
    """

    name: ClassVar[str] = "variables set"
    secret: ClassVar[tuple[str, ...]] = ("body",)

    leg: str
    branch: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSet(Event):
    """Settings of the call as a whole (rtp_relay_ctx) by name: callid, from_tag, to_tag, flags, delete."""

    name: ClassVar[str] = "context set"

    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled(Event):
    """A SIP message of the call was seen. `status` is 0 for a request; `verdict` says what its body was taken for."""

    name: ClassVar[str] = "signalled"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    method: str
    from_caller: bool
    cseq: int
    status: int = 0
    branch: str = ""
    from_tag: str = ""
    to_tag: str = ""
    sdp: bytes | None = None
    reliable: bool = False
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchEstablished(Event):
    """A branch was answered for good; the others are torn down."""

    name: ClassVar[str] = "branch established"

    branch: str
    to_tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaTimedOut(Event):
    """The node told that no media came for so long that it has ended the session."""

    name: ClassVar[str] = "media timed out"

    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyIntended(Event):
    """A copy of the call's media is about to be asked of the session's node, under the copier's id for it."""

    name: ClassVar[str] = "copy intended"

    copy: str
    session: int
    flags: str = ""
    legs: tuple[str, ...] = ()
    streams: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOffered(Event):
    """The node offers the copy with `sdp`. `handle` is the node's own name for it."""

    name: ClassVar[str] = "copy offered"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    copy: str
    handle: str = ""
    sdp: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAnswered(Event):
    """The copy flows to where `sdp`, the recorder's answer, says."""

    name: ClassVar[str] = "copy answered"
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    copy: str
    sdp: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDeleteWanted(Event):
    """The copy is to end; it stays due until the node has confirmed it or has no session of the call any more."""

    name: ClassVar[str] = "copy delete wanted"

    copy: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyDeleted(Event):
    """The copy has ended."""

    name: ClassVar[str] = "copy deleted"

    copy: str
    how: How


EVENT_TYPES: tuple[type[Event], ...] = (
    Engaged,
    OfferIntended,
    Offered,
    OfferFailed,
    Answered,
    Refused,
    DeleteWanted,
    Deleted,
    BranchDeleted,
    Commanded,
    TailLost,
    Quarantined,
    RelayEngaged,
    VariablesSet,
    ContextSet,
    Signalled,
    BranchEstablished,
    MediaTimedOut,
    CopyIntended,
    CopyOffered,
    CopyAnswered,
    CopyDeleteWanted,
    CopyDeleted,
)
