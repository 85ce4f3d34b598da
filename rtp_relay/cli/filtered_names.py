"""Names that filters name: what a mistyped one finds, nothing, looks as if there were nothing to find."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

import typer

from actors.control.status import read_status
from actors.control.steering import NodeSteering
from actors.node_table import NodeTable
from engines.registry import KINDS
from engines.set_names import SetNames
from engines.sets import EVERY_SET
from events.ended import EndedCall
from events.journal import Journal
from events.registry import EVENT_TYPES
from replay.history.timeline import printable
from rtp_relay.assembly.nodes import spec_of
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.output import fail
from rtp_relay.config import Config


@dataclass(frozen=True, slots=True)
class Names:
    """The names of nodes, sets and control nodes that are known, or were met."""

    nodes: set[str] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)
    control_nodes: set[str] = field(default_factory=set)

    async def met_in(self, calls: AsyncIterator[EndedCall]) -> AsyncIterator[EndedCall]:
        """Return the calls, and note the names that they have."""
        async for call in calls:
            self.nodes.update(call.nodes)
            self.sets.update(call.sets)
            self._add_control_node(call.by)
            yield call

    async def look_up(self, config: Config, journal: Journal) -> None:
        """Note the names of what there is by the configuration, the control nodes that live, and the live calls.

        Raises JournalUnavailable.
        """
        steering = NodeSteering(journal, NodeTable(), "", [spec_of(node) for node in config.nodes])
        for name, node in (await steering.known()).items():
            self.nodes.add(name)
            self.sets.add(node.spec.set)
        self.nodes.update(name for name, calls in (await journal.count_calls()).items() if name and calls)
        try:
            statuses = await read_status(journal)
        except ValueError:
            return  # of a program that is no control node of ours
        for status in statuses:
            self._add_control_node(status.name)

    def missing(self, *, node: str, set_: str, control_node: str) -> str:
        """Say which of the names there is not, and which ones there are; "" if each is known, or nothing is at all."""
        sets = set() if EVERY_SET in self.sets else self.sets
        told = (
            _missing("node", node, self.nodes),
            _missing("set", set_, sets),
            _missing("control node", control_node, self.control_nodes),
        )
        return "; ".join(filter(None, told))

    def _add_control_node(self, name: str) -> None:
        """Note a control node, and the service whose worker it may be."""
        if name:
            self.control_nodes.update((name, name.partition("/")[0]))


def set_named(given: str, sets: SetNames) -> str:
    """Return the name of the set that --set means by a name or a number, "" for none; end where it is neither."""
    try:
        return sets.name(given) if given else ""
    except ValueError as error:
        fail(Exit.USAGE, f"--set: {error}")


def warn(what: str) -> None:
    """Say to standard error what may be meant as it is, and may be mistyped; nothing if there is nothing."""
    if what:
        typer.echo(f"rtp-relay: {printable(what)}", err=True)


def check_engine(name: str) -> None:
    """End where no engine has this name."""
    if name and name not in KINDS:
        fail(Exit.USAGE, f"--engine: there is no engine {name!r}; known ones: {', '.join(KINDS)}")


def check_event(name: str) -> None:
    """End where no event of calls has this name."""
    names = sorted(each.name for each in EVENT_TYPES)
    if name and name not in names:
        near = difflib.get_close_matches(name, names)
        which = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known ones: {', '.join(names)}"
        fail(Exit.USAGE, f"--event: there is no event {name!r}; {which}")


def _missing(what: str, name: str, known: Collection[str]) -> str:
    if not name or not known or name in known:
        return ""
    return f"there is no {what} {name!r}; known ones: {', '.join(sorted(known))}"
