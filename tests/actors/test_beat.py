"""What a control node does by itself shares its wake-ups."""

from __future__ import annotations

import asyncio

import pytest

from actors.beat import next_beat
from tests.actors.virtual_time import VirtualTimeLoop


@pytest.mark.parametrize("begins", [0.0, 0.1, 0.49, 0.4999])
def test_those_that_beat_wake_together(begins: float) -> None:
    loop = VirtualTimeLoop()
    woken: list[tuple[float, str]] = []

    async def beat(name: str, after: float) -> None:
        await asyncio.sleep(after)
        while True:
            await next_beat(0.5)
            woken.append((round(loop.time() % 0.5, 6) % 0.5, name))

    async def run() -> None:
        tasks = [asyncio.create_task(beat("a", begins)), asyncio.create_task(beat("b", 0.2))]
        await asyncio.sleep(5.2)
        for task in tasks:
            task.cancel()

    loop.run_until_complete(run())
    loop.close()
    assert {when for when, _ in woken} == {0.0}
    assert 8 <= sum(name == "a" for _, name in woken) <= 11
