"""Messages of the ng protocol: `cookie SP body`, the body bencode or JSON, the reply in the same form.

What cannot be read is answered in rtpengine's own words (daemon/control_ng.c there, control_ng_process_payload);
without a cookie there is nobody to answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from engines.ng import bencode, json_codec
from engines.ng.bencode import BencodeError, NgDict
from engines.ng.bulky import PartlyRead, whole
from engines.ng.framing import MAX_COOKIE
from engines.ng.json_codec import JsonError
from gateways.ng import replies

Encoder: TypeAlias = Callable[[NgDict], bytes]
"""Writes a reply in the encoding of its request."""


class UnreadableMessage(Exception):
    """A body that is no ng dictionary. `reply` says so to the client, `why` says more to the operator."""

    def __init__(self, reason: str, encode: Encoder, why: str = "") -> None:
        super().__init__(reason)
        self.reply = encode(replies.error(reason))
        self.why = why or reason


def split(message: bytes) -> tuple[bytes, bytes] | None:
    """Return cookie and body, or None if there is no cookie of an allowed length."""
    cookie, space, body = message.partition(b" ")
    return (cookie, body) if space and 0 < len(cookie) <= MAX_COOKIE else None


def join(cookie: bytes, body: bytes) -> bytes:
    """Return the message of a cookie and a body."""
    return b"%b %b" % (cookie, body)


def read(body: bytes) -> tuple[NgDict, Encoder]:
    """Read a body, and give what writes the reply to it. Raises UnreadableMessage."""
    first = body[:1]
    if first == b"d":
        return _read_bencode(body), _write_bencode
    if first == b"{":
        return _read_json(body), _write_json
    raise UnreadableMessage("Invalid NG data format" if body else "Invalid data (no payload)", bencode.encode)


def _write_bencode(reply: NgDict) -> bytes:
    return reply.whole if isinstance(reply, PartlyRead) else bencode.encode(reply)


def _write_json(reply: NgDict) -> bytes:
    return json_codec.encode(whole(reply))


def _read_bencode(body: bytes) -> NgDict:
    try:
        value = bencode.decode_first(body)
    except BencodeError as error:
        raise UnreadableMessage("Could not decode bencode dictionary", bencode.encode, str(error)) from error
    assert isinstance(value, dict), "bencode that begins with d is a dictionary"
    return value


def _read_json(body: bytes) -> NgDict:
    try:
        return json_codec.decode(body)
    except JsonError as error:
        raise UnreadableMessage("Failed to parse JSON document", json_codec.encode, str(error)) from error
