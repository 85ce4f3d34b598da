"""The commands about ended calls: search and stats."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from events.ended import EndedCall, EndedPage, Outcome
from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from events.names import CallId
from events.records import NOTHING, Index
from replay.privacy.numbers import ALL_SHOWN
from replay.search import Wanted
from rtp_relay.cli.app import app
from rtp_relay.cli.listing.display import Display, Form
from rtp_relay.cli.reading import as_they_end
from rtp_relay.cli.search import tell_as_they_end
from tests.events.ended_contract import ENDED
from tests.events.samples import record
from tests.rtp_relay.cli_journal import share_journal, use_failing_journal, use_journal

HOUR = 3_600_000
HOSTILE = "c[red]\x1b[2J\nx"


def invoke(*words: str) -> tuple[int, str, str]:
    """Run a command; what it says holds nothing that a terminal acts on."""
    result = CliRunner().invoke(app, list(words), env={"RTP_RELAY_CONFIG": "", "STATE_DIRECTORY": "/nowhere"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "\x1b" not in result.output
    return result.exit_code, result.stdout, result.stderr


def rows(now: int) -> list[EndedCall]:
    """Return three answered calls, one each hour, and one that failed; the newest first."""
    talks = [
        replace(ENDED, call_id=CallId(name), created=now - age - 9000, answered=now - age - 8000, ended=now - age)
        for name, age in ((HOSTILE, 60_000), ("two", HOUR + 1000), ("three", 30 * HOUR))
    ]
    failed = EndedCall(
        call_id=CallId("busy"),
        created=now - 2000,
        ended=now - 1000,
        outcome=Outcome.FAILED,
        failure="all nodes busy",
        nodes=("ng9",),
        sets=("silver",),
    )
    return [failed, *talks]


@pytest.fixture(autouse=True)
def _calls(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fill(journal: MemoryJournal) -> None:
        for row in rows(round(await journal.time())):
            await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))

    use_journal(monkeypatch, fill)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ["busy", HOSTILE, "two"]),
        (["--since", "7d"], ["busy", HOSTILE, "two", "three"]),
        (["--since", "2020-01-01", "--until", "1d"], ["three"]),
        (["--until", "1h"], ["two"]),
        (["--limit", "1"], ["busy"]),
        (["--node", "ng2"], [HOSTILE, "two"]),
        (["--outcome", "failed"], ["busy"]),
        (["--failure", "BUSY", "--set", "silver"], ["busy"]),
        (["--party", "bob@example"], [HOSTILE, "two"]),
        (["--moves", "1", "--branches", "2", "--tag", "a", "--engine", "rtpengine"], [HOSTILE, "two"]),
        (["--control-node", "control-1"], [HOSTILE, "two"]),
        (["--text", "two"], ["two"]),
        (["--one-way", "--mos-below", "3.3", "--loss-above", "9.5"], [HOSTILE, "two"]),
        (["--mos-below", "3.2"], []),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_calls_are_found(words: list[str], found: list[str]) -> None:
    code, text, _ = invoke("search", *words, "--json")
    assert code == 0
    assert [call["call_id"] for call in json.loads(text)] == found
    _, lines, _ = invoke("search", *words)
    assert lines.splitlines()[-1] == f"{len(found)} ended call{'' if len(found) == 1 else 's'}"
    assert len(lines.splitlines()) == len(found) + 1 + bool(found)


def test_a_line_tells_what_matters() -> None:
    _, text, _ = invoke("search", "--text", "c[red")
    header, found, _ = text.splitlines()
    assert header.split()[:3] == ["call-id", "ended", "outcome"]
    assert found.split()[0] == "c[red]\\x1b[2J\\nx"
    for told in ("answered", "9s", "ng1 ng2", "<sip:ann@example.com>", "timeout", "ONE WAY MOS 3.2 10.0% lost"):
        assert told in found


def test_programs_are_told_times_and_seconds() -> None:
    _, text, _ = invoke("search", "--text", "busy", "-o", "csv")
    [found] = csv.DictReader(io.StringIO(text))
    assert found["took"] == "1.000"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["ended"])


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["--node", "ng8"], 3, "there is no node 'ng8'; known ones: ng1, ng2, ng9"),
        (["--node", "ng2", "--set", "solver"], 3, "there is no set 'solver'; known ones: "),
        (["--control-node", "control-\x1b"], 3, "there is no control node 'control-\\x1b'; known ones: control-1"),
        (["--engine", "rtpengin"], 2, "--engine: there is no engine 'rtpengin'; known ones: rtpengine, "),
        (["--set", "-1"], 2, "--set: '-1' is no set"),
    ],
)
def test_a_name_that_there_is_not_is_named(words: list[str], code: int, complaint: str) -> None:
    found, text, said = invoke("search", *words)
    assert (found, "0 ended calls" in text) == (code, code == 3)
    assert complaint in said


@pytest.mark.parametrize(
    "words",
    [
        ("search", "--node"),
        ("search", "--party"),
        ("search", "--text"),
        ("calls", "--node"),
        ("calls", "--set"),
        ("tail", "--call"),
        ("tail", "--event"),
    ],
    ids=" ".join,
)
def test_an_empty_filter_is_none(words: tuple[str, ...]) -> None:
    code, text, said = invoke(*words, "")
    assert (code, text) == (2, "")
    assert words[1] in said


def test_what_there_is_needs_no_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    share_journal(monkeypatch)
    add = ("node", "add", "ng4", "--engine", "rtpproxy", "--url", "udp:127.0.0.1:9", "--set", "gold")
    assert invoke("search", "--node", "ng8")[0] == 0, "nothing is known of any node"
    assert invoke(*add)[0] == 0
    assert invoke("search", "--node", "ng4", "--set", "gold")[0] == 0
    assert invoke("search", "--node", "ng8")[2] == "rtp-relay: there is no node 'ng8'; known ones: ng4\n"


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_named(option: str) -> None:
    code, _, complaint = invoke("search", option, "yesterday")
    assert code == 2
    assert f"{option} yesterday: expected how long ago" in complaint


@pytest.mark.parametrize("command", ["search", "stats"])
@pytest.mark.parametrize(
    "since", ["9999999999d", "9" * 300 + "d", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"]
)
def test_a_time_that_no_calendar_has_is_the_first_or_the_last_that_there_is(command: str, since: str) -> None:
    for words in (["--since", since], ["--since", since, "--json"]):
        code, _, complaint = invoke(command, *words)
        assert (code, complaint) == (0, "")
    code, _, complaint = invoke(command, "--until", since)
    assert (code, complaint) == (0, "") or (code == 2 and complaint.startswith(f"rtp-relay: --until {since} is not"))


@pytest.mark.parametrize("words", [("--since", "1h", "--until", "2h"), ("--until", "2d"), ("--since", "0s")])
@pytest.mark.parametrize("command", ["search", "stats"])
def test_a_time_that_ends_before_it_begins_is_named(command: str, words: tuple[str, ...]) -> None:
    code, _, complaint = invoke(command, *words)
    assert code == (2 if "--until" in words else 0)
    assert ("is not after --since" in complaint) == ("--until" in words)


@pytest.mark.parametrize("command", ["search", "stats"])
def test_a_journal_that_cannot_be_reached_ends_with_4(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_failing_journal(monkeypatch, JournalUnavailable("refused"))
    code, _, complaint = invoke(command)
    assert (code, complaint) == (4, "rtp-relay: the journal cannot be reached: refused\n")


async def test_who_follows_waits_for_a_journal_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    class Away(MemoryJournal):
        looks = 0

        async def ended_calls(self, since: int, until: int, count: int = 500) -> EndedPage:
            self.looks += 1
            if self.looks < 3:
                raise JournalUnavailable("away")
            return await super().ended_calls(since, until, count)

    journal = Away(lambda: 600_000)
    call = CallId("call")
    await journal.append(call, 0, [record(1)], NOTHING, Index(ended=replace(ENDED, call_id=call, ended=590_000)))
    assert (await anext(as_they_end(journal, 500_000, kept=30_000))).call_id == call
    complaints = capsys.readouterr().err
    assert complaints.count("the journal cannot be reached") == 1
    assert "may be kept no longer" in complaints


async def test_who_follows_hears_of_calls_that_end_after_the_clock_was_set_back() -> None:
    now = [600_000]
    journal = MemoryJournal(lambda: now[0])
    following = as_they_end(journal, 600_000)
    told = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0)
    now[0] = 500_000
    call = CallId("call")
    await journal.append(call, 0, [record(1)], NOTHING, Index(ended=replace(ENDED, call_id=call, ended=500_000)))
    async with asyncio.timeout(30):
        assert (await told).call_id == call


async def test_who_follows_hears_of_calls_that_end_by_the_time_of_before_the_clock_was_set_forward() -> None:
    class Forward(MemoryJournal):
        looks = 0

        async def ended_calls(self, since: int, until: int, count: int = 500) -> EndedPage:
            self.looks += 1
            if self.looks == 3:
                row = replace(ENDED, call_id=CallId("late"), ended=600_500)
                await self.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))
            return await super().ended_calls(since, until, count)

        async def time(self) -> float:
            return 600_000 if self.looks < 1 else 4_200_000

    async with asyncio.timeout(30):
        assert (await anext(as_they_end(Forward(lambda: 600_000), 500_000))).call_id == "late"


@pytest.mark.parametrize("command", [["search"], ["search", "--since", "1h"], ["stats"]])
def test_calls_that_ended_before_the_clock_was_set_back_are_found(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill(journal: MemoryJournal) -> None:
        row = replace(ENDED, ended=round(await journal.time()) + 3_600_000)
        await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))

    use_journal(monkeypatch, fill)
    code, text, _ = invoke(*command, "--json")
    document = json.loads(text)
    assert (code, document["calls"] if command == ["stats"] else len(document)) == (0, 1)


@pytest.mark.parametrize("words", [("--since", "1h"), ("--until", "1h"), ("--limit", "5"), ("--archive", "x.jsonl")])
def test_what_asks_for_calls_of_before_is_not_for_who_follows(words: tuple[str, str]) -> None:
    code, text, said = invoke("search", "--follow", *words)
    assert (code, text) == (2, "")
    assert said == f"rtp-relay: {words[0]} is not for --follow, which tells of calls as they end from now on\n"


async def test_calls_are_told_once_as_they_end(capsys: pytest.CaptureFixture[str]) -> None:
    journal = MemoryJournal()
    telling = asyncio.create_task(tell_as_they_end(journal, Wanted(node="ng1"), ALL_SHOWN, Display(Form.JSON)))
    await asyncio.sleep(0)
    told: list[str] = []
    for number, node in enumerate(("ng1", "ng2", "ng1")):
        row = replace(ENDED, call_id=CallId(f"{number}"), nodes=(node,), ended=round(await journal.time()))
        await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))
    async with asyncio.timeout(30):
        while len(told) < 2:
            await asyncio.sleep(0.05)
            told += [json.loads(line)["call_id"] for line in capsys.readouterr().out.splitlines()]
    telling.cancel()
    assert sorted(told) == ["0", "2"]


def test_statistics_as_json() -> None:
    code, text, _ = invoke("stats", "--json")
    document = json.loads(text)
    assert code == 0
    assert (document["calls"], document["answered"], document["failed"], document["failures"]) == (3, 2, 1, 3)
    assert document["causes"] == {"timeout": 2, "all nodes busy": 1}
    assert document["set_up_ms"]["p50"] == pytest.approx(1000, rel=0.05)
    assert document["nodes"]["ng9"] | {"set_up_ms": None} == {
        "calls": 1,
        "answered": 0,
        "unanswered": 0,
        "failed": 1,
        "lost": 0,
        "failures": 1,
        "moves": 0,
        "one_way": 0,
        "loss_percent": 0.0,
        "set_up_ms": None,
    }
    assert document["sets"]["gold"]["calls"] == 2
    assert sum(document["ended"]) == 3
    assert (sum(document["failures_over_time"]), document["failures_over_time"][-1]) == (3, 2)


def test_statistics_as_text() -> None:
    code, text, _ = invoke("stats", "--since", "2d")
    assert code == 0
    assert text.startswith("4 calls ended from ")
    assert "all nodes busy" in text
    for chart in ("ended ", "went wrong "):
        assert any(line.startswith(chart) and "█" in line for line in text.splitlines())
    assert invoke("stats", "--since", "0s")[1].startswith("0 calls ended")
