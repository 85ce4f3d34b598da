"""A call's state and its stream: decisions are appended, states are confirmed, and what was lost is brought back."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from time import monotonic
from typing import Any

import structlog

from actors.call_context import CallContext
from actors.call_history import StoredCall, load
from actors.effects import Act, Persist, Read
from actors.flows.recovery import tail_lost
from actors.known_history import CallHistory
from actors.messages import Appended, Loaded
from actors.results import Refused, older, quarantined
from actors.scheduler import PENDING, Run
from engines.refusal import RefusalCode
from events.answer import Answer
from events.ended import EndedCall
from events.journal import Conflict, CorruptEntry, JournalError, NewerEntry
from events.names import CallId
from events.records import NOTHING, Index, Recorded
from events.registry import Event
from events.values import value
from replay.fold import apply
from replay.projection import project
from replay.state import CallState, CallStatus

log = structlog.get_logger()

MAX_CONFLICTS = 50
"""So many decisions in a row that another control node forestalled are no longer competition but a fault."""


class StreamUser(ABC):
    """Whose stream it is: what runs of the call."""

    @abstractmethod
    def advance(self, run: Run, result: Any) -> None:
        """Let a flow go on with the value of its decision."""

    @abstractmethod
    def go_on(self, run: Run, effect: Act) -> None:
        """Do what a flow wants next: the journal has what it decided before."""

    @abstractmethod
    def begin_anew(self, run: Run) -> None:
        """Let a flow that has but decided do so once more, on the newest state."""

    @abstractmethod
    def loaded(self) -> None:
        """Start what waited for the state: it is there."""

    @abstractmethod
    def leave(self, why: Refused) -> None:
        """Leave memory: the journal cannot be read or written, or the call is quarantined."""

    @abstractmethod
    def deliver(self, message: Appended | Loaded) -> None:
        """Handle the journal's word in a turn of its own."""


@value
class _Recording:
    """A decision that the journal was asked to append or to confirm. run: whose, None of what was remembered."""

    run: Run | None
    effect: Persist | Read
    value: Any


@value
class _Settling:
    """All that a flow has decided, which the journal was asked to append or to confirm. effect: what it wants next."""

    run: Run
    effect: Act


@value
class _Restoring:
    """What the journal had lost, and was asked to append anew to what it has (`there`)."""

    there: CallHistory


