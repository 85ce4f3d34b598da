"""Our own methods about calls, asked of a simulated cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from actors.control.control import Control
from engines.set_names import SetNames
from events import registry as e
from events.names import CallId
from events.records import Index, LiveCall, Recorded
from events.verb import Verb
from gateways.mi.calls import MOST
from gateways.mi.door import methods_of
from gateways.mi.jsonrpc import MiError
from gateways.mi.methods import Caller, Methods, Role
from gateways.mi.replies import whole
from tests.actors.simulation import Cluster

OPERATOR, READER = Caller("alice", Role.OPERATE), Caller("bob", Role.READ)
NAMES = SetNames({4: "default"})


class Asked:
    """A cluster of a control node, two relays and six calls, and its methods."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        node = cluster.nodes[0]
        self.control = Control(node.journal, node.table, name=node.name, version="1", now=cluster.loop.now_ms)
        self.control.directory = node.directory
        self.methods: Methods = methods_of(self.control, NAMES)

    def ask(self, method: str, caller: Caller = OPERATOR, **params: Any) -> Any:
        """Return the result; raise the error."""

        async def asked() -> Any:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            outcome = await self.methods.outcome(json.dumps(request).encode(), caller)
            return json.loads(await whole(outcome, caller))

        reply = self.cluster.run(asked())
        if "error" in reply:
            raise MiError(reply["error"]["code"], reply["error"]["message"], reply["error"].get("data"))
        return reply["result"]


@pytest.fixture
def asked() -> Iterable[Asked]:
    cluster = Cluster(relays=2, control_nodes=1)
    for n in range(6):
        assert cluster.do(Verb.OFFER, CallId(f"c{n}"), a="A", sdp="x")[b"result"] == b"ok"
    cluster.do(Verb.ANSWER, CallId("c0"), a="A", b="B", sdp="y")
    yield Asked(cluster)
    cluster.close()


def refusal(asked: Asked, method: str, caller: Caller = OPERATOR, **params: Any) -> tuple[int, str]:
    with pytest.raises(MiError) as caught:
        asked.ask(method, caller, **params)
    return caught.value.code, caught.value.message


def test_calls_come_in_pages(asked: Asked) -> None:
    found, cursor, pages = [], None, 0
    while cursor != "":
        page = asked.ask("rtp_relay:calls", count=2, **({"cursor": cursor} if cursor else {}))
        found += [call["call_id"] for call in page["calls"]]
        cursor, pages = page["cursor"], pages + 1
    assert sorted(found) == [f"c{n}" for n in range(6)]
    assert pages > 2
    assert len(asked.ask("calls")["calls"]) == 6
    for wrong in (0, MOST + 1):
        assert refusal(asked, "rtp_relay:calls", count=wrong) == (400, "Bad count")
    assert refusal(asked, "rtp_relay:calls", cursor="nonsense") == (400, "Bad cursor")


def test_calls_are_filtered(asked: Asked) -> None:
    counted = asked.ask("rtp_relay:count")
    assert counted["total"] == 6
    for node, count in counted["nodes"].items():
        assert len(asked.ask("rtp_relay:calls", node=node)["calls"]) == count
    (group,) = {call["set"] for call in asked.ask("rtp_relay:calls")["calls"]}
    assert group == "default"
    assert len(asked.ask("rtp_relay:calls", set=4)["calls"]) == 6
    assert refusal(asked, "rtp_relay:calls", set=1) == (404, "unknown RTP Relay set")
    assert refusal(asked, "rtp_relay:calls", node="relay-9") == (404, "unknown RTP Relay node")
    assert refusal(asked, "rtp_relay:calls", status="dead") == (400, "Bad status")
    assert refusal(asked, "rtp_relay:calls", set=-1) == (400, "Bad set")
    assert asked.ask("rtp_relay:calls", status="quarantined")["calls"] == []


def test_few_calls_among_many_are_on_one_page(asked: Asked) -> None:
    call_id = CallId("z")
    row = LiveCall(call_id=call_id, status="quarantined", version=1, created=1, changed=1)
    entry = Recorded(1, 0, "c1", e.Quarantined(reason="test"))
    asked.cluster.run(_append(asked, call_id, entry, row))
    (found,) = asked.ask("rtp_relay:quarantine", count=1)["calls"]
    assert found["call_id"] == "z"


async def _append(asked: Asked, call_id: CallId, entry: Recorded, row: LiveCall) -> None:
    await asked.cluster.journal.append(call_id, 0, [entry], Index(), Index(row))


