"""`rtp-relay calls`: the live calls."""

from __future__ import annotations

import heapq
import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

import typer

from actors.control.documents import Document, at_of
from gateways.mi.calls import Listed
from rtp_relay.cli.listing.columns import Column, Columns, Cut, Since, number
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WatchOption, WideOption, watched
from rtp_relay.cli.listing.watching import watch
from rtp_relay.cli.listing.writing import Table, print_tables, stream
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption, not_empty
from rtp_relay.cli.output import print_json

NodeOption = Annotated[
    str, typer.Option("--node", callback=not_empty, help="Only calls that have a session on this node.")
]
SetOption = Annotated[str, typer.Option("--set", callback=not_empty, help="Only calls that were placed in this set.")]
StatusOption = Annotated[Listed | None, typer.Option("--status", help="Only calls with this status.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Show only so many, the newest; 0 for all.")]

SORTED = 1000
"""Up to so many calls are sorted; more are written as they are found: memory stays bounded."""

PAGE = 250
"""So many calls are asked for at once: while a service writes them down, its calls wait."""

COLOURS: Final = {"closing": "yellow", "quarantined": "bold red"}


def nodes_of(call: Document) -> str:
    """Return the nodes of a call's sessions."""
    return " ".join(dict.fromkeys(session["node"] for session in call["sessions"]))


COLUMNS: Final[Columns[Document]] = (
    Column(name="call-id", of=lambda call: call["call_id"], rank=0, least=16, usual=36, cut=Cut.MIDDLE),
    Column(
        name="status",
        of=lambda call: call["status"],
        least=11,
        usual=6,
        colour=lambda call: COLOURS.get(call["status"], "green"),
    ),
    Column(name="age", of=lambda call: Since(at_of(call["created"])), rank=2, least=6, usual=6, field="created"),
    Column(name="nodes", of=nodes_of, rank=3, usual=16, cut=Cut.MIDDLE),
    Column(name="set", of=lambda call: call["set"], rank=4, usual=10),
    Column(name="from-tag", of=lambda call: call["from_tag"], rank=5, least=12, usual=16, cut=Cut.MIDDLE),
    Column(name="to-tag", of=lambda call: call["to_tag"], rank=6, least=12, usual=16, cut=Cut.MIDDLE),
    number("version", lambda call: call["version"], rank=8),
    Column(name="last by", of=lambda call: call["by"], rank=7, usual=12, cut=Cut.MIDDLE),
)

Rows = AsyncIterator[Document]


def calls(
    *,
    config: ConfigOption = None,
    node: NodeOption = "",
    set_: SetOption = "",
    status: StatusOption = None,
    limit: LimitOption = 0,
    watch_: WatchOption = False,
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: JsonOption = False,
) -> None:
    """List the live calls of all control nodes, newest first; more than a thousand in no order, unless limited."""
    display = Display.of(form, as_json=as_json, wide=wide)
    wanted = {"node": node or None, "set": set_ or None, "status": status}

    async def many(service: Management) -> bool:
        counted = await service.call("rtp_relay:count")
        return bool((counted["nodes"].get(node, 0) if node else counted["total"]) > SORTED)

    async def show(service: Management) -> None:
        rows = found(service, **wanted)
        if not limit and await many(service):
            await stream_calls(rows, display)
        else:
            await show_newest(rows, limit, display)

    async def show_again(service: Management) -> None:
        async def look() -> list[Table[Document]]:
            if await many(service):
                return [await some_of_many(service, **wanted)]
            return [newest_first(*await newest(found(service, **wanted), limit))]

        await watch(look, display)

    if watch_:
        watched(display.form)
    manage(config, show_again if watch_ else show)


async def found(service: Management, **wanted: str | None) -> Rows:
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


async def newest(rows: Rows, limit: int) -> tuple[list[Document], int]:
    """Return the newest calls, all without a limit, and how many there are; no more than these are kept in memory."""
    kept: list[tuple[str, str, int, Document]] = []
    total = 0
    async for call in rows:
        total += 1
        add = heapq.heappushpop if limit and len(kept) == limit else heapq.heappush
        add(kept, (call["created"], call["call_id"], total, call))
    return [call for *_, call in sorted(kept, key=lambda found: found[0], reverse=True)], total


async def show_newest(rows: Rows, limit: int, display: Display) -> None:
    """Write the newest calls."""
    calls, total = await newest(rows, limit)
    if display.form is Form.JSON:
        print_json({"total": total, "calls": calls})
    else:
        print_tables([newest_first(calls, total)], display)


def newest_first(calls: list[Document], total: int) -> Table[Document]:
    """Return a table of the newest of so many calls."""
    title = _count(total)
    title += f", the newest {len(calls)} of them" if len(calls) < total else ""
    return Table(title, COLUMNS, calls)


async def some_of_many(service: Management, **wanted: str | None) -> Table[Document]:
    """Return a table of some calls, where all would be too much to ask for again and again."""
    page = await service.call("rtp_relay:calls", **wanted, cursor=None, count=PAGE)
    counted = await service.call("rtp_relay:count")
    return Table(
        f"{_count(counted['total'])}, some of them in no order: --limit has the newest", COLUMNS, page["calls"]
    )


async def stream_calls(rows: Rows, display: Display) -> None:
    """Write the calls as they are found, and for people how many there are."""
    if display.form is Form.JSON:
        await _stream_json(rows)
    else:
        total = await stream(COLUMNS, rows, display)
        if display.form is Form.TABLE:
            typer.echo(_count(total))


async def _stream_json(rows: Rows) -> None:
    """Write the JSON document with each call as it is found."""
    total = 0
    typer.echo('{\n  "calls": [', nl=False)
    async for call in rows:
        typer.echo(("," if total else "") + "\n    " + json.dumps(call), nl=False)
        total += 1
    typer.echo(f'\n  ],\n  "total": {total}\n}}')


def _count(total: int) -> str:
    return f"{total} live call{'' if total == 1 else 's'}"
