"""The flags of an rtpengine as OpenSIPS' `rtpengine` module has them: words, made into keys of an ng request.

Source: modules/rtpengine/README.md and parse_flags in rtpengine.c, of OpenSIPS.

| word | in the request |
|---|---|
| `RTP` `SRTP` `AVP` `AVPF`, or a whole name such as `RTP/SAVPF` | `transport-protocol` |
| `replace-origin`, `rtcp-mux-demux` and the others of _LISTS | words of the lists `replace` and `rtcp-mux` |
| `in-iface=` and `out-iface=`; `internal` and `external`; `direction=` twice | `direction` |
| `delete-delay=`, `repacketize=` | the key, with a number |
| `address-family=` | the key; IP4 or IP6 |
| `received-from=` | the key, as a list of the family and the address |
| `via-branch-param=`, `via-branch=` | `via-branch`; its values 1, 2, auto, extra, for SIP headers, say nothing |
| `call-id=`, `from-tag=`, `to-tag=`, `sdp=`, `command=`, `force-answer` | refused: the call says it |
| another `key=value` | the key; a value in brackets is a list or a dictionary |
| another word, such as `trust-address` or `codec-strip-PCMA` | a word of the list `flags` |

A key that is given again has its last value, so that the flags of a leg prevail over those of the context. Two
transports that contradict each other are refused.
"""

from __future__ import annotations

from typing import NamedTuple

from engines.kind import Untranslatable
from engines.ng.bencode import NgDict, NgValue
from engines.ng.brackets import BracketError, parse, split
from engines.sdp.address import parse_address


class Profile(NamedTuple):
    """What a word says of the transport; None where it says nothing."""

    secure: bool | None = None
    feedback: bool | None = None
    dtls: bool | None = None


_NAMES = {
    Profile(secure=False, feedback=False, dtls=False): b"RTP/AVP",
    Profile(secure=True, feedback=False, dtls=False): b"RTP/SAVP",
    Profile(secure=False, feedback=True, dtls=False): b"RTP/AVPF",
    Profile(secure=True, feedback=True, dtls=False): b"RTP/SAVPF",
    Profile(secure=True, feedback=False, dtls=True): b"UDP/TLS/RTP/SAVP",
    Profile(secure=True, feedback=True, dtls=True): b"UDP/TLS/RTP/SAVPF",
}
TRANSPORTS = {
    b"RTP": Profile(secure=False),
    b"SRTP": Profile(secure=True),
    b"AVP": Profile(feedback=False),
    b"AVPF": Profile(feedback=True),
    **{name: profile for profile, name in _NAMES.items()},
}
"""The words for transports; RTP and AVP are what nothing else is said of."""

_LISTS = {
    b"replace-origin": (b"replace", b"origin"),
    b"replace-session-connection": (b"replace", b"session-connection"),
    b"replace-zero-address": (b"replace", b"zero address"),
    b"replace-username": (b"replace", b"username"),
    b"replace-session-name": (b"replace", b"session name"),
    b"replace-SDP-version": (b"replace", b"SDP version"),
    **{b"rtcp-mux-" + word: (b"rtcp-mux", word) for word in (b"demux", b"reject", b"offer", b"require", b"accept")},
}
_NUMBERS = frozenset({b"delete-delay", b"repacketize"})
_NEEDS_VALUE = frozenset({b"in-iface", b"out-iface", b"media-address", b"address-family", b"received-from"}) | _NUMBERS
_FROM_VIA = frozenset({b"1", b"2", b"auto", b"extra"})
_DECIDED = {
    b"call-id": "set callid of the call's context",
    b"callid": "set callid of the call's context",
    b"from-tag": "set from_tag of the call's context",
    b"to-tag": "set to_tag of the call's context",
    b"sdp": "set body of the leg",
    b"command": "what is asked follows from the call",
    b"force-answer": "what is an offer and what an answer follows from the call",
}


