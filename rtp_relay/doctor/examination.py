"""The whole examination: facts are gathered, and what is found is told area by area."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

from actors.node_follower import NodeFollower
from events.journal import Journal, JournalError, JournalUnavailable
from events.redis.inspection import EXPECTED
from events.redis.refusals import is_refusal, refusal_of
from rtp_relay.assembly.journal import open_journal, url_of
from rtp_relay.assembly.nodes import configured_nodes, node_keeper
from rtp_relay.config import Config, ConfigError, load
from rtp_relay.config.journal_url import redacted
from rtp_relay.config.warnings import warnings
from rtp_relay.doctor.checks.cluster import check_cluster
from rtp_relay.doctor.checks.configuration import check_configuration
from rtp_relay.doctor.checks.doors import check_doors, is_public
from rtp_relay.doctor.checks.machine import check_clock, check_files, check_limits
from rtp_relay.doctor.checks.nodes import check_nodes
from rtp_relay.doctor.checks.redis import check_redis, unreachable
from rtp_relay.doctor.facts import NodeFacts, RedisFacts
from rtp_relay.doctor.findings import Area, Finding
from rtp_relay.doctor.gather.cluster import cluster_facts
from rtp_relay.doctor.gather.doors import door_facts
from rtp_relay.doctor.gather.machine import file_facts, machine_facts, service_process
from rtp_relay.doctor.gather.nodes import node_facts
from rtp_relay.doctor.gather.redis import redis_facts, refusal_of_any

SEE_REDIS: Final = "see redis above; if all is well there, give the user of [journal] url all rights: ~<prefix>:* +@all"


async def examine(file: Path | None, *, trial: bool) -> AsyncIterator[Finding]:
    """Look at everything that a configuration is about. trial: whether relays are asked for a session."""
    try:
        config = load(file)
    except ConfigError as error:
        for finding in check_configuration("", error.problems, ()):
            yield finding
        return
    told = str(file) if file else "no file given: the embedded default"
    for finding in check_configuration(told, (), warnings(config)):
        yield finding
    process = service_process(config.local_socket)
    for finding in _here(config, file, process):
        yield finding
    async for finding in _elsewhere(config, trial=trial, runs=process is not None):
        yield finding


def _here(config: Config, file: Path | None, process: int | None) -> Iterator[Finding]:
    """Look at this machine."""
    machine = machine_facts(process)
    yield from check_files(file_facts(config, file))
    yield from check_limits(machine)
    yield from check_clock(machine)
    yield from check_doors(door_facts(config), config, runs=process is not None)


async def _elsewhere(config: Config, *, trial: bool, runs: bool) -> AsyncIterator[Finding]:
    """Look at Redis, the relays and the other control nodes."""
    servers: Sequence[RedisFacts] = ()
    async for finding, seen in _redis(config):
        servers = seen
        yield finding
    async with AsyncExitStack() as stack:
        journal: Journal | None = None
        if any(server.journal == EXPECTED for server in servers):
            with suppress(JournalError):  # what keeps it from being used has been told
                journal = await stack.enter_async_context(open_journal(config))
        async for finding in _nodes(config, journal, stack, trial=trial, runs=runs):
            yield finding
        if journal is not None:
            try:
                for finding in check_cluster(await cluster_facts(journal), refusal_of_any(servers)):
                    yield finding
            except (JournalError, ValueError) as error:
                yield Area("cluster").wrong(f"what control nodes publish cannot be read: {error}", SEE_REDIS)


async def _nodes(
    config: Config, journal: Journal | None, stack: AsyncExitStack, *, trial: bool, runs: bool
) -> AsyncIterator[Finding]:
    """Look at the relays that are configured, and at those that were added where there is a journal."""
    keeper = await stack.enter_async_context(node_keeper())
    configured = configured_nodes(config.nodes)
    if journal is None:
        unopened = await keeper.keep(configured, {}, {})
    else:
        follower = NodeFollower(journal, keeper, configured, name=f"{config.service.name} (doctor)", now=_now)
        try:
            unopened = await follower.begin()
        except JournalError as error:
            what = f"what operators have decided about nodes cannot be read: {error}"
            yield Area("nodes").wrong(what, f"{SEE_REDIS}; those that are configured are looked at here")
            unopened = await keeper.keep(configured, {}, {})
    facts = [await node_facts(node, trial=trial) for node in keeper.table.all()]
    facts += [
        NodeFacts(name=node.spec.name, engine=node.spec.engine, url=node.spec.url, silence=node.why)
        for node in unopened
    ]
    hosts = [address.host for address in (*config.ng.listen, *config.sip.listen)]
    embedded = not config.nodes and not facts
    for finding in check_nodes(facts, public=is_public(hosts), embedded=embedded, runs=runs):
        yield finding


async def _redis(config: Config) -> AsyncIterator[tuple[Finding, Sequence[RedisFacts]]]:
    """Look at Redis; with each finding, the servers that answer."""
    url = url_of(config)
    if url is None:
        yield Area("redis").ok("the embedded one does not run: it starts with the service"), ()
        return
    try:
        servers = await redis_facts(config, url)
    except (JournalUnavailable, ValueError) as error:
        refusal = refusal_of(error.__cause__) if is_refusal(error.__cause__) else None
        yield unreachable(redacted(url).strip("'"), str(error), refusal), ()
        return
    for finding in check_redis(servers, config.journal.durability, EXPECTED):
        yield finding, servers


def _now() -> int:
    return time.time_ns() // 1_000_000
