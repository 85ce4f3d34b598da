"""What has to be agreed with the servers before a journal may be used."""

from __future__ import annotations

from redis.crc import key_slot
from redis.exceptions import ResponseError

from events.journal import PARTITIONS, JournalMismatch, JournalRefused
from events.redis.connection import FAILURES, RedisConnection
from events.redis.durability import Durability, confirmation
from events.redis.keys import Keys
from events.redis.refusals import code_of, failure_of, is_refusal, reason
from events.redis.topology import Topology
from events.redis.wire import Command

FORMAT = b"rtp-relay journal, format 1, %d partitions" % PARTITIONS
"""What stands at `<prefix>:journal` of a journal that this program can use."""


async def agree(topology: Topology, keys: Keys, durability: Durability) -> Command | None:
    """Begin the journal, or make sure that it is one of ours and that each server can keep the durability.

    Returns the command that confirms the durability, if one is needed. Raises JournalMismatch, JournalRefused for what
    passes or is mended at the servers, or one of `events.redis.connection.FAILURES`; then the topology is closed.
    """
    try:
        await _recognise(topology, keys)
        confirm = None
        for place in {topology.place(partition.slot) for partition in keys.partitions}:
            connection = RedisConnection(topology, place)
            try:
                confirm = await confirmation(durability, connection)
            finally:
                await connection.drop()
    except BaseException as error:
        await topology.close()
        if isinstance(error, FAILURES) and is_refusal(error):
            raise failure_of(error) from error
        raise
    return confirm


async def _recognise(topology: Topology, keys: Keys) -> None:
    connection = RedisConnection(topology, topology.place(key_slot(keys.journal)))
    try:
        replies = await connection.exchange([(b"SET", keys.journal, FORMAT, b"NX"), (b"GET", keys.journal)])
    finally:
        await connection.drop()
    found = replies[1]
    if isinstance(found, ResponseError):
        if code_of(found) == "WRONGTYPE":
            raise JournalRefused(f"{keys.journal.decode()} holds something else")
        raise failure_of(found)
    if found is None:
        raise JournalRefused(f"a journal cannot be begun here: {reason(replies[0])}")
    if found != FORMAT:
        raise JournalMismatch(f"the journal there is {found!r}, this program needs {FORMAT!r}")
