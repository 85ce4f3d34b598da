"""The directory of resident calls: finds or starts the actor of a call, and lets idle ones leave memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import structlog
from pykka import ActorDeadError

from actors.adoption import Adoption
from actors.beat import next_beat
from actors.call_actor import CallActor
from actors.call_context import CallContext
from actors.commands.command import CallCommand
from actors.commands.reading import LocateCall
from actors.commands.recovery import ProcessDue
from actors.control.counters import Sample
from actors.failing_calls import FailingCalls
from actors.messages import CallLocated, Do, Leave, Passivate
from actors.node_table import NodeTable
from actors.observers import Observers
from actors.quarantine.quarantine import Quarantine, QuarantinePolicy
from actors.results import OVERLOADED, Located, Refused, quarantined
from actors.runtime.ref import LoopRef
from actors.sip_requests import SipOutlet
from events.journal import CorruptEntry, Journal
from events.names import CallId
from replay.projection import Deadlines

log = structlog.get_logger()

R = TypeVar("R")

MAX_FAILURES = 3
"""A call whose actor fails so often in a row, each time rebuilt from the stream, is quarantined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectorySettings:
    """How many calls may be resident, and after how many seconds without a message one leaves memory.

    quarantine: what becomes of the sessions of a call that is quarantined.
    """

    max_resident: int = 20_000
    passivate_after: float = 10.0
    quarantine: QuarantinePolicy = QuarantinePolicy.KEEP


@dataclass(slots=True)
class _Resident:
    actor: LoopRef[CallActor]
    used_at: float


