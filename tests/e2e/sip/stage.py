"""A control node with a SIP door, a real relay of each kind, and what is to be seen from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from events import session_events
from events.event import Event
from events.names import CallId
from events.session_events import DeleteIntended
from replay.fold import fold
from tests.e2e.stage import Relay, held
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.service import Service
from tests.peers.ua import Place

SCRIPTS = Path(__file__).parent / "scripts"
AS_ASKED = SCRIPTS / "as_asked.py"

PLAIN = ["engaged", "offered", "answered"]
AGAIN = ["offer intended", "offered", "answered"]
ENDED = ["delete wanted", "deleted"]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a test plays on: a control node, and the engine (the relay's kind) that its calls engage."""

    service: Service
    relays: Mapping[str, Relay]
    engine: str

    @property
    def relay(self) -> Relay:
        """The relay that calls go through."""
        return self.relays[self.engine]

    def place(self, transport: str = "udp") -> Place:
        """Where its SIP door is."""
        return Place(transport, HOST, self.service.sip_port)

    async def held(self) -> int:
        """Return how many sessions the relay holds."""
        return await held(self.relay)

    async def holds(self, count: int) -> None:
        """Wait until the relay holds so many sessions."""

        async def there() -> bool:
            return await self.held() == count

        await wait_until(there, f"the relay holds {count}")

    async def told(self, call_id: str) -> list[str]:
        """Return what the journal tells of a call's sessions, by the events' names.

        That a call ends whose sessions are wanted to be deleted already is no news of these.
        """
        events = [record.event for record in await self.service.events(call_id)]
        told = [event for event in events if not isinstance(event, DeleteIntended) or event.sessions]
        return [event.name for event in told if event.name in SESSION_EVENTS]

    async def nothing_is_left(self, call_id: str) -> None:
        """Wait until no call is live; see that no relay holds a session, and that the call's history is whole."""
        async with self.service.client() as client:

            async def empty() -> bool:
                return (await client.command("list", limit=1000))[b"calls"] == []

            await wait_until(empty, "no call is live")
        assert [await held(relay) for relay in self.relays.values()] == [0] * len(self.relays)
        records = await self.service.events(call_id)
        assert [record.version for record in records] == list(range(1, len(records) + 1))
        assert list(fold(CallId(call_id), records).remaining_sessions()) == []

    async def clear(self) -> None:
        """Remove what a failed test has left: it must not make the next one fail."""
        async with self.service.client() as client:
            calls = (await client.command("list", limit=1000))[b"calls"]
            assert isinstance(calls, list)
            for call_id in calls:
                await client.command("delete", call_id=call_id)
        for relay in self.relays.values():
            if await held(relay):
                await relay.restart()


SESSION_EVENTS = {
    kind.name
    for kind in vars(session_events).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
}


def database(redis: RedisServer, number: int) -> str:
    """Return a Redis database's URL: services whose calls have nothing to do with each other share a server."""
    return redis.url.replace("/0", f"/{number}")
