"""Log lines that stories come with whose calls are to fail: they are left out while these go on, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from structlog.typing import EventDict, WrappedLogger

from events.values import value

_expected: list[ExpectedLine] = []


@value
class ExpectedLine:
    """A line that says this, and under a key a text that begins so."""

    event: str
    key: str
    text: str

    def is_like(self, line: EventDict) -> bool:
        """Return whether a line is one of these."""
        return line["event"] == self.event and str(line.get(self.key, "")).startswith(self.text)


@contextmanager
def expecting(lines: Sequence[ExpectedLine]) -> Iterator[None]:
    """Expect lines while the block runs."""
    _expected.extend(lines)
    try:
        yield
    finally:
        del _expected[-len(lines) :]


def leave_out_expected() -> None:
    """Have the log leave out what is expected: to be called when it was set up, and before anything is logged."""
    processors = structlog.get_config()["processors"]
    structlog.configure(processors=[_unexpected, *processors])


def _unexpected(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    if any(one.is_like(line) for one in _expected):
        raise structlog.DropEvent
    return line
