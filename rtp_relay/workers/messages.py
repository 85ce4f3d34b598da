"""What the supervisor and its workers tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from actors.control.counters import Sample, SampleKey
from rtp_relay.config import Config, NodeConfig, SocketAddress

Held: TypeAlias = tuple[SocketAddress, int]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a worker is to be: number `number` of `workers`, counted from 1.

    config: of a control node with everything it needs elsewhere. is_new: whether others may have been at work before.
    notices: the file descriptor of the listening socket for timeout notices, None without one. held: addresses, and
    the file descriptors of the sockets that the supervisor holds for it there.
    """

    config: Config
    number: int
    workers: int
    is_new: bool
    notices: int | None = None
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Meet:
    """To a worker: the link to another one comes with this. is_new: whether that one is not at work yet."""

    worker: int
    is_new: bool


@dataclass(frozen=True, slots=True)
class Reload:
    """To a worker: read the routing script anew. nodes: those of the configuration by now, None if they stay."""

    nodes: tuple[NodeConfig, ...] | None


@dataclass(frozen=True, slots=True)
class Stop:
    """To a worker: finish what is under way, and end."""


@dataclass(frozen=True, slots=True)
class Others:
    """To a worker: the process id of each worker that runs."""

    workers: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Ready:
    """From a worker: its doors are open."""


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: it cannot start, and ends with `code`."""

    why: str
    code: int


@dataclass(frozen=True, slots=True)
class Alive:
    """From a worker, again and again: it runs.

    changed: what it has counted that is not what it told last. gone: what it counts no more.
    """

    changed: tuple[Sample, ...] = ()
    gone: tuple[SampleKey, ...] = ()


class Wanted(Enum):
    """What a worker can ask of what all have counted: the samples, or the page of metrics in one of its forms."""

    SAMPLES = "samples"
    TEXT = "text"
    OPEN_METRICS = "open metrics"


@dataclass(frozen=True, slots=True)
class Ask:
    """From a worker: it wants to know what all have counted. The answer goes over the socket that comes with this."""

    wanted: Wanted


Order = Meet | Reload | Stop | Others
Report = Ready | Failed | Alive | Ask
