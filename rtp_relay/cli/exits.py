"""What the exit codes of `rtp-relay` mean."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """An exit code."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    UNREACHABLE = 4
    CALLS_LEFT = 5


EXPLAINED = (
    "Exit codes: 0 all is well; 1 it failed, or a problem was found; 2 the command line or the configuration is wrong; "
    "3 the call or node is not known; 4 Redis or the service cannot be reached, or Redis refuses; "
    "5 a node still has calls at the deadline."
)
