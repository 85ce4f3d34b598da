"""The calls whose steps are counted, each kind through a control node of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.guard.count import Counts, Story, count_garbage, count_memory, count_steps
from bench.guard.expected import expecting
from bench.guard.failing_calls import FAILED_IN_SIP, REFUSED_BY_NG, SCRIPT, FailingNgCaller, FailingSipCaller
from bench.guard.ng_calls import NgCaller
from bench.guard.place import control_node
from bench.guard.sip_calls import Party, SipCaller
from bench.guard.tally import Tally
from rtp_relay.service import Service

WARM_UP = 10
_FORK = """\
from rtp_relay.routing import Request, on_request

@on_request
def route(request: Request) -> None:
    if request.method == "INVITE" and not request.has_totag:
        request.rtp_relay_engage("rtpengine")
        for target in {targets}:
            request.append_branch(target)
    request.relay()
"""


async def count_all() -> Counts:
    """Count everything there is a limit for; it takes some twenty seconds."""
    counts: dict[str, dict[str, float]] = {}
    for count in (ng_steps, ng_memory, ng_failing, sip_steps, sip_memory, sip_failing, fork_steps):
        made = await count()
        for part, numbers in made.items():
            counts.setdefault(part, {}).update(numbers)
    return counts


async def ng_steps() -> Counts:
    """Count the steps of offer, answer and delete, as Kamailio's module `rtpengine` asks for them."""
    async with _ng(functions=True) as (caller, tally):
        return await count_steps(Story("ng", caller, WARM_UP, calls=25), tally)


async def ng_memory() -> Counts:
    """Count what such a call leaves in memory."""
    async with _ng(functions=False) as (caller, tally):
        return await count_memory(Story("ng", caller, WARM_UP, calls=100), tally)


async def ng_failing() -> Counts:
    """Count what requests that are refused leave to the garbage collector."""
    async with _ng(functions=False, place=FailingNgCaller) as (caller, tally):
        with expecting(REFUSED_BY_NG):
            return await count_garbage(Story("ng-failing", caller, WARM_UP, calls=60), tally)


async def sip_steps() -> Counts:
    """Count the steps of a call that goes through the SIP door without a script."""
    async with _sip(1, _no_script, functions=True) as (caller, tally):
        return await count_steps(Story("sip", caller, WARM_UP, calls=25), tally)


async def sip_memory() -> Counts:
    """Count what such a call leaves in memory."""
    async with _sip(1, _no_script, functions=False) as (caller, tally):
        return await count_memory(Story("sip", caller, WARM_UP, calls=100), tally)


async def sip_failing() -> Counts:
    """Count what calls that come to nothing leave to the garbage collector."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "failing.py"
        door = _sip(1, lambda callees: _scripted(script, _failing(callees)), functions=False, place=FailingSipCaller)
        async with door as (caller, tally):
            with expecting(FAILED_IN_SIP):
                return await count_garbage(Story("sip-failing", caller, WARM_UP, calls=60), tally)


async def fork_steps() -> Counts:
    """Count the steps of a call that a script forks to two callees, one of whom answers."""
    with TemporaryDirectory() as folder:
        script = Path(folder) / "fork.py"
        async with _sip(2, lambda callees: _scripted(script, _forking(callees)), functions=True) as (caller, tally):
            return await count_steps(Story("fork", caller, warm_up=2, calls=7), tally)


@asynccontextmanager
async def _ng(*, functions: bool, place: type[NgCaller] = NgCaller) -> AsyncIterator[tuple[NgCaller, Tally]]:
    tally = Tally()
    with tally.counting(functions=functions):
        async with control_node() as node:
            _, host, port = node.ng_addresses[0]
            with closing(place((host, port), "guard")) as caller:
                yield caller, tally


@asynccontextmanager
async def _sip(
    number: int,
    section: Callable[[Sequence[Party]], str],
    *,
    functions: bool,
    place: type[SipCaller] = SipCaller,
) -> AsyncIterator[tuple[SipCaller, Tally]]:
    """Open a SIP door with the section `[sip]` that is made for so many callees."""
    tally = Tally()
    names = ("caller", *(f"callee{index}" for index in range(number)))
    with _parties(*names) as (user, *callees), tally.counting(functions=functions):
        async with control_node(section(callees)) as node:
            yield place(_sip_address(node), user, callees, "guard"), tally


@contextmanager
def _parties(*names: str) -> Iterator[list[Party]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(Party(name))) for name in names]


def _no_script(callees: Sequence[Party]) -> str:
    return f'engine = "rtpengine"\nnext_hop = "{callees[0].uri}"\n'


def _scripted(script: Path, text: str) -> str:
    script.write_text(text)
    return f'script = "{script}"\n'


def _forking(callees: Sequence[Party]) -> str:
    return _FORK.format(targets=[callee.uri for callee in callees])


def _failing(callees: Sequence[Party]) -> str:
    return SCRIPT.format(target=callees[0].uri)


def _sip_address(node: Service) -> tuple[str, int]:
    address = node.sip_addresses[0]
    return address.host, address.port
