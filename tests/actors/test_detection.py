"""How soon a dead node is found out, and that trouble of this machine is not taken for one."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from actors.engine_actor import EngineActor
from actors.engine_settings import EngineSettings
from actors.local_trouble import is_local
from actors.messages import HealthChanged, Perform, Performed, Watch
from actors.runtime import LoopActor
from actors.transports import open_transport
from engines.health import Hysteresis, NodeState
from engines.kind import Operation
from engines.request import NodeRequest
from engines.sets import NodeSpec
from events.names import CallId, NodeName, RelayId
from events.verb import Verb
from tests.actors.fake_relay import FakeRelay, FakeTransport
from tests.actors.simulation import Cluster
from tests.actors.virtual_time import VirtualTimeLoop

QUERY = Operation(verb=Verb.QUERY, relay_id=RelayId("c"), request=NodeRequest({b"command": b"query"}))


class Ear(LoopActor):
    """Hears how the node is, and how what it asked ended."""

    registered = False

    def __init__(self, place: Place) -> None:
        super().__init__()
        self._place = place

    def on_receive(self, message: Any) -> None:
        if isinstance(message, HealthChanged):
            self._place.states.append((self._place.loop.time(), message.health.state))
        elif isinstance(message, Performed):
            self._place.outcomes.append(message.outcome)


class Troubled(FakeTransport):
    """A way on which this machine's own trouble comes up when something is sent."""

    def __init__(self, place: Place, relay: FakeRelay, take: Any, complain: Callable[[OSError], None]) -> None:
        super().__init__(relay, take, lambda: True)
        self._place, self._complain = place, complain

    def send(self, cookie: bytes, command: bytes) -> None:
        if self._place.trouble:
            self._complain(OSError(self._place.trouble, os.strerror(self._place.trouble)))
        else:
            super().send(cookie, command)


