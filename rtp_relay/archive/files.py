"""Archives as files: written at their end, read line by line, whatever their size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from errno import EISDIR
from os import SEEK_END, strerror
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from events.ended import EndedCall
from events.names import CallId
from events.records import Recorded
from rtp_relay.archive.lines import BEGINNING, LINE_BEGINS, ArchivedCall, BadLine, call_of, line_of, names

SUFFIX: Final = ".jsonl"

_PARQUET_BEGINS: Final = "PAR1"
_PARQUET: Final = f"a Parquet file, which is for other tools and cannot be read back; what can is a {SUFFIX} file"


class ArchiveError(Exception):
    """An archive cannot be used; the text names the file and the line."""


class ArchiveWriter:
    """Writes calls at the end of a file, and goes on with its chain where it has one. A context manager.

    A last line that was not written whole, since whoever wrote it died, is taken out.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or begin it. Raises OSError, and ArchiveError: a file that is no archive stays as it is."""
        self._path, self._chain = path, BEGINNING
        self._known: set[tuple[CallId, int]] = set()
        self._known_from = 0  # those that ended before are in the file alone
        if path.exists():
            for call in _calls_before_broken_end(path):
                self._chain = call.chain
                self._known.add((call.row.call_id, call.row.ended))
            _take_broken_end_out(path)
        self._file: TextIO = path.open("a+", encoding="utf-8", errors="surrogateescape")

    def has(self, row: EndedCall) -> bool:
        """Return whether the file has this call, with this end. Raises OSError and ArchiveError."""
        if row.ended < self._known_from:
            self._recall(row.ended)
        return (row.call_id, row.ended) in self._known

    def forget(self, before: int) -> None:
        """Have no calls in mind that ended before a time: the file is read again if one of them is asked for."""
        if before > self._known_from:
            self._known = {call for call in self._known if call[1] >= before}
            self._known_from = before

    def write(self, row: EndedCall, entries: Sequence[Recorded]) -> None:
        """Write a call; it is in the file, as far as the system knows, when this returns."""
        line, self._chain = line_of(row, entries, self._chain)
        self._file.write(f"{line}\n")
        self._file.flush()
        self._known.add((row.call_id, row.ended))

    def _recall(self, since: int) -> None:
        """Have the calls in mind again that ended from a time on; by the open file, which may have got another name."""
        self._file.seek(0)
        calls = _checked(self._path, enumerate(self._file, 1))
        self._known = {(call.row.call_id, call.row.ended) for call in calls if call.row.ended >= since}
        self._known_from = since
        self._file.seek(0, SEEK_END)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file."""
        self._file.close()


def _calls_before_broken_end(path: Path) -> Iterator[ArchivedCall]:
    """Return the calls of a file that may have such an end. Raises OSError and ArchiveError."""
    if path.is_dir():
        raise IsADirectoryError(EISDIR, strerror(EISDIR), str(path))
    if not path.is_file():
        raise ArchiveError(f"{path}: no archive, but a device or a pipe")
    calls = 0
    for call in _checked(path, _lines(path, broken_end=True)):
        calls += 1
        yield call
    with path.open("rb") as file:
        first = file.read(len(LINE_BEGINS))
    if not calls and not LINE_BEGINS.startswith(first):
        raise ArchiveError(f"{path}: no archive")


def _take_broken_end_out(path: Path) -> None:
    with path.open("r+b") as file:
        end = whole = 0
        for line in file:
            end += len(line)
            if line.endswith(b"\n"):
                whole = end
        if whole < end:
            file.truncate(whole)


def files_of(path: Path) -> list[Path]:
    """Return an archive's files: the file itself, or those of a directory by their names. Raises ArchiveError."""
    found = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not found or not all(file.is_file() for file in found):
        raise ArchiveError(f"{path}: no archive, neither a file nor a directory of {SUFFIX} files")
    return found


def calls_of(path: Path) -> Iterator[ArchivedCall]:
    """Return the calls of a file in their order, each checked against the chain. Raises ArchiveError."""
    return _checked(path, _lines(path))


def _checked(path: Path, lines: Iterator[tuple[int, str]]) -> Iterator[ArchivedCall]:
    before = BEGINNING
    for number, line in lines:
        try:
            call = call_of(line, before)
        except BadLine as error:
            raise ArchiveError(f"{path}, line {number}: {error}") from error
        before = call.chain
        yield call


def call_named(path: Path, call_id: CallId) -> ArchivedCall | None:
    """Return the newest call of an archive with this call-id, None if there is none. Raises ArchiveError."""
    newest: ArchivedCall | None = None
    for file in files_of(path):
        for number, line in _lines(file):
            if names(line, call_id):
                try:
                    newest = call_of(line)
                except BadLine as error:
                    raise ArchiveError(f"{file}, line {number}: {error}") from error
    return newest


def rows_of(path: Path, since: int, until: int) -> list[EndedCall]:
    """Return the rows of an archive's calls that ended in this time, the newest first. Raises ArchiveError."""
    found = {
        (call.row.call_id, call.row.ended): call.row
        for file in files_of(path)
        for call in calls_of(file)
        if since <= call.row.ended < until
    }
    return sorted(found.values(), key=lambda row: row.ended, reverse=True)


def _lines(path: Path, *, broken_end: bool = False) -> Iterator[tuple[int, str]]:
    """Return the lines of a file with their numbers; a last one without an end was not written whole.

    broken_end: it is left out. Bytes that are no UTF-8 stay in their line, which the reader of that line refuses.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):
                if number == 1 and line.startswith(_PARQUET_BEGINS):
                    raise ArchiveError(f"{path}: {_PARQUET}")
                if not line.endswith("\n"):
                    if broken_end:
                        return
                    raise ArchiveError(
                        f"{path}, line {number}: was not written whole; take this line out of the file, and leave the"
                        f" others, as rtp-relay export --to {path} does by itself"
                    )
                yield number, line
    except OSError as error:
        raise ArchiveError(f"{path}: {error}") from error
