"""What the bench is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """The parts of the bench, in the order in which they run."""

    THROUGHPUT = "throughput"
    PACED = "paced"
    MEMORY = "memory"
    RECOVERY = "recovery"


class Relays(StrEnum):
    """What stands behind the service: `FAKE` is a process that only answers."""

    FAKE = "fake"
    REAL = "real"


class Durability(StrEnum):
    """Where an event has to be before its command is answered."""

    MEMORY = "memory"
    FSYNC = "fsync"
    REPLICA = "replica"


class DeleteReply(StrEnum):
    """What the fake relay answers to a delete.

    FULL: with the statistics of a call, as a real rtpengine 10.5. NEWER: with those of a 12.5. SHORT: without any.
    """

    FULL = "full"
    NEWER = "newer"
    SHORT = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line. Memory and recovery always have a fake relay behind: a real one has no ports for their calls.

    settle: seconds for idle calls to leave the service's memory, and for its kept replies to go, which takes it 60.
    """

    parts: tuple[Part, ...] = tuple(Part)
    calls: int = 5000
    warm_up: int = 1000
    window: int = 64
    rate: float = 5000.0
    relays: Relays = Relays.FAKE
    delete_reply: DeleteReply = DeleteReply.FULL
    durability: Durability = Durability.MEMORY
    memory_calls: int = 5000
    settle: float = 65.0
    recovery_calls: int = 100_000
