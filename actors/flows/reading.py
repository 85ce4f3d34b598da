"""The flow of a command that reads a call."""

from __future__ import annotations

from actors.effects import Flow, Read
from actors.results import CallRead
from replay.call_snapshot import snapshot_of


def read_call() -> Flow:
    """Return the call as it is, as confirmed by the journal."""
    return CallRead((yield Read(snapshot_of)))
