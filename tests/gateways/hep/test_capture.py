"""The queue of what is captured: bounded, emptied beside other work, and nobody waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from gateways.hep import capture as module
from gateways.hep.capture import Capture
from gateways.hep.packet import Agent, Captured, Kind
from tests.peers.hep import decode


@dataclass
class Taking:
    """A collector that takes so many packets."""

    room: int = 1000
    taken: list[bytes] = field(default_factory=list)
    here: str = "127.0.0.9"
    closed: bool = False

    def send(self, packet: bytes) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken.append(packet)
        return True

    def close(self) -> None:
        self.closed = True


def of(payload: bytes) -> Captured:
    return Captured(Kind.SIP, payload, 1, ("127.0.0.1", 1), ("127.0.0.2", 2))


def put(capture: Capture, *payloads: bytes) -> None:
    for payload in payloads:
        capture.put(lambda payload=payload: of(payload), len(payload))  # type: ignore[misc]


def counted(capture: Capture) -> dict[str, float]:
    return {sample.name: sample.number for sample in capture.samples() if sample.number}


@pytest.fixture(autouse=True)
def turns_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a turn last as long as a busy machine makes it."""
    monkeypatch.setattr(module, "_SECONDS_A_TURN", 60.0)


async def test_it_is_sent_later_in_its_order_to_each_collector_whose_refusal_is_counted() -> None:
    one, two = Taking(), Taking(room=1)
    capture = Capture(Agent(1, b"n"), [one, two])
    put(capture, b"a", b"b")
    assert not one.taken
    await asyncio.sleep(0)
    assert [decode(data).payload for data in one.taken] == [b"a", b"b"]
    assert counted(capture) == {"captured": 2, "sent": 3, "lost": 1}
    assert capture.here == ("127.0.0.9", 0)


async def test_what_finds_the_queue_full_is_dropped_and_counted() -> None:
    one = Taking()
    capture = Capture(Agent(1, b"n"), [one], max_waiting=2)
    put(capture, b"a", b"b", b"c")
    await asyncio.sleep(0)
    put(capture, b"d")
    capture.close()
    assert [decode(data).payload for data in one.taken] == [b"a", b"b", b"d"]
    assert one.closed
    assert counted(capture) == {"captured": 3, "dropped": 1, "sent": 3}
    put(capture, b"e")
    assert counted(capture)["dropped"] == 2


async def test_the_bytes_that_wait_are_bounded_too() -> None:
    capture = Capture(Agent(1, b"n"), [Taking()])
    capture.put(lambda: of(b"x"), module.MAX_WAITING_BYTES - 1)
    put(capture, b"ab", b"c")
    await asyncio.sleep(0)
    assert counted(capture) == {"captured": 2, "dropped": 1, "sent": 2}


async def test_a_turn_is_short_however_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_A_TURN", 0.0)
    one = Taking()
    capture = Capture(Agent(1, b"n"), [one])
    put(capture, *(b"%d" % number for number in range(5)))
    await asyncio.sleep(0)
    assert len(one.taken) == 1
    for _ in range(4):
        await asyncio.sleep(0)
    assert len(one.taken) == 5


async def test_a_fault_with_one_thing_stops_no_other_and_keys_are_masked() -> None:
    one = Taking()
    capture = Capture(Agent(1, b"n"), [one])

    def fails() -> Captured:
        raise ValueError("broken")

    capture.put(fails, 1)
    put(capture, b"a=ice-pwd:secret\r\n", bytes(70_000))
    capture.close()
    assert decode(one.taken[0]).payload == b"a=ice-pwd:******\r\n"
    assert counted(capture) == {"captured": 3, "failures": 1, "sent": 2, "cut": 1}
