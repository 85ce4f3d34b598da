"""What is looked at. Times are in milliseconds, sizes in bytes; None is what could not be found out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from actors.control.status import ControlNodeStatus
from events.redis.refusals import Refusal
from events.redis.write_trial import TAKEN, WriteTrial


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """A Redis server that the journal uses.

    info: what INFO says. settings: what CONFIG GET says, None where that is not allowed. ahead: its clock, compared
    with ours. round_trip: how long a PING took at best. journal: what stands where a journal is named, "" for nothing.
    unread: why that cannot be read. trial: what became of a write. spoilt: the keys of tables that hold something else.
    """

    place: str
    info: Mapping[str, str]
    settings: Mapping[str, str] | None
    ahead: float
    round_trip: float
    journal: str = ""
    unread: Refusal | None = None
    trial: WriteTrial = TAKEN
    spoilt: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """A relay node. silence: why it did not answer, "" if it did. refusal: why it refused a trial session.

    disabled: operators want it left alone, and so it was asked for nothing.

    media: where it took media in that session, () without a trial; left: whether the session may still be there.
    """

    name: str
    engine: str
    url: str
    silence: str = ""
    refusal: str = ""
    media: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    left: bool = False
    disabled: bool = False


class Bound(StrEnum):
    """What becomes of binding an address."""

    FREE = "free"
    TAKEN = "taken"
    NOT_HERE = "not here"
    NOT_PERMITTED = "not permitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorFacts:
    """An address of a door. dropped: datagrams that the kernel had no room for; None where that is not counted."""

    door: str
    transport: str
    host: str
    port: int
    bound: Bound
    dropped: int | None = None

    @property
    def address(self) -> str:
        """The address as configurations write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file or folder, mode None if there is none. secret: whether others must not read it; code: whether it is run.

    writable: whether this user may write there. free, size: of the file system, for the state directory.
    """

    what: str
    path: Path
    mode: int | None
    secret: bool = False
    code: bool = False
    folder: bool = False
    writable: bool = True
    free: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """This machine, and the process of the service where one runs.

    open_files, most_files: of the service, or the limit for this user. receive_buffer: the most that a socket gets.
    tracked, most_tracked: connections that the kernel's firewall keeps. synchronised: whether its clock is set by
    another one.
    """

    service_runs: bool
    open_files: int | None = None
    most_files: int | None = None
    receive_buffer: int | None = None
    tracked: int | None = None
    most_tracked: int | None = None
    synchronised: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """The control nodes that are alive. twice: the names under which two publish. version: of this program.

    calls: how many live calls have something on a relay, by its name.
    """

    statuses: tuple[ControlNodeStatus, ...]
    twice: frozenset[str]
    version: str
    calls: Mapping[str, int] = field(default_factory=dict)
