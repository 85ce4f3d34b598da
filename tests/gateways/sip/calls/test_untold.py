from __future__ import annotations

import asyncio

from actors.commands.sip import EndUnanswered
from engines.refusal import RefusalCode
from events.names import CallId, Tag
from gateways.sip.calls.untold import Item, Untold
from tests.peers.peer import wait_until


class Calls:
    """Calls that can be told, or not, for the reason that is said."""

    def __init__(self) -> None:
        self.why: RefusalCode | None = RefusalCode.NO_JOURNAL
        self.of_its_own: dict[str, RefusalCode] = {}
        self.told: list[str] = []
        self.asked: list[str] = []

    async def tell(self, item: Item) -> RefusalCode | None:
        assert isinstance(item, EndUnanswered)
        self.asked.append(item.call_id)
        await asyncio.sleep(0)
        why = self.of_its_own.get(item.call_id, self.why)
        if why is None:
            self.told.append(item.call_id)
        return why


def item(name: str) -> EndUnanswered:
    return EndUnanswered(call_id=CallId(name), callers_tag=Tag("a1"), reason="the INVITE failed", at=0)


async def until_empty(untold: Untold) -> None:
    async def empty() -> bool:
        return not len(untold)

    await wait_until(empty, "nothing is kept")


async def test_all_is_told_once_and_in_its_order_when_the_journal_is_back() -> None:
    calls = Calls()
    untold = Untold(calls.tell, pause=0.001)
    for name in ("c1", "c2", "c1", "c3"):
        untold.keep(item(name))
    await asyncio.sleep(0.02)
    assert set(calls.asked) == {"c1"}, "without a journal one question is enough"
    calls.why = None
    await until_empty(untold)
    assert calls.told == ["c1", "c2", "c3"]
    untold.keep(item("c1"))
    await until_empty(untold)
    assert calls.told == ["c1", "c2", "c3", "c1"]


async def test_one_that_cannot_be_told_holds_nobody_up_and_is_tried_again() -> None:
    calls = Calls()
    calls.why, calls.of_its_own = None, {"c1": RefusalCode.QUARANTINED, "c2": RefusalCode.FULL}
    untold = Untold(calls.tell, pause=0.001)
    for name in ("c1", "c2", "c3"):
        untold.keep(item(name))

    async def others_are_told() -> bool:
        return calls.told == ["c3"]

    await wait_until(others_are_told, "c3 is told")
    calls.of_its_own.clear()
    await until_empty(untold)
    assert calls.told == ["c3", "c1", "c2"]
    assert not untold.has("c1")


async def test_no_more_is_kept_than_there_is_room_for() -> None:
    calls = Calls()
    untold = Untold(calls.tell, most=2, pause=0.001)
    for name in ("c1", "c2", "c3"):
        untold.keep(item(name))
    assert len(untold) == 2
    assert [untold.has(name) for name in ("c1", "c2", "c3")] == [True, True, False]
    calls.why = None
    await until_empty(untold)
    assert calls.told == ["c1", "c2"]


async def test_what_is_too_old_or_met_a_bug_is_forgotten() -> None:
    calls = Calls()
    calls.why = RefusalCode.QUARANTINED
    untold = Untold(calls.tell, pause=0.001, lifetime=0.01)
    untold.keep(item("c1"))
    await until_empty(untold)
    calls.why = RefusalCode.INTERNAL
    untold = Untold(calls.tell, pause=0.001)
    untold.keep(item("c2"))
    await until_empty(untold)
    assert calls.told == []


async def test_closed_it_tells_nothing_more() -> None:
    calls = Calls()
    untold = Untold(calls.tell, pause=0.001)
    untold.keep(item("c1"))
    await untold.close()
    calls.why = None
    await asyncio.sleep(0.01)
    assert calls.told == []
