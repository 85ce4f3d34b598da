"""The bytes of a connection to Redis: replies in pieces, errors among them, ends and garbage."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import BusyLoadingError, ConnectionError, InvalidResponse, NoScriptError  # noqa: A004

from events.redis.wire import Command, RedisWire

PING: Command = (b"PING",)


class Sent(asyncio.Transport):
    """Takes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += data


@pytest.fixture
async def sent() -> Sent:
    return Sent()


@pytest.fixture
async def wire(sent: Sent) -> RedisWire:
    return RedisWire(sent, asyncio.get_running_loop())


def soon(seconds: float = 5) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_replies_come_in_any_pieces(wire: RedisWire, sent: Sent) -> None:
    answer = wire.exchange([PING, (b"GET", b"k"), (b"LLEN", 7)], soon())
    assert sent.data == b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$4\r\nLLEN\r\n$1\r\n7\r\n"
    for byte in b"+PONG\r\n$3\r\nabc\r\n:12\r\n":
        assert not answer.done()
        wire.data_received(bytes([byte]))
    assert await answer == [b"PONG", b"abc", 12]


async def test_errors_are_values_of_the_kinds_that_tell_what_to_do(wire: RedisWire) -> None:
    answer = wire.exchange([PING, PING], soon())
    wire.data_received(b"-NOSCRIPT No matching script.\r\n+PONG\r\n")
    error, pong = await answer
    assert (type(error), pong) == (NoScriptError, b"PONG")


async def test_a_server_that_still_loads_answers_nothing(wire: RedisWire) -> None:
    answer = wire.exchange([PING, PING], soon())
    wire.data_received(b"-LOADING Redis is loading the dataset in memory\r\n+PONG\r\n")
    with pytest.raises(BusyLoadingError):
        await answer


@pytest.mark.parametrize("why", [None, OSError("reset")])
async def test_a_lost_connection_fails_what_is_under_way_and_what_comes(wire: RedisWire, why: OSError | None) -> None:
    answer = wire.exchange([PING], soon())
    wire.connection_lost(why)
    for failed in (answer, wire.exchange([PING], soon())):
        with pytest.raises(ConnectionError):
            await failed


async def test_garbage_fails_the_exchange(wire: RedisWire) -> None:
    answer = wire.exchange([PING], soon())
    wire.data_received(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(InvalidResponse):
        await answer


async def test_each_exchange_has_its_own_deadline(wire: RedisWire) -> None:
    in_time = wire.exchange([PING], soon(0.05))
    wire.data_received(b"+PONG\r\n")
    assert await in_time == [b"PONG"]
    for seconds in (0.2, 0.01):  # later, and earlier, than the alarm that the one before has set
        late = wire.exchange([PING], soon(seconds))
        with pytest.raises(TimeoutError):
            await late
    patient = wire.exchange([PING], soon(60))
    await asyncio.sleep(0.1)
    assert not patient.done()
    wire.close()


async def test_who_gave_up_is_told_nothing(wire: RedisWire) -> None:
    answer = wire.exchange([PING], soon())
    answer.cancel()
    wire.data_received(b"+PONG\r\n")
    wire.connection_lost(None)
    assert answer.cancelled()
