"""The actor of a relay node: it owns the socket, the cookies, the deadlines and the node's health."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from time import monotonic
from typing import Any, ClassVar, TypeAlias

import structlog
from pykka import ActorDeadError, ActorRef

from actors.effects import Outcome
from actors.engine_settings import EngineSettings
from actors.local_trouble import is_local, is_of_the_message, is_passing, words_of
from actors.messages import (
    Describe,
    HealthChanged,
    HealthTold,
    NodeReport,
    Perform,
    Performed,
    Retire,
    SetAdminState,
    Watch,
)
from actors.node_counters import PING, NodeCounters
from actors.runtime import LoopActor
from actors.talk import Sent, Talk
from actors.transports import Complaint, NodeTransport, Taker, open_transport
from engines.cookies import CookieSource
from engines.health import Health, NodeState
from engines.kind import Exchange, MalformedReply, Operation, RelayKind, Untranslatable
from engines.refusal import RefusalCode
from engines.registry import kind_at
from engines.sets import NodeSpec

log = structlog.get_logger()

OpenWay: TypeAlias = Callable[[str, Taker, Complaint], Awaitable[NodeTransport]]
"""Opens the transport to a node's url."""


class EngineActor(LoopActor):
    """One relay node. It does what Perform messages ask and tells how each ended; it never waits for the node."""

    registered: ClassVar[bool] = False
    messages_per_turn: ClassVar[int] = 128  # commands of all calls: with few a turn, they would queue up here

    def __init__(
        self,
        spec: NodeSpec,
        settings: EngineSettings,
        open_way: OpenWay = open_transport,
        counters: NodeCounters | None = None,
    ) -> None:
        """Make the actor of a node. Commands that come before it is connected are refused. counters: the node's."""
        super().__init__()
        self.spec, self._settings = spec, settings
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._health = Health(
            since=self._now(), down_after=settings.down_after, hysteresis=settings.hysteresis, admin=settings.admin
        )
        self._open_way = open_way
        self._kind: RelayKind = kind_at(spec)
        self._cookies = CookieSource()
        self._transport: NodeTransport | None = None
        self._sent: dict[bytes, Sent] = {}
        self._watchers: list[ActorRef[Any]] = []
        self._talks = 0
        self._counters = NodeCounters() if counters is None else counters
        self._performed = self._failed = self._refused = self._resent = 0
        self._pinging = self._retiring = False
        self._heard_at = 0.0
        self._pinged_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._in_a_hurry = False
        self._tick_at = self._now()
        self._nobody_listens = False  # at its address, by the last word of the network
        self._trouble: OSError | None = None  # of this machine, since it last sent something
        self._troubled_at = -math.inf

    # -- life --

    def on_start(self) -> None:
        """Begin to watch the deadlines."""
        self._tick()

    def on_stop(self) -> None:
        """Close the socket."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    def on_failure(self, *_: object) -> None:
        """Close the socket."""
        self.on_stop()

    async def connect(self) -> None:
        """Open the socket. Raises OSError if the node's host has no address."""
        self._transport = await self._open_way(self.spec.url, self._take, self._complain)

    # -- messages --

    def on_receive(self, message: Any) -> NodeReport | None:
        """Handle the messages of a node (actors.messages)."""
        match message:
            case Perform():
                self._perform(message)
            case SetAdminState():
                if self._health.set_admin(self._now(), message.admin):
                    self._tell_watchers(message.reason or "set by an operator")
            case HealthTold():
                self._hear_of_it(message)
            case Watch():
                self._watchers.append(message.watcher)
                _tell(message.watcher, HealthChanged(self.spec.name, self._health.snapshot(), "watched from here on"))
            case Retire():
                self._retire_when_idle()
            case Describe():
                return self._report()
        return None

    def _retire_when_idle(self) -> None:
        self._retiring = True
        self._watchers.clear()
        self._retire_if_idle()

    def _retire_if_idle(self) -> None:
        if not self._talks:
            self.stop()

    def _report(self) -> NodeReport:
        return NodeReport(
            health=self._health.snapshot(),
            in_flight=self._talks,
            performed=self._performed,
            failed=self._failed,
            refused=self._refused,
            resent=self._resent,
        )

    def _perform(self, message: Perform) -> None:
        refusal = self._refusal(message.operation)
        if refusal is not None:
            self._refused += 1
            self._counters.ended(message.operation.verb, refusal, 0.0)
            _tell(message.asker, Performed(message.token, refusal))
            return
        self._talks += 1
        self._counters.in_flight += 1
        operation = message.operation
        self._begin(message.asker, message.token, operation.verb, lambda: self._kind.perform(operation))

    def _refusal(self, operation: Operation) -> Outcome | None:
        state = self._health.state
        if state is NodeState.DOWN:
            return Outcome(reached=False, reason=f"is down: {self._health.last_failure}")
        if state is NodeState.DISABLED and not operation.removes:
            return Outcome(reached=False, reason="is disabled")
        if self._transport is None:
            return Outcome(reached=False, reason="is not connected")
        if self._talks >= self._settings.max_in_flight:
            return Outcome(reached=False, reason="has too many commands in flight", code=RefusalCode.FULL)
        return None

    # -- talking --

    def _begin(self, asker: ActorRef[Any] | None, token: Any, verb: str, make: Callable[[], Exchange]) -> None:
        timeout = self._settings.timeout if asker is not None else self._settings.ping_timeout
        talk = Talk(asker, token, timeout, verb, monotonic())

        def first() -> list[bytes]:
            talk.exchange = make()
            return next(talk.exchange)

        self._step(talk, first, begun=False)

    def _step(self, talk: Talk, advance: Callable[[], list[bytes]], *, begun: bool = True) -> None:
        """Advance an exchange by one step; what it raises ends it and no other."""
        try:
            commands = advance()
        except StopIteration as end:
            self._end(talk, Outcome(reply=end.value))
        except Untranslatable as error:
            self._end(talk, Outcome(reached=begun, reason=str(error), code=error.code))
        except MalformedReply as error:
            self._end(talk, Outcome(reason=f"malformed reply: {error}"))
        except Exception as error:
            log.exception("engine failed on an exchange", node=self.spec.name)
            why = f"internal error: {error!r}"
            self._end(talk, Outcome(reached=begun, reason=why, code=RefusalCode.INTERNAL))
        else:
            self._send_all(talk, commands)

    def _send_all(self, talk: Talk, commands: list[bytes]) -> None:
        talk.replies = [b""] * len(commands)
        talk.awaited = len(commands)
        now = self._now()
        for place, command in enumerate(commands):
            cookie = self._cookies.next()
            self._sent[cookie] = Sent(talk, place, command, now)
            trouble = self._send(cookie, command)
            if trouble is not None and not is_passing(trouble):
                self._keep_back(talk, words_of(trouble))
            if cookie not in self._sent:
                return  # nobody listens there, or it cannot be sent: the talk has ended
            talk.reached = True
        if not self._in_a_hurry:
            self._watch(in_a_hurry=True)
        if not commands:
            self._step(talk, partial(talk.exchange.send, []))

    def _send(self, cookie: bytes, command: bytes) -> OSError | None:
        """Send a command. Return what trouble this machine had with it, None for none."""
        self._trouble = None
        if self._transport is not None:
            self._transport.send(cookie, command)
        return self._trouble

    def _take(self, cookie: bytes, reply: bytes) -> None:
        """Handle a reply from the transport. It runs between turns, on the same thread: no turn is under way."""
        sent = self._sent.pop(cookie, None)
        if sent is None:
            return
        self._heard_at = now = self._now()
        self._nobody_listens = False
        if self._health.succeeded(now):
            self._tell_watchers("answers again")
        talk = sent.talk
        talk.replies[sent.place] = reply
        talk.awaited -= 1
        if not talk.awaited:
            self._step(talk, partial(talk.exchange.send, talk.replies))

    def _complain(self, error: OSError) -> None:
        """Fail whatever waits for a reply, if the network says that nobody listens there.

        Trouble of this machine fails what it keeps from being sent; what was sent before has its time.
        """
        if not is_local(error):
            self._nobody_listens = True
            self._fail([sent.talk for sent in self._sent.values()], words_of(error))
            return
        self._trouble = error
        if not is_of_the_message(error):
            self._troubled_at = self._now()
        log.warning("node cannot be asked from here", node=self.spec.name, why=words_of(error), bounded=True)

    def _keep_back(self, talk: Talk, why: str) -> None:
        """End a talk that this machine cannot go on with. That is no failure of the node's."""
        self._sent = {cookie: sent for cookie, sent in self._sent.items() if sent.talk is not talk}
        talk.exchange.close()
        self._end(talk, Outcome(reached=talk.reached, reason=f"cannot be asked from here: {why}"), counts=False)

    def _end(self, talk: Talk, outcome: Outcome, *, counts: bool = True) -> None:
        """Tell how a talk ended. counts: whether a ping that did not succeed is the node's failure."""
        self._counters.ended(talk.verb, outcome, monotonic() - talk.began)
        if talk.asker is None:
            self._pinging = False
            if outcome.agreed is None and counts:
                self._note_failure(outcome.reason or "ping was refused")
        else:
            self._talks -= 1
            self._counters.in_flight -= 1
            if outcome.reply is None:
                self._failed += 1
            else:
                self._performed += 1
            _tell(talk.asker, Performed(talk.token, outcome))
            if self._retiring:
                self._retire_if_idle()

    # -- time --

    def _tick(self) -> None:
        """Repeat what is unanswered, fail what is overdue, ping when it is time."""
        now = self._now()
        if now - self._tick_at > self._settings.tick:
            self._leave_out(now - self._tick_at, now)
        self._look_after(now)
        if self._transport is not None and self._wants_ping(now):
            self._ping(now)
        self._watch(in_a_hurry=bool(self._sent) or self._hastens)

    def _watch(self, *, in_a_hurry: bool) -> None:
        """Wake up after a tick while commands wait for replies; otherwise it is enough to be in time for a ping."""
        if self._timer is not None:
            self._timer.cancel()
        self._in_a_hurry = in_a_hurry
        now, settings = self._now(), self._settings
        delay = settings.tick if in_a_hurry else settings.probes_every
        if settings.hastens and not in_a_hurry:
            due = max(self._heard_at, self._pinged_at) + settings.ping_every
            delay = min(delay, max(settings.tick, due - now))
        self._tick_at = now + delay
        self._timer = self._loop.call_at(self._tick_at, self._tick)

    def _leave_out(self, seconds: float, now: float) -> None:
        """Let no command have waited while the loop stood still: nobody was there to hear the reply."""
        for sent in self._sent.values():
            sent.at = min(sent.at + seconds, now)
        self._heard_at = min(self._heard_at + seconds, now)
        self._pinged_at = min(self._pinged_at + seconds, now)

    def _look_after(self, now: float) -> None:
        settings = self._settings
        soonest = settings.resend_after[0] * settings.ping_timeout
        overdue: dict[tuple[float, bool], list[Talk]] = {}
        for cookie, sent in self._sent.items():  # oldest first
            if now - sent.at < soonest:
                break
            timeout = sent.talk.timeout
            waited = (now - sent.at) / timeout
            if waited >= 1:
                overdue.setdefault((timeout, sent.at > self._troubled_at), []).append(sent.talk)
            elif self._transport is not None and self._transport.repeats and self._may_resend(sent, waited):
                sent.resent += 1
                self._resent += 1
                self._counters.resent += 1
                self._send(cookie, sent.command)
        for (timeout, counts), talks in overdue.items():
            why = f"did not answer within {timeout:g} s"
            self._fail(talks, why if counts else f"{why}, while this machine could not send", counts=counts)

    def _may_resend(self, sent: Sent, waited: float) -> bool:
        after = self._settings.resend_after
        return sent.resent < len(after) and waited >= after[sent.resent]

    def _fail(self, talks: Iterable[Talk], why: str, *, counts: bool = True) -> None:
        """End talks that wait for a reply, without one. counts: whether that is the node's failure."""
        waiting = {sent.talk for sent in self._sent.values()}
        failed = {talk: None for talk in talks if talk in waiting}
        self._sent = {cookie: sent for cookie, sent in self._sent.items() if sent.talk not in failed}
        for talk in failed:
            talk.exchange.close()
            if talk.asker is not None and counts:
                self._note_failure(why)
            self._end(talk, Outcome(reason=why), counts=counts)

    # -- health --

    def _wants_ping(self, now: float) -> bool:
        if self._pinging or self._health.disabled or self._retiring:
            return False
        settings = self._settings
        if self._hastens:
            return now - self._pinged_at >= settings.tick
        if self._health.is_down or self._health.failures:
            return now - self._pinged_at >= settings.probes_every
        return now - max(self._heard_at, self._pinged_at) >= settings.ping_every

    @property
    def _hastens(self) -> bool:
        """Whether to ping again at once: where nobody listens, there is nothing to wait for."""
        return self._nobody_listens and self._settings.hastens and not self._health.is_down

    def _ping(self, now: float) -> None:
        self._pinging, self._pinged_at = True, now
        self._begin(None, None, PING, self._kind.ping)

    def _note_failure(self, why: str) -> None:
        if self._health.failed(self._now(), why):
            self._counters.went_down += 1
            self._tell_watchers(why)

    def _hear_of_it(self, told: HealthTold) -> None:
        """Believe what others found out, unless the node has just answered here."""
        now = self._now()
        if not told.is_down:
            changed = self._health.told_up(now)
        else:
            believed = not self._heard_at or now - self._heard_at > self._settings.timeout
            changed = believed and self._health.told_down(now, told.why)
        if changed:
            self._tell_watchers(f"{told.why} (told by another worker)")

    def _tell_watchers(self, why: str) -> None:
        health = self._health.snapshot()
        log.warning("node changed its state", node=self.spec.name, state=str(health.state), why=why)
        for watcher in self._watchers:
            _tell(watcher, HealthChanged(self.spec.name, health, why))


def _tell(actor: ActorRef[Any], message: object) -> None:
    try:
        actor.tell(message)
    except ActorDeadError:
        log.debug("nobody waits for it any more", message=type(message).__name__)
