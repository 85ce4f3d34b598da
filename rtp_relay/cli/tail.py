"""`rtp-relay tail`: events of all calls as they are written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Final

import typer

from actors.control.documents import Document, of_history
from events.journal import Journal, JournalUnavailable
from events.values import value
from replay.history.timeline import timeline
from replay.privacy.numbers import ALL_SHOWN, Numbers
from replay.search import is_by
from rtp_relay.assembly.errors import what_ails
from rtp_relay.cli.filtered_names import Names, check_event, set_named, warn
from rtp_relay.cli.following import Follower, Gap, Told
from rtp_relay.cli.listing.columns import At, Column, Columns, Cut, number
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WideOption
from rtp_relay.cli.listing.writing import stream
from rtp_relay.cli.options import ConfigOption, load_or_exit, not_empty
from rtp_relay.cli.output import utc
from rtp_relay.cli.reading import AGAIN, read_journal, time_of

SinceOption = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Begin with what was written then: 5m, 2026-05-04T10:30Z.")
]
NodeOption = Annotated[
    str, typer.Option("--node", callback=not_empty, help="Only calls that are or were on this node.")
]
SetOption = Annotated[
    str, typer.Option("--set", callback=not_empty, help="Only calls that are or were on nodes of this set.")
]
EventOption = Annotated[
    str, typer.Option("--event", callback=not_empty, help="Only events of this name: answered, offer failed.")
]
CallOption = Annotated[str, typer.Option("--call", callback=not_empty, help="Only calls with this in their call-id.")]
ControlOption = Annotated[
    str,
    typer.Option(
        "--control-node", callback=not_empty, help="Only what this control node, or one of its workers, wrote."
    ),
]
LinesOption = Annotated[bool, typer.Option("--json", help="Write each event as a JSON document, one a line.")]

LOOK: Final = 0.5
"""Seconds between two looks."""


@value
class Row:
    """What is told in a line: when, of which call, at which version of it, what happened, in words."""

    at: At | None
    call_id: str
    version: str
    event: str
    facts: str


COLUMNS: Final[Columns[Row]] = (
    Column(name="at (UTC)", of=lambda row: row.at, rank=2, least=23, usual=23, field="at"),
    Column(name="call-id", of=lambda row: row.call_id, rank=0, least=16, usual=32, cut=Cut.MIDDLE),
    number("version", lambda row: row.version, rank=4),
    Column(name="event", of=lambda row: row.event, rank=1, least=14, usual=18),
    Column(name="what", of=lambda row: row.facts, rank=3, usual=100),
)


@value(kw_only=True)
class Filter:
    """Which events are wanted: those that have all that is given; "" leaves it open."""

    node: str = ""
    set: str = ""
    event: str = ""
    call: str = ""
    by: str = ""

    def takes(self, told: Told) -> bool:
        """Return whether an event, or one of those that an entry has become, is wanted."""
        return (
            self.node in ("", *told.nodes)
            and self.set in ("", *told.sets)
            and is_by(self.by, told.entry.by)
            and self.event in ("", *(event.name for event in told.entry.events))
            and self.call.casefold() in told.call_id.casefold()
        )


def tail(
    *,
    config: ConfigOption = None,
    since: SinceOption = "0s",
    node: NodeOption = "",
    set_: SetOption = "",
    event: EventOption = "",
    call: CallOption = "",
    control_node: ControlOption = "",
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: LinesOption = False,
) -> None:
    """Tell what happens to all calls, event by event, until interrupted.

    While the journal is away it waits, and then goes on with the first event that was not told; what it has removed by
    then is told of as a gap. Session descriptions are left out of lines, and without their keys in JSON.
    """
    loaded = load_or_exit(config)
    check_event(event)
    wanted = Filter(node=node, set=set_named(set_, loaded.sets.names), event=event, call=call, by=control_node)
    display = Display.of(form, as_json=as_json, wide=wide)

    async def follow(journal: Journal) -> None:
        begun = time_of("--since", since, round(await journal.time()))
        names = Names()
        await names.look_up(loaded, journal)
        warn(names.missing(node=wanted.node, set_=wanted.set, control_node=wanted.by))
        kept = loaded.journal.kept.shortest
        await tell(journal, begun, wanted, loaded.privacy.shown, kept=kept, display=display)

    with suppress(KeyboardInterrupt):
        read_journal(config, follow)


async def tell(
    journal: Journal,
    begun: int,
    wanted: Filter,
    numbers: Numbers = ALL_SHOWN,
    *,
    kept: int = 0,
    display: Display = Display(),  # noqa: B008 - it is frozen
) -> None:
    """Tell of events that are wanted, and of gaps, for ever. kept: for how many ms ended calls are kept at least."""
    found = _found(journal, begun, wanted, kept)
    shown = (replace(one, entry=numbers.entry(one.entry)) if isinstance(one, Told) else one async for one in found)
    if display.form is not Form.JSON:
        await stream(COLUMNS, (row async for one in shown for row in _rows(one)), display)
    async for one in shown:
        for document in _documents(one):
            typer.echo(json.dumps(document))


async def _found(journal: Journal, begun: int, wanted: Filter, kept: int) -> AsyncIterator[Told | Gap]:
    """Return the entries with events that are wanted, and gaps, for ever; wait while the journal is away."""
    gaps: list[Gap] = []
    follower = Follower(journal, begun, gap=gaps.append, kept=kept)
    away = False
    while True:
        try:
            async for told in follower.look():
                while gaps:
                    yield gaps.pop(0)
                if wanted.takes(told):
                    yield told
            while gaps:
                yield gaps.pop(0)
        except JournalUnavailable as error:
            if not away:
                typer.echo(f"rtp-relay: the journal {what_ails(error)}; it is tried again", err=True)
            away = True
            await asyncio.sleep(AGAIN)
        else:
            away = False
            await asyncio.sleep(LOOK)


def _documents(one: Told | Gap) -> list[Document]:
    """Return the documents of an entry; none says when it was since the call's first event, which is not known here.

    That of a gap says what is not told: of a call after a version, or of all that ended in a time.
    """
    if isinstance(one, Gap):
        where = (
            {"call_id": one.call_id, "after": one.after} if one.call_id else {"since": one.since, "until": one.until}
        )
        return [{"gap": one.why, **where}]
    documents = of_history([one.entry], secrets=False)
    without = [{name: said for name, said in each.items() if name != "since"} for each in documents]
    return [{"call_id": one.call_id, **each} for each in without]


def _rows(one: Told | Gap) -> list[Row]:
    if isinstance(one, Told):
        moments = timeline([one.entry])
        return [
            Row(At(each.at, f"{each.day} {each.time_of_day}"), one.call_id, str(each.version), each.title, each.facts)
            for each in moments
        ]
    if one.call_id:
        return [Row(None, one.call_id, f">{one.after}", "gap", one.why)]
    return [Row(At(one.since, utc(one.since)), "", "", "gap", f"up to {utc(one.until)}: {one.why}")]
