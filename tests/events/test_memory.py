"""The journal in memory keeps the contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from events.codec import Codec
from events.journal import CorruptEntry, Journal, TailLostError
from events.memory import MemoryJournal
from events.names import CallId
from events.records import Recorded
from events.registry import CopyAnswered
from events.retention import Retention
from events.schema import LOST
from events.secrets import Keyring
from tests.events.damaged_journal import DamagedJournal
from tests.events.ended_contract import SELECTIVE
from tests.events.journal_contract import CALL, JournalContract, fill
from tests.events.samples import NOTHING, NOW, SDP, live, record


@pytest.fixture
def journal() -> Journal:
    return DamagedJournal()


@pytest.fixture
def other(journal: Journal) -> Journal:
    return journal


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def selective(self) -> Journal:
        return MemoryJournal(retention=SELECTIVE)

    @pytest.fixture(autouse=True)
    def hold(self, journal: DamagedJournal) -> None:
        self.held = journal

    async def spoil(self, call: str, version: int) -> None:
        self.held.spoil(CallId(call), version, b"\xc1")

    async def cut(self, call: str, version: int) -> None:
        self.held.cut(CallId(call), version)

    async def cut_decisions(self, version: int) -> None:
        self.held.cut_decisions(version)

    async def spoil_decisions(self, version: int) -> None:
        self.held.spoil_decisions(version, b"\xc1")


class Clock:
    now = NOW

    def __call__(self) -> int:
        return self.now


async def test_an_ended_call_is_kept_for_its_time() -> None:
    clock = Clock()
    journal = MemoryJournal(clock, retention=Retention(5))
    await fill(journal, CALL, 1)
    clock.now += 60_000
    await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), NOTHING)
    clock.now += 4_999
    assert len(await journal.read(CallId(CALL))) == 2
    clock.now += 1
    assert await journal.read(CallId(CALL)) == []
    with pytest.raises(TailLostError):
        await journal.append(CallId(CALL), 2, [record(3)], NOTHING, NOTHING)


async def test_a_call_that_lives_again_stays() -> None:
    clock = Clock()
    journal = MemoryJournal(clock, retention=Retention(5))
    await journal.append(CallId(CALL), 0, [record(1)], NOTHING, NOTHING)
    await journal.append(CallId(CALL), 1, [record(2)], NOTHING, live(CallId(CALL), 2))
    clock.now += 6_000
    assert len(await journal.read(CallId(CALL))) == 2


async def test_statuses_run_out() -> None:
    clock = Clock()
    journal = MemoryJournal(clock)
    await journal.publish("one", b"up", 2)
    clock.now += 1_999
    assert await journal.published() == {"one": b"up"}
    clock.now += 1
    assert await journal.published() == {}


async def test_without_its_key_the_rest_of_a_call_remains() -> None:
    journal = MemoryJournal(codec=Codec(Keyring([bytes(32)])))
    sealed = Recorded(1, 1, "control-1", CopyAnswered(copy="one", sdp=SDP))
    await journal.append(CallId(CALL), 0, [sealed, record(2)], NOTHING, live(CallId(CALL), 2))
    assert await journal.remains(CallId(CALL)) == [sealed, record(2)]
    lost = MemoryJournal(codec=Codec(Keyring([bytes(16)])))
    lost._streams = journal._streams
    with pytest.raises(CorruptEntry, match="not configured"):
        await lost.read(CallId(CALL))
    assert await lost.remains(CallId(CALL)) == [replace(sealed, event=CopyAnswered(copy="one", sdp=LOST)), record(2)]
