"""The limits of what is counted (`limits.toml`), and what a count has to say about its limit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.guard.count import Counts

FILE = Path(__file__).with_name("limits.toml")


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a step a part of a call may take, and why it takes that.

    A count may be below by the step's `slack`, a part of the limit: what is clearly below needs a new limit, or the
    next regression goes unseen up to the old one.
    """

    number: int
    why: str
    slack: float = 0.0

    def fault(self, count: float) -> str:
        """Return what is wrong about a count; nothing is an empty text."""
        if count > self.number:
            return "above its limit"
        if count < self.number * (1 - self.slack):
            return "below its limit: lower the limit"
        return ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A count and what is wrong about it. It has no limit if nobody has set one."""

    part: str
    step: str
    count: float
    limit: Limit | None
    fault: str


Limits = Mapping[str, Mapping[str, Limit]]
"""By the parts of calls, and by the steps."""


def read_limits(file: Path = FILE) -> Limits:
    """Read the limits. Raises ValueError for what is none."""
    document = tomllib.loads(file.read_text())
    slack = document.pop("slack")
    return {
        f"{story}.{part}": {step: _limit(row, slack.get(step, 0.0)) for step, row in steps.items()}
        for story, parts in document.items()
        for part, steps in parts.items()
    }


def _limit(row: object, slack: float) -> Limit:
    match row:
        case [int(number), str(why)] if why:
            return Limit(number, why, slack)
    raise ValueError(f"{row!r} is no limit: [number, reason]")


def judge(counts: Counts, limits: Limits) -> Sequence[Judged]:
    """Hold the counts against the limits. What has no limit, and a limit of what was not counted, are faults, too."""
    return [*_judged(counts, limits), *_uncounted(counts, limits)]


def _judged(counts: Counts, limits: Limits) -> Iterator[Judged]:
    for part, steps in counts.items():
        for step, count in steps.items():
            limit = limits.get(part, {}).get(step)
            yield Judged(part, step, count, limit, limit.fault(count) if limit else "has no limit")


def _uncounted(counts: Counts, limits: Limits) -> Iterator[Judged]:
    for part, steps in limits.items():
        for step, limit in steps.items():
            if step not in counts.get(part, {}):
                yield Judged(part, step, 0, limit, "was not counted")
