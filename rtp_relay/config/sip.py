"""[sip]: the SIP door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sipmessage import URI

from gateways.sip.proxy.settings import ProxySettings
from rtp_relay.config import values
from rtp_relay.config.addresses import (
    HostPort,
    Network,
    SocketAddress,
    host_and_port,
    ip_address,
    network,
    place,
    sip_listen_address,
)
from rtp_relay.config.problems import wrong
from rtp_relay.config.sets import set_name
from rtp_relay.config.values import Reader


def sip_uri(value: object) -> URI:
    """Read a SIP or SIPS URI."""
    try:
        uri = URI.parse(values.text(value))
    except ValueError:
        raise wrong(value, 'a SIP URI such as "sip:192.0.2.1:5060;transport=tcp"') from None
    if uri.scheme not in ("sip", "sips"):
        raise wrong(value, "a URI that begins with sip: or sips:")
    return uri


_DEFAULTS = ProxySettings()

LEAST_TIMER_C = 180.0
"""Seconds that timer C has to be more than (RFC 3261 16.6 step 11)."""


def timer_c(value: object) -> float:
    """Read how long an INVITE may ring, in seconds."""
    duration = values.seconds(0)(value)
    if duration <= LEAST_TIMER_C:
        raise wrong(value, "more than 180 seconds, which a proxy has to let a callee ring (RFC 3261 16.6 step 11)")
    return duration


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class SipConfig:
    """[sip]: the SIP door, which there is where it listens somewhere. Durations are in seconds.

    advertise: what others are told in place of the addresses listened on; its port 0 keeps theirs. engine: "" for that
    of the first node of the set. nameservers: none for the system's. allow, relay_to: None for what goes with the rest
    of the section (rtp_relay.assembly.sip).
    """

    listen: tuple[SocketAddress, ...] = field(default=(), metadata=_read_by(values.list_of(sip_listen_address)))
    advertise: HostPort | None = field(default=None, metadata=_read_by(host_and_port))
    aliases: tuple[HostPort, ...] = field(default=(), metadata=_read_by(values.list_of(host_and_port)))
    second_record_routes: tuple[HostPort, ...] = field(default=(), metadata=_read_by(values.list_of(host_and_port)))
    script: Path | None = field(default=None, metadata=_read_by(values.path))
    script_timeout: float = field(default=10.0, metadata=_read_by(values.seconds(0, above=True)))
    engine: str = field(default="", metadata=_read_by(values.name))
    set: str = field(default="default", metadata=_read_by(set_name))
    next_hop: URI | None = field(default=None, metadata=_read_by(sip_uri))
    allow: tuple[Network, ...] | None = field(default=None, metadata=_read_by(values.list_of(network)))
    relay_to: tuple[Network | str, ...] | None = field(default=None, metadata=_read_by(values.list_of(place)))
    certificate: Path | None = field(default=None, metadata=_read_by(values.path))
    key: Path | None = field(default=None, metadata=_read_by(values.path))
    ca: Path | None = field(default=None, metadata=_read_by(values.path))
    verify: bool = field(default=True, metadata=_read_by(values.boolean))
    client_certificates: bool = field(default=False, metadata=_read_by(values.boolean))
    nameservers: tuple[str, ...] = field(default=(), metadata=_read_by(values.list_of(ip_address)))
    dialog_probe: float = field(default=0.0, metadata=_read_by(values.seconds(0)))
    timer_c: float = field(default=_DEFAULTS.timer_c, metadata=_read_by(timer_c))
    t1: float = field(default=0.5, metadata=_read_by(values.seconds(0, above=True)))
    max_setups: int = field(default=_DEFAULTS.max_setups, metadata=_read_by(values.whole(1)))
    max_delay: float = field(default=_DEFAULTS.max_delay, metadata=_read_by(values.seconds(0, above=True)))
    max_transactions: int = field(default=100_000, metadata=_read_by(values.whole(1)))
    max_connections: int = field(default=10_000, metadata=_read_by(values.whole(1)))
    idle_timeout: float = field(default=300.0, metadata=_read_by(values.seconds(0, above=True)))
