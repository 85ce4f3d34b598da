"""Which calls a bulk move is about, found in the journal's tables page by page."""

from __future__ import annotations

from actors.commands.migration import Whereabouts
from actors.node_table import NodeTable
from events.bulk_events import CallsFound
from events.bulk_parts import BulkPart
from events.journal import Journal
from events.records import CallFilter, LiveCall
from replay.bulk_move import BulkMove

SOME = 100
"""About so many calls are found at a time."""

LIVE = "live"


def filter_of(part: BulkPart) -> CallFilter:
    """Return which rows are to be looked at for a part."""
    return CallFilter(node=part.node, set=part.set, status=LIVE)


def origin_of(part: BulkPart) -> Whereabouts:
    """Return where the calls of a part are."""
    return Whereabouts(engine=part.engine, set=part.set, node=part.node)


def is_there(call: LiveCall, part: BulkPart, nodes: NodeTable) -> bool:
    """Return whether a call is where the part's calls are: its newest session is, which it does not leave just now."""
    if not call.sessions:
        return False
    name = call.sessions[-1][0]
    node = nodes.node(name)
    engine = node.spec.engine if node else ""
    return origin_of(part).are(engine, call.set, name)


async def find_more(journal: Journal, job: BulkMove, nodes: NodeTable) -> CallsFound | None:
    """Return the calls that come next; None if that depends on those under way. Raises JournalUnavailable."""
    number, part = job.part, job.asked.parts[job.part]
    room = part.most - job.moved_of[number]
    if part.most and room <= 0:
        return CallsFound(part=number, calls=(), next_part=number + 1)
    room -= sum(one == number for one in job.under_way.values())
    if part.most and room <= 0:
        return None
    page = await journal.page(filter_of(part), job.cursor, SOME)
    known = (job.under_way, job.failures, job.waiting)
    found = [
        call.call_id
        for call in page.calls
        if is_there(call, part, nodes) and not any(call.call_id in calls for calls in known)
    ]
    if part.most and len(found) > room:  # those that are left out stand on this page
        return CallsFound(part=number, calls=tuple(found[:room]), next_part=number, cursor=job.cursor)
    next_part = number if page.cursor else number + 1
    return CallsFound(part=number, calls=tuple(found), next_part=next_part, cursor=page.cursor)


async def count(journal: Journal, job: BulkMove, nodes: NodeTable) -> int:
    """Return how many calls are to be moved as things are, but for those under way. Raises JournalUnavailable."""
    number = 0
    for place, part in enumerate(job.asked.parts):
        there = await _count(journal, part, nodes, job)
        number += min(there, max(0, part.most - job.moved_of[place])) if part.most else there
    return number


async def _count(journal: Journal, part: BulkPart, nodes: NodeTable, job: BulkMove) -> int:
    number = 0
    async for call in journal.live_calls(filter_of(part)):
        number += is_there(call, part, nodes) and call.call_id not in job.under_way
    return number
