from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.forked import PROGRAM, Forked

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
