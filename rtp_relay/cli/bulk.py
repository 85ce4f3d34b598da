"""Jobs that move many calls: begun, watched with a bar, listed and cancelled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from actors.control.documents import Document, at_of
from gateways.mi.jsonrpc import Json
from gateways.mi.parameters import MOST
from replay.history.timeline import printable
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.listing.columns import Column, Columns, Since, number
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WatchOption, WideOption, watched
from rtp_relay.cli.listing.watching import watch
from rtp_relay.cli.listing.writing import Table, print_tables
from rtp_relay.cli.management import Management, manage
from rtp_relay.cli.options import ConfigOption, JsonOption, short
from rtp_relay.cli.output import fail, print_json

RateOption = Annotated[
    int | None, typer.Option("--rate", min=1, max=MOST, help="So many begin to move in a second, at most.")
]
InFlightOption = Annotated[
    int | None, typer.Option("--in-flight", min=1, max=MOST, help="So many move at a time, at most.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the end, and show how far it is.")]
JobArgument = Annotated[str | None, typer.Argument(metavar="[JOB]", help="The job; without it those that go on.")]
CancelOption = Annotated[bool, typer.Option("--cancel", help="Have the job move no more calls.")]
SetArgument = Annotated[str, typer.Argument(metavar="SET", help="The set, by its name or number.")]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", callback=short, help="Why, for the histories of the calls.")
]

LOOK = 0.2
"""Seconds between two looks at how far a job is."""

OVER = "over"

COLUMNS: Final[Columns[Document]] = (
    Column(name="job", of=lambda job: job["job"], rank=0, least=12),
    Column(name="state", of=lambda job: job["state"], rank=0, least=9),
    Column(name="asked", of=lambda job: Since(at_of(job["asked"])), rank=4, least=6),
    Column(name="asked by", of=lambda job: job["asked_by"], rank=6),
    Column(name="reason", of=lambda job: job["reason"], rank=5),
    number("calls", lambda job: job["calls"], rank=2),
    number("to do", lambda job: job["to_do"], rank=1),
    number("moving", lambda job: job["moving"], rank=2),
    number("moved", lambda job: job["moved"], rank=1),
    number("failed", lambda job: job["failed"], rank=1, colour=lambda job: "bold red" if job["failed"] else ""),
    number("gone", lambda job: job["gone"], rank=3),
    number("waits", lambda job: job["waits"], rank=3),
)


def moves(
    job: JobArgument = None,
    *,
    cancel: CancelOption = False,
    wait: WaitOption = False,
    config: ConfigOption = None,
    watch_: WatchOption = False,
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Show the jobs that move calls: how far each is, and what became of its calls.

    That of a job can be read for as long as histories of calls are kept. With --wait, or of a job that is over, it ends
    with 1 if calls have not moved.
    """
    if job is None:
        if cancel or wait:
            fail(Exit.USAGE, f"{'--cancel' if cancel else '--wait'}: which job? rtp-relay moves lists those that go on")
        _list(config, Display.of(form, as_json=as_json, wide=wide), again=watch_)
        return
    if watch_ or form is Form.CSV:
        fail(Exit.USAGE, "--watch and CSV are for the list of jobs; --wait shows how far one is")
    method = "rtp_relay:update_cancel" if cancel else "rtp_relay:update_status"

    async def ask(service: Management) -> Document:
        told: Document = await service.call(method, job=job)
        return await follow(service, told) if wait else told

    _show(manage(config, ask), as_json=as_json or form is Form.JSON)


def rebalance(
    name: SetArgument,
    *,
    rate: RateOption = None,
    in_flight: InFlightOption = None,
    wait: WaitOption = False,
    reason: ReasonOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the fewest calls move that bring the nodes of a set to their weights. Needs a service that runs here."""
    given = {"set": name, "rate": rate, "in_flight": in_flight, "reason": reason}
    begin(config, "rtp_relay:rebalance", given, wait=wait, as_json=as_json)


def begin(config: Path | None, method: str, given: dict[str, Json], *, wait: bool, as_json: bool) -> None:
    """Begin a job; with `wait`, show how far it is up to its end."""

    async def ask(service: Management) -> Document:
        begun: Document = await service.call(method, **given)
        if "job" not in begun or not wait:
            return begun
        if not as_json:
            typer.echo(f"job {begun['job']}")
        return await follow(service, await service.call("rtp_relay:update_status", job=begun["job"]))

    told = manage(config, ask)
    if wait and "job" in told:
        _show(told, as_json=as_json)
    elif as_json:
        print_json(told)
    elif "job" in told:
        for one in told.get("moves", ()):
            typer.echo(
                printable(
                    f"{one['calls']} call{'' if one['calls'] == 1 else 's'} from {one['node']} to {one['new_node']}"
                )
            )
        typer.echo(f"job {told['job']}; rtp-relay moves {told['job']} tells how far it is")
    else:
        typer.echo(printable(f"nothing is to be moved: {told['why']}"))


async def follow(service: Management, told: Document) -> Document:
    """Return what is told of a job at its end, and show how far it is meanwhile."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(_doing(told), total=None)
        while told["state"] != OVER:
            await asyncio.sleep(LOOK)
            told = await service.call("rtp_relay:update_status", job=told["job"])
            progress.update(bar, description=_doing(told), total=told["calls"] or None, completed=_settled(told))
    return told


def _doing(told: Document) -> str:
    return f"{told['moving']} moving, {told['failed']} failed" if told["moving"] or told["failed"] else told["state"]


def _settled(told: Document) -> int:
    return sum(int(told[outcome]) for outcome in ("moved", "waits", "failed", "gone"))


def _show(told: Document, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        typer.echo(printable(_line(told)))
        for call_id, why in told["failures"].items():
            typer.echo(printable(f"  {call_id}: {why}"))
        for call_id in told["waiting"]:
            typer.echo(printable(f"  {call_id}: waits for its next offer, or its answer"))
    if told["state"] == OVER and (told["failed"] or told["waits"] or told["ended"]):
        raise typer.Exit(Exit.FAILED)


def _line(told: Document) -> str:
    parts = [f"{told[outcome]} {outcome}" for outcome in ("moved", "failed", "gone", "waits")]
    if told["state"] != OVER:
        parts += [f"{told['moving']} moving", f"{told['to_do']} to do"]
    why = f" ({told['ended']})" if told["ended"] else ""
    return f"job {told['job']} is {told['state']}{why}: {', '.join(parts)}"


def _list(config: Path | None, display: Display, *, again: bool) -> None:
    async def ask(service: Management) -> list[Document]:
        told: list[Document] = await service.call("rtp_relay:update_status")
        return told

    async def show_again(service: Management) -> None:
        async def look() -> list[Table[Document]]:
            return [_table(await ask(service))]

        await watch(look, display)

    if again:
        watched(display.form)
        manage(config, show_again)
    elif display.form is Form.JSON:
        print_json({"jobs": manage(config, ask)})
    else:
        print_tables([_table(manage(config, ask))], display)


def _table(jobs: list[Document]) -> Table[Document]:
    return Table(
        f"{len(jobs)} job{'' if len(jobs) == 1 else 's'} that move{'s' if len(jobs) == 1 else ''} calls", COLUMNS, jobs
    )
