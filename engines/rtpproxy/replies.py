"""Replies of the rtpproxy control protocol, without cookie."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

from engines.kind import MalformedReply
from engines.sdp.address import MediaAddress

PROTOCOL_VERSION = 20040107
"""The one version that V is answered with."""

UNKNOWN_SESSION = 50

_MEANINGS = {
    0: "unknown command",
    1: "wrong number of arguments",
    2: "the command takes no options",
    3: "the command takes no second command",
    5: "syntax error",
    6: "unknown option of N",
    7: "unknown option of N",
    8: "unknown option of D",
    9: "unknown option of G",
    10: "the notify tag is not well encoded",
    11: "option e: the relay has one address only (it is not in bridge mode), or a third interface was named",
    12: "option i: the relay has one address only (it is not in bridge mode), or a third interface was named",
    13: "option z: not a packet time from 1 to 999",
    14: "option c: not a list of payload types",
    15: "option l: not an address",
    16: "option r: not an address",
    17: "unknown option of P",
    18: "unknown option of I",
    19: "unknown option of Q",
    25: "the reply is too long",
    26: "the reply is too long",
    31: "option l: not an address of the relay",
    32: "option r: no address of the relay leads there",
    33: "bad argument",
    34: "bad argument",
    35: "unknown option of U or L",
    36: "the relay has no address of this family",
    37: "not an IP address and port",
    50: "unknown session",
    60: "the prompt cannot be played: the relay has no such file in a codec of the party's",
    62: "unknown counter",
    65: "the stream cannot be recorded or copied",
    68: "unknown counter",
    71: "no free ports",
    72: "no free ports",
    75: "the relay was started without timeout notices (-n)",
    98: "overload",
    99: "the relay is draining",
}

MEANINGS = MappingProxyType(_MEANINGS | dict.fromkeys(range(81, 90), "out of memory"))
"""What the numbers of E replies say (rtpproxy: rtpp_command_ecodes.h, and where they are used)."""

_NO_PORTS = (71, 72)
_FULL = (98, 99)

_ERROR = re.compile(rb"E(\d{1,4})")
_ALLOCATION = re.compile(rb"(\d{1,5})(?: (?!&&)(\S+)( 6)?)?(?: &&.*)?")
_COUNTERS = re.compile(rb"(-?\d{1,20}) (\d{1,20}) (\d{1,20}) (\d{1,20}) (\d{1,20})")
_INFO_LINE = re.compile(rb"([a-z ]+): (\d{1,20})")


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An `E` reply. The code's meaning is in MEANINGS."""

    code: int

    @property
    def meaning(self) -> str:
        """What the code says."""
        return MEANINGS.get(self.code, "an error that is not known")

    @property
    def is_unknown_session(self) -> bool:
        """Whether the relay does not hold the session."""
        return self.code == UNKNOWN_SESSION

    @property
    def is_out_of_ports(self) -> bool:
        """Whether another relay may have what this one lacks: ports."""
        return self.code in _NO_PORTS

    @property
    def is_full(self) -> bool:
        """Whether the relay takes no new session now."""
        return self.code in _FULL


@dataclass(frozen=True, slots=True)
class PortAllocation:
    """The reply to U or L: the relay's port, and its address (None if it listens on all and so does not know)."""

    port: int
    address: MediaAddress | None


@dataclass(frozen=True, slots=True)
class Counters:
    """The reply to Q for one stream.

    ttl: seconds until the session ends for want of packets. from_party, to_party: packets that came from the party of
    the from-tag and from the other one. relayed, dropped: packets of both.
    """

    ttl: int
    from_party: int
    to_party: int
    relayed: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Info:
    """The reply to I. A session is one stream of a call, with two or more of what rtpproxy calls streams."""

    sessions_created: int
    active_sessions: int
    active_streams: int
    packets_received: int
    packets_transmitted: int


def parse_version(reply: bytes) -> int | ErrorReply:
    """Read the reply to V. Raises MalformedReply, as all readers of replies do."""
    text = reply.strip()
    return _refusal(text) or _int(text)


def parse_capability(reply: bytes) -> bool | ErrorReply:
    """Read the reply to VF."""
    text = reply.strip()
    if text in (b"0", b"1"):
        return text == b"1"
    return _refusal(text) or _malformed(reply)


def parse_allocation(reply: bytes) -> PortAllocation | ErrorReply:
    """Read the reply to U or L. The `0` that L gives for an unknown session is the same as E50.

    What stands behind `&&` is about subcommands that failed, and does not undo the rest.
    """
    text = reply.strip()
    found = _ALLOCATION.fullmatch(text)
    if found is None or int(found[1]) > 65535:
        return _refusal(text) or _malformed(reply)
    if int(found[1]) == 0:
        return ErrorReply(UNKNOWN_SESSION)
    address = MediaAddress(b"IP6" if found[3] else b"IP4", found[2]) if found[2] else None
    return PortAllocation(int(found[1]), address)


def parse_done(reply: bytes) -> ErrorReply | None:
    """Read the reply to D, P, S, R, N or C: None if it was done."""
    text = reply.strip()
    return None if text == b"0" else _refusal(text) or _malformed(reply)


def parse_counters(reply: bytes) -> Counters | ErrorReply:
    """Read the reply to Q."""
    text = reply.strip()
    found = _COUNTERS.fullmatch(text)
    if found is None:
        return _refusal(text) or _malformed(reply)
    return Counters(*map(int, found.groups()))


def parse_info(reply: bytes) -> Info | ErrorReply:
    """Read the reply to I."""
    lines = [_INFO_LINE.fullmatch(line.strip()) for line in reply.strip().split(b"\n")]
    values = {line[1]: int(line[2]) for line in lines if line is not None}
    names = (b"sessions created", b"active sessions", b"active streams", b"packets received", b"packets transmitted")
    if any(name not in values for name in names):
        return _refusal(reply.strip()) or _malformed(reply)
    return Info(*(values[name] for name in names))


def _refusal(text: bytes) -> ErrorReply | None:
    found = _ERROR.fullmatch(text)
    return ErrorReply(int(found[1])) if found else None


def _int(text: bytes) -> int:
    if not re.fullmatch(rb"\d{1,20}", text):
        _malformed(text)
    return int(text)


def _malformed(reply: bytes) -> NoReturn:
    raise MalformedReply(f"not a reply of an rtpproxy to this command: {reply[:80]!r}")
