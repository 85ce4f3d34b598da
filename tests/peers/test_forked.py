from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.peers.forked import PROGRAM, Forked, run_command

SERVE = '[service]\nname = "control-1"\n[journal]\nurl = "redis://127.0.0.1:9"\n[ng]\nlisten = ["udp:127.0.0.1:0"]\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def forked(log: Path, *words: str, **environment: str) -> Forked:
    with log.open("ab") as file:
        return Forked(words, log.parent, {**os.environ, **environment}, file)


@pytest.fixture
def unready(log: Path) -> Iterator[Forked]:
    """A control node that waits for its journal."""
    (log.parent / "rtp-relay.toml").write_text(SERVE)
    process = forked(log, "serve", "-c", "rtp-relay.toml")
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


@pytest.mark.parametrize("words", [["--version"], ["check", "-c", "not-there.toml"], ["no-such-command"]])
def test_a_copy_does_and_says_what_the_program_does(log: Path, words: list[str]) -> None:
    (log.parent / "home").mkdir()
    environment = {"HOME": str(log.parent / "home"), "PYTHONPATH": str(Path(__file__).parents[2])}
    anew = subprocess.run(
        [*PROGRAM, *words],
        cwd=log.parent,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert forked(log, *words, **environment).wait(30) == anew.returncode
    assert log.read_bytes() == anew.stdout


def test_a_copy_has_the_environment_it_is_given(log: Path) -> None:
    (log.parent / "named.toml").write_text("[no-such-section]\n")
    assert forked(log, "check", RTP_RELAY_CONFIG=str(log.parent / "named.toml")).wait(30) != 0
    assert "no-such-section" in log.read_text()


def test_a_copy_runs_in_a_group_of_its_own_until_it_is_ended(unready: Forked) -> None:
    assert unready.poll() is None
    assert os.getpgid(unready.pid) == os.getsid(unready.pid) == unready.pid
    with pytest.raises(subprocess.TimeoutExpired):
        unready.wait(0)
    os.killpg(unready.pid, signal.SIGKILL)
    assert unready.wait(30) == unready.poll() == -signal.SIGKILL


async def test_what_a_command_says_is_told_apart_from_its_complaints() -> None:
    code, output, complaint = await run_command("--version")
    assert (code, output.split()[0], complaint) == (0, "rtp-relay", "")
    code, output, complaint = await run_command("calls", "-c", "not-there.toml")
    assert (code, output) == (2, "")
    assert "not-there.toml" in complaint


async def test_a_command_ends_with_who_waits_for_it(log: Path, unready: Forked) -> None:
    before = copies_beside(unready)
    again = asyncio.create_task(run_command("serve", "-c", str(log.parent / "rtp-relay.toml")))
    await asyncio.sleep(0)
    assert len(copies_beside(unready)) == len(before) + 1
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again
    assert copies_beside(unready) == before


def copies_beside(copy: Forked) -> list[int]:
    """Return the process ids of all copies of a copy's template."""
    template = psutil.Process(copy.pid).parent()
    assert template is not None
    return sorted(child.pid for child in template.children())
