"""The actor of a call: it runs the call's flows and does what they want done."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Final

import structlog
from pykka import ActorDeadError

from actors.call_context import CallContext
from actors.call_history import CallHistory, Loaded, load
from actors.commands.command import CallCommand
from actors.commands.recovery import ProcessDue
from actors.effects import AskNodes, Effect, Locate, Outcome, Persist, Read, RetryAt, SendSip, Sleep, Spawn
from actors.flows.handlers import flow_for
from actors.flows.recovery import tail_lost
from actors.messages import (
    CallLocated,
    Do,
    Leave,
    Passivate,
    Perform,
    Performed,
    Replied,
    Reply,
    Waited,
)
from actors.results import OVERLOADED, Refused, quarantined
from actors.runtime import LoopActor
from actors.scheduler import Run, Scheduler
from actors.sip_requests import NOT_HERE, SipOutcome, send_all
from engines.refusal import RefusalCode
from events.journal import NOTHING, Conflict, CorruptEntry, Index, JournalError, Recorded
from events.names import CallId
from events.registry import Event
from replay.fold import apply
from replay.projection import project
from replay.state import CallState, CallStatus

log = structlog.get_logger()

PENDING: Final = object()
"""Says that an effect's result comes later, as a message."""

MAX_CONFLICTS = 50
"""So many decisions in a row that another control node forestalled are no longer competition but a fault."""

NO_KEYS: Final[frozenset[str | None]] = frozenset()
"""The serial keys of what runs beside everything."""


