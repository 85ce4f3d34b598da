"""Checks of what the journal has of a call: its events, what they fold to, and what the tables say beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final

from events import registry as e
from events.names import CallId
from events.records import Index, Recorded, Stored, Stray, Table
from events.snapshot import Snapshot
from replay import snapshots
from replay.fold import Inconsistent, fold_on
from replay.folding.sip_messages import message_of
from replay.offer_answer import Fault, Negotiation
from replay.offer_answer.decide import decide
from replay.projection import Deadlines, project
from replay.state import ENDED, QUARANTINED, CallState, Session

LATE: Final = 3_600_000
"""So many ms after its time, or after now, a call may be due at most: who has claimed it puts it off for a while."""

NEAR_ITS_END: Final = 120_000
"""For so many ms before its stream goes, the row of an ended call may be gone."""


class Kind(StrEnum):
    """What is wrong.

    UNREADABLE: an entry cannot be read, or is missing before others. INCONSISTENT: an event makes no sense after those
    before it. STATE: the events lead to a state that no call can be in. SNAPSHOT: a snapshot says something else than
    the events. ROW, NODES, DUE, ENDED: what the tables say; LENT: under which ids of sessions other calls find it.
    KEPT: the stream of a live call would go after some time, or that of an ended one stays. LOST: the tables have a
    call of which there is no stream. VERDICT: the offer/answer table would take a message for something else today.
    """

    UNREADABLE = "unreadable"
    INCONSISTENT = "inconsistent"
    STATE = "state"
    SNAPSHOT = "snapshot"
    ROW = "row"
    NODES = "nodes"
    DUE = "due"
    ENDED = "ended"
    LENT = "lent"
    KEPT = "kept"
    LOST = "lost"
    VERDICT = "verdict"

    @property
    def is_fault(self) -> bool:
        """Whether something is wrong; otherwise it is worth knowing, no more."""
        return self is not Kind.VERDICT


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found of a call. version: of the entry, or the state, that it is about."""

    call_id: CallId
    kind: Kind
    what: str
    version: int = 0


@dataclass(slots=True)
class StreamCheck:
    """The fold of a call's stream, which is read piece by piece, and what is found on the way."""

    call_id: CallId
    state: CallState = field(init=False)
    findings: list[Finding] = field(default_factory=list)
    last: Recorded | None = None

    def __post_init__(self) -> None:
        self.state = CallState(self.call_id)

    def take(self, records: Sequence[Recorded]) -> None:
        """Fold the next records. Raises Inconsistent."""
        for record in records:
            self._check_verdict(record)
            fold_on(self.state, (record,))
            self.last = record

    def broken(self, error: Inconsistent) -> None:
        """Note that the history makes no sense from an entry on."""
        self.found(Kind.INCONSISTENT, str(error), error.version)

    def found(self, kind: Kind, what: str, version: int = 0) -> None:
        """Note something."""
        self.findings.append(Finding(self.call_id, kind, what, version or self.state.version))

    def check_state(self) -> None:
        """Check the state that the whole stream has led to."""
        for what in impossibilities(self.state):
            self.found(Kind.STATE, what)

    def _check_verdict(self, record: Recorded) -> None:
        event = record.event
        if not isinstance(event, e.SipMessageSeen) or event.verdict is None:
            return
        message = message_of(event)
        if event.verdict.fault is Fault.ALTERED:  # the verdict is what the journal has of it
            message = replace(message, altered=True)
        today = decide(self.state.negotiation or Negotiation(), message).recorded()
        if today != event.verdict:
            what = ", ".join(differences(event.verdict, today))
            self.found(Kind.VERDICT, f"{event.method} {event.status or ''}: {what}", record.version)


def impossibilities(state: CallState) -> Iterator[str]:
    """Return what no call's state can be."""
    if state.status is ENDED and state.has_session:
        numbers = [str(number) for number, session in state.sessions.items() if session.usable]
        yield f"it has ended, and commands may still go to session {', '.join(numbers)}"
    for number, session in state.sessions.items():
        yield from _impossible(number, session)
    told = {leg.session for leg in state.legs.values()} - {0}
    if state.migration is not None and state.migration.session:
        told.add(state.migration.session)
    for number in sorted(told - set(state.sessions)):
        yield f"it knows nothing of session {number}, where a party is"


def _impossible(number: int, session: Session) -> Iterator[str]:
    if session.number != number:
        yield f"session {number} calls itself {session.number}"
    if not session.node:
        yield f"session {number} is on no node"
    agreement = session.agreement
    if agreement is not None and agreement.answer and not agreement.offer:
        yield f"session {number} has an answer that was agreed on, and no offer"


def check_tables(state: CallState, stored: Stored, deadlines: Deadlines, now: int, left: int) -> list[Finding]:
    """Return where the tables say something else than the state; they were read when the stream was at its version.

    now: ms since the epoch. left: for how many ms the stream is kept at least, if it has a time to go at.
    """
    wanted, said = project(state, deadlines), stored.index
    if state.status is QUARANTINED:
        return _found(state, _of_set_aside(wanted, said))
    checks: tuple[Callable[[Index, Index], Iterator[tuple[Kind, str]]], ...] = (_of_row, _of_nodes)
    found = [one for check in checks for one in check(wanted, said)]
    found += _of_lent(wanted, stored)
    found += _of_due(wanted, said, now)
    if left > NEAR_ITS_END:
        found += _of_ended(wanted, said)
    found += _of_time(wanted, stored)
    return _found(state, found)


