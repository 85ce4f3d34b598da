"""A terminal with a person before it: a program runs in a pty, keys are pressed, and the screen is looked at."""

from __future__ import annotations

import asyncio
import fcntl
import io
import itertools
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.peers.peer import wait_until


class Terminal:
    """What a program draws, and what is typed to it."""

    def __init__(self, master: int, process: asyncio.subprocess.Process, columns: int, lines: int) -> None:
        self._master = master
        self.process = process
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the program has gone
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
            return
        self.written += data
        self._stream.feed(data)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    async def shows(self, *words: str, without: str = "", within: float = 60) -> None:
        """Wait until all of these words stand on the screen."""

        async def all_there() -> bool:
            return all(word in self.text for word in words) and (not without or without not in self.text)

        try:
            await wait_until(all_there, f"{words} on the screen", within)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{self.text}") from None

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, and tell the program."""
        self.screen.resize(lines, columns)
        _set_size(self._master, columns, lines)

    def keep_picture(self, name: str, title: str) -> None:
        """Write what stands on the screen as an SVG picture into the folder that RTP_RELAY_PICTURES names."""
        folder = os.environ.get("RTP_RELAY_PICTURES")
        if folder:
            (Path(folder) / f"{name}.svg").write_text(self.picture(title), encoding="utf-8")

    def picture(self, title: str) -> str:
        """Return what stands on the screen as an SVG picture, with no font from elsewhere."""
        size = self.screen.columns
        paper = Console(record=True, width=size, file=io.StringIO(), force_terminal=True, color_system="standard")
        rows = [self._styled(row) for row in range(self.screen.lines)]
        while rows and not rows[-1].plain.strip():
            rows.pop()
        for row in rows:
            paper.print(row, no_wrap=True, overflow="crop", highlight=False)
        template = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        return paper.export_svg(title=title, code_format=template)

    def _styled(self, row: int) -> Text:
        cells = self.screen.buffer[row]
        text = Text()
        for style, run in itertools.groupby(map(cells.__getitem__, range(self.screen.columns)), _style_of):
            text.append("".join(cell.data for cell in run), style)
        return text

    async def ended(self) -> int:
        """Wait for the end of the program, and return its exit code."""
        async with asyncio.timeout(60):
            return await self.process.wait()


@asynccontextmanager
async def at_a_terminal(
    *words: str, columns: int = 80, lines: int = 24, env: Mapping[str, str] | None = None
) -> AsyncIterator[Terminal]:
    """Run `rtp-relay` with these words at a terminal of its own."""
    master, slave = pty.openpty()
    _set_size(master, columns, lines)
    # What stands in COLUMNS goes before the terminal's own size; xdist's processes have it set.
    given = dict(os.environ if env is None else env)
    environment = {key: value for key, value in given.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rtp_relay", *words),
        env=environment | {"TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    terminal = Terminal(master, process, columns, lines)
    try:
        yield terminal
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)


def _set_size(master: int, columns: int, lines: int) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def _style_of(cell: pyte.screens.Char) -> Style:
    """Return how a cell looks; colours of a terminal have other names here."""
    color = None if cell.fg == "default" else cell.fg.replace("brown", "yellow")
    return Style(color=color, bold=cell.bold, reverse=cell.reverse)
