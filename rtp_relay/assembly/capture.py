"""Capturing as configured: taps at the doors and on the ways to relays, and an observer of the journal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from actors.node_keeper import NodeKeeper
from actors.observers import Observers
from engines.registry import EngineName
from gateways.hep.capture import Capture
from gateways.hep.collectors import collector_at
from gateways.hep.packet import Agent
from gateways.hep.taps import NgTap, RelayTap, SipTap
from replay.privacy.numbers import ALL_SHOWN, Numbers
from rtp_relay.assembly.captured_events import JournalTap
from rtp_relay.config.hep import CapturedKind, HepConfig


@dataclass(frozen=True, slots=True)
class Taps:
    """What captures at the doors; None where nothing is captured. capture: where it all goes."""

    capture: Capture | None = None
    sip: SipTap | None = None
    ng: NgTap | None = None


@asynccontextmanager
async def capturing(
    config: HepConfig, name: str, keeper: NodeKeeper, observers: Observers, numbers: Numbers = ALL_SHOWN
) -> AsyncIterator[Taps]:
    """Capture what is wished while the block runs; enter it before the nodes are opened.

    numbers: how those of parties are shown in events.
    """
    if not config.collectors or not config.capture:
        yield Taps()
        return
    agent = Agent(config.capture_id, name.encode(), config.key)
    collectors = [collector_at(address) for address in config.collectors]
    capture = Capture(agent, collectors, max_waiting=config.max_waiting, masks=config.mask_keys)
    kinds = frozenset(config.capture)
    if CapturedKind.NG in kinds:
        _listen_on_the_ways(keeper, RelayTap(capture))
    journal = JournalTap(
        capture, keeper.table, numbers, events=CapturedKind.EVENTS in kinds, quality=CapturedKind.QUALITY in kinds
    )
    if journal.wants:
        observers.add(journal.observe)
    try:
        yield Taps(
            capture,
            SipTap(capture) if CapturedKind.SIP in kinds else None,
            NgTap(capture) if CapturedKind.NG in kinds else None,
        )
    finally:
        if journal.wants:
            observers.remove(journal.observe)
        capture.close()


def _listen_on_the_ways(keeper: NodeKeeper, tap: RelayTap) -> None:
    """Capture what is said to relays that speak ng."""
    speaks_ng = EngineName.RTPENGINE
    keeper.way_to = lambda node: tap.through(node.open_way) if node.spec.engine == speaks_ng else node.open_way
