"""What a control node sees to beside the calls, from before its doors open until it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from actors.bulk.mover import BulkMover
from actors.clock_follower import ClockFollower
from actors.control.control import Control
from actors.control.happenings import Tell
from actors.control.node_gauges import NodeGauges
from actors.directory import Directory
from actors.due_poller import DuePoller
from actors.node_down.rescue import Rescue
from actors.node_follower import NodeFollower
from actors.node_table import NodeTable
from actors.shortening import Shortening
from events.journal import Journal
from events.names import CallId
from rtp_relay.assembly.background import Background
from rtp_relay.assembly.call_states import CallStates
from rtp_relay.assembly.garbage import collect_new, collect_when_idle
from rtp_relay.assembly.nodes import nodes_beside
from rtp_relay.assembly.publisher import StatusPublisher
from rtp_relay.assembly.vitals import Vitals
from rtp_relay.audit.reconciling import Reconciling
from rtp_relay.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """The parts of a control node that go on by themselves, and what they need.

    attend: wakes a call that is due, at the worker that serves it. tell: takes happenings for who wants to hear of
    them. is_first: of several workers, whether this is the one that does what one alone has to. vitals: those of the
    process.
    """

    config: Config
    journal: Journal
    nodes: NodeTable
    directory: Directory
    control: Control
    follower: NodeFollower
    clock_follower: ClockFollower
    publisher: StatusPublisher
    attend: Callable[[CallId], None]
    tell: Tell
    is_first: bool
    vitals: Vitals

    def begin(self, background: Background) -> None:
        """Run all of it in the background, and count what it does."""
        name, clock = self.config.service.name, self.clock_follower.clock
        mover = BulkMover(self.journal, self.directory, self.nodes, name, asked=self.control.bulk.asked)
        background.run("due calls", DuePoller(self.journal, self.attend, clock.now, eras=clock.eras).run())
        background.run("nodes that are down", self._rescue().run())
        background.run("nodes", self.follower.run())
        background.run("bulk moves", mover.run())
        self._shorten_decisions(background)
        self._compare_with_relays(background)
        background.run("clock", self.clock_follower.run())
        background.run("passivation", self.directory.sweep_on())
        background.run("status", self.publisher.run())
        background.run("new garbage", collect_new())
        background.run("garbage", collect_when_idle())
        self._count(background)

    def _rescue(self) -> Rescue:
        return Rescue(
            name=self.config.service.name,
            journal=self.journal,
            nodes=self.nodes,
            calls=self.directory,
            attend=self.attend,
            now=self.directory.now,
            policies=self.config.sets.on_node_down,
        )

    def _shorten_decisions(self, background: Background) -> None:
        """Sum up old decisions; of several workers the first one does."""
        if self.is_first:
            name, kept = self.config.service.name, self.config.journal.kept.longest
            follower = self.follower
            shortening = Shortening(self.journal, name, lambda: {one.spec.name for one in follower.configured}, kept)
            background.run("old decisions", shortening.run())

    def _compare_with_relays(self, background: Background) -> None:
        """Compare what relays hold with the journal, if that is wished; of several workers the first one does."""
        config, name, now = self.config.reconcile, self.config.service.name, self.directory.now
        if not config.every or not self.is_first:
            return
        reconciling = Reconciling(
            name,
            self.journal,
            lambda: nodes_beside(self.journal, self.follower.configured, name, now),
            self.directory,
            config,
            now=now,
            tell=self.tell,
        )
        self.control.count_with(reconciling)
        background.run("reconcile", reconciling.run())

    def _count(self, background: Background) -> None:
        """Begin to count, beside what the doors do."""
        background.run("vitals", self.vitals.run())
        for source in (self.directory, self.publisher, NodeGauges(self.nodes), self.vitals):
            self.control.count_with(source)
        if self.is_first:
            states = CallStates(self.control)
            background.run("states of calls", states.run())
            self.control.count_with(states)
