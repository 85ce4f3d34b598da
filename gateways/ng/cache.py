"""The replies of the last minute, by request: a repeated request is run once, and all repeats get the same bytes.

A request is known by its transport, its peer's address, how it begins (with its cookie), and a hash of all of it, so
that clients which pick equal cookies never get each other's replies (rtpengine goes by the cookie alone). Time is
given, in seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import TypeAlias

Send: TypeAlias = Callable[[bytes], None]
"""Sends a message to whoever waits for it."""

MAX_BYTES = 256 * 1024 * 1024
"""How much the kept replies may take together, about; past that the oldest go before their time."""

MAX_WAITING = 16
"""How many copies of a request in work get a copy of its reply; no honest client sends more."""

_BEGINNING = 48
"""So many bytes a cookie has at most, but for strange ones."""

_OVERHEAD = 250  # bytes: what a kept reply costs beside its own
_EXPIRED_A_TURN = 4


def key_of(peer: bytes, message: bytes) -> bytes:
    """Return the key of a request. `peer` names its transport and sender and ends in a NUL, which no such name has.

    The hash is keyed anew in each process. It is there for who takes a cookie twice: others differ at the beginning.
    """
    return peer + message[:_BEGINNING] + hash(message).to_bytes(8, "big", signed=True)


def digest_of(body: bytes) -> bytes:
    """Return what the same request has, whoever sends it and under which cookie."""
    return blake2b(body, digest_size=16).digest()


class RequestInProgress:
    """A request in work: when it began, and who waits for its reply."""

    __slots__ = ("began", "key", "waiting")

    def __init__(self, key: bytes, began: float, send: Send) -> None:
        self.key, self.began, self.waiting = key, began, [send]

    def add(self, send: Send) -> bool:
        """Add one that waits for the reply; return False if there are too many."""
        if len(self.waiting) >= MAX_WAITING:
            return False
        self.waiting.append(send)
        return True


class ReplyCache:
    """Requests in work, and replies for `keep` seconds after they were made."""

    def __init__(self, keep: float, max_bytes: int = MAX_BYTES) -> None:
        self._keep, self._max_bytes = keep, max_bytes
        self._kept: dict[bytes, bytes] = {}
        self._order: deque[tuple[float, bytes]] = deque()
        self._in_work: dict[bytes, RequestInProgress] = {}
        self._bytes = 0
        self.dropped_early = 0
        """How many replies had to go before their time."""

    def reply(self, key: bytes) -> bytes | None:
        """Return the reply that is kept for a request."""
        return self._kept.get(key)

    def in_work(self, key: bytes) -> RequestInProgress | None:
        """Return a request that waits for its reply."""
        return self._in_work.get(key)

    @property
    def busy(self) -> int:
        """The number of requests in work."""
        return len(self._in_work)

    @property
    def kept(self) -> int:
        """The number of replies that are kept."""
        return len(self._kept)

    def begin(self, work: RequestInProgress) -> None:
        """Record that a request is in progress."""
        self._in_work[work.key] = work

    def finish(self, work: RequestInProgress, reply: bytes, now: float) -> bool:
        """Keep the reply to a request in work; False if it has one already."""
        if self._in_work.pop(work.key, None) is None:
            return False
        self._kept[work.key] = reply
        self._order.append((now, work.key))
        self._bytes += len(reply) + _OVERHEAD
        self.expire(now, _EXPIRED_A_TURN)
        return True

    def expire(self, now: float, at_most: int) -> None:
        """Forget up to `at_most` replies whose time is over: a few at each request, so that none waits for many."""
        order, old = self._order, now - self._keep
        while at_most and order and (order[0][0] < old or self._bytes > self._max_bytes):
            at, key = order.popleft()
            self._bytes -= len(self._kept.pop(key)) + _OVERHEAD
            self.dropped_early += at >= old
            at_most -= 1

    def overdue(self, began_before: float) -> list[RequestInProgress]:
        """Return the requests in work that began before a time."""
        found: list[RequestInProgress] = []
        for work in self._in_work.values():  # oldest first
            if work.began >= began_before:
                break
            found.append(work)
        return found
