"""A control node: the doors, the calls, the nodes and the journal, put together.

`rtp_relay.process` is the program `rtp-relay serve`; `Service` is the same inside a program that has an event loop.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from actors.adoption import Adoption
from actors.clock import JournalClock
from actors.clock_follower import ClockFollower
from actors.control.control import Control
from actors.control.happenings import CallWatch, Happening
from actors.directory import Directory, DirectorySettings
from actors.node_follower import NodeFollower
from actors.node_keeper import NodeKeeper
from actors.node_table import NodeTable
from actors.observers import Observers
from actors.sip_requests import SipOutlet
from engines.route.routes import Routes
from engines.set_names import SetNames
from events.journal import Journal
from events.names import CallId
from gateways.http.health import Health
from gateways.http.metrics.exposition import render
from gateways.http.metrics.nodes_page import NodesPage
from gateways.http.metrics.page import MetricsPage
from gateways.http.server import HttpServer
from gateways.mi.door import MiDoor
from gateways.sip.addresses import ListeningPoint
from gateways.tracing.spans import Spans
from gateways.webhooks.poster import Poster
from rtp_relay import __version__
from rtp_relay.assembly.background import Background
from rtp_relay.assembly.call_doors import CallDoors
from rtp_relay.assembly.capture import Taps, capturing
from rtp_relay.assembly.configured_nodes import ConfiguredNodes
from rtp_relay.assembly.deadlines import deadlines_of, operation_time
from rtp_relay.assembly.embedded_nodes import Infrastructure, grounds
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.garbage import spare_the_collector
from rtp_relay.assembly.http import open_http
from rtp_relay.assembly.journal import open_journal, service_journal
from rtp_relay.assembly.mi import alone, open_mi_door, process_hooks
from rtp_relay.assembly.nodes import node_keeper
from rtp_relay.assembly.notices import listen_for_notices
from rtp_relay.assembly.publisher import StatusPublisher
from rtp_relay.assembly.readiness import Readiness
from rtp_relay.assembly.reinvite import reinviting
from rtp_relay.assembly.relay_notices import keys_taken, timeouts_taken
from rtp_relay.assembly.script import load_routes
from rtp_relay.assembly.telemetry import telemetry
from rtp_relay.assembly.traced import directory_type, journal_of_calls, trace_ways
from rtp_relay.assembly.tracing import tracing
from rtp_relay.assembly.upkeep import Upkeep
from rtp_relay.assembly.vitals import Vitals
from rtp_relay.assembly.webhooks import sending_webhooks
from rtp_relay.compiled import code_in_use
from rtp_relay.config import Config, LogLevel, NodeConfig
from rtp_relay.config.journal_url import redacted
from rtp_relay.config.warnings import warnings
from rtp_relay.workers.seat import Seat

__all__ = ["Service", "StartError", "open_journal"]

log = structlog.get_logger()


class Service:
    """A control node. `start` it once; `stop` it in any case after that.

    Without `doors` it is there for the program that it runs in alone. `routes` are the callables of the route engine;
    without them they are taken from the configured script. `seat` is what it has as one of several workers.
    """

    directory: Directory
    journal: Journal
    control: Control

    def __init__(
        self, config: Config, *, doors: bool = True, routes: Routes | None = None, seat: Seat | None = None
    ) -> None:
        self._config = config
        self._seat = seat
        self._routes = routes
        self._has_doors = doors
        self._started = False
        self._readiness = Readiness(config)
        self._stack = AsyncExitStack()
        self._background: Background | None = None
        self.nodes = NodeTable()
        self.observers = Observers()
        self._outlet = SipOutlet()
        self._doors = CallDoors(config, self._readiness, self._outlet, seat)
        self._mi: MiDoor | None = None
        self._http: HttpServer | None = None
        self._keeper: NodeKeeper | None = None
        self._taps = Taps()
        self._spans: Spans | None = None
        self._poster: Poster | None = None
        self._configured = ConfiguredNodes(config, self._nodes_changed)

    @property
    def sets(self) -> SetNames:
        """What node sets are called by who knows them by numbers."""
        return self._config.sets.names

    @property
    def ready(self) -> bool:
        """Whether it can do something for a call: it is not about to stop, and the journal and a node answer."""
        return self._readiness.of_ng

    @property
    def condition(self) -> str:
        """How it is, in a line for operators."""
        return self._readiness.summary

    @property
    def http_addresses(self) -> list[str]:
        """Where the HTTP server listens: HOST:PORT."""
        return list(self._http.addresses) if self._http else []

    @property
    def ng_addresses(self) -> list[tuple[str, str, int]]:
        """Where the ng door listens: transport, host and port."""
        return self._doors.ng_addresses

    @property
    def sip_addresses(self) -> list[ListeningPoint]:
        """Where the SIP door listens."""
        return self._doors.sip_addresses

    @property
    def _is_first(self) -> bool:
        """Whether it does what one worker has to do for all of them; without workers it is the only one."""
        return self._seat is None or self._seat.is_first

    def reload(self, nodes: tuple[NodeConfig, ...] | None = None) -> None:
        """Take other nodes, unless they stay (None), and read the routing script anew.

        A broken script changes nothing. Requests on their way keep the one they have.
        """
        if nodes is not None:
            self._configured.reload(nodes)
        self._doors.reload()

    async def reloaded(self) -> None:
        """Wait until the nodes that `reload` was given are taken."""
        await self._configured.taken()

    def _nodes_changed(self) -> None:
        """Tell those who have to know that nodes have come, changed or gone."""
        if self._readiness.publisher is not None:
            self._readiness.publisher.hurry()
        if self._started and self._keeper is not None:
            self.directory.reckon_with(operation_time(self._config, self._keeper.slowest))

    async def start(self) -> None:
        """Open everything, the doors last. Raises StartError, and has closed everything again then."""
        try:
            await self._open()
        except BaseException:
            fault = sys.exc_info()
            await self._doors.close(0)
            await self._stack.__aexit__(*fault)
            raise

    async def failure(self) -> None:
        """Wait until something fails without which the service is none, and raise it."""
        assert self._background is not None, "not started"
        await self._background.failure()

    async def stop(self, failure: BaseException | None = None) -> None:
        """Accept no new calls, finish what is under way within the configured time, and close everything.

        After a `failure`, what the service runs itself, Redis and relays, goes on for the calls' sake.
        """
        self._readiness.phase = "stopping"
        if self._background is not None:
            await self._background.close()
        await self._finish_calls()
        await self._stack.__aexit__(type(failure) if failure else None, failure, None)

    async def _finish_calls(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._config.service.shutdown_grace
        await self._doors.close(self._config.service.shutdown_grace)
        if self._started and not await self.directory.close(deadline - loop.time()):
            log.warning("calls were busy to the end")

    async def _open(self) -> None:
        config, enter = self._config, self._stack.enter_async_context
        self._routes = self._routes or load_routes(config.route)
        ground = await enter(grounds(config))
        if self._has_doors:
            await self._open_http()
        self.journal = await enter(service_journal(config, ground.journal_url, self._readiness.awaits))
        keeper = self._keeper = await enter(node_keeper())
        self.nodes = self._readiness.nodes = keeper.table
        self._taps = await enter(
            capturing(config.hep, config.service.name, keeper, self.observers, config.privacy.shown)
        )
        self._spans = await enter(telemetry(config.tracing, config.service.name))
        trace_ways(keeper, self._spans)
        await self._serve_calls(keeper, ground)
        self._started = True
        await self._configured.take()
        await self._hear_relays()
        if self._has_doors:
            await self._doors.open(self.directory, self.nodes, self.control, self._taps, self._spans)
        if self._has_doors and self._is_first:
            await self._open_management()
        self._readiness.phase = "serving"
        ground.begun.clear()
        spare_the_collector()
        for line in warnings(self._config):
            log.warning("configuration", why=line)
        log.info("ready", **self._described(ground))

    async def _serve_calls(self, keeper: NodeKeeper, ground: Infrastructure) -> None:
        """Open the nodes, and begin to serve calls: those that the journal says are due, for no door is open yet."""
        config, journal = self._config, self.journal
        clock = JournalClock()
        clock_follower = ClockFollower(journal, clock)
        await clock_follower.begin()
        control = self.control = self._controlling(journal, clock)
        publisher = self._readiness.publisher = StatusPublisher(config.service.name, journal, control)
        follower = await self._configured.follow(ground.nodes, self._routes, journal, keeper, clock.now)
        control.steering.put_in_force = follower.look
        self._stack.push_async_callback(publisher.withdraw)
        self.directory = control.directory = self._directory(journal, clock, keeper)
        await self._tell_others()
        background = self._background = Background()
        self._stack.push_async_callback(background.close)
        self._upkeep(follower, clock_follower, publisher).begin(background)

    def _controlling(self, journal: Journal, clock: JournalClock) -> Control:
        name, numbers = self._config.service.name, self._config.privacy.shown
        return Control(journal, self.nodes, name=name, version=__version__, now=clock.now, numbers=numbers)

    async def _hear_relays(self) -> None:
        """Begin to take what relays tell unasked of calls without media."""
        calls, enter = self._config.calls, self._stack.enter_async_context
        if calls.notices:
            self.nodes.notices = calls.notices
            await enter(listen_for_notices(calls, self.directory, self._seat))
        await enter(timeouts_taken(calls, self.directory, self._seat))

    async def _tell_others(self) -> None:
        """Begin to tell others of what is journalled here."""
        config, control, enter = self._config, self.control, self._stack.enter_async_context
        if self._taps.capture is not None:
            control.count_with(self._taps.capture)
        if config.service.log_level is LogLevel.DEBUG:
            self.observers.add(tracing(control.numbers))
        await enter(reinviting(config.ng.reinvite, self.observers))
        self._poster = await enter(
            sending_webhooks(config.events, config.service.name, self.journal, control, self.observers)
        )

    def _directory(self, journal: Journal, clock: JournalClock, keeper: NodeKeeper) -> Directory:
        config = self._config
        return directory_type(self._spans)(
            name=config.service.name,
            journal=journal_of_calls(journal, self._spans),
            nodes=self.nodes,
            now=clock.now,
            deadlines=deadlines_of(config, keeper.slowest, clock.eras),
            settings=DirectorySettings(
                max_resident=config.service.max_resident,
                passivate_after=config.service.passivate_after,
                quarantine=config.calls.quarantine,
            ),
            observers=self.observers,
            sip_outlet=self._outlet,
            adoption=Adoption(self.nodes, config.ng.set, clock.now) if config.ng.adopt else None,
        )

    def _upkeep(self, follower: NodeFollower, clock_follower: ClockFollower, publisher: StatusPublisher) -> Upkeep:
        seat = self._seat
        attend: Callable[[CallId], None] = self.directory.attend
        if seat is not None:
            attend = seat.take(self.directory, self.nodes, self.control)
            seat.tells_first(self.observers)
        return Upkeep(
            config=self._config,
            journal=self.journal,
            nodes=self.nodes,
            directory=self.directory,
            control=self.control,
            follower=follower,
            clock_follower=clock_follower,
            publisher=publisher,
            attend=attend,
            tell=self._tell,
            is_first=self._is_first,
            vitals=Vitals("control node", alone=True) if seat is None else Vitals(seat.process),
        )

    def _tell(self, happening: Happening) -> None:
        if self._mi is not None:
            self._mi.notifier.tell(happening)

    async def _open_http(self) -> None:
        """Open the HTTP server: before all else, and for longer, so that it can say what is missing."""
        http = self._http = await open_http(self._config.http, shared=self._seat is not None)
        self._stack.push_async_callback(http.close)
        Health(lambda: self._readiness.conditions(self.ng_addresses, self.sip_addresses)).add_to(http.routes)
        MetricsPage(self._metrics if self._seat is None else self._seat.metrics).add_to(http.routes)
        NodesPage(self._configured.metrics_pages).add_to(http.routes)

    async def _metrics(self, open_metrics: bool) -> bytes:
        """Return the page of metrics of this process alone."""
        return await render(self.control.own_samples() if self._readiness.publisher else [], open_metrics=open_metrics)

    async def _open_management(self) -> None:
        """Open the management door, and tell there of keys; of several workers the first one does, for all of them."""
        processes = alone if self._seat is None else self._seat.processes
        hooks = process_hooks(self.control, self.observers, processes)
        self._mi = await open_mi_door(self._config, self.control, hooks)
        self._stack.push_async_callback(self._mi.close)
        notifier = self._mi.notifier
        watch = CallWatch(self.observers, notifier.tell)
        notifier.wanted = watch.want if self._seat is None else self._seat.hears_others(watch, notifier.tell)
        self.nodes.watch(notifier.node_changed)
        if self._config.events.dtmf is not None:
            taken = keys_taken(self._config.events, notifier.tell, self._poster, self.directory.now)
            await self._stack.enter_async_context(taken)

    def _described(self, ground: Infrastructure) -> dict[str, object]:
        config = self._config
        return {
            "control_node": config.service.name,
            "code": code_in_use(),
            "ng": [f"{transport} {host} port {port}" for transport, host, port in self.ng_addresses],
            "sip": [str(local) for local in self.sip_addresses],
            "mi": list(self._mi.addresses) if self._mi else [],
            "http": self.http_addresses,
            "set": config.ng.set,
            "nodes": [f"{node.name} ({node.engine} at {node.url})" for node in ground.nodes],
            "journal": redacted(ground.journal_url).strip("'"),
        }