def check_lost(call_id: CallId, stored: Stored) -> list[Finding]:
    """Return what the tables say of a call that has no stream."""
    row = stored.index.live
    if row is None or stored.version:
        return []
    places = ", ".join(f"{relay_id} on {node}" for node, relay_id in row.sessions) or "no session"
    return [Finding(call_id, Kind.LOST, f"a row with version {row.version} and no stream: {places}", row.version)]


def stray_finding(stray: Stray, *, has_stream: bool) -> Finding:
    """Return what a stray of a table is as a finding; a call without a stream is lost to whichever table has it."""
    where = {
        Table.DUE: (Kind.DUE, "it is to be attended to"),
        Table.ENDED: (Kind.ENDED, "it is among the ended calls"),
        Table.ON: (Kind.NODES, f"it is among the calls of {stray.name}"),
        Table.LENT: (Kind.LENT, f"other calls find it by the id {stray.name}"),
    }
    kind, what = where[stray.table]
    if has_stream:
        return Finding(stray.call_id, kind, f"{what}, and has no such session")
    return Finding(stray.call_id, Kind.LOST, f"{what}, and there is no stream of it")


def check_snapshot(check: StreamCheck, snapshot: Snapshot, records: Sequence[Recorded]) -> None:
    """Compare a snapshot with the events up to its version, all of which are given; another program's is left alone."""
    if snapshot.schema != snapshots.SCHEMA:
        return
    try:
        snapshots.verify(check.call_id, snapshot, records)
    except snapshots.UnusableSnapshot as error:
        check.found(Kind.SNAPSHOT, str(error), snapshot.version)


def differences(one: Any, other: Any) -> list[str]:
    """Return in which fields two values of a class differ, and how."""
    named = [each.name for each in fields(one)]
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in named)
    return [f"{name} {_short(was)}, not {_short(wanted)}" for name, was, wanted in pairs if was != wanted]


def _short(value: object) -> str:
    text = str(value) if isinstance(value, StrEnum) else repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _found(state: CallState, found: Iterator[tuple[Kind, str]] | list[tuple[Kind, str]]) -> list[Finding]:
    return [Finding(state.call_id, kind, what, state.version) for kind, what in found]


def _of_set_aside(wanted: Index, said: Index) -> Iterator[tuple[Kind, str]]:
    """Check a call that is quarantined: its row is made of what the tables had said before, too."""
    if wanted.nodes and said.live is None:
        yield Kind.ROW, "there is none, and the call is quarantined with sessions on nodes"


def _of_row(wanted: Index, said: Index) -> Iterator[tuple[Kind, str]]:
    if said.live is None and wanted.live is not None:
        yield Kind.ROW, f"there is none, and the call is {wanted.live.status}"
    elif said.live is not None and wanted.live is None:
        yield Kind.ROW, f"there is one ({said.live.status}), and nothing is left of the call"
    elif said.live is not None and wanted.live is not None and said.live != wanted.live:
        yield Kind.ROW, ", ".join(differences(said.live, wanted.live))


def _of_nodes(wanted: Index, said: Index) -> Iterator[tuple[Kind, str]]:
    missing, surplus = wanted.nodes - said.nodes, said.nodes - wanted.nodes
    if missing:
        yield Kind.NODES, f"not among the calls of {', '.join(sorted(missing))}, where it has a session"
    if surplus:
        yield Kind.NODES, f"among the calls of {', '.join(sorted(surplus))}, where it has no session"


def _of_lent(wanted: Index, stored: Stored) -> Iterator[tuple[Kind, str]]:
    row = stored.index.live
    if wanted.live is None or row is None:
        return
    missing = (wanted.live.lent_ids & row.lent_ids) - stored.lent
    if missing:
        yield Kind.LENT, f"no other call would find its session by the id {', '.join(sorted(missing))}"


def _of_due(wanted: Index, said: Index, now: int) -> Iterator[tuple[Kind, str]]:
    if wanted.due is not None and said.due is None:
        yield Kind.DUE, "it would never be attended to again"
    elif wanted.due is None and said.due is not None:
        yield Kind.DUE, "it is to be attended to, and there is nothing to do"
    elif wanted.due is not None and said.due is not None and said.due > max(wanted.due, now) + LATE:
        yield Kind.DUE, f"it is due {(said.due - max(wanted.due, now)) // 1000} s too late"


def _of_ended(wanted: Index, said: Index) -> Iterator[tuple[Kind, str]]:
    if wanted.ended is not None and said.ended is None:
        yield Kind.ENDED, "it cannot be found among the ended calls"
    elif wanted.ended is not None and said.ended != wanted.ended:
        yield Kind.ENDED, ", ".join(differences(said.ended, wanted.ended))
    elif wanted.live is not None and said.ended is not None:
        yield Kind.ENDED, "it is among the ended calls, and lives"


def _of_time(wanted: Index, stored: Stored) -> Iterator[tuple[Kind, str]]:
    if wanted.live is not None and stored.expires:
        yield Kind.KEPT, "the stream would go after some time, and the call lives"
    elif wanted.live is None and not stored.expires:
        yield Kind.KEPT, "the stream stays for ever, and nothing is left of the call"
