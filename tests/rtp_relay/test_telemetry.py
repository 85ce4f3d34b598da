"""Tracing as it is configured, and where its packages are missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.telemetry import telemetry
from rtp_relay.config import ConfigError, parse
from rtp_relay.config.tracing import TracingConfig


async def test_nothing_is_loaded_where_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    async with telemetry(TracingConfig(), "n") as spans:
        assert spans is None
    assert not any(name.startswith("opentelemetry") for name in sys.modules)


async def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(StartError, match=r"pip install 'rtp-relay\[otel\]'"):
        async with telemetry(TracingConfig(endpoint="http://127.0.0.1:1"), "n"):
            pass


@pytest.mark.parametrize("sample", ["0", "1.5", "-1", '"all"'])
def test_a_part_is_a_part(sample: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        parse(f"[tracing]\nsample = {sample}", tmp_path / "c.toml")
    assert parse("[tracing]\nsample = 1", tmp_path / "c.toml").tracing.sample == 1
