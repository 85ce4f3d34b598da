"""A call as it was: its state after an entry or at a time, and what differs between two states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import takewhile

from events.names import CallId
from events.records import Recorded
from events.values import value
from replay.fold import fold
from replay.state import CallState


class NotThen(ValueError):
    """The call was not there then, or has not come so far."""


@value
class Difference:
    """A part of the state that differs, such as `sessions 1 status`; "" for what is not there."""

    part: str
    before: str
    after: str


def state_after(call_id: CallId, history: Sequence[Recorded], version: int) -> CallState:
    """Return the state at a version. Raises NotThen, or Inconsistent for a history that makes no sense."""
    last = history[-1].version if history else 0
    if not 1 <= version <= last:
        raise NotThen(f"version {version}: the call has the versions 1 to {last}")
    return fold(call_id, history[:version])


def state_at(call_id: CallId, history: Sequence[Recorded], at: int) -> CallState:
    """Return the state at a time, ms since the epoch. Raises NotThen, or Inconsistent."""
    then = list(takewhile(lambda entry: entry.at <= at, history))
    if not then:
        raise NotThen("the call began later")
    return fold(call_id, then)


def differences(before: CallState, after: CallState) -> list[Difference]:
    """Return what differs between two states of a call, part by part."""
    one, other = dict(_leaves(before, ())), dict(_leaves(after, ()))
    return [
        Difference(" ".join(part), *_shown(one.get(part, ""), other.get(part, "")))
        for part in dict.fromkeys([*one, *other])
        if one.get(part, "") != other.get(part, "")
    ]


def _leaves(what: object, part: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    match what:
        case _ if is_dataclass(what) and not isinstance(what, type):
            items: Iterator[tuple[object, object]] = ((field.name, getattr(what, field.name)) for field in fields(what))
        case Mapping():
            items = iter(what.items())
        case list() | tuple():
            items = ((place + 1, item) for place, item in enumerate(what))
        case _:
            yield part, what
            return
    for name, item in items:
        yield from _leaves(item, (*part, *_name(name)))


def _name(name: object) -> Iterator[str]:
    """Return the words that name a part; keys of several values are several."""
    for one in name if isinstance(name, tuple) else (name,):
        word = str(one.value if isinstance(one, Enum) else one)
        if word:
            yield word.replace("_", " ")


def _shown(before: object, after: object) -> tuple[str, str]:
    one, other = _text(before), _text(after)
    return (one, f"other {other}") if one == other else (one, other)


def _text(leaf: object) -> str:
    match leaf:
        case None:
            return ""
        case bytes():
            return f"{len(leaf)} bytes"
        case Enum():
            return str(leaf.value)
        case set() | frozenset():
            return ", ".join(sorted(map(str, leaf)))
        case _:
            return str(leaf)
