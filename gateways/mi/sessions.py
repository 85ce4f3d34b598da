"""`rtp_relay_list`: the relay sessions of established calls, in the shape that OpenSIPS gives them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from actors.control.control import Control
from engines.registry import KINDS
from engines.sets import NodeSpec
from events.journal import CallFilter, CorruptEntry, LiveCall
from events.names import NO_NODE, BranchId, Leg, NodeName, Tag
from gateways.mi.jsonrpc import Json, MiError
from gateways.mi.methods import Caller, Method, Methods
from gateways.mi.parameters import Arguments, Parameter
from gateways.mi.sets import set_name, set_number
from replay.relay_settings import ALL_BRANCHES, CALLEE, CALLER, RelaySettings
from replay.state import CallState, Session

LIVE = "live"
"""The status of calls that have not ended."""

AT_ONCE = 64
"""So many calls are read at the same time."""

_LEG_NAMES = {"flags": "flags", "peer": "peer", "ip": "IP", "type": "type", "iface": "interface", "delete": "delete"}
_CONTEXT_NAMES = {"callid": "callid", "from_tag": "from-tag", "to_tag": "to-tag", "flags": "flags", "delete": "delete"}


def is_url(value: Json) -> bool:
    """Return whether a value is a node's url, and not a set."""
    return isinstance(value, str) and ":" in value


def is_set(value: Json) -> bool:
    """Return whether a value is a set's number or name."""
    return not is_url(value)


ENGINE = Parameter("engine")
SET = Parameter("set", looks_right=is_set)
NODE = Parameter("node", looks_right=is_url)

FILTERS = ((), (ENGINE,), (ENGINE, SET), (ENGINE, NODE), (ENGINE, SET, NODE))


class SessionMethods:
    """`rtp_relay:list`."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def add_to(self, methods: Methods) -> None:
        """Add the methods."""
        methods.add(
            Method("rtp_relay:list", "Lists the relay sessions of established calls.", self._list, FILTERS),
        )

    async def _list(self, given: Arguments, caller: Caller) -> Json:  # noqa: ARG002
        specs = {spec.name: spec for spec in self._control.specs()}
        found: list[Json] = []
        async for states in self._established(self._wanted(given, specs)):
            found += [row for state in states for row in session_rows(state, specs, given)]
        return found

    def _wanted(self, given: Arguments, specs: Mapping[NodeName, NodeSpec]) -> CallFilter:
        engine = given.get("engine")
        if engine is not None and engine not in KINDS:
            raise MiError(404, "unknown RTP  Relay engine", f"{engine!r}; known ones: {', '.join(KINDS)}")
        group = given.get("set")
        return CallFilter(
            node=node_named(given["node"], specs) if "node" in given else NO_NODE,
            set="" if group is None else set_name(group),
            status=LIVE,
        )

    async def _established(self, wanted: CallFilter) -> AsyncIterator[Sequence[CallState]]:
        """Return the calls that are wanted, some at a time."""
        batch: list[LiveCall] = []
        async for call in self._control.calls(wanted):
            batch.append(call)
            if len(batch) == AT_ONCE:
                yield await self._read(batch)
                batch.clear()
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


def node_named(given: str, specs: Mapping[NodeName, NodeSpec]) -> NodeName:
    """Return the name of the node with this url or name. Raises MiError if there is none."""
    found = next((spec.name for spec in specs.values() if given in (spec.url, spec.name)), None)
    if found is None:
        raise MiError(
            404, "unknown RTP Relay node", f"{given!r}; known ones: {', '.join(s.url for s in specs.values())}"
        )
    return found


def session_rows(state: CallState, specs: Mapping[NodeName, NodeSpec], given: Arguments) -> list[Json]:
    """Return the sessions of a call that its parties talk through, newest first, of the engine and node given."""
    engine, node = given.get("engine"), given.get("node")
    rows = []
    for session in reversed(list(state.usable_sessions())):
        spec = specs.get(session.node)
        url = spec.url if spec else session.node
        if session.agreement and engine in (None, session.engine) and node in (None, url, session.node):
            rows.append(_row(state, session, url))
    return rows


def _row(state: CallState, session: Session, url: str) -> Json:
    caller, callee = _tags(state, session)
    relay = state.relay or RelaySettings()
    branch = relay.tags.get(Tag(callee), session.branch)
    row: dict[str, Json] = {
        "callid": state.call_id,
        "caller": _leg(relay, CALLER, caller, branch),
        "callee": _leg(relay, CALLEE, callee, branch),
        "relay": session.engine,
        "node": url,
        "set": set_number(session.set),
    }
    if branch and ALL_BRANCHES not in relay.engagements:
        row["branch"] = branch
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
