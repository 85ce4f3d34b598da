"""A control node in the test's own process: its clock can be put forward, and its calls can be told what to do."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, aclosing
from typing import Any
from unittest.mock import patch

from structlog.testing import capture_logs
from structlog.typing import EventDict

from actors.clock import JournalClock
from actors.commands.copies import AnswerCopy, OfferCopy
from actors.commands.migration import Migrate, MoveTarget
from actors.commands.sip import SendRequest
from actors.results import CopyOffered, Done, Moved, Refused, RequestEnded
from actors.sip_requests import SipOutcome, WantedRequest
from events.names import CallId
from rtp_relay import service
from rtp_relay.cli.management import ServiceMethods
from rtp_relay.config import load
from tests.e2e.sip.stage import SCRIPTS, database
from tests.e2e.stage import Relay
from tests.engines.test_copies_e2e import accept
from tests.peers.peer import PeerError, PortTakenError
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import RtpEndpoint
from tests.peers.service import Node, Service, Value

MARKING = SCRIPTS / "own_requests.py"


class Clock:
    """The control node's time: the journal's, and `ahead` of it by so many ms."""

    def __init__(self) -> None:
        followed = self._followed = JournalClock()
        self.monotonic, self.look, self.eras = followed.monotonic, followed.look, followed.eras
        self.ahead = 0

    def now(self) -> int:
        """Return the time, ms since the epoch."""
        return self._followed.now() + self.ahead

    def put_forward(self, seconds: float) -> None:
        """Have so much time pass."""
        self.ahead += round(seconds * 1000)


class Inside(Service):
    """The service, as a part of this process."""

    clock: Clock
    _running: service.Service | None = None

    def prepare(self) -> None:
        self._logged: list[EventDict] = []
        self._logs = ExitStack()
        super().prepare()

    async def start(self) -> None:
        self.command()  # writes the configuration
        self._logged = self._logs.enter_context(capture_logs())
        with patch("rtp_relay.service.JournalClock", self._clock):
            running = service.Service(load(self.config))
            try:
                await running.start()
            except service.StartError as error:
                self._logs.close()
                kind = PortTakenError if "in use" in str(error) else PeerError
                raise kind(self.describe(str(error))) from error
            self._running = running

    def _clock(self) -> Clock:
        self.clock = Clock()
        return self.clock

    async def stop(self) -> None:
        if self._running is not None:
            await self._running.stop()
            self._logs.close()
            self._running = None

    async def at_rest(self) -> bool:
        """Return whether its SIP door knows no transaction and has no timer set any more, and no call is resident."""
        running = self._running
        assert running is not None, "it is not running"
        assert running._doors.sip is not None
        door = running._doors.sip
        timers = any(queue.alarms for queue in door._layer._shared.alarms._queues.values())
        return not (door._layer.transactions or timers or door.proxy.contexts or running.directory.resident)

    def log(self, lines: int = 60) -> str:
        return "\n".join(map(str, self._logged[-lines:]))

    def faults(self) -> list[str]:
        return [str(entry) for entry in self._logged if "exc_info" in entry]

    async def send(self, call_id: str, own: WantedRequest) -> SipOutcome:
        """Have the control node send a request of our own in a call's dialog, and give its outcome."""
        assert self._running is not None, "it is not running"
        result = await self._running.directory.ask(SendRequest(call_id=CallId(call_id), request=own))
        assert isinstance(result, RequestEnded), result
        return result.outcome

    async def move(self, call_id: str, target: MoveTarget, **more: Any) -> Moved | Refused:
        """Have the control node move a call, and give where it is then."""
        assert self._running is not None, "it is not running"
        return await self._running.control.move(Migrate(call_id=CallId(call_id), target=target, **more))

    async def copy(self, call_id: str, name: str, *recorders: RtpEndpoint) -> None:
        """Have a call's media copied to a recorder, which has an address for each stream."""
        assert self._running is not None, "it is not running"
        offered = await self._running.directory.ask(OfferCopy(call_id=CallId(call_id), name=name, siprec=True))
        assert isinstance(offered, CopyOffered), offered
        answer = AnswerCopy(call_id=CallId(call_id), name=name, sdp=accept(offered.sdp, *recorders))
        answered = await self._running.directory.ask(answer)
        assert isinstance(answered, Done), answered

    async def manage(self, method: str, **params: Any) -> Any:
        """Ask it for a method of its management interface, over the local socket."""
        async with aclosing(ServiceMethods(load(self.config).local_socket)) as service:
            return await service.call(method, **params)


def inside(redis: RedisServer, number: int, relays: Mapping[str, Relay], **sip: Value) -> Inside:
    """Make a control node whose journal is that database, with a script that marks requests of our own."""
    nodes = [Node(f"{engine}-1", relay) for engine, relay in relays.items()]
    return Inside(database(redis, number), nodes, name="inside", sip={"script": str(MARKING), **sip})
