"""What commands, logs and the management interface tell of numbers, as it is configured."""

from __future__ import annotations

import io
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from actors.control.control import Control
from events import registry as e
from events.journal import CorruptEntry
from events.memory import MemoryJournal
from events.names import CALLEE, CALLER, Tag
from events.records import NOTHING, Index, Recorded
from replay.fold import fold
from replay.privacy.numbers import Numbers
from replay.privacy.users import Shown
from replay.summary import ended_call
from rtp_relay import logs
from rtp_relay.assembly.tracing import tracing
from rtp_relay.config import ConfigError, LogFormat, LogLevel, load
from tests.events.damaged_journal import DamagedJournal
from tests.replay.stories import CALL, STORY
from tests.rtp_relay.cli_journal import share_journal
from tests.rtp_relay.test_cli_search import invoke

NUMBERS = ("4930123456789", "4940987654321")
SDP = b"v=0\r\no=4930123456789 1 1 IN IP4 192.0.2.1\r\ns=+4940987654321\r\n"
PARTIES = [
    e.PartyLearned(
        leg=CALLER,
        tag=Tag("a"),
        uri='"+4930123456789" <sip:+4930123456789@example.com>',
        contact="sip:4930123456789@192.0.2.1",
    ),
    e.PartyLearned(leg=CALLEE, tag=Tag("b"), uri="<tel:+49-40-987654321>", routes=("<sip:4930123456789@proxy;lr>",)),
]
OTHERS = [e.CopyAnswered(copy="one", sdp=SDP), e.SipRequestEnded(number=1, status=404, reason="no 4940987654321")]


def history() -> list[Recorded]:
    """Return the history of a call with numbers in it."""
    begun, offered, *rest = (entry.event for entry in STORY)
    assert isinstance(offered, e.Offered)
    events = [begun, *PARTIES, replace(offered, sdp=SDP, relayed=SDP), *rest]
    return [Recorded(version, STORY[0].at + version, "control-1", event) for version, event in enumerate(events, 1)]


HISTORY = history()
VIEWS = [
    ["history", CALL],
    ["history", CALL, "--json"],
    ["history", CALL, "--sdp", "--secrets"],
    ["history", CALL, "--ladder"],
    ["history", CALL, "--at", "3", "--json"],
    ["history", CALL, "--diff", "1", "3"],
    ["call", CALL, "--json"],
    ["search", "--since", "2020-01-01"],
    ["search", "--since", "2020-01-01", "--json"],
    ["stats", "--since", "2020-01-01", "--json"],
]


def configured(folder: Path, words: str) -> str:
    """Return a configuration with this [privacy]."""
    key = folder / "numbers.key"
    key.touch(mode=0o600)
    key.write_text("11" * 32)
    file = folder / "rtp-relay.toml"
    file.write_text(f"[privacy]\n{words}\n")
    return str(file)


WAYS = ['numbers = "partly"', 'numbers = "hidden"', 'numbers = "hashed"\nkey_file = "numbers.key"']


@pytest.fixture
async def journal(monkeypatch: pytest.MonkeyPatch) -> MemoryJournal:
    journal = share_journal(monkeypatch)
    row = replace(ended_call(fold(CALL, HISTORY)), failure="nobody is 4940987654321", ended=HISTORY[-1].at)
    await journal.append(CALL, 0, HISTORY, NOTHING, Index(ended=row))
    return journal


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("view", VIEWS, ids=" ".join)
def test_commands_tell_no_number(view: list[str], tmp_path: Path) -> None:
    for way in WAYS:
        code, text, _ = invoke(*view, "--config", configured(tmp_path, way))
        assert code == 0
        assert not any(number in text for number in NUMBERS)


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("view", [VIEWS[1], VIEWS[8]], ids=" ".join)
def test_numbers_are_told_as_usual(view: list[str], tmp_path: Path) -> None:
    for words in ([], ["--config", configured(tmp_path, 'numbers = "shown"')]):
        assert NUMBERS[0] in invoke(*view, *words)[1]


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("way", WAYS)
def test_archives_have_no_number_and_are_read_so(way: str, tmp_path: Path) -> None:
    config = ("--config", configured(tmp_path, way))
    hidden, plain, picture = (str(tmp_path / name) for name in ("hidden.jsonl", "plain.jsonl", "call.svg"))
    assert invoke("export", "--since", "2020-01-01", "--secrets", "--to", hidden, *config)[0] == 0
    assert invoke("export", "--since", "2020-01-01", "--to", plain)[0] == 0
    assert invoke("history", CALL, "--svg", picture, *config)[0] == 0
    for file in (hidden, picture):
        assert not any(number in Path(file).read_text() for number in NUMBERS)
    assert NUMBERS[0] in Path(plain).read_text()
    for view in (*VIEWS[:4], VIEWS[8]):
        for file in (hidden, plain):
            code, text, _ = invoke(*view, "--archive", file, *config)
            assert code == 0
            assert not any(number in text for number in NUMBERS)


@pytest.mark.usefixtures("journal")
def test_a_hashed_number_is_found_in_an_archive(tmp_path: Path) -> None:
    config = ("--config", configured(tmp_path, WAYS[2]))
    file = str(tmp_path / "calls.jsonl")
    invoke("export", "--since", "2020-01-01", "--to", file, *config)
    for party, found in (("+49 30 123456789", 1), ("4930123456789", 1), ("4930123456780", 0), ("493012345", 0)):
        for words in ((), ("--archive", file)):
            _, text, _ = invoke("search", "--since", "2020-01-01", "--party", party, "--json", *words, *config)
            assert len(json.loads(text)) == found


@pytest.mark.usefixtures("journal")
def test_what_is_forgotten_is_found_by_the_number(tmp_path: Path) -> None:
    config = ("--config", configured(tmp_path, WAYS[1]))
    _, text, _ = invoke("forget", "--caller", "+4930123456789@example.com", "--dry-run", *config)
    assert text.startswith(f"{CALL}: would be removed")
    assert not any(number in text for number in NUMBERS)


async def test_what_is_read_before_an_entry_that_cannot_be_is_shown_so() -> None:
    journal = DamagedJournal()
    await journal.append(CALL, 0, HISTORY, NOTHING, NOTHING)
    journal.spoil(CALL, len(HISTORY), b"\xc1")
    with pytest.raises(CorruptEntry) as caught:
        await Control(journal, numbers=Numbers(Shown.NOTHING)).history(CALL)
    assert len(caught.value.before) == len(HISTORY) - 1
    assert not any(number in str(caught.value.before) for number in NUMBERS)


@pytest.mark.parametrize("form", [LogFormat.JSON, LogFormat.CONSOLE])
def test_logs_tell_no_number(form: LogFormat) -> None:
    stream, numbers = io.StringIO(), Numbers(Shown.PARTLY)
    logs.set_up(LogLevel.DEBUG, form, stream, numbers=numbers)
    for place, event in enumerate([*PARTIES, *OTHERS], 1):
        tracing(numbers)(CALL, Recorded(place, 5, "c", event))
    structlog.get_logger().warning("refused", why="4930123456789 is nobody", to="sip:4930123456789@192.0.2.1")
    logging.getLogger("lib").error("from %s", "<sip:+4940987654321@example.com>")
    structlog.get_logger().info("call", call_id="123456789@192.0.2.1")
    text = stream.getvalue()
    assert not any(number in text for number in NUMBERS)
    assert "493012345xxxx" in text
    assert "123456789@192.0.2.1" in text


def test_hashes_need_a_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"privacy\.numbers: found 'hashed' without a key_file"):
        load(Path(configured(tmp_path, 'numbers = "hashed"')))