class Place:
    """One node's actor on a virtual clock."""

    def __init__(self, **settings: Any) -> None:
        self.loop = VirtualTimeLoop()
        self.relay = FakeRelay()
        self.trouble = 0
        self.states: list[tuple[float, NodeState]] = []
        self.outcomes: list[Any] = []
        self._settings = EngineSettings(**settings)
        self.run(self._start())

    async def _start(self) -> None:
        async def open_way(_url: str, take: Any, complain: Any) -> FakeTransport:
            return Troubled(self, self.relay, take, complain)

        spec = NodeSpec(name=NodeName("relay1"), engine="rtpengine", url="udp:127.0.0.1:1")
        actor = EngineActor(spec, self._settings, open_way)
        await actor.connect()
        actor._start_actor_loop()
        self.actor = actor.actor_ref
        self.ear = Ear.start(self)
        self.actor.tell(Watch(self.ear))

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def after(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def ask(self, times: int = 1) -> None:
        async def tell() -> None:
            for number in range(times):
                self.actor.tell(Perform(QUERY, self.ear, number))

        self.run(tell())

    def stand_still(self, seconds: float) -> None:
        """Let the process get no time at all, while the world goes on."""
        self.loop._jumping.elapsed += seconds

    @property
    def state(self) -> str:
        return str(self.states[-1][1])

    def close(self) -> None:
        async def stop() -> None:
            self.actor.stop(block=False)
            self.ear.stop(block=False)
            await asyncio.sleep(0.01)

        self.run(stop())
        self.loop.close()


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place(ping_every=0.2)
    yield place
    place.close()


def test_with_pings_every_200_ms_a_dead_node_is_found_out_in_800(place: Place) -> None:
    place.after(3)
    place.relay.silent = True
    died = place.loop.time()
    place.after(2)
    assert place.state == "down"
    assert place.states[-1][0] - died <= 0.9
    place.relay.silent = False
    place.after(0.5)
    assert place.state == "up"


def test_at_the_defaults_it_takes_some_seconds() -> None:
    place = Place()
    place.after(6)
    place.relay.silent = True
    place.after(2)
    assert place.state == "up"
    place.after(12)
    assert place.state == "down"
    place.close()


def test_a_lost_datagram_is_no_miss(place: Place) -> None:
    for _ in range(20):
        place.relay.lose_replies = 1
        place.after(0.4)
    assert place.state == "up"


def test_a_node_that_answers_commands_and_is_slow_is_not_down(place: Place) -> None:
    place.relay.delay = 0.4  # there and back: more than a ping has, less than a command
    for _ in range(50):
        place.ask()
        place.after(0.1)
    assert place.state == "up"


def test_what_ran_out_while_the_loop_stood_still_does_not_count(place: Place) -> None:
    place.after(3)
    for _ in range(10):
        place.ask(times=50)
        place.after(0.0005)
        place.stand_still(30)
        place.after(0.3)
    assert [state for _, state in place.states] == [NodeState.UP]
    assert len([outcome for outcome in place.outcomes if outcome.agreed is None]) == 500, "the relay has no such call"
    assert all(outcome.reply is not None for outcome in place.outcomes), "each was heard all the same"


def test_a_node_that_is_dead_is_found_out_though_the_loop_stands_still_now_and_then(place: Place) -> None:
    place.after(3)
    place.relay.silent = True
    for _ in range(40):
        place.stand_still(0.5)
        place.after(0.05)
    assert place.state == "down"


LASTING = [errno.ENETUNREACH, errno.EPERM, errno.EACCES, errno.EADDRNOTAVAIL, errno.ENETDOWN]


@pytest.mark.parametrize("trouble", LASTING, ids=errno.errorcode.get)
def test_what_cannot_be_sent_from_here_is_told_at_once_and_does_not_count(place: Place, trouble: int) -> None:
    place.trouble = trouble
    place.ask(times=5)
    place.after(0.01)
    assert [(outcome.reached, outcome.reason) for outcome in place.outcomes] == [
        (False, f"cannot be asked from here: {os.strerror(trouble)}")
    ] * 5
    place.after(60)
    assert [state for _, state in place.states] == [NodeState.UP]
    place.trouble = 0
    place.ask()
    place.after(0.01)
    assert place.outcomes[-1].reply is not None


def test_what_may_pass_is_sent_again(place: Place) -> None:
    place.trouble = errno.ENOBUFS
    place.ask()
    place.after(0.1)
    place.trouble = 0
    place.after(1)
    assert place.outcomes[-1].reply is not None
    place.trouble = errno.ENOBUFS
    place.ask(times=9)
    place.after(60)
    assert [state for _, state in place.states] == [NodeState.UP]
    assert len(place.outcomes) == 10, "and told in the end"


def test_a_message_that_is_too_long_says_nothing_about_the_others(place: Place) -> None:
    place.after(3)
    place.relay.silent = True
    for _ in range(30):
        place.trouble = errno.EMSGSIZE
        place.ask()
        place.trouble = 0
        place.after(0.1)
    assert place.state == "down"
    assert {outcome.reached for outcome in place.outcomes} == {False}


def test_nobody_listening_counts_and_need_not_be_waited_for(place: Place) -> None:
    place.after(3)
    place.trouble = errno.ECONNREFUSED
    died = place.loop.time()
    place.after(2)
    assert place.state == "down"
    assert place.states[-1][0] - died <= 0.4, "at the next ping, and two after it"
    place.trouble = 0
    place.after(1)
    assert place.state == "up"


def test_by_default_one_that_is_restarted_need_not_be_down_for_that() -> None:
    place = Place()
    place.after(6)
    place.trouble = errno.ECONNREFUSED
    place.ask()
    place.after(0.5)
    place.trouble = 0
    place.after(10)
    assert [state for _, state in place.states] == [NodeState.UP]
    place.close()


def test_whose_trouble_it_is() -> None:
    of_the_node = [errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENOENT, errno.EPIPE]
    assert not any(is_local(OSError(number, "")) for number in of_the_node)
    assert all(is_local(OSError(number, "")) for number in (*LASTING, errno.ENOBUFS, errno.EMFILE))


def test_a_node_that_flaps_is_taken_back_only_after_a_while() -> None:
    place = Place(ping_every=0.2, hysteresis=Hysteresis(window=60, answers=5, hold=10))
    for _ in range(2):
        place.after(1)
        place.relay.silent = True
        place.after(2)
        assert place.state == "down"
        place.relay.silent = False
        place.after(1)
    assert place.state == "down"
    place.after(10)
    assert place.state == "up"
    place.close()


def test_while_redis_is_away_no_node_is_down() -> None:
    cluster = Cluster(relays=2, control_nodes=1)
    cluster.nodes[0].journal.away = True
    for number in range(20):
        cluster.ask(Verb.OFFER, CallId(f"c{number}"), a="A", sdp="x")
        cluster.after(1)
    assert [node.health.state for node in cluster.nodes[0].table.all()] == [NodeState.UP] * 2
    cluster.close()


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_real_socket_complains_while_it_sends(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The actor relies on it: what the system refuses to send is told before `send` returns."""

    async def send() -> list[int | None]:
        told: list[int | None] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"udp:127.0.0.1:{nobody.getsockname()[1]}"
            way = await open_transport(url, lambda *_: None, lambda error: told.append(error.errno))
            way.send(b"cookie", bytes(70_000))
            way.close()
            return list(told)

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(send()) == [errno.EMSGSIZE]
