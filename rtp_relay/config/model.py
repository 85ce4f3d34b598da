"""The configuration, as the program uses it: a dataclass for each section of the file, a field for each key.

Durations are in seconds. A field's metadata has the reader of its key; fields without one are not read from the file.
`docs/configuration.md` explains the keys to users.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from actors.quarantine.quarantine import QuarantinePolicy
from engines.registry import EngineName
from engines.route.routes import DEFAULT_NAMES
from engines.sdp.tcp import TcpStreams
from events.ended import Outcome
from events.names import NodeName
from events.retention import Retention
from rtp_relay.config import values
from rtp_relay.config.addresses import (
    Network,
    NodeAddress,
    PortRange,
    SocketAddress,
    network,
    ng_listen_address,
    node_address,
    only,
    port_range,
)
from rtp_relay.config.events import EventsConfig
from rtp_relay.config.hep import HepConfig
from rtp_relay.config.http import HttpConfig
from rtp_relay.config.journal_url import journal_url
from rtp_relay.config.mi import MiConfig
from rtp_relay.config.privacy import PrivacyConfig
from rtp_relay.config.reconcile import ReconcileConfig
from rtp_relay.config.retention import retention_by
from rtp_relay.config.sets import SetsConfig, set_name
from rtp_relay.config.sip import SipConfig
from rtp_relay.config.tables import inline_table
from rtp_relay.config.tracing import TracingConfig
from rtp_relay.config.values import Reader
from rtp_relay.config.web import WebConfig

DAY = 86400.0


class LogLevel(StrEnum):
    """The least important log lines that are still written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How log lines are written; `AUTO` is `CONSOLE` on a terminal, `JOURNALD` where it reads, and `JSON` otherwise."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"
    JOURNALD = "journald"


class Durability(StrEnum):
    """Where an event has to be before its command is answered: in Redis, on its disk, or on a replica."""

    MEMORY = "memory"
    FSYNC = "fsync"
    REPLICA = "replica"


class OwnKeys(StrEnum):
    """What is sealed with keys of each call's own: nothing, session descriptions, or also who the parties are."""

    OFF = "off"
    DESCRIPTIONS = "descriptions"
    PARTIES = "parties"


class OnMediaTimeout(StrEnum):
    """What a relay's word that no media came for long does: end the call, or the session of that branch alone."""

    END = "end"
    SESSION = "session"


