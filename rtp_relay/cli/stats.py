"""`rtp-relay stats`: what ended calls have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Final

from rich.table import Table

from actors.control.documents import Document, iso
from events.ended import EndedCall, Outcome
from events.journal import Journal
from replay.history.timeline import delta
from replay.statistics import Share, Statistics, Times, plot
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import cell, console, print_json, table, utc
from rtp_relay.cli.reading import (
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


def stats(
    *,
    config: ConfigOption = None,
    since: SinceOption = "1d",
    until: UntilOption = "",
    archive: ArchiveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count calls that have ended: how, how long their set-up took, what went wrong, on which nodes and sets."""

    async def count(calls: AsyncIterator[EndedCall], begin: int, end: int) -> tuple[Statistics, int, int]:
        counted = Statistics(begin, end, BUCKETS)
        async for call in calls:
            counted.add(call)
        return counted, begin, end

    async def read(journal: Journal) -> tuple[Statistics, int, int]:
        begin, end = period(since, until, round(await journal.time()))
        return await count(ended_calls(journal, begin, end), begin, end)

    if archive is not None:
        begin, end = period(since, until, clock())
        counted, *_ = asyncio.run(count(archived_calls(archive, begin, end), begin, end))
    else:
        counted, begin, end = read_journal(config, read)
    if as_json:
        print_json({"since": iso(begin), "until": iso(end), **_document(counted)})
    else:
        _show(counted, begin, end)


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
        "failed": counted.failed,
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


def _show(counted: Statistics, begin: int, end: int) -> None:
    screen = console()
    total = counted.total
    screen.print(f"{total.calls} calls ended from {utc(begin)} to {utc(end)} UTC")
    if not total.calls:
        return
    screen.print(f"ended   {plot(counted.ended)}  at most {max(counted.ended)}")
    screen.print(f"failed  {plot(counted.failed)}  at most {max(counted.failed)}")
    screen.print(f"set-up  {_told(total.set_up)}")
    screen.print(f"talked  {_told(counted.talked)}")
    screen.print(_quality(counted))
    screen.print("branches  " + ", ".join(f"{number}: {calls}" for number, calls in sorted(counted.branches.items())))
    for what, shares in (("node", counted.nodes), ("set", counted.sets)):
        screen.print(_shares(what, shares))
    if counted.causes:
        made = table("what went wrong", "calls", "cause")
        for cause, calls in counted.causes.most_common(CAUSES):
            made.add_row(cell(calls), cell(cause))
        screen.print(made)


def _shares(what: str, shares: Mapping[str, Share]) -> Table:
    columns = (what, "calls", *map(str, _TOLD), "went wrong", "moves", "one way", "lost", "set-up p50", "p99")
    made = table(f"by {what}", *columns)
    for name, share in sorted(shares.items()):
        outcomes = [share.outcomes[outcome] for outcome in _TOLD]
        times = [_ms(share.set_up.percentile(percent)) for percent in (50, 99)]
        media = (share.one_way, f"{share.loss:.2f}%")
        made.add_row(*map(cell, (name, share.calls, *outcomes, share.failures, share.moves, *media, *times)))
    return made


def _quality(counted: Statistics) -> str:
    calls = sum(counted.mos.values())
    average = sum(mos * number for mos, number in counted.mos.items()) / max(calls, 1) / 10
    mos = f"MOS {average:.1f} on average ({calls} calls), " if calls else ""
    return f"media   {mos}{counted.total.loss:.2f}% of the packets lost, {counted.total.one_way} calls one way"


def _told(times: Times) -> str:
    return ", ".join(f"p{percent} {_ms(times.percentile(percent))}" for percent in (50, 95, 99))


def _ms(ms: int | None) -> str:
    return "-" if ms is None else delta(ms).removeprefix("+")
