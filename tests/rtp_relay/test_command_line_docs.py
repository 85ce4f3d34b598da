"""docs/command-line.md: each command is there, and what it shows of them is what they print."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from actors.control.status import ControlNodeStatus, NodeStatus, encode_status
from engines.health import AdminState, NodeState
from events.ended import EndedCall, Outcome
from events.memory import MemoryJournal
from events.names import CallId, NodeName, RelayId, Tag
from events.records import NOTHING, Index, LiveCall
from rtp_relay.cli.app import app
from rtp_relay.cli.listing.display import Display, Form
from rtp_relay.config import Config
from tests.events.samples import record

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
NOW = 1_795_974_000_000
MINUTE = 60_000
COLUMNS = 100

SHOWN = re.findall(r"```text\n\$ rtp-relay (.*)\n([^`]*)```", PAGE.read_text(encoding="utf-8"))

IDS = (
    "843817637684230@998sdasdh09",
    "a84b4c76e66710@pc33.atlanta.example.com",
    "3848276298220188511@biloxi.example.com",
)


def live(number: int, node: str, status: str = "live") -> LiveCall:
    created = NOW - (3 * number + 1) * MINUTE - 12_000
    return LiveCall(
        call_id=CallId(IDS[number]),
        status=status,
        version=3 + number,
        created=created,
        changed=created,
        set="default",
        from_tag=Tag(f"tag-{number}"),
        to_tag=Tag("314159"),
        by="control-1",
        sessions=((NodeName(node), RelayId(IDS[number])),),
    )


def ended(name: str, minutes: int, **more: Any) -> EndedCall:
    at = NOW - minutes * MINUTE
    return EndedCall(
        call_id=CallId(name),
        created=at - 95_000,
        ended=at,
        sets=("default",),
        caller="sip:alice@atlanta.example.com",
        callee="sip:bob@biloxi.example.com",
        branches=1,
        **more,
    )


def answered(name: str, minutes: int, **more: Any) -> EndedCall:
    return ended(name, minutes, answered=NOW - minutes * MINUTE - 89_000, outcome=Outcome.ANSWERED, **more)


ENDED = [
    answered("70710@saturn.bell-tel.com", 2, nodes=("relay-1",), packets=4700, lost=9, mos=43),
    ended(
        "187602141351@worcester.bell-tel.com", 9, outcome=Outcome.FAILED, failure="no node answered", nodes=("relay-2",)
    ),
    answered("9b21a@client.example.com", 31, nodes=("relay-3",), packets=900, one_way=True),
]


def relay(number: int, state: NodeState, failure: str = "", admin: AdminState = AdminState.ACTIVE) -> NodeStatus:
    return NodeStatus(
        name=f"relay-{number}",
        engine="rtpengine" if number < 3 else "rtpproxy",
        url=f"udp:192.0.2.3{number}:2223",
        set="default",
        weight=1,
        state=state,
        admin=admin,
        since=NOW - (number * 97 * MINUTE),
        calls=2 if number == 1 else 0,
        last_failure=failure,
    )


async def fill(journal: MemoryJournal) -> None:
    for number, (node, status) in enumerate((("relay-1", "live"), ("relay-1", "live"), ("relay-3", "closing"))):
        row = live(number, node, status)
        await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(row, frozenset([node])))
    for gone in ENDED:
        await journal.append(gone.call_id, 0, [record(1)], NOTHING, Index(ended=gone))
    nodes = (
        relay(1, NodeState.UP),
        relay(2, NodeState.DOWN, "did not answer within 1.5 s"),
        relay(3, NodeState.DRAINING, admin=AdminState.DRAINING),
    )
    control = ControlNodeStatus(name="control-1", started_at=NOW - 10**8, seen_at=NOW, version="0.1.0", nodes=nodes)
    await journal.publish("control-1", encode_status(control), 60)


@pytest.fixture
def _journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a journal, a clock, and a terminal."""

    @asynccontextmanager
    async def open_journal(_: Config) -> AsyncIterator[MemoryJournal]:
        journal = MemoryJournal(clock=lambda: NOW)
        await fill(journal)
        yield journal

    def terminal(form: Form = Form.TABLE, *, as_json: bool = False, wide: bool = False) -> Display:  # noqa: ARG001
        return Display(form, None if wide else COLUMNS)

    for module in ("management", "reading"):
        monkeypatch.setattr(f"rtp_relay.cli.{module}.open_journal", open_journal)
    monkeypatch.setattr("rtp_relay.cli.listing.writing.clock", lambda: NOW)
    monkeypatch.setattr(Display, "of", terminal)


@pytest.mark.usefixtures("_journal")
@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=[command for command, _ in SHOWN])
def test_what_the_page_shows_is_what_is_printed(command: str, shown: str) -> None:
    result = CliRunner().invoke(app, command.split(), env={"RTP_RELAY_CONFIG": "", "STATE_DIRECTORY": "/nowhere"})
    assert result.exit_code == 0, result.output
    assert result.stdout == shown


def commands(group: Any, before: str = "rtp-relay") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before} {name}")
        elif not command.hidden:
            yield f"{before} {name}"


def test_each_command_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [name for name in commands(typer.main.get_command(app)) if f"`{name}" not in text]
    assert SHOWN
    assert missing == []