def host_name() -> str:
    """Return this machine's name, with a hyphen for each character that a control node's name cannot have."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()) or "localhost"


def default_state_dir() -> Path:
    """Return the folder that systemd made for the service, or else the usual one for this user."""
    by_systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if by_systemd:
        return Path(by_systemd)
    return Path("/var/lib/rtp-relay") if os.geteuid() == 0 else Path.home() / ".local/state/rtp-relay"


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """[service]: the control node itself."""

    name: str = field(default_factory=host_name, metadata=_read_by(values.name))
    state_dir: Path = field(default_factory=default_state_dir, metadata=_read_by(values.path))
    workers: int = field(default=1, metadata=_read_by(values.workers))
    max_resident: int = field(default=20_000, metadata=_read_by(values.whole(1)))
    passivate_after: float = field(default=10.0, metadata=_read_by(values.seconds(0)))
    shutdown_grace: float = field(default=5.0, metadata=_read_by(values.seconds(0)))
    log_level: LogLevel = field(default=LogLevel.INFO, metadata=_read_by(values.one_of(LogLevel)))
    log_format: LogFormat = field(default=LogFormat.AUTO, metadata=_read_by(values.one_of(LogFormat)))


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalConfig:
    """[journal]: where the calls' streams are. `url` is None for the embedded Redis.

    wait: how many seconds a control node waits at its start for a Redis that cannot be reached.
    encryption_keys: what encryption_key_files hold, in the same order.
    """

    url: str | None = field(default=None, repr=False, metadata=_read_by(journal_url))
    prefix: str = field(default="rtp-relay", metadata=_read_by(values.name))
    durability: Durability = field(default=Durability.MEMORY, metadata=_read_by(values.one_of(Durability)))
    retention: float = field(default=DAY, metadata=_read_by(values.seconds(0, above=True)))
    retention_by: Mapping[Outcome, float] = field(default_factory=dict, metadata=_read_by(retention_by))
    wait: float = field(default=300.0, metadata=_read_by(values.seconds(0)))
    encryption_key_files: tuple[Path, ...] = field(default=(), metadata=_read_by(values.list_of(values.path)))
    call_keys: OwnKeys = field(default=OwnKeys.OFF, metadata=_read_by(values.one_of(OwnKeys)))
    encryption_keys: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def kept(self) -> Retention:
        """For how long what ended is kept."""
        return Retention(self.retention, self.retention_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """[[nodes]]: a relay node."""

    name: NodeName = field(metadata=_read_by(values.name))
    engine: EngineName = field(metadata=_read_by(values.one_of(EngineName)))
    url: NodeAddress = field(metadata=_read_by(node_address))
    set: str = field(default="default", metadata=_read_by(set_name))
    weight: int = field(default=1, metadata=_read_by(values.whole(0)))
    priority: int = field(default=0, metadata=_read_by(values.whole(0)))
    draining: bool = field(default=False, metadata=_read_by(values.boolean))
    max_in_flight: int = field(default=1000, metadata=_read_by(values.whole(1)))
    timeout: float = field(default=1.5, metadata=_read_by(values.seconds(0, above=True)))
    ping_every: float = field(default=5.0, metadata=_read_by(values.seconds(0.2)))
    down_after: int = field(default=3, metadata=_read_by(values.whole(1)))
    flap_window: float = field(default=60.0, metadata=_read_by(values.seconds(0)))
    flap_answers: int = field(default=5, metadata=_read_by(values.whole(1)))
    flap_hold: float = field(default=10.0, metadata=_read_by(values.seconds(0)))
    tcp_streams: TcpStreams = field(default=TcpStreams.OFF, metadata=_read_by(values.one_of(TcpStreams)))
    metrics: str | None = field(default=None, metadata=_read_by(values.http_url))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinviteConfig:
    """[ng] reinvite: who is asked for the next offer of a call that is to move, "" for nobody."""

    mi: str = field(default="", metadata=_read_by(values.http_url))
    timeout: float = field(default=10.0, metadata=_read_by(values.seconds(0, above=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NgConfig:
    """[ng]: the door for clients that speak rtpengine's ng protocol."""

    listen: tuple[SocketAddress, ...] = field(
        default=(SocketAddress("udp", "127.0.0.1", 2223), SocketAddress("tcp", "127.0.0.1", 2223)),
        metadata=_read_by(values.list_of(ng_listen_address)),
    )
    allow: tuple[Network, ...] = field(
        default=(network("127.0.0.0/8"), network("::1/128")), metadata=_read_by(values.list_of(network))
    )
    set: str = field(default="default", metadata=_read_by(set_name))
    max_queued_per_client: int = field(default=1000, metadata=_read_by(values.whole(1)))
    reply_cache: float = field(default=60.0, metadata=_read_by(values.seconds(60)))
    adopt: bool = field(default=True, metadata=_read_by(values.boolean))
    reinvite: ReinviteConfig = field(default=ReinviteConfig(), metadata=_read_by(inline_table(ReinviteConfig)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsConfig:
    """[calls]: what is done about calls in the course of time."""

    offer_timeout: float = field(default=300.0, metadata=_read_by(values.seconds(0, above=True)))
    probe_interval: float = field(default=600.0, metadata=_read_by(values.seconds(0, above=True)))
    quality_every: float = field(default=0.0, metadata=_read_by(values.seconds(0)))
    retry_interval: float = field(default=5.0, metadata=_read_by(values.seconds(0, above=True)))
    give_up_after: float = field(default=DAY, metadata=_read_by(values.seconds(0, above=True)))
    notices: str = field(default="", metadata=_read_by(values.notice_socket))
    xmlrpc_notices: SocketAddress | None = field(default=None, metadata=_read_by(only("http")))
    on_media_timeout: OnMediaTimeout = field(
        default=OnMediaTimeout.END, metadata=_read_by(values.one_of(OnMediaTimeout))
    )
    quarantine: QuarantinePolicy = field(
        default=QuarantinePolicy.KEEP, metadata=_read_by(values.one_of(QuarantinePolicy))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedConfig:
    """[embedded]: the relays that the service runs itself when no nodes are configured.

    `recordings` is None for a folder of the state directory.
    """

    relays: int = field(default=2, metadata=_read_by(values.whole(1)))
    media_ports: PortRange = field(default=PortRange(35000, 36999), metadata=_read_by(port_range))
    tcp_streams: TcpStreams = field(default=TcpStreams.OFF, metadata=_read_by(values.one_of(TcpStreams)))
    recordings: Path | None = field(default=None, metadata=_read_by(values.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteConfig:
    """[route]: the callables of the route engine. `script` is None without one; the other names are of functions."""

    script: Path | None = field(default=None, metadata=_read_by(values.path))
    offer: str = field(default=DEFAULT_NAMES["offer"], metadata=_read_by(values.identifier))
    answer: str = field(default=DEFAULT_NAMES["answer"], metadata=_read_by(values.identifier))
    delete: str = field(default=DEFAULT_NAMES["delete"], metadata=_read_by(values.identifier))
    copy_offer: str = field(default=DEFAULT_NAMES["copy_offer"], metadata=_read_by(values.identifier))
    copy_answer: str = field(default=DEFAULT_NAMES["copy_answer"], metadata=_read_by(values.identifier))
    copy_delete: str = field(default=DEFAULT_NAMES["copy_delete"], metadata=_read_by(values.identifier))
    timeout: float = field(default=5.0, metadata=_read_by(values.seconds(0, above=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole configuration."""

    service: ServiceConfig = field(default_factory=ServiceConfig)
    journal: JournalConfig = field(default_factory=JournalConfig)
    nodes: tuple[NodeConfig, ...] = ()
    sets: SetsConfig = field(default_factory=SetsConfig)
    ng: NgConfig = field(default_factory=NgConfig)
    calls: CallsConfig = field(default_factory=CallsConfig)
    reconcile: ReconcileConfig = field(default_factory=ReconcileConfig)
    embedded: EmbeddedConfig = field(default_factory=EmbeddedConfig)
    route: RouteConfig = field(default_factory=RouteConfig)
    sip: SipConfig = field(default_factory=SipConfig)
    mi: MiConfig = field(default_factory=MiConfig)
    hep: HepConfig = field(default_factory=HepConfig)
    http: HttpConfig = field(default_factory=HttpConfig)
    web: WebConfig = field(default_factory=WebConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    events: EventsConfig = field(default_factory=EventsConfig)
    tracing: TracingConfig = field(default_factory=TracingConfig)

    @property
    def local_socket(self) -> Path:
        """Where this machine's command line reaches the service: a UNIX socket, the same for all its workers."""
        return self.mi.socket or self.service.state_dir / f"{self.service.name.partition('/')[0]}.sock"
