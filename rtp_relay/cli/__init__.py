"""The command line: `rtp-relay`. Each command has a file of its own; `app` puts them together."""

from __future__ import annotations

from rtp_relay.cli.app import main

__all__ = ["main"]
