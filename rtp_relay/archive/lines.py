"""A call as a line of JSON (https://jsonlines.org), chained to the line before so that no line can be changed unseen.

`call_id`; `ended`, the call's row in the table of ended calls, its times in ms since the epoch; `entries`
(events/entry_json.py); and `chain`, in hex: the SHA-256 of the line before's `chain` and this line without its own. The
first line of a file follows on a chain of zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from events.codec import UnreadableEntry
from events.ended import EndedCall
from events.entry_json import from_document, to_document
from events.names import CallId
from events.records import Recorded
from events.schema import IllTyped, fields_of
from events.values import value

BEGINNING: Final = "0" * 64
"""What the first line of a file follows."""

LINE_BEGINS: Final = b'{"call_id": "'
"""What each line begins with."""

_ROW = fields_of(EndedCall)


class BadLine(ValueError):
    """A line is none of an archive's; the text says why."""


class BrokenChain(BadLine):
    """A line is not the one that was written after the one before: lines were changed, taken out or put in."""


@value
class ArchivedCall:
    """A call of an archive, and the chain up to it."""

    row: EndedCall
    entries: Sequence[Recorded]
    chain: str


def line_of(row: EndedCall, entries: Sequence[Recorded], before: str) -> tuple[str, str]:
    """Return the line of a call, without its end, and its chain; `before` is that of the line before."""
    told: dict[str, Any] = {
        "call_id": row.call_id,
        "ended": _ROW.take_apart(row),
        "entries": [to_document(entry) for entry in entries],
    }
    chain = _chained(told, before)
    return json.dumps(told | {"chain": chain}), chain


def call_of(line: str, before: str | None = None) -> ArchivedCall:
    """Return the call of a line. Raises BadLine, and BrokenChain unless it follows on `before`; None: any."""
    told = _document(line)
    chain = told.pop("chain")
    if before is not None and _chained(told, before) != chain:
        raise BrokenChain(f"call {told.get('call_id')!r}: not what was written after the line before")
    match told:
        case {"call_id": str(call_id), "ended": dict(ended), "entries": list(entries), **rest} if not rest:
            pass
        case _:
            raise BadLine("call_id, ended and entries expected")
    try:
        row: EndedCall = _ROW.put_together(ended)
        records = [from_document(entry) for entry in entries]
    except (IllTyped, UnreadableEntry) as error:
        raise BadLine(f"call {call_id!r}: {error}") from error
    if row.call_id != call_id or [entry.version for entry in records] != list(range(1, len(records) + 1)):
        raise BadLine(f"call {call_id!r}: its row or its versions are those of no call")
    return ArchivedCall(row, records, chain)


def names(line: str, call_id: CallId) -> bool:
    """Return whether a line begins as that of a call does, without reading it whole."""
    return line.startswith('{"call_id": ' + json.dumps(call_id) + ",")


def _document(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine(f"no JSON: {error}") from error
    if not isinstance(told, dict) or not isinstance(told.get("chain"), str):
        raise BadLine("an object with a chain expected")
    return told


def _chained(told: dict[str, Any], before: str) -> str:
    return hashlib.sha256(before.encode() + json.dumps(told, sort_keys=True).encode()).hexdigest()
