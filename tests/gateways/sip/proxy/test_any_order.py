"""Whatever comes, and in whatever order: what a client is told, and that nothing is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from sipmessage import Response
from structlog.testing import capture_logs

from events.names import Tag
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.proxy.hooks import ProxyBranch, RefusalError
from gateways.sip.transactions.users import TransactionFailure
from tests.gateways.sip.proxy.world import Client, Server, World, request, settle, target

HOPS = [Hop(SipTransport.UDP, f"203.0.113.{last}", 5060) for last in (51, 52)]
URIS = ["sip:a@203.0.113.1", "sip:b@203.0.113.2", "sip:c@example.net"]

Step = tuple[str, int]

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["100", "180", "200", "302", "401", "486", "487", "503", "603"]), st.integers(0, 5)),
        st.tuples(st.sampled_from(["timeout", "unreachable"]), st.integers(0, 5)),
        st.just(("cancel", 0)),
        st.just(("timer c", 0)),
        st.just(("wait", 0)),
    ),
    max_size=20,
)
shapes = st.lists(st.tuples(st.sampled_from(URIS), st.sampled_from([1.0, 0.5])), min_size=1, max_size=4)
moods = st.lists(st.sampled_from(["", "", "", "slow", "refuse", "break"]), min_size=12, max_size=12)


@dataclass
class Play:
    """A request with its next hops, played by the steps of an example. `moods` are those of the hooks, in turn."""

    method: str
    moods: list[str]
    ended: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.world = World(names={"example.net": HOPS})
        self.world.passing.leaving = self._leaving
        self.world.passing.coming = self._coming
        self.world.passing.further = [[target(URIS[0])]]

    async def _leaving(self, _: ProxyBranch) -> None:
        await self._mood()

    async def _coming(self, _: ProxyBranch, response: Response) -> Response:
        await self._mood()
        return response

    async def _mood(self) -> None:
        mood = self.moods.pop() if self.moods else ""
        if mood == "slow":
            await asyncio.sleep(0)
        elif mood == "refuse":
            raise RefusalError(488, "No")
        elif mood == "break":
            raise RuntimeError("a bug")

    async def step(self, what: str, which: int, server: Server) -> None:
        if what == "wait":
            await settle()
        elif what == "cancel":
            if self.method == "INVITE" and not server.answered:
                self.world.cancel(server)
        elif what == "timer c":
            self.world.clock.advance(200)
        elif which < len(self.world.clients):
            self._answer(self.world.clients[which], which, what)

    def _answer(self, client: Client, which: int, what: str) -> None:
        """Have a transaction tell something, if it can at this point."""
        repeated = what == "200" and self.method == "INVITE"
        if which in self.ended and not repeated:
            return
        if what in ("timeout", "unreachable"):
            self.ended.add(which)
            client.fail(TransactionFailure.TIMEOUT if what == "timeout" else TransactionFailure.TRANSPORT)
        else:
            if int(what) >= 200:
                self.ended.add(which)
            client.answer(int(what), Tag(f"t{which}"))

    async def end(self) -> None:
        """Have every transaction end that is still going on: those that were cancelled, and those that were not."""
        await settle()
        while len(self.ended) < len(self.world.clients):
            for which, client in enumerate(self.world.clients):
                self._answer(client, which, "487" if client.cancels else "480")
            await settle()


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["INVITE", "MESSAGE"]), shapes, steps, moods)
def test_any_order(method: str, shape: list[tuple[str, float]], steps: list[Step], moods: list[str]) -> None:
    asyncio.run(play(method, shape, steps, moods))


async def play(method: str, shape: list[tuple[str, float]], steps: list[Step], moods: list[str]) -> None:
    scene = Play(method, list(moods))
    world = scene.world
    world.forward(*(target(uri, q=q) for uri, q in shape))
    with capture_logs():
        server = await world.take(request(method))
        for what, which in steps:
            await scene.step(what, which, server)
        await scene.end()
    check_what_the_client_was_told(scene, server)
    check_what_the_hooks_saw(scene)
    assert world.nothing_is_left()


def check_what_the_client_was_told(scene: Play, server: Server) -> None:
    finals = [code for code in server.codes if code >= 200]
    if scene.method == "INVITE":
        assert finals
        assert len(finals) == 1 or set(finals) == {200}
    else:
        assert len(finals) <= 1
    assert 100 not in server.codes
    assert all(code >= 200 for code in server.codes[len(server.codes) - len(finals) :])


def check_what_the_hooks_saw(scene: Play) -> None:
    """Each branch: it leaves, provisional responses, one final one at most other than 2xx; and it hears how it ends."""
    refused = {entry[1] for entry in scene.world.passing.log if entry[0] == "refused"}
    log = [entry for entry in scene.world.passing.log if entry[0] in ("leaves", "came")]
    for index in {entry[1] for entry in log}:
        mine = [entry for entry in log if entry[1] == index]
        assert mine[0] == ("leaves", index)
        codes = [entry[2] for entry in mine[1:]]
        finals = [code for code in codes if isinstance(code, int) and code >= 200]
        assert len([code for code in finals if code >= 300]) <= 1
        assert codes[len(codes) - len(finals) :] == finals
        assert finals or index in refused
