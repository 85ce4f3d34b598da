"""The Redis and the relays that the service runs itself where none are configured.

They outlive a service that was killed or has failed, and the next start finds them. An orderly stop ends them; a start
that fails ends those that it began.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from events.names import NodeName
from rtp_relay.assembly.errors import StartError
from rtp_relay.assembly.state_dir import locked
from rtp_relay.config import Config, EngineName, NodeConfig, PortRange, SocketAddress
from rtp_relay.embedded.redis_server import EmbeddedRedis, EmbeddedRedisError
from rtp_relay.embedded.relays import EmbeddedRelay, EmbeddedRelayError

T = TypeVar("T")

LEAST_PORTS = 4
"""Media ports that a relay needs at least: RTP and RTCP of both parties of one stream."""


@dataclass(slots=True)
class Infrastructure:
    """What a control node stands on, as configured or embedded.

    journal_url: where Redis is. nodes: the relay nodes. ends: how to end each embedded process. begun: those of them
    that this start has begun; cleared once the service is ready, so that its failure leaves everything running.
    """

    journal_url: str = field(repr=False)
    nodes: tuple[NodeConfig, ...]
    ends: list[Callable[[], None]] = field(default_factory=list)
    begun: list[Callable[[], None]] = field(default_factory=list)

    def note(self, end: Callable[[], None], *, found: bool) -> None:
        """Record an embedded process that runs or is about to."""
        self.ends.append(end)
        if not found:
            self.begun.append(end)


@asynccontextmanager
async def grounds(config: Config) -> AsyncIterator[Infrastructure]:
    """Return Redis and relays as configured, and run those that are not. Raises StartError."""
    made = Infrastructure(config.journal.url or "", config.nodes)
    if config.journal.url and config.nodes:
        yield made
        return
    with locked(config.service.state_dir):
        try:
            await _begin(made, config)
            yield made
        except BaseException:
            await _in_thread(partial(_end, made.begun))
            raise
        await _in_thread(partial(_end, [partial(end_all, config.service.state_dir), *made.ends]))


def _end(ends: Sequence[Callable[[], None]]) -> None:
    for end in reversed(ends):
        end()


async def _begin(made: Infrastructure, config: Config) -> None:
    try:
        if not config.journal.url:
            await _in_thread(partial(_begin_redis, made, config))
        if not config.nodes:
            await _in_thread(partial(_begin_relays, made, config))
    except (EmbeddedRedisError, EmbeddedRelayError) as error:
        raise StartError(str(error)) from error


def _begin_redis(made: Infrastructure, config: Config) -> None:
    redis = EmbeddedRedis(config.service.state_dir)
    made.note(redis.stop, found=redis.runs())
    made.journal_url = redis.ensure()


def _begin_relays(made: Infrastructure, config: Config) -> None:
    state_dir = config.service.state_dir
    for number, ports in enumerate(shares(config.embedded.media_ports, config.embedded.relays), 1):
        name = f"relay-{number}"
        relay = EmbeddedRelay(state_dir, name, ports=(ports.first, ports.last), recordings=config.embedded.recordings)
        made.note(relay.stop, found=_state_file(state_dir, name).exists())
        made.nodes += (_node(name, relay.ensure(), config),)


def _node(name: str, url: str, config: Config) -> NodeConfig:
    host, _, port = url.removeprefix("udp:").rpartition(":")
    return NodeConfig(
        name=NodeName(name),
        engine=EngineName.RTPPROXY,
        url=SocketAddress("udp", host, int(port)),
        set=config.ng.set,
        tcp_streams=config.embedded.tcp_streams,
    )


def shares(ports: PortRange, count: int) -> list[PortRange]:
    """Share out a range of ports; each share begins with an even port, as RTP's do. Raises StartError."""
    first = ports.first + ports.first % 2
    size = (ports.last + 1 - first) // count // 2 * 2
    if size < LEAST_PORTS:
        raise StartError(f"embedded.media_ports: {ports} has too few ports for {count} relays")
    return [PortRange(start, start + size - 1) for start in range(first, first + count * size, size)]


def end_all(state_dir: Path) -> None:
    """End whatever runs in the state directory, relays of earlier configurations too."""
    for file in state_dir.glob(_state_file(Path(), "relay-*").name):
        EmbeddedRelay(state_dir, file.stem).stop()
    EmbeddedRedis(state_dir).stop()


def _state_file(state_dir: Path, name: str) -> Path:
    return state_dir / f"{name}.json"


async def _in_thread(work: Callable[[], T]) -> T:
    """Do blocking work on another thread. It is not left half done: a cancellation waits for its end."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
