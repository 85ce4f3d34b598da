"""`rtp-relay nodes`: the relay nodes, as each control node sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from actors.control.documents import Document, at_of, status_of
from actors.control.status import ControlNodeStatus, NodeStatus, merged, together
from engines.health import AdminState, NodeState
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.listing.columns import Column, Columns, Cut, Since, number
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WatchOption, WideOption, watched
from rtp_relay.cli.listing.watching import watch
from rtp_relay.cli.listing.writing import Table, print_tables
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit
from rtp_relay.cli.output import fail, print_json, utc
from rtp_relay.doctor.checks.cluster import NOT_KNOWN
from rtp_relay.doctor.gather.redis import refused_writes

COLOURS: Final = {
    NodeState.UP: "green",
    NodeState.DOWN: "bold red",
    NodeState.DRAINING: "yellow",
    NodeState.DISABLED: "dim",
}


def state_of(node: NodeStatus) -> str:
    """Return the state in words: how it is, and what is wanted of it where that is another thing."""
    wanted = "removed" if node.gone else str(node.admin)
    return node.state if wanted in (node.state, AdminState.ACTIVE) else f"{node.state}, {wanted}"


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


COLUMNS: Final[Columns[NodeStatus]] = (
    Column(name="node", of=lambda node: node.name, rank=0, least=12, cut=Cut.MIDDLE),
    Column(name="state", of=state_of, least=8, colour=lambda node: COLOURS[node.state]),
    Column(name="since", of=lambda node: Since(node.since), rank=2, least=6),
    Column(name="set", of=lambda node: node.set, rank=4),
    number("calls", lambda node: node.calls, rank=2),
    number("weight", lambda node: node.weight, rank=5),
    number("priority", lambda node: node.priority, rank=9),
    number("in flight", lambda node: node.in_flight, rank=8),
    Column(name="engine", of=lambda node: node.engine, rank=7, least=9),
    Column(name="url", of=lambda node: node.url, rank=6, least=14, cut=Cut.MIDDLE),
    Column(name="last failure", of=lambda node: node.last_failure, rank=3, least=14),
)

DECISIONS: Final[Columns[Document]] = (
    Column(name="node", of=lambda row: row["node"], rank=0, least=12, cut=Cut.MIDDLE),
    Column(name="decided", of=_in_words, least=20),
    Column(name="since", of=lambda row: Since(at_of(row["at"])), rank=2, least=6),
    Column(name="by", of=lambda row: row["asked_by"], rank=3),
    Column(name="why", of=lambda row: row["reason"], rank=4),
)

FailOption = Annotated[bool, typer.Option("--fail-if-down", help="End with 1 when a control node sees a node down.")]


def nodes(
    *,
    config: ConfigOption = None,
    fail_if_down: FailOption = False,
    watch_: WatchOption = False,
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: JsonOption = False,
) -> None:
    """List the relay nodes with their health, as each control node that is alive sees them.

    The workers of a service are shown as one, with the worst that one of them sees; in JSON each has its own entry.
    """
    display = Display.of(form, as_json=as_json, wide=wide)

    async def read(service: Management) -> Document:
        found: Document = await service.call("rtp_relay:nodes")
        return found

    async def show_again(service: Management) -> None:
        async def look() -> list[Table[Any]]:
            document = await read(service)
            return tables(_statuses(document), document["decided"])

        await watch(look, display)

    if watch_:
        watched(display.form)
        manage(config, show_again)
        return
    document = manage(config, read)
    statuses = _statuses(document)
    if display.form is Form.JSON:
        print_json(document)
    elif display.form is Form.CSV:
        print_tables([everything(statuses)], display)
    else:
        print_tables(tables(statuses, document["decided"]), display)
    if not statuses:
        fail(Exit.UNREACHABLE, _why_none(asyncio.run(refused_writes(load_or_exit(config)))))
    if fail_if_down and any(node.state is NodeState.DOWN for status in statuses for node in status.nodes):
        raise typer.Exit(Exit.FAILED)


def _why_none(unwritten: str) -> str:
    """Say that no control node is alive, unless none can say so. unwritten: why Redis takes no writes."""
    return NOT_KNOWN.format(unwritten) if unwritten else "no control node is alive"


def _statuses(document: Document) -> list[ControlNodeStatus]:
    try:
        return [status_of(status) for status in document["control_nodes"]]
    except ValueError as error:
        fail(Exit.FAILED, str(error))


def tables(statuses: Sequence[ControlNodeStatus], decided: Sequence[Document]) -> list[Table[Any]]:
    """Return a table for each control node, one for all its workers where it has several; and one of decisions.

    What operators have decided goes before what configuration files say.
    """
    made: list[Table[Any]] = [
        Table(_title(merged(name, workers), workers), COLUMNS, merged(name, workers).nodes)
        for name, workers in together(statuses).items()
    ]
    if decided:
        made.append(Table("decided by operators, for all control nodes", DECISIONS, decided))
    return made


def everything(statuses: Sequence[ControlNodeStatus]) -> Table[tuple[str, NodeStatus]]:
    """Return one table of what each control node sees."""
    rows = [(name, node) for name, workers in together(statuses).items() for node in merged(name, workers).nodes]
    seen_by: Column[tuple[str, NodeStatus]] = Column(name="control node", of=lambda row: row[0])
    rest = [_of_second(column) for column in COLUMNS]
    return Table("", (seen_by, *rest), rows)


def _of_second(column: Column[NodeStatus]) -> Column[tuple[str, NodeStatus]]:
    """Return a column of nodes for rows that begin with who sees the node."""

    def of(row: tuple[str, NodeStatus]) -> object:
        return column.of(row[1])

    return Column(name=column.name, of=of)


def _title(status: ControlNodeStatus, workers: Sequence[ControlNodeStatus]) -> str:
    title = f"control node {status.name}, version {status.version}, running since {utc(status.started_at)} UTC"
    return title if workers[0].name == status.name else f"{title}, {len(workers)} workers"
