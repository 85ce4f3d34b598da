"""`rtp-relay calls`: the live calls."""

from __future__ import annotations

import heapq
import json
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

import typer

from actors.control.documents import Document
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import cell, console, line, print_json, table, to_the_second

NodeOption = Annotated[str, typer.Option("--node", help="Only calls that have a session on this node.")]
SetOption = Annotated[str, typer.Option("--set", help="Only calls that were placed in this set.")]
StatusOption = Annotated[str, typer.Option("--status", help="Only calls with this status: live, closing, quarantined.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Show only so many, the newest; 0 for all.")]

SORTED = 1000
"""Up to so many calls are sorted and put into a table; more are written as they are found: memory stays bounded."""

AT_ONCE = 100
"""So many lines are written in one piece."""

PAGE = 250
"""So many calls are asked for at once: while a service writes them down, its calls wait."""

COLUMNS = ("call-id", "status", "since (UTC)", "set", "nodes", "from-tag", "to-tag", "version", "last by")
_WIDTHS = (40, 11, 19, 10, 16, 16, 16, 7, 0)

Rows = AsyncIterator[Document]


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

    async def show(service: Management) -> None:
        counted = await service.call("rtp_relay:count")
        rows = _found(service, node=node or None, set=set_ or None, status=status or None)
        if limit or (counted["nodes"].get(node, 0) if node else counted["total"]) <= SORTED:
            await show_newest(rows, limit, as_json=as_json)
        else:
            await (stream_json if as_json else stream_lines)(rows)

    manage(config, show)


async def _found(service: Management, **wanted: str | None) -> Rows:
    """Return the calls that are wanted, page by page; what stands in two pages, one after the other, is given once."""
    cursor, before = "", set[str]()
    while True:
        page = await service.call("rtp_relay:calls", **wanted, cursor=cursor or None, count=PAGE)
        here = {call["call_id"]: call for call in page["calls"]}
        for call_id, call in here.items():
            if call_id not in before:
                yield call
        cursor, before = page["cursor"], set(here)
        if not cursor:
            return


async def show_newest(rows: Rows, limit: int, *, as_json: bool) -> None:
    """Write the newest calls, all without a limit; no more than these are kept in memory."""
    newest: list[tuple[str, str, int, Document]] = []
    total = 0
    async for call in rows:
        total += 1
        add = heapq.heappushpop if limit and len(newest) == limit else heapq.heappush
        add(newest, (call["created"], call["call_id"], total, call))
    found = [call for *_, call in sorted(newest, key=lambda found: found[0], reverse=True)]
    if as_json:
        print_json({"total": total, "calls": found})
    else:
        print_table(found, total)


async def stream_lines(rows: Rows) -> None:
    """Write a line for each call as it is found, and at the end how many there are."""
    total = 0
    lines = [line(COLUMNS, _WIDTHS)]
    async for call in rows:
        total += 1
        lines.append(line(_cells(call), _WIDTHS))
        if len(lines) == AT_ONCE:
            typer.echo("\n".join(lines))
            lines = []
    typer.echo("\n".join([*lines, _count(total)]))


async def stream_json(rows: Rows) -> None:
    """Write the JSON document with each call as it is found."""
    total = 0
    typer.echo('{\n  "calls": [', nl=False)
    async for call in rows:
        typer.echo(("," if total else "") + "\n    " + json.dumps(call), nl=False)
        total += 1
    typer.echo(f'\n  ],\n  "total": {total}\n}}')


def print_table(rows: Sequence[Document], total: int) -> None:
    """Write the calls as a table."""
    title = _count(total)
    title += f", the newest {len(rows)} of them" if len(rows) < total else ""
    made = table(title, *COLUMNS)
    for row in rows:
        made.add_row(*map(cell, _cells(row)))
    console().print(made)


def _count(total: int) -> str:
    return f"{total} live call{'' if total == 1 else 's'}"


def _cells(call: Document) -> tuple[object, ...]:
    nodes = " ".join(dict.fromkeys(session["node"] for session in call["sessions"]))
    place = (call["call_id"], call["status"], to_the_second(call["created"]), call["set"], nodes)
    return (*place, call["from_tag"], call["to_tag"], call["version"], call["by"])
