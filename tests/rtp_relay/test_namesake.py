"""Whether a control node finds that another one has its name, and takes no one for it that is gone."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from actors.control.control import Control
from events.journal import JournalUnavailable
from events.memory import MemoryJournal
from rtp_relay.assembly.publisher import StatusPublisher

SAID = "another control node that is alive has the name of this one"


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


class Journal(MemoryJournal):
    """One that can be away."""

    away = False

    async def published(self) -> dict[str, bytes]:
        if self.away:
            raise JournalUnavailable("away")
        return await super().published()


class Place:
    """A journal, its clock, and control nodes that start there."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.journal = Journal(self.clock)

    def start(self, name: str = "control-1") -> StatusPublisher:
        self.clock.ms += 1000
        return StatusPublisher(name, self.journal, Control(self.journal, name=name, version="1", now=self.clock))

    async def publish(self, *nodes: StatusPublisher, rounds: int = 1) -> list[str]:
        """Let each publish in turn, and return the names that the log has of control nodes that are there twice."""
        with capture_logs() as lines:
            for _ in range(rounds):
                for node in nodes:
                    self.clock.ms += 1000
                    await node.publish()
        assert all(line["event"] == SAID and line["log_level"] == "error" for line in lines)
        return [line["name"] for line in lines]


@pytest.fixture
def place() -> Place:
    return Place()


async def test_the_second_of_one_name_says_so_once(place: Place) -> None:
    first = place.start()
    assert await place.publish(first, rounds=20) == []
    second = place.start()
    assert await place.publish(second) == [], "what stands there may be of one that is gone"
    assert await place.publish(first, second) == ["control-1"]
    assert await place.publish(first, second, rounds=20) == []


async def test_one_that_was_killed_and_comes_back_is_no_other(place: Place) -> None:
    for _ in range(3):
        again = place.start()
        assert await place.publish(again, rounds=2) == []
    assert await place.publish(again, place.start("control-2"), rounds=20) == []


async def test_what_one_has_said_before_it_was_killed_says_nothing_after_it_was_lost_and_found(place: Place) -> None:
    killed = place.start()
    await place.publish(killed)
    old = (await place.journal.published())["control-1"]
    again = place.start()
    await place.publish(again)
    await place.journal.publish("control-1", old, 7)  # another Redis has taken over, which lacks the newest
    assert await place.publish(again) == []


async def test_a_look_that_fails_is_made_up_for(place: Place) -> None:
    first, second = place.start(), place.start()
    await place.publish(first, second)
    place.journal.away = True
    assert await place.publish(first, second, rounds=20) == []
    place.journal.away = False
    await place.journal.publish("control-1", b"what another program says", 7)
    assert await place.publish(second) == []
    assert await place.publish(first, second) == ["control-1", "control-1"]
