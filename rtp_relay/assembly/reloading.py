"""Reading the configuration anew while the service runs: what it says of nodes is taken, the rest at the next start."""

from __future__ import annotations

from pathlib import Path

import structlog

from rtp_relay.config import Config, ConfigError, NodeConfig, load
from rtp_relay.config.load import SECTIONS

log = structlog.get_logger()


def nodes_again(file: Path | None, running: Config) -> tuple[NodeConfig, ...] | None:
    """Return the nodes as the file has them by now; None if they stay as they are, of which the log tells the reason.

    running: the configuration as it was loaded at the start.
    """
    if file is None:
        return None
    try:
        loaded = load(file)
    except ConfigError as error:
        log.error("configuration not reloaded", file=str(file), why=str(error))
        return None
    changed = [name for name in SECTIONS if getattr(loaded, name) != getattr(running, name)]
    if changed:
        log.warning("these sections are taken at the next start", changed=changed)
    if bool(loaded.nodes) != bool(running.nodes):
        log.warning("nodes in place of the embedded relays, or the reverse, are taken at the next start")
        return None
    return loaded.nodes or None
