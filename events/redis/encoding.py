"""What goes into the scripts and the tables, as MessagePack, and comes out again."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import Any, Final

from events.bodies import Bodies, MissingBody
from events.codec import Codec, Encoded, NewerFormat, Packing, UnreadableEntry, unpack
from events.ended import EndedCall
from events.journal import CorruptEntry, NewerEntry
from events.names import CallId
from events.records import Index, LiveCall, Recorded, Stored
from events.redis.keys import to_bytes, to_text
from events.retention import Retention
from events.schema import fields_of
from events.secrets import Sealer

_pack: Final = Packing().pack

Changes = list[Any]
"""Elements of an append in append.lua: live row, due, nodes added, nodes removed, time to keep, ended call's row."""

_PERSIST = -1
"""In place of the time to keep a stream: for ever."""

_ENDED = fields_of(EndedCall)
_COLUMNS = 9

_NAMED = b"\0"
"""What stands between the name of a summary and the rest of it."""

_TABLES = 8
"""So many elements of what stored.lua has read come before the nodes."""

UNREADABLE = "unreadable"
"""The status of a live call whose row cannot be read."""

NO_CHANGES: Changes = [False, False, [], [], 0, False]
"""Changes that leave the tables as they are. Nobody changes it."""


def live_row(call: LiveCall) -> bytes:
    """Return a live call's row, without its id; append.lua knows the places of version, time of change and writer."""
    row: bytes = _pack(
        (
            call.status,
            call.version,
            call.created,
            call.changed,
            call.set,
            call.from_tag,
            call.to_tag,
            call.by,
            call.sessions,
        )
    )
    return row


def live_call(call_id: CallId, row: bytes) -> LiveCall:
    """Return the live call of a row; one with the status "unreadable" for a row that is none.

    A newer program's may have more columns behind those of today.
    """
    try:
        status, version, created, changed, set_, from_tag, to_tag, by, sessions = list(unpack(row))[:_COLUMNS]
        return LiveCall(
            call_id=call_id,
            status=status,
            version=version,
            created=created,
            changed=changed,
            set=set_,
            from_tag=from_tag,
            to_tag=to_tag,
            by=by,
            sessions=tuple((node, relay_id) for node, relay_id in sessions),
        )
    except (ValueError, TypeError):
        return LiveCall(call_id=call_id, status=UNREADABLE, version=0, created=0, changed=0)


def ended_row(call: EndedCall) -> list[Any]:
    """Return when a call ended, and its row: its data by short keys, without what stands elsewhere."""
    data = _ENDED.take_apart(call)
    data.pop("call_id", None)
    return [data.pop("ended", 0), _pack(data)]


def ended_call(call_id: CallId, at: int, row: bytes) -> EndedCall:
    """Return the ended call of a row; one whose outcome is "unreadable" for a row that is none.

    What a newer program's tells beyond that is left out.
    """
    try:
        data = _ENDED.known(unpack(row))
        call: EndedCall = _ENDED.put_together({**data, "call_id": call_id, "ended": at})
    except (ValueError, TypeError):
        return EndedCall(call_id=call_id, ended=at)
    return call


def stored(call_id: CallId, reply: Sequence[Any]) -> Stored:
    """Return what stored.lua has read of a call."""
    last, last_given, ttl, live, due, ended_at, ended, lent_ids = reply[:_TABLES]
    version = version_of(last) if last else 0
    given = version_of(last_given) if last_given else 0
    return Stored(
        version=version,
        removed=given if given > version else 0,
        index=Index(
            live=live_call(call_id, live) if live else None,
            nodes=frozenset(map(to_text, reply[_TABLES:])),
            due=int(float(due)) if due else None,
            ended=ended_call(call_id, int(float(ended_at)), ended) if ended_at else None,
        ),
        expires=ttl >= 0,
        lent=frozenset(map(to_text, lent_ids)),
    )


def changes(expected_version: int, before: Index, after: Index, retention: Retention) -> Changes:
    """Return what the tables need to come from `before` to `after`: False is no change, an empty text is removal."""
    row, was = after.live, before.live
    live: bytes | bool = False
    keep = 0
    if row is None:
        keep = retention.of(after)
        if was is not None:
            live = b""
    elif was is None:
        live = live_row(row)
        if expected_version:
            keep = _PERSIST
    elif row.version != was.version or row != was:
        live = live_row(row)
    due: int | bytes | bool = False
    if after.due != before.due:
        due = b"" if after.due is None else after.due
    ended: list[Any] | bool = False
    if after.ended is not None and after.ended != before.ended:
        ended = ended_row(after.ended)
    if row is not None and was is not None and row.sessions == was.sessions and after.nodes == before.nodes:
        return [live, due, [], [], keep, ended]
    left, now = _members(before), _members(after)
    added = [to_bytes(node) for node in now - left]
    removed = [to_bytes(node) for node in left - now]
    return [live, due, added, removed, keep, ended]


