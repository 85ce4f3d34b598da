"""How a worker gets its assignment: on its standard input, from the same program, so that it is a pickled object."""

from __future__ import annotations

import pickle
from typing import IO

from rtp_relay.workers.messages import Assignment


def write(assignment: Assignment, file: IO[bytes]) -> None:
    """Write an assignment for the worker whose standard input the file will be."""
    pickle.dump(assignment, file)


def read(file: IO[bytes]) -> Assignment:
    """Read an assignment that `write` has written."""
    assignment: Assignment = pickle.load(file)
    return assignment
