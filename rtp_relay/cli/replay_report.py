"""What a replay against other relays has found: counted by kind of difference, with examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from actors.what_if.asking import Compared, Found
from rtp_relay.cli.listing.columns import Column, Columns, Cut, number
from rtp_relay.cli.listing.display import Display
from rtp_relay.cli.listing.writing import Table, print_tables
from rtp_relay.cli.output import say

EXAMPLES: Final = 3
"""So many call-ids are named for a kind of difference."""

LEFT: Final = 20
"""So many sessions are named that may be left on a node."""

Key: TypeAlias = tuple[str, str, str, str, str]
"""Verb, aspect, property, what was recorded, what was given."""


@dataclass(slots=True)
class Kind:
    """How often there is a kind of difference, in how many calls, and some of these."""

    times: int = 0
    calls: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """All that was found. empty, unreadable: calls that asked nothing of a relay, or whose history is none."""

    calls: int = 0
    asked: int = 0
    untold: int = 0
    empty: int = 0
    unreadable: int = 0
    interrupted: bool = False
    kinds: dict[Key, Kind] = field(default_factory=dict)
    differing: list[Compared] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether anything differs, or anything was left behind."""
        return bool(self.differing or self.left)

    def add(self, compared: Compared) -> None:
        """Count a call."""
        self.calls += 1
        self.asked += compared.asked
        self.untold += compared.untold
        self.left += compared.left
        if not compared.found:
            return
        self.differing.append(compared)
        for key in dict.fromkeys(map(_key, compared.found)):
            kind = self.kinds.setdefault(key, Kind())
            kind.calls += 1
            kind.times += sum(_key(found) == key for found in compared.found)
            if len(kind.examples) < EXAMPLES:
                kind.examples.append(compared.call_id)

    def by_frequency(self) -> Iterator[tuple[Key, Kind]]:
        """Yield the kinds of difference, those of most calls first."""
        yield from sorted(self.kinds.items(), key=lambda item: (-item[1].calls, item[0]))


def _key(found: Found) -> Key:
    told = found.difference
    return str(found.verb), str(told.aspect), told.what, told.recorded, told.given


def document(report: Report) -> Mapping[str, Any]:
    """Return the report as a JSON document."""
    return {
        "calls": report.calls,
        "operations": report.asked,
        "differing": len(report.differing),
        "not_in_journal": report.untold,
        "without_relay": report.empty,
        "unreadable": report.unreadable,
        "interrupted": report.interrupted,
        "left": [{"node": node, "id": relay_id} for node, relay_id in report.left],
        "differences": [
            {**_named(key), "calls": kind.calls, "times": kind.times, "examples": kind.examples}
            for key, kind in report.by_frequency()
        ],
        "by_call": {one.call_id: [_of(found) for found in one.found] for one in report.differing},
    }


def _named(key: Key) -> Mapping[str, Any]:
    return dict(zip(("verb", "aspect", "what", "recorded", "given"), key, strict=True))


def _of(found: Found) -> Mapping[str, Any]:
    return {**_named(_key(found)), "version": found.version, "node": found.node, "stream": found.difference.stream}


KIND_COLUMNS: Final[Columns[tuple[Key, Kind]]] = (
    number("calls", lambda row: row[1].calls, rank=0),
    Column(name="operation", of=lambda row: row[0][0], rank=1),
    Column(name="about", of=lambda row: row[0][1], rank=2),
    Column(name="what", of=lambda row: row[0][2], rank=0, least=12),
    Column(name="recorded", of=lambda row: row[0][3], rank=0, least=12),
    Column(name="given", of=lambda row: row[0][4], rank=0, least=12),
    Column(name="for example", of=lambda row: " ".join(row[1].examples), rank=3, cut=Cut.MIDDLE),
)

EACH_COLUMNS: Final[Columns[Found]] = (
    number("version", lambda found: found.version, rank=0),
    Column(name="operation", of=lambda found: found.verb, rank=1),
    Column(name="node", of=lambda found: found.node, rank=2),
    Column(name="m= line", of=lambda found: found.difference.stream or "", rank=2),
    Column(name="about", of=lambda found: found.difference.aspect, rank=2),
    Column(name="what", of=lambda found: found.difference.what, rank=0, least=12),
    Column(name="recorded", of=lambda found: found.difference.recorded, rank=0, least=12),
    Column(name="given", of=lambda found: found.difference.given, rank=0, least=12),
)


def show(report: Report, display: Display, *, each: bool) -> None:
    """Write the report for people; `each`: every difference of the one call, by the version of its history."""
    if report.interrupted:
        say("interrupted: not all calls were replayed")
    say(f"{report.calls} calls replayed with {report.asked} operations; {len(report.differing)} calls differ")
    for count, why in (
        (report.untold, "operations left out: the journal does not have what was asked"),
        (report.empty, "calls left out: they asked nothing of a relay"),
        (report.unreadable, "calls left out: their histories cannot be read"),
    ):
        if count:
            say(f"{count} {why}")
    if each:
        print_tables([Table("", EACH_COLUMNS, compared.found) for compared in report.differing], display)
    elif report.kinds:
        print_tables([Table("", KIND_COLUMNS, list(report.by_frequency()))], display)
    for node, relay_id in report.left[:LEFT]:
        say(f"{node} has not confirmed that {relay_id} is gone")
    if len(report.left) > LEFT:
        say(f"and so of {len(report.left) - LEFT} more")
