"""Why a control node does not start."""

from __future__ import annotations


class StartError(Exception):
    """The service cannot start; the message says why in one line, `code` is what the program ends with."""

    code = 1


class UnusableError(StartError):
    """What is configured is there, but cannot be used."""

    code = 2


class UnreachableError(StartError):
    """The journal cannot be reached."""

    code = 4
