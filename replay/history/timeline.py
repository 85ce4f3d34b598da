"""A call's history as a human reads it: when, who, what, in words.

What came from the network (tags, branches, reasons, session descriptions) may hold anything; `printable` makes it
harmless for a terminal, and everything given from here has gone through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from events.records import Recorded
from events.registry import Event
from replay.history.describe import facts
from replay.history.durations import Took, durations
from replay.history.redact import redact


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a history.

    at: ms since the epoch; since: ms since the history's first event.
    title: the event's name; facts: its content in short; bodies: its session descriptions, by the name of the field.
    took: of an event that ends a step.
    """

    version: int
    at: int
    since: int
    by: str
    title: str
    facts: str
    bodies: Mapping[str, str]
    took: Took | None = None

    @property
    def day(self) -> str:
        """The date, UTC."""
        return datetime.fromtimestamp(self.at / 1000, UTC).strftime("%Y-%m-%d")

    @property
    def time_of_day(self) -> str:
        """The time of day, UTC."""
        return datetime.fromtimestamp(self.at / 1000, UTC).strftime("%H:%M:%S.") + f"{self.at % 1000:03}"

    @property
    def delta(self) -> str:
        """The time since the first event, such as +1.250s or +1d02:03:04."""
        return delta(self.since)


def delta(since: int) -> str:
    """Write a time that has passed, in ms, such as +1.250s or +1d02:03:04."""
    sign, passed = ("-", -since) if since < 0 else ("+", since)
    if passed < 60_000:
        return f"{sign}{passed / 1000:.3f}s"
    minutes, seconds = divmod(passed // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{sign}{f'{days}d' if days else ''}{hours:02}:{minutes:02}:{seconds:02}"


def timeline(history: Sequence[Recorded], *, secrets: bool = False) -> Iterator[Moment]:
    """Return the moments of a history, oldest first; with `secrets`, session descriptions keep their keys."""
    start: int | None = None
    took = durations(history)
    for entry in history:
        start = entry.at if start is None else start
        for event in entry.events:
            yield Moment(
                version=entry.version,
                at=entry.at,
                since=entry.at - start,
                by=one_line(entry.by),
                title=event.name,
                facts=one_line(facts(event)),
                bodies=_printable_bodies(event, secrets=secrets),
                took=took.get(entry.version),
            )


def bodies(event: Event, *, secrets: bool = False) -> dict[str, str]:
    """Return the session descriptions in an event, without their keys unless `secrets`."""
    bodies = ((name, getattr(event, name)) for name in event.secret)
    texts = {name: body.decode("utf-8", "backslashreplace") for name, body in bodies if body is not None}
    return texts if secrets else {name: redact(text) for name, text in texts.items()}


def _printable_bodies(event: Event, *, secrets: bool) -> dict[str, str]:
    texts = bodies(event, secrets=secrets)
    return {name: printable(text.replace("\r\n", "\n")) for name, text in texts.items()}


def printable(text: str) -> str:
    """Write out all characters that a terminal could act on, except ends of lines."""
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def one_line(text: str) -> str:
    """Write out all characters that a terminal could act on, and ends of lines, too."""
    return printable(text).replace("\n", "\\n")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
