"""What Record-Routes tell of other passes of a call through this door: one that comes again, a spiral (RFC 3261 16.3).

Requests of our own are sent from beyond all passes: in them they would be taken for requests of a party.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from sipmessage import URI

from events.values import value
from gateways.sip.messages.values import uri_of

MARK = "rl"
"""The parameter of our Record-Route in a dialog whose call may be in the journal: its requests are looked up."""

NOT_TRACKED = "0"
"""The value of MARK where no relay was engaged when the INVITE came: another leg may have one, and the Call-ID, too."""

AGAIN = "2"
"""The value of MARK where the INVITE has come by again: a response with it has, too. It is of no first pass, so that a
callee who repeats the Record-Routes of a call that came once does not make it look like one that came twice."""

LeadsHere: TypeAlias = Callable[[URI], bool]
"""Tells whether a URI leads to us."""


@value
class Way:
    """The way to a party. routes: its route set from here, nearest first, without what the passes between need.

    marks: what MARK says in those of passes; AGAIN in those of a response tells that it has come by before.
    """

    routes: tuple[str, ...]
    marks: tuple[str | None, ...] = ()

    @property
    def request_came_before(self) -> bool:
        """Whether an initial INVITE that came this way has passed where it may have been journalled."""
        return any(mark != NOT_TRACKED for mark in self.marks)


STRAIGHT: Final = Way(())
"""That of an empty route set."""


def nowhere(_: URI) -> bool:
    """Tell that a URI does not lead to us, as all do while nobody knows where we are."""
    return False


def way_beyond(routes: Sequence[str], leads_here: LeadsHere) -> Way:
    """Return the way by a route set, nearest first."""
    passes = [(number, uri) for number, uri in enumerate(map(_read, routes), 1) if uri is not None and leads_here(uri)]
    if not passes:
        return Way(tuple(routes))
    marks = tuple(uri.parameters[MARK] for _, uri in passes if MARK in uri.parameters)
    return Way(tuple(routes[passes[-1][0] :]), marks)


def _read(route: str) -> URI | None:
    try:
        return uri_of(route)
    except ValueError:
        return None
