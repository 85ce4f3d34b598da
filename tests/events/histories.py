"""Writers that append at random to the same calls, and what must be true afterwards.

Each entry says what the tables hold after it, so that a writer who was second finds out by reading.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from events.journal import Conflict, Journal, TailLostError
from events.names import CallId, NodeName
from events.records import NOTHING, CallFilter, Index, Recorded
from events.registry import CommandForwarded, Event
from tests.events.samples import NOW, live, record

NODES = ("ng1", "ng2", "ng3")

Step = tuple[int, frozenset[str] | None, int]
"""Which call, on which nodes it is afterwards (None: it has ended), when it is due (0: never)."""


def steps() -> st.SearchStrategy[list[Step]]:
    """Return what a writer does."""
    nodes = st.none() | st.frozensets(st.sampled_from(NODES))
    return st.lists(st.tuples(st.integers(0, 2), nodes, st.sampled_from([0, NOW, NOW + 1])), max_size=12)


async def write(journal: Journal, writer: int, calls: Sequence[str], plan: Sequence[Step]) -> None:
    """Carry a plan out as control nodes do: who was second reads again, and decides anew."""
    view: dict[str, tuple[int, Index]] = {}
    for number, nodes, due in plan:
        call = calls[number]
        event = CommandForwarded(
            command="ended" if nodes is None else "live", session=due, result=",".join(nodes or ())
        )
        while not await _append(journal, writer, view, call, event):
            view[call] = last(call, await journal.read(CallId(call)))


async def _append(journal: Journal, writer: int, view: dict[str, tuple[int, Index]], call: str, event: Event) -> bool:
    version, before = view.get(call, (0, NOTHING))
    entry = record(version + 1, event, at=writer)
    after = index(call, entry)
    try:
        view[call] = await journal.append(CallId(call), version, [entry], before, after), after
    except TailLostError:
        raise
    except Conflict:
        return False
    return True


def index(call: str, entry: Recorded) -> Index:
    """Return the index after an entry."""
    event = entry.event
    assert isinstance(event, CommandForwarded)
    if event.command == "ended":
        return NOTHING
    return live(CallId(call), entry.version, *filter(None, event.result.split(",")), due=event.session or None)


def last(call: str, entries: Sequence[Recorded]) -> tuple[int, Index]:
    """Return a call's version and index."""
    return (entries[-1].version, index(call, entries[-1])) if entries else (0, NOTHING)


async def check(journal: Journal, calls: Sequence[str], plans: Sequence[Sequence[Step]]) -> None:
    """Check that each step was written once, that versions have no gaps, and that the tables say what was last."""
    indexes = []
    for number, call in enumerate(calls):
        entries = await journal.read(CallId(call))
        wanted = sum(step[0] == number for plan in plans for step in plan)
        assert [entry.version for entry in entries] == list(range(1, wanted + 1))
        indexes.append(last(call, entries)[1])
    for node in (None, *NODES):
        rows = {
            row.call_id: row
            async for row in journal.live_calls(CallFilter(node=NodeName(node or "")))
            if row.call_id in calls
        }
        there = [one.live for one in indexes if one.live and (node is None or node in one.nodes)]
        assert rows == {row.call_id: row for row in there}
    due = {call for call, one in zip(calls, indexes, strict=True) if one.due is not None}
    assert set(await journal.claim_due(NOW + 1, 0, 1000)) & set(calls) == due
