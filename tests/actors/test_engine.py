"""The actor of a node: repeats, deadlines, health, and what it says about commands it did not send."""

from __future__ import annotations

from typing import Any

from actors.messages import HealthChanged, HealthTold, SetAdminState, Watch
from actors.runtime import LoopActor
from engines.health import AdminState, NodeState
from events.names import CallId
from events.verb import Verb
from tests.actors.simulation import Cluster


def node_of(cluster: Cluster, name: str = "relay1") -> NodeState:
    return next(node.health.state for node in cluster.nodes[0].table.all() if node.spec.name == name)


def test_a_lost_request_is_repeated_and_runs_once() -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    relay = cluster.relays["relay1"]
    relay.lose_requests = 1
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")[b"result"] == b"ok"
    relay.lose_replies = 1
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="y")[b"result"] == b"ok"
    verbs = [command[b"command"] for command in relay.commands if command[b"command"] != b"ping"]
    assert verbs == [b"offer", b"answer"]
    cluster.close()


def test_a_silent_node_goes_down_gets_nothing_and_comes_back() -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    relay = cluster.relays["relay1"]
    relay.silent = True
    cluster.after(30)
    assert node_of(cluster) is NodeState.DOWN
    before = len(relay.commands)
    reply = cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")
    assert reply[b"error-reason"] == b"No node of set 'default' takes new calls"
    relay.silent = False
    cluster.after(5)
    assert node_of(cluster) is NodeState.UP
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")[b"result"] == b"ok"
    assert all(command[b"command"] == b"ping" for command in relay.commands[before:-1])
    cluster.check_no_leak()
    cluster.close()


def test_past_the_bound_of_commands_in_flight_the_answer_is_a_load_limit_at_once() -> None:
    cluster = Cluster(relays=1, control_nodes=1, max_in_flight=2)
    cluster.relays["relay1"].delay = 0.2
    asked = [cluster.ask(Verb.OFFER, CallId(f"c{n}"), a="A", sdp="x") for n in range(4)]
    cluster.after(0.01)
    refused = [one.reply for one in asked if one.reply is not None]
    assert refused == [{b"result": b"error", b"error-reason": b"Parallel session limit reached"}] * 2
    cluster.after(1)
    assert [one.ok for one in asked].count(True) == 2
    cluster.check_no_leak()
    cluster.close()


def test_a_malformed_reply_is_an_error_for_its_command_alone() -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    relay = cluster.relays["relay1"]
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")
    honest = relay.run
    relay.run = lambda cookie, command: b"garbage"  # type: ignore[method-assign]  # noqa: ARG005
    reply = cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="y")
    assert bytes(reply[b"error-reason"]).startswith(b"Node relay1: malformed reply: ")  # type: ignore[arg-type]
    relay.run = honest  # type: ignore[method-assign]
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="y")[b"result"] == b"ok"
    cluster.close()


def test_a_node_that_left_the_configuration_leaves_its_deletes_due() -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")
    cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="y")
    cluster.relays["relay9"] = cluster.relays.pop("relay1")
    cluster.restart(0)
    reply = cluster.do(Verb.DELETE, CallId("c"), a="A")
    assert b"is not in the configuration; the delete stays due" in bytes(reply[b"warning"])  # type: ignore[arg-type]
    cluster.after(100)
    assert cluster.events(CallId("c"))[-1] == "delete wanted"
    cluster.relays["relay1"] = cluster.relays.pop("relay9")
    cluster.restart(0)
    cluster.after(400)
    assert cluster.events(CallId("c"))[-1] == "deleted"
    cluster.check_no_leak()
    cluster.close()


class Listener(LoopActor):
    registered = False

    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self._heard = heard

    def on_receive(self, message: Any) -> None:
        assert isinstance(message, HealthChanged)
        self._heard.append(message.health.state)


def test_others_words_are_believed_unless_the_node_has_just_answered_here() -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    (node,) = cluster.nodes[0].table.all()

    async def tell(is_down: bool) -> None:
        node.actor.tell(HealthTold(is_down, "no answer"))

    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")[b"result"] == b"ok"
    cluster.run(tell(True))
    cluster.after(0.01)
    assert node_of(cluster) is NodeState.UP, "it has just answered"
    cluster.after(2.5)
    cluster.run(tell(True))
    cluster.after(0.01)
    assert node_of(cluster) is NodeState.DOWN
    cluster.after(2)
    assert node_of(cluster) is NodeState.UP, "a probe tells better"
    cluster.after(2.5)
    cluster.run(tell(True))
    cluster.run(tell(False))
    cluster.after(0.01)
    assert node_of(cluster) is NodeState.UP
    cluster.close()


def test_changes_of_health_and_an_operators_wishes_are_told_to_whoever_asked() -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    table, relay = cluster.nodes[0].table, cluster.relays["relay1"]
    (node,) = table.all()
    heard: list[str] = []

    async def listen() -> None:
        node.actor.tell(Watch(Listener.start(heard)))

    async def wish(admin: AdminState) -> None:
        node.actor.tell(SetAdminState(admin))

    cluster.run(listen())
    relay.silent = True
    cluster.after(30)
    relay.silent = False
    cluster.after(5)
    assert heard == ["up", "down", "up"], "how it is at first, then each change"
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")
    cluster.run(wish(AdminState.DRAINING))
    cluster.after(0.01)
    assert heard[3:] == ["draining"]
    assert cluster.do(Verb.OFFER, CallId("new"), a="A", sdp="x")[b"result"] == b"error"
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="y")[b"result"] == b"ok", (
        "it serves the calls that it has"
    )
    cluster.run(wish(AdminState.DISABLED))
    cluster.after(0.01)
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="y")[b"result"] == b"error"
    cluster.run(wish(AdminState.ACTIVE))
    cluster.after(0.01)
    assert heard[4:] == ["disabled", "up"]
    assert cluster.do(Verb.OFFER, CallId("new"), a="A", sdp="x")[b"result"] == b"ok"
    cluster.check_no_leak()
    cluster.close()


def test_an_outage_is_counted_once_by_who_found_it_whatever_is_told_of_it() -> None:
    cluster = Cluster(relays=1, control_nodes=1)
    table, relay = cluster.nodes[0].table, cluster.relays["relay1"]
    (node,) = table.all()
    counters = table.counters.of("relay1")

    async def tell(message: object) -> None:
        node.actor.tell(message)

    relay.silent = True
    cluster.after(30)
    assert (node_of(cluster), counters.went_down) == (NodeState.DOWN, 1)
    for admin in (AdminState.DRAINING, AdminState.ACTIVE):
        cluster.run(tell(SetAdminState(admin)))
        cluster.after(0.01)
    relay.silent = False
    cluster.after(10)
    cluster.run(tell(HealthTold(is_down=True, why="another worker heard nothing")))
    cluster.after(0.01)
    assert (node_of(cluster), counters.went_down) == (NodeState.DOWN, 1)
    cluster.close()
