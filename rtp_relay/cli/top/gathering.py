"""What there is to see, asked for as lightly as may be: some pages at a time, whatever the number of calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from actors.control.documents import Document, status_of
from actors.control.status import NodeStatus, merged, together
from events.ended import EndedCall
from events.journal import Journal
from replay.history import ladder_text
from replay.history.ladder import ladder
from rtp_relay.cli.calls import PAGE
from rtp_relay.cli.entries import read_entries
from rtp_relay.cli.management import Management
from rtp_relay.cli.reading import LATE
from rtp_relay.cli.top.rates import Rates, Recent

MOST_CALLS: Final = 1000
"""Live calls that are listed; of more there are some."""

MOST_ENDED: Final = 2000
"""Ended calls that are read in one look: where more end, rates are at least what is told."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A relay node, as the control node that sees the worst of it does, and what happened there of late."""

    status: NodeStatus
    rates: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was found in a look. at: ms since the epoch. total: live calls, of which `calls` are listed."""

    at: int = 0
    control_nodes: tuple[str, ...] = ()
    nodes: tuple[NodeRow, ...] = ()
    calls: tuple[Document, ...] = ()
    total: int = 0
    rates: Rates = field(default_factory=Rates)
    ladder: tuple[str, ...] = ()


@dataclass(slots=True)
class Gathering:
    """Looks again and again."""

    service: Management
    journal: Journal
    _recent: Recent | None = None
    _since: int = 0
    _told: dict[str, int] = field(default_factory=dict)

    async def look(self, *, node: str, call: str, columns: int) -> Seen:
        """Return what there is: the calls of a node, "" for all, and the ladder of a call where one is open.

        Raises MiError and JournalError, ValueError where a control node publishes what this program cannot read.
        """
        now = round(await self.journal.time())
        recent = await self._count(now)
        statuses = [status_of(status) for status in (await self.service.call("rtp_relay:nodes"))["control_nodes"]]
        counted = await self.service.call("rtp_relay:count")
        nodes = merged("", statuses).nodes if statuses else ()
        return Seen(
            at=now,
            control_nodes=tuple(together(statuses)),
            nodes=tuple(NodeRow(status, recent.of(now, status.name)) for status in nodes),
            calls=tuple(await self._calls(node)),
            total=counted["total"],
            rates=recent.of(now),
            ladder=await self._ladder(call, columns) if call else (),
        )

    async def _calls(self, node: str) -> list[Document]:
        found: dict[str, Document] = {}
        cursor = ""
        while len(found) < MOST_CALLS:
            page = await self.service.call("rtp_relay:calls", node=node or None, cursor=cursor or None, count=PAGE)
            found.update((call["call_id"], call) for call in page["calls"])
            cursor = page["cursor"]
            if not cursor:
                break
        return sorted(found.values(), key=lambda call: (call["created"], call["call_id"]), reverse=True)

    async def _ladder(self, call: str, columns: int) -> tuple[str, ...]:
        entries = await read_entries(self.service, call)
        return tuple(ladder_text.text_of(ladder(entries.entries), columns))

    async def _count(self, now: int) -> Recent:
        """Count the calls that have ended since the last look. Rows may come a little late, and are counted once."""
        if self._recent is None:
            self._recent, self._since = Recent(now), now
        new: list[EndedCall] = []
        until = now + LATE
        while until and len(new) < MOST_ENDED:
            page = await self.journal.ended_calls(self._since, until, PAGE)
            new += [call for call in page.calls if self._told.get(call.call_id) != call.ended]
            until = page.until
        self._told.update((call.call_id, call.ended) for call in new)
        self._since = max(self._recent.begun, now - LATE)
        self._told = {call_id: ended for call_id, ended in self._told.items() if ended >= self._since}
        self._recent.add(sorted(new, key=lambda call: call.ended), now)
        return self._recent
