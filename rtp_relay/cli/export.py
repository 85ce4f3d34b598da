"""`rtp-relay export` and `import`: ended calls into a file, and from one into a journal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Protocol

import typer

from events.ended import EndedCall
from events.errors import error_text
from events.journal import Conflict, CorruptEntry, Journal, JournalUnavailable, NewerEntry, TailLostError
from events.names import CallId
from events.reading import read_all
from events.records import NOTHING, Index, Recorded
from replay.fold import Inconsistent, fold
from replay.history.redact import without_keys
from replay.privacy.numbers import Numbers
from replay.projection import Deadlines, project
from rtp_relay.archive.files import SUFFIX, ArchiveError, ArchiveWriter, calls_of, files_of
from rtp_relay.archive.lines import ArchivedCall
from rtp_relay.archive.parquet import NoParquet, ParquetWriter
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption, load_or_exit
from rtp_relay.cli.output import fail, say
from rtp_relay.cli.reading import (
    AGAIN,
    LATE,
    SinceOption,
    UntilOption,
    ended_pages,
    pages_as_they_end,
    period,
    read_journal,
)

ToOption = Annotated[
    Path, typer.Option("--to", metavar="FILE", help=f"Where to: FILE{SUFFIX}, or FILE.parquet for tools that count.")
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on with calls as they end, until interrupted.")]
SecretsOption = Annotated[bool, typer.Option("--secrets", help="Leave the keys in the session descriptions.")]
FileArgument = Annotated[
    Path, typer.Argument(metavar="PATH", help=f"An archive: a {SUFFIX} file, or a directory of such.")
]

PARQUET: Final = ".parquet"

AT_ONCE: Final = 4
"""So many calls are read at the same time."""

PAUSE: Final = 0.002
"""Seconds between two of these, so that the journal has time for its control nodes."""


_OWNER_ALONE: Final = 0o077
"""What a new file's mode leaves out (umask(2)), so that only its owner reads it."""

ReadEntries = Callable[[EndedCall], Awaitable[Sequence[Recorded]]]
"""Reads what can be read of a call's stream."""


Pages = AsyncIterator[Sequence[EndedCall]]


class Writer(AbstractContextManager["Writer"], Protocol):
    """What calls are written with."""

    def has(self, row: EndedCall) -> bool:
        """Return whether a call is written already."""

    def forget(self, before: int) -> None:
        """Have no calls in mind that ended before a time: it will hardly be asked for them."""

    def write(self, row: EndedCall, entries: Sequence[Recorded]) -> None:
        """Write a call."""


def export(
    *,
    to: ToOption,
    config: ConfigOption = None,
    since: SinceOption = "1d",
    until: UntilOption = "",
    follow: FollowOption = False,
    secrets: SecretsOption = False,
) -> None:
    """Write ended calls into a file, with all their events: before the journal forgets them, or for use elsewhere.

    A file that is there is gone on with: calls that it has are not written again. Each line is chained to the one
    before, so that it shows if one is changed. Session descriptions are without their keys, but with --secrets: only
    its owner can read a file that is made so.
    """
    if follow and to.suffix == PARQUET:
        fail(Exit.USAGE, f"--follow goes on with a {SUFFIX} file; a {PARQUET} file is written at once")
    if follow and until:
        fail(Exit.USAGE, "--until is not for --follow, which goes on until it is interrupted")

    loaded = load_or_exit(config)
    numbers, kept = loaded.privacy.shown, loaded.journal.kept.shortest

    async def write(journal: Journal) -> int:
        now = round(await journal.time())
        begin, end = period(since, until, now)

        def pages(writer: Writer) -> Pages:
            if follow:
                return _with_later(journal, begin, end, now, kept, forget=writer.forget)
            return ended_pages(journal, begin, end)

        entries = _entries_at_last if follow else _entries
        return await _write(pages, partial(entries, journal, set()), to, numbers, secrets=secrets)

    try:
        say(f"{read_journal(config, write)} calls written to {to}")
    except (ArchiveError, NoParquet, OSError) as error:
        fail(Exit.FAILED, error_text(error))
    except KeyboardInterrupt:
        say(f"interrupted; what is in {to} is whole")


