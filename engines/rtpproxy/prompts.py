"""Prompts and recordings on an rtpproxy.

Facts, seen with rtpproxy 3 (and read in rtpp_command.c, rpcpv1_play.c, rpcpv1_record.c there):

- The party of the from-tag of P hears the prompt, instead of the other party. P and S are for one stream.
- The relay plays a file of its own, `<name>.<payload type>`, in a codec of those that U or L named with `c`.
- R and N without a medium number are for all streams. R records the packets of the party of the from-tag. The relay
  must have been started with a directory for recordings (-r), or R is answered as if the session were unknown.
- A stream's packets go to one place: a recording or a copy. N ends either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engines.kind import Exchange, Untranslatable
from engines.ng.bencode import NgDict, NgValue
from engines.refusal import RefusalCode
from engines.reply import UNKNOWN_CALL_ID, agreed, refused
from engines.rtpproxy import commands
from engines.rtpproxy.commands import SessionKey
from engines.rtpproxy.negotiation import error
from engines.rtpproxy.replies import parse_done
from engines.rtpproxy.words import normalised, words_of

NOT_RECORDED = b"Nothing is recorded, so that nothing was to be stopped"
"""The `warning` of a reply to `stop recording`; rtpproxy does not tell it from an unknown session."""

_CANNOT_RECORD = UNKNOWN_CALL_ID + b", or the rtpproxy has no directory for recordings (-r)"
_ELSEWHERE = ("blob", "db-id", "start-pos", "duration", "repeat-duration")


def play(key: SessionKey, request: NgDict) -> Exchange:
    """Play the `file` (a name on the relay, without the ending) `repeat-times` to the party of the from-tag.

    With the flag `all` both parties hear it. It is played on the first stream. Raises Untranslatable.
    """
    options = normalised(request)
    for name in _ELSEWHERE:
        if name.encode() in options:
            raise Untranslatable(f"{name}: an rtpproxy plays whole files that it has; give file and repeat-times")
    prompt, times = options.get(b"file"), options.get(b"repeat-times", 1)
    if not isinstance(prompt, bytes):
        raise Untranslatable("file: an rtpproxy needs the name of a prompt, without its ending")
    if isinstance(times, bytes) and times.isdigit():
        times = int(times)
    if not isinstance(times, int) or times < 1:
        raise Untranslatable(f"repeat-times: {times!r} is not a number from 1")
    return _all([commands.play(party, prompt, times) for party in _listeners(key, options)])


def stop_playing(key: SessionKey, request: NgDict) -> Exchange:
    """Stop the prompt that the party of the from-tag hears; with the flag `all` those of both."""
    return _all([commands.stop_playing(party) for party in _listeners(key, normalised(request))])


def record(key: SessionKey) -> Exchange:
    """Record all streams of both parties."""
    return _all([commands.record(party) for party in _parties(key)], unknown=_CANNOT_RECORD)


def stop_recording(key: SessionKey) -> Exchange:
    """Stop all recordings and copies of the session."""
    (reply,) = yield [commands.stop_recording(key, both=True)]
    refusal = parse_done(reply)
    if refusal is None:
        return agreed()
    return agreed({b"warning": NOT_RECORDED}) if refusal.is_unknown_session else error(refusal)


def _listeners(key: SessionKey, options: Mapping[bytes, NgValue]) -> list[SessionKey]:
    """Return the keys of the first stream that name who hears a prompt."""
    parties = _parties(key) if b"all" in words_of(options, b"flags") else [key]
    return [replace(party, medium=1) for party in parties]


def _parties(key: SessionKey) -> list[SessionKey]:
    """Return the keys that name each party first."""
    return [key, key.swapped()] if key.to_tag else [key]


def _all(asked: list[bytes], unknown: bytes = UNKNOWN_CALL_ID) -> Exchange:
    """Send commands that are done or refused. The reply tells of the first refusal; unknown: of an unknown session."""
    replies = yield asked
    for refusal in map(parse_done, replies):
        if refusal is not None:
            return refused(unknown, RefusalCode.UNKNOWN_SESSION) if refusal.is_unknown_session else error(refusal)
    return agreed()
