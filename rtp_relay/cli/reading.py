"""Reading the journal in the command's own process, so that no control node has work of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from events.ended import EndedCall
from events.journal import Journal, JournalMismatch, JournalUnavailable
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import load_or_exit
from rtp_relay.cli.output import fail
from rtp_relay.config import values
from rtp_relay.config.problems import Wrong
from rtp_relay.service import open_journal

T = TypeVar("T")

PAGE: Final = 500
"""So many ended calls are read at once."""

PAUSE: Final = 0.002
"""Seconds between two pages, so that the journal has time for its control nodes."""

SinceOption = Annotated[
    str, typer.Option("--since", metavar="TIME", help="Only calls that ended then or later: 2h, 1d, 2026-05-04T10:30Z.")
]
UntilOption = Annotated[str, typer.Option("--until", metavar="TIME", help="Only calls that ended before: the same.")]


def read_journal(path: Path | None, work: Callable[[Journal], Awaitable[T]]) -> T:
    """Return what `work` comes to with the journal of a configuration; end when it cannot be read."""
    config = load_or_exit(path)

    async def read() -> T:
        async with open_journal(config) as journal:
            return await work(journal)

    try:
        return asyncio.run(read())
    except JournalUnavailable as error:
        fail(Exit.UNREACHABLE, f"the journal cannot be reached: {error}")
    except JournalMismatch as error:
        fail(Exit.USAGE, f"the journal cannot be used: {error}")


async def ended_calls(journal: Journal, since: int, until: int) -> AsyncIterator[EndedCall]:
    """Return the calls that ended in this time (ms since the epoch), the newest first, page by page."""
    while until:
        page = await journal.ended_calls(since, until, PAGE)
        for call in page.calls:
            yield call
        until = page.until
        await asyncio.sleep(PAUSE)


def time_of(option: str, text: str, now: int) -> int:
    """Return a time in ms since the epoch: how long ago (2h, 90s), or a date with a time, UTC if it does not say."""
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
