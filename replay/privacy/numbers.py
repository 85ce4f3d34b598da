"""What readers get of calls, with the parties' numbers shown as they may be: the one place that hides them.

The journal has them, since requests are routed by them. What is shown is worked out for each reader anew, field by
field: addresses of parties, session descriptions, and texts, which may hold any of these. Call-ids, tags, branches and
what nodes call sessions are identifiers, by which people find things, and are left.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final, TypeVar

from events.ended import EndedCall
from events.event import Event
from events.journal import CorruptEntry
from events.records import Recorded
from replay.privacy.addresses import address_of, shown_address, shown_numbers, shown_text, shown_uris
from replay.privacy.descriptions import shown_description
from replay.privacy.users import Shown, ShowUser, canonical, hashed_with, hidden, partly
from replay.search import Wanted

T = TypeVar("T")
Show = Callable[[Any, ShowUser], Any]

_ADDRESSES: Final = frozenset({"uri", "contact", "routes", "caller", "callee"})
"""Fields that hold addresses of parties, where they hold texts."""

_NAMES: Final = frozenset(
    {"by", "copy", "dialogs", "engine", "engines", "handle", "nodes", "set", "sets", "tags", "variable"}
)
"""Fields that hold identifiers, or names from the configuration, as texts."""

_CODEC: Final = ("utf-8", "surrogateescape")


class Numbers:
    """Shows numbers as is configured. key: that of hashes, where they are hashed."""

    def __init__(self, shown: Shown = Shown.ALL, key: bytes = b"") -> None:
        self.shown = shown
        ways = {Shown.PARTLY: partly, Shown.NOTHING: hidden, Shown.HASHED: hashed_with(key)}
        self._show = ways.get(shown)

    def entry(self, entry: Recorded) -> Recorded:
        """Return an entry of a call as it may be shown."""
        if self._show is None:
            return entry
        first, *also = map(self.event, entry.events)
        return replace(entry, event=first, also=tuple(also))

    def event(self, event: Event) -> Event:
        """Return an event as it may be shown."""
        return event if self._show is None else _shown(event, self._show)

    def error(self, error: CorruptEntry, remains: Sequence[Recorded]) -> CorruptEntry:
        """Return the error of a stream that cannot be read whole, with what can be read as it may be shown."""
        before = tuple(map(self.entry, remains))
        return type(error)(error.call_id, error.version, error.last, error.why, before)

    def ended(self, call: EndedCall) -> EndedCall:
        """Return the row of an ended call as it may be shown."""
        return call if self._show is None else _shown(call, self._show)

    def text(self, text: str) -> str:
        """Return a text that may hold anything as it may be shown."""
        return text if self._show is None else shown_text(text, self._show)

    def uris(self, text: str) -> str:
        """Return a text with the URIs in it as they may be shown: one in which other numbers mean something else."""
        return text if self._show is None else shown_uris(text, self._show)

    def takes(self, wanted: Wanted, call: EndedCall) -> bool:
        """Return whether an ended call is wanted, going by what may be shown of it.

        Where not all is shown, the party that is wanted has to be the whole user of a URI: nobody comes to know a
        number part by part. In an archive only hashed ones can be found.
        """
        if self._show is None:
            return wanted.takes(call)
        shown = self.ended(call)
        if not replace(wanted, party="").takes(shown):
            return False
        return not wanted.party or any(self._is(wanted.party, address) for address in (call.caller, call.callee))

    def _is(self, party: str, address: str) -> bool:
        """Return whether a party, its user alone or with its place, is the one of an address, shown as it may be."""
        assert self._show is not None
        asked = address_of(party)
        if not asked.scheme:
            asked = address_of(f"sip:{party}" if "@" in party else f"tel:{party}")
        said = address_of(address)
        if asked.place and asked.place.casefold() != said.place.casefold():
            return False
        same = _plain(asked.user) == _plain(said.user)
        return bool(asked.user) and (same or (self.shown is Shown.HASHED and self._show(asked.user) == said.user))


ALL_SHOWN: Final = Numbers()


def _plain(user: str) -> str:
    return canonical(user).removeprefix("+").casefold()


def _shown(value: T, show: ShowUser) -> T:
    """Return a value of a class with fields as it may be shown."""
    changed = {}
    kind: Any = type(value)
    for name, way in _ways(kind):
        before = getattr(value, name)
        after = way(before, show)
        if after is not before:
            changed[name] = after
    return replace(value, **changed) if changed else value  # type: ignore[type-var]  # every T here is a dataclass


@functools.cache
def _ways(kind: type[Any]) -> tuple[tuple[str, Show], ...]:
    """Return how each field of a class is shown, of those that may hold numbers."""
    hints = typing.get_type_hints(kind)
    secret: Iterable[str] = getattr(kind, "secret", ())
    ways: list[tuple[str, Show]] = []
    for field in fields(kind):
        if field.name in _NAMES:
            continue
        if field.name in secret:
            ways.append((field.name, _description))
        elif field.name in _ADDRESSES and _holds(hints[field.name], str) and not _holds(hints[field.name], Mapping):
            ways.append((field.name, _each(shown_address)))
        elif _holds(hints[field.name], str):
            ways.append((field.name, _each(shown_text)))
    return tuple(ways)


def _holds(hint: Any, kind: Any) -> bool:
    """Return whether values of a type may hold those of another one; identifiers are of types of their own."""
    if hint is kind or typing.get_origin(hint) is kind or (hint is Any and kind is str):
        return True
    if isinstance(hint, type) and is_dataclass(hint):
        return kind is str
    parts = typing.get_args(hint)
    return any(_holds(part, kind) for part in (parts[1:] if typing.get_origin(hint) is Mapping else parts))


def _each(way: Callable[[str, ShowUser], str]) -> Show:
    """Return what shows a value by showing each text in it that way; names of a mapping's items are left."""

    def shown(value: Any, show: ShowUser) -> Any:
        match value:
            case str() if not isinstance(value, Enum):
                value = way(value, show)
            case bytes():
                value = way(value.decode(*_CODEC), show).encode(*_CODEC)
            case Mapping():
                value = {name: shown(item, show) for name, item in value.items()}
            case tuple() | list():
                value = type(value)(shown(item, show) for item in value)
            case _ if is_dataclass(value) and not isinstance(value, type):
                value = _shown(value, show)
        return value

    return shown


def _description(body: bytes | None, show: ShowUser) -> bytes | None:
    if body is None:
        return None
    text = body.decode(*_CODEC)
    shown = shown_description(text, show)
    return (shown if text.lstrip().startswith("v") else shown_numbers(shown, show)).encode(*_CODEC)
