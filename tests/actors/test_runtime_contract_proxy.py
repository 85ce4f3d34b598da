"""What Pykka documents about proxies and the registry, for its threads and for our event-loop actors alike."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pykka
import pytest
from pykka import ActorRegistry, messages

from tests.actors.worlds import TIMEOUT, Behaviour, World, world

__all__ = ["world"]


class Deck:
    """An attribute with attributes of its own."""

    def __init__(self) -> None:
        self.tracks = [1, 2]

    def play(self, track: int) -> str:
        return f"playing {track}"


class Player(Behaviour):
    """An actor used by its methods and attributes."""

    volume = 5

    def __init__(self) -> None:
        super().__init__()
        self.deck = pykka.traversable(Deck())
        self.failures: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._secret = "hidden"

    @property
    def loud(self) -> bool:
        return self.volume > 10

    @loud.setter
    def loud(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError("loud is a bool")
        self.volume = 11 if value else 5

    def add(self, *numbers: int, plus: int = 0) -> int:
        return sum(numbers) + plus

    def fail(self) -> None:
        raise ValueError("bad")

    def on_failure(self, *exc_info: Any) -> None:
        self.failures.put(exc_info[1])

    def raise_volume_twice(self) -> pykka.Future[Any]:
        later = self.actor_ref.proxy()
        later.set_volume.defer(self.volume + 1)
        future: pykka.Future[Any] = later.set_volume(self.volume + 2)
        return future

    def set_volume(self, volume: int) -> int:
        before, self.volume = self.volume, volume
        return before


@pytest.fixture
def player(world: World) -> Any:
    return world.start(Player).proxy()


def test_method_call_gives_a_future_of_the_result(player: Any, world: World) -> None:
    future = player.add(1, 2, plus=3)
    assert isinstance(future, world.future_class)
    assert future.get(timeout=TIMEOUT) == 6


def test_exception_of_a_call_goes_to_the_caller_and_the_actor_lives_on(player: Any) -> None:
    with pytest.raises(ValueError, match="bad"):
        player.fail().get(timeout=TIMEOUT)
    assert player.add(1).get(timeout=TIMEOUT) == 1


def test_deferred_call_is_handled_in_order(player: Any) -> None:
    assert player.set_volume.defer(7) is None
    assert player.volume.get(timeout=TIMEOUT) == 7


def test_exception_of_a_deferred_call_stops_the_actor(player: Any) -> None:
    failures = player.failures.get(timeout=TIMEOUT)
    player.fail.defer()
    assert str(failures.get(timeout=TIMEOUT)) == "bad"
    assert player.actor_ref.actor_stopped.wait(TIMEOUT)


def test_attribute_and_property_are_read_as_futures(player: Any) -> None:
    assert player.volume.get(timeout=TIMEOUT) == 5
    assert player.loud.get(timeout=TIMEOUT) is False


def test_attribute_and_property_are_set_when_the_assignment_is_done(player: Any) -> None:
    player.volume = 8
    assert player.volume.get(timeout=TIMEOUT) == 8
    player.loud = True
    assert player.volume.get(timeout=TIMEOUT) == 11


def test_exception_of_a_setter_is_raised_by_the_assignment(player: Any) -> None:
    with pytest.raises(TypeError, match="loud is a bool"):
        player.loud = "yes"


def test_traversable_attribute_is_reached_through(player: Any) -> None:
    assert player.deck.play(3).get(timeout=TIMEOUT) == "playing 3"
    assert player.deck.tracks.get(timeout=TIMEOUT) == [1, 2]
    player.deck.tracks = [4]
    assert player.deck.tracks.get(timeout=TIMEOUT) == [4]


@pytest.mark.parametrize("name", ["_secret", "missing"])
def test_private_and_missing_attributes_are_attribute_errors(player: Any, name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(player, name)


def test_proxy_lists_the_attributes_of_the_actor(player: Any) -> None:
    assert {"add", "volume", "loud", "deck", "actor_ref"} <= set(dir(player))


def test_actor_defers_work_to_itself_by_its_own_proxy(player: Any) -> None:
    assert player.raise_volume_twice().get(timeout=TIMEOUT).get(timeout=TIMEOUT) == 6
    assert player.volume.get(timeout=TIMEOUT) == 7


def test_proxy_messages_can_be_sent_by_hand(world: World) -> None:
    ref = world.start(Player)
    ref.tell(messages.ProxySetAttr(attr_path=("volume",), value=3))
    assert ref.ask(messages.ProxyGetAttr(attr_path=("volume",)), timeout=TIMEOUT) == 3
    call = messages.ProxyCall(attr_path=("add",), args=(1,), kwargs={"plus": 1})
    assert ref.ask(call, timeout=TIMEOUT) == 2


def test_stop_by_proxy(player: Any) -> None:
    player.stop()
    assert player.actor_ref.actor_stopped.wait(TIMEOUT)


def test_dead_actor_has_no_proxy_and_its_old_proxy_gives_dead_errors(world: World) -> None:
    ref = world.start(Player)
    proxy: Any = ref.proxy()
    ref.stop(timeout=TIMEOUT)
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()
    with pytest.raises(pykka.ActorDeadError):
        proxy.add(1).get(timeout=TIMEOUT)
    with pytest.raises(pykka.ActorDeadError):
        proxy.volume = 1


def test_registry_finds_running_actors(world: World) -> None:
    kind = world.kind(Player)
    ref = kind.start()
    assert ref in ActorRegistry.get_all()
    assert ActorRegistry.get_by_class(kind) == [ref]
    assert ref in ActorRegistry.get_by_class(Player)
    assert ActorRegistry.get_by_class_name("Player") == [ref]
    assert ActorRegistry.get_by_urn(ref.actor_urn) is ref
    ref.stop(timeout=TIMEOUT)
    assert ActorRegistry.get_by_urn(ref.actor_urn) is None


def test_failed_actor_leaves_the_registry(world: World) -> None:
    ref = world.start(Player)
    ref.proxy().fail.defer()
    assert ref.actor_stopped.wait(TIMEOUT)
    assert ref not in ActorRegistry.get_all()


def test_registry_broadcasts(world: World) -> None:
    refs = [world.start(Player) for _ in range(3)]
    ActorRegistry.broadcast(messages.ProxySetAttr(attr_path=("volume",), value=9), target_class="Player")
    asked = [ref.ask(messages.ProxyGetAttr(attr_path=("volume",)), block=False) for ref in refs]
    assert pykka.get_all(asked, timeout=TIMEOUT) == [9, 9, 9]


def test_stop_all_stops_the_youngest_first(world: World) -> None:
    stopped: list[str] = []

    class Named(Behaviour):
        def on_stop(self) -> None:
            stopped.append(self.actor_urn)

    started = [world.start(Named).actor_urn for _ in range(3)]
    assert ActorRegistry.stop_all(timeout=TIMEOUT) == [True, True, True]
    assert stopped == started[::-1]
    assert ActorRegistry.get_all() == []


def test_tells_of_many_threads_all_arrive_each_thread_in_order(world: World) -> None:
    class Counter(Behaviour):
        def __init__(self) -> None:
            super().__init__()
            self.seen: dict[int, list[int]] = {number: [] for number in range(4)}

        def on_receive(self, message: Any) -> Any:
            self.seen[message[0]].append(message[1])

    ref = world.start(Counter)

    def tell_all(name: int) -> None:
        for number in range(200):
            ref.tell((name, number))

    threads = [threading.Thread(target=tell_all, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = ref.ask(messages.ProxyGetAttr(attr_path=("seen",)), timeout=TIMEOUT)
    assert seen == {number: list(range(200)) for number in range(4)}
