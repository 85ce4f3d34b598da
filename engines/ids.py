"""The names that calls, their sessions and their parties have on nodes.

A node may make a part of a file's path of a name: an rtpproxy does, of the call-id and the from-tag of what it records.
So no name has a character that means something in a path, whatever the client's name was. The mapping is injective:
what is different for the client is different on the node.
"""

from __future__ import annotations

import re

from events.names import CallId, RelayId, Tag

_ESCAPED = re.compile(r"[#/\\]")
_ESCAPE = re.compile(r"#(?:#|x([0-9a-f]{2}))")
_ID = re.compile(r"(?P<own>(?:[^#]|##|#x[0-9a-f]{2})*)(?:#[0-9]+)?")
"""An id as `id_on_node` makes it: only the "#" before a session's number stands for nothing else."""


def tag_of(name: bytes) -> Tag:
    """Return a tag as text, whatever its bytes are."""
    return Tag(name.decode("utf-8", "surrogateescape"))


def safe_name(name: str) -> str:
    """Return the name that stands for a client's on nodes: that itself, unless it has characters to be escaped.

    "#" is doubled, a character that means something in a path is "#x" with its two hex digits. Tags of SIP have none of
    them, and Call-IDs no "#" (RFC 3261 25.1: token, word).
    """
    if _ESCAPED.search(name) is None:
        return name
    return _ESCAPED.sub(lambda found: "##" if found[0] == "#" else f"#x{ord(found[0]):02x}", name)


def id_on_node(call_id: CallId, session: int) -> RelayId:
    """Return the id that a session of a call has on its node: the call's own for the first, another for each later one.

    The delete of an old session can so never hit a new one, and the node's logs read as the SIP server's.
    """
    own = safe_name(call_id)
    return RelayId(own if session == 1 else f"{own}#{session}")


def call_id_of(relay_id: RelayId) -> str:
    """Return the call-id that `id_on_node` made an id of. Raises ValueError for an id that it cannot have made."""
    made = _ID.fullmatch(relay_id)
    if made is None:
        raise ValueError(f"{relay_id!r} is not an id of a session on a node")
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "#", made["own"])
