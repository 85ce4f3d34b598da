"""What nothing but the collector can free is freed, however little happens after a flood."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from rtp_relay.assembly import garbage
from tests.peers.peer import wait_until


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class Loop:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_cycles_that_grew_old_are_freed_when_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "INTERVAL", 0.05)
    garbage.spare_the_collector()
    made = Loop()
    seen = weakref.ref(made)
    gc.collect(1)  # it is of the oldest generation from here on
    del made

    async def freed() -> bool:
        kept.extend([] for _ in range(50_000))  # a small part of what a look at everything waits for by itself
        return seen() is None

    kept: list[list[object]] = []
    collecting = asyncio.create_task(garbage.collect_when_idle())
    try:
        await wait_until(freed, "the cycle is freed")
    finally:
        collecting.cancel()