async def _with_later(
    journal: Journal, since: int, until: int, now: int, kept: int, *, forget: Callable[[int], None]
) -> Pages:
    """Return the ended calls of a time, and others as they end; while the journal is away, wait for it.

    forget: is told before which time calls have ended that do not come again, once all of the first ones have come.
    """
    while True:
        try:
            async for page in ended_pages(journal, since, until):
                yield page
            break
        except JournalUnavailable:
            await asyncio.sleep(AGAIN)  # from the first page on: what is written is not written again
    async for page in pages_as_they_end(journal, min(until - 2 * LATE, now - LATE), kept, forget):
        yield page


async def _write(
    pages: Callable[[Writer], Pages], read: ReadEntries, to: Path, numbers: Numbers, *, secrets: bool
) -> int:
    written = 0
    with _writer(to, secrets=secrets) as writer:
        async for page in pages(writer):
            new = [row for row in page if not writer.has(row)]
            for first in range(0, len(new), AT_ONCE):
                some = new[first : first + AT_ONCE]
                for row, entries in zip(some, await asyncio.gather(*map(read, some)), strict=True):
                    if entries:
                        shown = list(map(numbers.entry, entries))
                        writer.write(numbers.ended(row), shown if secrets else list(map(without_keys, shown)))
                        written += 1
                await asyncio.sleep(PAUSE)
    return written


def _writer(to: Path, *, secrets: bool) -> Writer:
    """Open the file. One that is made for keys can be read by its owner alone; one that is there stays as it is."""
    before = os.umask(_OWNER_ALONE) if secrets else None
    try:
        return ParquetWriter(to) if to.suffix == PARQUET else ArchiveWriter(to)
    finally:
        if before is not None:
            os.umask(before)


async def _entries(journal: Journal, newer: set[CallId], row: EndedCall) -> Sequence[Recorded]:
    """Return what can be read of a call's stream; nothing of it may be left.

    A call that a newer version has served is left out: once written, it would not be written again. newer: of which it
    was said, which is done once.
    """
    try:
        return await read_all(journal, row.call_id)
    except NewerEntry as error:
        if row.call_id not in newer:
            typer.echo(f"rtp-relay: {error}: left out, it is of a newer version of rtp-relay", err=True)
            newer.add(row.call_id)
        return ()
    except CorruptEntry as error:
        typer.echo(f"rtp-relay: {error}: written up to there", err=True)
        return error.before


async def _entries_at_last(journal: Journal, newer: set[CallId], row: EndedCall) -> Sequence[Recorded]:
    """Return the same; while the journal is away, wait for it."""
    while True:
        try:
            return await _entries(journal, newer, row)
        except JournalUnavailable:
            await asyncio.sleep(AGAIN)


def import_(path: FileArgument, *, config: ConfigOption = None) -> None:
    """Write the calls of an archive into a journal, where all commands read them: to look at an incident elsewhere.

    They are ended calls there, and kept as these are. A call that the journal has already is left as it is.
    """

    async def write(journal: Journal) -> tuple[int, int]:
        counts = [0, 0]
        for file in files_of(path):
            for call in calls_of(file):
                counts[await _append(journal, _row_of(file, call), call.entries)] += 1
        return counts[True], counts[False]

    try:
        written, known = read_journal(config, write)
    except ArchiveError as error:
        fail(Exit.FAILED, str(error))
    say(f"{written} calls written" + (f", {known} left as the journal has them" if known else ""))


def _row_of(file: Path, call: ArchivedCall) -> EndedCall:
    """Return the row that a call's events give. Raises ArchiveError for one that has not ended, or makes no sense."""
    call_id = call.row.call_id
    try:
        row = project(fold(call_id, call.entries), Deadlines()).ended
    except Inconsistent as error:
        raise ArchiveError(f"{file}: call {call_id!r}, version {error.version}: {error}") from error
    if row is None:
        raise ArchiveError(f"{file}: call {call_id!r} has not ended: it would be taken for a live one")
    return row


async def _append(journal: Journal, row: EndedCall, entries: Sequence[Recorded]) -> bool:
    """Write a call that the journal does not have; return whether it was written."""
    try:
        if await journal.read(row.call_id, 0, 1):
            return False
        await journal.append(row.call_id, 0, entries, NOTHING, Index(ended=row))
    except (Conflict, TailLostError, CorruptEntry):
        return False
    return True
