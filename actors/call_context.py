"""What a call's actor has around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pykka import ActorRef

from actors.node_table import NodeTable
from actors.sip_requests import SipSender
from events.journal import CorruptEntry, Journal, Recorded
from replay.projection import Deadlines

Observer: TypeAlias = Callable[[str, Recorded], None]
"""Takes a call-id and an event of it that stands in the journal now. It must not raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The journal, the nodes, the clock, and the ways back to the directory.

    name: the control node's. now: gives the time, ms since the epoch. locate: finds where another call is and tells
    the asking actor by a Located with the token. forget: the call leaves memory. failed: the call's actor failed on a
    bug. corrupt: the call's stream cannot be read. observers: are told of each event. signaller: gives what sends SIP
    requests from here, None while nothing does.
    """

    name: str
    journal: Journal
    nodes: NodeTable
    deadlines: Deadlines
    now: Callable[[], int]
    locate: Callable[[str, ActorRef[Any], Any], None]
    forget: Callable[[str], None]
    failed: Callable[[str, str], None]
    corrupt: Callable[[CorruptEntry], None]
    observers: list[Observer]
    sip_sender: Callable[[], SipSender | None] = lambda: None
