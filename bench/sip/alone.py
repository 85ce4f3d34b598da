"""The SIP door's own parts, measured alone: `python -m bench.sip.alone`.

Calls like those of the scenarios go in as bytes and come out as bytes. Sockets, and what calls do behind the door, are
replaced: what is left is reading, transactions, proxy, script and routing, and the parties here, a tenth of it. It is
steady enough to tell what a change of two per cent brings, if two working trees are measured in turns.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

import typer
import uvloop
from sipmessage import URI

from actors.commands.command import CallCommand
from actors.commands.reading import ReadCall
from actors.commands.sip import ObserveSipMessage
from actors.directory import Directory
from actors.results import CallRead, Observed
from bench.sip.parties import CALLEE, CALLER, HERE, Parties, callees_tag, callers_tag
from events.names import Leg, Tag
from gateways.sip.addresses import Hop, ListeningPoint
from gateways.sip.calls.client import CallClient
from gateways.sip.dialogs.hops import Hops
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.proxy.core import Proxy
from gateways.sip.proxy.settings import ProxySettings
from gateways.sip.routing.router import CallRouter
from gateways.sip.script.script import DefaultScript
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transactions.timers import Timers
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import Role, Verdict
from replay.sip_dialogs import Party
from rtp_relay.assembly.garbage import spare_the_collector

_AT_A_TIME = 16
_LIMIT = 60
"""Seconds for a run: a call that goes wrong never ends here."""
_NEXT_HOP = f"sip:{CALLEE.host}:{CALLEE.port}"


class CallsThatAgree:
    """In the place of the directory: each call is known, and its relay has given what came."""

    async def ask(self, command: CallCommand[Any]) -> object:
        """Answer in the loop's next turn."""
        await asyncio.sleep(0)
        if isinstance(command, ReadCall):
            return CallRead(_snapshot(command.call_id))
        assert isinstance(command, ObserveSipMessage)
        sdp = command.message.sdp
        return Observed(verdict=Verdict(Role.NOTHING if sdp is None else Role.OFFER, Leg.CALLER), sdp=sdp)


def _snapshot(call_id: str) -> CallSnapshot:
    tags = {Leg.CALLER: callers_tag(call_id), Leg.CALLEE: callees_tag(call_id)}
    party = Party(uri="", contact="", routes=(), local="", source="")
    return CallSnapshot(name=call_id, callers_tag=Tag(tags[Leg.CALLER]), parties=dict.fromkeys(tags.items(), party))


class Network:
    """One listening point, and addresses that are numbers."""

    locals: Sequence[ListeningPoint] = (HERE,)

    def local_for(self, _hop: Hop) -> ListeningPoint:
        """Return the listening point."""
        return HERE

    def connected(self, _hop: Hop) -> bool:
        """Return False: there are no connections."""
        return False

    def numeric(self, uri: URI) -> list[Hop]:
        """Return the address of a URI."""
        return [CALLEE if uri.port == CALLEE.port else CALLER]

    async def resolve(self, uri: URI) -> list[Hop]:
        """Return the same."""
        return self.numeric(uri)


def _door(send: Callable[[bytes, Hop, Callable[[str], None] | None], None]) -> TransactionLayer:
    network, script = Network(), DefaultScript("rtpengine", next_hop=_NEXT_HOP)
    router = CallRouter(script, CallClient(cast("Directory", CallsThatAgree()), lambda: 0))
    proxy, loop = Proxy(router, ProxySettings()), asyncio.get_running_loop()
    layer = TransactionLayer(send, proxy, timers=Timers(), loop=loop, max_transactions=10_000_000)
    router.open(DialogRequests(layer, Hops(network, network), routing=script))
    proxy.open(layer, network, network)
    return layer


async def measure(calls: int, runs: int) -> list[float]:
    """Return the CPU time of each run, in microseconds a call; before the first there is one that does not count."""
    parties = Parties()
    layer = _door(parties.take)
    figures = []
    for _ in range(runs + 1):
        began = time.process_time()
        async with asyncio.timeout(_LIMIT):
            await parties.place(calls, _AT_A_TIME, layer.receive)
        figures.append((time.process_time() - began) / calls * 1e6)
    layer.close()
    return figures[1:]


def main(
    calls: Annotated[int, typer.Option(min=1, help="Calls a run.")] = 500,
    runs: Annotated[int, typer.Option(min=1, help="Runs, of which the median and the least count.")] = 5,
) -> None:
    """Print the CPU time that a call takes in the SIP door's own parts."""
    spare_the_collector()
    figures = uvloop.run(measure(calls, runs))
    print(f"{statistics.median(figures):.0f} us a call, at least {min(figures):.0f}")


if __name__ == "__main__":
    typer.run(main)
