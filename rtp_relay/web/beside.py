"""The page beside a service: a process of its own, which ends when the service does, however that ends."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Final

import structlog

from rtp_relay.config import Config
from rtp_relay.config.web import Beside

END_WITHIN: Final = 5.0
"""Seconds for which the page may take to end before it is ended by force."""

COMES_UP: Final = 30.0
"""A page that ends by itself within so many seconds has not come up, and would not the next time."""

AGAIN: Final = 2.0
"""Seconds until one that has died is begun again."""

log = structlog.get_logger()


def is_wanted(config: Config) -> bool:
    """Return whether the page is to run beside a service of this configuration."""
    embedded = config.journal.url is None and not config.nodes
    beside = config.web.beside_serve
    return beside is Beside.ALWAYS or (beside is Beside.EMBEDDED and embedded)


class PageBeside:
    """The page of a service; `file` is where the configuration comes from."""

    def __init__(self, config: Config, file: Path | None) -> None:
        self._wanted, self._file = is_wanted(config), file
        self._process: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin it, if it is wanted, and again when it dies. Why it does not come up, it says itself."""
        if self._wanted:
            self._keeping = asyncio.create_task(self._keep(), name="page")

    async def end(self) -> None:
        """End it, if it runs."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(END_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep(self) -> None:
        config = [] if self._file is None else ["--config", str(self._file.absolute())]
        while True:
            begun = time.monotonic()
            try:
                # A session of its own: a terminal's Ctrl-C is for the service, whose end the page sees at its input.
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "rtp_relay", "web", "--beside-serve", *config),
                    stdin=asyncio.subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                log.warning("no page", why=str(error))
                return
            code = await self._process.wait()
            if code >= 0 and (code == 0 or time.monotonic() - begun < COMES_UP):
                return
            log.warning("the page has died and is begun again", exit_code=code)
            await asyncio.sleep(AGAIN)
