"""What a call wants of a relay for one copy of its media (media forking), said without regard to the kind of relay.

A copy has three steps, verbs of `RelayKind.perform`: `copy_offer` returns the SDP to offer to the recorder, and a
`copy-ctx` by which the relay's side of the copy is named later; `copy_answer` takes the recorder's SDP, and media flow;
`copy_delete` ends it. A `copy_offer` with the copy-ctx of an earlier one changes that copy.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.media_request import to_bytes
from engines.ng.bencode import NgDict, NgValue
from engines.request import HANDLE, NodeRequest
from events.names import Leg, Tag
from events.verb import CopyVerb, Verb

LEGS = (Leg.CALLER, Leg.CALLEE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRequest:
    """One step of a copy.

    name: what who wants the copy calls it. from_tag, to_tag: the caller's and the callee's tag. copy_ctx: what the
    reply to `copy_offer` had under that key; empty if there was none, or if it was never heard. handle: what the node
    calls the session. set, engaged_branch: as in MediaRequest.

    legs: whose media are copied, or are to be; for `copy_offer` and `copy_delete`.

    For `copy_offer`: streams: which of their streams, by the number of the m= line from
    1; empty for all. siprec: each m= line is to have a label. inactive: the copy is to be paused. caller_sdp,
    callee_sdp: the last SDP of each, as the relay gave it to the other: the addresses in it are the relay's. version:
    that of the SDP offered, which grows with each offer of a copy.

    For `copy_answer`: sdp: the recorder's.
    """

    verb: CopyVerb
    from_tag: Tag
    to_tag: Tag
    name: str = ""
    copy_ctx: str = ""
    handle: str = ""
    set: str = ""
    engaged_branch: int = -1
    legs: tuple[Leg, ...] = LEGS
    streams: tuple[int, ...] = ()
    siprec: bool = False
    inactive: bool = False
    caller_sdp: bytes = b""
    callee_sdp: bytes = b""
    version: int = 1
    sdp: bytes = b""

    def request(self) -> NodeRequest:
        """Return the request that all kinds understand. Its keys are those of this class, with hyphens, and HANDLE."""
        return NodeRequest(self._words())

    def _words(self) -> NgDict:
        names: NgDict = {b"command": self.verb.encode(), b"from-tag": to_bytes(self.from_tag)}
        names |= {b"to-tag": to_bytes(self.to_tag), b"set": to_bytes(self.set), b"branch": self.engaged_branch}
        if self.handle:
            names[HANDLE] = to_bytes(self.handle)
        if self.name:
            names[b"copy-name"] = to_bytes(self.name)
        if self.copy_ctx:
            names[b"copy-ctx"] = to_bytes(self.copy_ctx)
        if self.verb is Verb.COPY_ANSWER:
            return {**names, b"sdp": self.sdp}
        names[b"legs"] = [leg.encode() for leg in self.legs]
        return {**names, **self._choice()} if self.verb is Verb.COPY_OFFER else names

    def _choice(self) -> NgDict:
        flags: list[NgValue] = [name for name, on in ((b"siprec", self.siprec), (b"inactive", self.inactive)) if on]
        return {
            b"flags": flags,
            b"streams": list(self.streams),
            b"caller-sdp": self.caller_sdp,
            b"callee-sdp": self.callee_sdp,
            b"version": self.version,
        }
