"""Sends everything to one place, whose URI is in the environment."""

from __future__ import annotations

import os

from rtp_relay.routing import Request, on_request


@on_request
def route(request: Request) -> None:
    """Relay."""
    request.relay(os.environ["NEXT_HOP"])
