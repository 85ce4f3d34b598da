"""Flows c to e: parallel and serial forks, engaged as a whole or branch by branch, failures, CANCEL."""

from __future__ import annotations

import pytest

from tests.golden_flows.stage import Flow

pytestmark = pytest.mark.e2e

FORK = """
    C INVITE at=- branch=br0 sdp=c -> offer
    C INVITE at=- branch=br1 sdp=c -> offer
"""


async def test_c_the_loser_of_a_fork_is_freed_at_the_winners_200(flow: Flow) -> None:
    await flow.tell(FORK + "A 183 INVITE branch=br0 sdp=a -> answer")
    await flow.tell("B 200 INVITE branch=br1 sdp=b -> answer established")
    assert await flow.held() == 1
    torn_down = len(flow.commands)
    await flow.tell("""
        C CANCEL at=- branch=br0 -> cancelled
        A 487 INVITE branch=br0 -> branch failed
        C ACK at=B -> nothing
    """)
    assert len(flow.commands) == torn_down, "what was freed is not freed again"
    await flow.tell("C BYE at=B cseq=2 -> call ended")
    await flow.came_to(rtpengine=FORK_ON_RTPENGINE, rtpproxy=FORK_ON_RTPPROXY)


FORK_ON_RTPENGINE = """
    offer call tC - br0
    offer call tC - br1
    answer call tC tA br0
    answer call tC tB br1
    delete call # - br0
    delete call tC - -
"""
FORK_ON_RTPPROXY = """
    U call tC;1
    U call#2 tC;1
    L call tC;1 tA;1
    L call#2 tC;1 tB;1
    D call tC tA
    D call#2 tC tB
"""


async def test_c2_a_fork_engaged_branch_by_branch(stage: Flow) -> None:
    for branch in (0, 1):
        await stage.call.engage(stage.engine, branch=branch)
    await stage.tell(FORK)
    await stage.tell("""
        A 183 INVITE branch=br0 sdp=a -> answer
        B 200 INVITE branch=br1 sdp=b -> answer established
        C CANCEL at=- branch=br0 -> cancelled
        A 487 INVITE branch=br0 -> branch failed
        C ACK at=B -> nothing
    """)
    assert await stage.held() == 1
    await stage.tell("B BYE cseq=7 -> call ended")
    await stage.came_to(rtpengine=FORK_ON_RTPENGINE, rtpproxy=FORK_ON_RTPPROXY)


async def test_c_the_first_branch_wins(flow: Flow) -> None:
    await flow.tell(FORK)
    await flow.tell("""
        B 183 INVITE branch=br1 sdp=b -> answer
        A 200 INVITE branch=br0 sdp=a -> answer established
        B 487 INVITE branch=br1 -> branch failed
        C ACK -> nothing
    """)
    assert await flow.held() == 1
    await flow.tell("C BYE cseq=2 -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        offer call tC - br1
        answer call tC tB br1
        answer call tC tA br0
        delete call # - br1
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        U call#2 tC;1
        L call#2 tC;1 tB;1
        L call tC;1 tA;1
        D call#2 tC tB
        D call tC tA
        """,
    )


async def test_c_both_callees_answer_and_one_gets_a_bye(flow: Flow) -> None:
    await flow.tell(FORK)
    await flow.tell("""
        A 200 INVITE branch=br0 sdp=a -> answer established
        C ACK -> nothing
        B 200 INVITE branch=br1 sdp=b -> answer established
        C ACK at=B -> nothing
    """)
    assert await flow.held() == 2, "the second callee's branch was freed, so its answer needs an offer first"
    await flow.tell("""
        C BYE at=B cseq=2 -> dialog ended
        C INVITE cseq=3 sdp=c2 -> offer
        A 200 INVITE cseq=3 sdp=a2 -> answer
        C ACK cseq=3 -> nothing
        C BYE cseq=4 -> call ended
    """)
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        offer call tC - br1
        answer call tC tA br0
        delete call # - br1
        offer call#2 tC - br1
        answer call#2 tC tB br1
        delete call#2 tC - -
        offer call tC tA br0
        answer call tC tA br0
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        U call#2 tC;1
        L call tC;1 tA;1
        D call#2 tC
        U call#3 tC;1
        L call#3 tC;1 tB;1
        D call#3 tC tB
        U call tC;1 tA;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )


async def test_c_two_callees_answer_on_one_branch(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 200 INVITE branch=br0 sdp=a -> answer established
        B 200 INVITE branch=br0 sdp=b -> answer established
        C BYE cseq=2 -> dialog ended
    """)
    assert await flow.held() == 1
    await flow.tell("""
        C INVITE at=B cseq=3 sdp=c2 -> offer
        B 200 INVITE cseq=3 sdp=b2 -> answer
        B BYE cseq=7 -> call ended
    """)
    await flow.nothing_is_left()


async def test_d_a_serial_fork_after_a_failure(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 183 INVITE branch=br0 sdp=a -> answer
        A 486 INVITE branch=br0 -> branch failed
    """)
    assert await flow.held() == 0
    await flow.call.engage(flow.engine, branch=1)
    await flow.tell("""
        C INVITE at=- branch=br1 sdp=c -> offer
        B 200 INVITE branch=br1 sdp=b -> answer established
        C ACK at=B -> nothing
        B BYE cseq=7 -> call ended
    """)
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        delete call tC - br0
        delete call - - -
        offer call#2 tC - br1
        answer call#2 tC tB br1
        delete call#2 tC - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        D call tC tA
        U call#2 tC;1
        L call#2 tC;1 tB;1
        D call#2 tC tB
        """,
    )


@pytest.mark.parametrize("reply", ["A 180 INVITE branch=br0 -> nothing", "A 183 INVITE branch=br0 sdp=a -> answer"])
async def test_e_cancel_deletes_each_branch_under_its_own_id(flow: Flow, reply: str) -> None:
    await flow.tell(FORK + reply)
    await flow.tell("""
        C CANCEL at=- branch=br0 -> cancelled
        C CANCEL at=- branch=br1 -> cancelled
        A 487 INVITE branch=br0 -> branch failed
        B 487 INVITE branch=br1 -> branch failed
    """)
    answered = "183" in reply
    await flow.came_to(
        rtpengine="offer call tC - br0\noffer call tC - br1\n"
        + ("answer call tC tA br0\n" if answered else "")
        + """
        delete call # - br0
        delete call tC - br1
        delete call - - -
        """,
        rtpproxy="U call tC;1\nU call#2 tC;1\n"
        + ("L call tC;1 tA;1\nD call tC tA\n" if answered else "D call tC\n")
        + "D call#2 tC",
    )