class CallStream:
    """What this control node knows of a call's stream, and the one way to ask the journal about it.

    The journal is asked one thing at a time: each decision is made on the state that it is appended to, and made anew
    if another control node was first. What a command's flow decides before it wants anything else is one append: if
    another was first, the flow begins anew. Decisions without events are checked against the journal's version in place
    of being appended, unless the journal has just said what the state is: what this node remembers may be long over,
    and nothing is told or asked on it.

    asking: whether an answer of the journal is awaited. asked: how often it was asked something. It is given its user
    with each call, and does not keep it: the two would keep each other in memory.
    """

    def __init__(self, call_id: CallId, context: CallContext, *, blank: bool) -> None:
        """Make the stream of a call. `blank` says that it likely has no entries yet, so that none are read first."""
        self._call_id, self._context = call_id, context
        self.state = CallState(call_id)
        self.index: Index = NOTHING
        self.is_loaded = blank
        self.asking = False
        self.asked = 0
        self._confirmed = 0  # the number of the question at which the journal last said that the state is what it has
        self._question: _Recording | _Settling | _Restoring | None = None
        self._waiting: list[tuple[Run | None, Persist | Read | None]] = []  # None: the run begins anew
        self._decided: list[Recorded] = []  # what is in the state, and was not given to the journal yet
        self._conflicts = 0
        self._history = CallHistory(call_id)
        self._unconfirmed: Sequence[Recorded] = ()
        self._ended: EndedCall | None = None  # the row of a call that ends with what is unconfirmed
        self._asked_at = 0.0  # by the clock of `monotonic`

    def load(self, user: StreamUser) -> None:
        """Read the stream if nobody has; what waits for it was there before, so that it is fresh to that."""
        if not self.is_loaded and not self.asking:
            self._read(user)

    # -- deciding --

    def record(self, run: Run | None, effect: Persist | Read, user: StreamUser) -> Any:
        """Return the value of a decision on the newest state, or PENDING: the user's `advance` gets it later.

        What a flow decides that can still begin anew is not journalled before `settle`.
        """
        if self.asking:
            self._waiting.append((run, effect))
            return PENDING
        decision = effect.decide(self.state)
        if decision.events:
            self._apply(decision.events)
        if run is not None and run.command is not None:
            return decision.value
        if not self._decided and (run is None or run.since < self._confirmed):
            return decision.value
        self._question = _Recording(run, effect, decision.value)
        self._ask_journal(user)
        return PENDING

    def settle(self, run: Run, effect: Act, user: StreamUser) -> bool:
        """Return whether a flow that can begin anew may do what it wants next; else the user's `go_on` does it later.

        It may when the journal has what the flow decided, or confirms the state that it has seen. While the journal is
        asked something else, the flow has seen nothing yet: what it would see waits for the answer.
        """
        if self.asking or (not self._decided and run.since < self._confirmed):
            run.command = None
            return True
        self._question = _Settling(run, effect)
        self._ask_journal(user)
        return False

    def _record_next(self, user: StreamUser) -> None:
        while self._waiting and not self.asking:
            run, effect = self._waiting.pop(0)
            if effect is None:
                assert run is not None
                user.begin_anew(run)
                continue
            result = self.record(run, effect, user)
            if run is not None and result is not PENDING:
                user.advance(run, result)

    def _apply(self, events: Sequence[Event]) -> None:
        """Apply to the state what was decided on it, to be journalled."""
        context, now = self._context, self._context.now()
        for event in events:
            record = Recorded(self.state.version + 1, now, context.name, event)
            apply(self.state, record)
            self._decided.append(record)

    def _ask_journal(self, user: StreamUser) -> None:
        """Ask the journal to append what was decided, or to confirm the state if that is nothing."""
        decided, self._decided = self._decided, []
        if decided:
            self._append(decided, decided, self._history, user)
        else:
            known = self._history.newest_entry
            self._ask(self._context.journal.check(self._call_id, self.state.version, known=known), user)

    def _append(
        self, records: Sequence[Recorded], news: Sequence[Recorded], behind: CallHistory, user: StreamUser
    ) -> None:
        """Append records, which the state has already, behind a history; observers are told the news of them."""
        context, before = self._context, self.index
        self.index = project(self.state, context.deadlines)
        self._unconfirmed = records
        self._ended = self.index.ended if before.ended is None else None
        version, known = records[0].version - 1, behind.newest_entry
        appended = context.journal.append(self._call_id, version, records, before, self.index, known=known)
        self._ask(appended, user)
        if context.observers:
            appended.add_done_callback(partial(self._tell_observers, news))

    def _ask(self, answer: Answer, user: StreamUser) -> None:
        """Await the journal's word on the state; nothing else is asked of it before."""
        self.asking = True
        self.asked += 1
        self._asked_at = monotonic()
        answer.add_done_callback(partial(_deliver_appended, user))

    # -- what the journal says --

    def take(self, message: Appended | Loaded, user: StreamUser) -> None:
        """Go on with the journal's word: what was appended, confirmed or read, or what went wrong with it."""
        error = message.error
        if isinstance(message, Loaded) and message.call is not None:
            self._take_loaded(message.call, user)
        elif error is None:
            self._take_appended(user)
        elif isinstance(error, Conflict):
            self._decide_anew(user)
        else:
            self._drop(error, user)

    def _take_appended(self, user: StreamUser) -> None:
        question, self._question = self._question, None  # a call at rest keeps nothing of what it was asked last
        counters = self._context.counters
        counters.journal_seconds.observe(monotonic() - self._asked_at)
        if isinstance(question, (_Recording, _Settling)):
            if self._unconfirmed:
                counters.journalled(self._call_id, self._unconfirmed, self._ended)
            self._note_confirmed()
            self._conflicts = 0
            if isinstance(question, _Settling):
                question.run.command = None
                user.go_on(question.run, question.effect)
            elif question.run is not None:
                user.advance(question.run, question.value)
            self._record_next(user)
        elif isinstance(question, _Restoring):
            self._history = question.there
            self._note_confirmed()
            self._go_on(user)

    def _note_read(self) -> None:
        """Record that the journal has this state, though perhaps not as durable as was asked for: others wrote it."""
        confirmed = self._confirmed
        self._note_confirmed()
        if not self._context.journal.reads_confirm:
            self._confirmed = confirmed

    def _note_confirmed(self) -> None:
        """Record that the journal had this state when it was last asked."""
        self._history.add(self._unconfirmed)
        self._unconfirmed = ()
        self.asking = False
        self._confirmed = self.asked
        if self._history.is_long and self.index.live is not None:
            self._history.take_snapshot(self.state)
            self._history.keep_newest(self._context.journal)

    def _decide_anew(self, user: StreamUser) -> None:
        """Read the journal again: another control node was first, or it lost its newest entries."""
        question, self._question = self._question, None
        if isinstance(question, (_Recording, _Settling)):
            self._waiting.insert(0, (question.run, question.effect if isinstance(question, _Recording) else None))
        self._conflicts += 1
        self._context.counters.conflicts += 1
        if self._conflicts > MAX_CONFLICTS:
            raise RuntimeError(f"{self._conflicts} appends or checks in a row were too late")
        self._read(user)

    def _go_on(self, user: StreamUser) -> None:
        user.loaded()
        self._record_next(user)

    # -- loading --

    def _read(self, user: StreamUser) -> None:
        self._unconfirmed = ()
        self.asking = True
        self.asked += 1
        self._asked_at = monotonic()
        loading = asyncio.ensure_future(load(self._context.journal, self._call_id, self._history))
        loading.add_done_callback(partial(_deliver_loaded, user))

    def _take_loaded(self, call: StoredCall, user: StreamUser) -> None:
        """Go on with what was read, after bringing back what the journal has lost of it."""
        known, context = self._history, self._context
        context.counters.replays.observe(monotonic() - self._asked_at)
        self.state = call.state
        if self.state.status is CallStatus.QUARANTINED:
            context.set_aside(self._call_id, self.state.reason)
            user.leave(quarantined(self.state.reason))
            return
        self.index = project(self.state, context.deadlines)
        self.is_loaded = True
        if call.lost and not tail_lost.is_over(known, call.history, context.deadlines):
            self._restore(call.history, user)
            return
        self._history = call.history
        self._note_read()
        self._go_on(user)

    def _restore(self, there: CallHistory, user: StreamUser) -> None:
        """Bring back what the journal has lost, before anything else is decided."""
        known, context = self._history, self._context
        context.counters.tails_lost += 1
        log.error(
            "journal lost its tail", call_id=self._call_id, known=known.version, there=there.version, bounded=True
        )
        missing = tail_lost.missing(known, there, context.name, context.now())
        if missing:
            self._question = _Restoring(there)
            for record in missing:
                apply(self.state, record)
            self._append(missing, missing[-1:], there, user)
            return
        self._history = there
        self._note_read()
        self._waiting.insert(0, (None, Persist(tail_lost.remember(known, there))))
        self._go_on(user)

    def _drop(self, error: BaseException, user: StreamUser) -> None:
        """Leave memory because the journal cannot be read or written; the next message starts from the stream."""
        if not isinstance(error, JournalError):
            raise error
        if isinstance(error, CorruptEntry):
            self._context.corrupt(error)
            user.leave(older(str(error)) if isinstance(error, NewerEntry) else quarantined(str(error)))
        else:
            self._context.counters.journal_failures += 1
            user.leave(Refused(RefusalCode.NO_JOURNAL, f"Journal: {error}"))

    def _tell_observers(self, records: Sequence[Recorded], appended: Answer) -> None:
        if appended.exception() is None:
            self._context.observers.tell(self._call_id, records)


def _deliver_appended(user: StreamUser, answer: Answer) -> None:
    user.deliver(Appended(answer.exception()))


def _deliver_loaded(user: StreamUser, answer: asyncio.Future[StoredCall]) -> None:
    error = answer.exception()
    user.deliver(Loaded(answer.result() if error is None else None, error))
