"""Flows g to i: late offers, re-INVITEs from either side, rejected ones, UPDATE."""

from __future__ import annotations

import pytest

from engines.sdp.session import parse
from tests.golden_flows.stage import Flow, live_ports
from tests.golden_flows.tap import ng
from tests.peers.bencode import NgValue

pytestmark = pytest.mark.e2e

CALL = """
    C INVITE at=- branch=br0 sdp=c -> offer
    A 200 INVITE branch=br0 sdp=a -> answer established
    C ACK -> nothing
"""


def ports(flow: Flow, word: str) -> list[int]:
    return live_ports(parse(flow.given[word]))


async def test_g_a_late_offer_in_the_200_and_its_answer_in_the_ack(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 -> nothing
        A 180 INVITE branch=br0 -> nothing
        A 200 INVITE branch=br0 sdp=a -> offer established
        C ACK sdp=c -> answer
    """)
    assert await flow.held() == 1
    await flow.tell("C BYE cseq=2 -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tA - br0
        answer call tA tC br0
        delete call tA - -
        """,
        rtpproxy="""
        U call tA;1
        L call tA;1 tC;1
        D call tA tC
        """,
    )


async def test_g_a_call_that_begins_without_streams_has_its_session_with_the_first_ones(flow: Flow) -> None:
    flow.bodies["n"] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\n"
    await flow.tell("""
        C INVITE at=- branch=br0 sdp=n -> offer
        A 200 INVITE branch=br0 sdp=n -> answer established
        C ACK -> nothing
    """)
    assert (await flow.held(), b"127.0.0.9" in flow.given["n"]) == (0, False)
    await flow.tell("""
        C INVITE cseq=2 -> nothing
        A 200 INVITE cseq=2 sdp=a -> offer
        C ACK cseq=2 sdp=c -> answer
    """)
    assert await flow.held() == 1
    await flow.tell("C BYE cseq=3 -> call ended")
    await flow.nothing_is_left()


async def test_g_a_late_offer_in_a_reliable_183_and_its_answer_in_the_prack(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 -> nothing
        A 183r INVITE branch=br0 sdp=a -> offer
        C PRACK cseq=2 sdp=c -> answer
        A 200 PRACK cseq=2 -> nothing
        A 200 INVITE branch=br0 -> established
        C ACK -> nothing
        A BYE cseq=7 -> call ended
    """)
    await flow.came_to(
        rtpengine="""
        offer call tA - br0
        answer call tA tC br0
        delete call tA - -
        """,
        rtpproxy="""
        U call tA;1
        L call tA;1 tC;1
        D call tA tC
        """,
    )


async def test_g_a_late_offer_on_each_branch_of_a_fork(flow: Flow) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 -> nothing
        C INVITE at=- branch=br1 -> nothing
        A 183r INVITE branch=br0 sdp=a -> offer
        B 183r INVITE branch=br1 sdp=b -> offer
        C PRACK cseq=2 sdp=c -> answer
        C PRACK at=B cseq=3 sdp=c -> answer
        B 200 INVITE branch=br1 -> established
        A 487 INVITE branch=br0 -> branch failed
        C ACK at=B -> nothing
    """)
    assert await flow.held() == 1
    await flow.tell("C BYE at=B cseq=4 -> call ended")
    await flow.nothing_is_left()


HOLD = """
    C INVITE cseq=2 sdp=hold -> offer
    A 200 INVITE cseq=2 sdp=held -> answer
    C ACK cseq=2 -> nothing
    C INVITE cseq=3 sdp=c -> offer
    A 200 INVITE cseq=3 sdp=a -> answer
    C ACK cseq=3 -> nothing
"""


async def test_h_hold_and_resume_by_the_caller(flow: Flow) -> None:
    await flow.tell(CALL)
    flow.bodies["hold"] = flow.body("c").replace(b"sendrecv", b"sendonly")
    flow.bodies["held"] = flow.body("a").replace(b"sendrecv", b"recvonly")
    before = (ports(flow, "c"), ports(flow, "a"))
    await flow.tell(HOLD)
    assert b"a=sendonly\r\n" in flow.given["hold"]
    assert b"a=recvonly\r\n" in flow.given["held"]
    assert (ports(flow, "hold"), ports(flow, "held")) == before
    assert (ports(flow, "c"), ports(flow, "a")) == before
    assert await flow.held() == 1
    await flow.tell("C BYE cseq=4 -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        offer call tC tA br0
        answer call tC tA br0
        offer call tC tA br0
        answer call tC tA br0
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        U call tC;1 tA;1
        L call tC;1 tA;1
        U call tC;1 tA;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )


