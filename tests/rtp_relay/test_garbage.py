"""What only the collector can free is freed, however little happens after a flood, and calls do not wait for it."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator

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
    monkeypatch.setattr(time, "process_time", lambda: 0.0)
    garbage.spare_the_collector()
    made = Loop()
    seen = weakref.ref(made)
    gc.collect(1)  # it is of the oldest generation from here on
    del made

    async def freed() -> bool:
        kept.extend([] for _ in range(50_000))
        return seen() is None

    kept: list[list[object]] = []
    collecting = asyncio.create_task(garbage.collect_when_idle())
    try:
        await wait_until(freed, "the cycle is freed")
    finally:
        collecting.cancel()


def test_what_is_kept_is_looked_at_once_while_calls_come() -> None:
    garbage.spare_the_collector()
    looks: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            looks.append(info["generation"])

    gc.callbacks.append(note)
    try:
        kept = [[number] for number in range(1_000_000)]
    finally:
        gc.callbacks.remove(note)
    assert len(kept) == 1_000_000
    assert len(looks) > 10
    assert set(looks) == {0}, "all that is kept was looked at again"


async def test_what_is_new_is_looked_at_though_as_much_ends_as_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself Python looks when more has come than has ended: never here, and then it would have all to look at."""
    monkeypatch.setattr(garbage, "YOUNG_INTERVAL", 0.02)
    garbage.spare_the_collector()
    looks: list[int] = []
    kept = [[number] for number in range(1_000_000)]
    gc.collect()
    collecting = asyncio.create_task(garbage.collect_new())
    try:
        for number in range(len(kept)):
            kept[number] = [number]
            if number % 10_000 == 0:
                await asyncio.sleep(0)
                looks.append(len(gc.get_objects(0)))
    finally:
        collecting.cancel()
    assert max(looks) < 300_000


async def test_nothing_is_looked_at_where_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(busy=0.003, took=0.0, blocks=lambda _: 0)
    world.install(monkeypatch)
    with pytest.raises(asyncio.CancelledError):
        await garbage.collect_new()
    assert not world.looks


class World:
    """A process whose use of processor and memory is what a test says, and for which time passes at once."""

    def __init__(self, *, busy: float, took: float, blocks: Callable[[float], int]) -> None:
        self.now = 0.0
        self.looks: list[float] = []
        self._busy, self._took, self._blocks = busy, took, blocks

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of what the process asks."""
        self._sleep = asyncio.sleep
        monkeypatch.setattr(asyncio, "sleep", self._pass)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "process_time", lambda: self.now * self._busy)
        monkeypatch.setattr(gc, "collect", self._collect)
        monkeypatch.setattr(gc, "get_count", lambda: (0, 1, 0))
        monkeypatch.setattr(sys, "getallocatedblocks", lambda: self._blocks(self.now))

    async def run(self) -> list[float]:
        """Return at which times of an hour everything was looked at."""
        with pytest.raises(asyncio.CancelledError):
            await garbage.collect_when_idle()
        return self.looks

    async def _pass(self, seconds: float) -> None:
        self.now += seconds
        await self._sleep(0)
        if self.now > 3600:
            raise asyncio.CancelledError

    def _collect(self, _generation: int = 2) -> int:
        self.looks.append(self.now)
        self.now += self._took
        return 0


async def test_looks_at_everything_take_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes 50 ms here: it is not worth another one before a minute has nearly passed."""
    world = World(busy=0.0, took=0.05, blocks=lambda _: 0)
    world.install(monkeypatch)
    looks = await world.run()
    assert len(looks) > 50
    assert 0.05 * len(looks) / world.now < 0.0015


@pytest.mark.parametrize(
    ("busy", "blocks", "looked"),
    [
        (0.6, 2_000_000, False),  # hundreds of calls a second, whose transactions are kept for half a minute
        (0.25, 600_000, False),
        (0.02, 600_000, False),
        (0.02, 100_000, True),  # some calls a second
        (0.003, 600_000, True),  # nobody calls
        (0.6, 1_000, True),
    ],
)
async def test_everything_is_looked_at_where_nobody_is_held_up(
    monkeypatch: pytest.MonkeyPatch, *, busy: float, blocks: int, looked: bool
) -> None:
    world = World(busy=busy, took=blocks * 0.3e-6, blocks=lambda now: 1_000_000 + (blocks if now else 0))
    world.install(monkeypatch)
    assert bool(await world.run()) is looked


async def test_what_grows_without_end_is_looked_at_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script of the operator's may leave behind what refers to itself, and calls may never be few."""
    world = World(busy=0.6, took=1.0, blocks=lambda now: 1_000_000 + int(now * 10_000))
    world.install(monkeypatch)
    looks = await world.run()
    assert 2 <= len(looks) <= 5


async def test_what_has_grown_once_and_stays_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(busy=0.6, took=1.0, blocks=lambda now: 10_000_000 if now else 0)
    world.install(monkeypatch)
    assert len(await world.run()) == 1


async def test_a_long_look_is_told_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(busy=0.6, took=2.0, blocks=lambda now: 9_000_000 if now else 0)
    world.install(monkeypatch)
    await world.run()
    assert "looked for garbage" in (told := capsys.readouterr().out)
    assert "2.00 s" in told


def test_a_process_that_ends_does_not_look_at_what_it_held() -> None:
    """Python looks at everything once more when it ends, and nobody can start in its place meanwhile."""
    program = (
        "import atexit, gc\n"
        "from rtp_relay.process import run_on_loop\n"
        "class Loop:\n"
        "    def __init__(self):\n"
        "        self.itself = self\n"
        "held = [Loop() for _ in range(1000)]\n"
        "async def serve():\n"
        "    return 3\n"
        "code = run_on_loop(serve())\n"
        "held.clear()\n"
        "atexit.register(lambda: print(code, gc.collect(), flush=True))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, found = map(int, ended.stdout.split())
    assert code == 3
    assert found < 1000
