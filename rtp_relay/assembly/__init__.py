"""The parts of a control node, each opened as an async context manager; `rtp_relay.service` puts them together."""

from __future__ import annotations
