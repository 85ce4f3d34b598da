"""What is waited for before an append counts as done: its durability.

memory
    Redis has it in memory. What is lost with the server depends on its `appendfsync` (everysec: about one second).
replica
    A replica has it in memory as well (WAIT, https://redis.io/commands/wait).
fsync
    It is on the server's disk: WAITAOF (https://redis.io/commands/waitaof) from Redis 7.2 on; before, only a server
    with `appendfsync always` will do, which answers when it has written.
"""

from __future__ import annotations

from typing import Literal

from redis.exceptions import ResponseError

from events.journal import JournalError, JournalMismatch, JournalRefused
from events.redis.connection import RedisConnection
from events.redis.refusals import code_of, reason
from events.redis.wire import Command

Durability = Literal["memory", "replica", "fsync"]

WAIT_MILLISECONDS = 2000
UNCONFIRMED = "written, but not confirmed: no replica or disk has it yet"
_HAS_WAITAOF = (7, 2)


async def confirmation(durability: Durability, connection: RedisConnection) -> Command | None:
    """Return the command that is sent after appends, or None, having asked a server whether it can keep its word.

    Raises JournalMismatch when it cannot, and JournalRefused when it does not say so now.
    """
    if durability == "memory":
        return None
    if durability == "replica":
        return (b"WAIT", 1, WAIT_MILLISECONDS)
    info, aof, fsync = await connection.exchange(
        [(b"INFO", b"server"), (b"CONFIG", b"GET", b"appendonly"), (b"CONFIG", b"GET", b"appendfsync")]
    )
    if _setting(aof) != b"yes":
        raise JournalMismatch("durability fsync needs a Redis with appendonly yes")
    if _version(info) >= _HAS_WAITAOF:
        return (b"WAITAOF", 1, 0, WAIT_MILLISECONDS)
    if _setting(fsync) != b"always":
        raise JournalMismatch("durability fsync needs Redis 7.2 or later, or one with appendfsync always")
    return None


def confirmed(reply: object) -> bool:
    """Return whether the reply to the confirming command says that one copy is where it has to be."""
    if isinstance(reply, list):
        reply = reply[0]
    return isinstance(reply, int) and reply >= 1


def _setting(reply: object) -> bytes:
    if isinstance(reply, list) and len(reply) == 2:
        return bytes(reply[1])
    raise _unsaid("to read the server's configuration", reply)


def _version(info: bytes | ResponseError) -> tuple[int, ...]:
    if isinstance(info, ResponseError):
        raise _unsaid("to know the server's version", info)
    line = next(line for line in info.splitlines() if line.startswith(b"redis_version:"))
    return tuple(int(number) for number in line.partition(b":")[2].split(b".")[:2])


def _unsaid(what: str, reply: object) -> JournalError:
    """Return the error of a server that does not say what is needed: some never do, as those without CONFIG."""
    needed = f"durability fsync needs {what}"
    if isinstance(reply, ResponseError) and code_of(reply):
        return JournalRefused(f"{needed}: Redis refuses: {reason(reply)}")
    return JournalMismatch(f"{needed}: {reply}")
