"""The configuration: one TOML file, read into frozen dataclasses, with every problem in it named.

`load` is the way in. `docs/configuration.md` explains the keys.
"""

from __future__ import annotations

from engines.registry import EngineName
from rtp_relay.config.addresses import HostPort, Network, NodeAddress, PortRange, SocketAddress, UnixAddress
from rtp_relay.config.load import load, parse
from rtp_relay.config.mi import MiConfig
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
    OwnKeys,
    RouteConfig,
    ServiceConfig,
)
from rtp_relay.config.privacy import PrivacyConfig
from rtp_relay.config.problems import ConfigError, Problem
from rtp_relay.config.sets import SetsConfig
from rtp_relay.config.sip import SipConfig
from rtp_relay.config.web import WebConfig

__all__ = [
    "CallsConfig",
    "Config",
    "ConfigError",
    "Durability",
    "EmbeddedConfig",
    "EngineName",
    "HostPort",
    "JournalConfig",
    "LogFormat",
    "LogLevel",
    "MiConfig",
    "Network",
    "NgConfig",
    "NodeAddress",
    "NodeConfig",
    "OwnKeys",
    "PortRange",
    "PrivacyConfig",
    "Problem",
    "RouteConfig",
    "ServiceConfig",
    "SetsConfig",
    "SipConfig",
    "SocketAddress",
    "UnixAddress",
    "WebConfig",
    "load",
    "parse",
]
