"""`rtp-relay search`: ended calls, found by what is known of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Final

import typer

from actors.control.documents import of_ended
from events.ended import EndedCall, Outcome
from events.journal import Journal
from replay.history.timeline import delta
from replay.search import Wanted
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import console, line, utc
from rtp_relay.cli.reading import (
    ArchiveOption,
    SinceOption,
    UntilOption,
    archived_calls,
    as_they_end,
    clock,
    ended_calls,
    period,
    read_journal,
)

NodeOption = Annotated[str, typer.Option("--node", help="Only calls that had a session on this node.")]
SetOption = Annotated[str, typer.Option("--set", help="Only calls that were on nodes of this set.")]
EngineOption = Annotated[str, typer.Option("--engine", help="Only calls on this kind of relay.")]
ControlOption = Annotated[str, typer.Option("--control-node", help="Only calls that this control node wrote last of.")]
PartyOption = Annotated[str, typer.Option("--party", help="Only calls with this in the URI of caller or callee.")]
TagOption = Annotated[str, typer.Option("--tag", help="Only calls of which a party had this tag.")]
OutcomeOption = Annotated[Outcome | None, typer.Option("--outcome", help="Only calls that came to this.")]
FailureOption = Annotated[str, typer.Option("--failure", help="Only calls where this is in what went wrong.")]
BranchesOption = Annotated[int, typer.Option("--branches", min=0, help="Only calls with at least so many branches.")]
MovesOption = Annotated[int, typer.Option("--moves", min=0, help="Only calls that were moved at least so often.")]
OneWayOption = Annotated[bool, typer.Option("--one-way", help="Only calls in which one party was not to be heard.")]
MosOption = Annotated[
    float | None, typer.Option("--mos-below", min=1, max=5, help="Only calls with a party whose MOS was below this.")
]
LossOption = Annotated[
    float | None,
    typer.Option("--loss-above", min=0, max=100, help="Only calls that lost more percent of their packets."),
]
TextOption = Annotated[str, typer.Option("--text", help="Only calls with this in anything that is known of them.")]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Show only so many, the newest; 0 for all.")]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with calls as they end, until interrupted.")]

COLUMNS: Final = ("call-id", "ended (UTC)", "outcome", "took", "media", "nodes", "caller", "callee", "failure")
_WIDTHS: Final = (32, 19, 10, 9, 16, 14, 24, 24, 0)


def search(
    *,
    config: ConfigOption = None,
    since: SinceOption = "1d",
    until: UntilOption = "",
    node: NodeOption = "",
    set_: SetOption = "",
    engine: EngineOption = "",
    control_node: ControlOption = "",
    party: PartyOption = "",
    tag: TagOption = "",
    outcome: OutcomeOption = None,
    failure: FailureOption = "",
    branches: BranchesOption = 0,
    moves: MovesOption = 0,
    one_way: OneWayOption = False,
    mos_below: MosOption = None,
    loss_above: LossOption = None,
    text: TextOption = "",
    archive: ArchiveOption = None,
    limit: LimitOption = 100,
    follow: FollowOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find calls that have ended, the newest first. With --follow each is told as it ends; JSON is one a line then."""
    wanted = Wanted(
        node=node,
        set=set_,
        engine=engine,
        by=control_node,
        party=party,
        tag=tag,
        outcome=outcome,
        failure=failure,
        branches=branches,
        moves=moves,
        one_way=one_way,
        mos_below=round((mos_below or 0) * 10),
        loss_above=None if loss_above is None else round(loss_above * 10),
        text=text,
    )

    async def tell(calls: AsyncIterator[EndedCall]) -> None:
        await (_print_json if as_json else _show)(_first(calls, wanted, limit))

    async def read(journal: Journal) -> None:
        now = round(await journal.time())
        if follow:
            await tell_as_they_end(journal, wanted, as_json=as_json)
        else:
            await tell(ended_calls(journal, *period(since, until, now)))

    if archive is not None:
        asyncio.run(tell(archived_calls(archive, *period(since, until, clock()))))
    else:
        read_journal(config, read)


async def _first(calls: AsyncIterator[EndedCall], wanted: Wanted, limit: int) -> AsyncIterator[EndedCall]:
    """Return the first calls that are wanted; 0 for all."""
    found = 0
    async for call in calls:
        if wanted.takes(call):
            found += 1
            yield call
            if found == limit:
                return


async def _print_json(calls: AsyncIterator[EndedCall]) -> None:
    """Write one JSON list, each call as it is found."""
    found = 0
    async for call in calls:
        typer.echo(f"{',' if found else '['}\n  {json.dumps(of_ended(call))}", nl=False)
        found += 1
    typer.echo("\n]" if found else "[]")


async def _show(calls: AsyncIterator[EndedCall]) -> None:
    screen, found = console(), 0
    async for call in calls:
        if not found:
            screen.print(line(COLUMNS, _WIDTHS), soft_wrap=True)
        found += 1
        screen.print(_line(call), soft_wrap=True)
    screen.print(f"{found} ended call{'' if found == 1 else 's'}")


async def tell_as_they_end(journal: Journal, wanted: Wanted, *, as_json: bool) -> None:
    """Tell of calls that are wanted as they end, for ever."""
    async for call in as_they_end(journal, round(await journal.time())):
        if wanted.takes(call):
            typer.echo(json.dumps(of_ended(call)) if as_json else _line(call))


def _line(call: EndedCall) -> str:
    took = delta(call.ended - call.created).removeprefix("+") if call.created else ""
    who = (" ".join(call.nodes), call.caller, call.callee)
    return line((call.call_id, utc(call.ended), call.outcome, took, _media(call), *who, call.failure), _WIDTHS)


def _media(call: EndedCall) -> str:
    """Return how the media of a call were, in a few words."""
    loss = f"{100 * call.lost / (call.packets + call.lost):.1f}% lost" if call.lost else ""
    told = ("ONE WAY" if call.one_way else "", f"MOS {call.mos / 10:.1f}" if call.mos else "", loss)
    return " ".join(filter(None, told))
