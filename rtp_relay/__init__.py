"""rtp-relay: the RTP relays of a SIP platform behind one door, every call an actor, every step in its stream."""

from __future__ import annotations

__version__ = "0.1.0"
