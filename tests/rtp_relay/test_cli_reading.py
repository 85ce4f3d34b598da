"""The commands that read the journal: calls, nodes, history."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re

import pytest
from typer.testing import CliRunner

from actors.control.documents import of_history
from actors.control.status import ControlNodeStatus, NodeStatus, encode_status
from engines.health import NodeState
from events import registry as e
from events.journal import CorruptEntry, JournalError, JournalMismatch, JournalUnavailable
from events.memory import MemoryJournal
from events.names import CallId, NodeName, RelayId, Tag
from events.records import NOTHING, Index, LiveCall, Recorded
from rtp_relay.cli.app import app
from tests.events.samples import EVENTS
from tests.rtp_relay.cli_journal import use_failing_journal, use_journal

START = 1_763_910_847_120
SECRET = "c2VjcmV0IGtleQ"
SDP = f"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET}\r\n".encode()
HOSTILE = "c[red]\x1b[2J@example"
HISTORY = [
    Recorded(
        1,
        START,
        "control-1",
        e.SessionIntended(
            session=1,
            operation=1,
            engine="rtpproxy",
            set="gold",
            node=NodeName("n1"),
            relay_id=RelayId("id"),
            from_tag=Tag("a"),
        ),
    ),
    Recorded(
        2,
        START + 34,
        "control-2",
        e.Offered(session=1, operation=1, from_tag=Tag("a"), sdp=SDP, relayed=b"v=0\r\n\xff"),
    ),
    Recorded(
        3,
        START + 99,
        "control-2",
        e.Deleted(session=1, how=e.RemovalProof.CONFIRMED, statistics={"totals": {"RTP": {"packets": 9, "bytes": 8}}}),
    ),
]


NO_SERVICE = "rtp-relay: no service answers at /nowhere/"


def invoke(*arguments: str) -> tuple[int, str, str]:
    """Run a command where no service does, and return its exit code, what it says, and of what it complains."""
    result = CliRunner().invoke(app, list(arguments), env={"RTP_RELAY_CONFIG": "", "STATE_DIRECTORY": "/nowhere"})
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "\x1b" not in result.output
    note, *complaints = result.stderr.splitlines(keepends=True)
    assert note.startswith(NO_SERVICE)
    assert note.endswith(": the journal is asked\n")
    return result.exit_code, result.stdout, "".join(complaints)


async def fill(journal: MemoryJournal) -> None:
    for call_id, created in (("old", START), (HOSTILE, START + 1000)):
        live = LiveCall(
            call_id=CallId(call_id),
            status="live",
            version=3,
            created=created,
            changed=START + 2000,
            set="gold",
            from_tag=Tag("a"),
            by="control-2",
            sessions=((NodeName("n1"), RelayId("id")), (NodeName("n1"), RelayId("id2"))),
        )
        await journal.append(CallId(call_id), 0, HISTORY, NOTHING, Index(live, frozenset({"n1"}), None))


@pytest.fixture
def _calls(monkeypatch: pytest.MonkeyPatch) -> None:
    use_journal(monkeypatch, fill)


@pytest.mark.usefixtures("_calls")
def test_calls_as_a_table() -> None:
    code, text, _ = invoke("calls")
    assert code == 0
    title, *lines = text.splitlines()
    assert title.rstrip() == "2 live calls"
    names, new, old = map(str.split, lines)
    assert names == ["call-id", "status", "age", "nodes", "set", "from-tag", "to-tag", "version", "last", "by"]
    assert new[:2] + new[3:5] == ["c[red]\\x1b[2J@example", "live", "n1", "gold"]
    assert re.fullmatch(r"\d+d\d\dh", new[2])
    assert old[:2] + old[3:] == ["old", "live", "n1", "gold", "a", "3", "control-2"]


@pytest.mark.usefixtures("_calls")
def test_calls_as_csv() -> None:
    code, text, _ = invoke("calls", "-o", "csv")
    new, old = csv.DictReader(io.StringIO(text))
    assert code == 0
    assert (new["call_id"], new["created"]) == ("c[red]\\x1b[2J@example", "2025-11-23T15:14:08.120Z")
    assert (old["call_id"], old["nodes"], old["to_tag"], old["last_by"]) == ("old", "n1", "", "control-2")


@pytest.mark.usefixtures("_calls")
def test_calls_as_json() -> None:
    code, text, _ = invoke("calls", "--json", "--limit", "1")
    assert code == 0
    document = json.loads(text)
    assert document["total"] == 2
    assert document["calls"] == [
        {
            "call_id": HOSTILE,
            "status": "live",
            "version": 3,
            "created": "2025-11-23T15:14:08.120Z",
            "changed": "2025-11-23T15:14:09.120Z",
            "set": "gold",
            "from_tag": "a",
            "to_tag": "",
            "by": "control-2",
            "sessions": [{"node": "n1", "id": "id"}, {"node": "n1", "id": "id2"}],
        }
    ]


@pytest.mark.usefixtures("_calls")
def test_calls_of_a_node_and_the_newest_only() -> None:
    assert json.loads(invoke("calls", "--node", "n2", "--json")[1]) == {"total": 0, "calls": []}
    assert len(json.loads(invoke("calls", "--node", "n1", "--json")[1])["calls"]) == 2
    assert invoke("calls", "--limit", "1")[1].splitlines()[0].rstrip() == "2 live calls, the newest 1 of them"


@pytest.mark.usefixtures("_calls")
def test_many_calls_are_written_as_they_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    table, document = invoke("calls")[1], json.loads(invoke("calls", "--json")[1])
    monkeypatch.setattr("rtp_relay.cli.calls.SORTED", 1)
    heading, *lines, count = invoke("calls")[1].splitlines()
    assert heading.split()[:3] == ["call-id", "status", "age"]
    assert count == "2 live calls"
    assert {row.split()[0] for row in lines} == {"c[red]\\x1b[2J@example", "old"}
    assert all(word in table for row in lines for word in row.split())
    assert len(invoke("calls", "-o", "csv")[1].splitlines()) == 3
    streamed = json.loads(invoke("calls", "--json")[1])
    assert streamed["total"] == document["total"]
    assert sorted(streamed["calls"], key=str) == sorted(document["calls"], key=str)
    assert json.loads(invoke("calls", "--json", "--set", "gold", "--status", "closing")[1])["total"] == 0
    assert len(json.loads(invoke("calls", "--json", "--set", "gold")[1])["calls"]) == 2


@pytest.mark.parametrize(
    ("node", "by", "reason", "told"),
    [
        ("n\x1b2", "ann", "new kernel", "to node n\\x1b2 of set gold (rtpproxy), asked for by ann: new kernel"),
        ("", "", "", "to a node of set gold (rtpproxy)"),
    ],
)
def test_a_call_tells_its_copies_and_the_move_that_waits(
    node: str, by: str, reason: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [
        e.CopyIntended(copy="recorder", session=1),
        e.MigrationIntended(
            migration=1,
            leaves=1,
            engine="rtpproxy",
            set="gold",
            node=NodeName(node),
            waits=True,
            asked_by=by,
            reason=reason,
        ),
    ]
    history = [*HISTORY[:2], *(Recorded(at, START + at, "control-2", event) for at, event in enumerate(events, 3))]

    async def fill(journal: MemoryJournal) -> None:
        await journal.append(CallId("one"), 0, history, NOTHING, NOTHING)

    use_journal(monkeypatch, fill)
    code, text, _ = invoke("call", "one")
    assert code == 0
    assert text.splitlines()[-2:] == ["copies: recorder", f"move 1, waiting for its next offer: {told}"]
    assert len(invoke("call", "one", "-o", "csv")[1].splitlines()) == 2


@pytest.mark.parametrize(
    ("engine", "set_name", "shown", "told"),
    [
        ("", "", "to a node of the set of the branch that is answered", "to the engine and set of the branch that is"),
        ("", "gold", "to a node of set gold", "to the engine of the branch that is answered, set gold"),
        (
            "rtpproxy",
            "",
            "to a node of the set of the branch that is answered (rtpproxy)",
            "to rtpproxy, the set of the",
        ),
    ],
)
def test_a_move_that_waits_for_an_answer_tells_what_the_answered_branch_keeps(
    engine: str, set_name: str, shown: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = e.MigrationIntended(migration=1, leaves=1, engine=engine, set=set_name, waits=True, early=True)

    async def fill(journal: MemoryJournal) -> None:
        history = [*HISTORY[:2], Recorded(3, START + 3, "control-2", wish)]
        await journal.append(CallId("one"), 0, history, NOTHING, NOTHING)

    use_journal(monkeypatch, fill)
    assert invoke("call", "one")[1].splitlines()[-1] == f"move 1, waiting for its answer: {shown}"
    assert f"move 1 {told}" in " ".join(invoke("history", "one")[1].split())


@pytest.mark.usefixtures("_calls")
def test_history_as_text() -> None:
    code, text, _ = invoke("history", "old")
    assert code == 0
    title, *lines = text.splitlines()
    assert title == "call old, 3 events, 2025-11-23"
    assert [line.split()[:5] for line in lines if not line.startswith(" ")] == [
        ["15:14:07.120", "+0.000s", "1", "control-1", "engaged"],
        ["15:14:07.154", "+0.034s", "2", "control-2", "offered"],
        ["15:14:07.219", "+0.099s", "3", "control-2", "deleted"],
    ]
    assert " ".join(" ".join(lines).split()).endswith("session 1, confirmed, RTP 9 packets, 8 bytes")
    assert "a=crypto" not in text


@pytest.mark.usefixtures("_calls")
def test_history_with_session_descriptions() -> None:
    _, redacted, _ = invoke("history", "old", "--sdp")
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 (removed)" in redacted
    assert SECRET not in redacted
    assert SECRET in invoke("history", "old", "--secrets")[1]


def test_each_kind_of_event_has_a_json_document() -> None:
    document = of_history([Recorded(1, START, "c", EVENTS[0], EVENTS[1:])], secrets=True)
    rows = json.loads(json.dumps(document))
    assert [row["event"] for row in rows] == [event.name for event in EVENTS]
    (verdict,) = [row["data"]["verdict"] for row in rows if row["event"] == "signalled"]
    assert (verdict["role"], verdict["steps"]) == ("answer", ["dialog begun", "answer previewed"])


@pytest.mark.usefixtures("_calls")
def test_history_as_json() -> None:
    code, text, _ = invoke("history", HOSTILE, "--json")
    assert code == 0
    document = json.loads(text)
    assert document["call_id"] == HOSTILE
    assert [entry["event"] for entry in document["events"]] == ["engaged", "offered", "deleted"]
    assert document["events"][1] == {
        "version": 2,
        "at": "2025-11-23T15:14:07.154Z",
        "since": 34,
        "by": "control-2",
        "event": "offered",
        "schema": 1,
        "facts": document["events"][1]["facts"],
        "bodies": ["sdp", "relayed"],
        "data": {
            "session": 1,
            "operation": 1,
            "from_tag": "a",
            "to_tag": "",
            "branch": "",
            "sdp": "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 (removed)\r\n",
            "relayed": "v=0\r\n\\xff",
            "handle": "",
            "migration": 0,
        },
    }
    assert document["events"][2]["data"]["statistics"] == {"totals": {"RTP": {"packets": 9, "bytes": 8}}}
    assert SECRET in invoke("history", HOSTILE, "--json", "--secrets")[1]


@pytest.mark.usefixtures("_calls")
def test_history_of_an_unknown_call_ends_with_3() -> None:
    assert invoke("history", "none") == (3, "", "rtp-relay: no call is known under 'none'\n")


def use_unreadable_history(monkeypatch: pytest.MonkeyPatch, *before: Recorded) -> None:
    async def spoil(journal: MemoryJournal) -> None:
        def read(call_id: CallId, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
            result: asyncio.Future[list[Recorded]] = asyncio.get_running_loop().create_future()
            if after or count == 1:
                result.set_result([entry for entry in before if entry.version > after][: count or None])
            else:
                result.set_exception(CorruptEntry(call_id, 2, 3, "wrong bytes", before))
            return result

        monkeypatch.setattr(journal, "read", read)

    use_journal(monkeypatch, spoil)


def test_history_that_cannot_be_read_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    use_unreadable_history(monkeypatch)
    code, _, complaint = invoke("history", "old")
    assert (code, complaint) == (
        1,
        "rtp-relay: the history cannot be read whole: call 'old', entry 2-0: wrong bytes\n",
    )


def test_history_shows_what_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    readable = Recorded(1, 0, "c1", e.Quarantined(reason="a bug"))
    use_unreadable_history(monkeypatch, readable)
    code, text, complaint = invoke("history", "old")
    assert code == 1
    assert "a bug" in text
    assert "wrong bytes" in complaint


@pytest.mark.parametrize(("status", "code"), [("quarantined", 0), ("live", 3)])
def test_a_quarantined_call_is_ended_by_the_journal(status: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    row = LiveCall(
        call_id=CallId("old"),
        status=status,
        version=1,
        created=1,
        changed=1,
        sessions=((NodeName("ng1"), RelayId("old#1")),),
    )

    async def fill(journal: MemoryJournal) -> None:
        refused = Recorded(1, 0, "c1", e.CommandRefused(command="query", reason="test"))
        await journal.append(CallId("old"), 0, [refused], NOTHING, Index(row, frozenset(["ng1"])))

    use_journal(monkeypatch, fill)
    ended, text, complaint = invoke("end", "old")
    assert ended == code
    assert ("old#1 on ng1" in text) == (code == 0)
    assert ("no live call is named 'old'" in complaint) == (code != 0)
    assert invoke("end", "none")[0] == 3


@pytest.mark.parametrize("command", [["calls"], ["nodes"], ["history", "old"], ["end", "old"]])
@pytest.mark.parametrize(("error", "code"), [(JournalUnavailable("refused"), 4), (JournalMismatch("7 partitions"), 2)])
def test_journals_that_cannot_be_read(
    command: list[str], error: JournalError, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_failing_journal(monkeypatch, error)
    ended, text, complaint = invoke(*command)
    assert (ended, text) == (code, "")
    assert str(error) in complaint


def node(name: str, state: NodeState) -> NodeStatus:
    return NodeStatus(
        name=name,
        engine="rtpengine",
        url="udp:h:1",
        set="default",
        weight=2,
        state=state,
        since=START,
        in_flight=3,
        last_failure="timeout\x1b[2J",
        calls=4,
    )


def use_nodes(monkeypatch: pytest.MonkeyPatch, *states: NodeState) -> None:
    async def publish(journal: MemoryJournal) -> None:
        nodes = tuple(node(f"n{index}", state) for index, state in enumerate(states))
        status = ControlNodeStatus(name="control-1", started_at=START, seen_at=START, version="0.1.0", nodes=nodes)
        await journal.publish("control-1", encode_status(status), 60)

    use_journal(monkeypatch, publish)


def test_nodes_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    use_nodes(monkeypatch, *NodeState)
    code, text, _ = invoke("nodes")
    title, *lines = text.splitlines()
    assert code == 0
    assert title.rstrip() == "control node control-1, version 0.1.0, running since 2025-11-23 15:14:07 UTC"
    rows = [line.split() for line in lines[1:]]
    assert [row[:2] for row in rows] == [["n0", "up"], ["n1", "down"], ["n2", "draining"], ["n3", "disabled"]]
    assert rows[0][3:] == ["default", "4", "2", "0", "3", "rtpengine", "udp:h:1", "timeout\\x1b[2J"]


def test_the_workers_of_a_service_are_one_table_with_the_worst_that_one_of_them_sees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def publish(journal: MemoryJournal) -> None:
        for name, started, states in [("a/1", 0, "up up"), ("a/2", 1000, "up down"), ("b", 0, "draining up")]:
            nodes = tuple(node(f"n{index}", NodeState(state)) for index, state in enumerate(states.split()))
            at = START + started
            status = ControlNodeStatus(name=name, started_at=at, seen_at=at, version="0.1.0", nodes=nodes)
            await journal.publish(name, encode_status(status), 60)

    use_journal(monkeypatch, publish)
    code, text, _ = invoke("nodes")
    titles = [line.rstrip() for line in text.splitlines() if line.startswith("control node")]
    rows = [line.split() for line in text.splitlines() if "udp:" in line]
    since = "running since 2025-11-23 15:14:07 UTC"
    assert titles == [
        f"control node a, version 0.1.0, {since}, 2 workers",
        f"control node b, version 0.1.0, {since}",
    ]
    assert [(row[0], row[1], row[7]) for row in rows] == [
        ("n0", "up", "6"),
        ("n1", "down", "6"),
        ("n0", "draining", "3"),
        ("n1", "up", "3"),
    ]
    assert code == 0
    seen = list(csv.DictReader(io.StringIO(invoke("nodes", "-o", "csv")[1])))
    assert [(row["control_node"], row["node"], row["state"]) for row in seen] == [
        ("a", "n0", "up"),
        ("a", "n1", "down"),
        ("b", "n0", "draining"),
        ("b", "n1", "up"),
    ]
    documents = json.loads(invoke("nodes", "--json")[1])["control_nodes"]
    assert [document["name"] for document in documents] == ["a/1", "a/2", "b"]
    assert invoke("nodes", "--fail-if-down")[0] == 1


def test_nodes_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    use_nodes(monkeypatch, NodeState.UP)
    code, text, _ = invoke("nodes", "--json")
    (control_node,) = json.loads(text)["control_nodes"]
    assert (code, control_node["name"], control_node["seen_at"]) == (0, "control-1", "2025-11-23T15:14:07.120Z")
    (row,) = control_node["nodes"]
    assert (row["name"], row["state"], row["since"]) == ("n0", "up", "2025-11-23T15:14:07.120Z")


@pytest.mark.parametrize(("state", "code"), [(NodeState.DOWN, 1), (NodeState.UP, 0), (NodeState.DRAINING, 0)])
def test_nodes_that_are_down_are_a_failure_when_asked(
    state: NodeState, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_nodes(monkeypatch, NodeState.UP, state)
    assert invoke("nodes")[0] == 0
    assert invoke("nodes", "--fail-if-down")[0] == code


def test_no_control_node_alive_ends_with_4(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: MemoryJournal) -> None:
        pass

    use_journal(monkeypatch, nothing)
    assert invoke("nodes") == (4, "", "rtp-relay: no control node is alive\n")
    code, text, _ = invoke("nodes", "--json")
    assert (code, json.loads(text)) == (4, {"control_nodes": [], "decided": []})


def test_a_status_that_cannot_be_read_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    use_journal(monkeypatch, lambda journal: journal.publish("control-1", b"{}", 60))
    code, text, complaint = invoke("nodes")
    assert (code, text) == (1, "")
    assert "not the status of a control node" in complaint
