"""A delete of a whole session is one command where that leaves nobody for certain, and two where it might."""

from __future__ import annotations

from typing import Any

import pytest

from engines.ng.bencode import NgDict
from events.names import CallId
from events.registry import CommandForwarded
from events.verb import Verb
from replay.folding.sessions import MAY_BRING_OTHERS
from tests.actors.simulation import Cluster

CALL = CallId("c")


def begin(cluster: Cluster) -> None:
    assert cluster.do(Verb.OFFER, CALL, a="A", sdp="caller")[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CALL, a="A", b="B", sdp="callee")[b"result"] == b"ok"


def deletes(cluster: Cluster) -> list[NgDict]:
    return [c for relay in cluster.relays.values() for c in relay.commands if c[b"command"] == b"delete"]


@pytest.mark.parametrize("words", [{}, {"received_from": [b"IP4", b"10.0.0.1"]}, {"b": "B"}, {"delete_delay": 30}])
@pytest.mark.parametrize("tag", ["A", "B"])
def test_one_command_ends_a_plain_call_whoever_hangs_up(cluster: Cluster, tag: str, words: dict[str, Any]) -> None:
    begin(cluster)
    reply = cluster.do(Verb.DELETE, CALL, a=tag, **words)
    assert reply == {b"result": b"ok", b"totals": {b"RTP": {b"packets": 7, b"bytes": 1120}}}
    (command,) = deletes(cluster)
    assert (command[b"from-tag"], command[b"delete delay"]) == (b"A", 0)
    assert not command.keys() & {b"to-tag", b"delete-delay"}
    cluster.check_no_leak()


@pytest.mark.parametrize("lost", range(1, 12))
def test_the_words_of_a_delete_that_are_asked_for_first_may_be_lost(cluster: Cluster, lost: int) -> None:
    """A node's first delete of a session is preceded by a query: however many of its replies are lost, all goes."""
    begin(cluster)
    for relay in cluster.relays.values():
        relay.lose_replies = lost
    cluster.ask(Verb.DELETE, CALL, a="A")
    cluster.after(30)
    assert any(c[b"command"] == b"query" for relay in cluster.relays.values() for c in relay.commands)
    cluster.heal()
    cluster.after(60)
    assert not [session for relay in cluster.relays.values() for session in relay.held()]
    cluster.check_no_leak()


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("tag", ["A", "B"])
def test_an_answer_that_another_control_node_just_brings_in_goes_too(cluster: Cluster, tag: str, dies: bool) -> None:
    begin(cluster)
    node = cluster.state(CALL).sessions[1].node
    cluster.ask(Verb.ANSWER, CALL, a="A", b="C", sdp="another", place=1)
    cluster.after(0.0015)  # the node has it, the control node has no reply yet
    assert len(cluster.relays[node].calls["c"].parties) == 3
    if dies:
        cluster.nodes[1].life.crossings = 0
    assert cluster.do(Verb.DELETE, CALL, a=tag)[b"result"] == b"ok"
    assert not cluster.relays[node].held()
    cluster.heal()
    cluster.after(60)
    cluster.check_no_leak()


def test_a_party_that_the_callee_has_called_in_goes_too(cluster: Cluster) -> None:
    """The callee's delete names all there is; the caller's tag would leave the two."""
    begin(cluster)
    assert cluster.do(Verb.OFFER, CALL, a="B", b="C", sdp="further")[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, CALL, a="B")[b"result"] == b"ok"
    cluster.after(1)
    assert not any(relay.held() for relay in cluster.relays.values())
    cluster.check_no_leak()


@pytest.mark.parametrize("verb", sorted(MAY_BRING_OTHERS - {Verb.CONNECT, Verb.MESH, Verb.INJECT_START}))
def test_what_may_bring_others_stands_in_the_journal_before_it_is_asked(cluster: Cluster, verb: Verb) -> None:
    begin(cluster)
    node = cluster.state(CALL).sessions[1].node
    cluster.ask(verb, CALL, a="P", b="S", sdp="published", place=1)
    cluster.after(0.0015)
    assert verb.encode() in [command[b"command"] for command in cluster.relays[node].commands]
    assert [e.result for e in forwarded(cluster)] == ["asked"]
    assert cluster.do(Verb.DELETE, CALL, a="A")[b"result"] == b"ok"
    assert [command.get(b"from-tag") for command in deletes(cluster)] == [b"A", None]
    cluster.after(1)
    cluster.check_no_leak()


@pytest.mark.parametrize("verb", [Verb.PUBLISH, Verb.CREATE, Verb.TRANSFORM])
def test_a_session_that_was_not_made_by_an_offer_is_deleted_whoever_is_in_it(cluster: Cluster, verb: Verb) -> None:
    cluster.do(verb, CALL, a="P", sdp="published")
    assert cluster.do(Verb.DELETE, CALL, a="P")[b"result"] == b"ok"
    assert deletes(cluster)[-1].keys() == {b"command", b"call-id", b"delete delay"}
    cluster.check_no_leak()


def test_nothing_is_brought_into_a_session_that_was_just_deleted(cluster: Cluster) -> None:
    begin(cluster)
    cluster.do(Verb.QUERY, CALL, place=1)  # remembers the call
    assert cluster.do(Verb.DELETE, CALL, a="A")[b"result"] == b"ok"
    assert cluster.do(Verb.SUBSCRIBE_REQUEST, CALL, a="A", b="S", place=1)[b"error-reason"] == b"Unknown call-id"
    assert forwarded(cluster) == []


def forwarded(cluster: Cluster) -> list[CommandForwarded]:
    return [record.event for record in cluster.stream(CALL) if isinstance(record.event, CommandForwarded)]