async def test_h_a_reinvite_by_the_callee(flow: Flow) -> None:
    await flow.tell(CALL)
    for word, first in (("a2", "a"), ("c2", "c")):
        flow.bodies[word] = flow.body(first).replace(b" 1 IN IP4", b" 2 IN IP4")
    await flow.tell("""
        A INVITE cseq=7 sdp=a2 -> offer
        C 200 INVITE at=A cseq=7 sdp=c2 -> answer
        A ACK cseq=7 -> nothing
    """)
    assert (ports(flow, "a2"), ports(flow, "c2")) == (ports(flow, "a"), ports(flow, "c"))
    await flow.tell("C BYE cseq=2 -> call ended")
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        offer call tA tC br0
        answer call tA tC br0
        delete call tC - -
        delete call - - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        U call tA;1 tC;1
        L call tA;1 tC;1
        D call tC tA
        """,
    )


async def test_h_reinvites_without_sdp(flow: Flow) -> None:
    await flow.tell(CALL)
    await flow.tell("""
        C INVITE cseq=2 -> nothing
        A 200 INVITE cseq=2 sdp=a2 -> offer
        C ACK cseq=2 sdp=c2 -> answer
        A INVITE cseq=7 -> nothing
        C 200 INVITE at=A cseq=7 sdp=c3 -> offer
        A ACK cseq=7 sdp=a3 -> answer
        A BYE cseq=8 -> call ended
    """)
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        offer call tA tC br0
        answer call tA tC br0
        offer call tC tA br0
        answer call tC tA br0
        delete call tC - -
        delete call - - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        U call tA;1 tC;1
        L call tA;1 tC;1
        U call tC;1 tA;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )


@pytest.mark.parametrize(
    ("reinvite", "refusal", "tags"),
    [
        ("C INVITE cseq=2 sdp=x", "A 488 INVITE cseq=2", ("tC", "tA")),
        ("A INVITE cseq=7 sdp=x", "C 488 INVITE at=A cseq=7", ("tA", "tC")),
    ],
)
async def test_h_after_a_rejection_the_old_agreement_stands_on_the_relay(
    flow: Flow, reinvite: str, refusal: str, tags: tuple[str, str]
) -> None:
    await flow.tell(CALL)
    await flow.tell(f"{reinvite} -> offer\n{refusal} -> rejected")
    assert await flow.held() == 1
    if flow.engine == "rtpengine":
        bodies = [(ng(said)[b"command"], ng(said)[b"sdp"]) for said in flow.tap.exchanges]
        wanted: list[tuple[NgValue, NgValue]] = [(b"offer", flow.bodies["c"]), (b"answer", flow.bodies["a"])]
        assert bodies == [*wanted, (b"offer", flow.bodies["x"]), *wanted]
    await flow.tell("C BYE cseq=9 -> call ended")
    one, other = tags
    also = "" if one == "tC" else "delete call - - -"  # others may be tied to who else has offered
    await flow.came_to(
        rtpengine=f"""
        offer call tC - br0
        answer call tC tA br0
        offer call {one} {other} br0
        offer call tC tA br0
        answer call tC tA br0
        delete call tC - -
        {also}
        """,
        rtpproxy=f"""
        U call tC;1
        L call tC;1 tA;1
        U call {one};1 {other};1
        U call tC;1 tA;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )


async def test_h_a_rejection_undoes_an_answer_that_was_shown_before_it(flow: Flow) -> None:
    await flow.tell(CALL)
    await flow.tell("""
        C INVITE cseq=2 sdp=x -> offer
        A 183 INVITE cseq=2 sdp=y -> answer
        A 488 INVITE cseq=2 -> rejected
        A 488 INVITE cseq=2 -> nothing
    """)
    if flow.engine == "rtpengine":
        assert [ng(said)[b"sdp"] for said in flow.tap.exchanges] == [flow.bodies[word] for word in "caxyca"]
    await flow.tell("C BYE cseq=9 -> call ended")
    await flow.nothing_is_left()


