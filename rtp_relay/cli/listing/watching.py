"""A list that is drawn again and again: it fits the terminal, follows its size, and leaves it as it was."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from events.journal import JournalUnavailable
from gateways.mi.jsonrpc import MiError
from rtp_relay.cli.listing.display import Display
from rtp_relay.cli.listing.shorten import cut
from rtp_relay.cli.listing.text import clean
from rtp_relay.cli.listing.writing import Table, lines_of

EVERY: Final = 2.0
"""Seconds between two looks."""

_OPEN, _CLOSE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""The terminal's other screen without a cursor, and back."""

_HOME, _REST_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"

Look = Callable[[], Awaitable[Sequence[Table[Any]]]]


async def watch(look: Look, display: Display) -> None:
    """Draw what a look gives until SIGINT or SIGTERM; where it fails, say so beside what was seen last."""
    tables: Sequence[Table[Any]] = ()
    async with signals() as (stop, resized):
        with other_screen():
            while not stop.is_set():
                trouble = ""
                looking = asyncio.ensure_future(look())
                await _first({looking}, stop)
                if not looking.done():
                    looking.cancel()
                    return
                try:
                    tables = looking.result()
                except (MiError, JournalUnavailable) as error:
                    trouble = str(getattr(error, "data", None) or error)
                await _show_until_next(tables, display, trouble, stop, resized)


async def _show_until_next(
    tables: Sequence[Table[Any]], display: Display, trouble: str, stop: asyncio.Event, resized: asyncio.Event
) -> None:
    """Show tables until it is time to look again, and anew when the terminal gets another size."""
    loop = asyncio.get_running_loop()
    until = loop.time() + EVERY
    while not stop.is_set() and (left := until - loop.time()) > 0:
        resized.clear()
        _draw(tables, display, trouble)
        waits = [asyncio.ensure_future(event.wait()) for event in (stop, resized)]
        await asyncio.wait(waits, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()


def _draw(tables: Sequence[Table[Any]], display: Display, trouble: str) -> None:
    size = shutil.get_terminal_size()
    fitting = Display(display.form, size.columns, display.colours, display.wide)
    now = datetime.now(UTC).strftime("%H:%M:%S")
    head = f"{now} UTC, every {EVERY:g} s, Ctrl-C ends it" + (f"; {trouble}" if trouble else "")
    lines = [cut(clean(head), size.columns), *lines_of(tables, fitting)]
    if len(lines) > size.lines:
        more = len(lines) - size.lines + 1
        lines = [*lines[: size.lines - 1], cut(f"and {more} lines more", size.columns)]
    sys.stdout.write(_HOME + "\r\n".join(line + _REST_OF_LINE for line in lines) + _REST)
    sys.stdout.flush()


@contextmanager
def other_screen() -> Iterator[None]:
    """Draw on the terminal's other screen, and have the usual one back in the end."""
    sys.stdout.write(_OPEN)
    try:
        yield
    finally:
        sys.stdout.write(_CLOSE)
        sys.stdout.flush()


@asynccontextmanager
async def signals() -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Have signals set events: one to stop, one because the terminal has another size."""
    loop = asyncio.get_running_loop()
    stop, resized = asyncio.Event(), asyncio.Event()
    events = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: stop, signal.SIGWINCH: resized}
    for number, event in events.items():
        loop.add_signal_handler(number, event.set)
    try:
        yield stop, resized
    finally:
        for number in events:
            loop.remove_signal_handler(number)


async def _first(some: set[asyncio.Future[Any]], stop: asyncio.Event) -> None:
    """Wait until one of these is done, or it is time to stop."""
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({*some, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
