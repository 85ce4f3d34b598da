"""Subscriptions and what is told to the subscribers, by a simulated cluster and real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actors.control.control import Control
from actors.control.happenings import (
    MEDIA_TIMEOUT,
    MOVE_FAILED,
    NODE_STATE,
    CallHappening,
    CallWatch,
    DigitHappening,
    OrphanHappening,
)
from actors.messages import HealthChanged
from actors.node_table import Node, NodeTable
from actors.observers import Observers
from engines.health import NodeSnapshot, NodeState
from engines.set_names import SetNames
from engines.sets import NodeSpec
from events import registry as e
from events.memory import MemoryJournal
from events.migration_events import MigrationCompleted, MigrationFailed
from events.names import CallId, NodeName, RelayId
from events.records import Recorded
from gateways.mi.events import EXPIRE, EventMethods
from gateways.mi.methods import Caller, Methods, Role
from gateways.mi.notifier import EVENTS, WAITING, Notifier
from gateways.mi.replies import whole
from gateways.mi.subscriptions import MOST, Subscriptions, TooMany, subscriber_at
from tests.peers.peer import wait_until

STATUS = "E_RTPPROXY_STATUS"
OPERATOR = Caller("o", Role.OPERATE)
HERE = subscriber_at("udp:127.0.0.1:9")


# -- who has subscribed --


def test_a_subscription_holds_until_it_expires_or_is_ended() -> None:
    subscriptions = Subscriptions(EVENTS)
    assert not subscriptions.any(0)
    subscriptions.subscribe(STATUS, HERE, 10, now=0)
    assert subscriptions.of(STATUS, 9.9) == [(HERE, 10)]
    assert subscriptions.of(NODE_STATE, 5) == []
    assert subscriptions.of(STATUS, 10) == []
    subscriptions.subscribe(STATUS, HERE, 20, now=5)
    assert subscriptions.of(STATUS, 24) == [(HERE, 20)]
    assert list(subscriptions.all(24)) == [(STATUS, [(HERE, 20)])]
    assert subscriptions.end() == 25
    subscriptions.subscribe(STATUS, HERE, 0, now=24)
    assert not subscriptions.any(24)
    assert subscriptions.end() == 0


def test_not_everybody_can_subscribe() -> None:
    subscriptions = Subscriptions(EVENTS)
    for number in range(MOST):
        subscriptions.subscribe(STATUS, subscriber_at(f"udp:127.0.0.1:{number + 1}"), 10, now=0)
    with pytest.raises(TooMany):
        subscriptions.subscribe(STATUS, HERE_TOO, 10, now=0)
    subscriptions.subscribe(STATUS, HERE, 10, now=0)
    subscriptions.subscribe(NODE_STATE, HERE_TOO, 10, now=0)
    subscriptions.subscribe(STATUS, HERE_TOO, 10, now=10)


HERE_TOO = subscriber_at("unix:/tmp/x")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("udp:127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("udp:[::0001]:1", ("::1", 1)),
        ("unix:/run/a b", "/run/a b"),
    ],
)
def test_sockets(given: str, address: Any) -> None:
    assert subscriber_at(given).address == address


@pytest.mark.parametrize(
    "wrong",
    ["", "udp:", "udp:localhost:1", "udp:1.2.3:1", "udp:1.2.3.4:0", "udp:1.2.3.4:70000", "tcp:1.2.3.4:1", "unix:x"],
)
def test_what_is_no_socket(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        subscriber_at(wrong)


# -- what is told --


class Stage:
    """A control node with a node table that can be told of nodes, and a subscriber's socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.nodes, self.observers = NodeTable(), Observers()
        self.notifier = Notifier(Control(MemoryJournal(), self.nodes), SetNames({3: "west"}))
        self.watch = CallWatch(self.observers, self.notifier.tell)
        self.notifier.wanted = self.watch.want
        self.nodes.watch(self.notifier.node_changed)
        self.methods = Methods()
        EventMethods(self.notifier).add_to(self.methods)
        self.sock = sock
        self.name = f"udp:127.0.0.1:{sock.getsockname()[1]}"

    async def ask(self, method: str, *params: Any) -> Any:
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        reply = json.loads(await whole(await self.methods.outcome(request, OPERATOR), OPERATOR))
        return reply.get("result", reply.get("error"))

    async def heard(self) -> Any:
        """Return the next event that is told."""
        async with asyncio.timeout(5):
            message = json.loads(await asyncio.get_running_loop().sock_recv(self.sock, 70_000))
        assert message.pop("jsonrpc") == "2.0"
        assert "id" not in message
        return message["method"], message["params"]

    def journalled(self, call: str, event: e.Event) -> None:
        self.observers.tell(CallId(call), [Recorded(1, 0, "c", event)])


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        made = Stage(sock)
        yield made
        await made.notifier.close()


RELAY = NodeSpec(name=NodeName("r1"), engine="rtpproxy", url="udp:10.0.0.1:7722", set="west")


def add_node(stage: Stage) -> None:
    actor: Any = None  # nothing here asks it
    stage.nodes._put(Node(RELAY, actor))


