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
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )


TWO_STREAMS_AND_ONE_OFF = (
    f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
    "m=audio %d RTP/AVP 0\r\nm=video %d RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 8\r\n"
)


async def test_a2_two_streams_and_one_that_is_off(flow: Flow) -> None:
    flow.bodies["c"] = (TWO_STREAMS_AND_ONE_OFF % (4000, 4002)).encode()
    flow.bodies["a"] = (TWO_STREAMS_AND_ONE_OFF % (5000, 5002)).encode()
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 200 INVITE branch=br0 sdp=a -> answer established
        C ACK -> nothing
    """)
    assert [len(live_ports(parse(flow.given[word]))) for word in ("c", "a")] == [2, 2]
    assert b"\r\nm=audio 0 RTP/AVP 8\r\n" in flow.given["c"]
    await flow.tell("C BYE cseq=2 -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        U call tC;2
        L call tC;1 tA;1
        L call tC;2 tA;2
        D call tC tA
        """,
    )


async def test_b_early_media_and_the_same_sdp_again(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 183 INVITE branch=br0 sdp=a -> answer
    """)
    early = flow.given["a"]
    await flow.tell("""
        A 200 INVITE branch=br0 sdp=a -> repeat established
        C ACK -> nothing
        A BYE cseq=7 -> call ended
    """)
    assert flow.given["a"] == early
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )


async def test_b_early_media_and_another_sdp_in_the_200(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 183 INVITE branch=br0 sdp=a -> answer
        A 200 INVITE branch=br0 sdp=a2 -> answer established
        C ACK -> nothing
    """)
    assert await flow.held() == 1
    await flow.tell("A BYE cseq=7 -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        answer call tC tA br0
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )


async def test_b2_early_media_and_a_200_without_sdp(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 183 INVITE branch=br0 sdp=a -> answer
        A 200 INVITE branch=br0 -> established
        C ACK -> nothing
    """)
    assert await flow.held() == 1
    await flow.tell("C BYE cseq=2 -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )
