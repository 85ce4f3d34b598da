"""The entries of a call, from whoever has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from events.codec import UnreadableEntry
from events.entry_json import from_document
from events.names import CallId
from events.records import Recorded
from events.values import value
from replay.history.redact import without_keys
from replay.privacy.numbers import Numbers
from rtp_relay.archive.files import ArchiveError, call_named
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management
from rtp_relay.cli.output import fail


@value
class CallEntries:
    """What can be read of a call's stream, and why that is not all, "" if it is."""

    call_id: str
    entries: Sequence[Recorded]
    unreadable: str = ""


async def read_entries(service: Management, call_id: str, *, secrets: bool = False) -> CallEntries:
    """Return the entries of a call, which a service gives in parts; without `secrets`, without keys. Raises MiError."""
    entries: list[Recorded] = []
    last: int | None = None
    unreadable = ""
    while True:
        part: dict[str, Any] = await service.call(
            "rtp_relay:entries", callid=call_id, after=last, secrets=secrets or None
        )
        try:
            entries += map(from_document, part["entries"])
        except UnreadableEntry as error:
            fail(Exit.FAILED, f"the service has an entry that this program cannot read: {error}")
        last, unreadable = part.get("last"), unreadable or part.get("unreadable", "")
        if last is None:
            return CallEntries(call_id, entries, unreadable)


def archived_entries(path: Path, call_id: str, numbers: Numbers, *, secrets: bool) -> CallEntries:
    """Return the entries of a call that an archive has; end if it has none."""
    try:
        call = call_named(path, CallId(call_id))
    except ArchiveError as error:
        fail(Exit.FAILED, str(error))
    if call is None:
        fail(Exit.NOT_FOUND, f"{path}: no call is known under {call_id!r}")
    shown = map(numbers.entry, call.entries)
    return CallEntries(call_id, list(shown if secrets else map(without_keys, shown)))