class Directory:
    """The calls that have an actor in this process. It lives on the event loop; doors call `submit` there.

    now: gives the time that all control nodes agree on, ms since the epoch.
    """

    def __init__(
        self,
        *,
        name: str,
        journal: Journal,
        nodes: NodeTable,
        now: Callable[[], int],
        deadlines: Deadlines | None = None,
        settings: DirectorySettings | None = None,
        observers: Observers | None = None,
        sip_outlet: SipOutlet | None = None,
        adoption: Adoption | None = None,
    ) -> None:
        """Make the directory of a control node. `observers` are told of each event; `sip_outlet` sends for calls.

        With an `adoption` calls that nodes have and the journal does not know are taken over.
        """
        self._settings = settings or DirectorySettings()
        self._residents: OrderedDict[str, _Resident] = OrderedDict()
        self._failures = FailingCalls()
        deadlines = deadlines or Deadlines()
        self._quarantine = Quarantine(
            journal=journal, nodes=nodes, name=name, now=now, deadlines=deadlines, policy=self._settings.quarantine
        )
        self._loop = asyncio.get_running_loop()
        self._closing = self._closed = False
        self.now = now
        self._context = CallContext(
            name=name,
            journal=journal,
            nodes=nodes,
            deadlines=deadlines,
            now=now,
            locate=self._locate,
            forget=self._forget,
            failed=self._failed,
            corrupt=self._corrupt,
            set_aside=self._quarantine.found,
            observers=Observers() if observers is None else observers,
            sip_outlet=SipOutlet() if sip_outlet is None else sip_outlet,
            adoption=adoption,
        )

    @property
    def deadlines(self) -> Deadlines:
        """After how long something of a call wants attention."""
        return self._context.deadlines

    def reckon_with(self, operation: int) -> None:
        """Let operations take effect for so long (ms), if that is longer than was reckoned with: a node is slower."""
        deadlines = self._context.deadlines
        if operation > deadlines.operation:
            self._context.deadlines = replace(deadlines, operation=operation)
            self._quarantine.reckon_with(self._context.deadlines)

    def submit(self, command: CallCommand[R], reply: Callable[[R | Refused], None]) -> None:
        """Submit a command to its call; `reply` is called once with the result, on the loop. It must not raise."""
        call_id = command.call_id
        why = self._quarantine.reason(call_id)
        if why is not None:
            reply(quarantined(why))
            return
        resident = self._residents.get(call_id)
        if resident is None:
            opens_call = command.opens_call
            if not self._has_room() or self._closed or (self._closing and opens_call):
                reply(OVERLOADED)
                return
            resident = self._start(call_id, blank=opens_call)
        else:
            resident.used_at = self._loop.time()
            self._residents.move_to_end(call_id)
        resident.actor.tell_here(Do(command, reply))

    async def ask(self, command: CallCommand[R]) -> R | Refused:
        """Submit a command to its call, and return the result."""
        # Not `ActorRef.ask`: a result comes turns after its command, so that the answer would be a future of a future.
        # Asking took two fifths more time that way, and a SIP call 4 % more function calls.
        done: asyncio.Future[R | Refused] = self._loop.create_future()

        def reply(result: R | Refused) -> None:
            if not done.done():  # who asked may have given up
                done.set_result(result)

        self.submit(command, reply)
        return await done

    def attend(self, call_id: CallId) -> None:
        """Wake a call that is due. Without room for its actor it stays due, and is woken again later.

        Whether it is quarantined, and due for that, only its row says for certain: its stream may not.
        """
        if self._closed:
            return
        self._quarantine.attend(call_id)
        if self._quarantine.reason(call_id) is not None:
            return
        resident = self._residents.get(call_id)
        if resident is None:
            if not self._has_room():
                return
            resident = self._start(call_id, blank=False)
        resident.actor.tell(ProcessDue(call_id=call_id))

    def samples(self) -> Iterable[Sample]:
        """Return how many calls have an actor here, and what has happened to calls and on nodes."""
        yield Sample("calls", "resident", len(self._residents), gauge=True)
        yield Sample("calls", "failing", len(self._failures), gauge=True)
        yield from self._context.counters.samples()
        yield from self._context.nodes.counters.samples()
        if self._context.adoption is not None:
            yield from self._context.adoption.samples()

    @property
    def signals(self) -> bool:
        """Whether SIP requests of our own can be sent from here."""
        return self._context.sip_outlet.sender is not None

    @property
    def resident(self) -> int:
        """The number of calls that have an actor."""
        return len(self._residents)

    async def sweep_on(self, interval: float = 0.5) -> None:
        """Ask the calls that were idle for long to leave memory, every `interval` seconds until cancelled."""
        while True:
            self.sweep()
            await next_beat(interval)

    def sweep(self) -> None:
        """Ask the calls that were idle for long to leave memory."""
        now = self._loop.time()
        if self._failures:
            self._failures.forget_old(now)
        limit = now - self._settings.passivate_after
        for call_id, resident in list(self._residents.items()):
            if resident.used_at > limit:
                break
            self._passivate(CallId(call_id), resident, now)

    async def close(self, within: float) -> bool:
        """Accept no new calls, and wait up to `within` seconds for those under way. Return whether all of them ended.

        What has not is left to other control nodes: after this no call asks nodes or the journal for anything.
        """
        self._closing = True
        deadline = self._loop.time() + within
        while self._residents:
            for resident in list(self._residents.values()):
                resident.actor.tell(Passivate())
            await asyncio.sleep(0.02)  # however little time is given: idle calls leave, and are not taken for busy ones
            if self._loop.time() >= deadline:
                break
        await self._quarantine.finish()
        busy, self._closed = bool(self._residents), True
        for resident in list(self._residents.values()):
            resident.actor.tell(Leave())
        while self._residents:  # noqa: ASYNC110 - each leaves in its next turn
            await asyncio.sleep(0)
        return not busy

    def _has_room(self) -> bool:
        """Make room for one more call if need be: the one that was idle longest is asked to go."""
        if len(self._residents) < self._settings.max_resident:
            return True
        call_id, resident = next(iter(self._residents.items()))
        self._passivate(CallId(call_id), resident, self._loop.time())
        return len(self._residents) < self._settings.max_resident + self._settings.max_resident // 10

    def _passivate(self, call_id: CallId, resident: _Resident, now: float) -> None:
        resident.used_at = now
        self._residents.move_to_end(call_id)
        resident.actor.tell(Passivate())

    def _start(self, call_id: CallId, *, blank: bool) -> _Resident:
        actor = CallActor.start(call_id, self._context, blank=blank)
        resident = self._residents[call_id] = _Resident(actor, self._loop.time())
        return resident

    def _locate(self, call_id: CallId, asker: LoopRef[Any], token: Any) -> None:
        self.submit(LocateCall(call_id=call_id), partial(_tell_where, asker, token))

    def _forget(self, call_id: CallId) -> None:
        self._residents.pop(call_id, None)
        self._failures.pop(call_id, None)

    def _failed(self, call_id: CallId, why: str) -> None:
        self._residents.pop(call_id, None)
        count = self._failures.note(call_id, self._loop.time())
        log.error("call failed", call_id=call_id, times=count, why=why)
        if count >= MAX_FAILURES:
            del self._failures[call_id]
            self._quarantine.put(call_id, f"it failed {count} times in a row, last with {why}")

    def _corrupt(self, error: CorruptEntry) -> None:
        self._quarantine.put_corrupt(error)


def _tell_where(asker: LoopRef[Any], token: Any, result: Located | Refused) -> None:
    """Tell the actor that asked where a call is; it may have ended meanwhile."""
    with suppress(ActorDeadError):
        asker.tell(CallLocated(token, result))
