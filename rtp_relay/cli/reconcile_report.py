"""What comparing relays with the journal has found, for people and for tools that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from replay.history.timeline import one_line
from rtp_relay.audit.findings import Asked, Findings, Ghost, Orphan
from rtp_relay.cli.listing.columns import Column, Columns, Cut, Lasting
from rtp_relay.cli.listing.display import Display, Form
from rtp_relay.cli.listing.writing import Table, print_tables
from rtp_relay.cli.output import say


@dataclass(frozen=True, slots=True)
class Found:
    """A session that is in one place alone. since: how long nothing was said of it, None if that is not known."""

    what: str
    session: str
    node: str
    call_id: str
    since: Lasting | None
    done: str


COLOURS: Final = {"orphan": "bold red", "ghost": "bold red"}

COLUMNS: Final[Columns[Found]] = (
    Column(name="finding", of=lambda found: found.what, rank=0, colour=lambda found: COLOURS.get(found.what, "")),
    Column(name="session", of=lambda found: found.session, rank=0, least=16, cut=Cut.MIDDLE),
    Column(name="node", of=lambda found: found.node, rank=1, cut=Cut.MIDDLE),
    Column(name="call", of=lambda found: found.call_id, rank=3, least=12, cut=Cut.MIDDLE),
    Column(name="silent", of=lambda found: found.since, rank=4, least=6),
    Column(name="done", of=lambda found: found.done, rank=2),
)


def show(findings: Findings, display: Display) -> None:
    """Write what was found; as CSV the sessions alone."""
    found = [*map(_orphan, findings.orphans), *map(_ghost, findings.ghosts)]
    if display.form is Form.CSV:
        print_tables([Table("", COLUMNS, found)], display)
        return
    for asked in findings.asked:
        say(one_line(_asked(asked)))
    if found:
        print_tables([Table("", COLUMNS, found)], display)
    say(_counts(findings, found))


def _counts(findings: Findings, found: Sequence[Found]) -> str:
    strangers = sum(each.what == "not ours" for each in found)
    return (
        f"{len(findings.orphans) - strangers} orphans, {len(findings.ghosts)} ghosts, {strangers} sessions of others;"
        f" {findings.checked} sessions asked for by name"
    )


def _orphan(orphan: Orphan) -> Found:
    since = None if orphan.age is None else Lasting(orphan.age)
    done = "deleted" if orphan.fixed else ""
    return Found("orphan" if orphan.ours else "not ours", orphan.relay_id, orphan.node, orphan.call_id, since, done)


def _ghost(ghost: Ghost) -> Found:
    return Found("ghost", ghost.relay_id, ghost.node, ghost.call_id, None, "seen to" if ghost.fixed else "")


def _asked(asked: Asked) -> str:
    if asked.why:
        return f"{asked.node}: not compared: {asked.why}"
    if asked.listed is None:
        return f"{asked.node}: relays of its kind do not name what they hold; orphans there are not seen"
    more = "" if asked.whole else " at least: it names no more at once, and orphans among the others are not seen"
    return f"{asked.node}: it holds {asked.listed} sessions{more}"
