"""`rtp_relay_list`: the relay sessions that parties talk through, in the shape that OpenSIPS gives them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence

from actors.control.control import Control
from engines.set_names import SetNames
from engines.sets import NodeSpec
from events.journal import CorruptEntry
from events.names import NO_NODE, BranchId, Leg, NodeName, Tag
from events.reading import PAUSE
from events.records import CallFilter, LiveCall
from events.values import value
from gateways.mi.jsonrpc import Json
from gateways.mi.methods import Caller, Method, Methods
from gateways.mi.names import ENGINE, NODE, SET, engine_named, node_named, set_named
from gateways.mi.parameters import Arguments
from replay.relay_settings import CALLEE, CALLER, RelaySettings
from replay.state import CallState, Session

LIVE = "live"
"""The status of calls that have not ended."""

AT_ONCE = 4
"""So many calls are read at the same time: the loop has turns for others after some of them."""

_LEG_NAMES = {"flags": "flags", "peer": "peer", "ip": "IP", "type": "type", "iface": "interface", "delete": "delete"}
_CONTEXT_NAMES = {"callid": "callid", "from_tag": "from-tag", "to_tag": "to-tag", "flags": "flags", "delete": "delete"}


FILTERS = ((), (ENGINE,), (ENGINE, SET), (ENGINE, NODE), (ENGINE, SET, NODE))


@value(kw_only=True)
class SessionFilter:
    """Which sessions are wanted: those that have all that is given here; "" leaves it open."""

    engine: str = ""
    set: str = ""
    node: NodeName = NO_NODE

    def of(self, state: CallState) -> Iterator[Session]:
        """Return the sessions of a call that its parties talk through and that are wanted, newest first.

        One that is only about to be moved to is none of them yet.
        """
        for session in reversed(state.usable_sessions()):
            if session.agreement and not state.is_aside(session) and self._takes(session):
                yield session

    def _takes(self, session: Session) -> bool:
        asked = ((self.engine, session.engine), (self.set, session.set), (self.node, session.node))
        return all(wanted in ("", has) for wanted, has in asked)


class SessionMethods:
    """`rtp_relay:list`."""

    def __init__(self, control: Control, sets: SetNames) -> None:
        self._control, self._sets = control, sets

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        methods.add(
            Method("rtp_relay:list", "Lists the relay sessions that parties talk through.", self._list, FILTERS),
        )

    async def _list(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        specs = {spec.name: spec for spec in self._control.specs()}
        return self._rows(self._wanted(given, specs), specs)

    async def _rows(self, wanted: SessionFilter, specs: Mapping[NodeName, NodeSpec]) -> AsyncGenerator[Json, None]:
        """Return the sessions that are wanted, as they are found: of many calls, a few are in memory at a time."""
        async for states in self._established(CallFilter(node=wanted.node, status=LIVE)):
            for state in states:
                for session in wanted.of(state):
                    spec = specs.get(session.node)
                    yield _row(state, session, spec.url if spec else session.node, self._sets)

    def _wanted(self, given: Arguments, specs: Mapping[NodeName, NodeSpec]) -> SessionFilter:
        return SessionFilter(
            engine=engine_named(given["engine"]) if "engine" in given else "",
            set=set_named(given["set"], self._sets) if "set" in given else "",
            node=node_named(given["node"], specs) if "node" in given else NO_NODE,
        )

    async def _established(self, wanted: CallFilter) -> AsyncIterator[Sequence[CallState]]:
        """Return the calls that are wanted, some at a time."""
        batch: list[LiveCall] = []
        async for call in self._control.calls(wanted):
            batch.append(call)
            if len(batch) == AT_ONCE:
                yield await self._read(batch)
                batch.clear()
                await asyncio.sleep(PAUSE)
        if batch:
            yield await self._read(batch)

    async def _read(self, calls: Sequence[LiveCall]) -> Sequence[CallState]:
        """Read calls; those that cannot be read are left out, as `rtp-relay verify` is there to tell of them."""
        read = await asyncio.gather(*(self._control.call(call.call_id) for call in calls), return_exceptions=True)
        states = []
        for each in read:
            if isinstance(each, BaseException) and not isinstance(each, CorruptEntry):
                raise each
            if isinstance(each, CallState):
                states.append(each)
        return states


def _row(state: CallState, session: Session, url: str, sets: SetNames) -> Json:
    caller, callee = _tags(state, session)
    relay = state.relay or RelaySettings()
    branch = relay.tags.get(Tag(callee), session.branch)
    row: dict[str, Json] = {
        "callid": state.call_id,
        "caller": _leg(relay, CALLER, caller, branch),
        "callee": _leg(relay, CALLEE, callee, branch),
        "relay": session.engine,
        "node": url,
        "set": sets.number(session.set),
    }
    if own := relay.engaged_as(BranchId(branch)):
        row["branch"] = own
    context = {name: relay.context[key] for key, name in _CONTEXT_NAMES.items() if relay.context.get(key)}
    return row | ({"ctx": context} if context else {})


def _tags(state: CallState, session: Session) -> tuple[str, str]:
    """Return the caller's and the callee's tag."""
    agreed = session.agreement
    tags = (agreed.from_tag, agreed.to_tag) if agreed else (session.from_tag, session.to_tag)
    caller = state.sip_dialogs.callers_tag if state.sip_dialogs else session.from_tag
    return (tags[1], tags[0]) if tags[1] == caller else tags


def _leg(relay: RelaySettings, leg: str, tag: str, branch: str) -> Json:
    settings = relay.in_force(Leg(leg), BranchId(branch))
    row = {"tag": tag} | {name: settings[key] for key, name in _LEG_NAMES.items() if settings.get(key)}
    body = relay.body(Leg(leg), BranchId(branch))
    return row | ({"body": body.decode("utf-8", "backslashreplace")} if body else {})