def read(text: bytes, interfaces: tuple[bytes, bytes] = (b"", b"")) -> NgDict:
    """Return the keys that the words ask for. interfaces: those of the sender and the receiver, which words replace.

    Raises Untranslatable, which names the word.
    """
    reader = _Reader(interfaces)
    try:
        for word in split(text):
            reader.add(word)
    except BracketError as error:
        raise Untranslatable(f"flags: {shown(text)}: {error}") from error
    return reader.finish()


class _Reader:
    """Collects the words."""

    def __init__(self, interfaces: tuple[bytes, bytes]) -> None:
        self._options: NgDict = {}
        self._lists: dict[bytes, list[NgValue]] = {}
        self._profile = Profile()
        self._interfaces = list(interfaces)
        self._sides: list[bytes] = []  # the interfaces named one after the other

    def add(self, word: bytes) -> None:
        """Add one word, or one key with its value."""
        key, equals, value = word.partition(b"=")
        if key in _DECIDED and (equals or key != b"to-tag"):
            raise Untranslatable(f"flags: {shown(key)}: {_DECIDED[key]}")
        if key in _NEEDS_VALUE and not value:
            raise Untranslatable(f"flags: {shown(key)} needs a value")
        if equals:
            self._add_pair(key, value)
        elif word in TRANSPORTS:
            self._profile = _merged(self._profile, word)
        elif word in (b"internal", b"external"):
            self._sides.append(word)
        else:
            name, item = _LISTS.get(word, (b"flags", word))
            self._add_to(name, item)

    def _add_pair(self, key: bytes, value: bytes) -> None:
        if key in (b"in-iface", b"out-iface"):
            self._interfaces[key == b"out-iface"] = value
        elif key == b"direction" and not value.startswith(b"["):
            self._sides.append(value)
        elif key in (b"via-branch", b"via-branch-param"):
            if key == b"via-branch-param" or value not in _FROM_VIA:
                self._options[b"via-branch"] = value
        else:
            self._options[key] = _value(key, value)

    def _add_to(self, name: bytes, item: bytes) -> None:
        items = self._lists.setdefault(name, [])
        if item not in items:
            items.append(item)

    def finish(self) -> NgDict:
        """Return the keys."""
        options = {**self._options, **self._lists}
        if self._profile != Profile():
            options[b"transport-protocol"] = _NAMES[Profile(*(bool(part) for part in self._profile))]
        direction = self._direction()
        if direction:
            options.setdefault(b"direction", direction)
        return options

    def _direction(self) -> list[NgValue]:
        names = self._sides or [name for name in self._interfaces if name]
        if len(names) not in (0, 2):
            raise Untranslatable(
                f"iface: {shown(b' '.join(names))}: a direction has two interfaces, that of the leg which sends the "
                "SDP and that of its peer; set both or none"
            )
        return list(names)


def _value(key: bytes, value: bytes) -> NgValue:
    """Return the value of a key as the request is to have it."""
    if key in _NUMBERS:
        if not value.isdigit():
            raise Untranslatable(f"flags: {shown(key)}: {shown(value)} is not a number")
        return int(value)
    if key == b"address-family" and value not in (b"IP4", b"IP6"):
        raise Untranslatable(f"flags: address-family: {shown(value)} is neither IP4 nor IP6")
    if key == b"received-from":
        return source(value)
    return parse(value) if value.startswith(b"[") else value


def source(address: bytes) -> NgValue:
    """Return the value of `received-from`: the family and the address. Raises Untranslatable."""
    parsed = parse_address(address)
    if parsed is None:
        raise Untranslatable(f"received-from: {shown(address)} is not an IP address")
    return [parsed.family, parsed.host]


def _merged(known: Profile, word: bytes) -> Profile:
    """Add what the word says of the transport."""
    said = TRANSPORTS[word]
    if any(None not in pair and pair[0] != pair[1] for pair in zip(known, said, strict=True)):
        raise Untranslatable(f"flags: {shown(word)} contradicts another transport in type or flags; leave one out")
    return Profile(*(new if old is None else old for old, new in zip(known, said, strict=True)))


def shown(text: bytes) -> str:
    """Return a text for a message."""
    return text.decode("utf-8", "replace")
