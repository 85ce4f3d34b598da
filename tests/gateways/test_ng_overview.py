from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from actors.control.control import Control
from actors.control.counters import Sample, samples_of, total
from actors.control.survey import survey
from actors.effects import Outcome
from actors.messages import Perform, Performed, Watch
from actors.node_table import Node, NodeTable
from actors.runtime import LoopActor
from engines.kind import STATISTICS
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode
from engines.reply import NodeReply, agreed
from engines.sets import NodeSpec
from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from events.names import CallId, NodeName
from events.records import NOTHING, Index, LiveCall
from gateways.ng.counters import NgCounters
from gateways.ng.overview import Overview, limit_of
from gateways.ng.request import RefusedRequest
from tests.peers.peer import wait_until

PLENTY = 1_000_000


class FakeNode(LoopActor):
    """A node that has one reply to whatever it is asked."""

    registered: ClassVar[bool] = False

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self._outcome = outcome

    def on_receive(self, message: Any) -> None:
        if isinstance(message, Watch):
            return
        assert isinstance(message, Perform)
        assert message.operation.request.words[b"command"] == b"statistics"
        message.asker.tell(Performed(message.token, self._outcome))


def node(name: str, reply: NgDict | None) -> Node:
    return Node(
        NodeSpec(name=NodeName(name), engine="rtpengine", url="udp:127.0.0.1:9"),
        FakeNode.start(Outcome(reply=_read(reply), reached=reply is not None)),
    )


def _read(reply: NgDict | None) -> NodeReply | None:
    if reply is None:
        return None
    return NodeReply(reply, None if reply[b"result"] == b"ok" else RefusalCode.REFUSED)


async def asked(overview: Overview, what: str, limit: int = 32, room: int = PLENTY) -> NgDict:
    answer: asyncio.Future[NgDict] = asyncio.get_running_loop().create_future()
    if what == "list":
        overview.list(limit, room, answer.set_result)
    else:
        overview.statistics(answer.set_result)
    return await answer


async def _is_stopped(one: Node) -> bool:
    return not one.actor.is_alive()


async def journal_with(calls: int) -> MemoryJournal:
    journal = MemoryJournal()
    for number in range(calls):
        row = LiveCall(call_id=CallId(f"call {number}"), status="live", version=0, created=0, changed=0)
        await journal.append(row.call_id, 0, [], NOTHING, Index(live=row))
    return journal


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [(None, 32), (0, 0), (5, 5), (b"7", 7), (b"x", 32), (b"", 32), ([], 32), (b"9" * 60, 10**20 - 1)],
)
def test_the_limit_of_a_list(limit: int | bytes | None, wanted: int) -> None:
    assert limit_of({} if limit is None else {b"limit": limit}) == wanted


@pytest.mark.parametrize("limit", [-1, b"-1"])
def test_a_limit_below_zero(limit: int | bytes) -> None:
    with pytest.raises(RefusedRequest, match="invalid limit, must be >= 0"):
        limit_of({b"limit": limit})


@pytest.mark.parametrize(("limit", "found"), [(32, 5), (5, 5), (4, 4), (0, 0)])
async def test_a_list_has_the_live_calls_of_all_nodes(limit: int, found: int) -> None:
    overview = Overview(Control(await journal_with(5)))
    answer = await asked(overview, "list", limit)
    assert answer == {b"result": b"ok", b"calls": [b"call %d" % n for n in range(found)]}


async def test_a_list_that_does_not_fit() -> None:
    overview = Overview(Control(await journal_with(5)))
    answer = await asked(overview, "list", room=20)
    assert answer[b"error-reason"] == b"The list does not fit into one reply; use a lower limit"


async def test_without_a_journal() -> None:
    class Away(MemoryJournal):
        async def count_calls(self) -> dict[str, int]:
            raise JournalUnavailable("away")

    answer = await asked(Overview(Control(Away())), "statistics")
    assert answer == {b"result": b"error", b"error-reason": b"Journal: away"}


async def test_a_fault_is_an_error_reply() -> None:
    class Broken(MemoryJournal):
        async def count_calls(self) -> dict[str, int]:
            raise ZeroDivisionError

    answer = await asked(Overview(Control(Broken())), "statistics")
    assert answer[b"error-reason"] == b"Internal error: ZeroDivisionError()"


@dataclass
class Counted:
    """A door that has counted."""

    counters: NgCounters

    def samples(self) -> Iterable[Sample]:
        return samples_of("ng", self.counters, {"requests": ("verb", "result")})


async def test_statistics_are_those_of_all_nodes_and_our_own() -> None:
    counters = NgCounters(repeats=3)
    counters.requests["offer", "ok"] = 7
    of_another = NgCounters(repeats=2, load_limited=1)
    of_another.requests["offer", "ok"] = 1
    replies: list[NgDict | None] = [
        {b"result": b"ok", b"statistics": {b"currentstatistics": {b"sessionsown": 2}}},
        {b"result": b"ok", b"statistics": {b"currentstatistics": {b"sessionsown": 3}}},
        {b"result": b"error", b"error-reason": b"no"},
        None,
    ]
    nodes = NodeTable(node(f"n{number}", reply) for number, reply in enumerate(replies))
    nodes.add(stopped := node("stopped", None))
    stopped.actor.stop(block=False)
    await wait_until(lambda: _is_stopped(stopped), "the actor has stopped")
    control = Control(await journal_with(4), nodes)
    control.count_with(Counted(counters))

    async def of_all() -> list[Sample]:
        return total([*control.own_samples(), *Counted(of_another).samples()])

    control.of_all = of_all
    answer = await asked(Overview(control), "statistics")
    assert answer == {
        b"result": b"ok",
        b"statistics": {
            b"currentstatistics": {b"sessionsown": 5},
            b"rtp-relay": {
                b"calls": 4,
                b"nodes": 5,
                b"nodes-answered": 2,
                b"requests": {b"offer": {b"ok": 8}},
                b"repeats": 5,
                b"load-limited": 1,
                b"garbage": 0,
                b"not-allowed": 0,
                b"adopted": 0,
            },
        },
    }


async def test_a_node_that_never_says_how_it_ended_is_left_out() -> None:
    class Silent(LoopActor):
        registered: ClassVar[bool] = False

    answers = node("answers", {b"result": b"ok"})
    silent = Node(answers.spec, Silent.start())
    outcomes = await survey([silent, answers], STATISTICS, 0.05)
    assert [outcome.reply for outcome in outcomes] == [None, agreed()]