def restoring(before: Stored, after: Index, retention: Retention) -> Changes:
    """Return what the tables need to say `after` where `before` was found; sets of lent ids are told of all anew."""
    live, due, _, removed, keep, ended = changes(0, before.index, after, retention)
    added = [to_bytes(node) for node in _members(after)]
    if after.live is not None:
        keep = _PERSIST
    elif before.expires:
        keep = 0
    return [live, due, added, removed, keep, ended]


def lent(relay_id: str) -> str:
    """Return the name of the set of calls that have a session under this id, as that of a node; none is called so."""
    return f"\0{relay_id}"


def _members(index: Index) -> frozenset[str]:
    """Return the sets that a call is in: those of its nodes, and of ids that could be taken for other calls'."""
    ids = index.live.lent_ids if index.live is not None else None
    return index.nodes.union(map(lent, ids)) if ids else index.nodes


_NOT_TOLD: Final = (False, False)


def origin(known: Recorded | None) -> tuple[int | bool, bytes | bool]:
    """Return what an append tells of the entry that it follows: when it was written, and by whom; False for nothing."""
    return (known.at, to_bytes(known.by)) if known is not None else _NOT_TOLD


def decision_changes(due: int | None, keep: int) -> Changes:
    """Return what the tables need for a stream of decisions: when it is due (None: as it was).

    keep: for how many ms it is kept, because it ends; 0 if it does not.
    """
    at: int | bytes | bool = False
    if keep:
        at = b""
    elif due is not None:
        at = due
    return [False, at, [], [], keep, False]


def summary_row(summary: Encoded) -> bytes:
    """Return what is kept of a summary of decisions beside the stream."""
    return summary.name + _NAMED + summary.payload


def summarized(codec: Codec, name: CallId, version: int, row: bytes, last: int) -> Recorded:
    """Return the record of a summary; CorruptEntry for what is none. last: the stream's last version."""
    kind, _, payload = row.partition(_NAMED)
    try:
        return codec.decode(name, kind, payload, version)
    except UnreadableEntry as error:
        raise _unreadable(error)(name, version, last, str(error)) from error


class MissingBodies(Exception):
    """Entries refer to those of other `versions`, which were not read with them."""

    def __init__(self, versions: Sequence[int]) -> None:
        super().__init__(versions)
        self.versions = versions


def recorded(
    codec: Codec,
    call_id: CallId,
    after: int,
    entries: list[Any],
    bodies: Bodies,
    *,
    sealer: Sealer | None = None,
    looked_up: Collection[int] = (),
) -> list[Recorded]:
    """Return the records of a reply to XRANGE that has all entries above `after`; CorruptEntry for what is none.

    What they hold is added to `bodies`. Raises MissingBodies for what is not in there; it was `looked_up`, or can be;
    and what else `sealer` raises.
    """
    last = version_of(entries[-1][0]) if entries else after
    records: list[Recorded] = []
    missing: list[int] = []
    for version, (entry_id, fields) in enumerate(entries, after + 1):
        if entry_id != b"%d-0" % version:
            raise CorruptEntry(call_id, version, last, f"not there, the next is {entry_id.decode()}", records)
        named = dict(zip(fields[::2], fields[1::2], strict=True))
        try:
            name, payload = named.get(b"t", b""), named.get(b"p", b"")
            records.append(codec.decode(call_id, name, payload, version, bodies, sealer=sealer))
        except UnreadableEntry as error:
            raise _unreadable(error)(call_id, version, last, str(error), records) from error
        except MissingBody as lacking:
            if any(one > after or one in looked_up for one in lacking.versions):
                raise CorruptEntry(call_id, version, last, str(lacking), records) from lacking
            missing += lacking.versions
    if missing:
        raise MissingBodies(missing)
    return records


def _unreadable(error: UnreadableEntry) -> type[CorruptEntry]:
    return NewerEntry if isinstance(error, NewerFormat) else CorruptEntry


def add_bodies(
    codec: Codec, call_id: CallId, version: int, entries: list[Any], bodies: Bodies, *, sealer: Sealer | None
) -> None:
    """Add what an entry holds, read by itself; nothing where it cannot be read."""
    with contextlib.suppress(CorruptEntry, MissingBodies):
        recorded(codec, call_id, version - 1, entries, bodies, sealer=sealer)


def version_of(entry_id: bytes) -> int:
    """Return the version that an entry's id stands for."""
    return int(entry_id.partition(b"-")[0])
