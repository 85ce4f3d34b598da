"""What a node replied, for those who need not know the ng protocol's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.ng.bencode import NgDict, NgValue
from engines.ng.bulky import totals_of, whole
from engines.refusal import RefusalCode
from engines.request import HANDLE
from events.names import Tag
from events.values import value

UNKNOWN_CALL_ID = b"Unknown call-id"
"""The `error-reason` of a reply about a session that the node does not hold."""

NOT_FOUND = "Call-ID not found or tags didn't match"
"""The warning of a delete that found nothing, in rtpengine's words."""

MAX_COUNT = 2**63 - 1
"""The largest number of a node's statistics that is told."""

_REASONS = (b"error-reason", b"message", b"warning")


@value
class NodeReply:
    """A node's reply to an operation, or to a ping. Its kind of relay makes it, and knows what the words say.

    words: the whole reply in the ng protocol, for the ng door. code: why the node did not do what it was asked, None if
    it did. unknown: whether it says that it does not hold the session; a delete of such a one is done all the same.
    """

    words: NgDict
    code: RefusalCode | None = None
    unknown: bool = False

    @property
    def ok(self) -> bool:
        """Whether the node did what it was asked."""
        return self.code is None

    @property
    def reason(self) -> str:
        """Why it is not ok, or its warning, for people; "" where it says neither."""
        for key in _REASONS:
            text = self.words.get(key)
            if isinstance(text, bytes):
                return text.decode("utf-8", "replace")
        return ""

    @property
    def sdp(self) -> bytes:
        """The session description in it; empty if there is none."""
        sdp = self.words.get(b"sdp")
        return sdp if isinstance(sdp, bytes) else b""

    @property
    def handle(self) -> str:
        """What the node calls the session; "" where it has no name for it."""
        return self._text(HANDLE)

    @property
    def copy_ctx(self) -> str:
        """What the node calls a copy (`engines.copy_request`)."""
        return self._text(b"copy-ctx")

    @property
    def copy_layout(self) -> tuple[str, ...]:
        """What is in each m= line of a copy's offer (`engines.copy_request`); empty where the node does not tell."""
        layout = self.words.get(b"copy-layout")
        return tuple(entry.decode() for entry in layout if isinstance(entry, bytes)) if isinstance(layout, list) else ()

    @property
    def to_tag(self) -> Tag:
        """The to-tag that the node names; "" if it names none."""
        return Tag(self._text(b"to-tag"))

    @property
    def packets(self) -> int:
        """How many RTP packets a query counts for the whole session; 0 where it counts none."""
        totals = totals_of(self.words)
        rtp = totals.get(b"RTP") if isinstance(totals, dict) else None
        packets = rtp.get(b"packets") if isinstance(rtp, dict) else None
        return packets if isinstance(packets, int) else 0

    @property
    def statistics(self) -> Mapping[str, Any]:
        """What the reply to a delete counts, under `totals`, as plain values; empty if it counts nothing."""
        totals = totals_of(self.words)
        return {"totals": _plain(totals)} if isinstance(totals, dict) else {}

    def everything(self) -> Mapping[bytes, Any]:
        """Return all that the node said, in the ng protocol's words, also what nobody here has read yet."""
        return whole(self.words)

    def _text(self, key: bytes) -> str:
        text = self.words.get(key)
        return text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else ""


def agreed(words: NgDict | None = None) -> NodeReply:
    """Return the reply of a node that did what it was asked, and told this."""
    return NodeReply({b"result": b"ok", **words} if words else {b"result": b"ok"})


def done(warning: str = "") -> NodeReply:
    """Return the reply of a node that did what it was asked, with a warning where there is one."""
    return agreed({b"warning": warning.encode("utf-8", "surrogateescape")} if warning else None)


def refused(reason: bytes | str, code: RefusalCode = RefusalCode.REFUSED) -> NodeReply:
    """Return the reply of a node that did not do what it was asked."""
    text = reason if isinstance(reason, bytes) else reason.encode("utf-8", "surrogateescape")
    return NodeReply({b"result": b"error", b"error-reason": text}, code, code is RefusalCode.UNKNOWN_SESSION)


def not_found(*, fatal: bool) -> NodeReply:
    """Return the reply to a delete of what the node does not hold; that is an error only if the client wants it so."""
    if fatal:
        return refused(NOT_FOUND, RefusalCode.UNKNOWN_SESSION)
    return NodeReply({b"result": b"ok", b"warning": NOT_FOUND.encode()}, unknown=True)


PONG = NodeReply({b"result": b"pong"})
"""The reply to a ping of a node that is well."""


def _plain(value: NgValue) -> Any:
    if isinstance(value, dict):
        return {
            key.decode("utf-8", "replace"): item if type(item) is int and 0 <= item <= MAX_COUNT else _plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return max(-MAX_COUNT, min(value, MAX_COUNT))
