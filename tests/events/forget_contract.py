"""What every journal must do to forget an ended call."""

from __future__ import annotations

from events.decisions import FORGOTTEN
from events.ended import EndedPage
from events.event import Event
from events.forget_events import ForgettingAsked, trace_of
from events.journal import BRIEFLY, Forgotten, Journal
from events.names import CallId
from events.records import NEVER, NOTHING, Index, Recorded
from tests.events.ended_contract import end
from tests.events.samples import live, record

LONG_AGO = round(BRIEFLY * 1000) + 1000
A, B = CallId("a\udcff: {1}"), CallId("b")

FORGET_EVENTS: tuple[Event, ...] = (
    ForgettingAsked(asked_by="ann (command line)", reason="asked for", by_party=True, calls=(trace_of(A), trace_of(B))),
)


class ForgetContract:
    """The tests. `journal` is a new one, `other` the same one as another control node has it."""

    async def test_nothing_is_left_of_a_forgotten_call(self, journal: Journal, other: Journal) -> None:
        then = round(await journal.time()) - LONG_AGO
        await end(journal, A, then)
        kept = await end(journal, B, then)
        assert await other.forget(A) is Forgotten.DONE
        assert await journal.read(A) == []
        assert await journal.ended_calls(0, then + 1) == EndedPage((kept,))
        assert await journal.row(A) is None
        assert await journal.load(A, 10, 1) == (None, [])
        assert await journal.forget(A) is Forgotten.UNKNOWN
        assert len(await journal.read(B)) == 2
        assert await journal.append(A, 0, [record(1)], NOTHING, live(A, 1)) == 1, "its name is free again"

    async def test_a_live_call_is_not_forgotten(self, journal: Journal) -> None:
        await journal.append(A, 0, [record(1)], NOTHING, live(A, 1, "ng1"))
        assert await journal.forget(A) is Forgotten.LIVE
        then = round(await journal.time()) - LONG_AGO
        row = await end(journal, B, then)
        await journal.append(B, 2, [record(3)], Index(ended=row), live(B, 3, "ng1"))
        assert await journal.forget(B) is Forgotten.LIVE, "it lives again"
        assert (len(await journal.read(A)), len(await journal.read(B))) == (1, 3)

    async def test_a_call_of_which_late_messages_may_come_is_kept(self, journal: Journal) -> None:
        row = await end(journal, A, round(await journal.time()))
        await journal.append(B, 0, [record(1)], NOTHING, NEVER)
        assert {await journal.forget(call) for call in (A, B)} == {Forgotten.RECENT}
        assert await journal.ended_calls(0, 2**50) == EndedPage((row,))
        assert len(await journal.read(B)) == 1

    async def test_who_asked_to_forget_can_be_read(self, journal: Journal, other: Journal) -> None:
        asked = Recorded(1, 5, "control-1", FORGET_EVENTS[0])
        await journal.append_decisions(FORGOTTEN, 0, [asked])
        assert await other.read_decisions(FORGOTTEN) == [asked]
