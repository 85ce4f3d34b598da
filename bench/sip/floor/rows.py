"""What the floor has Redis do for a call: appends and checks as the door's, with texts that say nothing.

They are rows of the door's own script (`events/redis/append.lua`), so that Redis works as it does for the door, and all
they hold is as long as what the door writes of a call of the scenarios.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgpack  # type: ignore[import-untyped]

from events.redis.keys import Partition

Row = Callable[[bytes], bytes]
"""Makes the packed row of a call, whose Call-ID it gets."""

_PARTITION = Partition(b"rtp-relay", b"0")
_MARK = b"m" * 16
_NODE = b"relay"
_BY = b"control-1"
_KEPT: Final = 86_400_000
"""Milliseconds for which an ended call is kept."""
_ENDED_ROW = b"r" * 233

_pack = msgpack.Packer(use_bin_type=False).pack


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What is journalled at once: types of entries and lengths of their payloads; the length of the live call's row.

    same_as: the version of an earlier entry, with its length, whose session description an entry refers to.
    """

    entries: tuple[tuple[bytes, int], ...] = ()
    live: int = 75
    same_as: tuple[int, int] | None = None
    begins: bool = False
    ends: bool = False


_CHECK = _Step()
_STEPS: Final = (
    _Step(
        entries=((b"signalled", 435), (b"relay engaged", 48), (b"party learned", 187), (b"engaged", 99)), begins=True
    ),
    _Step(entries=((b"offered", 347),), same_as=(1, 435)),
    _Step(entries=((b"signalled", 187), (b"party learned", 173))),
    _Step(entries=((b"signalled", 469), (b"branch established", 45))),
    _Step(entries=((b"answered", 285),), live=85, same_as=(8, 469)),
    _CHECK,
    _CHECK,
    _Step(entries=((b"signalled", 187), (b"delete wanted", 61)), live=88),
    _Step(entries=((b"media measured", 79), (b"deleted", 41)), ends=True),
)
OFFER, OFFERED, RINGING, ANSWER, ANSWERED, ACK, BYE, DELETE, DELETED = range(len(_STEPS))
"""The steps of a call, in their order."""

ENTRIES: Final = sum(len(step.entries) for step in _STEPS)
"""The entries of a call's stream in the end."""


def rows() -> list[Row]:
    """Return what makes the row of each step."""
    made, version, now = [], 0, time.time_ns() // 1_000_000
    for step in _STEPS:
        made.append(_row(step, version, now))
        version += len(step.entries)
    return made


def _row(step: _Step, version: int, now: int) -> Row:
    below = _check(version, now) if step is _CHECK else _append(step, version, now)
    # Base, call and what follows them. A Call-ID of the scenarios has less than 256 bytes.
    head = b"%c%b\xd9" % (0x90 + 2 + len(below), _pack(_PARTITION.base))
    tail = b"".join(map(_pack, below))
    return lambda call_id: b"%b%c%b%b" % (head, len(call_id), call_id, tail)


def _check(version: int, now: int) -> list[Any]:
    return [version, b"", [], False, False, [], [], 0, False, *_known(version, now)]


def _append(step: _Step, version: int, now: int) -> list[Any]:
    entries = [part for name, length in step.entries for part in (name, _payload(length))]
    live = _live(version + len(step.entries), now, step.live)
    tables = [b"", b""] if step.ends else [live, now + 300_000]
    nodes = [[_NODE] if step.begins else [], [_NODE] if step.ends else []]
    keep, ended = (_KEPT, [now, _ENDED_ROW]) if step.ends else (0, False)
    return [version, _MARK, entries, *tables, *nodes, keep, ended, *_known(version, now), _held(step)]


def _known(version: int, now: int) -> list[Any]:
    """Return what a step tells of the entry that it follows."""
    return [now, _BY] if version else [False, False]


def _live(version: int, now: int, length: int) -> bytes:
    """Return the row of a live call, which tells of its newest entry."""
    row: bytes = _pack((b"live", version, now, now, b"", b"", b"", _BY))
    return row + b"l" * (length - len(row))


def _held(step: _Step) -> list[Any]:
    if step.same_as is None:
        return []
    version, length = step.same_as
    return [version, hashlib.sha1(_payload(length), usedforsecurity=False).hexdigest()]


def _payload(length: int) -> bytes:
    return b"p" * length
