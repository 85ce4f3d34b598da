"""Whether what was decided about nodes is in force everywhere."""

from __future__ import annotations

from actors.control.status import decode_status
from events.journal import Journal


async def control_nodes_behind(journal: Journal, version: int) -> list[str]:
    """Return the control nodes that live and do not follow the decisions about nodes up to a version yet.

    One whose status cannot be read is among them. Raises JournalUnavailable.
    """
    published = await journal.published()
    return [name for name, status in sorted(published.items()) if _decided(status) < version]


def _decided(status: bytes) -> int:
    try:
        return decode_status(status).decided
    except ValueError:
        return -1
