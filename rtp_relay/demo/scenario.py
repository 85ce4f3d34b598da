"""The demonstration's story: each step does something, and makes sure that it had its effect."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from events.records import Recorded
from events.registry import MediaMeasured
from rtp_relay.demo import checks
from rtp_relay.demo.doors import CallDoor
from rtp_relay.demo.party import Address, MediaParty
from rtp_relay.demo.sandbox import Stage

PACKETS = 50
"""So many packets each party has to hear in each part of the call: a second's worth."""

EXPECTED = ("engaged", "offered", "answered", "delete wanted", "deleted")
"""Events that the call's history has to have, in this order."""


class DidNotHappenError(Exception):
    """What a step is to show did not happen; the message says what was found instead."""


LOOKS = 50
"""So often it is looked whether something is left of the call, ten times a second."""


def require(condition: bool, otherwise: str) -> None:
    """Raise DidNotHappenError unless the condition holds."""
    if not condition:
        raise DidNotHappenError(otherwise)


@dataclass(slots=True)
class Story:
    """The call, and what was seen of it so far. A step gives, in a few words, what it has found."""

    stage: Stage
    door: CallDoor
    caller: MediaParty
    callee: MediaParty
    relays: dict[str, str] = field(default_factory=dict)
    history: list[Recorded] = field(default_factory=list)

    def steps(self) -> list[tuple[str, Callable[[], Awaitable[str]]]]:
        """Return the steps in their order, each with what it shows."""
        return [
            ("the service starts, with a Redis and relays of its own", self.start),
            ("a call is set up", self.set_up),
            ("media flow both ways, through the relay", self.listen),
            ("a relay holds the call", self.find_session),
            ("the service is killed with SIGKILL", self.kill),
            ("media go on without the service", self.listen),
            ("the service starts again", self.start),
            ("it knows the call: a re-INVITE gets the same relay ports", self.re_invite),
            ("media go on", self.listen),
            ("the call ends", self.hang_up),
            ("no relay holds a session", self.find_nothing),
            ("the call's history is whole, with the relay's statistics", self.read_history),
            ("the service stops in order", self.stop),
        ]

    async def start(self) -> str:
        """Start the service, and wait until it says that it is ready."""
        pid = self.stage.start()
        while True:
            require(self.stage.ended() is None, f"it ended at once: {self.stage.last_words()}")
            if await self.door.ready():
                break
        relays = await checks.relays(self.stage.config)
        require(self.relays in ({}, relays), f"the relays are others now: {relays}, not {self.relays}")
        self.relays = relays
        return f"process {pid}; {', '.join(f'{name} at {url}' for name, url in relays.items())}"

    async def set_up(self) -> str:
        """Set the call up through the door, and start the parties' media."""
        for_callee, for_caller = await self._negotiate(version=1)
        parties = {self.caller.address, self.callee.address}
        require(not parties & {for_callee, for_caller}, "the relay's addresses are the parties' own")
        self.caller.listen_for(self.callee)
        self.callee.listen_for(self.caller)
        self.caller.talk_to(for_caller)
        self.callee.talk_to(for_callee)
        return f"the caller sends to {_text(for_caller)}, the callee to {_text(for_callee)}"

    async def listen(self) -> str:
        """Wait until both have heard a second's worth more, from nobody but the relay."""
        await asyncio.gather(self.caller.hear(PACKETS), self.callee.hear(PACKETS))
        for party in (self.caller, self.callee):
            require(party.strange == 0, f"{party.strange} datagrams reached the {party.name} that are not of the call")
            senders = ", ".join(map(_text, party.heard))
            require(set(party.heard) == {party.target}, f"the {party.name} heard packets from {senders}")
        return f"{PACKETS} more packets each way, all from the relay's ports"

    async def find_session(self) -> str:
        """Ask the relays themselves which of them has the call."""
        held = {name: await checks.sessions(url) for name, url in self.relays.items()}
        require(any(held.values()), f"sessions: {held}")
        require(
            await checks.live_calls(self.stage.config) == [self.door.call_id], "the journal's live calls are others"
        )
        return ", ".join(f"{name} has {count}" for name, count in held.items())

    async def kill(self) -> str:
        """Kill the service."""
        code = await asyncio.to_thread(self.stage.end, signal.SIGKILL)
        require(code == -signal.SIGKILL, f"it ended with {code}")
        return "it had no time to save anything"

    async def re_invite(self) -> str:
        """Negotiate again within the dialog."""
        for_callee, for_caller = await self._negotiate(version=2)
        before = (_text(self.callee.target), _text(self.caller.target))
        found = (_text(for_callee), _text(for_caller))
        require(found == before, f"the ports are {found}, and were {before}")
        return "nobody has to send elsewhere"

    async def hang_up(self) -> str:
        """End the call."""
        await self.door.hang_up()
        return "by the caller"

    async def find_nothing(self) -> str:
        """Ask the relays themselves, and the journal, whether anything is left.

        A BYE is answered without waiting for the relay, so there may be for a moment.
        """
        for _ in range(LOOKS):
            held = {name: await checks.sessions(url) for name, url in self.relays.items()}
            live = await checks.live_calls(self.stage.config)
            if not any(held.values()) and not live:
                return ", ".join(f"{name} has {count}" for name, count in held.items())
            await asyncio.sleep(0.1)
        raise DidNotHappenError(f"sessions: {held}; live in the journal: {live}")

    async def read_history(self) -> str:
        """Read the call's stream."""
        self.history = await checks.history(self.stage.config, self.door.call_id)
        versions = [entry.version for entry in self.history]
        require(versions == list(range(1, len(versions) + 1)), f"versions: {versions}")
        names = iter(entry.event.name for entry in self.history)
        missing = [name for name in EXPECTED if name not in names]
        require(not missing, f"not in it: {', '.join(missing)}")
        packets = sum(map(_packets, self.history))
        require(packets >= 2 * 3 * PACKETS, f"the relay counts {packets} packets")
        return f"{len(versions)} events, versions without a gap; the relay has relayed {packets} packets"

    async def stop(self) -> str:
        """Stop the service as systemd does."""
        code = await asyncio.to_thread(self.stage.end, signal.SIGTERM)
        require(code == 0, f"it ended with {code}: {self.stage.last_words()}")
        require(not list(self.stage.config.service.state_dir.glob("relay-*.json")), "its relays still run")
        return "its Redis and relays too"

    async def _negotiate(self, *, version: int) -> tuple[Address, Address]:
        return await self.door.negotiate(self.caller.address, self.callee.address, version)


def _packets(entry: Recorded) -> int:
    event = entry.event
    return sum(stream.packets for stream in event.measured) if isinstance(event, MediaMeasured) else 0


def _text(address: Address | None) -> str:
    return f"{address[0]}:{address[1]}" if address else "nowhere"
