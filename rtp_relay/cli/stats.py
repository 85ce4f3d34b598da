"""`rtp-relay stats`: what ended calls have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import typer

from actors.control.documents import Document, iso
from events.ended import EndedCall, Outcome
from events.journal import Journal
from replay.history.timeline import delta
from replay.statistics import Share, Statistics, Times, plot
from rtp_relay.cli.listing.columns import Column, Columns, Cut, number
from rtp_relay.cli.listing.display import Display, Form, OutputOption, WideOption
from rtp_relay.cli.listing.text import clean
from rtp_relay.cli.listing.writing import Table, print_tables
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit
from rtp_relay.cli.output import print_json, utc
from rtp_relay.cli.reading import (
    LATE,
    ArchiveOption,
    SinceOption,
    UntilOption,
    archived_calls,
    clock,
    ended_calls,
    period,
    read_journal,
)

BUCKETS: Final = 60
"""Characters of the plots."""

CAUSES: Final = 15
"""So many causes of failures are shown."""

_TOLD: Final = (Outcome.ANSWERED, Outcome.UNANSWERED, Outcome.FAILED, Outcome.LOST)


CAUSE_COLUMNS: Final[Columns[tuple[str, int]]] = (
    number("calls", lambda row: row[1], rank=0),
    Column(name="cause", of=lambda row: row[0], rank=0, least=20),
)


def stats(
    *,
    config: ConfigOption = None,
    since: SinceOption = "1d",
    until: UntilOption = "",
    archive: ArchiveOption = None,
    wide: WideOption = False,
    form: OutputOption = Form.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Count calls that have ended: how, how long their set-up took, what went wrong, on which nodes and sets."""
    numbers = load_or_exit(config).privacy.shown

    async def count(calls: AsyncIterator[EndedCall], begin: int, end: int) -> tuple[Statistics, int, int]:
        counted = Statistics(begin, end, BUCKETS)
        async for call in calls:
            counted.add(numbers.ended(call))
        return counted, begin, end

    async def read(journal: Journal) -> tuple[Statistics, int, int]:
        now = round(await journal.time())
        begin, end = period(since, until, now)
        return await count(ended_calls(journal, begin, end), begin, min(end, now + LATE))

    if archive is not None:
        now = clock()
        begin, end = period(since, until, now)
        counted, begin, end = asyncio.run(count(archived_calls(archive, begin, end), begin, min(end, now + LATE)))
    else:
        counted, begin, end = read_journal(config, read)
    display = Display.of(form, as_json=as_json, wide=wide)
    if display.form is Form.JSON:
        print_json({"since": iso(begin), "until": iso(end), **_document(counted)})
    elif display.form is Form.CSV:
        print_tables(_tables(counted), display)
    else:
        _show(counted, begin, end, display)


def _document(counted: Statistics) -> Document:
    return {
        **_of_share(counted.total),
        "talked_ms": _of_times(counted.talked),
        "mos": {f"{mos / 10:.1f}": calls for mos, calls in sorted(counted.mos.items())},
        "branches": dict(sorted(counted.branches.items())),
        "causes": dict(counted.causes.most_common()),
        "nodes": {name: _of_share(share) for name, share in sorted(counted.nodes.items())},
        "sets": {name: _of_share(share) for name, share in sorted(counted.sets.items())},
        "ended": counted.ended,
        "failures_over_time": counted.failed,
    }


def _of_share(share: Share) -> Document:
    outcomes = {str(outcome): share.outcomes[outcome] for outcome in _TOLD}
    return {
        "calls": share.calls,
        **outcomes,
        "failures": share.failures,
        "moves": share.moves,
        "one_way": share.one_way,
        "loss_percent": round(share.loss, 3),
        "set_up_ms": _of_times(share.set_up),
    }


def _of_times(times: Times) -> Document:
    return {f"p{percent}": times.percentile(percent) for percent in (50, 95, 99)}


def _show(counted: Statistics, begin: int, end: int, display: Display) -> None:
    total = counted.total
    typer.echo(f"{total.calls} calls ended from {utc(begin)} to {utc(end)} UTC")
    if not total.calls:
        return
    for line in _summary(counted):
        typer.echo(clean(line))
    print_tables(_tables(counted), display)


def _summary(counted: Statistics) -> list[str]:
    told = {
        "ended": f"{plot(counted.ended)}  at most {max(counted.ended)}",
        "went wrong": f"{plot(counted.failed)}  at most {max(counted.failed)}",
        "set-up": _told(counted.total.set_up),
        "talked": _told(counted.talked),
        "media": _quality(counted),
        "branches": ", ".join(f"{number}: {calls}" for number, calls in sorted(counted.branches.items())),
    }
    return [*(f"{what:<10}  {said}" for what, said in told.items()), ""]


def _tables(counted: Statistics) -> list[Table[Any]]:
    made: list[Table[Any]] = [
        Table(f"by {what}", _columns(what), sorted(shares.items()))
        for what, shares in (("node", counted.nodes), ("set", counted.sets))
    ]
    causes = counted.causes.most_common(CAUSES)
    return [*made, Table("what went wrong", CAUSE_COLUMNS, causes)] if causes else made


def _columns(what: str) -> Columns[tuple[str, Share]]:
    """Return the columns of a table by node or by set."""
    return (
        Column(name=what, of=lambda row: row[0], rank=0, least=12, cut=Cut.MIDDLE),
        number("calls", lambda row: row[1].calls, rank=0),
        *map(_of_outcome, _TOLD),
        number("went wrong", lambda row: row[1].failures, rank=2),
        number("moves", lambda row: row[1].moves, rank=5),
        number("one way", lambda row: row[1].one_way, rank=3),
        number("lost %", lambda row: f"{row[1].loss:.2f}", rank=2),
        number("set-up p50", lambda row: _ms(row[1].set_up.percentile(50)), rank=4),
        number("p99", lambda row: _ms(row[1].set_up.percentile(99)), rank=4),
    )


def _of_outcome(outcome: Outcome) -> Column[tuple[str, Share]]:
    return number(str(outcome), lambda row: row[1].outcomes[outcome], rank=1)


def _quality(counted: Statistics) -> str:
    calls = sum(counted.mos.values())
    average = sum(mos * number for mos, number in counted.mos.items()) / max(calls, 1) / 10
    mos = f"MOS {average:.1f} on average ({calls} calls), " if calls else ""
    return f"{mos}{counted.total.loss:.2f}% of the packets lost, {counted.total.one_way} calls one way"


def _told(times: Times) -> str:
    return ", ".join(f"p{percent} {_ms(times.percentile(percent))}" for percent in (50, 95, 99))


def _ms(ms: int | None) -> str:
    return "-" if ms is None else delta(ms).removeprefix("+")
