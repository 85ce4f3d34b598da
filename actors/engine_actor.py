"""The actor of a relay node: its life, its health, its pings, and who watches it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeAlias

import structlog

from actors.engine_settings import EngineSettings
from actors.messages import (
    Describe,
    HealthChanged,
    HealthTold,
    NodeReport,
    Perform,
    Retire,
    SetAdminState,
    Watch,
)
from actors.node_counters import NodeCounters
from actors.node_talks import NodeTalks, tell
from actors.runtime import LoopActor
from actors.runtime.ref import LoopRef
from actors.transports import Complaint, NodeTransport, Taker, open_transport
from engines.health import Health
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
        counters = NodeCounters() if counters is None else counters
        self._talks = NodeTalks(spec, settings, self._health, counters=counters, now=self._now, user=self)
        self._open_way = open_way
        self._watchers: list[LoopRef[Any]] = []
        self._pinged_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._tick_at = self._now()

    # -- life --

    def on_start(self) -> None:
        """Begin to watch the deadlines."""
        self._tick()

    def on_stop(self) -> None:
        """Close the socket."""
        if self._timer is not None:
            self._timer.cancel()
        if self._talks.transport is not None:
            self._talks.transport.close()

    def on_failure(self, *_: object) -> None:
        """Close the socket."""
        self.on_stop()

    async def connect(self) -> None:
        """Open the socket. Raises OSError if the node's host has no address."""
        self._talks.transport = await self._open_way(self.spec.url, self._talks.take, self._talks.complain)

    def stop_if_idle(self) -> None:
        """End, if no operation is under way."""
        if not self._talks.under_way:
            self.stop()

    # -- messages --

    def on_receive(self, message: Any) -> NodeReport | None:
        """Handle the messages of a node (actors.messages)."""
        match message:
            case Perform():
                self._talks.perform(message)
            case SetAdminState():
                if self._health.set_admin(self._now(), message.admin):
                    self.tell_watchers(message.reason or "set by an operator")
            case HealthTold():
                self._hear_of_it(message)
            case Watch():
                self._watchers.append(message.watcher)
                tell(message.watcher, HealthChanged(self.spec.name, self._health.snapshot(), "watched from here on"))
            case Retire():
                self._talks.retiring = True
                self._watchers.clear()
                self.stop_if_idle()
            case Describe():
                return NodeReport(health=self._health.snapshot(), in_flight=self._talks.under_way)
        return None

    # -- time --

    def _tick(self) -> None:
        """Look after the talks, and ping when it is time."""
        now = self._now()
        late = now - self._tick_at
        if late > self._settings.tick:
            self._talks.leave_out(late, now)
            self._pinged_at = min(self._pinged_at + late, now)
        self._talks.look_after(now)
        if self._talks.transport is not None and self._wants_ping(now):
            self._pinged_at = now
            self._talks.ping()
        self._wake_up(in_a_hurry=self._talks.are_waiting or self._hastens)

    def hasten(self) -> None:
        """Look after the talks at each tick: commands wait for replies."""
        self._wake_up(in_a_hurry=True)

    def _wake_up(self, *, in_a_hurry: bool) -> None:
        """Wake up after a tick while commands wait for replies; otherwise it is enough to be in time for a ping."""
        if self._timer is not None:
            self._timer.cancel()
        self._talks.hastened = in_a_hurry
        now, settings = self._now(), self._settings
        delay = settings.tick if in_a_hurry else settings.probes_every
        if settings.hastens and not in_a_hurry:
            due = max(self._talks.heard_at, self._pinged_at) + settings.ping_every
            delay = min(delay, max(settings.tick, due - now))
        self._tick_at = now + delay
        self._timer = self._loop.call_at(self._tick_at, self._tick)

    def _wants_ping(self, now: float) -> bool:
        talks, settings = self._talks, self._settings
        if talks.pinging or talks.retiring or self._health.disabled:
            return False
        if self._hastens:
            return now - self._pinged_at >= settings.tick
        if self._health.is_down or self._health.failures:
            return now - self._pinged_at >= settings.probes_every
        return now - max(talks.heard_at, self._pinged_at) >= settings.ping_every

    @property
    def _hastens(self) -> bool:
        """Whether to ping again at once: where nobody listens, there is nothing to wait for."""
        return self._talks.nobody_listens and self._settings.hastens and not self._health.is_down

    # -- health --

    def _hear_of_it(self, told: HealthTold) -> None:
        """Believe what others found out, unless the node has just answered here."""
        now, heard_at = self._now(), self._talks.heard_at
        if not told.is_down:
            changed = self._health.told_up(now)
        else:
            believed = not heard_at or now - heard_at > self._settings.timeout
            changed = believed and self._health.told_down(now, told.why)
        if changed:
            self.tell_watchers(f"{told.why} (told by another worker)")

    def tell_watchers(self, why: str) -> None:
        """Tell those who watch the node how it is: that has changed."""
        health = self._health.snapshot()
        log.warning("node changed its state", node=self.spec.name, state=str(health.state), why=why)
        for watcher in self._watchers:
            tell(watcher, HealthChanged(self.spec.name, health, why))
