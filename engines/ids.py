"""The ids that the sessions of a call have on their nodes."""

from __future__ import annotations

import re

_ID = re.compile(r"(?P<own>(?:[^#]|##)*)(?:#[0-9]+)?")
"""An id as `id_on_node` makes it: the "#" of a call-id come in pairs, that before a session's number stands alone."""


def id_on_node(call_id: str, session: int) -> str:
    """Give the id that a session of a call has on its node: the call's own for the first, another for each later one.

    The delete of an old session can so never hit a new one, and the node's logs read as the SIP server's. Doubling a
    "#" of the call-id, which none has that keeps to RFC 3261, keeps ids of different calls apart whatever they are.
    """
    own = call_id.replace("#", "##")
    return own if session == 1 else f"{own}#{session}"


def call_id_of(relay_id: str) -> str:
    """Give the call-id that `id_on_node` made an id of. Raises ValueError for an id that it cannot have made."""
    made = _ID.fullmatch(relay_id)
    if made is None:
        raise ValueError(f"{relay_id!r} is not an id of a session on a node")
    return made["own"].replace("##", "#")
