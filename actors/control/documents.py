"""What there is to tell of calls, histories and control nodes, as JSON documents: the same for all who ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from actors.control.bulk import BulkProgress
from actors.control.status import ControlNodeStatus, decode_node
from events.bulk_parts import BulkPart
from events.ended import EndedCall
from events.names import NodeName
from events.records import LiveCall, Recorded
from events.registry import Event
from replay.history.describe import facts
from replay.history.timeline import bodies, printable
from replay.migration import Migration
from replay.node_decisions import NodeDecisions
from replay.privacy.numbers import ALL_SHOWN, Numbers
from replay.state import CallState, Session

Document = dict[str, Any]

NAMED = 200
"""So many calls are named of those that a bulk move left where they were."""


def iso(at: int) -> str:
    """Write a time, ms since the epoch, as RFC 3339 does."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at_of(text: str) -> int:
    """Read what `iso` wrote, as ms since the epoch. Raises ValueError."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def of_bulk(move: BulkProgress) -> Document:
    """Return how far a bulk move is; of the calls that stayed where they were the first ones are named."""
    return {
        "job": move.job,
        "state": move.state,
        "asked_by": move.asked_by,
        "reason": move.reason,
        "asked": iso(move.asked_at),
        "seen": iso(move.seen),
        "control_node": move.holder,
        "parts": [_of_part(part) for part in move.parts],
        "calls": move.calls,
        "to_do": move.to_do,
        "moving": move.moving,
        **{str(outcome): number for outcome, number in move.counts.items()},
        "failures": dict(islice(move.failures.items(), NAMED)),
        "waiting": list(move.waiting[:NAMED]),
        "ended": move.ended,
    }


def _of_part(part: BulkPart) -> Document:
    return {name: said for name, said in asdict(part).items() if said}


def of_row(call: LiveCall) -> Document:
    """Return a call's row in the table of live calls."""
    return {
        "call_id": call.call_id,
        "status": call.status,
        "version": call.version,
        "created": iso(call.created),
        "changed": iso(call.changed),
        "set": call.set,
        "from_tag": call.from_tag,
        "to_tag": call.to_tag,
        "by": call.by,
        "sessions": [{"node": node, "id": relay_id} for node, relay_id in call.sessions],
    }


def of_ended(call: EndedCall) -> Document:
    """Return a call's row in the table of ended calls; `answered` is null where it was not."""
    values = {name: item for name, item in asdict(call).items() if name not in ("created", "ended", "answered")}
    times = {"created": iso(call.created), "answered": iso(call.answered) if call.answered else None}
    return {name: list(item) if isinstance(item, tuple) else item for name, item in values.items()} | {
        **times,
        "ended": iso(call.ended),
    }


def of_call(state: CallState, numbers: Numbers = ALL_SHOWN) -> Document:
    """Return a call as its stream says that it is, without session descriptions; with numbers as they may be shown."""
    return {
        "call_id": state.call_id,
        "status": state.status,
        "version": state.version,
        "created": iso(state.created),
        "changed": iso(state.changed),
        "by": state.by,
        "answered": state.answered,
        "dialogs": list(state.dialogs()),
        "reason": numbers.text(state.reason),
        "sessions": [_of_session(session) for session in state.sessions.values()],
        "copies": list(state.copies),
        "move": _of_move(state.migration, numbers) if state.migration else None,
    }


def _of_move(move: Migration, numbers: Numbers) -> Document:
    going_on = "turned back" if move.back else "moving"
    later = "waiting for its answer" if move.early else "waiting for its next offer"
    return {
        "number": move.number,
        "status": later if move.waits else going_on,
        "engine": move.engine,
        "set": move.set,
        "node": move.node,
        "asked_by": move.asked_by,
        "reason": numbers.text(move.back or move.reason),
    }


def _of_session(session: Session) -> Document:
    return {
        "number": session.number,
        "status": session.status,
        "engine": session.engine,
        "set": session.set,
        "node": session.node,
        "id": session.relay_id,
        "from_tag": session.from_tag,
        "to_tag": session.to_tag,
        "branch": session.branch,
        "recorded": session.recorded,
    }


def of_history(events: Sequence[Recorded], *, secrets: bool, start: int | None = None) -> list[Document]:
    """Return events; with `secrets`, session descriptions keep their keys.

    Each has `facts`, its content in words; `since`, the ms since `start` (ms since the epoch; None: the first of these
    events); and in `bodies` the names of those of its data that are session descriptions.
    """
    first = events[0].at if start is None and events else (start or 0)
    return [_of_event(entry, event, first, secrets=secrets) for entry in events for event in entry.events]


def _of_event(entry: Recorded, event: Event, start: int, *, secrets: bool) -> Document:
    texts = bodies(event, secrets=secrets)
    values = {field.name: getattr(event, field.name) for field in fields(event)} | texts
    return {
        "version": entry.version,
        "at": iso(entry.at),
        "since": entry.at - start,
        "by": entry.by,
        "event": event.name,
        "schema": event.schema,
        "facts": printable(facts(event)),
        "data": {name: _plain(value) for name, value in values.items()},
        "bodies": list(texts),
    }


def _plain(value: object) -> object:
    """Return a value as JSON knows it."""
    match value:
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case Mapping():
            return {str(_plain(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return value


def of_status(status: ControlNodeStatus) -> Document:
    """Return what a control node says of itself and its nodes."""
    nodes = [asdict(node) | {"since": iso(node.since)} for node in status.nodes]
    return asdict(status) | {"started_at": iso(status.started_at), "seen_at": iso(status.seen_at), "nodes": nodes}


def of_decisions(node: NodeName, decisions: NodeDecisions) -> Document:
    """Return what is decided about a node; None for what is not. `url` is that of an added one."""
    event = decisions.last_event
    return {
        "node": node,
        "state": decisions.state,
        "weight": decisions.weight,
        "set": decisions.set,
        "priority": decisions.priority,
        "url": decisions.added.url if decisions.added is not None else None,
        "leaving": decisions.leaving,
        "removed": decisions.removed,
        "decision": event.name,
        "asked_by": printable(event.asked_by),
        "at": iso(decisions.last.at),
        "reason": printable(event.reason),
    }


def status_of(document: Document) -> ControlNodeStatus:
    """Read what `of_status` gave, of this version of the program or another. Raises ValueError for anything else."""
    try:
        nodes = tuple(decode_node(node | {"since": at_of(node["since"])}) for node in document["nodes"])
        return ControlNodeStatus(
            name=document["name"],
            started_at=at_of(document["started_at"]),
            seen_at=at_of(document["seen_at"]),
            version=document["version"],
            nodes=nodes,
            decided=document.get("decided", 0),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the status of a control node: {error!r}") from error
