"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is: nothing is wrong; it works, and may not for long or not in all cases; it does not work."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and how it is mended, "" where nothing is to be done."""

    area: str
    verdict: Verdict
    what: str
    mend: str = ""


class Area:
    """Makes the findings of an area."""

    def __init__(self, name: str) -> None:
        self._name = name

    def ok(self, what: str) -> Finding:
        """Return that all is well."""
        return Finding(self._name, Verdict.OK, what)

    def warning(self, what: str, mend: str) -> Finding:
        """Return what should be looked at."""
        return Finding(self._name, Verdict.WARNING, what, mend)

    def wrong(self, what: str, mend: str) -> Finding:
        """Return what does not work."""
        return Finding(self._name, Verdict.WRONG, what, mend)
