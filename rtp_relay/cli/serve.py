"""`rtp-relay serve`: run a control node."""

from __future__ import annotations

import typer

from rtp_relay import process
from rtp_relay.cli.options import ConfigOption, load_or_exit
from rtp_relay.workers.run import run as run_workers


def serve(config: ConfigOption = None) -> None:
    """Run a control node until SIGTERM or SIGINT. SIGHUP has it read its nodes and its routing script anew.

    With several workers (service.workers) it runs that many of itself, as one. Without a configuration everything runs
    on this machine: a Redis and relays of its own.
    """
    loaded = load_or_exit(config)
    run = process.run if loaded.service.workers == 1 else run_workers
    raise typer.Exit(run(loaded, config))
