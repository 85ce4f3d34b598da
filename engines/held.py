"""What a node tells of a session that it holds, whoever made it."""

from __future__ import annotations

from events.names import BranchId, Tag
from events.values import value


@value
class HeldDialog:
    """Two parties of a session; `to_tag` is empty where nobody has answered. branch: that of the one who answers."""

    from_tag: Tag
    to_tag: Tag
    branch: BranchId


@value
class HeldSession:
    """A session as its node tells of it.

    created, signalled: when it began, and when the node was last told something of it; ms since the epoch, 0 if it does
    not say.
    """

    dialogs: tuple[HeldDialog, ...]
    created: int = 0
    signalled: int = 0
