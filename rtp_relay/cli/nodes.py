"""`rtp-relay nodes`: the relay nodes, as each control node sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from actors.control.documents import Document, status_of
from actors.control.status import ControlNodeStatus, NodeStatus, merged, together
from engines.health import NodeState
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
    elif statuses:
        console().print(as_tables(statuses))
    if not statuses:
        fail(Exit.UNREACHABLE, "no control node is alive")
    if fail_if_down and any(node.state is NodeState.DOWN for status in statuses for node in status.nodes):
        raise typer.Exit(Exit.FAILED)


def as_tables(statuses: Sequence[ControlNodeStatus]) -> RenderableType:
    """Return a table for each control node; one for all its workers where it has several."""
    return Group(*(_as_table(merged(name, workers), workers) for name, workers in together(statuses).items()))


def _as_table(status: ControlNodeStatus, workers: Sequence[ControlNodeStatus]) -> RenderableType:
    title = f"control node {status.name}, version {status.version}, running since {utc(status.started_at)} UTC"
    if workers[0].name != status.name:
        title += f", {len(workers)} workers"
    columns = ("node", "state", "since (UTC)", "set", "weight", "calls", "in flight", "engine", "url", "last failure")
    made = table(title, *columns)
    for node in status.nodes:
        made.add_row(*_row(node))
    return made


def _row(node: NodeStatus) -> list[Text]:
    state = Text(node.state, style=COLORS[node.state])
    numbers = (node.weight, node.calls, node.in_flight)
    rest = (utc(node.since), node.set, *numbers, node.engine, node.url, node.last_failure)
    return [cell(node.name), state, *map(cell, rest)]
