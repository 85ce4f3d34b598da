"""Who wants to hear of which event, as OpenSIPS' event interface has it: where to, and until when. No I/O."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

MOST = 100
"""So many may subscribe to an event."""

_UDP = re.compile(r"udp:(?:\[(?P<six>[^]]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")

Address: TypeAlias = tuple[str, int] | str
"""Of an IP socket, or the path of a UNIX one."""


class TooMany(Exception):
    """No more can subscribe."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A socket for datagrams: as it was given, and its address."""

    socket: str
    address: Address


def subscriber_at(given: str) -> Subscriber:
    """Read udp:ADDRESS:PORT or unix:/PATH. Raises ValueError for anything else, also for a name: nobody looks it up."""
    if given.startswith("unix:/"):
        return Subscriber(given, given.removeprefix("unix:"))
    found = _UDP.fullmatch(given)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"{given!r}: expected udp:ADDRESS:PORT or unix:/PATH")
    return Subscriber(given, (str(ipaddress.ip_address(found["six"] or found["four"])), int(found["port"])))


@dataclass(slots=True)
class Subscriptions:
    """The subscribers of each event, with the time at which they expire and what they asked for, in seconds."""

    events: Sequence[str]
    _until: dict[str, dict[Subscriber, tuple[float, int]]] = field(default_factory=dict)

    def subscribe(self, event: str, subscriber: Subscriber, expire: int, now: float) -> None:
        """Subscribe for so many seconds from now on, anew if it was before; 0 ends it. Raises TooMany."""
        self._forget(now)
        of_event = self._until.setdefault(event, {})
        if expire == 0:
            of_event.pop(subscriber, None)
        elif subscriber not in of_event and len(of_event) >= MOST:
            raise TooMany(event)
        else:
            of_event[subscriber] = now + expire, expire

    def of(self, event: str, now: float) -> list[tuple[Subscriber, int]]:
        """Return the subscribers of an event, with what each asked for."""
        return [
            (subscriber, expire) for subscriber, (until, expire) in self._until.get(event, {}).items() if until > now
        ]

    def all(self, now: float) -> Iterator[tuple[str, list[tuple[Subscriber, int]]]]:
        """Return the events that somebody wants to hear of, with their subscribers."""
        for event in self.events:
            subscribers = self.of(event, now)
            if subscribers:
                yield event, subscribers

    def any(self, now: float) -> bool:
        """Return whether there is any subscriber."""
        return next(self.all(now), None) is not None

    def end(self) -> float:
        """Return when the last subscription expires, 0 if there is none."""
        return max((until for of_event in self._until.values() for until, _ in of_event.values()), default=0.0)

    def _forget(self, now: float) -> None:
        for of_event in self._until.values():
            for subscriber in [one for one, (until, _) in of_event.items() if until <= now]:
                del of_event[subscriber]