def bodies_told(flow: Flow) -> str:
    """Return the words of the bodies that an rtpengine was told, in their order."""
    words = {body: word for word, body in flow.bodies.items()}
    told = [ng(said).get(b"sdp") for said in flow.tap.exchanges]
    return " ".join(words[body] for body in told if isinstance(body, bytes))


@pytest.mark.parametrize("status", [408, 500])
async def test_h_another_copy_of_an_accepted_re_invite_fails_and_changes_nothing(flow: Flow, status: int) -> None:
    await flow.tell(CALL)
    await flow.tell(f"""
        C INVITE cseq=2 sdp=x -> offer
        C INVITE cseq=2 sdp=x -> repeat
        A 200 INVITE cseq=2 sdp=y -> answer
        C ACK cseq=2 -> nothing
        A {status} INVITE cseq=2 -> nothing
    """)
    if flow.engine == "rtpengine":
        assert bodies_told(flow) == "c a x y"
    await flow.tell("C BYE cseq=9 -> call ended")
    await flow.nothing_is_left()


async def test_h_a_re_invite_without_sdp_that_fails_leaves_what_was_agreed_last(flow: Flow) -> None:
    await flow.tell(CALL)
    await flow.tell("""
        C INVITE cseq=2 sdp=x -> offer
        A 200 INVITE cseq=2 sdp=y -> answer
        C ACK cseq=2 -> nothing
        A INVITE cseq=7 -> nothing
        C 488 INVITE cseq=7 -> nothing
    """)
    if flow.engine == "rtpengine":
        assert bodies_told(flow) == "c a x y"
    await flow.tell("C BYE cseq=9 -> call ended")
    await flow.nothing_is_left()


@pytest.mark.parametrize(
    ("unanswered", "told"),
    [
        ("C INVITE cseq=2 -> nothing\nA 200 INVITE cseq=2 sdp=x -> offer\nC ACK cseq=2", "c a x c a"),
        ("C INVITE cseq=2 sdp=x -> offer\nA 200 INVITE cseq=2", "c a x c a"),
    ],
)
async def test_h_after_an_offer_without_an_answer_the_old_agreement_stands_on_the_relay(
    flow: Flow, unanswered: str, told: str
) -> None:
    await flow.tell(CALL)
    await flow.tell(f"{unanswered} -> rejected !UNANSWERED")
    if flow.engine == "rtpengine":
        assert bodies_told(flow) == told
    await flow.tell("A INVITE cseq=7 sdp=y -> offer\nC 200 INVITE cseq=7 at=A sdp=z -> answer")
    assert await flow.held() == 1
    await flow.tell("C BYE cseq=9 -> call ended")
    await flow.nothing_is_left()


@pytest.mark.parametrize(("offerer", "answerer"), ["CA", "AC"])
async def test_g_the_session_of_a_late_offer_without_an_answer_waits_for_the_next_offer(
    flow: Flow, offerer: str, answerer: str
) -> None:
    await flow.tell("""
        C INVITE at=- branch=br0 -> nothing
        A 200 INVITE branch=br0 sdp=a -> offer established
        C ACK -> rejected !UNANSWERED
    """)
    assert await flow.held() == 1
    await flow.tell(f"""
        {offerer} INVITE cseq=7 sdp=x -> offer
        {answerer} 200 INVITE cseq=7 sdp=y -> answer
        {offerer} ACK cseq=7 -> nothing
    """)
    assert await flow.held() == 1
    await flow.tell("C BYE cseq=9 -> call ended")
    await flow.nothing_is_left()


async def test_i_update_in_the_dialog_with_and_without_sdp(flow: Flow) -> None:
    await flow.tell(CALL)
    await flow.tell("""
        C UPDATE cseq=2 sdp=c2 -> offer
        A 200 UPDATE cseq=2 sdp=a2 -> answer
        A UPDATE cseq=7 -> nothing
        C 200 UPDATE at=A cseq=7 -> nothing
        C BYE cseq=3 -> call ended
    """)
    await flow.came_to(
        rtpengine="""
        offer call tC - br0
        answer call tC tA br0
        offer call tC tA br0
        answer call tC tA br0
        delete call tC - -
        """,
        rtpproxy="""
        U call tC;1
        L call tC;1 tA;1
        U call tC;1 tA;1
        L call tC;1 tA;1
        D call tC tA
        """,
    )
