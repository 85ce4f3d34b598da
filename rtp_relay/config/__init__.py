"""The configuration: one TOML file, read into frozen dataclasses, with every problem in it named.

`load` is the way in. `docs/configuration.md` explains the keys.
"""

from __future__ import annotations

from engines.registry import EngineName
from rtp_relay.config.addresses import Network, NodeAddress, PortRange, SocketAddress, UnixAddress
from rtp_relay.config.load import load, parse
from rtp_relay.config.model import (
    CallsConfig,
    Config,
    Durability,
    EmbeddedConfig,
    JournalConfig,
    LogFormat,
    LogLevel,
    NgConfig,
    NodeConfig,
    RouteConfig,
    ServiceConfig,
)
from rtp_relay.config.problems import ConfigError, Problem

__all__ = [
    "CallsConfig",
    "Config",
    "ConfigError",
    "Durability",
    "EmbeddedConfig",
    "EngineName",
    "JournalConfig",
    "LogFormat",
    "LogLevel",
    "Network",
    "NgConfig",
    "NodeAddress",
    "NodeConfig",
    "PortRange",
    "Problem",
    "RouteConfig",
    "ServiceConfig",
    "SocketAddress",
    "UnixAddress",
    "load",
    "parse",
]
