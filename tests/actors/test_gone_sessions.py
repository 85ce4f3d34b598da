"""A node's word that it does not have a session, and an offer of another control node that makes it anew meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from actors.commands.command import CallCommand
from actors.commands.recovery import EndVanishedSession, ProbeSessions
from engines.ids import id_on_node
from events.names import CallId
from events.verb import Verb
from tests.actors.simulation import Cluster

CALL = CallId("c")
ASKING: list[CallCommand[Any]] = [
    EndVanishedSession(call_id=CALL, relay_id=id_on_node(CALL, 1), ends_call=True, at=1_700_000_000_000),
    EndVanishedSession(call_id=CALL, relay_id=id_on_node(CALL, 1), ends_call=False, at=1_700_000_000_000),
    ProbeSessions(call_id=CALL),
]


@pytest.mark.parametrize("asking", ASKING, ids=["ends call", "ends session", "probes"])
def test_a_session_that_was_made_anew_since_its_node_was_asked_stays(asking: CallCommand[Any]) -> None:
    cluster = Cluster()
    cluster.do(Verb.OFFER, CALL, a="A", sdp="caller")
    cluster.do(Verb.ANSWER, CALL, a="A", b="B", sdp="callee")
    delay_all(cluster, 0.001)
    for relay in cluster.relays.values():
        relay.calls.clear()

    async def submit() -> None:
        cluster.nodes[0].directory.submit(asking, lambda _: None)

    cluster.run(submit())
    cluster.after(0.0005)
    delay_all(cluster, 0.1)  # the reply's way: it is given before the offer comes
    cluster.after(0.001)
    delay_all(cluster, 0.001)
    assert cluster.do(Verb.OFFER, CALL, place=1, a="A", b="B", sdp="caller once more")[b"result"] == b"ok"
    cluster.after(10)
    assert [session.usable for session in cluster.state(CALL).sessions.values()] == [True]
    cluster.check_no_leak()
    cluster.check_tables()
    cluster.close()


def delay_all(cluster: Cluster, seconds: float) -> None:
    """Let datagrams from and to relays that are sent from now on take so long."""
    for node in cluster.fakes.values():
        node.delay = seconds
