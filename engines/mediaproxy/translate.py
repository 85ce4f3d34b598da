"""An offer or answer of the ng protocol, said in the words of MediaProxy's dispatcher.

Keys and flags are compared without regard to case, and to spaces, hyphens and underscores between words. Keys of ours,
which a door that has the SIP message at hand gives beside those of the ng protocol:

| in the request | for the dispatcher |
|---|---|
| `cseq` (a number) | `cseq`: that of the transaction with the offer, in the answer too; without it 1 |
| `from-uri`, `to-uri`, `user-agent` | the same; free text, for accounting; without it `unknown`, `unknown agent` |
| `dialog-id` | `dialog_id`: with it the dispatcher asks the SIP server to end a dialog whose media have stopped |
| `media-relay` | `media_relay`: the relay that is wanted, by its address |

And those of the ng protocol:

| in the request | for the dispatcher |
|---|---|
| `received-from` | `signaling_ip`; without it the address of the SDP |
| `media-address` | written into the SDP in place of the relay's own address |
| `replace`: `origin`, `origin-full` | the o= line's address is rewritten too |
| `replace`: `session-connection` | the session's c= line is rewritten even if all streams have their own |
| `replace`: `zero-address` | a c= line with 0.0.0.0 is rewritten too; without it the hold stays |
| `ICE` `remove`, `default`, `optional` | nothing: ICE lines are always taken out, no stream counts as one with ICE |
| `delete-delay` | nothing: MediaProxy deletes at once, the delay is for the caller to keep |
| what `engines.mediaproxy.refusals` lists | refused: Untranslatable |
| all other keys and flags | ignored, as rtpengine ignores what it does not know |

A relay takes an update for an offer if its `cseq` is higher than the last one's, and else for the answer to it. So
without `cseq` a re-INVITE changes addresses and holds, but it cannot add a stream: then there are too few ports, and it
is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engines.kind import Untranslatable
from engines.mediaproxy.commands import UNKNOWN_AGENT, UNKNOWN_URI, Signalling, StreamUpdate
from engines.mediaproxy.refusals import is_relayed, refuse
from engines.ng.bencode import NgDict, NgValue
from engines.refusal import RefusalCode
from engines.rtpproxy.words import normalised, words_of
from engines.sdp.address import MediaAddress, parse_address
from engines.sdp.rewrite import RewriteRules
from engines.sdp.session import Sdp, Stream

_NOWHERE = b"0.0.0.0"
_FIRST_CSEQ = 1
_MAX_CSEQ = 2**31 - 1
"""RFC 3261 section 8.1.1.5: a CSeq number is less than 2**31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What a request asks of the dispatcher.

    said: what it is told beside the streams. media: the streams that it is told of, by their numbers. media_address:
    the one to write into the SDP in place of the relay's. rules: what else to change in the SDP.
    """

    said: Signalling
    media: Mapping[int, StreamUpdate]
    media_address: MediaAddress | None
    rules: RewriteRules


def translate(request: NgDict, sdp: Sdp) -> Translation:
    """Translate an offer or answer. Raises Untranslatable, which names the key, and SdpError."""
    options = normalised(request)
    refuse(options, sdp)
    replace = words_of(options, b"replace")
    media = {stream.number: _media(sdp, stream) for stream in sdp.streams if is_relayed(stream)}
    return Translation(
        said=_signalling(options, next((stream.host for stream in media.values()), _NOWHERE)),
        media=media,
        media_address=_address(options, b"media-address"),
        rules=RewriteRules(
            origin=not replace.isdisjoint({b"origin", b"origin-full"}),
            session_connection=b"session-connection" in replace,
            zero_address=b"zero-address" in replace,
        ),
    )


def _media(sdp: Sdp, stream: Stream) -> StreamUpdate:
    """Describe a stream. One with port 0 is told of too: the dispatcher's ports are in the order of all streams."""
    return StreamUpdate(
        type=stream.media,
        host=_host(sdp, stream) if stream.is_live else _NOWHERE,
        port=int(stream.port.text),
        direction=sdp.direction_of(stream),
    )


def _host(sdp: Sdp, stream: Stream) -> bytes:
    address = sdp.address_of(stream)
    if address.family != b"IP4" or address.literal is None:
        why = f"sdp: {address.host!r} is not a unicast IPv4 address, which is all that MediaProxy takes"
        raise Untranslatable(why, RefusalCode.NOT_ACCEPTABLE)
    return address.host


def _signalling(options: Mapping[bytes, NgValue], host: bytes) -> Signalling:
    """Collect what the caller knows of the SIP message; `host` stands for its source where that is not given."""
    received = _address(options, b"received-from")
    return Signalling(
        cseq=_cseq(options),
        from_uri=_string(options, b"from-uri", UNKNOWN_URI),
        to_uri=_string(options, b"to-uri", UNKNOWN_URI),
        user_agent=_string(options, b"user-agent", UNKNOWN_AGENT),
        signaling_ip=host if received is None else received.host,
        dialog_id=_string(options, b"dialog-id"),
        media_relay=_string(options, b"media-relay"),
    )


def _cseq(options: Mapping[bytes, NgValue]) -> int:
    value = options.get(b"cseq", _FIRST_CSEQ)
    number = int(value) if isinstance(value, bytes) and value.isdigit() and len(value) <= 10 else value
    if not isinstance(number, int) or not 0 <= number <= _MAX_CSEQ:
        raise Untranslatable(f"cseq: {value!r} is not a number from 0 to {_MAX_CSEQ}")
    return number


def _string(options: Mapping[bytes, NgValue], key: bytes, default: bytes = b"") -> bytes:
    """Return a string; a number is taken for one."""
    value = options.get(key, default)
    text = b"%d" % value if isinstance(value, int) else value
    if not isinstance(text, bytes):
        raise Untranslatable(f"{key.decode()}: {value!r} is not a string")
    return text


def _address(options: Mapping[bytes, NgValue], key: bytes) -> MediaAddress | None:
    """Return an IP address, alone or as the last of a list (`received-from`: family and address); None if absent."""
    if key not in options:
        return None
    value = options[key]
    text = value[-1] if isinstance(value, list) and value else value
    address = parse_address(text) if isinstance(text, bytes) else None
    if address is None:
        raise Untranslatable(f"{key.decode()}: {value!r} is not an IP address")
    return address
