"""Of the log of the guard those lines are left out that are expected just now, and no others."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import structlog

from bench.guard.expected import ExpectedLine, expecting, leave_out_expected

LINES = (ExpectedLine("refused", "why", "no SDP"), ExpectedLine("failed", "error", "LookupError"))


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Set up a log that goes there."""
    stream = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.WriteLoggerFactory(stream)
    )
    leave_out_expected()
    yield stream
    structlog.reset_defaults()


def test_what_is_expected_is_left_out_while_it_is(stream: io.StringIO) -> None:
    log = structlog.get_logger("guard")

    def said() -> int:
        before = stream.getvalue().count("\n")
        log.warning("refused", why="no SDP in message")
        log.error("failed", error="LookupError: a fault")
        log.warning("refused", why="no nodes")
        log.error("failed", error="TypeError: a real one")
        log.error("failed")
        log.error("something else", why="no SDP")
        return stream.getvalue().count("\n") - before

    assert said() == 6
    with expecting(LINES):
        assert said() == 4
        with expecting(LINES[:1]):
            assert said() == 4
        assert said() == 4
    assert said() == 6
