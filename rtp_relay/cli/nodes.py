"""`rtp-relay nodes`: the relay nodes, as each control node sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from actors.control.documents import Document, at_of, status_of
from actors.control.status import ControlNodeStatus, NodeStatus, merged, together
from engines.health import AdminState, NodeState
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import cell, console, fail, print_json, table, utc

COLORS = {
    NodeState.UP: "green",
    NodeState.DOWN: "bold red",
    NodeState.DRAINING: "yellow",
    NodeState.DISABLED: "dim",
}

COLUMNS = (
    "node",
    "state",
    "since (UTC)",
    "set",
    "weight",
    "priority",
    "calls",
    "in flight",
    "engine",
    "url",
    "last failure",
)

FailOption = Annotated[bool, typer.Option("--fail-if-down", help="End with 1 when a control node sees a node down.")]


def nodes(config: ConfigOption = None, fail_if_down: FailOption = False, as_json: JsonOption = False) -> None:
    """List the relay nodes with their health, as each control node that is alive sees them.

    The workers of a service are shown as one, with the worst that one of them sees; in JSON each has its own entry.
    """

    async def read(service: Management) -> Document:
        found: Document = await service.call("rtp_relay:nodes")
        return found

    document = manage(config, read)
    try:
        statuses = [status_of(status) for status in document["control_nodes"]]
    except ValueError as error:
        fail(Exit.FAILED, str(error))
    if as_json:
        print_json(document)
    else:
        if statuses:
            console().print(as_tables(statuses))
        if document["decided"]:
            console().print(decisions_table(document["decided"]))
    if not statuses:
        fail(Exit.UNREACHABLE, "no control node is alive")
    if fail_if_down and any(node.state is NodeState.DOWN for status in statuses for node in status.nodes):
        raise typer.Exit(Exit.FAILED)


def decisions_table(rows: Sequence[Document]) -> RenderableType:
    """Return a table of what operators have decided: it goes before what configuration files say."""
    made = table("decided by operators, for all control nodes", "node", "decided", "by", "at (UTC)", "why")
    for row in rows:
        made.add_row(*map(cell, (row["node"], _in_words(row), row["asked_by"], utc(at_of(row["at"])), row["reason"])))
    return made


def _in_words(row: Document) -> str:
    if row["removed"]:
        return "removed"
    words = [
        f"added at {row['url']}" if row["url"] else "",
        row["state"] or "",
        "removed when empty" if row["leaving"] else "",
        *(f"{what} {row[what]}" for what in ("weight", "set", "priority") if row[what] is not None),
    ]
    return ", ".join(filter(None, words)) or "as configured"


def as_tables(statuses: Sequence[ControlNodeStatus]) -> RenderableType:
    """Return a table for each control node; one for all its workers where it has several."""
    return Group(*(_as_table(merged(name, workers), workers) for name, workers in together(statuses).items()))


def _as_table(status: ControlNodeStatus, workers: Sequence[ControlNodeStatus]) -> RenderableType:
    title = f"control node {status.name}, version {status.version}, running since {utc(status.started_at)} UTC"
    if workers[0].name != status.name:
        title += f", {len(workers)} workers"
    made = table(title, *COLUMNS)
    for node in status.nodes:
        made.add_row(*_row(node))
    return made


def _row(node: NodeStatus) -> list[Text]:
    state = Text(_state(node), style=COLORS[node.state])
    numbers = (node.weight, node.priority, node.calls, node.in_flight)
    rest = (utc(node.since), node.set, *numbers, node.engine, node.url, node.last_failure)
    return [cell(node.name), state, *map(cell, rest)]


def _state(node: NodeStatus) -> str:
    """Return the state in words: how it is, and what is wanted of it where that is another thing."""
    wanted = "removed" if node.gone else str(node.admin)
    return node.state if wanted in (node.state, AdminState.ACTIVE) else f"{node.state}, {wanted}"
