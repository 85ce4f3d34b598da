"""A journal in memory in the place of the one that the commands would open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from events.journal import JournalError
from events.memory import MemoryJournal
from rtp_relay.config import Config

Fill = Callable[[MemoryJournal], Awaitable[object]]


def use_journal(monkeypatch: pytest.MonkeyPatch, fill: Fill) -> None:
    """Let the commands open a journal that `fill` has filled."""

    @asynccontextmanager
    async def open_journal(_: Config) -> AsyncIterator[MemoryJournal]:
        journal = MemoryJournal()
        await fill(journal)
        yield journal
        await journal.close()

    _let_commands_open(monkeypatch, open_journal)


def use_failing_journal(monkeypatch: pytest.MonkeyPatch, error: JournalError) -> None:
    """Let the commands fail to open the journal."""

    async def fill(_: MemoryJournal) -> None:
        raise error

    use_journal(monkeypatch, fill)


def share_journal(monkeypatch: pytest.MonkeyPatch, journal: MemoryJournal | None = None) -> MemoryJournal:
    """Return a journal that all commands open, and that stays open between them: this one, if one is given."""
    journal = MemoryJournal() if journal is None else journal

    @asynccontextmanager
    async def open_journal(_: Config) -> AsyncIterator[MemoryJournal]:
        yield journal

    _let_commands_open(monkeypatch, open_journal)
    return journal


def _let_commands_open(monkeypatch: pytest.MonkeyPatch, open_journal: object) -> None:
    for module in ("management", "reading", "reconcile"):
        monkeypatch.setattr(f"rtp_relay.cli.{module}.open_journal", open_journal)
