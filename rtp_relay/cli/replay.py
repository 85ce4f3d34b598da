"""`rtp-relay replay`: what other relays answer to what ended calls have asked of theirs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from actors.node_table import NodeTable
from actors.what_if.recording import Recording, recording_of
from actors.what_if.run import Pace, compare_all
from events.journal import CorruptEntry, Journal
from events.names import CallId
from events.reading import read_all
from events.records import Recorded
from replay.fold import Inconsistent
from rtp_relay.archive.files import ArchiveError, calls_of, files_of
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.nodes import open_nodes
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.listing.display import Display, WideOption
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit, not_empty
from rtp_relay.cli.output import fail, print_json
from rtp_relay.cli.reading import SinceOption, UntilOption, clock, ended_calls, period, read_journal
from rtp_relay.cli.replay_report import Report, document, show
from rtp_relay.config import Config
from rtp_relay.logs import set_up

WhatArgument = Annotated[
    str,
    typer.Argument(
        metavar="[PATH|CALL-ID]",
        callback=not_empty,
        help="An archive, or the Call-ID of a call that the journal has; without it calls that the journal has.",
    ),
]
AgainstOption = Annotated[
    Path, typer.Option("--against", metavar="CONFIG", help="A configuration, whose nodes are asked.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=0, help="Only so many calls; 0 for all.")]
InFlightOption = Annotated[int, typer.Option("--in-flight", min=1, help="So many operations at once.")]
RateOption = Annotated[float, typer.Option("--rate", min=0, help="At most so many calls a second; 0 for no bound.")]
FlagsOption = Annotated[
    str,
    typer.Option("--flags", help="What clients of the ng door say with offers and answers, as the flags of a script."),
]

EVERY_TIME = "1970-01-01"


def replay(
    what: WhatArgument = "",
    *,
    against: AgainstOption,
    config: ConfigOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    limit: LimitOption = 0,
    in_flight: InFlightOption = 10,
    rate: RateOption = 0,
    flags: FlagsOption = "",
    wide: WideOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ask other relays what ended calls have asked of theirs, and show where their answers differ in kind.

    Nothing is journalled, and no live call is touched: sessions have ids of their own, and all are removed. It ends
    with 1 if anything differs, or if it was interrupted.
    """
    archive = _archive(what)
    if what and archive is None and (since or until):
        fail(Exit.USAGE, "--since and --until are for many calls: those of an archive, or of the journal")
    nodes, report = load_or_exit(against), Report()
    set_up(nodes.service.log_level, nodes.service.log_format)
    pace = Pace(in_flight=in_flight, rate=rate)

    async def compare(calls: AsyncIterator[tuple[CallId, Sequence[Recorded]]]) -> None:
        await _compare(_recordings(calls, limit, report), nodes, pace, flags, report)

    async def read(journal: Journal) -> None:
        if what:
            await compare(_one_call(journal, CallId(what)))
        else:
            await compare(_journalled(journal, *period(since or "1d", until, round(await journal.time()))))

    try:
        if archive is not None:
            asyncio.run(compare(_archived(archive, *period(since or EVERY_TIME, until, clock()))))
        else:
            read_journal(config, read)
    except ArchiveError as error:
        fail(Exit.FAILED, str(error))
    if as_json:
        print_json(document(report))
    else:
        show(report, Display.of(wide=wide), each=bool(what) and report.calls == 1)
    if report.differs or report.interrupted:
        raise typer.Exit(Exit.FAILED)


def _archive(what: str) -> Path | None:
    """Return the archive that is named, if it is one; a Call-ID can be longer than a path."""
    try:
        return Path(what) if what and Path(what).exists() else None
    except OSError:
        return None


async def _compare(
    recordings: AsyncIterator[Recording], config: Config, pace: Pace, flags: str, report: Report
) -> None:
    """Ask the nodes of a configuration; a signal ends it when what was made is removed."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with open_nodes(config.nodes) as nodes:
            _refuse_none(nodes)
            pause = max(node.timeout for node in config.nodes)
            await compare_all(recordings, nodes, pace=pace, flags=flags, pause=pause, stopped=stopped, tell=report.add)
    except StartError as error:
        fail(Exit.USAGE, str(error))
    finally:
        report.interrupted = stopped.is_set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _refuse_none(nodes: NodeTable) -> None:
    if not nodes.all():
        fail(Exit.USAGE, "the configuration to replay against has no [[nodes]]")


async def _recordings(
    calls: AsyncIterator[tuple[CallId, Sequence[Recorded]]], limit: int, report: Report
) -> AsyncIterator[Recording]:
    """Return what calls asked of their relays; those without any, or that cannot be read, are counted."""
    taken = 0
    async for call_id, entries in calls:
        try:
            recording = recording_of(call_id, entries)
        except Inconsistent:
            report.unreadable += 1
            continue
        if not recording.steps:
            report.empty += 1
            continue
        taken += 1
        yield recording
        if taken == limit:
            return


async def _one_call(journal: Journal, call_id: CallId) -> AsyncIterator[tuple[CallId, Sequence[Recorded]]]:
    entries = await _entries(journal, call_id)
    if not entries:
        fail(Exit.NOT_FOUND, f"no archive and no call is known under {call_id!r}")
    yield call_id, entries


async def _journalled(journal: Journal, since: int, until: int) -> AsyncIterator[tuple[CallId, Sequence[Recorded]]]:
    async for row in ended_calls(journal, since, until):
        yield row.call_id, await _entries(journal, row.call_id)


async def _entries(journal: Journal, call_id: CallId) -> Sequence[Recorded]:
    """Return what can be read of a call's stream; nothing of it may be left."""
    try:
        return await read_all(journal, call_id)
    except CorruptEntry as error:
        return error.before


async def _archived(path: Path, since: int, until: int) -> AsyncIterator[tuple[CallId, Sequence[Recorded]]]:
    for file in files_of(path):
        for call in calls_of(file):
            if since <= call.row.ended < until:
                yield call.row.call_id, call.entries
