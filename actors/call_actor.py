"""The actor of a call."""

from __future__ import annotations

from types import TracebackType
from typing import ClassVar

from actors.call_context import CallContext
from actors.call_runs import CallRuns
from actors.results import Refused
from actors.runtime import LoopActor
from engines.refusal import RefusalCode
from events.names import CallId


class CallActor(LoopActor):
    """One call. It is rebuilt from its stream when it is needed, and leaves memory when it is not.

    Whatever comes from outside (commands, the journal's word, what nodes and parties answer, the time) is a message,
    and is handled in a turn of its own (`CallRuns`).
    """

    registered: ClassVar[bool] = False

    def __init__(self, call_id: CallId, context: CallContext, *, blank: bool) -> None:
        """Make the call's actor; `blank` says that it likely has no stream yet, so that none is read first."""
        super().__init__()
        self._call_id, self._context = call_id, context
        self._runs = CallRuns(call_id, context, self.actor_ref, self.actor_inbox, blank=blank)
        # Messages get there without a detour.
        self.on_receive = self._runs.receive  # type: ignore[method-assign]

    def on_failure(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        """Refuse all that wait, and tell the directory: a bug ends this actor, the next one starts from the stream."""
        self._runs.give_up(Refused(RefusalCode.INTERNAL, f"Internal error: {error!r}"))
        self._context.failed(self._call_id, repr(error))
