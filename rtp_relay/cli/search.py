"""`rtp-relay search`: ended calls, found by what is known of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from actors.control.documents import of_ended
from events.ended import EndedCall, Outcome
from events.journal import Journal
from replay.privacy.numbers import Numbers
from replay.search import Wanted
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.filtered_names import Names, check_engine, set_named, warn
from rtp_relay.cli.listing.columns import Column, Columns, Cut, Lasting, Since
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WideOption
from rtp_relay.cli.listing.writing import stream
from rtp_relay.cli.options import ConfigOption, JsonOption, is_given, load_or_exit, not_empty
from rtp_relay.cli.output import fail
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
from rtp_relay.config import Config

NodeOption = Annotated[
    str, typer.Option("--node", callback=not_empty, help="Only calls that had a session on this node.")
]
SetOption = Annotated[str, typer.Option("--set", callback=not_empty, help="Only calls that were on nodes of this set.")]
EngineOption = Annotated[str, typer.Option("--engine", callback=not_empty, help="Only calls on this kind of relay.")]
ControlOption = Annotated[
    str,
    typer.Option(
        "--control-node",
        callback=not_empty,
        help="Only calls that this control node, or one of its workers, wrote last of.",
    ),
]
PartyOption = Annotated[
    str, typer.Option("--party", callback=not_empty, help="Only calls with this in the URI of caller or callee.")
]
TagOption = Annotated[str, typer.Option("--tag", callback=not_empty, help="Only calls of which a party had this tag.")]
OutcomeOption = Annotated[Outcome | None, typer.Option("--outcome", help="Only calls that came to this.")]
FailureOption = Annotated[
    str, typer.Option("--failure", callback=not_empty, help="Only calls where this is in what went wrong.")
]
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
TextOption = Annotated[
    str, typer.Option("--text", callback=not_empty, help="Only calls with this in anything that is known of them.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Show only so many, the newest; 0 for all.")]
FollowOption = Annotated[
    bool, typer.Option("--follow", "-f", help="Tell of calls as they end from now on, until interrupted.")
]

COLOURS: Final = {Outcome.ANSWERED: "green", Outcome.FAILED: "bold red", Outcome.LOST: "bold red"}


def _media(call: EndedCall) -> str:
    """Return how the media of a call were, in a few words."""
    loss = f"{100 * call.lost / (call.packets + call.lost):.1f}% lost" if call.lost else ""
    told = ("ONE WAY" if call.one_way else "", f"MOS {call.mos / 10:.1f}" if call.mos else "", loss)
    return " ".join(filter(None, told))


COLUMNS: Final[Columns[EndedCall]] = (
    Column(name="call-id", of=lambda call: call.call_id, rank=0, least=16, usual=32, cut=Cut.MIDDLE),
    Column(name="ended", of=lambda call: Since(call.ended), rank=2, least=6, usual=6),
    Column(
        name="outcome",
        of=lambda call: call.outcome,
        least=10,
        usual=10,
        colour=lambda call: COLOURS.get(call.outcome, "yellow"),
    ),
    Column(name="took", of=lambda call: Lasting(call.ended - call.created) if call.created else "", rank=5, least=6),
    Column(name="failure", of=lambda call: call.failure, rank=3, least=20, usual=24),
    Column(name="media", of=_media, rank=4, least=12, usual=24),
    Column(name="nodes", of=lambda call: " ".join(call.nodes), rank=6, usual=14, cut=Cut.MIDDLE),
    Column(name="caller", of=lambda call: call.caller, rank=7, least=12, usual=24, cut=Cut.MIDDLE),
    Column(name="callee", of=lambda call: call.callee, rank=8, least=12, usual=24, cut=Cut.MIDDLE),
)


def search(
    context: typer.Context,
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
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Find calls that have ended, the newest first. With --follow each is told as it ends; JSON is one a line then."""
    if follow:
        _check_follows(context)
    check_engine(engine)
    loaded = load_or_exit(config)
    wanted = Wanted(
        node=node,
        set=set_named(set_, loaded.sets.names),
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
    finding = _Finding(loaded, wanted, Display.of(form, as_json=as_json, wide=wide), since, until, limit)
    if archive is not None:
        asyncio.run(finding.in_archive(archive))
        return
    with suppress(KeyboardInterrupt):
        read_journal(config, finding.follow if follow else finding.in_journal)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What is to be found, and how it is shown."""

    config: Config
    wanted: Wanted
    display: Display
    since: str
    until: str
    limit: int
    names: Names = field(default_factory=Names)

    @property
    def _numbers(self) -> Numbers:
        return self.config.privacy.shown

    async def in_archive(self, archive: Path) -> None:
        """Show calls of an archive. What nodes, sets and control nodes there are else, it does not tell."""
        await self._show(archived_calls(archive, *period(self.since, self.until, clock())))
        warn(self._missing())

    async def in_journal(self, journal: Journal) -> None:
        """Show calls of the journal. Ends with NOT_FOUND where there is nothing of a name that is wanted."""
        await self._show(ended_calls(journal, *period(self.since, self.until, round(await journal.time()))))
        if self.wanted.node or self.wanted.set or self.wanted.by:
            await self.names.look_up(self.config, journal)
        if self._missing():
            fail(Exit.NOT_FOUND, self._missing())

    async def follow(self, journal: Journal) -> None:
        """Tell of calls as they end."""
        await self.names.look_up(self.config, journal)
        warn(self._missing())
        kept = self.config.journal.kept.shortest
        await tell_as_they_end(journal, self.wanted, self._numbers, self.display, kept=kept)

    def _missing(self) -> str:
        return self.names.missing(node=self.wanted.node, set_=self.wanted.set, control_node=self.wanted.by)

    async def _show(self, calls: AsyncIterator[EndedCall]) -> None:
        found = wanted_of(self.names.met_in(calls), self.wanted, self._numbers)
        await _show(_first(found, self.limit), self.display)


def _check_follows(context: typer.Context) -> None:
    """End where something is said of which calls of before are wanted, of which there are none."""
    for name in ("since", "until", "limit", "archive"):
        if is_given(context, name):
            fail(Exit.USAGE, f"--{name} is not for --follow, which tells of calls as they end from now on")


async def wanted_of(calls: AsyncIterator[EndedCall], wanted: Wanted, numbers: Numbers) -> AsyncIterator[EndedCall]:
    """Return the calls that are wanted, as they may be shown."""
    async for call in calls:
        if numbers.takes(wanted, call):
            yield numbers.ended(call)


async def _first(calls: AsyncIterator[EndedCall], limit: int) -> AsyncIterator[EndedCall]:
    """Return the first calls; 0 for all."""
    found = 0
    async for call in calls:
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


async def _show(calls: AsyncIterator[EndedCall], display: Display) -> None:
    if display.form is Form.JSON:
        await _print_json(calls)
        return
    found = await stream(COLUMNS, calls, display)
    if display.form is Form.TABLE:
        typer.echo(f"{found} ended call{'' if found == 1 else 's'}")


async def tell_as_they_end(
    journal: Journal, wanted: Wanted, numbers: Numbers, display: Display, *, kept: int = 0
) -> None:
    """Tell of calls that are wanted as they end, for ever. kept: for how many ms ended calls are kept at least."""
    calls = wanted_of(as_they_end(journal, round(await journal.time()), kept), wanted, numbers)
    if display.form is not Form.JSON:
        await stream(COLUMNS, calls, display)
    async for call in calls:
        typer.echo(json.dumps(of_ended(call)))
