"""What a door asks of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from actors.commands.command import CallCommand
from actors.results import MediaResult
from engines.request import NodeRequest
from events.values import value
from replay.state import CallState

OFFERS = frozenset({"offer", "publish", "create", "transform"})
"""Commands that can create something on a node."""


Wording: TypeAlias = Callable[[CallState, str], NodeRequest]
"""Gives the request for a relay kind (by its name) in a state of the call."""


@value(kw_only=True)
class Command(CallCommand[MediaResult]):
    """One command for a call, in the words of the ng protocol.

    verb: the ng command's name. from_tag, to_tag, branch: whom it is about; empty where it does not say. The
    to_tag of a delete is empty unless the client said that it counts. request: the client's. set: the
    node set that a new call is placed in. received_at: ms since the epoch. engine: the only relay kind whose nodes may
    be chosen, where it matters. wording: says the command in the relay kind's own words, in place of `request`.
    ends_call: whether a delete of all that there is ends the call. reason: why, for the journal, of a delete.
    digest: what the very same request has, too, and no other; empty for what is not known again.
    moves: whether an offer may open a session on another node when that of its dialog does not take it. anew: whether
    it is to have a session of its own, whatever sessions there are.
    """

    verb: str
    from_tag: str = ""
    to_tag: str = ""
    branch: str = ""
    request: NodeRequest
    set: str = "default"
    received_at: int
    engine: str = ""
    wording: Wording | None = None
    ends_call: bool = True
    reason: str = "delete by the client"
    moves: bool = True
    anew: bool = False
    delay: int = 0
    fatal: bool = False
    digest: bytes = b""

    @property
    def sdp(self) -> bytes:
        """The session description in it; empty if there is none."""
        return self.request.sdp

    def words(self, state: CallState, engine: str) -> NodeRequest:
        """Return what a node of this kind is to be asked."""
        return self.request if self.wording is None else self.wording(state, engine)

    @property
    def serial_key(self) -> str | None:
        """What it waits for: commands of one key run in order, None waits for all that run and holds up the rest."""
        return None if self.verb == "delete" and not self.branch else self.branch

    @property
    def opens_call(self) -> bool:
        """Whether it may be the first that is heard of a call: it creates something, and names no other party."""
        return self.verb in OFFERS and not self.to_tag
