"""The commands export and import, and those that read archives."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import msgpack  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from events import registry as e
from events.codec import Encoded
from events.ended import EndedPage
from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from events.names import CallId
from events.records import NOTHING, Index, Recorded
from replay.fold import fold
from replay.summary import ended_call
from rtp_relay.archive.files import ArchiveWriter, calls_of
from tests.events.damaged_journal import DamagedJournal
from tests.replay.stories import CALL, STORY
from tests.rtp_relay.cli_journal import share_journal, use_journal
from tests.rtp_relay.test_cli_search import invoke

ROW = ended_call(fold(CALL, STORY))
ALWAYS = ("--since", "2020-01-01")


async def _fill(journal: MemoryJournal) -> None:
    await journal.append(CALL, 0, STORY, NOTHING, Index(ended=ROW))


@pytest.fixture(autouse=True)
def _journal(monkeypatch: pytest.MonkeyPatch) -> None:
    use_journal(monkeypatch, _fill)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    assert invoke("export", "--to", str(path), *ALWAYS) == (0, f"1 calls written to {path}\n", "")
    return path


def test_a_call_is_exported_once(archive: Path) -> None:
    assert invoke("export", "--to", str(archive), *ALWAYS)[1].startswith("0 calls written")
    (call,) = calls_of(archive)
    assert (call.row, call.entries) == (ROW, STORY)
    assert invoke("export", "--to", str(archive.with_name("none.jsonl")), "--since", "1d")[1].startswith("0 calls")


def test_a_call_of_a_newer_version_is_left_out_until_it_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = share_journal(monkeypatch, DamagedJournal())
    assert isinstance(journal, DamagedJournal)
    asyncio.run(_fill(journal))
    version = len(STORY)
    journal.add(CALL, Encoded(b"levitated", msgpack.packb({"s": 1, "t": 0, "n": "newer", "d": {}}), 0))
    path = tmp_path / "calls.jsonl"
    code, said, complaint = invoke("export", "--to", str(path), *ALWAYS)
    assert (code, said) == (0, f"0 calls written to {path}\n")
    assert "unknown event 'levitated': left out, it is of a newer version" in complaint
    journal.cut(CALL, version)  # as if it could be read by now
    assert invoke("export", "--to", str(path), *ALWAYS)[1].startswith("1 calls written")


def test_who_follows_waits_for_a_journal_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calls.jsonl"

    class Away(MemoryJournal):
        """Away while it is asked for a page, and for entries; whoever waits at it has enough when a call is written."""

        away = 2

        async def ended_calls(self, since: int, until: int, count: int = 500) -> EndedPage:
            self._fail()
            return await super().ended_calls(since, until, count)

        def read(self, call_id: CallId, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
            self._fail()
            return super().read(call_id, after, count)

        async def time(self) -> float:
            if path.exists() and path.read_text():
                raise KeyboardInterrupt
            return await super().time()

        def _fail(self) -> None:
            self.away -= 1
            if self.away in (0, 1):
                raise JournalUnavailable("away")

    journal = Away()
    share_journal(monkeypatch, journal)
    asyncio.run(_fill(journal))
    monkeypatch.setattr("rtp_relay.cli.export.AGAIN", 0.01)
    code, text, _ = invoke("export", "--to", str(path), "--follow", *ALWAYS)
    assert (code, text) == (0, f"interrupted; what is in {path} is whole\n")
    assert [(call.row, call.entries) for call in calls_of(path)] == [(ROW, STORY)]


class Going(MemoryJournal):
    """A call ends at each look, a second after the one before; its clock is set back by a minute at some look."""

    def __init__(self, looks: int, set_back: int) -> None:
        self.now, self.looks, self._last, self._set_back = ROW.ended, 0, looks, set_back
        super().__init__(lambda: self.now)

    async def time(self) -> float:
        self.looks += 1
        if self.looks > self._last:
            raise KeyboardInterrupt
        self.now += -60_000 if self.looks == self._set_back else 1000
        call = CallId(f"call {self.looks}")
        entries = [Recorded(1, self.now, "c", STORY[0].event)]
        await self.append(call, 0, entries, NOTHING, Index(ended=replace(ROW, call_id=call, ended=self.now)))
        return self.now


@pytest.mark.parametrize("set_back", [0, 1, 2, 3, 80])
def test_who_follows_writes_each_call_once_and_has_few_in_mind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_back: int
) -> None:
    kept: list[int] = []

    class Counting(ArchiveWriter):
        def forget(self, before: int) -> None:
            super().forget(before)
            kept.append(len(self._known))

    monkeypatch.setattr("rtp_relay.cli.export.ArchiveWriter", Counting)
    monkeypatch.setattr("rtp_relay.cli.reading.LOOK", 0)
    path, journal = tmp_path / "calls.jsonl", Going(150, set_back)
    share_journal(monkeypatch, journal)
    asyncio.run(_fill(journal))
    for looks in (150, 200):  # and once more on the same file
        journal._last = looks
        assert invoke("export", "--to", str(path), "--follow", *ALWAYS)[0] == 0
        journal.looks -= 1  # the last one was none
        written = [call.row.call_id for call in calls_of(path)]
        assert sorted(written) == sorted([CALL, *(f"call {look}" for look in range(1, looks + 1))])
        assert kept[-1] < 30


def test_keys_are_exported_on_wish_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "c2VjcmV0"
    sdp = f"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{secret}\r\n".encode()
    answer = Recorded(2, STORY[1].at, "c", e.CopyAnswered(copy="one", sdp=sdp))

    async def fill(journal: MemoryJournal) -> None:
        await journal.append(CALL, 0, [STORY[0], answer], NOTHING, Index(ended=ROW))

    use_journal(monkeypatch, fill)
    for words, has in (((), False), (("--secrets",), True)):
        path = tmp_path / f"{has}.jsonl"
        invoke("export", "--to", str(path), *ALWAYS, *words)
        assert (secret in path.read_text()) == has


@pytest.mark.parametrize("name", ["calls.jsonl", "calls.parquet"])
def test_a_file_that_is_made_for_keys_can_be_read_by_its_owner_alone(tmp_path: Path, name: str) -> None:
    mask = os.umask(0o022)
    try:
        for words, mode in (((), 0o644), (("--secrets",), 0o600)):
            path = tmp_path / name
            assert invoke("export", "--to", str(path), *ALWAYS, *words)[0] == 0
            assert path.stat().st_mode & 0o777 == mode
            path.unlink()
        path.touch(0o640)
        assert invoke("export", "--to", str(path), *ALWAYS, "--secrets")[0] == 0
        assert path.stat().st_mode & 0o777 == 0o640
    finally:
        assert os.umask(mask) == 0o022


def test_what_is_imported_is_read_as_it_was(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share_journal(monkeypatch)
    assert invoke("import", str(archive)) == (0, "1 calls written\n", "")
    assert invoke("import", str(archive))[1] == "0 calls written, 1 left as the journal has them\n"
    (found,) = json.loads(invoke("search", "--json", *ALWAYS)[1])
    assert found["call_id"] == CALL
    assert invoke("history", CALL, "--ladder")[1] == invoke("history", CALL, "--ladder", "--archive", str(archive))[1]
    assert invoke("history", CALL, "--json")[1] == invoke("history", CALL, "--json", "--archive", str(archive))[1]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (STORY[:3], "has not ended"),
        ([Recorded(1, STORY[1].at, "c", STORY[1].event)], "version 1: offered makes no sense"),
    ],
)
def test_what_would_not_be_an_ended_call_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entries: list[Recorded], why: str
) -> None:
    share_journal(monkeypatch)
    path = tmp_path / "made.jsonl"
    with ArchiveWriter(path) as archive:
        archive.write(ROW, entries)
    code, _, complaint = invoke("import", str(path))
    assert code == 1
    assert f"{path}: call 'call-1'" in complaint
    assert why in complaint
    assert invoke("history", CALL)[0] == 3


def test_archives_are_read_by_the_same_commands(archive: Path) -> None:
    for place in (archive, archive.parent):
        words = ("--archive", str(place))
        (found,) = json.loads(invoke("search", "--json", *ALWAYS, *words)[1])
        assert found["outcome"] == "answered"
        assert json.loads(invoke("stats", "--json", *ALWAYS, *words)[1])["calls"] == 1
        code, text, _ = invoke("history", CALL, "--json", *words)
        assert code == 0
        assert [event["event"] for event in json.loads(text)["events"]] == [entry.event.name for entry in STORY]
        assert invoke("history", "other", *words)[0] == 3


def test_an_archive_that_was_changed_is_refused(archive: Path) -> None:
    archive.write_text(archive.read_text().replace("gold", "lead"))
    for words in (
        ("import", str(archive)),
        ("search", "--archive", str(archive), *ALWAYS),
        ("stats", "--archive", str(archive)),
        ("export", "--to", str(archive)),
    ):
        code, _, complaint = invoke(*words)
        assert code == 1
        assert f"{archive}, line 1: call 'call-1': not what was written" in complaint


def test_parquet_is_written(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    assert invoke("export", "--to", str(path), *ALWAYS)[0] == 0
    assert pq.read_table(path).num_rows == len(STORY)
    assert invoke("export", "--to", str(path), "--follow")[0] == 2


def test_who_follows_names_no_end(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    assert invoke("export", "--to", str(path), "--follow", "--until", "1h")[0] == 2
    assert not path.exists()
