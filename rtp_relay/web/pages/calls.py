"""Live and ended calls: searched, filtered, page by page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from events.ended import EndedCall, Outcome
from events.journal import Journal
from events.names import NodeName
from events.records import CallFilter, CallPage, LiveCall
from events.values import value
from replay.search import Wanted
from rtp_relay.cli.reading import LAST
from rtp_relay.config import values
from rtp_relay.config.problems import Wrong
from rtp_relay.web.context import Opened, context_of, page
from rtp_relay.web.reading import cluster_of
from rtp_relay.web.rendering import query_of

PAGE: Final = 50
"""So many calls are shown at once, about."""

LOOKED_AT: Final = 5000
"""So many are looked at for one page; then whoever wants it has the search go on."""

STATUSES: Final = ("live", "closing", "quarantined")


@value
class Found:
    """The calls of a page; where it goes on, "" where it does not; and how many were looked at."""

    calls: Sequence[LiveCall] | Sequence[EndedCall]
    cursor: str
    looked_at: int


def add_to(router: web.UrlDispatcher) -> None:
    """Add the routes."""
    router.add_get("/calls", _live)
    router.add_get("/calls/ended", _ended)


async def _live(request: web.Request) -> web.Response:
    there, query = context_of(request).there, request.query
    wanted = CallFilter(node=NodeName(query.get("node", "")), set=query.get("set", ""), status=query.get("status", ""))
    try:
        found = await _find_live(there.journal, wanted, query.get("text", ""), query.get("cursor", ""))
    except ValueError:
        raise web.HTTPBadRequest(text="That page of calls is none.") from None
    cluster = await cluster_of(there.control)
    further = query_of(query, cursor=found.cursor)
    return page(request, "calls.html", cluster=cluster, found=found, wanted=query, statuses=STATUSES, further=further)


async def _find_live(journal: Journal, wanted: CallFilter, text: str, cursor: str) -> Found:
    """Find live calls with a text in what the table has of them. Raises ValueError for a cursor that is none."""
    calls: list[LiveCall] = []
    looked_at = 0
    while True:
        some: CallPage = await journal.page(wanted, cursor, PAGE)
        looked_at += len(some.calls)
        calls += [call for call in some.calls if _has(call, text.casefold())]
        cursor = some.cursor
        if not cursor or len(calls) >= PAGE or looked_at >= LOOKED_AT:
            return Found(sorted(calls, key=lambda call: -call.created), cursor, looked_at)


def _has(call: LiveCall, text: str) -> bool:
    ids = (relay_id for _, relay_id in call.sessions)
    return not text or any(text in one.casefold() for one in (call.call_id, call.from_tag, call.to_tag, *ids))


async def _ended(request: web.Request) -> web.Response:
    there, query = context_of(request).there, request.query
    wanted = Wanted(
        node=query.get("node", ""),
        set=query.get("set", ""),
        party=query.get("party", ""),
        outcome=_outcome(query.get("outcome", "")),
        failure=query.get("failure", ""),
        one_way="one_way" in query,
        text=query.get("text", ""),
    )
    now = round(await there.journal.time())
    since = now - _period(query.get("since", "1d") or "1d")
    cursor = query.get("cursor", "")
    until = int(cursor) if re.fullmatch(r"[0-9]{1,15}", cursor) else LAST
    found = await _find_ended(there, wanted, "went_wrong" in query, since, until)
    cluster = await cluster_of(there.control)
    further = query_of(query, cursor=found.cursor)
    return page(
        request, "ended.html", cluster=cluster, found=found, wanted=query, outcomes=list(Outcome), further=further
    )


async def _find_ended(there: Opened, wanted: Wanted, went_wrong: bool, since: int, until: int) -> Found:
    """Find ended calls, the newest first; went_wrong: only those in which something did."""
    calls: list[EndedCall] = []
    looked_at, numbers = 0, there.control.numbers
    while True:
        some = await there.journal.ended_calls(since, until, PAGE)
        looked_at += len(some.calls)
        found = [call for call in some.calls if numbers.takes(wanted, call) and (call.failure or not went_wrong)]
        calls += map(numbers.ended, found)
        until = some.until
        if not until or len(calls) >= PAGE or looked_at >= LOOKED_AT:
            return Found(calls, str(until) if until else "", looked_at)


def _outcome(text: str) -> Outcome | None:
    try:
        return Outcome(text) if text else None
    except ValueError:
        raise web.HTTPBadRequest(text=f"{text!r} is nothing that a call comes to.") from None


def _period(text: str) -> int:
    try:
        return round(values.seconds(0)(text) * 1000)
    except Wrong:
        raise web.HTTPBadRequest(text=f"{text!r} is no time: 90s, 10m, 2h and 1d are some.") from None
