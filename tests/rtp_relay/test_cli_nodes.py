"""The commands that decide about nodes."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actors.control.status import ControlNodeStatus, NodeStatus, encode_status
from engines.health import AdminState, NodeState
from events.decisions import NODES
from events.memory import MemoryJournal
from events.names import CallId
from events.node_events import NodeAdded, NodeChanged, NodeEvent, NodeLeaving, NodeRemoved, NodeReset, NodeStateSet
from events.records import NOTHING, Recorded
from rtp_relay.cli.app import app
from rtp_relay.cli.exits import Exit
from tests.events.samples import live, record
from tests.peers.redis_server import RedisServer
from tests.rtp_relay.cli_journal import share_journal

CONFIG = """
[journal]
url = "redis://127.0.0.1:1"
[[nodes]]
name = "relay-1"
engine = "rtpproxy"
url = "udp:127.0.0.1:9"
"""


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MemoryJournal:
    (tmp_path / "c.toml").write_text(f'[service]\nstate_dir = "{tmp_path}"\n{CONFIG}')
    monkeypatch.setenv("RTP_RELAY_CONFIG", str(tmp_path / "c.toml"))
    return share_journal(monkeypatch)


def run(*words: str) -> tuple[int, str]:
    """Run a command where no service runs; return its exit code, and what it says beside that."""
    result = CliRunner().invoke(app, words, env={"COLUMNS": "240"})
    lines = [line for line in result.output.splitlines(True) if not line.startswith("rtp-relay: no service answers")]
    return result.exit_code, "".join(lines)


@pytest.mark.e2e
async def test_that_none_is_alive_is_not_said_where_none_could_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with RedisServer() as redis, redis.client() as client:
        config = CONFIG.replace("redis://127.0.0.1:1", redis.url)
        (tmp_path / "c.toml").write_text(f'[service]\nstate_dir = "{tmp_path}"\n{config}')
        monkeypatch.setenv("RTP_RELAY_CONFIG", str(tmp_path / "c.toml"))
        assert await asyncio.to_thread(run, "nodes") == (Exit.UNREACHABLE, "rtp-relay: no control node is alive\n")
        await client.config_set("min-replicas-to-write", "1")
        code, said = await asyncio.to_thread(run, "nodes")
        assert code == Exit.UNREACHABLE
        assert "which control nodes are alive is not known: Redis refuses what they would publish (NOREPLICAS " in said
        code, said = await asyncio.to_thread(run, "doctor", "--no-trial")
        assert code == Exit.FAILED
        assert "refuses to be written, and so calls are refused: NOREPLICAS Not enough good replicas to write" in said
        assert "connect replicas, or lower its min-replicas-to-write" in said
        assert "which control nodes are alive is not known" in said


@pytest.mark.e2e
async def test_the_doctor_goes_on_where_decisions_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with RedisServer() as redis, redis.client() as client:
        config = CONFIG.replace("redis://127.0.0.1:1", redis.url)
        (tmp_path / "c.toml").write_text(f'[service]\nstate_dir = "{tmp_path}"\n{config}')
        monkeypatch.setenv("RTP_RELAY_CONFIG", str(tmp_path / "c.toml"))
        assert await asyncio.to_thread(run, "nodes") == (Exit.UNREACHABLE, "rtp-relay: no control node is alive\n")
        await client.execute_command("ACL", "SETUSER", "default", "-xrange")  # type: ignore[no-untyped-call]
        code, said = await asyncio.to_thread(run, "doctor", "--no-trial")
        assert code == Exit.FAILED
        assert "what operators have decided about nodes cannot be read: Redis refuses: NOPERM " in said
        assert "relay-1 (rtpproxy at udp:127.0.0.1:9) does not answer" in said


def wait_for(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def events(journal: MemoryJournal) -> list[NodeEvent]:
    async def read() -> list[Recorded]:
        return await journal.read_decisions(NODES)

    found = [entry.event for entry in wait_for(read())]
    assert all(isinstance(event, NodeEvent) for event in found)
    return [event for event in found if isinstance(event, NodeEvent)]


def place(journal: MemoryJournal, *calls: str) -> None:
    async def write() -> None:
        for call in calls:
            await journal.append(CallId(call), 0, [record(1)], NOTHING, live(CallId(call), 1, "relay-1"))

    wait_for(write())


def end(journal: MemoryJournal, *calls: str) -> None:
    async def write() -> None:
        for call in calls:
            await journal.append(CallId(call), 1, [record(2)], live(CallId(call), 1, "relay-1"), NOTHING)

    wait_for(write())


def publish(journal: MemoryJournal, decided: int, admin: AdminState = AdminState.ACTIVE) -> None:
    node = NodeStatus(
        name="relay-1",
        engine="rtpproxy",
        url="udp:127.0.0.1:9",
        set="default",
        weight=1,
        state=NodeState.UP,
        since=0,
        admin=admin,
    )
    status = ControlNodeStatus(name="c1", started_at=0, seen_at=0, version="1", nodes=(node,), decided=decided)
    wait_for(journal.publish("c1", encode_status(status), 60))


@pytest.mark.parametrize(
    ("command", "state", "said"),
    [
        ("drain", AdminState.DRAINING, "relay-1 is draining"),
        ("disable", AdminState.DISABLED, "relay-1 is disabled"),
        ("enable", AdminState.ACTIVE, "relay-1 is active"),
        ("undrain", AdminState.ACTIVE, "relay-1 is active"),
    ],
)
def test_what_is_wanted_of_a_node(journal: MemoryJournal, command: str, state: AdminState, said: str) -> None:
    assert run(command, "relay-1", "--reason", "new kernel") == (0, f"{said}; it has 0 calls\n")
    (event,) = events(journal)
    assert isinstance(event, NodeStateSet)
    assert (event.node, event.state, event.reason) == ("relay-1", state, "new kernel")
    assert re.fullmatch(r".+ \(command line\)", event.asked_by)
    place(journal, "a")
    assert run(command, "relay-1") == (0, f"{said}, as it was; it has 1 call\n")
    assert len(events(journal)) == 1


def test_undrain_enables_no_node_that_was_disabled(journal: MemoryJournal) -> None:
    assert run("disable", "relay-1")[0] == 0
    assert run("undrain", "relay-1") == (Exit.USAGE, "rtp-relay: node relay-1 is disabled: rtp-relay enable relay-1\n")
    assert len(events(journal)) == 1
    assert run("enable", "relay-1")[0] == 0


def test_a_node_is_added_changed_removed_and_reset(journal: MemoryJournal) -> None:
    add = ("node", "add", "relay-2", "--engine", "rtpengine", "--url", "udp:10.0.0.2:2223", "--priority", "1")
    assert run(*add, "--timeout", "2.5", "--reason", "more") == (0, "relay-2 is added; it has 0 calls\n")
    assert run(*add)[0] == Exit.FAILED
    assert run("node", "set", "relay-2", "--weight", "3", "--set", "gold") == (
        0,
        "relay-2 is changed; it has 0 calls\n",
    )
    assert run("node", "remove", "relay-2", "--drain") == (0, "relay-2 is to leave; it has 0 calls\n")
    assert run("undrain", "relay-2") == (0, "relay-2 is active; it has 0 calls\n")
    assert run("node", "remove", "relay-2") == (0, "relay-2 is removed; it has 0 calls\n")
    assert run("drain", "relay-2")[0] == Exit.NOT_FOUND
    assert run("node", "reset", "relay-2") == (0, "relay-2 is reset; it has 0 calls\n")
    added, changed, leaving, active, removed, reset = events(journal)
    assert isinstance(added, NodeAdded)
    assert (added.url, added.priority, added.timeout, added.reason) == ("udp:10.0.0.2:2223", 1, 2500, "more")
    assert isinstance(changed, NodeChanged)
    assert (changed.weight, changed.set, changed.priority) == (3, "gold", None)
    assert [type(event) for event in (leaving, active, removed, reset)] == [
        NodeLeaving,
        NodeStateSet,
        NodeRemoved,
        NodeReset,
    ]


def test_a_node_with_calls_is_not_removed(journal: MemoryJournal) -> None:
    place(journal, "a", "b")
    assert run("node", "remove", "relay-1") == (Exit.FAILED, "rtp-relay: node relay-1 has 2 calls\n")
    assert events(journal) == []


@pytest.mark.parametrize("command", ["drain", "undrain", "enable", "disable"])
@pytest.mark.parametrize("name", ["relay-9", "", "\x1b[2J", "*"])
def test_a_node_that_there_is_not(journal: MemoryJournal, command: str, name: str) -> None:
    code, said = run(command, name)
    assert code == Exit.NOT_FOUND
    assert said.startswith("rtp-relay: there is no node ")
    assert said.endswith("; known ones: relay-1 (udp:127.0.0.1:9)\n")
    assert "\x1b" not in said
    assert events(journal) == []


@pytest.mark.parametrize(
    "words",
    [
        ("--url", "udp:nowhere"),
        ("--url", "udp:10.0.1:2223"),
        ("--url", "udp:[::g]:2223"),
        ("--url", "udp:h:1", "--weight", "-1"),
        ("--url", "udp:h:1", "--set", "a b"),
    ],
)
def test_a_node_that_cannot_be(journal: MemoryJournal, words: tuple[str, ...]) -> None:
    assert run("node", "add", "relay-2", "--engine", "rtpengine", *words)[0] == Exit.USAGE
    assert events(journal) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "relay-2", "--engine", "rtpengin", "--url", "udp:127.0.0.1:8"), "--engine"),
        (("add", "relay-2", "--engine", "rtpproxy", "--url", "udp:127.0.0.1:8", "--timeout", "0"), "--timeout"),
        (("add", "relay-2", "--engine", "rtpproxy", "--url", "udp:127.0.0.1:8", "--timeout", "nan"), "--timeout"),
        (("add", "relay-2", "--engine", "rtpproxy", "--url", "udp:127.0.0.1:8", "--timeout", "8d"), "--timeout"),
        (("set", "relay-1", "--weight", "9" * 30), "--weight"),
        (("set", "relay-1", "--priority", "-1"), "--priority"),
        (("remove", "relay-1", "--wait"), "--drain"),
        (("remove", "relay-1", "--reason", "x" * 501), "--reason"),
        (("remove", "relay-1", "--deadline", "1h"), "--drain"),
        (("set", "relay-1"), "another --weight, --set or --priority"),
    ],
)
def test_the_option_is_named_that_makes_no_sense(journal: MemoryJournal, words: tuple[str, ...], said: str) -> None:
    code, found = run("node", *words)
    assert code == Exit.USAGE
    assert said in found
    assert events(journal) == []


HOMELESS = (
    "the host of udp:relya-2:2223 has no address {where}: relay-2 gets no calls until it has one, which is looked for "
    "again and again; if it is mistyped, rtp-relay node remove relay-2\n"
)


def test_that_the_host_of_a_new_node_has_no_address_is_said(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    add = ("node", "add", "relay-2", "--engine", "rtpengine", "--url", "udp:relya-2:2223")
    done = "relay-2 is added; it has 0 calls\n"
    assert run(*add) == (0, done + HOMELESS.format(where="here"))
    assert run("node", "remove", "relay-2")[0] == 0
    publish(journal, 3)
    assert run(*add) == (0, done + HOMELESS.format(where="at c1")), "control nodes know better than who asks"
    assert run("node", "remove", "relay-2")[0] == 0
    publish(journal, 5)
    assert run("node", "add", "relay-1", *add[3:])[0] == Exit.FAILED
    done = "relay-3 is added; it has 0 calls\n"
    assert run("node", "add", "relay-3", "--engine", "rtpproxy", "--url", "unix:/run/none") == (0, done)


def add_another() -> None:
    """Add a node that calls of the first one can go to."""
    assert run("node", "add", "relay-2", "--engine", "rtpproxy", "--url", "udp:127.0.0.1:8")[0] == 0


def test_that_no_node_of_a_set_is_left_is_said(journal: MemoryJournal) -> None:
    publish(journal, 1, AdminState.DRAINING)
    code, said = run("drain", "relay-1")
    assert code == 0
    assert said.endswith("no node of its set takes new calls now: they are refused\n")
    publish(journal, 2)
    assert "new calls now" not in run("undrain", "relay-1")[1]


def test_waiting_ends_with_5_at_the_deadline_and_with_0_when_the_node_is_empty(journal: MemoryJournal) -> None:
    place(journal, "a", "b")
    add_another()
    code, said = run("drain", "relay-1", "--deadline", "0.01", "--wait")
    assert code == Exit.CALLS_LEFT
    first, job, last = said.splitlines()
    assert (first, last) == ("relay-1 is draining; it has 2 calls", "rtp-relay: relay-1 still has 2 calls")
    assert job.startswith("its calls are moved by job ")
    end(journal, "a", "b")
    assert run("drain", "relay-1", "--wait") == (
        0,
        "relay-1 is draining, as it was; it has 0 calls\nrelay-1 has no calls\n",
    )
    assert run("drain", "relay-1", "--deadline", "soon")[0] == Exit.USAGE


def test_that_a_job_still_moves_calls_of_a_node_that_is_taken_back_is_said(journal: MemoryJournal) -> None:
    place(journal, "a")
    add_another()
    job = re.search(r"by job ([^;]+);", run("drain", "relay-1", "--deadline", "1h")[1])
    assert job is not None
    still = f"job {job[1]} still moves its calls away; rtp-relay moves {job[1]} --cancel ends that\n"
    assert run("undrain", "relay-1") == (0, f"relay-1 is active; it has 1 call\n{still}")
    assert run("undrain", "relay-2")[1].endswith("it has 0 calls\n"), "it is not that one's job"
    assert run("moves", job[1], "--cancel")[0] == 0
    assert "still moves" not in run("enable", "relay-1")[1]


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        (("--to", "relay-9"), Exit.NOT_FOUND, "there is no node 'relay-9'; known ones: relay-1 (udp:127.0.0.1:9)"),
        (("--to", "\x1b[2J", "--deadline", "1m"), Exit.NOT_FOUND, "there is no node '\\x1b[2J'"),
        (("--to", "relay-1"), Exit.USAGE, "its calls are to go to another one"),
        (("--set", "nowhere"), Exit.NOT_FOUND, "no node is in set 'nowhere'"),
        (("--set", "default", "--wait"), Exit.FAILED, "no other rtpproxy node of set 'default' is to take calls"),
        (("--deadline", "1m"), Exit.FAILED, "no other rtpproxy node of set 'default' is to take calls"),
        (("--deadline", "soon"), Exit.USAGE, "--deadline: "),
        (("--deadline", "²"), Exit.USAGE, "--deadline: "),
        (("--deadline", "9" * 5000), Exit.USAGE, "--deadline: "),
        (("--deadline", "300d"), Exit.USAGE, "--deadline: expected at most 1000000 seconds (12 days), not '300d'"),
    ],
)
def test_a_drain_that_makes_no_sense_changes_nothing(
    journal: MemoryJournal, where: tuple[str, ...], code: Exit, said: str
) -> None:
    place(journal, "a")
    found, words = run("drain", "relay-1", *where)
    assert found == code
    assert said in words
    assert "is draining" not in words
    assert events(journal) == []
    assert run("moves", "-o", "csv")[1].count("\n") == 1, "the names of the columns alone"


def test_a_node_is_not_empty_while_a_control_node_does_not_follow(
    journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtp_relay.cli.deciding.PATIENCE", 0.0)
    add_another()
    publish(journal, 1)
    code, said = run("drain", "relay-1", "--deadline", "0", "--wait")
    assert code == Exit.CALLS_LEFT
    assert "not in force yet at c1\n" in said
    assert said.endswith("relay-1 has no calls, and may still get some: c1 does not know\n")
    publish(journal, 2)
    assert run("drain", "relay-1", "--wait")[0] == 0


def test_nodes_shows_what_is_decided_by_whom_and_why(journal: MemoryJournal) -> None:
    publish(journal, 0)
    assert run("drain", "relay-1", "--reason", "new \x1b[2Jkernel")[0] == 0
    run("node", "set", "relay-1", "--weight", "0")
    code, said = run("nodes", "--json")
    (row,) = json.loads(said)["decided"]
    assert (code, row["node"], row["state"], row["weight"], row["decision"]) == (
        0,
        "relay-1",
        "draining",
        0,
        "node changed",
    )
    code, said = run("nodes")
    assert code == 0
    assert "decided by operators, for all control nodes" in said
    assert re.search(r"^relay-1  draining, weight 0  \d+s +.+ \(command line\)", said, re.MULTILINE)
    run("node", "reset", "relay-1", "--reason", "new \x1b[2Jkernel")
    code, said = run("nodes")
    assert "as configured" in said
    assert "new \\x1b[2Jkernel" in said
