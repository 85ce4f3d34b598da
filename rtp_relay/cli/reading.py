"""Reading the journal in the command's own process, so that no control node has work of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from events.ended import EndedCall
from events.journal import Journal, JournalMismatch, JournalUnavailable
from rtp_relay.archive.files import ArchiveError, rows_of
from rtp_relay.assembly.errors import what_ails
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import load_or_exit
from rtp_relay.cli.output import fail, utc
from rtp_relay.config import values
from rtp_relay.config.problems import Wrong
from rtp_relay.service import open_journal

LAST: Final = round(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
"""The begin of the last day that a calendar here has, ms since the epoch."""

T = TypeVar("T")

PAGE: Final = 2000
"""So many ended calls are read at once: the journal looks at two rows for each, and at more the fewer they are."""

PAUSE: Final = 0.002
"""Seconds between two pages, so that the journal has time for its control nodes."""

GIVES_WAY: Final = 10
"""By so much commands that read for long are nicer than what they were started by (nice(2))."""

LOOK: Final = 0.5
"""Seconds between two looks for calls that have ended."""

LOOKS: Final = 10
"""So many looks after the journal's clock was set forward, no control node writes by the time before any more."""

AGAIN: Final = 1.0
"""Seconds until the next look, where the journal was away."""

LATE: Final = 5000
"""Milliseconds for which a row may come later than the time at which its call ended."""

SinceOption = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Only calls that ended then or later: 2h, 1d, 2026-05-04T10:30Z.")
]
ArchiveOption = Annotated[
    Path | None,
    typer.Option("--archive", metavar="PATH", help="Read an archive, a file or a directory, in place of the journal."),
]
UntilOption = Annotated[str, typer.Option("--until", metavar="TIME", help="Only calls that ended before: the same.")]


def give_way() -> None:
    """Let this process run only where others leave it time: control nodes of this machine go before."""
    with suppress(OSError):
        os.nice(GIVES_WAY)


def read_journal(path: Path | None, work: Callable[[Journal], Awaitable[T]]) -> T:
    """Return what `work` comes to with the journal of a configuration; end when it cannot be read."""
    config = load_or_exit(path)
    give_way()

    async def read() -> T:
        async with open_journal(config) as journal:
            return await work(journal)

    try:
        return asyncio.run(read())
    except JournalUnavailable as error:
        fail(Exit.UNREACHABLE, f"the journal {what_ails(error)}")
    except JournalMismatch as error:
        fail(Exit.USAGE, f"the journal cannot be used: {error}")


async def ended_calls(journal: Journal, since: int, until: int) -> AsyncIterator[EndedCall]:
    """Return the calls that ended in this time (ms since the epoch), the newest first, page by page."""
    async for page in ended_pages(journal, since, until):
        for call in page:
            yield call


async def ended_pages(journal: Journal, since: int, until: int) -> AsyncIterator[Sequence[EndedCall]]:
    """Return the same calls, some at a time."""
    while until:
        page = await journal.ended_calls(since, until, PAGE)
        yield page.calls
        until = page.until
        await asyncio.sleep(PAUSE)


async def archived_calls(path: Path, since: int, until: int) -> AsyncIterator[EndedCall]:
    """Return an archive's calls that ended in this time, the newest first; end where it cannot be read."""
    try:
        for row in rows_of(path, since, until):
            yield row
    except ArchiveError as error:
        fail(Exit.FAILED, str(error))


async def as_they_end(journal: Journal, begun: int, kept: int = 0) -> AsyncIterator[EndedCall]:
    """Return the calls that end from `begun` on (ms since the epoch), each once, for ever."""
    async for page in pages_as_they_end(journal, begun, kept):
        for call in page:
            yield call


async def pages_as_they_end(
    journal: Journal, begun: int, kept: int = 0, passed: Callable[[int], None] = lambda _: None
) -> AsyncIterator[Sequence[EndedCall]]:
    """Return the same calls, those of a look at a time; while the journal is away, wait for it.

    Rows may come a little late, so the last seconds are looked at again and again. kept: for how many ms ended calls
    are kept at least, 0 where nobody knows; people are told of a time in which others may have ended. passed: is told
    after each look before which time calls have ended that do not come again, unless the journal's clock is set back.
    """
    told: dict[str, int] = {}
    looks: deque[int] = deque(maxlen=LOOKS)
    since, away = begun, False
    while True:
        try:
            now = round(await journal.time())
            rows = [row async for row in ended_calls(journal, since, now + LATE)]
        except JournalUnavailable as error:
            if not away:
                typer.echo(f"rtp-relay: the journal {what_ails(error)}; it is tried again", err=True)
            away = True
            await asyncio.sleep(AGAIN)
            continue
        if away and kept and since < now - kept:
            typer.echo(f"rtp-relay: what ended from {utc(since)} to {utc(now - kept)} may be kept no longer", err=True)
        away = False
        new = [row for row in rows if told.get(row.call_id) != row.ended]
        told.update((row.call_id, row.ended) for row in new)
        yield new[::-1]
        looks.append(now)
        since = min(looks) - LATE
        if begun < now:  # else the journal's clock was set back
            since = max(begun, since)
        told = {call_id: ended for call_id, ended in told.items() if ended >= since}
        passed(since)
        await asyncio.sleep(LOOK)


def clock() -> int:
    """Return the time of this machine, ms since the epoch."""
    return time.time_ns() // 1_000_000


def period(since: str, until: str, now: int) -> tuple[int, int]:
    """Return a time from its options; without an end, calls are in it that ended before the clock was set back.

    Ends where the one is not before the other.
    """
    begin, end = time_of("--since", since, now), time_of("--until", until, now) if until else LAST
    if until and end <= begin:
        fail(Exit.USAGE, f"--until {until} is not after --since {since}: nothing ended between them")
    return begin, end


def time_of(option: str, text: str, now: int) -> int:
    """Return a time in ms since the epoch: how long ago (2h, 90s), or a date with a time, UTC if it does not say.

    What is before the epoch is its begin, and what is beyond the last year of a calendar that year's end.
    """
    return min(max(0, _time_of(option, text, now)), LAST)


def _time_of(option: str, text: str, now: int) -> int:
    try:
        return now - round(values.seconds(0)(text) * 1000)
    except Wrong:
        pass
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        fail(
            Exit.USAGE, f"{option} {text}: expected how long ago, such as 2h or 1d, or a time such as 2026-05-04T10:30Z"
        )
    return round((then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp() * 1000)
