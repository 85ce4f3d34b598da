"""Cookies for commands to relays, which keep their replies by the cookie's text alone.

Two clients with the same cookie would get each other's answers. So nothing that two of them can share goes into it,
neither a process id nor the time: it is a random prefix, drawn anew in a forked child, and a counter.
"""

from __future__ import annotations

import itertools
import os

_forks = 0
"""So many times this process has been forked from another one since it began to make cookies."""


class CookieSource:
    """Makes cookies that no other source makes, in this or any other process. May be used from several threads."""

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        """Draw a new prefix, of 96 random bits."""
        self._prefix = os.urandom(12).hex().encode()
        self._counter = itertools.count(1)
        self._drawn_after = _forks

    def next(self) -> bytes:
        """Return a new cookie: 24 hexadecimal digits, an underscore, and a number."""
        if self._drawn_after != _forks:
            self._renew()
        return b"%s_%d" % (self._prefix, next(self._counter))


def _note_fork() -> None:
    global _forks  # noqa: PLW0603 - it is of the process
    _forks += 1


os.register_at_fork(after_in_child=_note_fork)
