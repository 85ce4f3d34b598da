from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Have the process log as before when the test is over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _keep_the_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands that run in the process of the tests leave it the priority that it has."""
    monkeypatch.setattr("rtp_relay.cli.reading.GIVES_WAY", 0)
