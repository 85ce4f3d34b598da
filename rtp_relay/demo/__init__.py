"""`rtp-relay demo`: a real call with real media, and a crash of the service in its middle."""

from __future__ import annotations

from rtp_relay.demo.main import run

__all__ = ["run"]
