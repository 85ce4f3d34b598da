"""The runtimes that must keep Pykka's promises: its own threads, and our actors on a loop that another thread runs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pykka
import pytest
import uvloop

from actors.runtime import LoopActor, LoopFuture

if TYPE_CHECKING:
    # Behaviours are written on Pykka's abstract actor and completed by a world; to a type checker they are complete.
    from pykka import ThreadingActor as Behaviour
else:
    from pykka import Actor as Behaviour

__all__ = ["TIMEOUT", "Behaviour", "World", "loop_in_thread", "world"]

TIMEOUT = 10.0  # seconds; only a broken promise ever waits that long

A = TypeVar("A", bound=pykka.Actor)


@dataclass(frozen=True, slots=True)
class World:
    """One runtime: what an actor and a future are in it."""

    actor_class: type[pykka.Actor]
    future_class: type[pykka.Future[Any]]

    def kind(self, behaviour: type[A]) -> type[A]:
        """Return an actor class with this behaviour that runs in this world."""
        return type(behaviour.__name__, (behaviour, self.actor_class), {})

    def start(self, behaviour: type[A], *args: Any) -> pykka.ActorRef[A]:
        """Start an actor with this behaviour in this world."""
        return self.kind(behaviour).start(*args)


class _DaemonActor(pykka.ThreadingActor):
    use_daemon_thread = True


@contextlib.contextmanager
def loop_in_thread(factory: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread of its own."""
    loop = factory()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(params=["threading", "asyncio", "uvloop"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every runtime in turn. Actors that a test leaves behind are stopped."""
    if request.param == "threading":
        yield World(_DaemonActor, pykka.ThreadingFuture)
        pykka.ActorRegistry.stop_all(timeout=TIMEOUT)
        return
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    with loop_in_thread(factory) as loop:
        yield World(type("LoopActor", (LoopActor,), {"event_loop": loop}), LoopFuture)
        pykka.ActorRegistry.stop_all(timeout=TIMEOUT)
