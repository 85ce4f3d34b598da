"""The views that `rtp-relay history` has of a call: the ladder, the state then, what differs."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from events.memory import MemoryJournal
from events.records import NOTHING
from rtp_relay.cli.app import app
from tests.replay.stories import CALL, STORY
from tests.rtp_relay.cli_journal import use_journal
from tests.rtp_relay.test_cli_reading import invoke


@pytest.fixture(autouse=True)
def _story(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fill(journal: MemoryJournal) -> None:
        await journal.append(CALL, 0, STORY, NOTHING, NOTHING)

    use_journal(monkeypatch, fill)


def test_the_ladder_as_text() -> None:
    code, text, _ = invoke("history", CALL, "--ladder")
    header, *lines = text.splitlines()
    assert code == 0
    assert header.split() == ["control", "relay", "relay-1"]
    assert len(lines) == len(STORY)


def test_the_ladder_as_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "call.svg"
    code, text, _ = invoke("history", CALL, "--svg", str(file))
    assert (code, text) == (0, f"written: {file}\n")
    assert ET.parse(file).getroot().tag.endswith("svg")
    assert len(invoke("history", CALL, "--svg", str(file), "--ladder")[1].splitlines()) == len(STORY) + 2


@pytest.mark.parametrize(
    ("at", "version"),
    [
        ("1", 1),
        ("6", 6),
        ("2025-11-23T15:14:07.132Z", 2),
        ("2025-11-23T15:14:07.131Z", 1),
        ("2025-11-23 16:14:07.131+01:00", 1),
        ("15:14:11", 5),
    ],
)
def test_the_call_as_it_was(at: str, version: int) -> None:
    code, text, _ = invoke("history", CALL, "--at", at)
    assert code == 0
    assert f"version {version}" in text
    assert json.loads(invoke("history", CALL, "--at", at, "--json")[1])["version"] == version


@pytest.mark.parametrize(
    ("at", "version"),
    [
        ("23:59:58.100", 1),  # on the first day
        ("23:59:59", 1),
        ("00:00:43.979", 2),  # after midnight
        ("00:00:44", 2),
        ("02:00:43.979+02:00", 2),
        ("22:00:44-02:00", 2),
        ("23:59:59.500", 3),  # a day later, at an event
        ("12:00:00", 2),
        ("2025-11-25T23:59:58Z", 3),
    ],
)
def test_a_time_of_day_is_on_the_day_on_which_the_call_has_it(
    at: str, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = ["2025-11-23T23:59:58.100Z", "2025-11-24T00:00:43.979Z", "2025-11-24T23:59:59.500Z"]
    history = [
        replace(entry, at=round(datetime.fromisoformat(time).timestamp() * 1000))
        for entry, time in zip(STORY, times, strict=False)
    ]

    async def fill(journal: MemoryJournal) -> None:
        await journal.append(CALL, 0, history, NOTHING, NOTHING)

    use_journal(monkeypatch, fill)
    assert json.loads(invoke("history", CALL, "--at", at, "--json")[1])["version"] == version


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["--at", "8"], 3, "version 8: the call has the versions 1 to 7"),
        (["--at", "15:14:07"], 3, "the call began later"),
        (["--at", "tea time"], 2, "--at tea time: expected a version or a time"),
        (["--at", "²"], 2, "expected a version or a time"),
        (["--at", "9" * 5000], 2, "expected a version or a time"),
        (["--diff", "1", "9"], 3, "version 9: the call has the versions 1 to 7"),
        (["--diff", "1", "2", "--ladder"], 2, "choose one"),
        (["--at", "1", "--svg", "x"], 2, "choose one"),
        (["--ladder", "--json"], 2, "choose one"),
        (["--svg", "x", "--json"], 2, "choose one"),
    ],
)
def test_what_is_asked_wrongly_is_named(words: list[str], code: int, complaint: str) -> None:
    ended, text, said = invoke("history", CALL, *words) if "choose one" not in complaint else bare(*words)
    assert (ended, text) == (code, "")
    assert complaint in said


def bare(*words: str) -> tuple[int, str, str]:
    """Run the command where it complains before it asks anybody."""
    result = CliRunner().invoke(app, ["history", CALL, *words])
    return result.exit_code, result.stdout, result.stderr


def test_what_differs_between_two_versions() -> None:
    code, text, _ = invoke("history", CALL, "--diff", "2", "7")
    assert code == 0
    rows = [re.split(r"  +", line) for line in text.splitlines()]
    assert ["sessions 1 status", "open", "closed"] in rows
    document = json.loads(invoke("history", CALL, "--diff", "2", "7", "--json")[1])
    assert {"part": "sessions 1 status", "before": "open", "after": "closed"} in document
    assert json.loads(invoke("history", CALL, "--diff", "3", "3", "--json")[1]) == []
