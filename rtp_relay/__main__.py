"""`python -m rtp_relay` is `rtp-relay`."""

from __future__ import annotations

from rtp_relay.cli import main

main()
