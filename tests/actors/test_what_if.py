"""Asking another relay what a call has asked of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from actors.engine_actor import EngineActor
from actors.engine_settings import EngineSettings
from actors.node_table import Node, NodeTable
from actors.node_watcher import stop
from actors.what_if.asking import Asking, Compared
from actors.what_if.recording import Recording, Removed, Said, recording_of
from actors.what_if.run import Pace, compare_all
from engines.sdp.differences import Aspect
from engines.sets import NodeSpec
from events import registry as e
from events.names import CallId, NodeName
from replay.fold import Inconsistent
from tests.actors.fake_relay import FakeRelay, opener
from tests.replay.stories import CALL, CALLEE, CALLER, STORY

SPEC = NodeSpec(name=NodeName("new"), engine="rtpengine", url="fake")


@asynccontextmanager
async def table_of(relay: FakeRelay) -> AsyncIterator[NodeTable]:
    """Return the nodes: one, which is this relay."""
    actor = EngineActor.start(SPEC, EngineSettings(timeout=0.2), opener({"fake": relay}, lambda: True))
    await (await actor.proxy().connect())
    table = NodeTable([Node(SPEC, actor)])
    yield table
    await stop(table.actors())


def asking(nodes: NodeTable, recording: Recording, stop_after: int = 1000) -> Asking:
    """Return what asks; it is told to stop after so many steps."""
    looks = iter(range(10_000))
    return Asking(nodes, recording, "run", "", 0.2, lambda: next(looks) >= stop_after)


def said(recording: Recording) -> list[Said]:
    return [step for step in recording.steps if isinstance(step, Said)]


def test_a_call_is_read_as_it_was_said() -> None:
    recording = recording_of(CALL, STORY)
    offer, answer, delete = recording.steps
    assert isinstance(offer, Said)
    assert isinstance(answer, Said)
    assert isinstance(delete, Removed)
    assert [str(step.media.verb) for step in said(recording)] == ["offer", "answer"]
    assert [str(step.media.leg) for step in said(recording)] == ["caller", "callee"]
    assert (answer.media.from_tag, answer.media.to_tag) == (CALLER, CALLEE)
    assert delete.whole


def test_an_offer_that_another_node_took_was_no_refusal() -> None:
    failed = e.OfferFailed(session=1, operation=1, reason="full", reached=True)
    story = [STORY[0], replace(STORY[1], event=failed)]
    assert recording_of(CALL, story) == Recording(CALL, (), 1)  # the words of an ng client that failed are not there


def test_a_history_that_makes_no_sense_is_none() -> None:
    with pytest.raises(Inconsistent):
        recording_of(CALL, STORY[1:])


async def test_everything_is_asked_under_an_id_of_its_own_and_removed() -> None:
    relay = FakeRelay()
    async with table_of(relay) as nodes:
        compared = await asking(nodes, recording_of(CALL, STORY)).compare()
    assert [request[b"command"] for request in relay.commands if b"call-id" in request][:3] == [
        b"offer",
        b"answer",
        b"delete",
    ]
    assert {request[b"call-id"] for request in relay.commands if b"call-id" in request} == {b"run-call-1"}
    assert (relay.held(), compared.left) == (set(), ())


@pytest.mark.parametrize("steps", range(4))
async def test_nothing_is_left_wherever_it_is_stopped(steps: int) -> None:
    relay = FakeRelay()
    async with table_of(relay) as nodes:
        compared = await asking(nodes, recording_of(CALL, STORY), stop_after=steps).compare()
    assert (relay.held(), compared.left) == (set(), ())


async def test_an_offer_without_a_reply_is_removed_all_the_same() -> None:
    relay = FakeRelay()
    relay.lose_replies = 1
    relay.delay = 0.15  # the reply of the repeat comes too late
    async with table_of(relay) as nodes:
        compared = await asking(nodes, recording_of(CALL, STORY)).compare()
    assert relay.held() == set()
    assert [found.difference.aspect for found in compared.found][:1] == [Aspect.ERROR]


async def test_a_node_that_refuses_is_told_once_a_call() -> None:
    relay = FakeRelay()
    relay.full = True
    async with table_of(relay) as nodes:
        compared = await asking(nodes, recording_of(CALL, STORY)).compare()
    (found,) = compared.found
    assert (found.difference.recorded, found.difference.given) == ("ok", "Parallel session limit reached")


async def test_a_node_of_the_same_kind_is_asked_if_there_is_one() -> None:
    relay, other = FakeRelay(), FakeRelay()
    async with table_of(relay) as nodes:
        for number in range(8):
            spec = NodeSpec(name=NodeName(f"other-{number}"), engine="rtpproxy", url="fake")
            actor = EngineActor.start(spec, EngineSettings(), opener({"fake": other}, lambda: True))
            nodes.add(Node(spec, actor))
        compared = await asking(nodes, recording_of(CALL, STORY)).compare()
    assert compared.asked == 3
    assert len([request for request in relay.commands if b"call-id" in request]) == 3


async def test_many_calls_are_asked_a_few_at_once() -> None:
    relay, told = FakeRelay(), list[Compared]()

    async def recordings(names: Iterable[int]) -> AsyncIterator[Recording]:
        for name in names:
            yield recording_of(CallId(f"call-{name}"), STORY)

    async with table_of(relay) as nodes:
        await compare_all(
            recordings(range(20)),
            nodes,
            pace=Pace(in_flight=3),
            flags="",
            pause=0.2,
            stopped=asyncio.Event(),
            tell=told.append,
        )
    assert {one.call_id for one in told} == {f"call-{name}" for name in range(20)}
    assert relay.held() == set()
