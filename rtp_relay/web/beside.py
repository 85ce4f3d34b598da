"""The page beside a service: a process of its own, which ends when the service does, however that ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Final

import structlog

from rtp_relay.config import Config
from rtp_relay.config.web import Beside

END_WITHIN: Final = 5.0
"""Seconds for which the page may take to end before it is ended by force."""

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
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Begin it, if it is wanted. Why it does not come up, it says itself."""
        if not self._wanted:
            return
        config = [] if self._file is None else ["--config", str(self._file.absolute())]
        try:
            # A session of its own: a terminal's Ctrl-C is for the service, whose end the page sees at its input.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rtp_relay", "web", "--beside-serve", *config],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            log.warning("no page", why=str(error))

    async def end(self) -> None:
        """End it, if it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, END_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
