"""Calls through the call and engine actors to a dispatcher on a real UNIX socket."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from actors.directory import Directory, DirectorySettings
from actors.engine_actor import EngineActor
from actors.engine_settings import EngineSettings
from actors.node_table import Node, NodeTable
from actors.results import MediaResult, Refused
from engines.health import NodeSnapshot, NodeState
from engines.ng.bencode import NgDict, NgValue
from engines.refusal import RefusalCode
from engines.sets import NodeSpec
from events.memory import MemoryJournal, wall_clock
from events.names import NO_BRANCH, BranchId, CallId, NodeName, Tag
from events.verb import Verb
from gateways.ng.commands import command_from
from gateways.ng.replies import words_of
from tests.engines.sdp_bodies import AUDIO
from tests.peers.mediaproxy_dispatcher import RELAY, FakeDispatcher

CALLEE = AUDIO.replace(b"10.0.0.1", b"10.0.0.2").replace(b"4000", b"6000")
SOON = EngineSettings(timeout=0.3, tick=0.01, ping_every=0.05, probe_every=0.02)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Nodes that go down are part of these tests."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@dataclass
class Service:
    """A control node with one dispatcher."""

    dispatcher: FakeDispatcher
    journal: MemoryJournal
    directory: Directory
    nodes: NodeTable

    async def do(
        self, verb: Verb, *, a: str = "", b: str = "", branch: BranchId = NO_BRANCH, **more: NgValue
    ) -> NgDict:
        """Give the call "c" a command, and return what a client of the ng door is told."""
        return words_of(await self.ask(verb, a=a, b=b, branch=branch, **more))

    async def ask(
        self, verb: Verb, *, a: str = "", b: str = "", branch: BranchId = NO_BRANCH, **more: NgValue
    ) -> MediaResult:
        """Give the call "c" a command, and wait for its result."""
        request: NgDict = {b"command": verb.encode(), b"call-id": b"c"}
        named = {b"from-tag": a, b"to-tag": b, b"via-branch": branch}
        request |= {key: value.encode() for key, value in named.items() if value}
        request |= {key.replace("_", "-").encode(): value for key, value in more.items()}
        to_tag = "" if verb == Verb.DELETE else b
        command = command_from(
            verb,
            request,
            call_id=CallId("c"),
            from_tag=Tag(a),
            to_tag=Tag(to_tag),
            branch=branch,
            received_at=wall_clock(),
        )
        reply: asyncio.Future[MediaResult] = asyncio.get_running_loop().create_future()
        self.directory.submit(command, reply.set_result)
        return await asyncio.wait_for(reply, 10)

    async def events(self) -> list[str]:
        return [record.event.name for record in await self.journal.read(CallId("c"))]

    @property
    def health(self) -> NodeSnapshot:
        return self.nodes.all()[0].health

    async def until(self, state: NodeState) -> None:
        """Wait until the node is in a state."""
        async with asyncio.timeout(10):
            while self.health.state is not state:  # noqa: ASYNC110 - it is the actor's, which tells actors only
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def serving(dispatcher: FakeDispatcher, settings: EngineSettings) -> AsyncIterator[Service]:
    spec = NodeSpec(name=NodeName("m"), engine="mediaproxy", url=dispatcher.url)
    actor = EngineActor(spec, settings)
    await actor.connect()
    actor._start_actor_loop()
    nodes = NodeTable([Node(spec, actor.actor_ref)])
    journal = MemoryJournal()
    directory = Directory(
        name="control",
        journal=journal,
        nodes=nodes,
        now=itertools.count(wall_clock()).__next__,
        settings=DirectorySettings(passivate_after=1000),
    )
    yield Service(dispatcher, journal, directory, nodes)
    await directory.close(5)
    await actor.actor_ref.stop(block=False)
    await asyncio.sleep(0)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with FakeDispatcher(tmp_path) as dispatcher, serving(dispatcher, EngineSettings()) as ready:
        yield ready


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Service]:
    """One that does not wait long, for what is not answered."""
    async with FakeDispatcher(tmp_path) as dispatcher, serving(dispatcher, SOON) as ready:
        yield ready


def media_of(reply: NgDict) -> list[bytes]:
    """Return the lines of a relayed SDP that tell where to send media."""
    sdp = reply[b"sdp"]
    assert isinstance(sdp, bytes)
    return [line for line in sdp.split(b"\r\n") if line.startswith((b"c=", b"m="))]


async def test_a_call_from_offer_through_a_re_invite_to_delete(service: Service) -> None:
    offered = await service.do(Verb.OFFER, a="A", sdp=AUDIO, cseq=1, dialog_id=b"7:8", user_agent=b"Phone")
    assert media_of(offered)[0] == b"c=IN IP4 %s" % RELAY.encode()
    answered = await service.do(Verb.ANSWER, a="A", b="B", sdp=CALLEE, cseq=1)
    assert media_of(answered)[0] == media_of(offered)[0]
    assert media_of(answered)[1] != media_of(offered)[1]
    held = await service.do(Verb.OFFER, a="B", b="A", sdp=CALLEE.replace(b"sendrecv", b"sendonly"), cseq=1)
    assert media_of(held) == media_of(answered)
    again = await service.do(Verb.ANSWER, a="B", b="A", sdp=AUDIO.replace(b"sendrecv", b"recvonly"), cseq=1)
    assert media_of(again) == media_of(offered)
    assert service.dispatcher.relay.call_ids == {"c"}
    assert await service.do(Verb.DELETE, a="A") == {b"result": b"ok"}
    assert service.dispatcher.relay.call_ids == set()
    names = [
        *("engaged", "offered", "answer intended", "answered"),
        *("offer intended", "offered", "answer intended", "answered"),
        *("delete wanted", "deleted"),
    ]
    assert await service.events() == names
    first = service.dispatcher.asked[0][1]
    assert (first["dialog_id"], first["user_agent"], first["type"]) == ("7:8", "Phone", "request")


async def test_two_branches_at_the_same_time(service: Service) -> None:
    offers = [service.do(Verb.OFFER, a="A", branch=BranchId(branch), sdp=AUDIO) for branch in ("b1", "b2")]
    replies = await asyncio.gather(*offers)
    assert media_of(replies[0]) != media_of(replies[1])
    assert service.dispatcher.relay.call_ids == {"c", "c#2"}
    assert (await service.do(Verb.ANSWER, a="A", b="B", branch=BranchId("b2"), sdp=CALLEE))[b"result"] == b"ok"
    await service.do(Verb.DELETE, a="A")
    assert service.dispatcher.relay.call_ids == set()


async def test_what_the_dispatcher_refuses_is_an_error_with_a_reason(service: Service) -> None:
    service.dispatcher.relay.full = True
    refused = await service.ask(Verb.OFFER, a="A", sdp=AUDIO)
    assert words_of(refused) == {b"result": b"error", b"error-reason": b"Parallel session limit reached"}
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.FULL
    assert refused.reply is not None
    assert b"the dispatcher's log" in bytes(refused.reply.words[b"message"])  # type: ignore[arg-type]


async def test_what_cannot_be_said_is_an_error_and_nothing_is_sent(service: Service) -> None:
    reply = await service.do(Verb.OFFER, a="A", sdp=AUDIO, ICE=b"force")
    assert b"ice force: not something that MediaProxy can do" in bytes(reply[b"error-reason"])  # type: ignore[arg-type]
    assert service.dispatcher.asked == []
    await service.do(Verb.OFFER, a="A", sdp=AUDIO)
    reply = await service.do(Verb.QUERY, a="A")
    assert b"query is not something" in bytes(reply[b"error-reason"])  # type: ignore[arg-type]


async def test_a_slow_answer_holds_nobody_else_up(service: Service) -> None:
    dispatcher = service.dispatcher
    dispatcher.answers.clear()
    first = asyncio.create_task(service.do(Verb.OFFER, a="A", branch=BranchId("b1"), sdp=AUDIO))
    await dispatcher.until(lambda: len(dispatcher.asked) == 1)
    second = asyncio.create_task(service.do(Verb.OFFER, a="A", branch=BranchId("b2"), sdp=AUDIO))
    await dispatcher.until(lambda: len(dispatcher.asked) == 2)
    assert not first.done()
    dispatcher.answers.set()
    assert [(await reply)[b"result"] for reply in (first, second)] == [b"ok", b"ok"]


async def test_an_offer_whose_connection_is_lost_fails_and_its_session_is_removed(hasty: Service) -> None:
    hasty.dispatcher.close_on = "update"
    reply = await hasty.do(Verb.OFFER, a="A", sdp=AUDIO)
    assert b"did not answer within 0.3 s" in bytes(reply[b"error-reason"])  # type: ignore[arg-type]
    await hasty.dispatcher.until(lambda: hasty.dispatcher.asked[-1][0] == "remove")
    assert hasty.dispatcher.relay.call_ids == set()


async def test_a_dispatcher_that_goes_is_down_and_up_again_when_it_is_back(hasty: Service) -> None:
    await hasty.dispatcher.stop()
    await hasty.until(NodeState.DOWN)
    assert "No such file" in hasty.health.last_failure
    await hasty.dispatcher.start()
    await hasty.until(NodeState.UP)
    assert (await hasty.do(Verb.OFFER, a="A", sdp=AUDIO))[b"result"] == b"ok"
    await hasty.do(Verb.DELETE, a="A")
    assert hasty.dispatcher.relay.call_ids == set()
