"""What a door asks of a call."""

from __future__ import annotations

from dataclasses import dataclass

from engines.rtpengine.bencode import NgDict

OFFERS = frozenset({"offer", "publish", "create", "transform"})
"""Commands that can create something on a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command for a call, in the words of the ng protocol.

    verb: the ng command's name. call_id, from_tag, to_tag, branch: whom it is about; empty where it does not say. The
    to_tag of a delete is empty unless the client said that it counts. request: the client's whole dictionary. set: the
    node set that a new call is placed in. received_at: ms since the epoch.
    """

    verb: str
    call_id: str
    from_tag: str = ""
    to_tag: str = ""
    branch: str = ""
    request: NgDict
    set: str = "default"
    received_at: int

    @property
    def sdp(self) -> bytes:
        """The session description in it; empty if there is none."""
        sdp = self.request.get(b"sdp")
        return sdp if isinstance(sdp, bytes) else b""

    @property
    def lane(self) -> str | None:
        """What it waits for: commands of one lane run in order, None waits for all that run and holds up the rest."""
        return None if self.verb == "delete" and not self.branch else self.branch

    @property
    def opens_call(self) -> bool:
        """Whether it may be the first that is heard of a call: it creates something, and names no other party."""
        return self.verb in OFFERS and not self.to_tag