def turn(stage: Stage, state: NodeState, why: str) -> None:
    stage.nodes.take(HealthChanged(NodeName("r1"), NodeSnapshot(state=state), why))


async def test_a_node_that_goes_down_and_comes_back(stage: Stage) -> None:
    add_node(stage)
    turn(stage, NodeState.UP, "nobody listens yet")
    for event in (STATUS, NODE_STATE):
        assert await stage.ask("event_subscribe", event, stage.name, 60) == "OK"
    place = {"socket": "udp:10.0.0.1:7722", "set": 3}
    turn(stage, NodeState.DOWN, "silent")
    turn(stage, NodeState.DOWN, "still silent")
    of_node = {"node": "r1", "relay": "rtpproxy", **place}
    assert await stage.heard() == (STATUS, {**place, "status": "inactive"})
    assert await stage.heard() == (NODE_STATE, {**of_node, "state": "down", "reason": "silent"})
    turn(stage, NodeState.UP, "answers")
    turn(stage, NodeState.DRAINING, "an operator")
    turn(stage, NodeState.DISABLED, "an operator")
    assert await stage.heard() == (STATUS, {**place, "status": "active"})
    assert await stage.heard() == (NODE_STATE, {**of_node, "state": "up", "reason": "answers"})
    assert (await stage.heard())[1]["state"] == "draining"
    assert await stage.heard() == (STATUS, {**place, "status": "inactive"})
    assert (await stage.heard())[1]["state"] == "disabled"


async def test_what_happens_to_calls(stage: Stage) -> None:
    for event in EVENTS:
        assert await stage.ask("event_subscribe", event, stage.name) == "OK"
    stage.journalled("c1", e.MediaTimedOut(session=1))
    stage.journalled("c2", e.CommandRefused(command="query", reason="no event of this kind"))
    stage.journalled("c3", MigrationFailed(migration=1, reason="no node"))
    stage.journalled("c4", MigrationCompleted(migration=1, session=2))
    stage.journalled("c5", e.SessionMissing(session=1, node=NodeName("r1")))
    stage.notifier.tell(OrphanHappening(RELAY, RelayId("id"), CallId("c6"), deleted=True))
    assert await stage.heard() == (MEDIA_TIMEOUT, {"callid": "c1"})
    assert await stage.heard() == (MOVE_FAILED, {"callid": "c3", "reason": "no node"})
    assert await stage.heard() == ("E_RTP_RELAY_CALL_MOVED", {"callid": "c4"})
    assert await stage.heard() == ("E_RTP_RELAY_SESSION_MISSING", {"callid": "c5"})
    place = {"node": "r1", "relay": "rtpproxy", "socket": "udp:10.0.0.1:7722", "set": 3}
    assert await stage.heard() == ("E_RTP_RELAY_ORPHAN", {**place, "id": "id", "callid": "c6", "deleted": True})


async def test_what_becomes_of_copies_of_calls_that_move(stage: Stage) -> None:
    for event in EVENTS:
        await stage.ask("event_subscribe", event, stage.name)
    stage.journalled("c", e.CopyMoved(copy="rec", session=2, sdp=b""))
    stage.journalled("c", e.CopyLeftBehind(copy="tap", session=1, reason="no room"))
    assert await stage.heard() == ("E_RTP_RELAY_COPY_MOVED", {"callid": "c", "copy": "rec"})
    assert await stage.heard() == (
        "E_RTP_RELAY_COPY_LEFT_BEHIND",
        {"callid": "c", "copy": "tap", "reason": "no room"},
    )


@pytest.mark.parametrize(("code", "more"), [(7, {"event": 7}), (None, {})])
async def test_keys_are_told_as_an_rtpengine_tells_of_them(
    stage: Stage, code: int | None, more: dict[str, int]
) -> None:
    await stage.ask("event_subscribe", "E_RTPENGINE_NOTIFICATION", stage.name)
    stage.notifier.tell(DigitHappening(CallId("c"), "a", ("a", "b"), code, 60, 10, 1_764_000_000, "192.0.2.1"))
    told = {"callid": "c", "source_tag": "a", "tags": ["a", "b"], "type": "DTMF", "timestamp": 1_764_000_000}
    expected = {**told, "source_ip": "192.0.2.1", "duration": 60, "volume": 10, **more}
    assert await stage.heard() == ("E_RTPENGINE_NOTIFICATION", expected)


async def test_nobody_watches_calls_that_nobody_asks_about(stage: Stage) -> None:
    assert not stage.observers
    await stage.ask("event_subscribe", MEDIA_TIMEOUT, stage.name, 60)
    assert stage.observers
    await stage.ask("event_subscribe", MEDIA_TIMEOUT, stage.name, 0)
    assert not stage.observers


async def test_when_the_last_one_expires_nobody_watches(stage: Stage) -> None:
    await stage.ask("event_subscribe", MEDIA_TIMEOUT, stage.name, 1)

    async def nobody_watches() -> bool:
        return not stage.observers

    await wait_until(nobody_watches, "nobody watches")
    assert await stage.ask("subscribers_list") == {"Events": []}


