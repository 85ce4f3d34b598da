"""The configuration file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rtp_relay.config import Problem
from rtp_relay.doctor.findings import Area, Finding

_AREA = Area("configuration")


def check_configuration(file: str, problems: Sequence[Problem], warned: Sequence[str]) -> Iterator[Finding]:
    """Check what reading it has told."""
    for problem in problems:
        yield _AREA.wrong(str(problem), "correct it; docs/configuration.md explains each key")
    for warning in warned:
        yield _AREA.warning(warning, "correct it, or leave it if it is meant so")
    if not problems and not warned:
        yield _AREA.ok(file)