def test_one_call(asked: Asked) -> None:
    call = asked.ask("rtp_relay:call", callid="c0")
    assert (call["call_id"], call["status"], call["answered"]) == ("c0", "live", True)
    (session,) = call["sessions"]
    assert (session["status"], session["from_tag"], session["set"]) == ("open", "A", "default")
    assert refusal(asked, "rtp_relay:call", callid="nobody") == (404, "Call not found")


def test_a_history_comes_in_parts_that_are_the_whole(asked: Asked) -> None:
    whole = asked.ask("rtp_relay:history", callid="c0")
    assert [event["event"] for event in whole["events"]] == asked.cluster.events(CallId("c0"))
    assert "last" not in whole
    parts: list[Any] = []
    part: Any = {"last": 0}
    while "last" in part:
        part = asked.ask("rtp_relay:history", callid="c0", after=part["last"], count=1)
        parts += part["events"]
    assert parts == whole["events"]
    assert refusal(asked, "rtp_relay:history", callid="nobody") == (404, "Call not found")
    assert refusal(asked, "rtp_relay:history", callid="nobody", after=3) == (404, "Call not found")
    assert asked.ask("rtp_relay:history", callid="c0", after=10**6) == {"call_id": "c0", "events": []}
    assert refusal(asked, "rtp_relay:history", callid="c0", after=-1) == (400, "Bad version")


def test_only_an_operator_sees_keys(asked: Asked) -> None:
    assert asked.ask("rtp_relay:history", READER, callid="c0")["events"]
    assert asked.ask("rtp_relay:history", READER, callid="c0", secrets=0)["events"]
    assert refusal(asked, "rtp_relay:history", READER, callid="c0", secrets=1) == (403, "Forbidden")
    assert asked.ask("rtp_relay:history", callid="c0", secrets=True)["events"]


def test_a_live_call_is_ended_and_its_history_says_by_whom(asked: Asked) -> None:
    ended = asked.ask("rtp_relay:end", callid="c0")
    assert ended["how"] == "sessions"
    assert len(ended["sessions"]) == 1
    asked.cluster.after(1)
    assert "deleted" in asked.cluster.events(CallId("c0"))
    events = asked.ask("rtp_relay:history", callid="c0")["events"]
    (reason,) = [event["data"]["reason"] for event in events if event["event"] == "delete wanted"]
    assert reason == "rtp_relay:end, by alice"
    assert asked.cluster.do(Verb.QUERY, CallId("c0"), a="A")[b"result"] == b"error"
    for gone in ("c0", "nobody"):
        assert refusal(asked, "rtp_relay:end", callid=gone) == (404, "Call not found")


def test_a_session_that_its_node_lost_is_noted_by_a_probe(asked: Asked) -> None:
    before = asked.cluster.events(CallId("c0"))
    assert asked.ask("rtp_relay:probe", callid="c0") == "OK"
    assert asked.cluster.events(CallId("c0")) == before, "the node has it"
    for relay in asked.cluster.relays.values():
        relay.restart()
    assert refusal(asked, "rtp_relay:probe", READER, callid="c0") == (403, "Forbidden")
    assert asked.ask("rtp_relay:probe", callid="c0") == "OK"
    assert asked.cluster.events(CallId("c0"))[len(before) :] == ["session missing", "delete wanted", "deleted"]
    asked.control.directory = None
    assert refusal(asked, "rtp_relay:probe", callid="c0") == (503, "Service unavailable")


def test_a_call_is_torn_down_by_opensips_name(asked: Asked) -> None:
    assert {"teardown", "rtpengine_teardown", "rtpengine:teardown"} <= set(asked.ask("which"))
    assert asked.ask("teardown", callid="c0") == "OK"
    asked.cluster.after(1)
    assert "deleted" in asked.cluster.events(CallId("c0"))
    assert refusal(asked, "rtpengine_teardown", callid="c0") == (404, "Call not found")


def test_who_may_only_look_ends_nothing(asked: Asked) -> None:
    assert refusal(asked, "rtp_relay:end", READER, callid="c0") == (403, "Forbidden")
    assert asked.ask("rtp_relay:call", READER, callid="c0")["status"] == "live"


def test_without_a_service_a_live_call_is_left_alone(asked: Asked) -> None:
    asked.control.directory = None
    assert refusal(asked, "rtp_relay:end", callid="c0") == (503, "Service unavailable")
    assert asked.ask("rtp_relay:call", callid="c0")["status"] == "live"


def test_which_shows_what_may_be_left_out(asked: Asked) -> None:
    assert asked.ask("which", command="rtp_relay:history") == [
        ["callid"],
        ["callid", "after"],
        ["callid", "after", "count"],
        ["callid", "after", "count", "secrets"],
    ]
