"""The doors that calls come through, ng and SIP: opened, reloaded and closed together."""

from __future__ import annotations

import asyncio

import structlog

from actors.control.control import Control
from actors.directory import Directory
from actors.node_table import NodeTable
from actors.sip_requests import SipOutlet
from gateways.ng.door import NgDoor
from gateways.sip.addresses import ListeningPoint
from gateways.sip.door import SipDoor
from gateways.tracing.spans import Spans
from rtp_relay.assembly.capture import Taps
from rtp_relay.assembly.errors import UnusableError
from rtp_relay.assembly.ng import open_ng_door
from rtp_relay.assembly.readiness import Readiness
from rtp_relay.assembly.sip import default_routing, load_routing, open_sip_door
from rtp_relay.assembly.traced import ng_tap, sip_tap
from rtp_relay.config import Config
from rtp_relay.workers.seat import Seat

log = structlog.get_logger()


class CallDoors:
    """Both doors; each is None while it is not open. `outlet` gets the SIP door's way out for requests of our own."""

    def __init__(self, config: Config, readiness: Readiness, outlet: SipOutlet, seat: Seat | None) -> None:
        self._config, self._readiness, self._outlet = config, readiness, outlet
        self._mesh = None if seat is None else seat.mesh
        self._nodes = NodeTable()
        self.ng: NgDoor | None = None
        self.sip: SipDoor | None = None

    @property
    def ng_addresses(self) -> list[tuple[str, str, int]]:
        """Where the ng door listens: transport, host and port."""
        return list(self.ng.addresses) if self.ng else []

    @property
    def sip_addresses(self) -> list[ListeningPoint]:
        """Where the SIP door listens."""
        return self.sip.locals if self.sip else []

    async def open(
        self, directory: Directory, nodes: NodeTable, control: Control, taps: Taps, spans: Spans | None
    ) -> None:
        """Open the ng door, and the SIP door if it is to listen; count what they do. Raises StartError."""
        config, self._nodes = self._config, nodes
        routing = load_routing(config.sip, nodes) if config.sip.listen else None
        self.ng = await open_ng_door(
            config.ng,
            directory,
            control,
            now=directory.now,
            ready=lambda: self._readiness.of_ng,
            mesh=self._mesh,
            tap=ng_tap(taps.ng, spans),
        )
        control.count_with(self.ng)
        if routing is not None:
            self.sip = await open_sip_door(
                config.sip,
                config.sets.names,
                routing,
                directory,
                self._outlet,
                now=directory.now,
                ready=lambda: self._readiness.of_sip,
                mesh=self._mesh,
                tap=sip_tap(taps.sip, spans),
            )
            control.count_with(self.sip)
            nodes.watch(lambda *_: self._follow_engine())

    def reload(self) -> None:
        """Read the routing script anew. A broken one changes nothing. Requests on their way keep the one they have."""
        if self.sip is None or self._config.sip.script is None:
            log.info("no script to reload")
            return
        try:
            self.sip.reload(load_routing(self._config.sip, self._nodes))
        except UnusableError as error:
            log.error("not reloaded", why=str(error))
        else:
            log.info("reloaded", script=str(self._config.sip.script))

    def _follow_engine(self) -> None:
        """Without a script, engage what the nodes of the set are: that may be another engine than before."""
        routing = default_routing(self._config.sip, self._nodes)
        if self.sip is not None and routing is not None:
            self.sip.reload(routing)

    async def close(self, grace: float) -> None:
        """Accept no new calls, and give what is under way at most `grace` seconds."""
        doors = [door for door in (self.ng, self.sip) if door is not None]
        await asyncio.gather(*(door.close(grace) for door in doors))
