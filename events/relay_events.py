"""The events of a relay that is driven by its settings and by the SIP messages of its call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from events.event import Event
from events.names import NO_BRANCH, NO_TAG, BranchId, Leg, Tag
from events.values import value
from events.verdict import SipVerdict


@value(kw_only=True)
class RelayEngaged(Event):
    """The call's media are to go through relays of this engine and set; `branch` "" for all branches, else for one."""

    name: ClassVar[str] = "relay engaged"

    engine: str
    set: str
    branch: BranchId = NO_BRANCH


@value(kw_only=True)
class LegSettingsChanged(Event):
    """Settings of a leg (rtp_relay, rtp_relay_peer), for all branches (`branch` "") or for one.

    `values` has those that were set now, by name (flags, peer, ip, type, iface, delete, disabled); `body` is a session
    description to be used in place of the leg's own, None where it was not set now.
    """

    name: ClassVar[str] = "variables set"
    secret: ClassVar[tuple[str, ...]] = ("body",)

    leg: Leg
    branch: BranchId = NO_BRANCH
    values: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@value(kw_only=True)
class ContextSettingsChanged(Event):
    """Settings of the call as a whole (rtp_relay_ctx) by name: callid, from_tag, to_tag, flags, delete."""

    name: ClassVar[str] = "context set"

    values: Mapping[str, str]


@value(kw_only=True)
class SipMessageSeen(Event):
    """A SIP message of the call was seen. `status` is 0 for a request.

    `verdict` says what it was taken for, and is all that its replay goes by. It is None in what was written with
    schema 1, which had `words` of it alone: for people. `source` is the address that the message came from, "" if that
    is not known. `expires` is after how many seconds the session ends without a refresh (RFC 4028), 0 if the message,
    a 2xx to INVITE or UPDATE, does not say so.
    """

    name: ClassVar[str] = "signalled"
    schema: ClassVar[int] = 2
    secret: ClassVar[tuple[str, ...]] = ("sdp",)

    method: str
    from_caller: bool
    cseq: int
    status: int = 0
    branch: BranchId = NO_BRANCH
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    sdp: bytes | None = None
    reliable: bool = False
    verdict: SipVerdict | None
    words: str = ""
    source: str = ""
    expires: int = 0


@value(kw_only=True)
class BranchEstablished(Event):
    """A branch was answered for good; the others are torn down."""

    name: ClassVar[str] = "branch established"

    branch: BranchId
    to_tag: Tag


@value(kw_only=True)
class MediaSeen(Event):
    """A node says that media flow in a session of which the journal has no answer: it was answered all the same."""

    name: ClassVar[str] = "media seen"

    session: int


@value(kw_only=True)
class MediaTimedOut(Event):
    """The node told that no media came for so long that it has ended the session."""

    name: ClassVar[str] = "media timed out"

    session: int
