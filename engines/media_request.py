"""What a call wants of a relay for one SDP or one delete, said without regard to the kind of relay.

The terms are those of OpenSIPS' `rtp_relay` module. X is the leg that sent the SDP, Y the other one. `flags` and `peer`
are texts in the language of the kind: words for an rtpengine (`engines.rtpengine.flags`), letters for an rtpproxy
(`engines.rtpproxy.flags`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engines.ng.bencode import NgDict
from events.names import NO_BRANCH, NO_TAG, BranchId, Tag
from events.verb import DELETE, SdpVerb, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRequest:
    """One offer, answer or delete. Texts are "" where there is nothing to say.

    verb: what the SDP is. from_tag, to_tag: who made the offer, and the other party ("" until it is known); an answer
        has the tags of its offer.
    sdp: the body as X sent it, or the `body` that stands for it. branch: the branch's name, for kinds with native
        branches; "" if the call is engaged as a whole.
    ctx_flags: the flags of the call's context. flags: X's. peer: Y's flags for its peer. type: Y's transport, such as
        "SRTP". in_iface: X's interface. out_iface: Y's. ip: the address that Y is to see.
    received_from: the address that the SIP message came from.
    ctx_delete, delete: the flags of the context and of a leg for a delete.
    set: the node set that is engaged. engaged_branch: the index of the branch that it is engaged for, -1 for all.
    notify_socket, notify_tag: where the relay may tell that the session timed out, `unix:PATH` or `tcp:HOST:PORT` in
        the very words of an rtpproxy's option -n, and what it says there.
    cseq: the CSeq number of the offer's SIP request, 0 if there is none; an answer has its offer's.
    """

    verb: SdpVerb | Literal[Verb.DELETE]
    from_tag: Tag
    to_tag: Tag = NO_TAG
    sdp: bytes = b""
    branch: BranchId = NO_BRANCH
    ctx_flags: str = ""
    flags: str = ""
    peer: str = ""
    type: str = ""
    in_iface: str = ""
    out_iface: str = ""
    ip: str = ""
    received_from: str = ""
    ctx_delete: str = ""
    delete: str = ""
    notify_socket: str = ""
    notify_tag: str = ""
    set: str = ""
    engaged_branch: int = -1
    cseq: int = 0

    def names(self) -> NgDict:
        """Return the keys of an ng request that say what is done, to which parties and with which SDP."""
        request: NgDict = {b"command": self.verb.encode(), b"from-tag": to_bytes(self.from_tag)}
        if self.to_tag:
            request[b"to-tag"] = to_bytes(self.to_tag)
        if self.verb is not DELETE:
            request[b"sdp"] = self.sdp
        return request


def to_bytes(text: str) -> bytes:
    """Return the bytes that a text from a SIP message was made of."""
    return text.encode("utf-8", "surrogateescape")
