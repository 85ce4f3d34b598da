"""The process of all parties: `python -m bench.migrate.parties SETTINGS`, SETTINGS being the JSON of a `Settings`.

It does what the lines of its standard input say (`{"do": NAME, ...}`, a method of `Parties`), one after the other, and
answers each with a line of JSON. The first line that it writes tells where the callees are.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

from bench.migrate.agents import Call, Callees, Callers
from bench.migrate.options import Media, Nat
from bench.migrate.streams import Metronome, Stream
from bench.sockets import HOST, udp_socket

_PATIENCE = 10.0
"""Seconds that a call may take to be answered, and to end."""
_LONGEST_WAY = 1.0
"""Seconds after which a packet that has not come is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What media the parties have, and the NAT before each. prefix: of the Call-IDs."""

    media: Media
    nat: Nat
    prefix: str


class Parties:
    """All parties of all calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._calls: dict[str, Call] = {}
        self._metronome = Metronome()
        self._agents: list[Callees | Callers] = []

    async def open(self) -> dict[str, Any]:
        """Open the callees' socket, and tell its address."""
        sock = udp_socket()
        callees = Callees(self._calls, sock.getsockname())
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: callees, sock=sock)
        self._agents.append(callees)
        return {"port": callees.address[1]}

    async def place(self, proxy: int, calls: int, rate: float) -> dict[str, Any]:
        """Place calls through the proxy at a port, `rate` a second. Tells those that were not answered."""
        sock = udp_socket()
        callers = Callers(self._calls, sock.getsockname(), (HOST, proxy))
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: callers, sock=sock)
        self._agents.append(callers)
        placed = []
        for number in range(calls):
            placed.append(asyncio.create_task(callers.place(self._call(number), _PATIENCE)))
            await asyncio.sleep(1 / rate)
        outcomes = await asyncio.gather(*placed, return_exceptions=True)
        pairs = zip(self._calls, outcomes, strict=True)
        return {"calls": list(self._calls), "failed": [one for one, outcome in pairs if outcome is not None]}

    async def count(self) -> dict[str, Any]:
        """Tell how many SIP messages there were, which calls others have ended, and how many packets were strange."""
        return {
            "messages": sum(agents.messages for agents in self._agents),
            "ended": [call.call_id for call in self._calls.values() if call.ended],
            "strange": sum(call.caller.strange + call.callee.strange for call in self._calls.values()),
        }

    async def account(self, begin: float, end: float) -> dict[str, Any]:
        """Account for each direction of each call in a window, when all that was sent in it can have come."""
        await asyncio.sleep(max(0.0, end + _LONGEST_WAY - time.time()))
        accounts = [
            stream.said.account(begin, end, call=call.call_id, speaker=speaker)
            for call in self._calls.values()
            for speaker, stream in (("caller", call.caller), ("callee", call.callee))
        ]
        return {"directions": [asdict(one) for one in accounts]}

    async def silent(self, seconds: float) -> dict[str, Any]:
        """Tell in which calls a party has heard nothing for so long."""
        since = time.time() - seconds
        return {"calls": [one.call_id for one in self._calls.values() if one.last_heard < since]}

    async def hang_up(self) -> dict[str, Any]:
        """End all calls, and be silent. Tells those whose BYE was not answered."""
        self._metronome.stop()
        callers = next(agents for agents in self._agents if isinstance(agents, Callers))
        calls = [call for call in self._calls.values() if call.answered.is_set() and not call.ended]
        outcomes = await asyncio.gather(*(callers.hang_up(call, _PATIENCE) for call in calls), return_exceptions=True)
        for call in self._calls.values():
            call.caller.close()
            call.callee.close()
        pairs = zip(calls, outcomes, strict=True)
        return {"failed": [call.call_id for call, outcome in pairs if outcome is not None]}

    def _call(self, number: int) -> Call:
        caller, callee = (Stream(self._settings.media, self._settings.nat) for _ in range(2))
        caller.peer, callee.peer = callee, caller
        self._metronome.add(caller)
        self._metronome.add(callee)
        call = Call(f"{self._settings.prefix}-{number}", caller, callee)
        self._calls[call.call_id] = call
        return call


async def serve(settings: Settings) -> None:
    """Do what is asked, until there is nothing more."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    parties = Parties(settings)
    _tell(await parties.open())
    while line := await reader.readline():
        wish = json.loads(line)
        _tell(await getattr(parties, wish.pop("do"))(**wish))


def _tell(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def main() -> None:
    """Be the parties that the command line describes."""
    given = json.loads(sys.argv[1])
    settings = Settings(media=Media(given["media"]), nat=Nat(given["nat"]), prefix=given["prefix"])
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
