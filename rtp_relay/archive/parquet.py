"""Ended calls as Parquet files (https://parquet.apache.org): a row an entry, for tools that count and join.

They are not read back. Needs pyarrow, which the extra `parquet` brings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from events.ended import EndedCall
from events.entry_json import to_document
from events.records import Recorded
from replay.history.describe import facts

TOGETHER: Final = 20_000
"""So many rows are compressed and written as one group."""


class NoParquet(Exception):
    """Parquet cannot be written here."""


class ParquetWriter:
    """Writes calls into a new file. A context manager: the file is whole when it ends."""

    def __init__(self, path: Path) -> None:
        """Begin the file. Raises OSError, and NoParquet without pyarrow."""
        try:
            import pyarrow  # type: ignore[import-untyped]  # noqa: PLC0415
            import pyarrow.parquet as pq  # type: ignore[import-untyped]  # noqa: PLC0415
        except ImportError as error:
            raise NoParquet("Parquet needs pyarrow: pip install 'rtp-relay[parquet]'") from error
        text, number = pyarrow.string(), pyarrow.int64()
        columns = {
            "call_id": text,
            "outcome": text,
            "version": number,
            "at": pyarrow.timestamp("ms", tz="UTC"),
            "by": text,
            "event": text,
            "schema": number,
            "facts": text,
            "data": text,
        }
        self._arrow, self._schema = pyarrow, pyarrow.schema(columns)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def has(self, row: EndedCall) -> bool:  # noqa: ARG002
        """Return False: the file is new, and each call comes once."""
        return False

    def forget(self, before: int) -> None:
        """Do nothing: no calls are kept in mind."""

    def write(self, row: EndedCall, entries: Sequence[Recorded]) -> None:
        """Add a call."""
        for entry in entries:
            document = to_document(entry)
            self._rows.append(
                {
                    "call_id": _text(row.call_id),
                    "outcome": str(row.outcome),
                    "version": entry.version,
                    "at": entry.at,
                    "by": _text(entry.by),
                    "event": entry.event.name,
                    "schema": document["schema"],
                    "facts": _text(facts(entry.event)),
                    "data": json.dumps(document["data"]),
                }
            )
        if len(self._rows) >= TOGETHER:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows.clear()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Write what is left, and end the file."""
        self._flush()
        self._writer.close()


def _text(text: str) -> str:
    """Return text that is UTF-8; what is not in it is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()
