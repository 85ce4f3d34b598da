"""How a worker gets its assignment: on its standard input, from the same program, so that it is a pickled object.

Before it stands what this program is: its files may be replaced while a service runs, and a worker that is started
after that would take one thing for another.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import IO

from rtp_relay import __version__
from rtp_relay.workers.messages import Assignment


class Replaced(Exception):
    """The files of the program are no longer those of the service that runs."""

    def __init__(self) -> None:
        super().__init__("the program was replaced while its service ran: restart the service")


def write(assignment: Assignment, file: IO[bytes]) -> None:
    """Write an assignment for the worker whose standard input the file will be."""
    pickle.dump(_program(assignment), file)
    pickle.dump(assignment, file)


def read(file: IO[bytes]) -> Assignment:
    """Read an assignment that `write` has written. Raises Replaced if another version of the program wrote it."""
    try:
        theirs, assignment = pickle.load(file), pickle.load(file)
        ours = _program(assignment)
    except Exception as error:  # whatever comes of reading what is made of other classes
        raise Replaced from error
    if theirs != ours or not isinstance(assignment, Assignment):
        raise Replaced
    return assignment


def _program(assignment: Assignment) -> frozenset[str]:
    """Return the version, and the fields of all that an assignment is made of."""
    return frozenset([__version__, *_shapes(assignment)])


def _shapes(value: object) -> Iterator[str]:
    if is_dataclass(value):
        names = [field.name for field in fields(value)]
        yield f"{type(value).__qualname__} {' '.join(names)}"
        for name in names:
            yield from _shapes(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _shapes(each)
    elif isinstance(value, (tuple, list, frozenset)):
        for each in value:
            yield from _shapes(each)
