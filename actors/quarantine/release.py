"""The sessions of a quarantined call: how they are wanted gone, and how they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from actors.control.survey import ask_each
from actors.effects import Outcome
from actors.flows.media.node_request import teardown_of
from actors.node_table import Node, NodeTable
from actors.quarantine.entries import Change, Finding, find, quarantined_as, without, write
from engines.kind import Operation
from engines.registry import kind_at
from events.journal import Journal
from events.names import NO_TAG, CallId, NodeName, RelayId
from events.registry import Event, Quarantined, ReleaseIntended, RemovalProof, SessionReleased
from replay.projection import Deadlines
from replay.state import CallStatus

log = structlog.get_logger()

Place = tuple[NodeName, RelayId]
"""A session's node, and its id there."""


class NotQuarantined(LookupError):
    """The call is not set aside."""


async def want_release(journal: Journal, call_id: CallId, by: str, now: int, reason: str) -> Sequence[Place]:
    """Have a quarantined call's sessions removed by any control node, and return them.

    A call whose stream cannot be read is one, whether or not a control node has found that yet. Raises NotQuarantined,
    and JournalUnavailable.
    """

    def decide(found: Finding) -> Change | None:
        if not found.quarantined and not (found.why and found.row is not None):
            raise NotQuarantined(call_id)
        events: list[Event] = [] if found.quarantined else [Quarantined(reason=found.why)]
        return Change([*events, ReleaseIntended(reason=reason)], quarantined_as(found, call_id, by, now, now))

    found = await write(journal, call_id, by, lambda: now, decide)
    return found.sessions() if found is not None else ()


class Release:
    """Asks nodes for the removals, until each session is confirmed to be gone or given up (`Deadlines.give_up`)."""

    def __init__(
        self, journal: Journal, nodes: NodeTable, name: str, now: Callable[[], int], deadlines: Deadlines
    ) -> None:
        self._journal, self._nodes, self._name, self._now, self.deadlines = journal, nodes, name, now, deadlines

    async def attend(self, call_id: CallId) -> None:
        """Remove what there is of a call that is due, if it is quarantined. What is not confirmed becomes due again.

        It waits until no operation can be on its way any more: a removal before it would confirm nothing.
        """
        row = await self._journal.row(call_id)
        if row is None or row.status != CallStatus.QUARANTINED:
            return
        found = await find(self._journal, call_id)
        if not found.quarantined or found.row is None:
            return
        now, since = self._now(), found.row.changed
        begins = self.deadlines.after(since, self.deadlines.operation)
        if now < begins:
            await self._journal.postpone(call_id, begins)
            return
        gone = await self._remove(found)
        if now >= self.deadlines.after(since, self.deadlines.give_up):
            gone = {**dict.fromkeys(found.sessions(), RemovalProof.LOST), **gone}
        again = self.deadlines.again(now, since)
        if gone or not found.sessions():
            await self._note(call_id, gone, again)
        else:
            await self._journal.postpone(call_id, again)

    async def _remove(self, found: Finding) -> Mapping[Place, RemovalProof]:
        questions = [
            (place, node, _removal(found, place, node))
            for place in found.sessions()
            if (node := self._nodes.node(place[0])) is not None
        ]
        outcomes = await ask_each([(node, operation) for _, node, operation in questions])
        gone: dict[Place, RemovalProof] = {}
        for (place, _, _), outcome in zip(questions, outcomes, strict=True):
            how = _proof(outcome)
            if how is not None:
                gone[place] = how
        return gone

    async def _note(self, call_id: CallId, gone: Mapping[Place, RemovalProof], again: int) -> None:
        def decide(found: Finding) -> Change | None:
            if not found.quarantined:
                return None
            left = set(found.sessions())
            events = [
                SessionReleased(node=node, relay_id=relay_id, how=how)
                for (node, relay_id), how in gone.items()
                if (node, relay_id) in left
            ]
            return Change(events, without(found, list(gone), again)) if events or not left else None

        if await write(self._journal, call_id, self._name, self._now, decide) is not None:
            for (node, relay_id), how in gone.items():
                log.warning("session of a quarantined call removed", call_id=call_id, node=node, id=relay_id, how=how)


def _removal(found: Finding, place: Place, node: Node) -> Operation:
    """Return the removal of a session: by what can be read of it, or else by the tags in the row."""
    for session in found.state.sessions.values():
        if (session.node, session.relay_id) == place:
            return teardown_of(found.state, session).asked_alone()
    row = found.row
    tags = (row.from_tag, row.to_tag) if row is not None else (NO_TAG, NO_TAG)
    return kind_at(node.spec).teardown(place[1], *tags).asked_alone()


def _proof(outcome: Outcome) -> RemovalProof | None:
    reply = outcome.reply
    if reply is None:
        return None
    if reply.unknown:
        return RemovalProof.UNKNOWN
    return RemovalProof.CONFIRMED if reply.ok else None
