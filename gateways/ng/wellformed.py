"""Whether a request is well-formed ng, before it is passed on: the types of its values, their sizes, and its SDP.

A relay that is given something else may do anything: some releases of rtpengine end, with all their calls. What a key
means, and keys that are not known here, are left to the relay, but no key may be nameless, and nothing may be nested
deeper or be longer than any key needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from engines.ng.bencode import NgDict, NgValue
from engines.sdp.check import check
from engines.sdp.lines import SdpError
from events.verb import BETWEEN_TWO, Verb

MAX_TEXT: Final = 4096
"""The longest text, in bytes, of a key that holds no SDP, media file or the like."""

MAX_ITEMS: Final = 512
"""The most items of a list or dictionary."""

MAX_DEPTH = 5
"""How deep lists and dictionaries are nested at most: `sdp-attr` needs four."""

MAX_NUMBER = 2**53 - 1
"""The greatest number; JSON has none greater that every reader takes exactly."""

WITH_SDP = BETWEEN_TWO | {Verb.PUBLISH, Verb.SUBSCRIBE_ANSWER, Verb.CREATE_ANSWER}
"""The commands whose `sdp` is read by the relay."""

_BULKY = frozenset({b"sdp", b"blob"})
_TEXT = "a string"
_TEXTS = "a string or a list of strings"
_NUMBER = "a number"
_KINDS: Mapping[bytes, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (b"sdp", b"call-id", b"from-tag", b"to-tag", b"via-branch", b"label", b"set-label", b"from-label"), _TEXT
        ),
        **dict.fromkeys(
            (b"to-label", b"ICE", b"DTLS", b"transport-protocol", b"media-address", b"address-family"), _TEXT
        ),
        **dict.fromkeys((b"address", b"interface", b"from-interface", b"to-interface", b"record-call"), _TEXT),
        **dict.fromkeys((b"command", b"metadata", b"file", b"blob", b"endpoint-learning", b"rtpp-flags"), _TEXT),
        **dict.fromkeys((b"flags", b"replace", b"supports", b"rtcp-mux", b"SDES", b"OSRTP", b"T.38"), _TEXTS),
        **dict.fromkeys((b"direction", b"received-from", b"from-tags"), _TEXTS),
        **dict.fromkeys((b"TOS", b"delete-delay", b"ptime", b"ptime-reverse", b"repeat-times", b"duration"), _NUMBER),
        **dict.fromkeys((b"volume", b"pause", b"start-pos", b"delay-buffer"), _NUMBER),
    }
)
"""What the values of keys are that every release of rtpengine reads in the same way."""

_OF_TEXTS: Final = frozenset(key for key, kind in _KINDS.items() if kind is _TEXTS)
_OF_TEXT: Final = _OF_TEXTS | {key for key, kind in _KINDS.items() if kind is _TEXT}
"""The keys that may have a list of texts, and those that may have a text."""


def complaint_about(verb: Verb, request: NgDict) -> str:
    """Return what is not well-formed about a request, in words for its sender; "" if all is."""
    for key, value in request.items():
        if type(value) is bytes:
            if key in _OF_TEXT and len(value) <= MAX_TEXT:
                continue
        elif key in _OF_TEXTS and type(value) is list and _are_short_texts(value):
            continue
        why = _key(key) or _type(key, value) or _size(value, MAX_DEPTH, bulky=key in _BULKY)
        if why:
            return f"Invalid {_shown(key)}: {why}"
    sdp = request.get(b"sdp")
    if verb not in WITH_SDP or not isinstance(sdp, bytes):
        return ""
    try:
        check(sdp)
    except SdpError as error:
        return f"Failed to parse SDP: {error}"
    return ""


def _are_short_texts(values: list[NgValue]) -> bool:
    """Return whether these are a few short texts, as nearly all lists are."""
    if len(values) > MAX_ITEMS:
        return False
    for item in values:  # noqa: SIM110 - a generator costs more than the texts
        if type(item) is not bytes or len(item) > MAX_TEXT:
            return False
    return True


def _key(key: bytes) -> str:
    return "" if key in _KINDS or (key.isascii() and key.decode().isprintable() and key) else "not the name of a key"


def _type(key: bytes, value: NgValue) -> str:
    kind = _KINDS.get(key)
    return "" if kind is None or _PREDICATES[kind](value) else f"not {kind}"


def _is_text(value: NgValue) -> bool:
    return isinstance(value, bytes)


def _is_texts(value: NgValue) -> bool:
    return isinstance(value, bytes) or (isinstance(value, list) and all(map(_is_text, value)))


def _is_number(value: NgValue) -> bool:
    return isinstance(value, int) or (isinstance(value, bytes) and value.lstrip(b"-").isdigit())


_PREDICATES: Mapping[str, Callable[[NgValue], bool]] = MappingProxyType(
    {_TEXT: _is_text, _TEXTS: _is_texts, _NUMBER: _is_number}
)


def _size(value: NgValue, depth: int, *, bulky: bool = False) -> str:
    """Return which limit a value exceeds, whatever it is for; "" for none."""
    if isinstance(value, bytes):
        return f"longer than {MAX_TEXT} bytes" if len(value) > MAX_TEXT and not bulky else ""
    if isinstance(value, int):
        return "" if -MAX_NUMBER <= value <= MAX_NUMBER else "a number beyond 53 bits"
    if len(value) > MAX_ITEMS:
        return f"more than {MAX_ITEMS} items"
    if not depth:
        return "nested too deep"
    return next(filter(None, _inside(value, depth - 1)), "")


def _inside(value: list[NgValue] | dict[bytes, NgValue], depth: int) -> Iterator[str]:
    """Yield which limit each thing inside a list or dictionary exceeds."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield _key(key) or _size(item, depth)
    else:
        for item in value:
            yield _size(item, depth)


def _shown(key: bytes) -> str:
    return key[:40].decode("ascii", "backslashreplace") or "key"
