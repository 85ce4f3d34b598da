"""What nothing but the collector can free is freed, however little happens after a flood."""

from __future__ import annotations

import asyncio
import gc
import time
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


async def test_looks_at_everything_take_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes 50 ms here: it is not worth another one before a minute has nearly passed."""
    now, looks = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await real_sleep(0)
        if now > 600:
            raise asyncio.CancelledError

    def collect() -> None:
        nonlocal now
        looks.append(now)
        now += 0.05

    real_sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "process_time", lambda: 0.0)
    monkeypatch.setattr(gc, "collect", collect)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 1, 0))
    with pytest.raises(asyncio.CancelledError):
        await garbage.collect_when_idle()
    assert len(looks) > 5
    assert 0.05 * len(looks) / now < 0.0015
