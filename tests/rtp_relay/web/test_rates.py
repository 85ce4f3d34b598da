"""What is seen of calls that begin, end and fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from events.ended import EndedCall, Outcome
from events.memory import MemoryJournal
from events.names import CallId
from events.records import NOTHING, Index
from rtp_relay.web import rates as module
from rtp_relay.web.rates import Rates
from tests.events.ended_contract import ENDED
from tests.events.samples import live, record


async def add_live(journal: MemoryJournal, name: str) -> None:
    await journal.append(CallId(name), 0, [record(1)], NOTHING, live(CallId(name), 1))


async def end(journal: MemoryJournal, name: str, **more: object) -> None:
    now = round(await journal.time())
    row: EndedCall = replace(ENDED, call_id=CallId(name), created=now - 1, answered=now, ended=now, **more)  # type: ignore[arg-type]
    await journal.append(row.call_id, 0, [record(1)], NOTHING, Index(ended=row))


async def test_calls_that_begin_and_end_between_two_looks() -> None:
    journal, rates = MemoryJournal(), Rates()
    await add_live(journal, "before")
    await end(journal, "earlier")
    await rates.look(journal)
    assert rates.last is not None
    assert (rates.last.live, rates.last.begun, rates.last.ended) == (1, 0, 0)
    await journal.append(CallId("new"), 0, [record(1)], NOTHING, live(CallId("new"), 1, due=1))
    await end(journal, "short")
    await end(journal, "bad", outcome=Outcome.FAILED, failure="all nodes busy")
    await rates.look(journal)
    last = rates.last
    assert last.live == 2
    assert last.begun == pytest.approx(3 * last.failed)
    assert last.ended == pytest.approx(2 * last.failed)
    assert last.failed > 0
    assert rates.due == 1
    assert rates.lately.share.calls == 3
    assert rates.lately.bad == 1
    assert dict(rates.lately.causes) == {"timeout": 2, "all nodes busy": 1}
    await rates.look(journal)
    assert rates.last.ended == 0
    assert rates.lately.share.calls == 3


async def test_there_is_a_bound_to_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENOUGH", 5)
    journal, rates = MemoryJournal(), Rates()
    for number in range(9):
        await end(journal, f"call-{number}")
    await rates.look(journal)
    assert rates.lately.share.calls == 5
    assert not rates.lately.whole
