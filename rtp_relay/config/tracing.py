"""[tracing]: traces of requests, by OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rtp_relay.config import values
from rtp_relay.config.problems import wrong
from rtp_relay.config.values import Reader


def part(value: object) -> float:
    """Read a part of a whole: a number above 0, up to 1."""
    number = values.number_above(0)(value)
    if number > 1:
        raise wrong(value, "a number above 0, up to 1")
    return number


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    """[tracing]: where spans go, "" for nowhere; of which part of the traces."""

    endpoint: str = field(default="", metadata=_read_by(values.http_url))
    sample: float = field(default=1.0, metadata=_read_by(part))
