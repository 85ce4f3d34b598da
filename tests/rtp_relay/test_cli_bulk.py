"""The commands about jobs that move many calls: by the journal alone, since no service need run to be asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from events.bulk_events import BulkMoveEnded, BulkMoveTaken, CallsFound, CallsSettled, SettledCall
from events.bulk_parts import CallOutcome
from events.decisions import bulk_stream
from events.event import Event
from events.memory import MemoryJournal
from events.names import CallId
from events.records import Recorded
from rtp_relay.cli.app import app
from rtp_relay.cli.exits import Exit
from tests.rtp_relay.cli_journal import share_journal

ONE, OTHER, THIRD = (CallId(name) for name in ("one", "oth\x1b[2Jer", "third"))


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MemoryJournal:
    (tmp_path / "c.toml").write_text(f'[service]\nstate_dir = "{tmp_path}"\n[journal]\nurl = "redis://127.0.0.1:1"\n')
    monkeypatch.setenv("RTP_RELAY_CONFIG", str(tmp_path / "c.toml"))
    return share_journal(monkeypatch)


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


def begun() -> str:
    """Ask for a job, and return its name."""
    code, said = run("move", "--node", "relay-1", "--rate", "5", "--reason", "new kernel", "--json")
    assert code == 0
    document: dict[str, Any] = json.loads(said)
    return str(document["job"])


def carry_out(journal: MemoryJournal, job: str, events: Sequence[Event]) -> None:
    """Do as a control node does that carries a job out."""

    async def write() -> None:
        for event in events:
            version = len(await journal.read_decisions(bulk_stream(job)))
            ends = isinstance(event, BulkMoveEnded)
            record = Recorded(version + 1, 1_753_000_000_000, "control-1", event)
            await journal.append_decisions(bulk_stream(job), version, [record], ends=ends)

    asyncio.run(write())


def test_a_job_is_asked_for_listed_and_cancelled_without_a_service(journal: MemoryJournal) -> None:
    job = begun()
    code, said = run("moves")
    assert code == 0
    assert job in said
    assert "new kernel" in said
    (told,) = json.loads(run("moves", "--json")[1])["jobs"]
    assert told["parts"] == [{"node": "relay-1", "elsewhere": True}]
    assert run("moves", job, "--cancel") == (
        0,
        f"job {job} is cancelled: 0 moved, 0 failed, 0 gone, 0 waits, 0 moving, 0 to do\n",
    )
    carry_out(journal, job, [BulkMoveEnded(reason="cancelled by an operator")])
    code, said = run("moves", job)
    assert (code, "is over (cancelled by an operator)" in said) == (Exit.FAILED, True)
    assert json.loads(run("moves", "--json")[1])["jobs"] == []


@pytest.mark.parametrize("options", [("--cancel",), ("--wait",), ("--wait", "--json")], ids=" ".join)
def test_what_is_for_one_job_asks_which(options: tuple[str, ...], journal: MemoryJournal) -> None:  # noqa: ARG001
    result = CliRunner().invoke(app, ["moves", *options])
    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    assert result.stderr == f"rtp-relay: {options[0]}: which job? rtp-relay moves lists those that go on\n"


def test_a_report_names_the_calls_that_did_not_move_and_keeps_the_terminal_clean(journal: MemoryJournal) -> None:
    job = begun()
    found = CallsFound(part=0, calls=(ONE, OTHER, THIRD), next_part=1)
    settled = CallsSettled(
        calls=(
            SettledCall(ONE, CallOutcome.MOVED),
            SettledCall(OTHER, CallOutcome.FAILED, "488 Not Acceptable Here"),
            SettledCall(THIRD, CallOutcome.WAITS),
        )
    )
    carry_out(journal, job, [BulkMoveTaken(calls=3), found])
    assert "3 moving, 0 to do" in run("moves", job)[1]
    carry_out(journal, job, [settled, BulkMoveEnded()])
    code, said = run("moves", job, "--wait")
    assert code == Exit.FAILED
    assert said.splitlines() == [
        f"job {job} is over: 1 moved, 1 failed, 0 gone, 1 waits",
        "  oth\\x1b[2Jer: 488 Not Acceptable Here",
        "  third: waits for its next offer, or its answer",
    ]


def test_a_job_whose_calls_have_all_moved_or_gone_ends_well(journal: MemoryJournal) -> None:
    job = begun()
    settled = CallsSettled(calls=(SettledCall(ONE, CallOutcome.MOVED), SettledCall(OTHER, CallOutcome.GONE)))
    found = CallsFound(part=0, calls=(ONE, OTHER), next_part=1)
    carry_out(journal, job, [BulkMoveTaken(calls=2), found, settled, BulkMoveEnded()])
    assert run("moves", job) == (0, f"job {job} is over: 1 moved, 0 failed, 1 gone, 0 waits\n")


def test_a_job_that_there_is_not_and_a_set_that_no_service_balances(journal: MemoryJournal) -> None:  # noqa: ARG001
    assert run("moves", "nothing")[0] == Exit.NOT_FOUND
    assert run("rebalance", "default")[0] == Exit.UNREACHABLE
