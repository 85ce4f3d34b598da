"""`rtp-relay serve`: run a control node."""

from __future__ import annotations

import typer

from rtp_relay import service
from rtp_relay.cli.options import ConfigOption, load_or_exit


def serve(config: ConfigOption = None) -> None:
    """Run a control node until SIGTERM or SIGINT. SIGHUP has it read its routing script anew.

    Without a configuration everything runs on this machine: a Redis and relays of its own.
    """
    raise typer.Exit(service.run(load_or_exit(config)))
