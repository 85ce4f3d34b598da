"""The loop: look every two seconds, draw after each key, and leave the terminal as it was."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from events.journal import Journal, JournalError
from gateways.mi.jsonrpc import MiError
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.listing.display import Display, takes_colours
from rtp_relay.cli.listing.watching import other_screen, signals
from rtp_relay.cli.management import Management, manage_with_journal
from rtp_relay.cli.options import ConfigOption
from rtp_relay.cli.output import fail
from rtp_relay.cli.top.gathering import Gathering, Seen
from rtp_relay.cli.top.keys import keys_of
from rtp_relay.cli.top.screen import Drawn, draw
from rtp_relay.cli.top.view import Decide, Listed, View, press

EVERY: Final = 2.0
"""Seconds between two looks."""

REASON: Final = "by rtp-relay top"

_HOME, _REST_OF_LINE = "\x1b[H", "\x1b[K"


def top(config: ConfigOption = None) -> None:
    """Show relays and calls live: states, rates, failures, losses; a call's ladder; drain and enable relays by a key.

    ? tells the keys. It asks every two seconds, for some pages at most, however many calls there are.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        fail(Exit.USAGE, "top needs a terminal; rtp-relay nodes, calls and stats are for pipes")

    async def run(service: Management, journal: Journal) -> None:
        await Top(service, Gathering(service, journal)).run()

    manage_with_journal(config, run)


class Top:
    """What is seen and looked at, and the terminal that shows it."""

    def __init__(self, service: Management, gathering: Gathering) -> None:
        self._service, self._gathering = service, gathering
        self._view, self._seen, self._trouble = View(), Seen(), "looking"
        self._drawn = Drawn((), Listed())
        self._look_now = asyncio.Event()

    async def run(self) -> None:
        """Go on until q, SIGINT or SIGTERM."""
        loop = asyncio.get_running_loop()
        keys: asyncio.Queue[bytes] = asyncio.Queue()
        async with signals() as (stop, resized):
            with other_screen(), _unbuffered_keys():
                loop.add_reader(sys.stdin.fileno(), lambda: keys.put_nowait(_pressed()))
                tasks = [
                    asyncio.create_task(each) for each in (self._look_on(), self._type_on(keys), self._fit(resized))
                ]
                ending = asyncio.create_task(stop.wait())
                try:
                    await asyncio.wait({*tasks, ending}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    loop.remove_reader(sys.stdin.fileno())
                    for task in (*tasks, ending):
                        task.cancel()
                    results = await asyncio.gather(*tasks, ending, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _look_on(self) -> None:
        while True:
            self._look_now.clear()
            view = self._view
            size = shutil.get_terminal_size()
            try:
                seen = await self._gathering.look(node=view.node, call=view.call, columns=size.columns)
            except (MiError, JournalError, ValueError) as error:
                self._trouble = str(getattr(error, "data", None) or error)
            else:
                self._seen, self._trouble = seen, ""
            self._draw()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), EVERY)

    async def _type_on(self, keys: asyncio.Queue[bytes]) -> None:
        while not self._view.over:
            data = await keys.get()
            if not data:  # the terminal is gone
                return
            for key in keys_of(data):
                await self._press(key)
            self._draw()

    async def _press(self, key: str) -> None:
        before = self._view
        self._view, decided = press(before, key, self._drawn.listed)
        if decided is not None:
            self._view = replace(self._view, notice=await self._decide(decided))
        if (self._view.node, self._view.call) != (before.node, before.call):
            self._seen = replace(
                self._seen, ladder=(), calls=self._seen.calls if self._view.node == before.node else ()
            )
        if decided is not None or (self._view.node, self._view.call) != (before.node, before.call):
            self._look_now.set()
        self._draw()

    async def _decide(self, decided: Decide) -> str:
        """Carry a decision out, and return what there is to say of it."""
        try:
            told = await self._service.call(
                "rtp_relay:node_state", node=decided.node, state=str(decided.state), reason=REASON
            )
        except (MiError, JournalError) as error:
            return f"{decided.node}: {getattr(error, 'data', None) or error}"
        return f"{decided.node} is {decided.state}; it has {told['calls']} call{'' if told['calls'] == 1 else 's'}"

    async def _fit(self, resized: asyncio.Event) -> None:
        while True:
            await resized.wait()
            resized.clear()
            self._draw()

    def _draw(self) -> None:
        size = shutil.get_terminal_size()
        display = Display(cells=size.columns, colours=takes_colours())
        self._drawn = draw(self._view, self._seen, display, size.lines, self._trouble)
        sys.stdout.write(_HOME + "\r\n".join(line + _REST_OF_LINE for line in self._drawn.lines))
        sys.stdout.flush()


def _pressed() -> bytes:
    """Return what was typed; nothing where the terminal is gone."""
    try:
        return os.read(sys.stdin.fileno(), 1024)
    except OSError:
        return b""


@contextmanager
def _unbuffered_keys() -> Iterator[None]:
    """Have each key come as it is pressed, and show none; Ctrl-C stays a signal."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
