"""A call that an application wants moved, and that has nowhere to go: it is told that the call is where it was."""

from __future__ import annotations

from typing import Any

import pytest

from events.names import CallId
from rtp_relay.api.call import RelayCall
from rtp_relay.api.errors import NotMoved, UnknownCall
from tests.actors.simulation import Cluster
from tests.rtp_relay.test_api_call import CALL, sdp


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ({"node": "elsewhere"}, "There is no node 'elsewhere'"),
        ({"set": "elsewhere"}, "No rtpengine node of set 'elsewhere' takes calls"),
        ({"engine": "rtpproxy"}, "No rtpproxy node of set 'default' takes calls"),
    ],
)
def test_a_call_that_can_go_nowhere_is_not_moved(target: dict[str, Any], why: str) -> None:
    cluster = Cluster()
    cluster.call_ids.add(CALL)
    call = RelayCall(CALL, cluster.nodes[0].directory, cluster.journal)
    try:
        cluster.run(call.engage("rtpengine"))
        cluster.run(call.offer(sdp(4000), from_tag="tC"))
        cluster.run(call.answer(sdp(5000), from_tag="tC", to_tag="tA"))
        with pytest.raises(NotMoved, match=why):
            cluster.run(
                call.move(node=target.get("node", ""), set=target.get("set", ""), engine=target.get("engine", ""))
            )
        assert cluster.state(CallId(CALL)).migration is None
        cluster.run(call.delete())
        with pytest.raises(UnknownCall):
            cluster.run(call.move())
    finally:
        cluster.close()
