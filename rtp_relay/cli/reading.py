"""The control interface for a command: all of it goes through the journal, no service need run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from actors.control.control import Control
from events.journal import JournalMismatch, JournalUnavailable
from rtp_relay.assembly.nodes import spec_of
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import load_or_exit
from rtp_relay.cli.output import fail
from rtp_relay.config import Config
from rtp_relay.service import open_journal

T = TypeVar("T")


def read_control(path: Path | None, read: Callable[[Control], Awaitable[T]]) -> T:
    """Return what `read` finds by the journal that the configuration names; end when it cannot be reached or used."""
    config = load_or_exit(path)
    try:
        return asyncio.run(_read(config, read))
    except JournalUnavailable as error:
        fail(Exit.UNREACHABLE, f"the journal cannot be reached: {error}")
    except JournalMismatch as error:
        fail(Exit.USAGE, f"the journal cannot be used: {error}")


async def _read(config: Config, read: Callable[[Control], Awaitable[T]]) -> T:
    async with open_journal(config) as journal:
        return await read(Control(journal, configured=[spec_of(node) for node in config.nodes]))
