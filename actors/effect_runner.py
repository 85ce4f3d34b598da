"""Runs the effects of a call's flows, apart from those of its stream: each comes back as a message to the call."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any

import structlog
from pykka import ActorDeadError

from actors.call_context import CallContext
from actors.effects import AskNodes, HoldOff, Lends, Locate, Outcome, SendSip, Sleep, Warn
from actors.messages import NameLent, Perform, Replied, Waited
from actors.results import Refused
from actors.runtime.ref import LoopRef
from actors.scheduler import PENDING, Run
from actors.sip_requests import NOT_HERE, SipOutcome, send_all
from engines.refusal import RefusalCode
from events.journal import JournalError
from events.names import CallId

log = structlog.get_logger()

_NO_SUCH_NODE = Outcome(reached=False, reason="is not in the configuration")

_asking: set[asyncio.Future[bool]] = set()
"""What is asked of the journal, of all calls: the loop itself keeps no hold of it."""


class EffectRunner:
    """Asks nodes, sends SIP requests and lets time pass for the flows of one call."""

    def __init__(self, call_id: CallId, context: CallContext, actor: LoopRef[Any]) -> None:
        """Make the runner of a call's actor, which is told the results."""
        self._call_id, self._context, self._actor = call_id, context, actor

    def run(self, run: Run, effect: AskNodes | SendSip | Locate | Lends | HoldOff | Sleep | Warn) -> Any:
        """Begin an effect and return its result, or PENDING if that comes as a message (Performed, Replied, ...)."""
        match effect:
            case AskNodes():
                return self._ask_nodes(run, effect)
            case SendSip():
                return self._send_sip(run, effect)
            case HoldOff():
                self._context.journal.postpone(self._call_id, effect.until).add_done_callback(_log_failure)
                return None
            case Warn():
                log.warning(effect.what, call_id=self._call_id, why=effect.why)
                return None
            case Locate():
                self._context.locate(effect.call_id, self._actor, run)
            case Lends():
                self._ask_whether_lent(run, effect)
            case Sleep():
                loop = asyncio.get_running_loop()
                loop.call_later(effect.milliseconds / 1000, self._tell, Waited(run))
        return PENDING

    def _ask_nodes(self, run: Run, effect: AskNodes) -> Any:
        run.outcomes = [_NO_SUCH_NODE] * len(effect.questions)
        run.awaited = 0
        for place, (node, operation) in enumerate(effect.questions):
            engine = self._context.nodes.actor(node)
            if engine is not None:
                run.awaited += 1
                engine.tell_here(Perform(operation, self._actor, (run, place)))
        return PENDING if run.awaited else run.outcomes

    def _send_sip(self, run: Run, effect: SendSip) -> Any:
        run.outcomes = [NOT_HERE] * len(effect.requests)
        run.awaited = len(effect.requests)
        send_all(self._context.sip_outlet.sender, effect.requests, partial(self._sip_ended, run))
        return PENDING if effect.requests else run.outcomes

    def _sip_ended(self, run: Run, place: int, outcome: SipOutcome) -> None:
        self._tell(Replied((run, place), outcome))

    def _ask_whether_lent(self, run: Run, effect: Lends) -> None:
        asking = asyncio.ensure_future(self._context.journal.lends(effect.name))
        _asking.add(asking)
        asking.add_done_callback(partial(self._tell_whether_lent, run))

    def _tell_whether_lent(self, run: Run, asking: asyncio.Future[bool]) -> None:
        _asking.discard(asking)
        if asking.cancelled():
            return
        error = asking.exception()
        if isinstance(error, JournalError):
            self._tell(NameLent(run, Refused(RefusalCode.NO_JOURNAL, str(error))))
        else:
            self._tell(NameLent(run, asking.result()))

    def _tell(self, message: object) -> None:
        """Tell the call's actor, unless it has ended meanwhile."""
        with contextlib.suppress(ActorDeadError):
            self._actor.tell(message)


def _log_failure(result: asyncio.Future[None]) -> None:
    error = result.exception()
    if error is not None:
        log.warning("journal did not postpone a call", error=str(error))
