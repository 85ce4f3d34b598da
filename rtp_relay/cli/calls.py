"""`rtp-relay calls`: the live calls."""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from actors.control.control import Control
from events.journal import CallFilter, LiveCall
from events.names import NodeName
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit
from rtp_relay.cli.output import cell, console, fail, iso, line, print_json, table, utc
from rtp_relay.cli.reading import read_control

NodeOption = Annotated[str, typer.Option("--node", help="Only calls that have a session on this node.")]
SetOption = Annotated[str, typer.Option("--set", help="Only calls that were placed in this set.")]
StatusOption = Annotated[str, typer.Option("--status", help="Only calls with this status: live, closing, quarantined.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Show only so many, the newest; 0 for all.")]

SORTED = 1000
"""Up to so many calls are sorted and put into a table; more are written as they are found: memory stays bounded."""

AT_ONCE = 100
"""So many lines are written in one piece."""

COLUMNS = ("call-id", "status", "since (UTC)", "set", "nodes", "from-tag", "to-tag", "version", "last by")
_WIDTHS = (40, 11, 19, 10, 16, 16, 16, 7, 0)


def calls(
    *,
    config: ConfigOption = None,
    node: NodeOption = "",
    set_: SetOption = "",
    status: StatusOption = "",
    limit: LimitOption = 0,
    as_json: JsonOption = False,
) -> None:
    """List the live calls of all control nodes, newest first; more than a thousand in no order, unless limited."""
    wanted = CallFilter(node=NodeName(node), set=_set_named(set_, config), status=status)

    async def show(control: Control) -> None:
        if limit or (await control.count_calls()).get(node, 0) <= SORTED:
            await show_newest(control, wanted, limit, as_json=as_json)
        else:
            await (stream_json if as_json else stream_lines)(control, wanted)

    read_control(config, show)


def _set_named(given: str, config: Path | None) -> str:
    try:
        return load_or_exit(config).sets.names.name(given) if given else ""
    except ValueError as error:
        fail(Exit.USAGE, str(error))


async def show_newest(control: Control, wanted: CallFilter, limit: int, *, as_json: bool) -> None:
    """Write the newest calls, all without a limit; no more than these are kept in memory."""
    newest: list[tuple[int, str, LiveCall]] = []
    total = 0
    async for call in control.calls(wanted):
        total += 1
        add = heapq.heappushpop if limit and len(newest) == limit else heapq.heappush
        add(newest, (call.created, call.call_id, call))
    rows = [call for _, _, call in sorted(newest, key=lambda found: found[0], reverse=True)]
    if as_json:
        print_json(as_document(rows, total))
    else:
        print_table(rows, total)


async def stream_lines(control: Control, wanted: CallFilter) -> None:
    """Write a line for each call as it is found, and at the end how many there are."""
    total = 0
    lines = [line(COLUMNS, _WIDTHS)]
    async for call in control.calls(wanted):
        total += 1
        lines.append(line(_cells(call), _WIDTHS))
        if len(lines) == AT_ONCE:
            typer.echo("\n".join(lines))
            lines = []
    typer.echo("\n".join([*lines, _count(total)]))


async def stream_json(control: Control, wanted: CallFilter) -> None:
    """Write the JSON document with each call as it is found."""
    total = 0
    typer.echo('{\n  "calls": [', nl=False)
    async for call in control.calls(wanted):
        typer.echo(("," if total else "") + "\n    " + json.dumps(_as_row(call)), nl=False)
        total += 1
    typer.echo(f'\n  ],\n  "total": {total}\n}}')


def as_document(rows: Sequence[LiveCall], total: int) -> dict[str, object]:
    """Return the calls as a JSON document; `total` counts those that are not shown too."""
    return {"total": total, "calls": [_as_row(row) for row in rows]}


def _as_row(call: LiveCall) -> dict[str, object]:
    sessions = [{"node": node, "id": relay_id} for node, relay_id in call.sessions]
    return asdict(call) | {"created": iso(call.created), "changed": iso(call.changed), "sessions": sessions}


def print_table(rows: Sequence[LiveCall], total: int) -> None:
    """Write the calls as a table."""
    title = _count(total)
    title += f", the newest {len(rows)} of them" if len(rows) < total else ""
    made = table(title, *COLUMNS)
    for row in rows:
        made.add_row(*map(cell, _cells(row)))
    console().print(made)


def _count(total: int) -> str:
    return f"{total} live call{'' if total == 1 else 's'}"


def _cells(call: LiveCall) -> tuple[object, ...]:
    nodes = " ".join(dict.fromkeys(node for node, _ in call.sessions))
    place = (call.call_id, call.status, utc(call.created), call.set, nodes)
    return (*place, call.from_tag, call.to_tag, call.version, call.by)