async def test_there_is_one_timer_however_often_subscribers_renew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, timers = asyncio.get_running_loop(), list[asyncio.TimerHandle]()

    def call_at(when: float, look: Any, real: Any = loop.call_at) -> asyncio.TimerHandle:
        timers.append(real(when, look))
        return timers[-1]

    def running() -> list[float]:
        return [timer.when() for timer in timers if not timer.cancelled()]

    monkeypatch.setattr(loop, "call_at", call_at)
    begun = loop.time()
    for expire in range(50, 0, -1):
        stage.notifier.subscribe(MEDIA_TIMEOUT, HERE, 1000 + expire)
        stage.notifier.subscribe(NODE_STATE, HERE_TOO, 2000 + expire)
    assert running() == [pytest.approx(begun + 2001, abs=60)]
    stage.notifier.subscribe(NODE_STATE, HERE_TOO, 0)
    assert running() == [pytest.approx(begun + 1001, abs=60)]
    stage.notifier.subscribe(MEDIA_TIMEOUT, HERE, 0)
    assert running() == []
    stage.notifier.subscribe(MEDIA_TIMEOUT, HERE, 60)
    await stage.notifier.close()
    assert running() == []


async def test_a_flood_is_left_out_and_holds_nobody_up(stage: Stage) -> None:
    await stage.ask("event_subscribe", MOVE_FAILED, stage.name, 60)
    for number in range(WAITING * 3):
        stage.notifier.tell(CallHappening(MOVE_FAILED, CallId(f"c{number}"), 0, "x" * 500))
    assert stage.notifier._queue.full()
    assert (await stage.heard())[1]["callid"] == "c0"


async def test_a_socket_that_is_gone_is_no_harm_to_the_others(stage: Stage, tmp_path: Path) -> None:
    for gone in (f"unix:{tmp_path}/nobody", "udp:[::1]:9", "udp:127.0.0.1:9"):
        assert await stage.ask("event_subscribe", MOVE_FAILED, gone) == "OK"
    await stage.ask("event_subscribe", MOVE_FAILED, stage.name)
    for number in (1, 2):
        stage.notifier.tell(CallHappening(MOVE_FAILED, CallId(f"c{number}"), 0, "why"))
        assert (await stage.heard())[1] == {"callid": f"c{number}", "reason": "why"}


async def test_a_unix_socket_hears_it_too(stage: Stage, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.setblocking(False)
        sock.bind(str(tmp_path / "heard"))
        await stage.ask("event_subscribe", MOVE_FAILED, f"unix:{tmp_path / 'heard'}")
        stage.notifier.tell(CallHappening(MOVE_FAILED, CallId("c"), 0, "why"))
        async with asyncio.timeout(5):
            assert json.loads(await asyncio.get_running_loop().sock_recv(sock, 70_000))["method"] == MOVE_FAILED


# -- the methods --


async def test_lists(stage: Stage) -> None:
    listed = (await stage.ask("events_list"))["Events"]
    assert [(event["name"], event["id"]) for event in listed] == list(zip(EVENTS, range(len(EVENTS)), strict=True))
    assert {"E_RTPENGINE_STATUS", STATUS} <= set(EVENTS)
    await stage.ask("event_subscribe", STATUS, stage.name)
    number = EVENTS.index(STATUS)
    row = {"socket": stage.name, "expire": EXPIRE}
    assert await stage.ask("subscribers_list") == {"Events": [{"name": STATUS, "id": number, "Subscribers": [row]}]}
    assert await stage.ask("subscribers_list", STATUS) == {
        "Event": {"name": STATUS, "id": number, "Subscribers": [row]}
    }
    assert await stage.ask("subscribers_list", STATUS, stage.name) == {
        "Event": {"name": STATUS, "id": number, "Subscriber": row}
    }
    assert await stage.ask("subscribers_list", NODE_STATE) == {"Event": {}}
    assert (await stage.ask("subscribers_list", "E_NONE"))["message"] == "Event not published"
    assert (await stage.ask("subscribers_list", NODE_STATE, stage.name))["message"] == "Subscriber does not exist"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (("E_NONE", "udp:127.0.0.1:9"), 400),
        ((STATUS, "udp:localhost:9"), 400),
        ((STATUS, "udp:127.0.0.1:9", -1), -32602),
        ((STATUS, "udp:127.0.0.1:9", "soon"), -32602),
        ((STATUS,), -32602),
    ],
)
async def test_what_is_no_subscription(stage: Stage, params: Any, code: int) -> None:
    assert (await stage.ask("event_subscribe", *params))["code"] == code
    assert await stage.ask("subscribers_list") == {"Events": []}


async def test_who_may_only_look_subscribes_to_nothing(stage: Stage) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "event_subscribe", "params": [STATUS, stage.name]}
    reader = Caller("r", Role.READ)
    reply = await whole(await stage.methods.outcome(json.dumps(request).encode(), reader), reader)
    assert json.loads(reply)["error"]["code"] == 403
