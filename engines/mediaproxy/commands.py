"""Commands of the MediaProxy dispatcher's protocol, framed as they travel: lines ended by CRLF, then an empty line.

A value stands in a line of its own, so one with a line end in it could add a header, or end the command and begin
another. No value with a control character is ever written: names are refused, free text is cleaned.

A header without a value is ignored by the dispatcher. It reads lines as UTF-8, and drops the connection at one that is
not or that is longer than MAX_LINE (mediaproxy 4.1.2: dispatcher.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engines.kind import Untranslatable
from engines.refusal import RefusalCode

MAX_LINE = 16384
"""The longest line, in bytes without its end."""

MAX_TEXT = 512
"""How much of a free text is sent, in bytes."""

UNKNOWN_URI = b"unknown"
UNKNOWN_AGENT = b"unknown agent"
"""What the SIP servers' modules send where there is nothing to send: a relay wants these headers to be there."""

PING = b"remove\r\n\r\n"
"""A removal that names no call. The dispatcher refuses it by itself; no relay is asked and nothing is changed."""

MessageType = Literal[b"request", b"reply"]
"""Which kind of SIP message had the session description: `request` for an offer, `reply` for an answer."""

_CONTROLS = re.compile(rb"[\x00-\x20\x7f]+")
_WORD = re.compile(rb"[^\x00-\x20\x7f]+")
_MEDIA_TYPE = re.compile(rb"[A-Za-z0-9.!#$%&'*+_`{|}~^-]+")


@dataclass(frozen=True, slots=True)
class SessionNames:
    """The names of a session: its call-id, and the tags as in the SIP message, of which to_tag may be empty.

    A relay keeps a session by the call-id and the from-tag of its first update, and finds it by either tag.
    """

    call_id: bytes
    from_tag: bytes
    to_tag: bytes = b""

    def headers(self) -> list[bytes]:
        """Return the headers that name the session. Raises Untranslatable for unfit bytes."""
        return [
            _header(b"call_id", word("call-id", self.call_id)),
            _header(b"from_tag", word("from-tag", self.from_tag)),
            _header(b"to_tag", word("to-tag", self.to_tag) if self.to_tag else b""),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalling:
    """What the SIP message said beside the session description.

    cseq: the number of the transaction that the offer was made in. A relay takes an update with a higher one than the
    last for an offer, and one with the same for its answer. from_uri, to_uri, user_agent: for accounting. signaling_ip:
    where the message came from. dialog_id: what the SIP server calls the dialog, so that the dispatcher can ask it to
    end that. media_relay: the address of the relay that is wanted. Empty ones say nothing.
    """

    cseq: int = 0
    from_uri: bytes = UNKNOWN_URI
    to_uri: bytes = UNKNOWN_URI
    user_agent: bytes = UNKNOWN_AGENT
    signaling_ip: bytes = b"0.0.0.0"
    dialog_id: bytes = b""
    media_relay: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamUpdate:
    """A stream: its media type, where its sender wants it (an IPv4 address, port 0 for nowhere), and its direction.

    It is told of as one without ICE: its candidates do not go on.
    """

    type: bytes
    host: bytes
    port: int
    direction: bytes

    def encode(self) -> bytes:
        """Return the stream's part of the header. Raises Untranslatable for a media type that is none."""
        if not _MEDIA_TYPE.fullmatch(self.type):
            raise Untranslatable(f"sdp: {self.type!r} is no media type", RefusalCode.NOT_ACCEPTABLE)
        return b"%s:%s:%d:%s:ice=no" % (self.type, self.host, self.port, self.direction)


def update(kind: MessageType, names: SessionNames, said: Signalling, media: Sequence[StreamUpdate] = ()) -> bytes:
    """Return `update`: create the session, or change it. Without media it changes nothing, which is legal.

    Raises Untranslatable for a name that the protocol cannot carry.
    """
    call_id, *tags = names.headers()
    streams = b",".join(stream.encode() for stream in media)
    return _command(
        b"update",
        _header(b"type", kind),
        _header(b"dialog_id", said.dialog_id and word("dialog-id", said.dialog_id)),
        call_id,
        _header(b"cseq", b"%d" % said.cseq),
        _header(b"from_uri", _text(said.from_uri) or UNKNOWN_URI),
        _header(b"to_uri", _text(said.to_uri) or UNKNOWN_URI),
        *tags,
        _header(b"user_agent", _text(said.user_agent) or UNKNOWN_AGENT),
        _header(b"signaling_ip", word("received-from", said.signaling_ip)),
        _header(b"media_relay", said.media_relay and word("media-relay", said.media_relay)),
        *([_header(b"media", streams)] if media else []),
    )


def remove(names: SessionNames) -> bytes:
    """Return `remove`: end the session. Raises Untranslatable for a name that the protocol cannot carry."""
    return _command(b"remove", *names.headers())


def word(key: str, value: bytes) -> bytes:
    """Return a value that reaches the dispatcher as it is. Raises Untranslatable, which names the request's key."""
    if not value:
        raise Untranslatable(f"{key}: a MediaProxy dispatcher needs one, and it is empty")
    if not _WORD.fullmatch(value) or not _is_utf8(value):
        raise Untranslatable(f"{key}: {value!r} has bytes that the dispatcher's protocol cannot carry")
    return value


def _text(value: bytes) -> bytes:
    """Return free text without control characters, in UTF-8, and cut to a length that fits."""
    return _CONTROLS.sub(b" ", value[:MAX_TEXT]).strip().decode("utf-8", "ignore").encode()


def _header(name: bytes, value: bytes) -> bytes:
    return name + b": " + value


def _command(*lines: bytes) -> bytes:
    longest = max(lines, key=len)
    if len(longest) > MAX_LINE:
        name = longest.partition(b":")[0].decode()
        raise Untranslatable(f"{name}: a line of {len(longest)} bytes is too long for a MediaProxy dispatcher")
    return b"\r\n".join((*lines, b"", b""))


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
