"""What an application gave, looked at before anything is asked with it: an event of it has to be one that can be read.

A type checker finds most of it. Python alone would take it, and a call whose stream holds it could not go on.
"""

from __future__ import annotations

from collections.abc import Iterable

from actors.setting_values import is_text
from events.names import Leg
from replay.offer_answer import SipMessage
from rtp_relay.api.errors import BadValue

_HIGHEST_CSEQ = 2**32 - 1
"""RFC 3261 8.1.1.5 has it below 2**31; its grammar, and some who do not care, have more."""

_MOST_STREAMS = 65535
"""More than any session description has."""


def text(name: str, given: str) -> str:
    """Return a text, "" where there is none. Raises BadValue for what is no text, or what no bytes can be made of."""
    if not isinstance(given, str):
        raise BadValue(f'{name}: {given!r} is no text (str); "" stands for none')
    if not is_text(given):
        raise BadValue(f"{name}: {given!r} has half of a surrogate pair, which is no character")
    return given


def call_id(given: str) -> str:
    """Return a Call-ID. Raises BadValue for what is none."""
    if not text("call_id", given):
        raise BadValue("call_id: it is empty")
    return given


def body(name: str, given: bytes | str) -> bytes:
    """Return a session description as bytes. Raises BadValue for what is none, without saying what is in it."""
    if isinstance(given, str):
        if not is_text(given):
            raise BadValue(f"{name}: it has half of a surrogate pair, which is no character")
        return given.encode("utf-8", "surrogateescape")
    if not isinstance(given, bytes):
        raise BadValue(f"{name}: a session description is bytes or str, not {_kind(given)}")
    return given


def whole(name: str, given: int, lowest: int, highest: int) -> int:
    """Return a whole number in this range. Raises BadValue for another, and for what is none."""
    if not isinstance(given, int) or isinstance(given, bool) or not lowest <= given <= highest:
        raise BadValue(f"{name}: {given!r} is no whole number from {lowest} to {highest}")
    return given


def yes_or_no(name: str, given: bool) -> bool:
    """Return a truth value. Raises BadValue for what is none."""
    if not isinstance(given, bool):
        raise BadValue(f"{name}: {given!r} is neither True nor False")
    return given


def leg(given: str) -> Leg:
    """Return a leg. Raises BadValue for what is none."""
    if given not in list(Leg):
        raise BadValue(f"leg {given!r}: there are {' and '.join(Leg)}")
    return Leg(given)


def legs(wanted: Iterable[str]) -> tuple[Leg, ...]:
    """Return whose media are meant. Raises BadValue for what is no leg, and for a single text."""
    if isinstance(wanted, str) or not isinstance(wanted, Iterable):
        raise BadValue(f"legs: {wanted!r} is no tuple of legs")
    return tuple(map(leg, wanted))


def streams(wanted: Iterable[int]) -> tuple[int, ...]:
    """Return the numbers of m= lines. Raises BadValue for what is none."""
    if not isinstance(wanted, Iterable):
        raise BadValue(f"streams: {wanted!r} is no tuple of numbers")
    return tuple(whole("streams", number, 1, _MOST_STREAMS) for number in wanted)


def message(given: SipMessage) -> SipMessage:
    """Return a SIP message whose fields have values that they can have. Raises BadValue for another."""
    if not isinstance(given, SipMessage):
        raise BadValue(f"what is told of is a SipMessage, not {_kind(given)}")
    for name in ("method", "branch", "from_tag", "to_tag"):
        text(name, getattr(given, name))
    for name in ("from_caller", "reliable", "altered"):
        yes_or_no(name, getattr(given, name))
    whole("cseq", given.cseq, 0, _HIGHEST_CSEQ)
    if given.status is not None:
        whole("status", given.status, 100, 699)
    if given.sdp is not None and not isinstance(given.sdp, bytes):
        raise BadValue(f"sdp: a message's body is bytes, or None where there is none, not {_kind(given.sdp)}")
    return given


def _kind(given: object) -> str:
    return type(given).__name__
