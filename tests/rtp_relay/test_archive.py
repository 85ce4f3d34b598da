"""Ended calls in files: written, chained, read back, and damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events import registry as e
from events.ended import EndedCall
from events.names import CallId
from events.records import Recorded
from rtp_relay.archive.files import ArchiveError, ArchiveWriter, call_named, calls_of, files_of, rows_of
from rtp_relay.archive.lines import BadLine, call_of
from rtp_relay.archive.parquet import ParquetWriter
from tests.events.ended_contract import ENDED
from tests.events.samples import EVENTS, NOW

ENTRIES = [Recorded(number, NOW + number, "control-1", event) for number, event in enumerate(EVENTS, 1)]


def row(name: str, ended: int = NOW) -> EndedCall:
    return replace(ENDED, call_id=CallId(name), ended=ended)


def write(path: Path, *rows: EndedCall) -> Path:
    with ArchiveWriter(path) as archive:
        for one in rows:
            archive.write(one, ENTRIES)
    return path


def test_calls_come_back_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("one"), row("two"))
    calls = list(calls_of(path))
    assert [call.row for call in calls] == [row("one"), row("two")]
    assert all(call.entries == ENTRIES for call in calls)


@given(st.binary().map(lambda name: name.decode("utf-8", "surrogateescape")), st.binary())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_names_and_bytes_come_back(tmp_path: Path, name: str, sdp: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.unlink(missing_ok=True)
    entries = [Recorded(1, NOW, name, e.CopyAnswered(copy=name, sdp=sdp))]
    with ArchiveWriter(path) as archive:
        archive.write(row(name), entries)
    (call,) = calls_of(path)
    assert (call.row.call_id, call.entries) == (name, entries)
    assert call_named(path, CallId(name)) == call


def test_a_file_is_gone_on_with(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("one"))
    with ArchiveWriter(path) as archive:
        assert archive.has(row("one"))
        assert not archive.has(row("one", NOW + 1))
        assert not archive.has(row("two"))
        archive.write(row("two"), ENTRIES)
    assert [call.row.call_id for call in calls_of(path)] == ["one", "two"]


def test_calls_of_before_are_found_in_the_file_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("one"), row("two", NOW + 1))
    with ArchiveWriter(path) as archive:
        archive.write(row("three", NOW + 2), ENTRIES)
        archive.forget(NOW + 2)
        archive.forget(NOW)  # what is forgotten is so
        assert archive._known == {("three", NOW + 2)}
        path.rename(tmp_path / "b.jsonl")
        assert archive.has(row("two", NOW + 1))
        assert archive._known == {("two", NOW + 1), ("three", NOW + 2)}
        assert archive.has(row("one"))
        assert not archive.has(row("three"))
        archive.write(row("four", NOW), ENTRIES)
        archive.forget(NOW + 3)
        assert archive.has(row("four", NOW))
    assert [call.row.call_id for call in calls_of(tmp_path / "b.jsonl")] == ["one", "two", "three", "four"]


def test_a_file_that_was_changed_meanwhile_shows_when_it_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("one"))
    with ArchiveWriter(path) as archive:
        archive.forget(NOW + 1)
        with path.open("r+b") as file:
            file.seek(len('{"call_id": "'))
            file.write(b"\xff")
        with pytest.raises(ArchiveError, match="line 1"):
            archive.has(row("one"))


@pytest.mark.parametrize("left", [1, 100, -1])
def test_a_line_that_was_not_written_whole_is_taken_out_by_the_next_writer(tmp_path: Path, left: int) -> None:
    path = write(tmp_path / "a.jsonl", row("one"), row("two"))
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:left])
    with pytest.raises(ArchiveError, match=r"line 2: was not written whole; take this line out of the file, .*export"):
        list(calls_of(path))
    write(path, row("three"))
    assert [call.row.call_id for call in calls_of(path)] == ["one", "three"]


def _changed(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace("control-1", "control-2", 1), *lines[2:]]


TAMPERING: dict[str, Callable[[list[str]], list[str]]] = {
    "changed": _changed,
    "taken out": lambda lines: [lines[0], *lines[2:]],
    "the first taken out": lambda lines: lines[1:],
    "exchanged": lambda lines: [lines[1], lines[0], *lines[2:]],
    "twice": lambda lines: [lines[0], *lines],
    "from elsewhere": lambda lines: [*lines[:2], *lines[:1]],
}


@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING)
def test_what_was_changed_shows(tmp_path: Path, tamper: Callable[[list[str]], list[str]]) -> None:
    path = write(tmp_path / "a.jsonl", row("one"), row("two"), row("three"))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(tamper(lines)))
    with pytest.raises(ArchiveError, match=r"a\.jsonl, line \d: call '.*': not what was written after"):
        list(calls_of(path))


def test_a_byte_that_is_no_text_shows_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row("one"), row("two"), row("three"))
    first, second, third = path.read_bytes().splitlines(keepends=True)
    for at in (second.index(b"two"), 2, len(second) - 3):
        path.write_bytes(first + second[:at] + bytes([second[at] | 0x80]) + second[at + 1 :] + third)
        with pytest.raises(ArchiveError, match=r"a\.jsonl, line 2: "):
            list(calls_of(path))
        assert call_named(path, CallId("three")) is not None
    path.write_bytes(first + second[:-9] + b"\xff\xff")
    with pytest.raises(ArchiveError, match=r"line 2: was not written whole"):
        list(calls_of(path))


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_garbage_is_no_line(garbage: str) -> None:
    with pytest.raises(BadLine):
        call_of(garbage)


def test_a_directory_is_its_files_and_the_newest_call_of_a_name_counts(tmp_path: Path) -> None:
    write(tmp_path / "1.jsonl", row("one", NOW), row("two", NOW + 5))
    write(tmp_path / "2.jsonl", row("one", NOW + 9), row("two", NOW + 5))
    assert rows_of(tmp_path, NOW, NOW + 9) == [row("two", NOW + 5), row("one", NOW)]
    found = call_named(tmp_path, CallId("one"))
    assert found is not None
    assert found.row.ended == NOW + 9
    assert call_named(tmp_path, CallId("on")) is None


@pytest.mark.parametrize(
    "content",
    [
        b"a line\nand one without an end",
        b"one without an end",
        b"\xff\xfe\n\x00",
        b'{"call_id": "x", "chain": 7}\n{"call_id": "half',
        b'{"calls": []}',
    ],
)
def test_a_file_that_is_no_archive_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(ArchiveError):
        write(path, row("one"))
    assert path.read_bytes() == content


def test_a_device_is_no_archive(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/full")):
        with pytest.raises(ArchiveError, match="no archive, but a device or a pipe"):
            write(path, row("one"))


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.jsonl"):
        with pytest.raises(ArchiveError, match=str(path)):
            files_of(path)
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\n")
    with pytest.raises(ArchiveError, match=r"bytes\.jsonl"):
        list(calls_of(tmp_path / "bytes.jsonl"))


def test_a_parquet_file_is_named_as_what_cannot_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    with ParquetWriter(path) as archive:
        archive.write(row("a"), ENTRIES)
    said = r"calls\.parquet: a Parquet file, which .* cannot be read back"
    with pytest.raises(ArchiveError, match=said):
        list(calls_of(path))
    with pytest.raises(ArchiveError, match=said):
        rows_of(path, 0, NOW)
    with pytest.raises(ArchiveError, match=said):
        call_named(path, CallId("a"))


def test_parquet_has_a_row_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    with ParquetWriter(path) as archive:
        archive.write(row("a\udcff"), ENTRIES)
        archive.write(row("b"), ENTRIES[:1])
    table = pq.read_table(path).to_pylist()
    assert len(table) == len(ENTRIES) + 1
    assert table[0]["call_id"] == "a\\udcff"
    assert [entry["event"] for entry in table[:-1]] == [event.name for event in EVENTS]
    assert json.loads(table[-1]["data"])["node"] == "ng1"
    assert round(table[0]["at"].timestamp() * 1000) == NOW + 1
