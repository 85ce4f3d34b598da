"""Session descriptions are stored once a call: an entry that would hold one again refers to the entry that holds it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Container, Mapping
from typing import TypeAlias

from events.names import CallId
from events.values import value

LEAST = 64
"""Bytes from which on a body is worth a reference."""

_NEWEST = 16
"""So many bodies of a call are remembered for what is written next."""

Place: TypeAlias = tuple[int, str]
"""Where a body stands: the entry's version, and the key of the field."""

_CALLS = 2048
"""Of so many calls; others store a body again."""


class MissingBody(LookupError):
    """An entry refers to others, those of `versions`, which were not read."""

    def __init__(self, versions: Collection[int]) -> None:
        super().__init__(f"what it refers to in version {', '.join(map(str, versions))} is not there")
        self.versions = versions


@value
class Holder:
    """An entry that holds a body: its version, the key of the field, and the payload as it was stored."""

    version: int
    key: str
    payload: bytes

    @property
    def place(self) -> Place:
        """Where the body stands."""
        return self.version, self.key

    @property
    def digest(self) -> bytes:
        """The payload's SHA-1 in hex, as Redis makes it."""
        return hashlib.sha1(self.payload, usedforsecurity=False).hexdigest().encode()


class Bodies:
    """The bodies that are held by entries of one call, as far as these were read or written."""

    __slots__ = ("_by_place", "_holders")

    def __init__(self, holders: Mapping[bytes, Holder] | None = None) -> None:
        self._holders: dict[bytes, Holder] = dict(holders or {})
        self._by_place: dict[Place, bytes] = {}

    def hold(
        self, version: int, bodies: Mapping[str, object], payload: bytes, referred: Container[str] = frozenset()
    ) -> None:
        """Add what an entry holds itself: all of its bodies but those of the keys that it refers to."""
        for key, body in bodies.items():
            if type(body) is bytes and len(body) >= LEAST and key not in referred:
                self._by_place[version, key] = body
                if body not in self._holders:
                    self._holders[body] = Holder(version, key, payload)

    def holders(self, bodies: Mapping[str, object], version: int) -> dict[str, Holder]:
        """Return who holds bodies before a version, by the bodies' keys, as far as that is known."""
        known = self._holders
        if not known:
            return {}
        found = {key: known.get(body) for key, body in bodies.items() if isinstance(body, bytes)}
        return {key: holder for key, holder in found.items() if holder is not None and holder.version < version}

    def at(self, places: Mapping[str, Place]) -> dict[str, bytes]:
        """Return the bodies at these places. Raises MissingBody."""
        missing = [place[0] for place in places.values() if place not in self._by_place]
        if missing:
            raise MissingBody(missing)
        return {key: self._by_place[place] for key, place in places.items()}

    def newest(self, before: Mapping[bytes, Holder]) -> dict[bytes, Holder]:
        """Return the holders of the newest of these and of those known before, by body."""
        known = {**before, **self._holders}
        return known if len(known) <= _NEWEST else dict(list(known.items())[-_NEWEST:])

    def __bool__(self) -> bool:
        return bool(self._holders)


class KnownBodies:
    """The bodies of the calls that were read or written last, for what is written next."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, dict[bytes, Holder]] = OrderedDict()

    def of(self, call_id: CallId) -> Bodies:
        """Return those of a call, to be added to."""
        return Bodies(self._calls.get(call_id))

    def note(self, call_id: CallId, bodies: Bodies) -> None:
        """Record what the journal confirmed that a call's entries hold."""
        if not bodies:
            return
        self._calls[call_id] = bodies.newest(self._calls.pop(call_id, {}))
        if len(self._calls) > _CALLS:
            self._calls.popitem(last=False)

    def forget(self, call_id: CallId) -> None:
        """Forget those of a call: the journal may have others."""
        self._calls.pop(call_id, None)
