"""Cookies for commands to relays, which keep their replies by the cookie's text alone.

Two clients with the same cookie would get each other's answers. So nothing that two of them can share goes into it,
neither a process id nor the time: it is a random prefix, drawn anew in a forked child, and a counter.
"""

from __future__ import annotations

import itertools
import os
from weakref import WeakSet


class CookieSource:
    """Makes cookies that no other source makes, in this or any other process. May be used from several threads."""

    def __init__(self) -> None:
        self.renew()
        _sources.add(self)

    def renew(self) -> None:
        """Draw a new prefix, of 96 random bits."""
        self._prefix = os.urandom(12).hex().encode()
        self._counter = itertools.count(1)

    def next(self) -> bytes:
        """Return a new cookie: 24 hexadecimal digits, an underscore, and a number."""
        return b"%s_%d" % (self._prefix, next(self._counter))


_sources: WeakSet[CookieSource] = WeakSet()


def _renew_all() -> None:
    for source in list(_sources):
        source.renew()


os.register_at_fork(after_in_child=_renew_all)
