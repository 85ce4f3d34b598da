"""The demonstration, run as users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rtp_relay import demo
from rtp_relay.embedded.relays import RelayProcess
from tests.rtp_relay.serving import ROOT, ControlNode

pytestmark = pytest.mark.e2e

CHECKS = 13


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Start the demonstration; give it, and the folder that it makes its own in."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "rtp_relay", "demo", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process, Path(folder)
        finally:
            process.kill()
            process.communicate()


def wait_for_relays(folder: Path) -> list[RelayProcess]:
    deadline = time.monotonic() + 60
    while len(found := list(folder.glob("*/state/relay-*.json"))) < 2:
        assert time.monotonic() < deadline, "the demonstration has started no relays"
        time.sleep(0.01)
    return [RelayProcess(**json.loads(file.read_text())) for file in found]


def left_behind(folder: Path) -> list[str]:
    """Return the command lines of the processes that still work in the folder, and the names of what is in it."""
    commands = [_command(process) for process in Path("/proc").glob("[0-9]*")]
    return [command for command in commands if str(folder) in command] + [file.name for file in folder.iterdir()]


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:  # it has ended since
        return ""


@pytest.mark.parametrize(("door", "first"), [("sip", "signalled"), ("ng", "engaged")])
def test_it_succeeds(door: str, first: str) -> None:
    with running("--json", "--door", door) as (process, folder):
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert left_behind(folder) == []
    document = json.loads(out)
    assert document["ok"] is True
    assert [check["ok"] for check in document["checks"]] == [True] * CHECKS
    assert document["history"][0] == first
    assert document["history"][-1] == "deleted"
    assert f"{CHECKS} of {CHECKS} checks passed" in err


async def test_several_at_a_time_beside_a_service() -> None:
    async with ControlNode() as node:
        with running() as (first, one_folder), running() as (second, other_folder):
            for process, folder in ((first, one_folder), (second, other_folder)):
                out, _ = process.communicate(timeout=60)
                assert process.returncode == 0, out
                assert f"{CHECKS} of {CHECKS} checks passed" in out
                assert left_behind(folder) == []
        assert await node.ready()


def test_it_fails_when_the_relays_die() -> None:
    with running("--json") as (process, folder):
        for relay in wait_for_relays(folder):
            os.kill(relay.pid, signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 1, err
        assert left_behind(folder) == []
    document = json.loads(out)
    assert document["ok"] is False
    assert document["checks"][-1]["ok"] is False
    assert "FAILED" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_cleans_up_when_it_is_interrupted(number: signal.Signals) -> None:
    with running() as (process, folder):
        relays = wait_for_relays(folder)
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 1
        assert [relay.is_alive for relay in relays] == [False, False]
        assert left_behind(folder) == []


def test_its_folder_can_be_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        assert demo.run(as_json=True, keep=True) == 0
        kept = Path(json.loads(capsys.readouterr().out)["folder"])
        assert kept.parent == Path(folder)
        assert {"rtp-relay.toml", "service.log", "state"} <= {file.name for file in kept.iterdir()}
