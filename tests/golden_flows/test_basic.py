"""Flows a and b: a plain call, several streams, early media."""

from __future__ import annotations

import pytest

from engines.sdp.session import parse
from tests.golden_flows.stage import Flow, live_ports
from tests.peers.ports import HOST

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("bye", ["C BYE cseq=2", "A BYE cseq=7"])
async def test_a_a_call(flow: Flow, bye: str) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 180 INVITE branch=br0 -> nothing
        A 200 INVITE branch=br0 sdp=a -> answer established
        C ACK -> nothing
    """)
    assert await flow.held() == 1
    await flow.tell(f"{bye} -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        delete call tC - -
        delete call - - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )
