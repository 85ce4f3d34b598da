from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _log_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the process log as before when a test is over, and keep no logger: a command's stream is closed by then."""
    root, configure = logging.getLogger(), structlog.configure
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**how | {"cache_logger_on_first_use": False}))
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _keep_the_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have commands that run in the process of the tests leave it the priority that it has."""
    monkeypatch.setattr("rtp_relay.cli.reading.GIVES_WAY", 0)
