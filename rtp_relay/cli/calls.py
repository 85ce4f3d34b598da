"""`rtp-relay calls`: the live calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from actors.control.control import CallFilter, Control
from events.journal import LiveCall
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import cell, console, iso, print_json, table, utc
from rtp_relay.cli.reading import read_control

NodeOption = Annotated[str | None, typer.Option("--node", help="Only calls that have a session on this node.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Show only so many, the newest; 0 for all.")]


def calls(
    config: ConfigOption = None, node: NodeOption = None, limit: LimitOption = 0, as_json: JsonOption = False
) -> None:
    """List the live calls of all control nodes, newest first."""

    async def read(control: Control) -> list[LiveCall]:
        return [call async for call in control.calls(CallFilter(node=node or ""))]

    rows = sorted(read_control(config, read), key=lambda call: call.created, reverse=True)
    shown = rows[:limit] if limit else rows
    if as_json:
        print_json(as_document(shown, len(rows)))
    else:
        print_table(shown, len(rows))


def as_document(rows: Sequence[LiveCall], total: int) -> dict[str, object]:
    """Return the calls as a JSON document; `total` counts those that are not shown too."""
    return {"total": total, "calls": [_as_row(row) for row in rows]}


def _as_row(call: LiveCall) -> dict[str, object]:
    sessions = [{"node": node, "id": relay_id} for node, relay_id in call.sessions]
    return asdict(call) | {"created": iso(call.created), "changed": iso(call.changed), "sessions": sessions}


def print_table(rows: Sequence[LiveCall], total: int) -> None:
    """Write the calls as a table."""
    title = f"{total} live call{'' if total == 1 else 's'}"
    title += f", the newest {len(rows)} of them" if len(rows) < total else ""
    made = table(title, "call-id", "status", "since (UTC)", "set", "nodes", "from-tag", "to-tag", "version", "last by")
    for row in rows:
        nodes = " ".join(dict.fromkeys(node for node, _ in row.sessions))
        cells = (row.call_id, row.status, utc(row.created), row.set, nodes, row.from_tag, row.to_tag)
        made.add_row(*map(cell, (*cells, row.version, row.by)))
    console().print(made)
