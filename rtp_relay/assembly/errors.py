"""Why a control node does not start."""

from __future__ import annotations

from typing import Final

from events.journal import JournalError, JournalRefused, JournalUnavailable, Unconfirmed

NO_ANSWER: Final = "does not answer"


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


def trouble_of(error: JournalError) -> str:
    """Return what is wrong with a journal in the words of conditions: with a reason, where it gives one."""
    if isinstance(error, Unconfirmed):
        return "does not confirm what is written"
    return f"cannot be used now: {error}" if isinstance(error, JournalRefused) else NO_ANSWER