class CallActor(LoopActor):
    """One call. It is rebuilt from its stream when it is needed, and leaves memory when it is not.

    Commands of one serial key run in order. The journal is asked one thing at a time: each decision is made on the
    state that it is appended to, and made anew if another control node was first. One without events is checked
    against the journal's version in place of being appended, unless the journal has just said what the state is:
    what this node remembers may be long over, and nothing is told or asked on it.
    """

    registered: ClassVar[bool] = False

    def __init__(self, call_id: CallId, surroundings: CallContext, *, blank: bool) -> None:
        """Make the call's actor; `blank` says that it likely has no stream yet, so that none is read first."""
        super().__init__()
        self.call_id = call_id
        self._context = surroundings
        self._state = CallState(call_id)
        self._index: Index = NOTHING
        self._loaded = blank
        self._scheduler = Scheduler()
        self._to_record: deque[tuple[Run | None, Persist | Read]] = deque()
        self._asking = False
        self._asked = 0  # how often the journal was asked something,
        self._confirmed = 0  # and which of these times it last said that the state is what it has
        self._starting = False
        self._conflicts = 0
        self._history = CallHistory(call_id)
        self._unconfirmed: Sequence[Recorded] = ()

    # -- messages --

    def on_receive(self, message: Any) -> None:
        """Handle commands, and the results of the effects that flows asked for."""
        match message:
            case Performed() | Replied():
                self._note_outcome(message)
            case Waited():
                self._resume(message.token, None)
            case Do():
                self._carry_out(message.command, message.reply)
            case CallLocated():
                self._resume(message.token, message.result)
            case ProcessDue():
                self._process_due(message)
            case Passivate():
                self._passivate()
            case Leave():
                self._leave(OVERLOADED)  # this control node ends

    def on_failure(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        """Refuse all that wait, and tell the directory: a bug ends this actor, the next one starts from the stream."""
        self._give_up(Refused(RefusalCode.INTERNAL, f"Internal error: {error!r}"))
        self._context.failed(self.call_id, repr(error))

    def _process_due(self, command: ProcessDue) -> None:
        if not any(command.serial_key in run.keys for run in self._scheduler):
            self._carry_out(command)

    def _passivate(self) -> None:
        # What is in the inbox already would be begun, and cut off by the end behind it.
        if self._scheduler.idle and not self._asking and self.actor_inbox.empty():
            self._context.forget(self.call_id)
            self.stop()

    # -- runs --

    def _carry_out(self, command: CallCommand[Any], reply: Reply | None = None) -> None:
        flow = flow_for(command, self._context)
        if command.runs_beside:
            self._load()
            self._start(Run(flow, NO_KEYS, reply, self._asked))
            return
        self._scheduler.add(Run(flow, frozenset((command.serial_key,)), reply, self._asked))
        self._load()
        if self._loaded:
            self._start_runs()

    def _load(self) -> None:
        """Read the stream if nobody has; what waits for it was there before, so that it is fresh to that."""
        if not self._loaded and not self._asking:
            self._reload(after_loading=self._begin)

    def _begin(self) -> None:
        self._start_runs()
        self._record_next()

    def _start_runs(self) -> None:
        """Start all that may start. A run that ends at once while this goes on does not start it again."""
        if self._starting:
            return
        self._starting = True
        while (run := self._scheduler.next()) is not None:
            self._start(run)
        self._starting = False

    def _start(self, run: Run) -> None:
        self._scheduler.begin(run)
        self._advance(run, None)

    def _finish(self, run: Run, result: Any) -> None:
        self._scheduler.end(run)
        if run.reply is not None:
            run.reply(result)
        if self._scheduler.waiting:
            self._start_runs()
        elif self._index.live is None:
            self._passivate()

    # -- flows --

    def _advance(self, run: Run, result: Any) -> None:
        """Send a flow the result of its last effect, and do what it wants next, until it has to wait."""
        while result is not PENDING:
            try:
                effect = run.flow.send(result)
            except StopIteration as end:
                self._finish(run, end.value)
                return
            result = self._do(run, effect)

    def _resume(self, run: Run, result: Any) -> None:
        """Send a flow what came from outside. That took time: what the journal said before is not its newest word."""
        run.since = self._asked
        self._advance(run, result)

    def _do(self, run: Run, effect: Effect) -> Any:
        match effect:
            case Persist() | Read():
                return self._record(run, effect)
            case AskNodes():
                return self._ask(run, effect)
            case Spawn():
                self._start(Run(effect.flow, NO_KEYS, None, run.since))
                return None
            case RetryAt():
                self._context.journal.postpone(self.call_id, effect.due).add_done_callback(_log_failure)
                return None
            case Locate():
                self._context.locate(effect.call_id, self.actor_ref, run)
            case SendSip():
                return self._signal(run, effect)
            case Sleep():
                asyncio.get_running_loop().call_later(effect.milliseconds / 1000, self._tell_self, Waited(run))
        return PENDING

    def _ask(self, run: Run, effect: AskNodes) -> Any:
        run.outcomes = [Outcome(reached=False, reason="is not in the configuration")] * len(effect.questions)
        run.awaited = 0
        for place, (node, operation) in enumerate(effect.questions):
            engine = self._context.nodes.actor(node)
            if engine is not None:
                run.awaited += 1
                engine.tell(Perform(operation, self.actor_ref, (run, place)))
        return PENDING if run.awaited else run.outcomes

    def _signal(self, run: Run, effect: SendSip) -> Any:
        run.outcomes = [NOT_HERE] * len(effect.requests)
        run.awaited = len(effect.requests)
        send_all(self._context.sip_outlet.sender, effect.requests, partial(self._signal_ended, run))
        return PENDING if effect.requests else run.outcomes

    def _signal_ended(self, run: Run, place: int, outcome: SipOutcome) -> None:
        self._tell_self(Replied((run, place), outcome))

    def _tell_self(self, message: object) -> None:
        """Handle a message as a turn of its own, unless this actor has ended meanwhile."""
        with contextlib.suppress(ActorDeadError):
            self.actor_ref.tell(message)

    def _note_outcome(self, message: Performed | Replied) -> None:
        run, place = message.token
        run.outcomes[place] = message.outcome
        run.awaited -= 1
        if not run.awaited:
            self._resume(run, run.outcomes)

    # -- the journal --

    def _record(self, run: Run | None, effect: Persist | Read) -> Any:
        if self._asking:
            self._to_record.append((run, effect))
            return PENDING
        decision = effect.decide(self._state)
        recorded = partial(self._recorded, run, effect, decision.value)
        if decision.events:
            self._append(decision.events, recorded)
        elif run is None or run.since < self._confirmed:
            return decision.value
        else:
            self._await(self._context.journal.check(self.call_id, self._state.version), recorded)
        return PENDING

    def _append(self, events: Sequence[Event], done: Callable[[asyncio.Future[Any]], None]) -> None:
        context, now = self._context, self._context.now()
        records = [Recorded(self._state.version + n, now, context.name, event) for n, event in enumerate(events, 1)]
        self._write(records, records, done)

    def _write(
        self, records: Sequence[Recorded], news: Sequence[Recorded], done: Callable[[asyncio.Future[Any]], None]
    ) -> None:
        """Append records, of which observers are told the news."""
        context, expected, before = self._context, self._state.version, self._index
        for record in records:
            apply(self._state, record)
        self._index = project(self._state, context.deadlines)
        self._unconfirmed = records
        appended = context.journal.append(self.call_id, expected, records, before, self._index)
        self._await(appended, done)
        if context.observers:
            appended.add_done_callback(partial(self._tell_observers, news))

    def _await(self, answer: asyncio.Future[Any], done: Callable[[asyncio.Future[Any]], None]) -> None:
        """Ask nothing else of the journal until it has answered."""
        self._asking = True
        self._asked += 1
        answer.add_done_callback(partial(self._journal_done, done))

    def _confirm(self) -> None:
        """Record that the journal had this state when it was last asked."""
        self._history.add(self._unconfirmed)
        self._unconfirmed = ()
        self._asking = False
        self._confirmed = self._asked
        if self._history.is_long and self._index.live is not None:
            self._history.take_snapshot(self._state)
            self._history.keep_newest(self._context.journal)

    def _recorded(self, run: Run | None, effect: Persist | Read, value: Any, result: asyncio.Future[int]) -> None:
        error = result.exception()
        if error is None:
            self._confirm()
            self._conflicts = 0
            if run is not None:
                self._advance(run, value)
            self._record_next()
        elif isinstance(error, Conflict):
            self._to_record.appendleft((run, effect))
            self._reload_late(after_loading=self._record_next)
        else:
            self._drop(error)

    def _reload_late(self, after_loading: Callable[[], None]) -> None:
        """Read the journal again: another control node was first, or it lost its newest entries."""
        self._conflicts += 1
        if self._conflicts > MAX_CONFLICTS:
            raise RuntimeError(f"{self._conflicts} appends or checks in a row were too late")
        self._reload(after_loading)

    def _record_next(self) -> None:
        while self._to_record and not self._asking:
            run, effect = self._to_record.popleft()
            value = self._record(run, effect)
            if run is not None and value is not PENDING:
                self._advance(run, value)

    def _reload(self, after_loading: Callable[[], None]) -> None:
        self._unconfirmed = ()
        loading = load(self._context.journal, self.call_id, self._history)
        self._await(asyncio.ensure_future(loading), partial(self._reloaded, after_loading))

    def _reloaded(self, after_loading: Callable[[], None], result: asyncio.Future[Loaded]) -> None:
        error = result.exception()
        if error is not None:
            self._drop(error)
            return
        loaded, known, context = result.result(), self._history, self._context
        self._state = loaded.state
        if self._state.status is CallStatus.QUARANTINED:
            context.set_aside(self.call_id, self._state.reason)
            self._leave(quarantined(self._state.reason))
            return
        self._index = project(self._state, context.deadlines)
        self._loaded = True
        if loaded.lost and not tail_lost.is_over(known, loaded.history, context.deadlines):
            self._recover(loaded.history, after_loading)
            return
        self._history = loaded.history
        self._confirm()
        after_loading()

    def _recover(self, there: CallHistory, then: Callable[[], None]) -> None:
        """Bring back what the journal has lost, before anything else is decided."""
        known, context = self._history, self._context
        log.error("journal lost its tail", call_id=self.call_id, known=known.version, there=there.version)
        missing = tail_lost.missing(known, there, context.name, context.now())
        if missing:
            self._write(missing, missing[-1:], partial(self._recovered, there, then))
            return
        self._history = there
        self._confirm()
        self._to_record.appendleft((None, Persist(tail_lost.remember(known.state()))))
        then()

    def _recovered(self, there: CallHistory, then: Callable[[], None], result: asyncio.Future[int]) -> None:
        error = result.exception()
        if error is None:
            self._history = there
            self._confirm()
            then()
        elif isinstance(error, Conflict):
            self._reload_late(then)
        else:
            self._drop(error)

    def _journal_done(self, what: Callable[[asyncio.Future[Any]], None], result: asyncio.Future[Any]) -> None:
        """Handle the journal's result as a turn of its own: the loop calls this between turns, on the same thread."""
        if self.actor_stopped.is_set():
            result.exception()  # seen: nobody waits for it any more
            return
        try:
            what(result)
        except Exception:
            self._fail()

    def _tell_observers(self, records: Sequence[Recorded], appended: asyncio.Future[int]) -> None:
        if appended.exception() is None:
            self._context.observers.tell(self.call_id, records)

    # -- ends --

    def _drop(self, error: BaseException) -> None:
        """Leave memory because the journal cannot be read or written; the next message starts from the stream."""
        if not isinstance(error, JournalError):
            raise error
        if isinstance(error, CorruptEntry):
            self._context.corrupt(error)
            self._leave(quarantined(str(error)))
        else:
            self._leave(Refused(RefusalCode.NO_JOURNAL, f"Journal: {error}"))

    def _leave(self, why: Refused) -> None:
        self._give_up(why)
        self._context.forget(self.call_id)
        self.stop()

    def _fail(self) -> None:
        """End as a turn that raises does."""
        failure = sys.exc_info()
        self._handle_failure(*failure)
        self.on_failure(*failure)

    def _give_up(self, why: Refused) -> None:
        """Refuse all that wait. What is intended in the journal stays due there."""
        log.error("call dropped", call_id=self.call_id, version=self._state.version, why=why.reason)
        waiting = [run.reply for run in self._scheduler if run.reply is not None]
        while not self.actor_inbox.empty():
            message = self.actor_inbox.get().message
            if isinstance(message, Do):
                waiting.append(message.reply)
        self._scheduler.clear()
        for reply in waiting:
            reply(why)


def _log_failure(result: asyncio.Future[None]) -> None:
    error = result.exception()
    if error is not None:
        log.warning("journal did not postpone a call", error=str(error))
