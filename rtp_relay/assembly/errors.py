"""Why a control node does not start."""

from __future__ import annotations

from events.journal import JournalRefused, JournalUnavailable, Unconfirmed


class StartError(Exception):
    """The service cannot start; the message says why in one line, `code` is what the program ends with."""

    code = 1


class UnusableError(StartError):
    """What is configured is there, but cannot be used."""

    code = 2


class UnreachableError(StartError):
    """The journal cannot be reached, or cannot be used now."""

    code = 4


def what_ails(error: JournalUnavailable) -> str:
    """Return what is to be said of a journal: that nobody answers there, or what does who answers."""
    answers = isinstance(error, (JournalRefused, Unconfirmed))
    return f"{'cannot be used now' if answers else 'cannot be reached'}: {error}"
