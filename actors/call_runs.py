"""The flows of a call that run: what they want is done, and what comes of it is sent back in."""

from __future__ import annotations

from typing import Any, Final

import structlog

from actors.call_context import CallContext
from actors.call_stream import CallStream, StreamUser
from actors.commands.command import CallCommand
from actors.commands.recovery import ProcessDue
from actors.effect_runner import EffectRunner
from actors.effects import Act, Effect, End, Persist, Read, RetryAt, Spawn, to_its_end
from actors.flows.handlers import flow_for
from actors.messages import (
    Appended,
    CallLocated,
    Do,
    Leave,
    Loaded,
    NameLent,
    Passivate,
    Performed,
    Replied,
    Reply,
    Waited,
)
from actors.results import OVERLOADED, Refused
from actors.retry import retry
from actors.runtime.inbox import LoopInbox
from actors.runtime.ref import LoopRef
from actors.scheduler import PENDING, Run, Scheduler
from events.names import CallId

log = structlog.get_logger()

NO_KEYS: Final[frozenset[str | None]] = frozenset()
"""The serial keys of what runs beside everything."""


class CallRuns(StreamUser):
    """What a call's actor does, beside its life: it handles the actor's messages, of which it gets one at a time.

    Commands of one serial key run in order. is_over: whether the actor is to end, now that the message is handled.

    It derives from nothing that is interpreted, so that it can be compiled. The inbox that it keeps lets the actor go
    at the actor's end.
    """

    def __init__(
        self,
        call_id: CallId,
        context: CallContext,
        actor: LoopRef[Any],
        inbox: LoopInbox,
        *,
        blank: bool,
    ) -> None:
        """Make what runs for a call's actor, which has that inbox."""
        self.is_over = False
        self._call_id, self._context, self._inbox = call_id, context, inbox
        self._stream = CallStream(call_id, context, blank=blank)
        self._effects = EffectRunner(call_id, context, actor)
        self._scheduler = Scheduler()
        self._starting = False

    def receive(self, message: Any) -> None:
        """Handle a command, the result of an effect that a flow asked for, or a wish that the call leaves memory."""
        if isinstance(message, (Appended, Loaded)):  # compiled, a comparison each, which patterns of `match` are not
            self._stream.take(message, self)
        elif isinstance(message, (Performed, Replied)):
            self._note_outcome(message)
        elif isinstance(message, Do):
            self._carry_out(message.command, message.reply)
        else:
            self._receive_rarer(message)
        if self.is_over:
            self._inbox.end()

    def _receive_rarer(self, message: Any) -> None:
        match message:
            case Waited():
                self._resume(message.token, None)
            case CallLocated() | NameLent():
                self._resume(message.token, message.result)
            case ProcessDue():
                self._process_due(message)
            case Passivate():
                self._passivate()
            case Leave():
                self.leave(OVERLOADED)  # this control node ends

    def _process_due(self, command: ProcessDue) -> None:
        if not any(command.serial_key in run.keys for run in self._scheduler):
            self._carry_out(command, None)

    def _passivate(self) -> None:
        # What is in the inbox already would be begun, and cut off by the end behind it.
        if self._scheduler.idle and not self._stream.asking and self._inbox.empty():
            self._context.forget(self._call_id)
            self.is_over = True

    # -- runs --

    def _carry_out(self, command: CallCommand[Any], reply: Reply | None) -> None:
        flow = flow_for(command, self._context)
        if command.runs_beside:
            self._stream.load(self)
            self._start(Run(flow, NO_KEYS, reply, self._stream.asked, command))
            return
        self._scheduler.add(Run(flow, frozenset((command.serial_key,)), reply, self._stream.asked, command))
        self._stream.load(self)
        if self._stream.is_loaded:
            self._start_runs()

    def loaded(self) -> None:
        """Start what waited for the call's state."""
        self._start_runs()

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
        self.advance(run, None)

    def _finish(self, run: Run, result: Any) -> None:
        self._scheduler.end(run)
        if run.reply is not None:
            run.reply(result)
        if self._scheduler.waiting:
            self._start_runs()
        elif self._stream.index.live is None:
            self._passivate()

    # -- flows --

    def advance(self, run: Run, result: Any) -> None:
        """Send a flow the result of its last effect, and do what it wants next, until it has to wait."""
        while result is not PENDING:
            result = self._do(run, run.flow.send(result))

    def begin_anew(self, run: Run) -> None:
        """Let a flow that has but decided decide once more, on the newest state."""
        assert run.command is not None
        run.flow.close()
        run.flow = to_its_end(flow_for(run.command, self._context))
        self.advance(run, None)

    def go_on(self, run: Run, effect: Act) -> None:
        """Do what a flow wants next: the journal has what it decided before."""
        self.advance(run, self._act(run, effect))

    def _resume(self, run: Run, result: Any) -> None:
        """Send a flow what came from outside. That took time: what the journal said before is not its newest word."""
        run.since = self._stream.asked
        self.advance(run, result)

    def _do(self, run: Run, effect: Effect) -> Any:
        if isinstance(effect, (Persist, Read)):
            return self._stream.record(run, effect, self)
        if run.command is None or self._stream.settle(run, effect, self):
            return self._act(run, effect)
        return PENDING

    def _act(self, run: Run, effect: Act) -> Any:
        if isinstance(effect, End):
            self._finish(run, effect.result)
            return PENDING
        if isinstance(effect, Spawn):
            self._start(Run(effect.flow, NO_KEYS, None, run.since))
            return None
        if isinstance(effect, RetryAt):
            self._start(Run(retry(effect, self._context.deadlines), NO_KEYS, None, run.since))
            return None
        return self._effects.run(run, effect)

    def _note_outcome(self, message: Performed | Replied) -> None:
        run: Run = message.token[0]
        run.outcomes[message.token[1]] = message.outcome
        run.awaited -= 1
        if not run.awaited:
            self._resume(run, run.outcomes)

    # -- the journal's word, and ends --

    def deliver(self, message: Appended | Loaded) -> None:
        """Handle the journal's word in a turn of its own."""
        self._inbox.deliver(message)

    def leave(self, why: Refused) -> None:
        """Leave memory, and refuse all that wait."""
        self.give_up(why)
        self._context.forget(self._call_id)
        self.is_over = True

    def give_up(self, why: Refused) -> None:
        """Refuse all that wait. What is intended in the journal stays due there."""
        version = self._stream.state.version
        log.error(
            "call left memory: its requests are refused",
            call_id=self._call_id,
            version=version,
            why=why.reason,
            bounded=True,
        )
        waiting = [run.reply for run in self._scheduler if run.reply is not None]
        while not self._inbox.empty():
            message = self._inbox.get().message
            if isinstance(message, Do):
                waiting.append(message.reply)
        self._scheduler.clear()
        for reply in waiting:
            reply(why)
