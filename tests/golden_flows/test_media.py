"""RTP both ways through the relay, in the flows in which it could go astray."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from tests.golden_flows.stage import Flow
from tests.peers.rtp import RtpEndpoint, converse, media_address

pytestmark = pytest.mark.e2e


@dataclass
class Talk:
    """A flow whose bodies c, a and b are of real endpoints; c2, a2 and b2 are the same places again."""

    flow: Flow
    ends: dict[str, RtpEndpoint]

    async def converse(self, one: str, other: str) -> None:
        """Return when both have heard each other, each talking to what it was given of the other last."""
        first, second = self.ends[one[0]], self.ends[other[0]]
        first.talk_to(media_address(self.flow.given[other]))
        second.talk_to(media_address(self.flow.given[one]))
        await converse(first, second)
        relay = {media_address(self.flow.given[word])[0] for word in (one, other)}
        assert {host for host, _ in first.senders | second.senders} == relay
        assert first.address not in second.senders


@pytest.fixture
async def talk(flow: Flow) -> AsyncIterator[Talk]:
    async with AsyncExitStack() as stack:
        ends = {word: await stack.enter_async_context(RtpEndpoint()) for word in "cab"}
        for word, end in ends.items():
            flow.bodies[word] = end.sdp().encode()
            flow.bodies[f"{word}2"] = end.sdp(version=2).encode()
        yield Talk(flow, ends)


async def test_a_a_call(talk: Talk) -> None:
    await talk.flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 200 INVITE branch=br0 sdp=a -> answer established
        C ACK -> nothing
    """)
    await talk.converse("c", "a")
    await talk.flow.tell("C BYE cseq=2 -> call ended")
    await talk.flow.nothing_is_left()


async def fork(talk: Talk) -> dict[str, bytes]:
    """Fork the INVITE to A and B; return what each was offered."""
    offered = {}
    for branch, callee in (("br0", "a"), ("br1", "b")):
        await talk.flow.tell(f"C INVITE at=- branch={branch} sdp=c -> offer")
        offered[callee] = talk.flow.given["c"]
    return offered


async def test_c_early_media_of_one_branch_then_the_other_is_answered(talk: Talk) -> None:
    offered = await fork(talk)
    await talk.flow.tell("A 183 INVITE branch=br0 sdp=a -> answer")
    talk.flow.given["c"] = offered["a"]
    await talk.converse("c", "a")
    await talk.flow.tell("B 200 INVITE branch=br1 sdp=b -> answer established")
    talk.flow.given["c"] = offered["b"]
    await talk.converse("c", "b")
    await talk.flow.tell("""
        A 487 INVITE branch=br0 -> branch failed
        C ACK at=B -> nothing
        C BYE at=B cseq=2 -> call ended
    """)
    await talk.flow.nothing_is_left()


@pytest.mark.parametrize("body", [" sdp=a -> repeat established", " -> established"])
async def test_c_early_media_of_two_branches_then_the_first_is_answered(talk: Talk, body: str) -> None:
    offered = await fork(talk)
    await talk.flow.tell(f"""
        A 183 INVITE branch=br0 sdp=a -> answer
        B 183 INVITE branch=br1 sdp=b -> answer
        A 200 INVITE branch=br0{body}
    """)
    talk.flow.given["c"] = offered["a"]
    await talk.converse("c", "a")
    await talk.flow.tell("""
        B 487 INVITE branch=br1 -> branch failed
        C ACK -> nothing
        C BYE cseq=2 -> call ended
    """)
    await talk.flow.nothing_is_left()


async def test_c_a_second_200_leaves_the_established_call_alone(talk: Talk) -> None:
    offered = await fork(talk)
    await talk.flow.tell("""
        A 200 INVITE branch=br0 sdp=a -> answer established
        C ACK -> nothing
    """)
    await talk.flow.call.see(talk.flow.message("B 200 INVITE branch=br1 sdp=b"))
    talk.flow.given["c"] = offered["a"]
    await talk.converse("c", "a")
    await talk.flow.tell("C BYE at=B cseq=2 -> dialog ended")
    await talk.converse("c", "a")
    await talk.flow.tell("C BYE cseq=2 -> call ended")
    await talk.flow.nothing_is_left()


async def test_g_a_late_offer(talk: Talk) -> None:
    await talk.flow.tell("""
        C INVITE at=- branch=br0 -> nothing
        A 200 INVITE branch=br0 sdp=a -> offer established
        C ACK sdp=c -> answer
    """)
    await talk.converse("c", "a")
    await talk.flow.tell("A BYE cseq=7 -> call ended")
    await talk.flow.nothing_is_left()


async def test_h_reinvites_from_either_side_and_a_rejected_one(talk: Talk) -> None:
    await talk.flow.tell("""
        C INVITE at=- branch=br0 sdp=c -> offer
        A 200 INVITE branch=br0 sdp=a -> answer established
        C ACK -> nothing
        A INVITE cseq=7 sdp=a2 -> offer
        C 200 INVITE at=A cseq=7 sdp=c2 -> answer
        A ACK cseq=7 -> nothing
    """)
    await talk.converse("c2", "a2")
    await talk.flow.tell("""
        C INVITE cseq=2 sdp=elsewhere -> offer
        A 488 INVITE cseq=2 -> rejected
    """)
    await talk.converse("c2", "a2")
    await talk.flow.tell("C BYE cseq=3 -> call ended")
    await talk.flow.nothing_is_left()
