"""What a call's actor has around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.adoption import Adoption
from actors.call_counters import CallCounters
from actors.node_table import NodeTable
from actors.observers import Observers
from actors.runtime.ref import LoopRef
from actors.sip_requests import SipOutlet
from events.journal import CorruptEntry, Journal
from events.names import CallId
from replay.projection import Deadlines


@dataclass(slots=True, kw_only=True)
class CallContext:
    """The journal, the nodes, the clock, and the ways back to the directory.

    name: the control node's. now: gives the time, ms since the epoch. locate: finds where another call is and tells
    the asking actor by a CallLocated with the token. forget: the call leaves memory. failed: the call's actor failed on
    a bug. corrupt: the call's stream cannot be read. set_aside: the call is quarantined, and why. observers: are told
    of each event. sip_outlet: where SIP requests of ours leave. adoption: who is asked for a call that the journal does
    not know; None where nobody is. counters: of what happens to the calls.
    """

    name: str
    journal: Journal
    nodes: NodeTable
    deadlines: Deadlines
    now: Callable[[], int]
    locate: Callable[[CallId, LoopRef[Any], Any], None]
    forget: Callable[[CallId], None]
    failed: Callable[[CallId, str], None]
    corrupt: Callable[[CorruptEntry], None]
    set_aside: Callable[[CallId, str], None]
    observers: Observers
    sip_outlet: SipOutlet
    adoption: Adoption | None = None
    counters: CallCounters = field(default_factory=CallCounters)
